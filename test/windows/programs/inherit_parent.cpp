// Starts a child that inherits one end of a TCP connection, and talks to it over the other end.
//   inherit_parent handle PROGRAM ARGS...     "{socket}" in ARGS becomes the handle's value
//   inherit_parent stdio PROGRAM ARGS...      the socket is the child's standard input and output, as inetd does it
// The child must answer what it reads in upper case, to the end.
#include "common.hpp"

#include <cctype>

namespace {

program::Pair pair_for_child(bool stdio) {
    // Programs read their standard input with plain ReadFile: that wants a socket that is not overlapped.
    program::Socket listener(WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, nullptr, 0, stdio ? 0 : WSA_FLAG_OVERLAPPED),
                             "WSASocketW");
    program::Address address = program::loopback(AF_INET);
    program::check(bind(listener.get(), address.get(), address.length), "bind");
    program::check(listen(listener.get(), 1), "listen");
    address = program::local_address(listener.get());
    program::Socket near_end(
        WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, nullptr, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT),
        "WSASocketW");
    program::check(connect(near_end.get(), address.get(), address.length), "connect");
    program::Socket far_end(accept(listener.get(), nullptr, nullptr), "accept");
    const HANDLE handle = reinterpret_cast<HANDLE>(far_end.get());
    program::require(SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT), "SetHandleInformation");
    SetHandleInformation(reinterpret_cast<HANDLE>(listener.get()), HANDLE_FLAG_INHERIT, 0);
    return {std::move(near_end), std::move(far_end)};
}

} // namespace

int wmain(int argc, wchar_t** argv) {
    return program::run("inherit_parent", [&](program::Json& summary) {
        program::require(argc > 2, "usage: inherit_parent handle|stdio PROGRAM ARGS...");
        const bool stdio = std::wstring(argv[1]) == L"stdio";
        const program::Winsock winsock;
        program::Pair pair = pair_for_child(stdio);
        const HANDLE inherited = reinterpret_cast<HANDLE>(pair.far_end.get());
        const program::Child child = program::start(program::command_line(argc, argv, 2, pair.far_end.get()), true, 0,
                                                    stdio ? inherited : nullptr, stdio ? inherited : nullptr);
        pair.far_end.close(); // the child's copy lives on

        const std::string text = "what a parent says to a child that inherited the socket";
        program::send_all(pair.near_end.get(), text);
        program::check(shutdown(pair.near_end.get(), SD_SEND), "shutdown");
        const std::string answer = program::receive_to_end(pair.near_end.get());
        std::string expected = text;
        for (char& c : expected) {
            c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        }
        const DWORD code = program::wait_for_exit(child);
        summary.number("child", child.pid).number("childExitCode", code);
        summary.number("sent", static_cast<std::int64_t>(text.size()));
        summary.number("received", static_cast<std::int64_t>(answer.size()));
        program::require(answer == expected, "the child answered \"" + answer + "\"");
        program::require(code == 0, "the child is content");
    });
}
