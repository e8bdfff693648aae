// bind. Pages: "bind function (winsock.h)", "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE", "SO_EXCLUSIVEADDRUSE",
// "Sharing Transport Addresses".
#include "sockets.hpp"

using namespace conformance;

namespace {

constexpr int families[] = {AF_INET, AF_INET6};
constexpr std::string_view linux_ports =
    "Wine 10.0 leaves ports to Linux, where a socket for every address takes the port of all addresses";

int bind_to(const Socket& made, const Address& name) {
    return bind(made.get(), name.get(), name.length);
}

enum class Use { plain, reuse, exclusive };

Socket tcp_for(Use use) {
    Socket made = tcp();
    if (use != Use::plain) {
        const int name = use == Use::reuse ? SO_REUSEADDR : SO_EXCLUSIVEADDRUSE;
        require("set how the address is used", set_option(made.get(), SOL_SOCKET, name, 1) == 0);
    }
    return made;
}

} // namespace

CONFORMANCE_CASE("bind", "to loopback") {
    for (const int family : families) {
        for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
            const std::string text = (type == SOCK_STREAM ? "TCP over " : "UDP over ") + family_name(family);
            const Socket made = type == SOCK_STREAM ? tcp(family) : udp(family);
            succeeds(text, bind_to(made, loopback(family)));
            const Address name = name_of(made.get());
            equal(text + ": the family is as given", name.family(), family);
            is(text + ": the address is as given", name.is_loopback());
            is(text + ": port 0 was replaced by a port", name.port() != 0);
            equal(text + ": getsockname tells the length", name.length, address_length(family));
            fails(text + ", a second time: WSAEINVAL", bind_to(made, loopback(family)), WSAEINVAL);
            fails(text + ", a second time to the same name: WSAEINVAL", bind_to(made, name), WSAEINVAL);
            is(text + ": the name is still the first", same(name_of(made.get()), name));
        }
    }
}

CONFORMANCE_CASE("bind", "to the wildcard") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Socket made = tcp(family);
        succeeds(text, bind_to(made, wildcard(family)));
        Address name = name_of(made.get());
        is(text + ": a port was chosen", name.port() != 0);
        name.set_port(0);
        is(text + ": the address stays the wildcard", same(name, wildcard(family)));
        require("listen", listen(made.get(), 1) == 0);
        const Address at = loopback(family, name_of(made.get()).port());
        const Socket client = tcp(family);
        succeeds(text + ": it is reached over loopback", connect(client.get(), at.get(), at.length));
        const Socket accepted(accept(made.get(), nullptr, nullptr));
        is(text + ": the accepted socket has the address that was reached", same(name_of(accepted.get()), at));
        is(text + ": the listening socket keeps the wildcard", !name_of(made.get()).is_loopback());
    }
}

