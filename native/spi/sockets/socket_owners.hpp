// Which processes own a socket of this machine, of either family, as the system's own tables have it.
#pragma once

#include "../status.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace winsock_spi::spi {

// An address in network byte order, IPv4 in the IPv4-mapped form (::ffff:a.b.c.d), and a port in host byte order.
struct SocketEnd {
    std::array<std::uint8_t, 16> address{};
    std::uint16_t port = 0;
};

// The processes that own the end `end` of the connection to `other`; none if it is not there.
// https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
Status tcp_owners(const SocketEnd& end, const SocketEnd& other, std::vector<std::uint32_t>& pids);

// The same of an IPv4 connection, by the table of IPv4 sockets alone.
Status tcp_owners_ipv4(const SocketEnd& end, const SocketEnd& other, std::vector<std::uint32_t>& pids);

// The processes that have a UDP socket bound to `end`, or to its port at any address.
// https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedudptable
Status udp_owners(const SocketEnd& end, std::vector<std::uint32_t>& pids);

} // namespace winsock_spi::spi
