// What the cases of WSAEventSelect share.
#pragma once

#include "sockets.hpp"

namespace conformance::network_events {

inline constexpr int families[] = {AF_INET, AF_INET6};

inline int select_events(const Socket& made, const Event& event, long events) {
    return WSAEventSelect(made.get(), event.get(), events);
}

inline void must_select(const Socket& made, const Event& event, long events) {
    require("WSAEventSelect", select_events(made, event, events) == 0);
}

// What happened since the last time it was asked; resets the event.
inline WSANETWORKEVENTS events_of(const Socket& made, const Event& event) {
    WSANETWORKEVENTS result{};
    require("WSAEnumNetworkEvents", WSAEnumNetworkEvents(made.get(), event.get(), &result) == 0);
    return result;
}

inline long mask_of(const Socket& made, const Event& event) {
    return events_of(made, event).lNetworkEvents;
}

// Waits for the event and asks then.
inline WSANETWORKEVENTS wait_for(const Socket& made, const Event& event) {
    require("the event", event.wait());
    return events_of(made, event);
}

// Waits until all of `wanted` have been told, which may be in more than one go; 0 if they are not.
inline long collect(const Socket& made, const Event& event, long wanted) {
    long seen = 0;
    while ((seen & wanted) != wanted && event.wait()) {
        seen |= mask_of(made, event);
    }
    return seen;
}

} // namespace conformance::network_events
