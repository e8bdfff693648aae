// The options of a datagram socket that dgram.Socket has methods for.
// https://learn.microsoft.com/windows/win32/winsock/ipproto-ip-socket-options
// https://learn.microsoft.com/windows/win32/winsock/ipproto-ipv6-socket-options
#pragma once

#include "../status.hpp"

#include <string>

#include "polled_socket.hpp"

namespace winsock_spi::spi {

enum class DatagramOption { broadcast, ttl, multicast_ttl, multicast_loopback };

// WSAEINVAL for a value that the option does not have (a ttl is 1 to 255, a multicast ttl 0 to 255).
Status set_datagram_option(PolledSocket& socket, DatagramOption option, int value);

struct Membership {
    std::wstring group;
    std::wstring source;            // empty: whoever sends
    std::wstring network_interface; // address of one of this machine's; empty: the system chooses
};

Status change_membership(PolledSocket& socket, const Membership& membership, bool join);

// `address` is that of one of this machine's interfaces, "0.0.0.0" or "::%<number>" for the system's choice.
Status set_multicast_interface(PolledSocket& socket, const std::wstring& address);

// Bytes of the send or receive buffer: sets it first where `size` is not 0.
Status buffer_size(PolledSocket& socket, bool receive, int& size);

} // namespace winsock_spi::spi
