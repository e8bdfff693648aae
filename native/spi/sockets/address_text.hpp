// IPv4 and IPv6 addresses of sockets from text. WSAStringToAddressW asks a provider each time; this is done for each
// datagram. (The other direction: describe.hpp.)
#pragma once

#include "../status.hpp"
#include "../win32.hpp"

#include <ws2tcpip.h>

#include <cstdint>
#include <string>

namespace winsock_spi::spi {

// Room for either kind of address.
union AnyAddress {
    sockaddr_storage storage; // first, so that {} makes all of it zero
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

// `address` as a number in the family's own notation; an IPv6 one may end with a scope ("%4"). WSAEINVAL if it is not.
Status parse_address(const std::wstring& address, int family, std::uint16_t port, AnyAddress& out, int& length);

} // namespace winsock_spi::spi
