// Datagram sockets with a peer. Pages: "connect function (winsock2.h)", "sendto function (winsock2.h)",
// "recv function (winsock2.h)", "getpeername function (winsock2.h)", "SIO_UDP_CONNRESET" in "Winsock IOCTLs".
#include "overlapped.hpp"

using namespace conformance;

CONFORMANCE_CASE("connected datagrams", "the peer is the default address and the only sender") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        const Socket one = bound_udp(family);
        const Socket peer = bound_udp(family);
        const Socket stranger = bound_udp(family);
        const Address peers_name = name_of(peer.get());
        const Address own_name = name_of(one.get());
        Address address;
        fails(name + "no peer before connect", getpeername(one.get(), address.get(), &address.length), WSAENOTCONN);
        succeeds(name + "connect", connect(one.get(), peers_name.get(), peers_name.length));
        is(name + "getpeername gives the peer", same(peer_of(one.get()), peers_name));
        is(name + "the own name stays", same(name_of(one.get()), own_name));
        equal(name + "send needs no address", send(one.get(), "to peer", 7, 0), 7);
        equal(name + "the peer gets it", receive_text(peer.get()), "to peer");
        equal(name + "sendto without an address", sendto(one.get(), "again", 5, 0, nullptr, 0), 5);
        equal(name + "goes there too", receive_text(peer.get()), "again");
        require("the stranger sends", sendto(stranger.get(), "strange", 7, 0, own_name.get(), own_name.length) == 7);
        require("the peer sends", sendto(peer.get(), "known", 5, 0, own_name.get(), own_name.length) == 5);
        equal(name + "only the peer's datagram is received", receive_text(one.get()), "known");
        is(name + "nothing else is there", !readable(one.get(), 0));
        char bytes[8];
        Address from;
        require("the peer sends", sendto(peer.get(), "from", 4, 0, own_name.get(), own_name.length) == 4);
        require("data", readable(one.get()));
        equal(name + "recvfrom works", recvfrom(one.get(), bytes, sizeof bytes, 0, from.get(), &from.length), 4);
        is(name + "and names the peer", same(from, peers_name));
    }
}

// sendto: an address given there is for that datagram alone; the peer stays.
CONFORMANCE_CASE("connected datagrams", "another address for one datagram") {
    const Pair pair = udp_pair();
    const Socket other = bound_udp();
    const Address others_name = name_of(other.get());
    equal("sendto elsewhere", sendto(pair.near_end.get(), "aside", 5, 0, others_name.get(), others_name.length), 5);
    equal("reaches the other", receive_text(other.get()), "aside");
    is("the peer stays", same(peer_of(pair.near_end.get()), name_of(pair.far_end.get())));
    equal("the next send", send(pair.near_end.get(), "home", 4, 0), 4);
    equal("goes to the peer", receive_text(pair.far_end.get()), "home");
}

// connect: a second call changes the peer.
CONFORMANCE_CASE("connected datagrams", "another peer") {
    const Pair pair = udp_pair();
    const Socket next = bound_udp();
    const Address next_name = name_of(next.get());
    const Address own_name = name_of(pair.near_end.get());
    succeeds("connect again", connect(pair.near_end.get(), next_name.get(), next_name.length));
    is("getpeername gives the new peer", same(peer_of(pair.near_end.get()), next_name));
    equal("send", send(pair.near_end.get(), "new", 3, 0), 3);
    equal("goes there", receive_text(next.get()), "new");
    require("the old peer sends", sendto(pair.far_end.get(), "old", 3, 0, nullptr, 0) == 3);
    require("the new peer sends", sendto(next.get(), "fresh", 5, 0, own_name.get(), own_name.length) == 5);
    equal("only the new peer is heard", receive_text(pair.near_end.get()), "fresh");
    succeeds("WSAConnect does it too", WSAConnect(pair.near_end.get(), name_of(pair.far_end.get()).get(),
                                                  sizeof(sockaddr_in), nullptr, nullptr, nullptr, nullptr));
    is("back to the first peer", same(peer_of(pair.near_end.get()), name_of(pair.far_end.get())));
}

