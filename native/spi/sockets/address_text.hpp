// IPv4 and IPv6 addresses of sockets as text, in the form that Node gives them.
#pragma once

#include "../status.hpp"
#include "../win32.hpp"

#include <ws2tcpip.h>

#include <cstdint>
#include <string>

namespace winsock_spi::spi {

// Room for either kind of address.
union AnyAddress {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_storage storage;
};

struct AddressText {
    std::string address; // "127.0.0.1", "fe80::1%4"; empty where the socket has none
    int family = 0;      // 4, 6, or 0 for another one
    std::uint16_t port = 0;
};

AddressText to_text(const AnyAddress& address);

// `address` as a number in the family's own notation; an IPv6 one may end with a scope ("%4"). WSAEINVAL if it is not.
Status parse_address(const std::wstring& address, int family, std::uint16_t port, AnyAddress& out, int& length);

} // namespace winsock_spi::spi
