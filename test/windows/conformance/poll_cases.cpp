// WSAPoll. Page: "WSAPoll function (winsock2.h)".
#include "sockets.hpp"

#include <vector>

using namespace conformance;

namespace {

// The events of one socket, waited for up to `milliseconds`.
int poll_one(SOCKET handle, SHORT events, SHORT& returned, int milliseconds = 0) {
    WSAPOLLFD entry{handle, events, 0x7777};
    const int result = WSAPoll(&entry, 1, milliseconds);
    returned = entry.revents;
    return result;
}

SHORT events_of(SOCKET handle, SHORT events, int milliseconds = 0) {
    SHORT returned = 0;
    require("WSAPoll", poll_one(handle, events, returned, milliseconds) != SOCKET_ERROR);
    return returned;
}

constexpr int wait = static_cast<int>(patience);

} // namespace

CONFORMANCE_CASE("WSAPoll", "a connection") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string text = family_name(family);
        Pair pair = tcp_pair(family);
        const SOCKET handle = pair.near_end.get();
        SHORT returned = 0;
        equal(text + ": one is writable", poll_one(handle, POLLWRNORM, returned), 1);
        equal(text + ": POLLWRNORM", returned, POLLWRNORM);
        equal(text + ": nothing to read", poll_one(handle, POLLRDNORM, returned), 0);
        equal(text + ": revents is 0 then", returned, 0);
        send_text(pair.far_end.get(), "x");
        equal(text + ": POLLRDNORM with data", events_of(handle, POLLRDNORM, wait), POLLRDNORM);
        equal(text + ": both asked, both told", events_of(handle, POLLRDNORM | POLLWRNORM), POLLRDNORM | POLLWRNORM);
        equal(text + ": only what was asked", events_of(handle, POLLWRNORM), POLLWRNORM);
        equal(text + ": POLLIN asks for data of both kinds", events_of(handle, POLLIN), POLLRDNORM);
        equal(text + ": POLLOUT is POLLWRNORM", events_of(handle, POLLOUT), POLLWRNORM);
        equal(text + ": the data", receive_text(handle), "x");
        pair.far_end.close();
        const SHORT at_end = events_of(handle, POLLRDNORM, wait);
        is(text + ": POLLHUP when the peer has closed", (at_end & POLLHUP) != 0);
        is(text + ": no POLLERR when the peer has closed", (at_end & POLLERR) == 0);
    }
}

CONFORMANCE_CASE("WSAPoll", "a connection that was reset") {
    Pair pair = tcp_pair();
    reset_connection(pair.far_end);
    const SHORT returned = events_of(pair.near_end.get(), POLLRDNORM, wait);
    is("POLLHUP", (returned & POLLHUP) != 0);
}

CONFORMANCE_CASE("WSAPoll", "a listening socket") {
    const Socket listener = listening();
    SHORT returned = 0;
    equal("without a connection", poll_one(listener.get(), POLLRDNORM, returned), 0);
    const Socket client = connected_to(listener.get());
    equal("POLLRDNORM with a connection", events_of(listener.get(), POLLRDNORM, wait), POLLRDNORM);
}

CONFORMANCE_CASE("WSAPoll", "a non-blocking connect") {
    const Socket listener = listening();
    const Address name = name_of(listener.get());
    const Socket client = tcp();
    set_nonblocking(client.get());
    require("connect", connect(client.get(), name.get(), name.length) == SOCKET_ERROR);
    equal("POLLWRNORM when it is connected", events_of(client.get(), POLLWRNORM, wait), POLLWRNORM);
    const Unanswered nobody = unanswered();
    const Socket refused = tcp();
    set_nonblocking(refused.get());
    require("connect", connect(refused.get(), nobody.address.get(), nobody.address.length) == SOCKET_ERROR);
    const SHORT returned = events_of(refused.get(), POLLWRNORM, wait);
    is("POLLERR when it was refused", (returned & POLLERR) != 0);
    is("POLLHUP when it was refused", (returned & POLLHUP) != 0, on_wine(false, "Wine 10.0 tells POLLERR only"));
}

CONFORMANCE_CASE("WSAPoll", "out-of-band data") {
    const Pair pair = tcp_pair();
    SHORT returned = 0;
    equal("nothing there", poll_one(pair.near_end.get(), POLLRDBAND, returned), 0);
    require("send", send(pair.far_end.get(), "!", 1, MSG_OOB) == 1);
    equal("POLLRDBAND", events_of(pair.near_end.get(), POLLRDBAND, wait), POLLRDBAND);
    equal("POLLIN tells it too", events_of(pair.near_end.get(), POLLIN), POLLRDBAND);
    equal("POLLRDNORM does not", events_of(pair.near_end.get(), POLLRDNORM), 0);
}

CONFORMANCE_CASE("WSAPoll", "UDP") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string text = family_name(family);
        const Pair pair = udp_pair(family);
        equal(text + ": POLLWRNORM", events_of(pair.near_end.get(), POLLRDNORM | POLLWRNORM), POLLWRNORM);
        send_text(pair.far_end.get(), "datagram");
        equal(text + ": POLLRDNORM with a datagram", events_of(pair.near_end.get(), POLLRDNORM, wait), POLLRDNORM);
    }
}

