// One of every Winsock call that reaches a provider, each in the ways programs use it: blocking, non-blocking,
// overlapped by event, completion port and completion routine, select, WSAPoll, event and window notification, the
// extension functions, addresses, errors.
//   calls [tcp|udp|all]
// Prints how often it called each function, by the provider's name for it ("counts"), the errors of those that may fail
// ("errors"), and the bytes it was told.
#include "calls.hpp"

int main(int argc, char** argv) {
    return program::run("calls", [&](program::Json& summary) {
        const std::string part = argc > 1 ? argv[1] : "all";
        program::require(part == "tcp" || part == "udp" || part == "all", "usage: calls [tcp|udp|all]");
        calls::Tally tally;
        const program::Winsock winsock;
        if (part != "udp") {
            calls::blocking(tally);
            calls::non_blocking(tally);
            calls::overlapped(tally);
            calls::notification(tally);
            calls::extensions(tally);
            calls::rare(tally);
        }
        if (part != "tcp") {
            calls::datagrams(tally);
        }
        summary.counts("counts", tally.counts).counts("errors", tally.errors);
        summary.number("bytesSent", tally.bytes_sent).number("bytesReceived", tally.bytes_received);
    });
}
