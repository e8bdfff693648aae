// WSAEventSelect and WSAEnumNetworkEvents. Pages: "WSAEventSelect function (winsock2.h)", "WSAEnumNetworkEvents
// function (winsock2.h)".
#include "network_events.hpp"

using namespace conformance;
using namespace conformance::network_events;

CONFORMANCE_CASE("WSAEventSelect", "arguments") {
    const Socket made = bound_udp();
    const Event event;
    fails("events without an event object: WSAEINVAL", WSAEventSelect(made.get(), WSA_INVALID_EVENT, FD_READ),
          WSAEINVAL);
    fails("a socket that is none: WSAENOTSOCK", WSAEventSelect(closed_socket(), event.get(), FD_READ), WSAENOTSOCK);
    succeeds("no events and no event object", WSAEventSelect(made.get(), nullptr, 0));
    succeeds("no events with an event object", WSAEventSelect(made.get(), event.get(), 0));
    succeeds("all events", WSAEventSelect(made.get(), event.get(), FD_ALL_EVENTS));
    WSANETWORKEVENTS events{};
    if (!under_wine()) { // Wine 10.0 writes unguarded: the program ends
        fails("WSAEnumNetworkEvents, nowhere to tell: WSAEFAULT", WSAEnumNetworkEvents(made.get(), nullptr, nullptr),
              WSAEFAULT);
    }
    fails("WSAEnumNetworkEvents, no socket: WSAENOTSOCK", WSAEnumNetworkEvents(closed_socket(), nullptr, &events),
          WSAENOTSOCK);
    succeeds("WSAEnumNetworkEvents without an event to reset", WSAEnumNetworkEvents(made.get(), nullptr, &events));
}

CONFORMANCE_CASE("WSAEventSelect", "makes the socket non-blocking") {
    const Pair pair = tcp_pair();
    const Event event;
    const SOCKET handle = pair.near_end.get();
    must_select(pair.near_end, event, FD_READ);
    char byte = 0;
    fails("recv with nothing there: WSAEWOULDBLOCK", recv(handle, &byte, 1, 0), WSAEWOULDBLOCK);
    u_long off = 0;
    fails("FIONBIO off is refused: WSAEINVAL", ioctlsocket(handle, static_cast<long>(FIONBIO), &off), WSAEINVAL);
    u_long on = 1;
    succeeds("FIONBIO on is not", ioctlsocket(handle, static_cast<long>(FIONBIO), &on));
    must_select(pair.near_end, event, 0);
    fails("it stays non-blocking after the cancel: WSAEWOULDBLOCK", recv(handle, &byte, 1, 0), WSAEWOULDBLOCK);
    succeeds("FIONBIO off after the cancel", ioctlsocket(handle, static_cast<long>(FIONBIO), &off));
    require("SO_RCVTIMEO", set_option(handle, SOL_SOCKET, SO_RCVTIMEO, 50) == 0);
    fails("it blocks again", recv(handle, &byte, 1, 0), WSAETIMEDOUT);
    const Socket listener = listening();
    must_select(listener, event, FD_ACCEPT);
    fails_socket("accept with nobody there: WSAEWOULDBLOCK", accept(listener.get(), nullptr, nullptr), WSAEWOULDBLOCK);
    const Socket connecting = tcp();
    must_select(connecting, event, FD_CONNECT);
    const Address name = name_of(listener.get());
    fails("connect: WSAEWOULDBLOCK", connect(connecting.get(), name.get(), name.length), WSAEWOULDBLOCK);
}