CONFORMANCE_CASE("WSAPoll", "what is no socket") {
    const Pair pair = tcp_pair();
    const SOCKET closed = closed_socket();
    WSAPOLLFD entries[] = {{pair.near_end.get(), POLLWRNORM, 0}, {closed, POLLWRNORM, 0}};
    equal("beside a socket: both are told", WSAPoll(entries, 2, 0), 1);
    equal("the socket: POLLWRNORM", entries[0].revents, POLLWRNORM);
    equal("the closed one: POLLNVAL", entries[1].revents, POLLNVAL);
    WSAPOLLFD reversed[] = {{closed, POLLWRNORM, 0}, {pair.near_end.get(), POLLWRNORM, 0}};
    equal("before a socket", WSAPoll(reversed, 2, 0), 1);
    equal("before a socket, the closed one: POLLNVAL", reversed[0].revents, POLLNVAL);
    equal("before a socket, the socket: POLLWRNORM", reversed[1].revents, POLLWRNORM);
    const Event event;
    WSAPOLLFD foreign[] = {{reinterpret_cast<SOCKET>(event.get()), POLLWRNORM, 0},
                           {pair.near_end.get(), POLLWRNORM, 0}};
    equal("an event before a socket", WSAPoll(foreign, 2, 0), 1);
    equal("an event before a socket: POLLNVAL", foreign[0].revents, POLLNVAL);
    SHORT returned = 0;
    fails("closed and alone: WSAENOTSOCK", poll_one(closed, POLLRDNORM, returned), WSAENOTSOCK);
    equal("closed and alone: POLLNVAL", returned, POLLNVAL);
    WSAPOLLFD negative[] = {{INVALID_SOCKET, POLLWRNORM, 0x55}, {pair.near_end.get(), POLLWRNORM, 0}};
    equal("a negative value is passed over", WSAPoll(negative, 2, 0), 1);
    equal("a negative value: POLLNVAL", negative[0].revents, POLLNVAL);
    equal("a negative value, the socket beside it", negative[1].revents, POLLWRNORM);
}

CONFORMANCE_CASE("WSAPoll", "arguments") {
    const Pair pair = tcp_pair();
    WSAPOLLFD entry{pair.near_end.get(), POLLWRNORM, 0};
    fails("no entries: WSAEINVAL", WSAPoll(&entry, 0, 0), WSAEINVAL);
    fails("no array: WSAEFAULT", WSAPoll(nullptr, 1, 0), WSAEFAULT, on_wine(WSAEINVAL, "Wine 10.0 says WSAEINVAL"));
    SHORT returned = 0;
    fails("POLLPRI asked: WSAEINVAL", poll_one(pair.near_end.get(), POLLPRI, returned), WSAEINVAL,
          on_wine(succeeded, "Wine 10.0 ignores flags that cannot be asked for"));
    fails("POLLWRBAND asked: WSAEINVAL", poll_one(pair.near_end.get(), POLLWRBAND, returned), WSAEINVAL,
          on_wine(succeeded, "Wine 10.0 ignores flags that cannot be asked for"));
    fails("POLLHUP asked: WSAEINVAL", poll_one(pair.near_end.get(), POLLHUP, returned), WSAEINVAL,
          on_wine(succeeded, "Wine 10.0 ignores flags that cannot be asked for"));
    fails("POLLERR asked: WSAEINVAL", poll_one(pair.near_end.get(), POLLERR, returned), WSAEINVAL,
          on_wine(succeeded, "Wine 10.0 ignores flags that cannot be asked for"));
    fails("POLLNVAL asked: WSAEINVAL", poll_one(pair.near_end.get(), POLLNVAL, returned), WSAEINVAL,
          on_wine(succeeded, "Wine 10.0 ignores flags that cannot be asked for"));
}

CONFORMANCE_CASE("WSAPoll", "the timeout") {
    const Pair pair = tcp_pair();
    SHORT returned = 0;
    equal("0: an answer at once", poll_one(pair.near_end.get(), POLLRDNORM, returned, 0), 0);
    const ULONGLONG begin = GetTickCount64();
    equal("nothing within 60 ms", poll_one(pair.near_end.get(), POLLRDNORM, returned, 60), 0);
    is("it waited", GetTickCount64() - begin >= 30);
    send_text(pair.far_end.get(), "x");
    equal("-1 waits until something happens", poll_one(pair.near_end.get(), POLLRDNORM, returned, -1), 1);
    equal("an event ends a long wait", poll_one(pair.near_end.get(), POLLRDNORM, returned, wait), 1);
}

CONFORMANCE_CASE("WSAPoll", "many sockets of both families and both protocols") {
    const Pair four = tcp_pair(AF_INET);
    const Pair six = tcp_pair(AF_INET6);
    const Pair datagrams = udp_pair(AF_INET);
    const Pair datagrams6 = udp_pair(AF_INET6);
    send_text(six.far_end.get(), "x");
    send_text(datagrams.far_end.get(), "y");
    require("arrived", readable(six.near_end.get()) && readable(datagrams.near_end.get()));
    WSAPOLLFD entries[] = {{four.near_end.get(), POLLRDNORM, 0},
                           {six.near_end.get(), POLLRDNORM, 0},
                           {datagrams.near_end.get(), POLLRDNORM, 0},
                           {datagrams6.near_end.get(), POLLRDNORM | POLLWRNORM, 0}};
    equal("how many have something", WSAPoll(entries, 4, 0), 3);
    equal("nothing for the first", entries[0].revents, 0);
    equal("TCP over IPv6", entries[1].revents, POLLRDNORM);
    equal("UDP over IPv4", entries[2].revents, POLLRDNORM);
    equal("UDP over IPv6", entries[3].revents, POLLWRNORM);
    std::vector<Socket> sockets(100);
    std::vector<WSAPOLLFD> all;
    for (Socket& each : sockets) {
        each = bound_udp();
        all.push_back({each.get(), POLLWRNORM, 0});
    }
    equal("100 sockets", WSAPoll(all.data(), 100, 0), 100);
}
