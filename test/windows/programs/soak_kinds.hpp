// The kinds of connection that soak makes, both ends of each. Most are ended by a reset, so that the machine does not
// run out of ephemeral ports while they wait for late packets (TIME_WAIT).
#pragma once

#include "common.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

namespace soak {

// What a client asks of the connection that the server has accepted, as the first byte.
enum class Asked : char { client_closes = 'c', server_closes = 's', client_resets = 'r' };

struct Ports {
    std::uint16_t plain = 0;     // accepted with accept
    std::uint16_t accept_ex = 0; // accepted with AcceptEx, ended with DisconnectEx
};

inline void reset_on_close(SOCKET socket) {
    const linger now{1, 0};
    program::check(setsockopt(socket, SOL_SOCKET, SO_LINGER, reinterpret_cast<const char*>(&now), sizeof now),
                   "SO_LINGER");
}

inline program::Socket new_socket(int family = AF_INET, int type = SOCK_STREAM) {
    return program::Socket(WSASocketW(family, type, 0, nullptr, 0, WSA_FLAG_OVERLAPPED), "WSASocketW");
}

class Server {
public:
    Server() : plain_(program::listening(AF_INET)), accept_ex_(program::listening(AF_INET)) {
        for (int number = 0; number < 2; ++number) {
            std::thread([this] { accept_plain(); }).detach();
        }
        std::thread([this] { accept_by_extension(); }).detach();
    }
    Ports ports() const {
        return {program::local_address(plain_.get()).port(), program::local_address(accept_ex_.get()).port()};
    }
    std::int64_t served() const { return served_; }

    // Until no accepted connection is open.
    void wait_until_idle() {
        AcquireSRWLockExclusive(&lock_);
        while (live_ != 0) {
            SleepConditionVariableSRW(&idle_, &lock_, INFINITE, 0);
        }
        ReleaseSRWLockExclusive(&lock_);
    }

private:
    void begin() { count(1); }
    void end() {
        ++served_;
        count(-1);
    }
    void count(int change) {
        AcquireSRWLockExclusive(&lock_);
        live_ += change;
        ReleaseSRWLockExclusive(&lock_);
        WakeAllConditionVariable(&idle_);
    }

    void accept_plain() {
        for (;;) {
            const SOCKET accepted = accept(plain_.get(), nullptr, nullptr);
            if (accepted == INVALID_SOCKET) {
                continue; // ended before it was accepted
            }
            begin();
            {
                program::Socket socket(accepted);
                serve(socket.get());
            }
            end();
        }
    }

    static void serve(SOCKET socket) {
        char first = 0;
        if (recv(socket, &first, 1, 0) != 1 || send(socket, &first, 1, 0) != 1) {
            return;
        }
        char rest = 0;
        if (static_cast<Asked>(first) == Asked::server_closes) {
            recv(socket, &rest, 1, 0); // so that the reset does not take away what was sent
            reset_on_close(socket);
            return;
        }
        while (recv(socket, &rest, 1, 0) > 0) {
        }
    }

    // One socket after the other: used again where DisconnectEx could prepare it for that.
    void accept_by_extension() {
        const SOCKET listener = accept_ex_.get();
        const auto accept_ex = program::extension<LPFN_ACCEPTEX>(listener, WSAID_ACCEPTEX, "AcceptEx");
        const auto disconnect_ex = program::extension<LPFN_DISCONNECTEX>(listener, WSAID_DISCONNECTEX, "DisconnectEx");
        const program::Handle done(CreateEventW(nullptr, TRUE, FALSE, nullptr), "CreateEventW");
        char addresses[2 * (sizeof(sockaddr_in) + 16)];
        program::Socket socket = new_socket();
        for (;;) {
            WSAOVERLAPPED overlapped{};
            overlapped.hEvent = done.get();
            DWORD bytes = 0;
            if (!accept_ex(listener, socket.get(), addresses, 0, sizeof addresses / 2, sizeof addresses / 2, &bytes,
                           &overlapped) &&
                (WSAGetLastError() != WSA_IO_PENDING ||
                 !WSAGetOverlappedResult(listener, &overlapped, &bytes, TRUE, &flags_))) {
                socket = new_socket();
                continue;
            }
            begin();
            setsockopt(socket.get(), SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, reinterpret_cast<const char*>(&listener),
                       sizeof listener);
            serve(socket.get());
            overlapped = {};
            overlapped.hEvent = done.get();
            const bool ended = disconnect_ex(socket.get(), &overlapped, reuses_ ? TF_REUSE_SOCKET : 0, 0) ||
                               (WSAGetLastError() == WSA_IO_PENDING &&
                                WSAGetOverlappedResult(socket.get(), &overlapped, &bytes, TRUE, &flags_));
            if (!ended || !reuses_) { // not ended: the client has reset it
                socket = new_socket();
            }
            end();
        }
    }