CONFORMANCE_CASE("WSAEventSelect", "FD_READ") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Pair pair = tcp_pair(family);
        const Event event;
        must_select(pair.near_end, event, FD_READ);
        is(text + ": not set with nothing there", !event.is_set());
        equal(text + ": no network events", mask_of(pair.near_end, event), 0);
        send_text(pair.far_end.get(), "abcd");
        is(text + ": set when data arrives", event.wait());
        const WSANETWORKEVENTS events = events_of(pair.near_end, event);
        equal(text + ": FD_READ", events.lNetworkEvents, FD_READ);
        equal(text + ": without an error", events.iErrorCode[FD_READ_BIT], 0);
        is(text + ": WSAEnumNetworkEvents resets the event", !event.is_set());
        equal(text + ": and clears the record", mask_of(pair.near_end, event), 0);
        send_text(pair.far_end.get(), "efgh");
        require("arrived", readable(pair.near_end.get()));
        is(text + ": more data says nothing before a receive", !event.is_set());
        char buffer[2];
        require("recv", recv(pair.near_end.get(), buffer, 2, 0) == 2);
        is(text + ": a receive that leaves data sets it again", event.wait());
        equal(text + ": with FD_READ", mask_of(pair.near_end, event), FD_READ);
        require("arrived", readable(pair.near_end.get()));
        require("the rest", receive_text(pair.near_end.get()).size() == 6);
        is(text + ": a receive that leaves nothing does not", !event.is_set());
        send_text(pair.far_end.get(), "ij");
        is(text + ": new data after that does", event.wait());
        require("recv", receive_text(pair.near_end.get()) == "ij");
        is(text + ": receiving does not reset the event", event.is_set());
        equal(text + ": nor clear the record", mask_of(pair.near_end, event), FD_READ,
              on_wine(0, "Wine 10.0 tells only what still is so"));
    }
}

CONFORMANCE_CASE("WSAEventSelect", "FD_READ when a receive that fails re-enables it") {
    const Pair pair = tcp_pair();
    const Event event;
    must_select(pair.near_end, event, FD_READ);
    send_text(pair.far_end.get(), "x");
    equal("told", wait_for(pair.near_end, event).lNetworkEvents, FD_READ);
    require("recv", receive_text(pair.near_end.get()) == "x");
    char byte = 0;
    fails("nothing is left: WSAEWOULDBLOCK", recv(pair.near_end.get(), &byte, 1, 0), WSAEWOULDBLOCK);
    send_text(pair.far_end.get(), "y");
    equal("told again", wait_for(pair.near_end, event).lNetworkEvents, FD_READ);
    require("peek", recv(pair.near_end.get(), &byte, 1, MSG_PEEK) == 1);
    equal("a peek re-enables it too, and the data is still there", wait_for(pair.near_end, event).lNetworkEvents,
          FD_READ);
}

CONFORMANCE_CASE("WSAEventSelect", "what is true already is told at once") {
    const Pair pair = tcp_pair();
    send_text(pair.far_end.get(), "x");
    require("arrived", readable(pair.near_end.get()));
    const Event event;
    must_select(pair.near_end, event, FD_READ | FD_WRITE);
    equal("data and room", collect(pair.near_end, event, FD_READ | FD_WRITE), FD_READ | FD_WRITE);
    const Socket listener = listening();
    const Socket client = connected_to(listener.get());
    require("a connection", readable(listener.get()));
    const Event second;
    must_select(listener, second, FD_ACCEPT);
    is("a waiting connection", second.wait());
    equal("FD_ACCEPT", mask_of(listener, second), FD_ACCEPT);
    Pair closed = tcp_pair();
    closed.far_end.close();
    require("the end", readable(closed.near_end.get()));
    const Event third;
    must_select(closed.near_end, third, FD_CLOSE);
    equal("the peer's close", collect(closed.near_end, third, FD_CLOSE), FD_CLOSE);
}

CONFORMANCE_CASE("WSAEventSelect", "FD_WRITE") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Pair pair = tcp_pair(family);
        const Event event;
        must_select(pair.near_end, event, FD_WRITE);
        is(text + ": set at once for a connected socket", event.wait());
        equal(text + ": FD_WRITE", mask_of(pair.near_end, event), FD_WRITE);
        send_text(pair.near_end.get(), "x");
        is(text + ": a send that succeeds says nothing", !event.is_set());
        static char block[65'536];
        int sent = 0;
        while ((sent = send(pair.near_end.get(), block, sizeof block, 0)) != SOCKET_ERROR) {
        }
        equal(text + ": until a send is WSAEWOULDBLOCK", WSAGetLastError(), WSAEWOULDBLOCK);
        is(text + ": not set while there is no room", !event.is_set());
        static char sink[1 << 20];
        set_nonblocking(pair.far_end.get());
        for (ULONGLONG end = GetTickCount64() + patience; !event.is_set() && GetTickCount64() < end;) {
            if (recv(pair.far_end.get(), sink, sizeof sink, 0) == SOCKET_ERROR) {
                readable(pair.far_end.get(), 10);
            }
        }
        is(text + ": set when there is room again", event.is_set());
        equal(text + ": FD_WRITE then", mask_of(pair.near_end, event), FD_WRITE);
    }
    const Socket datagram = bound_udp();
    const Event event;
    must_select(datagram, event, FD_WRITE);
    is("UDP: set at once", event.wait());
    equal("UDP: FD_WRITE", mask_of(datagram, event), FD_WRITE);
}