// connect: an address of zeros takes the peer away; send then says WSAENOTCONN until the next connect.
CONFORMANCE_CASE("connected datagrams", "taking the peer away") {
    const char* const taken_literally = "Wine 10.0 connects to the address of zeros, Linux's name for this machine";
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        const Pair pair = udp_pair(family);
        const Address own_name = name_of(pair.near_end.get());
        const Address zero = wildcard(family);
        succeeds(name + "connect to an address of zeros", connect(pair.near_end.get(), zero.get(), zero.length));
        Address address;
        fails(name + "there is no peer", getpeername(pair.near_end.get(), address.get(), &address.length), WSAENOTCONN,
              on_wine(succeeded, taken_literally));
        fails(name + "send has nowhere to go", send(pair.near_end.get(), "x", 1, 0), WSAENOTCONN,
              on_wine(succeeded, taken_literally));
        equal(name + "the port stays", name_of(pair.near_end.get()).port(), own_name.port());
        const Socket stranger = bound_udp(family);
        require("a stranger sends", sendto(stranger.get(), "any", 3, 0, own_name.get(), own_name.length) == 3);
        equal(name + "strangers are heard again", receive_text(pair.near_end.get()), "any");
        const Address peers_name = name_of(pair.far_end.get());
        succeeds(name + "connect again", connect(pair.near_end.get(), peers_name.get(), peers_name.length));
        equal(name + "send works again", send(pair.near_end.get(), "back", 4, 0), 4);
        equal(name + "and arrives", receive_text(pair.far_end.get()), "back");
    }
    const Pair pair = udp_pair();
    Address nothing;
    nothing.length = sizeof(sockaddr_in);
    nothing.storage.ss_family = AF_UNSPEC;
    succeeds("AF_UNSPEC takes it away too", connect(pair.near_end.get(), nothing.get(), nothing.length));
    Address address;
    fails("AF_UNSPEC: there is no peer", getpeername(pair.near_end.get(), address.get(), &address.length), WSAENOTCONN);
}

CONFORMANCE_CASE("connected datagrams", "errors of connect") {
    const Socket one = bound_udp();
    const Address v6 = loopback(AF_INET6, 9);
    fails("an address of another family: WSAEAFNOSUPPORT", connect(one.get(), v6.get(), v6.length), WSAEAFNOSUPPORT,
          on_wine(WSAEOPNOTSUPP, "Wine 10.0 sees an address of another family as an operation that is not supported"));
    const Address v4 = loopback(AF_INET, 9);
    fails("too short an address: WSAEFAULT", connect(one.get(), v4.get(), 4), WSAEFAULT,
          on_wine(WSAEADDRNOTAVAIL, "Wine 10.0 takes an address it cannot read as one that is not there"));
    const Socket unbound = udp();
    succeeds("connect binds an unbound socket", connect(unbound.get(), v4.get(), v4.length));
    const Address name = name_of(unbound.get());
    is("to a port", name.port() != 0);
    is("and to the address it would send from", name.is_loopback());
}

// recvfrom: on a datagram socket WSAECONNRESET says that an earlier send met an unreachable port. SIO_UDP_CONNRESET
// turns this off.
CONFORMANCE_CASE("connected datagrams", "port unreachable") {
    Address gone;
    {
        const Socket temporary = bound_udp();
        gone = name_of(temporary.get());
    }
    const Socket one = bound_udp();
    succeeds("connect to a port nobody has", connect(one.get(), gone.get(), gone.length));
    equal("send", send(one.get(), "hello?", 6, 0), 6);
    set_nonblocking(one.get());
    const char* const untold = "Wine 10.0 does not pass ICMP errors of datagrams on";
    is("the socket becomes readable", readable(one.get(), 250), on_wine(false, untold));
    char bytes[8];
    fails("recv", recv(one.get(), bytes, sizeof bytes, 0), WSAECONNRESET, on_wine(WSAEWOULDBLOCK, untold));
    fails("which was told once", recv(one.get(), bytes, sizeof bytes, 0), WSAEWOULDBLOCK);
    const Socket quiet = bound_udp();
    BOOL off = FALSE;
    DWORD returned = 0;
    succeeds("SIO_UDP_CONNRESET off",
             WSAIoctl(quiet.get(), SIO_UDP_CONNRESET, &off, sizeof off, nullptr, 0, &returned, nullptr, nullptr));
}

// A UDP pair and overlapped operations.
CONFORMANCE_CASE("connected datagrams", "overlapped") {
    const Pair pair = udp_pair();
    Receive receive;
    fails("a receive without data: WSA_IO_PENDING", receive.start(pair.near_end.get()), WSA_IO_PENDING);
    is("its event is not set", !receive.event.is_set());
    Operation sent;
    WSABUF one = text_buffer("message");
    require("a send", started(WSASend(pair.far_end.get(), &one, 1, nullptr, 0, &sent.overlapped, nullptr)));
    DWORD count = 0;
    equal("the send ends", sent.finish(pair.far_end.get(), count), 0);
    equal("with its bytes", count, 7u);
    equal("the receive ends", receive.finish(pair.near_end.get(), count), 0);
    equal("with the message", receive.text(count), "message");
}