    program::Socket plain_;
    program::Socket accept_ex_;
    DWORD flags_ = 0;
    // Wine ends the connection but does not make the socket new, and says nothing ("Reusing socket not supported yet").
    const bool reuses_ = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") == nullptr;
    // Windows' own: those of a C++ library may make a handle when two threads first meet at one.
    SRWLOCK lock_ = SRWLOCK_INIT;
    CONDITION_VARIABLE idle_ = CONDITION_VARIABLE_INIT;
    int live_ = 0;
    std::atomic<std::int64_t> served_ = 0;
};

inline void connect_to(SOCKET socket, std::uint16_t port) {
    const program::Address address = program::loopback(AF_INET, port);
    program::check(connect(socket, address.get(), address.length), "connect");
}

// Says what is asked and hears it back; then as asked.
inline void ask(program::Socket socket, Asked asked) {
    const std::string first(1, static_cast<char>(asked));
    program::send_all(socket.get(), first);
    program::require(program::receive_exactly(socket.get(), 1) == first, "the server hears what is asked");
    if (asked == Asked::server_closes) {
        program::send_all(socket.get(), first);
        char rest = 0;
        program::require(recv(socket.get(), &rest, 1, 0) <= 0, "the server closes");
    } else if (asked == Asked::client_resets) {
        reset_on_close(socket.get());
    }
    socket.close();
}

inline void plain(const Ports& ports, Asked asked) {
    program::Socket socket = new_socket();
    connect_to(socket.get(), ports.plain);
    ask(std::move(socket), asked);
}

inline void by_connect_ex(const Ports& ports, Asked asked) {
    program::Socket socket = program::bound(AF_INET, SOCK_STREAM);
    const auto connect_ex = program::extension<LPFN_CONNECTEX>(socket.get(), WSAID_CONNECTEX, "ConnectEx");
    const program::Handle done(CreateEventW(nullptr, TRUE, FALSE, nullptr), "CreateEventW");
    const program::Address address = program::loopback(AF_INET, ports.accept_ex);
    WSAOVERLAPPED overlapped{};
    overlapped.hEvent = done.get();
    DWORD bytes = 0;
    if (!connect_ex(socket.get(), address.get(), address.length, nullptr, 0, &bytes, &overlapped)) {
        program::require(WSAGetLastError() == WSA_IO_PENDING, "ConnectEx pends");
        DWORD flags = 0;
        program::require(WSAGetOverlappedResult(socket.get(), &overlapped, &bytes, TRUE, &flags) != FALSE,
                         "ConnectEx succeeds");
    }
    program::check(setsockopt(socket.get(), SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, nullptr, 0), "the context");
    ask(std::move(socket), asked);
}

inline void aborted_while_connecting(const Ports& ports) {
    program::Socket socket = new_socket();
    u_long yes = 1;
    program::check(ioctlsocket(socket.get(), static_cast<long>(FIONBIO), &yes), "FIONBIO");
    const program::Address address = program::loopback(AF_INET, ports.plain);
    if (connect(socket.get(), address.get(), address.length) == SOCKET_ERROR) {
        program::require(WSAGetLastError() == WSAEWOULDBLOCK, "connect is on its way");
    }
    reset_on_close(socket.get());
    socket.close();
}

inline void datagrams() {
    const program::Socket socket = program::bound(AF_INET, SOCK_DGRAM);
    const program::Address own = program::local_address(socket.get());
    program::check(sendto(socket.get(), "datagram", 8, 0, own.get(), own.length), "sendto");
    char buffer[16];
    program::require(recvfrom(socket.get(), buffer, sizeof buffer, 0, nullptr, nullptr) == 8, "it arrives");
}

inline void never_connected() {
    new_socket(AF_INET, SOCK_STREAM).close();
    new_socket(AF_INET6, SOCK_DGRAM).close();
    program::listening(AF_INET).close();
}

inline void duplicated(const Ports& ports) {
    program::Socket first = new_socket();
    connect_to(first.get(), ports.plain);
    WSAPROTOCOL_INFOW information{};
    program::check(WSADuplicateSocketW(first.get(), GetCurrentProcessId(), &information), "WSADuplicateSocketW");
    program::Socket second(
        WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &information, 0, WSA_FLAG_OVERLAPPED),
        "the duplicate");
    first.close();
    ask(std::move(second), Asked::client_resets);
}

// The kinds in turn.
inline void one_connection(const Ports& ports, std::int64_t number) {
    switch (number % 12) {
    case 0: // the only one that leaves a TIME_WAIT each time
        return plain(ports, Asked::client_closes);
    case 1:
    case 2: return plain(ports, Asked::server_closes);
    case 3:
    case 4: return plain(ports, Asked::client_resets);
    case 5: return aborted_while_connecting(ports);
    case 6: return by_connect_ex(ports, Asked::client_closes);
    case 7: return by_connect_ex(ports, Asked::server_closes);
    case 8: return by_connect_ex(ports, Asked::client_resets);
    case 9: return datagrams();
    case 10: return never_connected();
    default: return duplicated(ports);
    }
}

// Connections are accepted in the order in which they were made: when these are served, so are all before them.
inline void drain(const Ports& ports) {
    plain(ports, Asked::client_resets);
    by_connect_ex(ports, Asked::client_resets);
}

} // namespace soak