CONFORMANCE_CASE("bind", "arguments") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Socket made = tcp(family);
        const Address name = loopback(family);
        fails(text + ": NULL: WSAEFAULT", bind(made.get(), nullptr, name.length), WSAEFAULT);
        fails(text + ": length 0: WSAEFAULT", bind(made.get(), name.get(), 0), WSAEFAULT);
        fails(text + ": length 1: WSAEFAULT", bind(made.get(), name.get(), 1), WSAEFAULT);
        fails(text + ": only the family: WSAEFAULT", bind(made.get(), name.get(), 2), WSAEFAULT);
        // sockaddr_in6 without its scope id is the SOCKADDR_IN6 of RFC 2133, which Windows takes for short too.
        const int shortest =
            family == AF_INET ? name.length - 1 : static_cast<int>(offsetof(sockaddr_in6, sin6_scope_id)) - 1;
        fails(text + ": too short: WSAEFAULT", bind(made.get(), name.get(), shortest), WSAEFAULT);
        Address other = loopback(family == AF_INET ? AF_INET6 : AF_INET);
        other.length = sizeof(sockaddr_storage);
        const bool refused = bind_to(made, other) == SOCKET_ERROR;
        const int error = WSAGetLastError();
        is(text + ": the other family: WSAEFAULT or WSAEAFNOSUPPORT",
           refused && (error == WSAEFAULT || error == WSAEAFNOSUPPORT),
           on_wine(false, "Wine 10.0 leaves it to Linux to refuse the address, with errors of many kinds"));
        Address unspecified = loopback(family);
        unspecified.storage.ss_family = AF_UNSPEC;
        fails(text + ": AF_UNSPEC: WSAEAFNOSUPPORT", bind_to(made, unspecified), WSAEAFNOSUPPORT);
        Address unknown = loopback(family);
        unknown.storage.ss_family = 200;
        fails(text + ": a family nobody has: WSAEAFNOSUPPORT", bind_to(made, unknown), WSAEAFNOSUPPORT);
        Address longer = loopback(family);
        longer.length = sizeof(sockaddr_storage);
        succeeds(text + ": after all these the socket can be bound; more room than needed is fine",
                 bind_to(made, longer));
    }
    Address elsewhere = loopback(AF_INET);
    elsewhere.v4()->sin_addr.s_addr = htonl(0xC0000201); // 192.0.2.1, kept for documentation
    fails("an address of another machine: WSAEADDRNOTAVAIL", bind_to(tcp(), elsewhere), WSAEADDRNOTAVAIL);
    fails("an address of another machine, UDP: WSAEADDRNOTAVAIL", bind_to(udp(), elsewhere), WSAEADDRNOTAVAIL);
    Address elsewhere6 = loopback(AF_INET6);
    elsewhere6.v6()->sin6_addr = IN6_ADDR{{{0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}};
    fails("an IPv6 address of another machine: WSAEADDRNOTAVAIL", bind_to(tcp(AF_INET6), elsewhere6), WSAEADDRNOTAVAIL);
}

CONFORMANCE_CASE("bind", "a connected socket") {
    const Pair pair = tcp_pair();
    fails("the end that connected: WSAEINVAL", bind_to(pair.near_end, loopback(AF_INET)), WSAEINVAL);
    fails("the end that was accepted: WSAEINVAL", bind_to(pair.far_end, loopback(AF_INET)), WSAEINVAL);
    const Socket datagram = udp();
    const Address sink = name_of(pair.near_end.get());
    require("connect UDP", connect(datagram.get(), sink.get(), sink.length) == 0);
    fails("a UDP socket that connect has bound: WSAEINVAL", bind_to(datagram, loopback(AF_INET)), WSAEINVAL);
    const Socket sender = udp();
    require("sendto", sendto(sender.get(), "x", 1, 0, sink.get(), sink.length) == 1);
    fails("a UDP socket that sendto has bound: WSAEINVAL", bind_to(sender, loopback(AF_INET)), WSAEINVAL);
}

CONFORMANCE_CASE("bind", "an address in use") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Socket first = bound_tcp(family);
        const Address name = name_of(first.get());
        fails(text + ", TCP: WSAEADDRINUSE", bind_to(tcp(family), name), WSAEADDRINUSE);
        succeeds(text + ": UDP has ports of its own", bind_to(udp(family), name));
        const Socket datagram = bound_udp(family);
        const Address datagram_name = name_of(datagram.get());
        fails(text + ", UDP: WSAEADDRINUSE", bind_to(udp(family), datagram_name), WSAEADDRINUSE);
        const Socket listener = listening(family);
        fails(text + ", listening: WSAEADDRINUSE", bind_to(tcp(family), name_of(listener.get())), WSAEADDRINUSE);
        Socket failed = tcp(family);
        fails(text + ", for a socket that tries again: WSAEADDRINUSE", bind_to(failed, name), WSAEADDRINUSE);
        succeeds(text + ": which can be bound to another", bind_to(failed, loopback(family)));
    }
    Socket gone = bound_tcp();
    const Address name = name_of(gone.get());
    gone.close();
    succeeds("once closed it is free", bind_to(tcp(), name));
    const Socket v4 = bound_tcp(AF_INET);
    succeeds("IPv6 has ports of its own", bind_to(tcp(AF_INET6), loopback(AF_INET6, name_of(v4.get()).port())));
    Address second_loopback = loopback(AF_INET, name_of(v4.get()).port());
    second_loopback.v4()->sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    succeeds("another address has ports of its own", bind_to(tcp(), second_loopback));
}

