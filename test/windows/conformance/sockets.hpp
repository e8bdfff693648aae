// Sockets, events and addresses for the cases: closed by themselves, always on loopback, always on ports the system
// chooses, and waited for with a bound.
#pragma once

#include "check.hpp"

#include <cstdint>
#include <cstring>

namespace conformance {

// How long a case waits for what must happen.
inline constexpr DWORD patience = 5'000;

class Socket {
public:
    Socket() = default;
    explicit Socket(SOCKET value) : value_(value) {}
    Socket(Socket&& other) noexcept : value_(std::exchange(other.value_, INVALID_SOCKET)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~Socket() { close(); }

    SOCKET get() const { return value_; }
    explicit operator bool() const { return value_ != INVALID_SOCKET; }
    SOCKET release() { return std::exchange(value_, INVALID_SOCKET); }
    // Keeps WSAGetLastError: a case may assert on it after a socket has gone.
    void close() {
        if (value_ != INVALID_SOCKET) {
            const int error = WSAGetLastError();
            closesocket(std::exchange(value_, INVALID_SOCKET));
            WSASetLastError(error);
        }
    }

private:
    SOCKET value_ = INVALID_SOCKET;
};

// A manual-reset event.
class Event {
public:
    Event() : value_(WSACreateEvent()) { require("an event", value_ != WSA_INVALID_EVENT); }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event() { WSACloseEvent(value_); }

