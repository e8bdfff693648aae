// What closesocket does with data and peers. Pages: "closesocket function (winsock2.h)", "Graceful Shutdown, Linger
// Options, and Socket Closure", "SOL_SOCKET Socket Options".
#include "overlapped.hpp"

using namespace conformance;

namespace {

int set_linger(SOCKET handle, u_short on, u_short seconds) {
    const linger value{on, seconds};
    return set_option(handle, SOL_SOCKET, SO_LINGER, value);
}

} // namespace

CONFORMANCE_CASE("linger", "the options") {
    const Socket one = tcp();
    linger value{9, 9};
    succeeds("SO_LINGER can be read", get_option(one.get(), SOL_SOCKET, SO_LINGER, value));
    equal("it is off at first", value.l_onoff, 0);
    equal("SO_DONTLINGER is on then", option(one.get(), SOL_SOCKET, SO_DONTLINGER), 1);
    succeeds("SO_LINGER on", set_linger(one.get(), 1, 7));
    succeeds("is read back", get_option(one.get(), SOL_SOCKET, SO_LINGER, value));
    is("as on", value.l_onoff != 0);
    equal("with its seconds", value.l_linger, 7);
    equal("SO_DONTLINGER is off then", option(one.get(), SOL_SOCKET, SO_DONTLINGER), 0);
    const BOOL on = TRUE;
    succeeds("SO_DONTLINGER on", set_option(one.get(), SOL_SOCKET, SO_DONTLINGER, on));
    succeeds("SO_LINGER after it", get_option(one.get(), SOL_SOCKET, SO_LINGER, value));
    equal("is off", value.l_onoff, 0);
    const BOOL off = FALSE;
    succeeds("SO_DONTLINGER off", set_option(one.get(), SOL_SOCKET, SO_DONTLINGER, off));
    equal("is read back as off", option(one.get(), SOL_SOCKET, SO_DONTLINGER), 0);
    const char small = 1;
    fails("SO_LINGER with too short a value", setsockopt(one.get(), SOL_SOCKET, SO_LINGER, &small, sizeof small),
          WSAEFAULT);
    int length = 1;
    char byte = 0;
    fails("SO_LINGER into too short a buffer", getsockopt(one.get(), SOL_SOCKET, SO_LINGER, &byte, &length), WSAEFAULT);
    const char* const any_type = "Wine 10.0 sets Linux's SO_LINGER on any socket";
    const Socket datagram = udp();
    fails("datagram sockets have no SO_LINGER", get_option(datagram.get(), SOL_SOCKET, SO_LINGER, value),
          WSAENOPROTOOPT);
    fails("and it cannot be set", set_linger(datagram.get(), 1, 1), WSAENOPROTOOPT, on_wine(succeeded, any_type));
    fails("nor SO_DONTLINGER", set_option(datagram.get(), SOL_SOCKET, SO_DONTLINGER, on), WSAENOPROTOOPT,
          on_wine(succeeded, any_type));
}

// SO_DONTLINGER: closesocket does not wait, and the data is sent all the same.
CONFORMANCE_CASE("linger", "off: graceful, at once") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        Pair pair = tcp_pair(family);
        send_text(pair.near_end.get(), "kept");
        succeeds(name + "closesocket", closesocket(pair.near_end.release()));
        equal(name + "the data arrives", receive_text(pair.far_end.get()), "kept");
        equal(name + "then the end, gracefully", receive_text(pair.far_end.get()), "");
    }
}

// SO_LINGER with no time: the connection is reset, and the peer's recv says WSAECONNRESET.
CONFORMANCE_CASE("linger", "0: reset") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        Pair pair = tcp_pair(family);
        succeeds(name + "SO_LINGER 0", set_linger(pair.near_end.get(), 1, 0));
        succeeds(name + "closesocket", closesocket(pair.near_end.release()));
        char bytes[4];
        require("told of", readable(pair.far_end.get()));
        fails(name + "recv of the peer", recv(pair.far_end.get(), bytes, sizeof bytes, 0), WSAECONNRESET);
    }
    Pair pair = tcp_pair();
    set_nonblocking(pair.near_end.get());
    succeeds("SO_LINGER 0, non-blocking", set_linger(pair.near_end.get(), 1, 0));
    succeeds("closesocket of a non-blocking socket", closesocket(pair.near_end.release()));
    char bytes[4];
    require("told of", readable(pair.far_end.get()));
    fails("resets too", recv(pair.far_end.get(), bytes, sizeof bytes, 0), WSAECONNRESET);
    Pair watched = tcp_pair();
    const Event event;
    require("WSAEventSelect", WSAEventSelect(watched.far_end.get(), event.get(), FD_CLOSE) == 0);
    reset_connection(watched.near_end);
    is("FD_CLOSE comes for a reset", event.wait());
    WSANETWORKEVENTS events{};
    succeeds("WSAEnumNetworkEvents", WSAEnumNetworkEvents(watched.far_end.get(), event.get(), &events));
    equal("with WSAECONNRESET", events.iErrorCode[FD_CLOSE_BIT], WSAECONNRESET,
          on_wine(WSAECONNABORTED, "Wine 10.0 names every hang-up that is no graceful end WSAECONNABORTED"));
}

// SO_LINGER with a time: graceful if all data is taken within it.
CONFORMANCE_CASE("linger", "more than 0: graceful where the peer takes the data") {
    Pair pair = tcp_pair();
    succeeds("SO_LINGER 5", set_linger(pair.near_end.get(), 1, 5));
    send_text(pair.near_end.get(), "lingering");
    const ULONGLONG before = GetTickCount64();
    succeeds("closesocket", closesocket(pair.near_end.release()));
    is("does not take the whole time", GetTickCount64() - before < 4000);
    equal("the data arrives", receive_text(pair.far_end.get()), "lingering");
    equal("then the end, gracefully", receive_text(pair.far_end.get()), "");
}

// Unread data: the peer learns by a reset that it was never taken.
CONFORMANCE_CASE("linger", "closing with unread data") {
    Pair pair = tcp_pair();
    send_text(pair.far_end.get(), "never read");
    require("data", readable(pair.near_end.get()));
    succeeds("closesocket", closesocket(pair.near_end.release()));
    require("told of", readable(pair.far_end.get()));
    char bytes[4];
    fails("the peer is reset", recv(pair.far_end.get(), bytes, sizeof bytes, 0), WSAECONNRESET);
}

// closesocket: the descriptor is none afterwards, WSAENOTSOCK for every call.
CONFORMANCE_CASE("linger", "a closed socket is none") {
    Pair pair = tcp_pair();
    const SOCKET value = pair.near_end.release();
    succeeds("closesocket", closesocket(value));
    fails("closesocket again", closesocket(value), WSAENOTSOCK);
    char bytes[4];
    Address address;
    fails("recv", recv(value, bytes, sizeof bytes, 0), WSAENOTSOCK);
    fails("getpeername", getpeername(value, address.get(), &address.length), WSAENOTSOCK);
    fails("getsockname", getsockname(value, address.get(), &address.length), WSAENOTSOCK);
    linger option{};
    fails("getsockopt", get_option(value, SOL_SOCKET, SO_LINGER, option), WSAENOTSOCK);
    u_long count = 0;
    fails("ioctlsocket", ioctlsocket(value, static_cast<long>(FIONREAD), &count), WSAENOTSOCK);
    fails("closesocket of INVALID_SOCKET", closesocket(INVALID_SOCKET), WSAENOTSOCK);
    fails("closesocket of 0", closesocket(0), WSAENOTSOCK);
}
