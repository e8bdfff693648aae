// Handles that Winsock did not hand out itself, or not in this life.
#pragma once

#include "strange_setup.hpp"

inline HANDLE duplicate_of(SOCKET socket) {
    HANDLE copy = nullptr;
    DuplicateHandle(GetCurrentProcess(), reinterpret_cast<HANDLE>(socket), GetCurrentProcess(), &copy, 0, FALSE,
                    DUPLICATE_SAME_ACCESS);
    return copy;
}

inline void check_unknown_handles(Checks& checks) {
    const Winsock winsock;
    checks.section("a handle made by DuplicateHandle");
    program::Pair pair = program::connected_pair();
    const auto copy = reinterpret_cast<SOCKET>(duplicate_of(pair.near_end.get()));
    WSAPROTOCOL_INFOW info{};
    int length = sizeof info;
    checks.equal("knows its catalog entry",
                 error_after(getsockopt(copy, SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &length)),
                 0);
    checks.equal("the one of TCP", info.iProtocol, static_cast<int>(IPPROTO_TCP));
    checks.equal("sends", send(copy, "hello", 5, 0), 5);
    checks.equal("to the other end", program::receive_exactly(pair.far_end.get(), 5), "hello");
    checks.equal("closes", error_after(closesocket(copy)), 0);
    checks.equal("and is none then", error_after(listen(copy, 1)), WSAENOTSOCK);
    program::send_all(pair.near_end.get(), "again");
    checks.equal("the first handle works on", program::receive_exactly(pair.far_end.get(), 5), "again");

    checks.section("a handle that is no socket");
    const auto event = reinterpret_cast<SOCKET>(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    char bytes[1];
    checks.equal("event", error_after(recv(event, bytes, 1, 0)), WSAENOTSOCK);
    checks.equal("event, closesocket", error_after(closesocket(event)), WSAENOTSOCK);
    checks.is_true("which leaves the event open", SetEvent(reinterpret_cast<HANDLE>(event)) != FALSE);
    CloseHandle(reinterpret_cast<HANDLE>(event));
    checks.equal("INVALID_SOCKET", error_after(recv(INVALID_SOCKET, bytes, 1, 0)), WSAENOTSOCK);
    checks.equal("0", error_after(recv(0, bytes, 1, 0)), WSAENOTSOCK);
    checks.equal("a value beyond all handles", error_after(recv(0x7FFFFFFC, bytes, 1, 0)), WSAENOTSOCK);
    const SOCKET odd = pair.near_end.get() + 1;
    checks.equal("a socket's value plus one", error_after(send(odd, bytes, 1, 0)), WSAENOTSOCK);
}

// A socket's handle is closed by CloseHandle, and a new socket gets its value.
inline void check_reuse(Checks& checks, Strange& strange) {
    const Winsock winsock;
    checks.section("a handle value used again");
    checks.equal("the provider can be installed", strange.install(Mode::silent), 0);
    std::vector<program::Socket> sockets;
    sockets.emplace_back(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)); // what TCP needs handles for itself, it has now
    const SOCKET stale = Strange::open(Mode::silent);
    checks.is_true("a socket of the strange provider", stale != INVALID_SOCKET);
    CloseHandle(reinterpret_cast<HANDLE>(stale));
    bool found = false;
    for (int attempt = 0; attempt < 2000 && !found; ++attempt) {
        sockets.emplace_back(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
        found = sockets.back().get() == stale;
    }
    checks.is_true("a TCP socket gets the value", found);
    if (found) {
        const long asked = strange.calls(Mode::silent, strange::call_bind);
        const program::Address address = program::loopback(AF_INET);
        checks.equal("its calls go to TCP", error_after(bind(stale, address.get(), address.length)), 0);
        checks.equal("not to the strange provider", strange.calls(Mode::silent, strange::call_bind), asked);
        checks.is_true("it has a port", program::local_address(stale).port() != 0);
    }
    sockets.clear();
    checks.equal("the provider can be removed", Strange::remove(Mode::silent), 0);
}

// What a layered provider makes of another socket of its own belongs to it, claimed or not.
inline void check_accepted(Checks& checks, Strange& strange, Mode mode, const char* section) {
    const Winsock winsock;
    checks.section(section);
    checks.equal("can be installed", strange.install_layer(mode), 0);
    const program::Socket listener(Strange::open(mode));
    const program::Address any = program::loopback(AF_INET);
    program::check(bind(listener.get(), any.get(), any.length), "bind");
    program::check(listen(listener.get(), 1), "listen");
    const program::Address address = program::local_address(listener.get());
    const program::Socket client(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
    program::check(connect(client.get(), address.get(), address.length), "connect");
    program::Socket accepted;
    checks.equal(
        "sees the accept",
        strange.counted(mode, strange::call_accept,
                        [&] { accepted = program::Socket(accept(listener.get(), nullptr, nullptr), "accept"); }),
        1);
    checks.equal(
        "sees what the accepted socket sends",
        strange.counted(mode, strange::call_send, [&] { program::send_all(accepted.get(), "from the layer"); }), 1);
    checks.equal("which arrives", program::receive_exactly(client.get(), 14), "from the layer");
    checks.equal("does not see the other end",
                 strange.counted(mode, strange::call_send, [&] { program::send_all(client.get(), "back"); }), 0);
    checks.equal("sees the receiving",
                 strange.counted(mode, strange::call_recv, [&] { program::receive_exactly(accepted.get(), 4); }), 1);
    checks.equal("can be removed", Strange::remove(mode), 0);
}

inline void check_duplicates(Checks& checks) {
    const Winsock winsock;
    checks.section("WSADuplicateSocket");
    program::Pair pair = program::connected_pair();
    WSAPROTOCOL_INFOW info{};
    checks.equal("makes an info", error_after(WSADuplicateSocketW(pair.near_end.get(), GetCurrentProcessId(), &info)),
                 0);
    WSAPROTOCOL_INFOW entry{};
    int length = sizeof entry;
    program::check(
        getsockopt(pair.near_end.get(), SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&entry), &length),
        "getsockopt");
    checks.is_true("with a mark in dwProviderReserved", info.dwProviderReserved != 0);
    WSAPROTOCOL_INFOW unmarked = info;
    unmarked.dwProviderReserved = entry.dwProviderReserved;
    checks.is_true("else the catalog entry as it is", std::memcmp(&unmarked, &entry, sizeof entry) == 0);
    program::Socket copy(
        WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, WSA_FLAG_OVERLAPPED),
        "WSASocketW");
    checks.is_true("makes another handle", copy.get() != pair.near_end.get());
    DWORD flags = 0;
    GetHandleInformation(reinterpret_cast<HANDLE>(copy.get()), &flags);
    checks.is_true("which is inheritable, as sockets are", (flags & HANDLE_FLAG_INHERIT) != 0);
    checks.equal("a second use of the info fails",
                 error_after_handle(WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0,
                                               WSA_FLAG_OVERLAPPED)),
                 WSAEINVAL);
    pair.near_end.close();
    program::send_all(copy.get(), "still here");
    checks.equal("the copy outlives the original", program::receive_exactly(pair.far_end.get(), 10), "still here");
    WSAPROTOCOL_INFOA ansi{};
    checks.equal("the A form makes one", error_after(WSADuplicateSocketA(copy.get(), GetCurrentProcessId(), &ansi)), 0);
    const program::Socket third(WSASocketA(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &ansi, 0,
                                           WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT),
                                "WSASocketA");
    // WSA_FLAG_NO_HANDLE_INHERIT comes too late for a handle that is in this process already, so programs clear the
    // flag.
    SetHandleInformation(reinterpret_cast<HANDLE>(third.get()), HANDLE_FLAG_INHERIT, 0);
    GetHandleInformation(reinterpret_cast<HANDLE>(third.get()), &flags);
    checks.is_true("inheritance can be taken from it", (flags & HANDLE_FLAG_INHERIT) == 0);
    checks.equal("an info is made for taking back",
                 error_after(WSADuplicateSocketW(third.get(), GetCurrentProcessId(), &info)), 0);
    const auto remote = reinterpret_cast<HANDLE>(static_cast<ULONG_PTR>(info.dwProviderReserved));
    HANDLE taken_back = nullptr;
    checks.is_true("the handle it names can be taken back from elsewhere",
                   DuplicateHandle(GetCurrentProcess(), remote, GetCurrentProcess(), &taken_back, 0, FALSE,
                                   DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE));
    CloseHandle(taken_back);
    checks.equal("and then the info opens nothing",
                 error_after_handle(WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0,
                                               WSA_FLAG_OVERLAPPED)),
                 WSAEINVAL);
    program::send_all(third.get(), "here too");
    checks.equal("which ends no other descriptor", program::receive_exactly(pair.far_end.get(), 8), "here too");
    checks.equal("a process that is not there", error_after(WSADuplicateSocketW(copy.get(), 3, &info)), WSAEINVAL);
    checks.equal("a handle that is no socket",
                 error_after(WSADuplicateSocketW(INVALID_SOCKET, GetCurrentProcessId(), &info)), WSAENOTSOCK);
    checks.equal("no place for the info", error_after(WSADuplicateSocketW(copy.get(), GetCurrentProcessId(), nullptr)),
                 WSAEFAULT);
}
