// What the traffic is made with: sockets whose calls are counted, and checks that end it with a text.
#pragma once

#include <winsock2.h>

#include <ws2tcpip.h>

#include <cstring>
#include <map>
#include <stdexcept>
#include <string>

namespace traffic {

inline std::map<std::string, unsigned> counts;
inline bool ifs = true;

[[noreturn]] inline void failed(const std::string& what) {
    throw std::runtime_error(what + " (last error " + std::to_string(WSAGetLastError()) + ")");
}

inline void check(bool good, const char* what) {
    if (!good) {
        failed(what);
    }
}

// Notes a call that goes to the provider, and hands on its result.
template <typename Result>
Result noted(const char* name, Result result) {
    ++counts[name];
    return result;
}

// The call fails, and with this error.
inline void check_error(bool fails, int error, const char* what) {
    const int got = WSAGetLastError();
    if (!fails || got != error) {
        throw std::runtime_error(std::string(what) + ": " + std::to_string(fails ? got : 0) + " instead of " +
                                 std::to_string(error));
    }
}

class Socket {
public:
    explicit Socket(SOCKET handle) : handle_(handle) { check(handle != INVALID_SOCKET, "no socket"); }
    Socket(int family, int type) : Socket(noted("WSPSocket", ::socket(family, type, 0))) {}
    ~Socket() { close(); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    SOCKET get() const { return handle_; }
    void close() {
        if (handle_ != INVALID_SOCKET) {
            noted("WSPCloseSocket", closesocket(handle_));
            handle_ = INVALID_SOCKET;
        }
    }

private:
    SOCKET handle_;
};

struct Address {
    sockaddr_storage storage{};
    int length = sizeof storage;

    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

inline Address loopback(int family) {
    Address address;
    address.storage.ss_family = static_cast<ADDRESS_FAMILY>(family);
    if (family == AF_INET6) {
        reinterpret_cast<sockaddr_in6&>(address.storage).sin6_addr = in6addr_loopback;
        address.length = sizeof(sockaddr_in6);
    } else {
        reinterpret_cast<sockaddr_in&>(address.storage).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.length = sizeof(sockaddr_in);
    }
    return address;
}

// Bound to a port that the system chooses; the answer is where.
inline Address bind_anywhere(const Socket& socket, int family) {
    Address address = loopback(family);
    check(noted("WSPBind", bind(socket.get(), address.get(), address.length)) == 0, "bind");
    address.length = sizeof address.storage;
    check(getsockname(socket.get(), address.get(), &address.length) == 0, "getsockname");
    return address;
}

inline void make_blocking(const Socket& socket, bool blocking) {
    u_long value = blocking ? 0 : 1;
    check(ioctlsocket(socket.get(), static_cast<long>(FIONBIO), &value) == 0, "FIONBIO");
}

inline void send_text(const Socket& socket, const std::string& text) {
    const int length = static_cast<int>(text.size());
    check(noted("WSPSend", send(socket.get(), text.data(), length, 0)) == length, "send");
}

inline void expect_text(const Socket& socket, const std::string& text) {
    std::string got;
    char buffer[4096];
    while (got.size() < text.size()) {
        const int size = noted("WSPRecv", recv(socket.get(), buffer, sizeof buffer, 0));
        check(size > 0, "recv");
        got.append(buffer, static_cast<std::size_t>(size));
    }
    check(got == text, "what arrives is what was sent");
}

// A listener, a client that it accepted, and the client's other end.
struct Connection {
    explicit Connection(int family)
        : listener(family, SOCK_STREAM), address(listen_anywhere(listener, family)), client(family, SOCK_STREAM) {}
    static Address listen_anywhere(const Socket& socket, int family) {
        const Address address = bind_anywhere(socket, family);
        check(noted("WSPListen", listen(socket.get(), 5)) == 0, "listen");
        return address;
    }
    void connect_client() {
        check(noted("WSPConnect", connect(client.get(), address.get(), address.length)) == 0, "connect");
    }
    Socket listener;
    Address address;
    Socket client;
};

} // namespace traffic
