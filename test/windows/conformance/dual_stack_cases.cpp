// IPv6 sockets that serve IPv4 too. Pages: "Dual-Stack Sockets for IPv6 Winsock Applications", "IPPROTO_IPV6 Socket
// Options" (IPV6_V6ONLY), "connect function (winsock2.h)", "bind function (winsock2.h)".
#include "overlapped.hpp"

using namespace conformance;

namespace {

Socket dual(int type) {
    Socket made(socket(AF_INET6, type, 0));
    require("an IPv6 socket", static_cast<bool>(made));
    const DWORD off = 0;
    require("IPV6_V6ONLY off", set_option(made.get(), IPPROTO_IPV6, IPV6_V6ONLY, off) == 0);
    return made;
}

// 127.0.0.1 as an IPv6 address.
Address mapped(std::uint16_t port) {
    Address address = wildcard(AF_INET6, port);
    auto& bytes = address.v6()->sin6_addr.s6_addr;
    bytes[10] = bytes[11] = 0xff;
    bytes[12] = 127;
    bytes[15] = 1;
    return address;
}

bool is_mapped_loopback(const Address& address) {
    return address.family() == AF_INET6 &&
           std::memcmp(&address.v6()->sin6_addr, &mapped(0).v6()->sin6_addr, sizeof(in6_addr)) == 0;
}

Socket bound_dual(int type) {
    Socket made = dual(type);
    const Address any = wildcard(AF_INET6);
    require("bind", bind(made.get(), any.get(), any.length) == 0);
    return made;
}

} // namespace

CONFORMANCE_CASE("dual stack", "IPV6_V6ONLY") {
    const Socket one = tcp(AF_INET6);
    equal("is on at first", option(one.get(), IPPROTO_IPV6, IPV6_V6ONLY), 1);
    const DWORD off = 0;
    succeeds("can be turned off", set_option(one.get(), IPPROTO_IPV6, IPV6_V6ONLY, off));
    equal("is off then", option(one.get(), IPPROTO_IPV6, IPV6_V6ONLY), 0);
    const DWORD on = 1;
    succeeds("and on again", set_option(one.get(), IPPROTO_IPV6, IPV6_V6ONLY, on));
    equal("is on then", option(one.get(), IPPROTO_IPV6, IPV6_V6ONLY), 1);
    const Socket datagram = udp(AF_INET6);
    equal("is on for datagram sockets at first", option(datagram.get(), IPPROTO_IPV6, IPV6_V6ONLY), 1);
}

CONFORMANCE_CASE("dual stack", "a server of both") {
    const Socket listener = bound_dual(SOCK_STREAM);
    require("listen", listen(listener.get(), SOMAXCONN) == 0);
    const std::uint16_t port = name_of(listener.get()).port();
    const Address v4 = loopback(AF_INET, port);
    const Socket client = tcp();
    succeeds("an IPv4 client connects", connect(client.get(), v4.get(), v4.length));
    Address from;
    const Socket accepted(accept(listener.get(), from.get(), &from.length));
    is("and is accepted", static_cast<bool>(accepted));
    equal("with an IPv6 address", from.length, address_length(AF_INET6));
    is("its IPv4 address as an IPv6 one", is_mapped_loopback(from));
    equal("with its port", from.port(), name_of(client.get()).port());
    is("getpeername says the same", same(peer_of(accepted.get()), from));
    is("getsockname is such an address too", is_mapped_loopback(name_of(accepted.get())));
    is("the client sees IPv4", peer_of(client.get()).is_loopback() && peer_of(client.get()).family() == AF_INET);
    send_text(client.get(), "v4");
    equal("data goes over", receive_text(accepted.get()), "v4");
    const Address v6 = loopback(AF_INET6, port);
    const Socket client6 = tcp(AF_INET6);
    succeeds("an IPv6 client connects", connect(client6.get(), v6.get(), v6.length));
    from = Address{};
    const Socket accepted6(accept(listener.get(), from.get(), &from.length));
    is("and is accepted under its own address", accepted6 && from.is_loopback());
}

