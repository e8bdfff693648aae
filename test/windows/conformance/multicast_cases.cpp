// Multicast over this machine's own interface. Pages: "Multicast Programming", "IPPROTO_IP Socket Options"
// (IP_ADD_MEMBERSHIP and its like). WSAJoinLeaf is no case of this suite: Wine's own Winsock has only a stub.
#include "overlapped.hpp"

using namespace conformance;

namespace {

constexpr u_long group_address = 0xEF010203; // 239.1.2.3, of the range for one's own network

ip_mreq group() {
    ip_mreq request{};
    request.imr_multiaddr.s_addr = htonl(group_address);
    request.imr_interface.s_addr = htonl(INADDR_LOOPBACK);
    return request;
}

Socket receiver_of(std::uint16_t& port) {
    Socket receiver = udp();
    const Address any = wildcard(AF_INET);
    require("bind", bind(receiver.get(), any.get(), any.length) == 0);
    port = name_of(receiver.get()).port();
    return receiver;
}

} // namespace

CONFORMANCE_CASE("multicast", "a group") {
    std::uint16_t port = 0;
    const Socket receiver = receiver_of(port);
    const ip_mreq membership = group();
    succeeds("IP_ADD_MEMBERSHIP", set_option(receiver.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, membership));
    const Socket sender = bound_udp();
    in_addr interface_address{};
    interface_address.s_addr = htonl(INADDR_LOOPBACK);
    succeeds("IP_MULTICAST_IF", set_option(sender.get(), IPPROTO_IP, IP_MULTICAST_IF, interface_address));
    Address to = wildcard(AF_INET, port);
    to.v4()->sin_addr.s_addr = htonl(group_address);
    equal("sendto the group", sendto(sender.get(), "to all", 6, 0, to.get(), to.length), 6);
    char bytes[16]{};
    Address from;
    is("arrives at its member", readable(receiver.get()));
    equal("whole", recvfrom(receiver.get(), bytes, sizeof bytes, 0, from.get(), &from.length), 6);
    equal("with its data", std::string(bytes), "to all");
    is("from the sender", same(from, name_of(sender.get())));
    succeeds("IP_DROP_MEMBERSHIP", set_option(receiver.get(), IPPROTO_IP, IP_DROP_MEMBERSHIP, membership));
    equal("a second time fails", set_option(receiver.get(), IPPROTO_IP, IP_DROP_MEMBERSHIP, membership), SOCKET_ERROR);
}

CONFORMANCE_CASE("multicast", "options") {
    const Socket socket = bound_udp();
    equal("IP_MULTICAST_TTL is 1 at first", option(socket.get(), IPPROTO_IP, IP_MULTICAST_TTL), 1);
    const DWORD hops = 4;
    succeeds("it can be set", set_option(socket.get(), IPPROTO_IP, IP_MULTICAST_TTL, hops));
    equal("and is read back", option(socket.get(), IPPROTO_IP, IP_MULTICAST_TTL), 4);
    equal("IP_MULTICAST_LOOP is on at first", option(socket.get(), IPPROTO_IP, IP_MULTICAST_LOOP), 1);
    const DWORD off = 0;
    succeeds("it can be turned off", set_option(socket.get(), IPPROTO_IP, IP_MULTICAST_LOOP, off));
    equal("and is off then", option(socket.get(), IPPROTO_IP, IP_MULTICAST_LOOP), 0);
    ip_mreq wrong = group();
    wrong.imr_multiaddr.s_addr = htonl(INADDR_LOOPBACK);
    const int result = set_option(socket.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, wrong);
    equal("an address that is no group's cannot be joined", result, SOCKET_ERROR);
}
