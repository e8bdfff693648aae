// A program that shares sockets by Winsock's own functions alone and knows nothing of Node: raw WSAPROTOCOL_INFOWs of
// 628 bytes over its standard handles, everything else as text on the command line.
//   share_peer take                     reads 628 bytes from stdin, opens the socket, echoes what it receives in
//   capitals
//                                       until the end, then sends "bye" and closes
//   share_peer give PID tcp4|tcp6 PORT  connects to PORT on loopback, receives 5 bytes, duplicates the socket for PID
//   and
//                                       writes the 628 bytes to stdout; when stdin ends it sends "more", and closes
//   share_peer give PID udp4 PORT       binds a UDP socket, connects it to PORT, and gives it in the same way
//   share_peer inherit VALUE            exits with 0 if VALUE is a socket in this process too (it was inherited), else
//   3
#include "common.hpp"

#include <cctype>
#include <cstdlib>

namespace {

void read_all(void* data, std::size_t size) {
    auto* bytes = static_cast<char*>(data);
    for (std::size_t done = 0; done < size;) {
        DWORD read = 0;
        program::require(
            ReadFile(GetStdHandle(STD_INPUT_HANDLE), bytes + done, static_cast<DWORD>(size - done), &read, nullptr) &&
                read > 0,
            "628 bytes come on stdin");
        done += read;
    }
}

void wait_for_end_of_input() {
    char byte = 0;
    DWORD read = 0;
    while (ReadFile(GetStdHandle(STD_INPUT_HANDLE), &byte, 1, &read, nullptr) && read == 1) {
    }
}

void take() {
    WSAPROTOCOL_INFOW info{};
    static_assert(sizeof info == 628);
    read_all(&info, sizeof info);
    program::Socket socket(
        WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, WSA_FLAG_OVERLAPPED),
        "WSASocketW");
    u_long blocking = 0; // Node left it non-blocking, and that belongs to the socket
    program::check(ioctlsocket(socket.get(), static_cast<long>(FIONBIO), &blocking), "ioctlsocket");
    char buffer[4096];
    for (;;) {
        const int received = recv(socket.get(), buffer, sizeof buffer, 0);
        program::check(received, "recv");
        if (received == 0) {
            break;
        }
        std::string text(buffer, static_cast<std::size_t>(received));
        for (char& c : text) {
            c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        }
        program::send_all(socket.get(), text);
    }
    program::send_all(socket.get(), "bye");
    program::check(shutdown(socket.get(), SD_SEND), "shutdown");
}

void give(DWORD pid, const std::wstring& kind, std::uint16_t port) {
    const int family = kind == L"tcp6" ? AF_INET6 : AF_INET;
    const bool datagram = kind == L"udp4";
    program::Socket socket(WSASocketW(family, datagram ? SOCK_DGRAM : SOCK_STREAM, 0, nullptr, 0, WSA_FLAG_OVERLAPPED),
                           "WSASocketW");
    const program::Address address = program::loopback(family, port);
    program::check(connect(socket.get(), address.get(), address.length), "connect");
    if (!datagram) {
        program::require(program::receive_exactly(socket.get(), 5) == "first", "the first bytes are for this process");
    }
    WSAPROTOCOL_INFOW info{};
    program::check(WSADuplicateSocketW(socket.get(), pid, &info), "WSADuplicateSocketW");
    DWORD written = 0;
    program::require(WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), &info, sizeof info, &written, nullptr) &&
                         written == sizeof info,
                     "the 628 bytes go out");
    wait_for_end_of_input();
    program::send_all(socket.get(), "more"); // its own descriptor still works
}

int inherited(SOCKET socket) {
    int type = 0;
    int length = sizeof type;
    return getsockopt(socket, SOL_SOCKET, SO_TYPE, reinterpret_cast<char*>(&type), &length) == 0 ? 0 : 3;
}

} // namespace

int wmain(int argc, wchar_t** argv) {
    try {
        const program::Winsock winsock;
        const std::wstring what = argc > 1 ? argv[1] : L"";
        if (what == L"take") {
            take();
        } else if (what == L"give" && argc == 5) {
            give(std::wcstoul(argv[2], nullptr, 10), argv[3],
                 static_cast<std::uint16_t>(std::wcstoul(argv[4], nullptr, 10)));
        } else if (what == L"inherit" && argc == 3) {
            return inherited(static_cast<SOCKET>(std::wcstoull(argv[2], nullptr, 10)));
        } else {
            program::require(false, "usage: see the source");
        }
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "share_peer: %s\n", error.what());
        return 1;
    }
}
