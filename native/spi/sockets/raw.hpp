// Sockets that no runtime knows of: never tied to a completion port, so that whoever gets them may choose.
#pragma once

#include "../status.hpp"
#include "../win32.hpp"

#include <cstdint>
#include <string>

namespace winsock_spi::spi {

struct SocketRequest {
    std::wstring host; // an address in text; empty: any, of both families where the system can
    std::uint16_t port = 0;
    int backlog = 0;   // above 0: a TCP listener; else a UDP socket
    bool ipv6_only = false;
    bool exclusive = true;      // SO_EXCLUSIVEADDRUSE
    bool reuse_address = false; // SO_REUSEADDR: only where not exclusive
    bool ipv6 = false;          // which family the empty host means
};

// A bound socket, non-blocking, overlapped and not inheritable. WSAEADDRINUSE, WSAEACCES, WSAEADDRNOTAVAIL, WSAEINVAL
// (the host is no address).
Status open_socket(const SocketRequest& request, SOCKET& socket);

Status set_non_blocking(SOCKET socket, bool on);

// Without a shutdown: other processes' descriptors stay what they are.
Status close_socket(SOCKET socket);

} // namespace winsock_spi::spi
