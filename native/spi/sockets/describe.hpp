// What a socket is at the moment: everything that Winsock tells of it.
#pragma once

#include "../status.hpp"
#include "../win32.hpp"

#include <string>

namespace winsock_spi::spi {

struct SocketAddress {
    bool present = false;
    int family = 0;
    std::string address; // "127.0.0.1", "::1", "fe80::1%5"; empty for families other than IP
    int port = 0;
};

struct SocketKind { // as in WSAPROTOCOL_INFOW; they never change
    int family = 0;
    int type = 0;
    int protocol = 0;
};

struct SocketDescription : SocketKind {
    bool listening = false;
    SocketAddress local;  // absent while not bound
    SocketAddress remote; // absent while not connected
};

// WSAENOTSOCK for what is none. With `known` (family, type and protocol of that socket) it asks less.
Status describe_socket(SOCKET socket, const SocketKind* known, SocketDescription& description);

// As text, from what Winsock gave.
SocketAddress to_address(const sockaddr* address, int length);

} // namespace winsock_spi::spi
