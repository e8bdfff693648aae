// One direction of a connection ends. Pages: "shutdown function (winsock2.h)", "WSASendDisconnect function
// (winsock2.h)", "WSARecvDisconnect function (winsock2.h)", "Graceful Shutdown, Linger Options, and Socket Closure".
#include "overlapped.hpp"

using namespace conformance;

CONFORMANCE_CASE("half-close", "SD_SEND") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        const Pair pair = tcp_pair(family);
        send_text(pair.near_end.get(), "request");
        succeeds(name + "shutdown", shutdown(pair.near_end.get(), SD_SEND));
        fails(name + "send fails", send(pair.near_end.get(), "x", 1, 0), WSAESHUTDOWN);
        equal(name + "what was sent before arrives", receive_text(pair.far_end.get()), "request");
        equal(name + "then the peer sees the end", receive_text(pair.far_end.get()), "");
        equal(name + "the peer still sends", send(pair.far_end.get(), "answer", 6, 0), 6);
        equal(name + "and is received", receive_text(pair.near_end.get()), "answer");
        succeeds(name + "the peer ends its side", shutdown(pair.far_end.get(), SD_SEND));
        equal(name + "the end of the answer", receive_text(pair.near_end.get()), "");
    }
}

CONFORMANCE_CASE("half-close", "sending after SD_SEND") {
    const Pair pair = tcp_pair();
    succeeds("shutdown", shutdown(pair.near_end.get(), SD_SEND));
    WSABUF one = text_buffer("x");
    DWORD count = 0;
    Operation operation;
    fails("WSASend", WSASend(pair.near_end.get(), &one, 1, &count, 0, nullptr, nullptr), WSAESHUTDOWN);
    fails("overlapped WSASend", WSASend(pair.near_end.get(), &one, 1, nullptr, 0, &operation.overlapped, nullptr),
          WSAESHUTDOWN);
    is("its event is not set", !operation.event.is_set());
    fails("sendto", sendto(pair.near_end.get(), "x", 1, 0, nullptr, 0), WSAESHUTDOWN);
    fails("out of band too", send(pair.near_end.get(), "x", 1, MSG_OOB), WSAESHUTDOWN);
    is("getpeername still knows the peer", same(peer_of(pair.near_end.get()), name_of(pair.far_end.get())));
    set_nonblocking(pair.near_end.get());
    char bytes[4];
    fails("recv waits for the peer as before", recv(pair.near_end.get(), bytes, sizeof bytes, 0), WSAEWOULDBLOCK);
}

// SD_RECEIVE: nothing more is received here; sending goes on.
CONFORMANCE_CASE("half-close", "SD_RECEIVE") {
    const Pair pair = tcp_pair();
    succeeds("shutdown", shutdown(pair.near_end.get(), SD_RECEIVE));
    char bytes[4];
    fails("recv fails", recv(pair.near_end.get(), bytes, sizeof bytes, 0), WSAESHUTDOWN);
    WSABUF one = buffer(bytes);
    DWORD count = 0;
    DWORD flags = 0;
    fails("WSARecv fails", WSARecv(pair.near_end.get(), &one, 1, &count, &flags, nullptr, nullptr), WSAESHUTDOWN);
    Operation operation;
    fails("overlapped WSARecv fails",
          WSARecv(pair.near_end.get(), &one, 1, nullptr, &flags, &operation.overlapped, nullptr), WSAESHUTDOWN);
    fails("recvfrom fails", recvfrom(pair.near_end.get(), bytes, sizeof bytes, 0, nullptr, nullptr), WSAESHUTDOWN);
    equal("sending goes on", send(pair.near_end.get(), "on", 2, 0), 2);
    equal("and arrives", receive_text(pair.far_end.get()), "on");
    succeeds("SD_SEND too", shutdown(pair.near_end.get(), SD_SEND));
    fails("then send fails", send(pair.near_end.get(), "x", 1, 0), WSAESHUTDOWN);
    equal("the peer sees the end", receive_text(pair.far_end.get()), "");
}

CONFORMANCE_CASE("half-close", "SD_BOTH") {
    const Pair pair = tcp_pair();
    send_text(pair.near_end.get(), "last");
    succeeds("shutdown", shutdown(pair.near_end.get(), SD_BOTH));
    char bytes[4];
    fails("send fails", send(pair.near_end.get(), "x", 1, 0), WSAESHUTDOWN);
    fails("recv fails", recv(pair.near_end.get(), bytes, sizeof bytes, 0), WSAESHUTDOWN);
    equal("the peer gets what was sent", receive_text(pair.far_end.get()), "last");
    equal("and the end", receive_text(pair.far_end.get()), "");
    is("the socket is not closed: it has its name", name_of(pair.near_end.get()).is_loopback());
    succeeds("closesocket ends it", closesocket(const_cast<Socket&>(pair.near_end).release()));
}

