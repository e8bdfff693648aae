// The ways of held_calls that are no connects: datagrams, and what servers do.
#pragma once

#include "held_request.hpp"

namespace held {

// COUNT datagrams; every one is answered by the servers of these tests with its own text.
inline void send_datagrams(const Request& request, program::Json& summary) {
    const program::Socket socket = make(request.family, SOCK_DGRAM);
    const bool again = request.way == "sendto-again";
    if (again) {
        set_non_blocking(socket.get());
    }
    std::int64_t would_block = 0;
    int error = 0;
    for (int index = 0; index < request.count && error == 0; ++index) {
        char text[] = "datagram";
        WSABUF buffer{static_cast<ULONG>(std::strlen(text)), text};
        for (;;) {
            DWORD sent = 0;
            int result = 0;
            if (request.way == "sendmsg") {
                WSAMSG message{};
                program::Address to = request.to;
                message.name = to.get();
                message.namelen = to.length;
                message.lpBuffers = &buffer;
                message.dwBufferCount = 1;
                const auto send_msg = program::extension<LPFN_WSASENDMSG>(socket.get(), WSAID_WSASENDMSG, "WSASendMsg");
                result = send_msg(socket.get(), &message, 0, &sent, nullptr, nullptr);
            } else {
                result = WSASendTo(socket.get(), &buffer, 1, &sent, 0, request.to.get(), request.to.length, nullptr,
                                   nullptr);
            }
            error = result == 0 ? 0 : WSAGetLastError();
            if (error != WSAEWOULDBLOCK) {
                break;
            }
            ++would_block;
            SwitchToThread();
        }
    }
    summary.number("error", error).boolean("cameAgain", would_block != 0);
    if (error == 0) {
        u_long off = 0;
        program::check(ioctlsocket(socket.get(), FIONBIO, &off), "FIONBIO");
        DWORD wait = patience;
        program::check(setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, reinterpret_cast<char*>(&wait), sizeof wait),
                       "SO_RCVTIMEO");
        char answer[64];
        program::Address from;
        const int size = recvfrom(socket.get(), answer, sizeof answer, 0, from.get(), &from.length);
        program::check(size, "recvfrom");
        summary.text("peer", text_of(from)).text("greeting", std::string(answer, static_cast<std::size_t>(size)));
    }
}

inline void send_by_port(const Request& request, program::Json& summary) {
    const program::Handle port = make_port();
    program::Socket socket = make(request.family, SOCK_DGRAM);
    program::require(CreateIoCompletionPort(reinterpret_cast<HANDLE>(socket.get()), port.get(), 1, 0) == port.get(),
                     "a port");
    std::vector<WSAOVERLAPPED> overlapped(static_cast<std::size_t>(request.count));
    char text[] = "datagram";
    int pending = 0;
    for (WSAOVERLAPPED& each : overlapped) {
        WSABUF buffer{static_cast<ULONG>(std::strlen(text)), text}; // on the stack: the callee has to copy it
        DWORD sent = 0;
        if (WSASendTo(socket.get(), &buffer, 1, &sent, 0, request.to.get(), request.to.length, &each, nullptr) != 0) {
            program::require(WSAGetLastError() == WSA_IO_PENDING, "WSASendTo pends");
            ++pending;
        }
        buffer = {};
    }
    summary.boolean("pended", pending != 0);
    std::map<std::string, std::int64_t> errors;
    for (int left = request.count; left > 0; --left) {
        DWORD bytes = 0;
        ULONG_PTR key = 0;
        OVERLAPPED* ended = nullptr;
        const BOOL good = GetQueuedCompletionStatus(port.get(), &bytes, &key, &ended, patience);
        program::require(ended != nullptr, "a completion");
        ++errors[std::to_string(good ? 0 : static_cast<int>(GetLastError()))];
        program::require(!good || bytes == std::strlen(text), "all of it is sent");
    }
    summary.counts("errors", errors);
    socket.close();
    program::require(PostQueuedCompletionStatus(port.get(), 0, sentinel, nullptr), "a last packet");
    DWORD bytes = 0;
    ULONG_PTR key = 0;
    OVERLAPPED* ended = nullptr;
    GetQueuedCompletionStatus(port.get(), &bytes, &key, &ended, patience);
    program::require(key == sentinel && ended == nullptr, "no completion more than calls");
}

inline int CALLBACK accept_anybody(LPWSABUF, LPWSABUF, LPQOS, LPQOS, LPWSABUF, LPWSABUF, GROUP*, DWORD_PTR) {
    return CF_ACCEPT;
}

// Accepts one connection, and says what it took: with a condition function of its own it is told to come again.
inline void accept_one(const Request& request, program::Json& summary) {
    const program::Socket listener = program::listening(request.family);
    const bool condition = request.way == "accept-condition";
    if (condition) {
        set_non_blocking(listener.get());
    }
    std::printf("port %u\n", static_cast<unsigned>(program::local_address(listener.get()).port()));
    std::fflush(stdout);
    std::int64_t deferred = 0;
    int error = 0;
    for (;;) {
        const SOCKET accepted = condition ? WSAAccept(listener.get(), nullptr, nullptr, accept_anybody, 0)
                                          : accept(listener.get(), nullptr, nullptr);
        error = accepted == INVALID_SOCKET ? WSAGetLastError() : 0;
        if (accepted != INVALID_SOCKET) {
            program::send_all(accepted, "accepted");
            closesocket(accepted);
            break;
        }
        if (error == WSATRY_AGAIN) {
            ++deferred;
        } else if (error != WSAEWOULDBLOCK) {
            break;
        }
        SwitchToThread();
    }
    summary.number("error", error).boolean("deferred", deferred != 0);
}

inline void listen_or_bind(const Request& request, program::Json& summary) {
    const program::Socket socket = make(request.family, SOCK_STREAM);
    if (request.way.ends_with("-nonblocking")) {
        set_non_blocking(socket.get());
    }
    const program::Address address = program::loopback(request.family);
    int error = bind(socket.get(), address.get(), address.length) == 0 ? 0 : WSAGetLastError();
    if (error == 0 && request.way.starts_with("listen")) {
        error = listen(socket.get(), 5) == 0 ? 0 : WSAGetLastError();
    }
    summary.number("error", error);
}

} // namespace held