CONFORMANCE_CASE("WSAEventSelect", "FD_ACCEPT") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Socket listener = listening(family);
        const Event event;
        must_select(listener, event, FD_ACCEPT);
        is(text + ": not set without a connection", !event.is_set());
        const Socket first = connected_to(listener.get());
        is(text + ": set with a connection", event.wait());
        const WSANETWORKEVENTS events = events_of(listener, event);
        equal(text + ": FD_ACCEPT", events.lNetworkEvents, FD_ACCEPT);
        equal(text + ": without an error", events.iErrorCode[FD_ACCEPT_BIT], 0);
        const Socket second = connected_to(listener.get());
        is(text + ": a second connection says nothing before an accept", !event.is_set());
        const Socket accepted(accept(listener.get(), nullptr, nullptr));
        require("accept", static_cast<bool>(accepted));
        is(text + ": an accept that leaves a connection sets it again", event.wait());
        equal(text + ": with FD_ACCEPT", mask_of(listener, event), FD_ACCEPT);
        const Socket accepted_second(accept(listener.get(), nullptr, nullptr));
        require("accept", static_cast<bool>(accepted_second));
        is(text + ": an accept that leaves none does not", !event.is_set());
        const Socket third = connected_to(listener.get());
        is(text + ": a new connection after that does", event.wait());
    }
}

CONFORMANCE_CASE("WSAEventSelect", "the accepted socket has the event and the events of the listener") {
    const Socket listener = listening();
    const Event event;
    must_select(listener, event, FD_ACCEPT | FD_READ | FD_CLOSE);
    Socket client = connected_to(listener.get());
    require("FD_ACCEPT", wait_for(listener, event).lNetworkEvents == FD_ACCEPT);
    const Socket accepted(accept(listener.get(), nullptr, nullptr));
    require("accept", static_cast<bool>(accepted));
    send_text(client.get(), "x");
    is("data for it sets the listener's event", event.wait());
    equal("and is told of it as FD_READ", mask_of(accepted, event), FD_READ);
    equal("not of the listener", mask_of(listener, event), 0);
    must_select(accepted, event, 0);
    send_text(client.get(), "y");
    require("arrived", readable(accepted.get()));
    require("recv", receive_text(accepted.get()).size() == 2);
    is("after a cancel on it the event is quiet", !event.is_set());
}

CONFORMANCE_CASE("WSAEventSelect", "FD_CONNECT") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Socket listener = listening(family);
        const Address name = name_of(listener.get());
        const Socket client = tcp(family);
        const Event event;
        must_select(client, event, FD_CONNECT | FD_WRITE);
        is(text + ": not set before connect", !event.is_set());
        require("connect", connect(client.get(), name.get(), name.length) == SOCKET_ERROR);
        is(text + ": set when it is connected", event.wait());
        WSANETWORKEVENTS events = events_of(client, event);
        is(text + ": FD_CONNECT", (events.lNetworkEvents & FD_CONNECT) != 0);
        equal(text + ": without an error", events.iErrorCode[FD_CONNECT_BIT], 0);
        const long seen = (events.lNetworkEvents & FD_WRITE) != 0 ? FD_WRITE : collect(client, event, FD_WRITE);
        is(text + ": FD_WRITE follows", (seen & FD_WRITE) != 0);
        const Unanswered nobody = unanswered(family);
        const Socket refused = tcp(family);
        const Event second;
        must_select(refused, second, FD_CONNECT);
        require("connect", connect(refused.get(), nobody.address.get(), nobody.address.length) == SOCKET_ERROR);
        is(text + ", refused: set", second.wait());
        events = events_of(refused, second);
        equal(text + ", refused: FD_CONNECT", events.lNetworkEvents, FD_CONNECT);
        equal(text + ", refused: WSAECONNREFUSED", events.iErrorCode[FD_CONNECT_BIT], WSAECONNREFUSED);
        equal(text + ", refused: told once", mask_of(refused, second), 0);
    }
}

