// WSAEventSelect: one selection replaces another, and one event for several. Page: "WSAEventSelect function
// (winsock2.h)".
#include "network_events.hpp"

using namespace conformance;
using namespace conformance::network_events;

CONFORMANCE_CASE("WSAEventSelect", "a call replaces the one before") {
    const Pair pair = tcp_pair();
    const Event first;
    const Event second;
    must_select(pair.near_end, first, FD_READ);
    must_select(pair.near_end, second, FD_WRITE);
    is("the new event is set for the new events", second.wait());
    equal("which are told", mask_of(pair.near_end, second), FD_WRITE);
    send_text(pair.far_end.get(), "x");
    require("arrived", readable(pair.near_end.get()));
    is("the old event is not", !first.is_set());
    is("the old events are not told", !second.is_set());
    must_select(pair.near_end, first, FD_READ);
    is("chosen again, what is there is told", first.wait());
    must_select(pair.near_end, first, 0);
    first.reset();
    send_text(pair.far_end.get(), "y");
    require("recv", receive_text(pair.near_end.get()).size() >= 1);
    is("0 ends it", !first.is_set());
}

CONFORMANCE_CASE("WSAEventSelect", "only what was asked") {
    Pair pair = tcp_pair();
    const Event event;
    must_select(pair.near_end, event, FD_CLOSE);
    send_text(pair.far_end.get(), "x");
    require("arrived", readable(pair.near_end.get()));
    is("data says nothing to FD_CLOSE", !event.is_set());
    require("recv", receive_text(pair.near_end.get()) == "x");
    pair.far_end.close();
    equal("the close does", wait_for(pair.near_end, event).lNetworkEvents, FD_CLOSE);
    const Pair other = tcp_pair();
    const Event quiet;
    must_select(other.near_end, quiet, FD_OOB | FD_QOS | FD_GROUP_QOS);
    send_text(other.far_end.get(), "x");
    require("arrived", readable(other.near_end.get()));
    is("nor to FD_OOB, FD_QOS and FD_GROUP_QOS", !quiet.is_set());
}

CONFORMANCE_CASE("WSAEventSelect", "one event for two sockets") {
    const Pair first = tcp_pair();
    const Pair second = tcp_pair();
    const Event event;
    must_select(first.near_end, event, FD_READ);
    must_select(second.near_end, event, FD_READ);
    send_text(second.far_end.get(), "x");
    is("set for the second", event.wait());
    WSANETWORKEVENTS events{};
    require("WSAEnumNetworkEvents", WSAEnumNetworkEvents(first.near_end.get(), nullptr, &events) == 0);
    equal("nothing for the first", events.lNetworkEvents, 0);
    is("not reset, as it was not named", event.is_set());
    equal("FD_READ for the second", mask_of(second.near_end, event), FD_READ);
    is("reset, as it was named", !event.is_set());
}

CONFORMANCE_CASE("WSAEventSelect", "WSAWaitForMultipleEvents tells which") {
    const Pair first = tcp_pair();
    const Pair second = tcp_pair();
    const Event first_event;
    const Event second_event;
    must_select(first.near_end, first_event, FD_READ);
    must_select(second.near_end, second_event, FD_READ);
    const WSAEVENT both[] = {first_event.get(), second_event.get()};
    equal("none: WSA_WAIT_TIMEOUT", WSAWaitForMultipleEvents(2, both, FALSE, 0, FALSE), WSA_WAIT_TIMEOUT);
    send_text(second.far_end.get(), "x");
    equal("the second", WSAWaitForMultipleEvents(2, both, FALSE, patience, FALSE), WSA_WAIT_EVENT_0 + 1);
    equal("both are not", WSAWaitForMultipleEvents(2, both, TRUE, 0, FALSE), WSA_WAIT_TIMEOUT);
    send_text(first.far_end.get(), "y");
    equal("now both are", WSAWaitForMultipleEvents(2, both, TRUE, patience, FALSE), WSA_WAIT_EVENT_0);
}
