#include "datagram_options.hpp"

#include <ws2tcpip.h>

namespace winsock_spi::spi {
namespace {

// Which number an option has in each of the two families.
struct Names {
    int v4;
    int v6;
    int least;
    int most;
    const char* text;
};

Names names_of(DatagramOption option) {
    switch (option) {
    case DatagramOption::ttl: return {IP_TTL, IPV6_UNICAST_HOPS, 1, 255, "TTL"};
    case DatagramOption::multicast_ttl: return {IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, 0, 255, "multicast TTL"};
    case DatagramOption::multicast_loopback:
        return {IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP, 0, 1, "multicast loopback"};
    case DatagramOption::broadcast: break;
    }
    return {SO_BROADCAST, SO_BROADCAST, 0, 1, "broadcast"};
}

Status any_family(PolledSocket& socket, int& notation) {
    int family = 0;
    Status status = socket.family(family);
    notation = family == AF_INET6 ? 6 : 4;
    return status;
}

Status change_ipv4(PolledSocket& socket, const Membership& membership, bool join) {
    AnyAddress group;
    AnyAddress local;
    int length = 0;
    if (Status status = parse_address(membership.group, 4, 0, group, length); !status.ok()) {
        return status;
    }
    const std::wstring any = L"0.0.0.0";
    const std::wstring& network_interface = membership.network_interface.empty() ? any : membership.network_interface;
    if (Status status = parse_address(network_interface, 4, 0, local, length); !status.ok()) {
        return status;
    }
    if (membership.source.empty()) {
        ip_mreq request{};
        request.imr_multiaddr = group.v4.sin_addr;
        request.imr_interface = local.v4.sin_addr;
        return socket.set_option(IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &request, sizeof(request),
                                 "membership");
    }
    AnyAddress source;
    if (Status status = parse_address(membership.source, 4, 0, source, length); !status.ok()) {
        return status;
    }
    ip_mreq_source request{};
    request.imr_multiaddr = group.v4.sin_addr;
    request.imr_sourceaddr = source.v4.sin_addr;
    request.imr_interface = local.v4.sin_addr;
    return socket.set_option(IPPROTO_IP, join ? IP_ADD_SOURCE_MEMBERSHIP : IP_DROP_SOURCE_MEMBERSHIP, &request,
                             sizeof(request), "membership");
}

Status change_ipv6(PolledSocket& socket, const Membership& membership, bool join) {
    AnyAddress group;
    int length = 0;
    if (Status status = parse_address(membership.group, 6, 0, group, length); !status.ok()) {
        return status;
    }
    AnyAddress local{};
    if (!membership.network_interface.empty()) {
        if (Status status = parse_address(membership.network_interface, 6, 0, local, length); !status.ok()) {
            return status;
        }
    }
    if (membership.source.empty()) {
        ipv6_mreq request{};
        request.ipv6mr_multiaddr = group.v6.sin6_addr;
        request.ipv6mr_interface = local.v6.sin6_scope_id;
        return socket.set_option(IPPROTO_IPV6, join ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP, &request,
                                 sizeof(request), "membership");
    }
    AnyAddress source;
    if (Status status = parse_address(membership.source, 6, 0, source, length); !status.ok()) {
        return status;
    }
    group_source_req request{};
    request.gsr_interface = local.v6.sin6_scope_id;
    request.gsr_group = group.storage;
    request.gsr_source = source.storage;
    return socket.set_option(IPPROTO_IPV6, join ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP, &request,
                             sizeof(request), "membership");
}

} // namespace

Status set_datagram_option(PolledSocket& socket, DatagramOption option, int value) {
    const Names names = names_of(option);
    if (value < names.least || value > names.most) {
        return system_error(WSAEINVAL, "setsockopt", names.text);
    }
    const DWORD number = static_cast<DWORD>(value);
    if (option == DatagramOption::broadcast) {
        return socket.set_option(SOL_SOCKET, SO_BROADCAST, &number, sizeof(number), names.text);
    }
    int notation = 4;
    if (Status status = any_family(socket, notation); !status.ok()) {
        return status;
    }
    return notation == 4 ? socket.set_option(IPPROTO_IP, names.v4, &number, sizeof(number), names.text)
                         : socket.set_option(IPPROTO_IPV6, names.v6, &number, sizeof(number), names.text);
}

Status change_membership(PolledSocket& socket, const Membership& membership, bool join) {
    int notation = 4;
    if (Status status = any_family(socket, notation); !status.ok()) {
        return status;
    }
    return notation == 4 ? change_ipv4(socket, membership, join) : change_ipv6(socket, membership, join);
}

Status set_multicast_interface(PolledSocket& socket, const std::wstring& address) {
    int notation = 4;
    if (Status status = any_family(socket, notation); !status.ok()) {
        return status;
    }
    AnyAddress local;
    int length = 0;
    if (Status status = parse_address(address, notation, 0, local, length); !status.ok()) {
        return status;
    }
    if (notation == 4) {
        return socket.set_option(IPPROTO_IP, IP_MULTICAST_IF, &local.v4.sin_addr, sizeof(local.v4.sin_addr),
                                 "multicast interface");
    }
    const DWORD scope = local.v6.sin6_scope_id;
    return socket.set_option(IPPROTO_IPV6, IPV6_MULTICAST_IF, &scope, sizeof(scope), "multicast interface");
}

Status buffer_size(PolledSocket& socket, bool receive, int& size) {
    const int name = receive ? SO_RCVBUF : SO_SNDBUF;
    const char* what = receive ? "receive buffer" : "send buffer";
    if (size != 0) {
        return socket.set_option(SOL_SOCKET, name, &size, sizeof(size), what);
    }
    int length = sizeof(size);
    return socket.get_option(SOL_SOCKET, name, &size, length, what);
}

} // namespace winsock_spi::spi
