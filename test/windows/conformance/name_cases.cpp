// getsockname and getpeername. Pages: "getsockname function (winsock.h)", "getpeername function (winsock.h)".
#include "sockets.hpp"

using namespace conformance;

namespace {

constexpr int families[] = {AF_INET, AF_INET6};

struct Getter {
    const char* name;
    int(WSAAPI* get)(SOCKET, sockaddr*, int*);
};
constexpr Getter getters[] = {{"getsockname", &getsockname}, {"getpeername", &getpeername}};

} // namespace

CONFORMANCE_CASE("getsockname", "before a name is there: WSAEINVAL") {
    for (const int family : families) {
        Address name;
        fails("TCP over " + family_name(family), getsockname(tcp(family).get(), name.get(), &name.length), WSAEINVAL);
        fails("UDP over " + family_name(family), getsockname(udp(family).get(), name.get(), &name.length), WSAEINVAL);
        equal("TCP and UDP over " + family_name(family) + ": the length is left alone", name.length,
              static_cast<int>(sizeof(sockaddr_storage)));
    }
}

CONFORMANCE_CASE("getpeername", "without a peer: WSAENOTCONN") {
    for (const int family : families) {
        const std::string text = family_name(family);
        Address name;
        fails(text + ", new", getpeername(tcp(family).get(), name.get(), &name.length), WSAENOTCONN);
        fails(text + ", bound", getpeername(bound_tcp(family).get(), name.get(), &name.length), WSAENOTCONN);
        fails(text + ", listening", getpeername(listening(family).get(), name.get(), &name.length), WSAENOTCONN);
        fails(text + ", UDP new", getpeername(udp(family).get(), name.get(), &name.length), WSAENOTCONN);
        fails(text + ", UDP bound", getpeername(bound_udp(family).get(), name.get(), &name.length), WSAENOTCONN);
        const Unanswered nobody = unanswered(family);
        const Socket refused = tcp(family);
        require("refused", connect(refused.get(), nobody.address.get(), nobody.address.length) == SOCKET_ERROR);
        fails(text + ", refused", getpeername(refused.get(), name.get(), &name.length), WSAENOTCONN);
        equal(text + ": the length is left alone", name.length, static_cast<int>(sizeof(sockaddr_storage)));
    }
}

CONFORMANCE_CASE("names", "of a connection") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Socket listener = listening(family);
        const Socket client = connected_to(listener.get());
        const Socket server(accept(listener.get(), nullptr, nullptr));
        is(text + ": connect gives the client loopback", name_of(client.get()).is_loopback());
        is(text + ": connect gives the client a port", name_of(client.get()).port() != 0);
        is(text + ": the client's peer is the listener's name", same(peer_of(client.get()), name_of(listener.get())));
        is(text + ": the server's name is the listener's", same(name_of(server.get()), name_of(listener.get())));
        is(text + ": the server's peer is the client's name", same(peer_of(server.get()), name_of(client.get())));
        is(text + ": the client's peer is the server's name", same(peer_of(client.get()), name_of(server.get())));
        equal(text + ": the length of a peer's name", peer_of(server.get()).length, address_length(family));
    }
}

CONFORMANCE_CASE("names", "arguments") {
    for (const int family : families) {
        const Pair pair = tcp_pair(family);
        const SOCKET handle = pair.near_end.get();
        const int exact = address_length(family);
        for (const Getter& getter : getters) {
            const std::string text = std::string(getter.name) + " over " + family_name(family);
            Address name;
            name.length = exact;
            succeeds(text + ": exactly enough room", getter.get(handle, name.get(), &name.length));
            equal(text + ": exactly enough room, the length after it", name.length, exact);
            name.length = exact - 1;
            fails(text + ": one byte too little: WSAEFAULT", getter.get(handle, name.get(), &name.length), WSAEFAULT);
            name.length = 0;
            fails(text + ": no room: WSAEFAULT", getter.get(handle, name.get(), &name.length), WSAEFAULT);
            name.length = exact;
            fails(text + ": no name: WSAEFAULT", getter.get(handle, nullptr, &name.length), WSAEFAULT,
                  on_wine(WSAEINVAL, "Wine 10.0 says WSAEINVAL for getpeername"));
            if (!under_wine()) { // Wine 10.0 reads the length unguarded: the program ends
                fails(text + ": no length: WSAEFAULT", getter.get(handle, name.get(), nullptr), WSAEFAULT);
            }
            name.length = sizeof(sockaddr_storage);
            name.storage.ss_family = 0x7777;
            succeeds(text + ": more room", getter.get(handle, name.get(), &name.length));
            equal(text + ": more room, the length after it", name.length, exact);
            equal(text + ": more room, the family", name.family(), family);
        }
    }
}

CONFORMANCE_CASE("names", "when the peer has gone") {
    for (const int family : families) {
        const std::string text = family_name(family);
        Pair pair = tcp_pair(family);
        const Address near_name = name_of(pair.near_end.get());
        const Address far_name = name_of(pair.far_end.get());
        pair.far_end.close();
        require("the end", readable(pair.near_end.get()));
        Address name;
        succeeds(text + ": getsockname", getsockname(pair.near_end.get(), name.get(), &name.length));
        is(text + ": the name is as before", same(name, near_name));
        succeeds(text + ": getpeername", getpeername(pair.near_end.get(), name.get(), &name.length));
        is(text + ": the peer's name is as before", same(name, far_name));
    }
}

CONFORMANCE_CASE("names", "of UDP") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Pair pair = udp_pair(family);
        is(text + ": connect sets the peer", same(peer_of(pair.near_end.get()), name_of(pair.far_end.get())));
        const Address sink = name_of(pair.far_end.get());
        const Socket sender = udp(family);
        require("sendto", sendto(sender.get(), "x", 1, 0, sink.get(), sink.length) == 1);
        const Address name = name_of(sender.get());
        is(text + ": sendto gives an unbound socket a port", name.port() != 0);
        Address ignored;
        fails(text + ": but no peer: WSAENOTCONN", getpeername(sender.get(), ignored.get(), &ignored.length),
              WSAENOTCONN);
        const Socket connected = udp(family);
        require("connect", connect(connected.get(), sink.get(), sink.length) == 0);
        is(text + ": connect gives an unbound socket the address that leads there",
           name_of(connected.get()).is_loopback());
        is(text + ": connect gives an unbound socket a port", name_of(connected.get()).port() != 0);
    }
}
