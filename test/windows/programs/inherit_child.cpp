// The child of inherit_parent: takes over a socket by its bare handle value, which Winsock has never seen in this
// process, and answers in upper case.
//   inherit_child HANDLE [recv|getsockname|select|overlapped]      which call meets the unknown handle first
#include "common.hpp"

#include <cctype>
#include <cstdlib>

int main(int argc, char** argv) {
    return program::run("inherit_child", [&](program::Json& summary) {
        program::require(argc > 1, "usage: inherit_child HANDLE [recv|getsockname|select|overlapped]");
        const std::string first = argc > 2 ? argv[2] : "recv";
        const program::Winsock winsock;
        program::Socket socket(static_cast<SOCKET>(std::strtoull(argv[1], nullptr, 10)), "inherited handle");
        std::string text;
        if (first == "getsockname") {
            program::require(program::local_address(socket.get()).port() != 0, "the inherited socket has an address");
        } else if (first == "select") {
            fd_set readable;
            readable.fd_count = 1;
            readable.fd_array[0] = socket.get();
            const int ready = select(0, &readable, nullptr, nullptr, nullptr);
            program::require(ready == 1, "the inherited socket becomes readable");
        } else if (first == "overlapped") {
            const program::Handle event(CreateEventW(nullptr, TRUE, FALSE, nullptr), "CreateEventW");
            WSAOVERLAPPED overlapped{};
            overlapped.hEvent = event.get();
            char buffer[16];
            WSABUF window{sizeof buffer, buffer};
            DWORD flags = 0;
            DWORD bytes = 0;
            if (WSARecv(socket.get(), &window, 1, nullptr, &flags, &overlapped, nullptr) == SOCKET_ERROR &&
                WSAGetLastError() != WSA_IO_PENDING) {
                program::fail("WSARecv", WSAGetLastError());
            }
            program::require(WSAGetOverlappedResult(socket.get(), &overlapped, &bytes, TRUE, &flags), "it completes");
            text.assign(buffer, bytes);
        }
        text += program::receive_to_end(socket.get());
        for (char& c : text) {
            c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        }
        program::send_all(socket.get(), text);
        program::check(shutdown(socket.get(), SD_SEND), "shutdown");
        summary.number("bytes", static_cast<std::int64_t>(text.size()));
        summary.number("socket", static_cast<std::int64_t>(socket.get()));
        socket.close();
    });
}