    WSAEVENT get() const { return value_; }
    bool is_set() const { return WaitForSingleObject(value_, 0) == WAIT_OBJECT_0; }
    // Whether it is set in good time.
    bool wait() const { return WaitForSingleObject(value_, patience) == WAIT_OBJECT_0; }
    void reset() const { WSAResetEvent(value_); }

private:
    WSAEVENT value_;
};

// A value that was a socket and is none now.
inline SOCKET closed_socket() {
    const SOCKET value = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    require("a socket to close", value != INVALID_SOCKET);
    closesocket(value);
    return value;
}

struct Address {
    sockaddr_storage storage{};
    int length = sizeof(sockaddr_storage);

    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    sockaddr_in* v4() { return reinterpret_cast<sockaddr_in*>(&storage); }
    const sockaddr_in* v4() const { return reinterpret_cast<const sockaddr_in*>(&storage); }
    sockaddr_in6* v6() { return reinterpret_cast<sockaddr_in6*>(&storage); }
    const sockaddr_in6* v6() const { return reinterpret_cast<const sockaddr_in6*>(&storage); }
    int family() const { return storage.ss_family; }
    std::uint16_t port() const { return ntohs(family() == AF_INET ? v4()->sin_port : v6()->sin6_port); }
    void set_port(std::uint16_t port) { (family() == AF_INET ? v4()->sin_port : v6()->sin6_port) = htons(port); }
    bool is_loopback() const {
        return family() == AF_INET ? ntohl(v4()->sin_addr.s_addr) == INADDR_LOOPBACK
                                   : IN6_IS_ADDR_LOOPBACK(&v6()->sin6_addr) != 0;
    }
};

inline int address_length(int family) {
    return family == AF_INET ? static_cast<int>(sizeof(sockaddr_in)) : static_cast<int>(sizeof(sockaddr_in6));
}

inline Address wildcard(int family, std::uint16_t port = 0) {
    Address address;
    address.storage.ss_family = static_cast<ADDRESS_FAMILY>(family);
    address.length = address_length(family);
    address.set_port(port);
    return address;
}

inline Address loopback(int family, std::uint16_t port = 0) {
    Address address = wildcard(family, port);
    if (family == AF_INET) {
        address.v4()->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
        address.v6()->sin6_addr.s6_addr[15] = 1;
    }
    return address;
}

// For the texts of assertions.
inline std::string family_name(int family) {
    return family == AF_INET ? "IPv4" : "IPv6";
}

inline bool same(const Address& a, const Address& b) {
    return a.length == b.length && std::memcmp(&a.storage, &b.storage, static_cast<std::size_t>(a.length)) == 0;
}

inline Address name_of(SOCKET handle) {
    Address address;
    require("getsockname", getsockname(handle, address.get(), &address.length) == 0);
    return address;
}

inline Address peer_of(SOCKET handle) {
    Address address;
    require("getpeername", getpeername(handle, address.get(), &address.length) == 0);
    return address;
}

inline Socket tcp(int family = AF_INET) {
    Socket made(socket(family, SOCK_STREAM, IPPROTO_TCP));
    require("a TCP socket", static_cast<bool>(made));
    return made;
}

inline Socket udp(int family = AF_INET) {
    Socket made(socket(family, SOCK_DGRAM, IPPROTO_UDP));
    require("a UDP socket", static_cast<bool>(made));
    return made;
}

inline Socket bind_loopback(Socket unbound, int family) {
    const Address address = loopback(family);
    require("bind to loopback", bind(unbound.get(), address.get(), address.length) == 0);
    return unbound;
}

inline Socket bound_tcp(int family = AF_INET) {
    return bind_loopback(tcp(family), family);
}

inline Socket bound_udp(int family = AF_INET) {
    return bind_loopback(udp(family), family);
}

inline Socket listening(int family = AF_INET, int backlog = SOMAXCONN) {
    Socket made = bound_tcp(family);
    require("listen", listen(made.get(), backlog) == 0);
    return made;
}

inline Socket connected_to(SOCKET listener) {
    const Address address = name_of(listener);
    Socket made = tcp(address.family());
    require("connect", connect(made.get(), address.get(), address.length) == 0);
    return made;
}

struct Pair {
    Socket near_end;
    Socket far_end;
};

// Two ends of a TCP connection: near_end connected, far_end was accepted.
inline Pair tcp_pair(int family = AF_INET) {
    const Socket listener = listening(family);
    Socket near_end = connected_to(listener.get());
    Socket far_end(accept(listener.get(), nullptr, nullptr));
    require("accept", static_cast<bool>(far_end));
    return {std::move(near_end), std::move(far_end)};
}

// Two UDP sockets on loopback, each connected to the other.
inline Pair udp_pair(int family = AF_INET) {
    Pair pair{bound_udp(family), bound_udp(family)};
    const Address near_name = name_of(pair.near_end.get());
    const Address far_name = name_of(pair.far_end.get());
    require("connect UDP", connect(pair.near_end.get(), far_name.get(), far_name.length) == 0 &&
                               connect(pair.far_end.get(), near_name.get(), near_name.length) == 0);
    return pair;
}

// An address on which nobody listens: of a socket that is bound, so that nobody else can get it.
struct Unanswered {
    Socket holder;
    Address address;
};

inline Unanswered unanswered(int family = AF_INET) {
    Unanswered result{bound_tcp(family), {}};
    result.address = name_of(result.holder.get());
    return result;
}

inline void set_nonblocking(SOCKET handle, bool on = true) {
    u_long value = on ? 1 : 0;
    require("FIONBIO", ioctlsocket(handle, static_cast<long>(FIONBIO), &value) == 0);
}

namespace detail {

enum class Readiness { readable, writable, exceptional };

inline bool ready(SOCKET handle, Readiness kind, DWORD milliseconds) {
    fd_set set;
    set.fd_count = 1;
    set.fd_array[0] = handle;
    const timeval limit{static_cast<long>(milliseconds / 1000), static_cast<long>(milliseconds % 1000) * 1000};
    return select(0, kind == Readiness::readable ? &set : nullptr, kind == Readiness::writable ? &set : nullptr,
                  kind == Readiness::exceptional ? &set : nullptr, &limit) == 1;
}

} // namespace detail

// Whether select says so within `milliseconds`; at once for 0.
inline bool readable(SOCKET handle, DWORD milliseconds = patience) {
    return detail::ready(handle, detail::Readiness::readable, milliseconds);
}

inline bool writable(SOCKET handle, DWORD milliseconds = patience) {
    return detail::ready(handle, detail::Readiness::writable, milliseconds);
}

inline bool exceptional(SOCKET handle, DWORD milliseconds = patience) {
    return detail::ready(handle, detail::Readiness::exceptional, milliseconds);
}

inline void send_text(SOCKET handle, std::string_view text) {
    require("send", send(handle, text.data(), static_cast<int>(text.size()), 0) == static_cast<int>(text.size()));
}

// What one receive gives, at most `limit` bytes; waits for it with a bound.
inline std::string receive_text(SOCKET handle, int limit = 256) {
    require("data in good time", readable(handle));
    std::string text(static_cast<std::size_t>(limit), '\0');
    const int received = recv(handle, text.data(), limit, 0);
    require("recv", received != SOCKET_ERROR);
    text.resize(static_cast<std::size_t>(received));
    return text;
}

template <typename Value>
int get_option(SOCKET handle, int level, int name, Value& value) {
    int length = sizeof value;
    return getsockopt(handle, level, name, reinterpret_cast<char*>(&value), &length);
}

template <typename Value>
int set_option(SOCKET handle, int level, int name, const Value& value) {
    return setsockopt(handle, level, name, reinterpret_cast<const char*>(&value), sizeof value);
}

// The value of an option of four bytes, which must be there.
inline int option(SOCKET handle, int level, int name) {
    int value = 0;
    require("getsockopt", get_option(handle, level, name, value) == 0);
    return value;
}

// Closes the connection with a reset.
inline void reset_connection(Socket& end) {
    const linger at_once{1, 0};
    require("SO_LINGER", set_option(end.get(), SOL_SOCKET, SO_LINGER, at_once) == 0);
    end.close();
}

} // namespace conformance