// The table of "Sharing Transport Addresses" for two specific addresses: what the second socket gets.
CONFORMANCE_CASE("bind", "the same address twice, with SO_REUSEADDR and SO_EXCLUSIVEADDRUSE") {
    struct Row {
        const char* text;
        Use first;
        Use second;
        int error;
        int wine;
    };
    constexpr Row rows[] = {
        {"plain, plain", Use::plain, Use::plain, WSAEADDRINUSE, WSAEADDRINUSE},
        {"plain, SO_REUSEADDR", Use::plain, Use::reuse, WSAEACCES, WSAEACCES},
        {"plain, SO_EXCLUSIVEADDRUSE", Use::plain, Use::exclusive, WSAEADDRINUSE, WSAEADDRINUSE},
        {"SO_REUSEADDR, plain", Use::reuse, Use::plain, WSAEACCES, WSAEADDRINUSE},
        {"SO_REUSEADDR, SO_REUSEADDR", Use::reuse, Use::reuse, succeeded, succeeded},
        {"SO_REUSEADDR, SO_EXCLUSIVEADDRUSE", Use::reuse, Use::exclusive, WSAEADDRINUSE, WSAEADDRINUSE},
        {"SO_EXCLUSIVEADDRUSE, plain", Use::exclusive, Use::plain, WSAEADDRINUSE, WSAEADDRINUSE},
        {"SO_EXCLUSIVEADDRUSE, SO_REUSEADDR", Use::exclusive, Use::reuse, WSAEACCES, WSAEADDRINUSE},
        {"SO_EXCLUSIVEADDRUSE, SO_EXCLUSIVEADDRUSE", Use::exclusive, Use::exclusive, WSAEADDRINUSE, WSAEADDRINUSE},
    };
    for (const Row& row : rows) {
        const Socket first = tcp_for(row.first);
        require("the first", bind_to(first, loopback(AF_INET)) == 0);
        const Socket second = tcp_for(row.second);
        const int result = bind_to(second, name_of(first.get()));
        const OnWine<int> wine = on_wine(row.wine, linux_ports);
        if (row.error == succeeded) {
            succeeds(row.text, result, wine);
        } else {
            fails(row.text, result, row.error, wine);
        }
    }
}

CONFORMANCE_CASE("bind", "one address and the wildcard on the same port") {
    const Socket wild = tcp();
    require("the wildcard first", bind_to(wild, wildcard(AF_INET)) == 0);
    succeeds("one address after the wildcard", bind_to(tcp(), loopback(AF_INET, name_of(wild.get()).port())),
             on_wine(WSAEADDRINUSE, linux_ports));
    const Socket one = bound_tcp();
    succeeds("the wildcard after one address", bind_to(tcp(), wildcard(AF_INET, name_of(one.get()).port())),
             on_wine(WSAEADDRINUSE, linux_ports));
    fails("the wildcard twice: WSAEADDRINUSE", bind_to(tcp(), wildcard(AF_INET, name_of(wild.get()).port())),
          WSAEADDRINUSE);
}

CONFORMANCE_CASE("bind", "UDP with SO_REUSEADDR") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Socket first = udp(family);
        const Socket second = udp(family);
        const Socket third = udp(family);
        require("SO_REUSEADDR", set_option(first.get(), SOL_SOCKET, SO_REUSEADDR, 1) == 0 &&
                                    set_option(second.get(), SOL_SOCKET, SO_REUSEADDR, 1) == 0);
        require("the first", bind_to(first, loopback(family)) == 0);
        const Address name = name_of(first.get());
        succeeds(text + ": two sockets that both ask for it share an address", bind_to(second, name));
        is(text + ": and have the same name", same(name_of(second.get()), name));
        fails(text + ": a third that does not ask: WSAEADDRINUSE", bind_to(third, name), WSAEADDRINUSE);
    }
}