// A direction that is none is WSAEINVAL, a socket without connection WSAENOTCONN.
CONFORMANCE_CASE("half-close", "errors of shutdown") {
    const Pair pair = tcp_pair();
    fails("how 3: WSAEINVAL", shutdown(pair.near_end.get(), 3), WSAEINVAL);
    fails("how -1: WSAEINVAL", shutdown(pair.near_end.get(), -1), WSAEINVAL);
    equal("after which send still works", send(pair.near_end.get(), "ok", 2, 0), 2);
    const Socket idle = tcp();
    fails("SD_SEND of an unbound socket", shutdown(idle.get(), SD_SEND), WSAENOTCONN);
    const Socket bound = bound_tcp();
    fails("SD_SEND of a socket not connected", shutdown(bound.get(), SD_SEND), WSAENOTCONN);
    fails("SD_RECEIVE of a socket not connected", shutdown(bound.get(), SD_RECEIVE), WSAENOTCONN);
    fails("SD_BOTH of a socket not connected", shutdown(bound.get(), SD_BOTH), WSAENOTCONN);
    const Socket listener = listening();
    fails("a listening socket", shutdown(listener.get(), SD_BOTH), WSAENOTCONN);
    fails("a closed socket", shutdown(closed_socket(), SD_BOTH), WSAENOTSOCK);
    fails("no socket", shutdown(INVALID_SOCKET, SD_SEND), WSAENOTSOCK);
}

CONFORMANCE_CASE("half-close", "what waits at the peer") {
    const Pair pair = tcp_pair();
    Receive receive;
    fails("a receive of the peer waits", receive.start(pair.far_end.get()), WSA_IO_PENDING);
    succeeds("SD_SEND", shutdown(pair.near_end.get(), SD_SEND));
    DWORD count = 99;
    equal("ends it without an error", receive.finish(pair.far_end.get(), count), 0);
    equal("and no bytes", count, 0u);
    is("select says readable", readable(pair.far_end.get(), 0));
    is("and writable: the other direction lives", writable(pair.far_end.get(), 0));
    is("nothing exceptional", !exceptional(pair.far_end.get(), 0));
    u_long waiting = 99;
    succeeds("FIONREAD", ioctlsocket(pair.far_end.get(), static_cast<long>(FIONREAD), &waiting));
    equal("counts nothing", waiting, 0u);
}

// WSASendDisconnect without data is SD_SEND; data for a provider that does not support it is WSAENOPROTOOPT.
CONFORMANCE_CASE("half-close", "WSASendDisconnect") {
    const Pair pair = tcp_pair();
    send_text(pair.near_end.get(), "before");
    succeeds("without data", WSASendDisconnect(pair.near_end.get(), nullptr));
    fails("send fails", send(pair.near_end.get(), "x", 1, 0), WSAESHUTDOWN);
    equal("the peer gets what was sent", receive_text(pair.far_end.get()), "before");
    equal("and the end", receive_text(pair.far_end.get()), "");
    send_text(pair.far_end.get(), "reply");
    equal("the peer is still received", receive_text(pair.near_end.get()), "reply");
    const Socket idle = bound_tcp();
    fails("not connected", WSASendDisconnect(idle.get(), nullptr), WSAENOTCONN);
    fails("a closed socket", WSASendDisconnect(closed_socket(), nullptr), WSAENOTSOCK);
    const Pair other = tcp_pair();
    WSABUF data = text_buffer("bye");
    fails("TCP has no disconnect data", WSASendDisconnect(other.near_end.get(), &data), WSAENOPROTOOPT,
          on_wine(succeeded, "Wine 10.0 does not look at the disconnect data"));
}

// WSARecvDisconnect is SD_RECEIVE, with the peer's disconnect data where the provider supports it.
CONFORMANCE_CASE("half-close", "WSARecvDisconnect") {
    const Pair pair = tcp_pair();
    succeeds("without data", WSARecvDisconnect(pair.near_end.get(), nullptr));
    char bytes[4];
    fails("recv fails", recv(pair.near_end.get(), bytes, sizeof bytes, 0), WSAESHUTDOWN);
    equal("sending goes on", send(pair.near_end.get(), "on", 2, 0), 2);
    equal("and arrives", receive_text(pair.far_end.get()), "on");
    const Socket idle = bound_tcp();
    fails("not connected", WSARecvDisconnect(idle.get(), nullptr), WSAENOTCONN);
    fails("a closed socket", WSARecvDisconnect(closed_socket(), nullptr), WSAENOTSOCK);
    const Pair other = tcp_pair();
    WSABUF data = buffer(bytes);
    fails("TCP has no disconnect data", WSARecvDisconnect(other.near_end.get(), &data), WSAENOPROTOOPT,
          on_wine(succeeded, "Wine 10.0 does not look at the disconnect data"));
}

CONFORMANCE_CASE("half-close", "FD_CLOSE") {
    const Pair pair = tcp_pair();
    const Event event;
    succeeds("WSAEventSelect", WSAEventSelect(pair.far_end.get(), event.get(), FD_READ | FD_CLOSE));
    send_text(pair.near_end.get(), "tail");
    require("SD_SEND", shutdown(pair.near_end.get(), SD_SEND) == 0);
    char bytes[8];
    long seen = 0;
    int close_error = -1;
    int received = -1;
    while ((seen & FD_CLOSE) == 0 && event.wait()) {
        WSANETWORKEVENTS events{};
        require("events", WSAEnumNetworkEvents(pair.far_end.get(), event.get(), &events) == 0);
        seen |= events.lNetworkEvents;
        if ((events.lNetworkEvents & FD_READ) != 0) {
            received = recv(pair.far_end.get(), bytes, sizeof bytes, 0);
        }
        if ((events.lNetworkEvents & FD_CLOSE) != 0) {
            close_error = events.iErrorCode[FD_CLOSE_BIT];
        }
    }
    is("FD_READ for the data", (seen & FD_READ) != 0);
    equal("which is all there", received, 4);
    is("FD_CLOSE for the end", (seen & FD_CLOSE) != 0);
    equal("which was graceful", close_error, 0);
}