CONFORMANCE_CASE("WSAEventSelect", "FD_CLOSE") {
    for (const int family : families) {
        const std::string text = family_name(family);
        Pair pair = tcp_pair(family);
        const Event event;
        must_select(pair.near_end, event, FD_READ | FD_CLOSE);
        pair.far_end.close();
        is(text + ": set when the peer closes", event.wait());
        const WSANETWORKEVENTS events = events_of(pair.near_end, event);
        is(text + ": FD_CLOSE", (events.lNetworkEvents & FD_CLOSE) != 0);
        equal(text + ": without an error", events.iErrorCode[FD_CLOSE_BIT], 0);
        equal(text + ": told once", mask_of(pair.near_end, event) & FD_CLOSE, 0);
        char byte = 0;
        equal(text + ": recv tells the end", recv(pair.near_end.get(), &byte, 1, 0), 0);
        Pair half = tcp_pair(family);
        const Event second;
        must_select(half.near_end, second, FD_CLOSE);
        require("shutdown", shutdown(half.far_end.get(), SD_SEND) == 0);
        is(text + ": the peer's shutdown sets it too", second.wait());
        equal(text + ": the peer's shutdown is FD_CLOSE", mask_of(half.near_end, second), FD_CLOSE);
        Pair reset = tcp_pair(family);
        const Event third;
        must_select(reset.near_end, third, FD_CLOSE);
        reset_connection(reset.far_end);
        is(text + ": a reset sets it", third.wait());
        const WSANETWORKEVENTS after_reset = events_of(reset.near_end, third);
        equal(text + ": a reset is FD_CLOSE", after_reset.lNetworkEvents, FD_CLOSE);
        const int error = after_reset.iErrorCode[FD_CLOSE_BIT];
        is(text + ": with WSAECONNRESET or WSAECONNABORTED", error == WSAECONNRESET || error == WSAECONNABORTED);
    }
}

CONFORMANCE_CASE("WSAEventSelect", "FD_CLOSE and data that was not read") {
    Pair pair = tcp_pair();
    const Event event;
    send_text(pair.far_end.get(), "last words");
    pair.far_end.close();
    require("arrived", readable(pair.near_end.get()));
    must_select(pair.near_end, event, FD_READ | FD_CLOSE);
    long seen = wait_for(pair.near_end, event).lNetworkEvents;
    is("FD_READ comes first", (seen & FD_READ) != 0);
    equal("the data can be read", receive_text(pair.near_end.get()), "last words");
    if ((seen & FD_CLOSE) == 0) {
        seen |= collect(pair.near_end, event, FD_CLOSE);
    }
    is("FD_CLOSE is told", (seen & FD_CLOSE) != 0);
    equal("then comes the end", receive_text(pair.near_end.get()), "");
}

CONFORMANCE_CASE("WSAEventSelect", "FD_OOB") {
    const Pair pair = tcp_pair();
    const Event event;
    must_select(pair.near_end, event, FD_READ | FD_OOB);
    require("send", send(pair.far_end.get(), "!", 1, MSG_OOB) == 1);
    is("set by out-of-band data", event.wait());
    const WSANETWORKEVENTS events = events_of(pair.near_end, event);
    equal("FD_OOB and not FD_READ", events.lNetworkEvents, FD_OOB);
    equal("without an error", events.iErrorCode[FD_OOB_BIT], 0);
    char byte = 0;
    require("recv", recv(pair.near_end.get(), &byte, 1, MSG_OOB) == 1);
    is("received, it is quiet", !event.is_set());
}

CONFORMANCE_CASE("WSAEventSelect", "UDP") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Pair pair = udp_pair(family);
        const Event event;
        must_select(pair.near_end, event, FD_READ);
        is(text + ": not set with nothing there", !event.is_set());
        send_text(pair.far_end.get(), "first");
        send_text(pair.far_end.get(), "second");
        equal(text + ": FD_READ", wait_for(pair.near_end, event).lNetworkEvents, FD_READ);
        equal(text + ": the first", receive_text(pair.near_end.get()), "first");
        is(text + ": one is left: set again", event.wait());
        equal(text + ": one is left: FD_READ", mask_of(pair.near_end, event), FD_READ);
        equal(text + ": the second", receive_text(pair.near_end.get()), "second");
        is(text + ": none is left: not set", !event.is_set());
    }
}