CONFORMANCE_CASE("dual stack", "a client of IPv4") {
    const Socket listener = listening();
    const std::uint16_t port = name_of(listener.get()).port();
    const Socket client = dual(SOCK_STREAM);
    const Address to = mapped(port);
    succeeds("connect to an IPv4 address as an IPv6 one", connect(client.get(), to.get(), to.length));
    const Socket accepted(accept(listener.get(), nullptr, nullptr));
    is("the IPv4 server sees IPv4", peer_of(accepted.get()).family() == AF_INET);
    is("getpeername gives what was connected to", same(peer_of(client.get()), to));
    is("getsockname is an address of that kind", is_mapped_loopback(name_of(client.get())));
    send_text(client.get(), "mapped");
    equal("data goes over", receive_text(accepted.get()), "mapped");
}

CONFORMANCE_CASE("dual stack", "datagrams") {
    const Socket both = bound_dual(SOCK_DGRAM);
    const std::uint16_t port = name_of(both.get()).port();
    const Socket v4 = bound_udp();
    const Address to = loopback(AF_INET, port);
    equal("from IPv4", sendto(v4.get(), "from v4", 7, 0, to.get(), to.length), 7);
    char bytes[16];
    Address from;
    require("data", readable(both.get()));
    equal("is received", recvfrom(both.get(), bytes, sizeof bytes, 0, from.get(), &from.length), 7);
    is("from the IPv4 address as an IPv6 one", is_mapped_loopback(from));
    equal("the answer", sendto(both.get(), "to v4", 5, 0, from.get(), from.length), 5);
    equal("goes to IPv4", receive_text(v4.get()), "to v4");
    const Socket v6 = bound_udp(AF_INET6);
    const Address to6 = loopback(AF_INET6, port);
    equal("from IPv6", sendto(v6.get(), "from v6", 7, 0, to6.get(), to6.length), 7);
    require("data", readable(both.get()));
    from = Address{};
    equal("is received too", recvfrom(both.get(), bytes, sizeof bytes, 0, from.get(), &from.length), 7);
    is("from its own address", from.is_loopback());
}

CONFORMANCE_CASE("dual stack", "sockets of one family only") {
    const Socket listener = listening(AF_INET6);
    const std::uint16_t port = name_of(listener.get()).port();
    const Socket client = tcp();
    const Address v4 = loopback(AF_INET, port);
    fails("an IPv4 client of an IPv6 server", connect(client.get(), v4.get(), v4.length), WSAECONNREFUSED);
    const Socket only6 = tcp(AF_INET6);
    const Address to = mapped(port);
    equal("an IPv6 client of an IPv4 address fails", connect(only6.get(), to.get(), to.length), SOCKET_ERROR);
}

// A name of its own for each family: the same port can be had in both.
CONFORMANCE_CASE("dual stack", "the same port in both families") {
    Socket v4;
    Socket v6;
    bool both = false;
    for (int attempt = 0; attempt < 20 && !both; ++attempt) { // another program may have the port in the other family
        v4 = listening();
        v6 = tcp(AF_INET6);
        const Address address = loopback(AF_INET6, name_of(v4.get()).port());
        both = bind(v6.get(), address.get(), address.length) == 0;
    }
    is("bind to both", both);
    succeeds("listening in both", listen(v6.get(), 1));
    const Socket client6 = connected_to(v6.get());
    is("IPv6 connections go to the IPv6 socket", readable(v6.get()));
    is("and not to the other", !readable(v4.get(), 0));
}

// AcceptEx and ConnectEx know such addresses too.
CONFORMANCE_CASE("dual stack", "ConnectEx") {
    const Socket listener = listening();
    const Socket client = bound_dual(SOCK_STREAM);
    const Address to = mapped(name_of(listener.get()).port());
    const auto connect_ex = extension<LPFN_CONNECTEX>(client.get(), WSAID_CONNECTEX);
    Operation operation;
    DWORD count = 0;
    require("ConnectEx",
            started_bool(connect_ex(client.get(), to.get(), to.length, nullptr, 0, &count, &operation.overlapped)));
    equal("connects to IPv4", operation.finish(client.get()), 0);
    require("context", setsockopt(client.get(), SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, nullptr, 0) == 0);
    is("getpeername", same(peer_of(client.get()), to));
}
