// Out-of-band data. Pages: "Protocol-Independent Out-of-Band Data", "send function (winsock2.h)", "recv function
// (winsock2.h)", "select function (winsock2.h)" (exceptfds means it where SO_OOBINLINE is off), "SOL_SOCKET Socket
// Options" (SO_OOBINLINE), "Winsock IOCTLs" (SIOCATMARK), "WSAEventSelect function".
#include "overlapped.hpp"

using namespace conformance;

namespace {

u_long at_mark(SOCKET handle) {
    u_long value = 99;
    require("SIOCATMARK", ioctlsocket(handle, static_cast<long>(SIOCATMARK), &value) == 0);
    return value;
}

} // namespace

CONFORMANCE_CASE("out of band", "beside the stream") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        const Pair pair = tcp_pair(family);
        equal(name + "SIOCATMARK without any", at_mark(pair.far_end.get()), 1u);
        send_text(pair.near_end.get(), "ab");
        equal(name + "send with MSG_OOB", send(pair.near_end.get(), "!", 1, MSG_OOB), 1);
        send_text(pair.near_end.get(), "cd");
        is(name + "select: exceptional", exceptional(pair.far_end.get()));
        is(name + "and readable", readable(pair.far_end.get()));
        char bytes[8]{};
        equal(name + "recv with MSG_OOB", recv(pair.far_end.get(), bytes, sizeof bytes, MSG_OOB), 1);
        equal(name + "gets the byte", bytes[0], '!');
        std::string rest;
        while (rest.size() < 4) {
            rest += receive_text(pair.far_end.get());
        }
        equal(name + "the stream is without it", rest, "abcd");
        is(name + "nothing exceptional any more", !exceptional(pair.far_end.get(), 0));
        equal(name + "SIOCATMARK afterwards", at_mark(pair.far_end.get()), 1u);
    }
}

CONFORMANCE_CASE("out of band", "MSG_PEEK") {
    const Pair pair = tcp_pair();
    require("send", send(pair.near_end.get(), "?", 1, MSG_OOB) == 1);
    require("told of", exceptional(pair.far_end.get()));
    char bytes[4]{};
    equal("a look", recv(pair.far_end.get(), bytes, sizeof bytes, MSG_OOB | MSG_PEEK), 1);
    equal("sees the byte", bytes[0], '?');
    equal("which can still be taken", recv(pair.far_end.get(), bytes, sizeof bytes, MSG_OOB), 1);
}

CONFORMANCE_CASE("out of band", "WSASend and WSARecv") {
    const Pair pair = tcp_pair();
    WSABUF out = text_buffer("u");
    DWORD count = 0;
    succeeds("WSASend with MSG_OOB", WSASend(pair.near_end.get(), &out, 1, &count, MSG_OOB, nullptr, nullptr));
    equal("counts it", count, 1u);
    require("told of", exceptional(pair.far_end.get()));
    char bytes[4]{};
    WSABUF in = buffer(bytes);
    DWORD flags = MSG_OOB;
    succeeds("WSARecv with MSG_OOB", WSARecv(pair.far_end.get(), &in, 1, &count, &flags, nullptr, nullptr));
    equal("counts the byte", count, 1u);
    equal("and has it", bytes[0], 'u');
}

// SO_OOBINLINE: the urgent byte comes in its place in the stream.
CONFORMANCE_CASE("out of band", "SO_OOBINLINE") {
    const Pair pair = tcp_pair();
    equal("is off at first", option(pair.far_end.get(), SOL_SOCKET, SO_OOBINLINE), 0);
    const BOOL on = TRUE;
    succeeds("can be set", set_option(pair.far_end.get(), SOL_SOCKET, SO_OOBINLINE, on));
    equal("is on then", option(pair.far_end.get(), SOL_SOCKET, SO_OOBINLINE), 1);
    send_text(pair.near_end.get(), "ab");
    require("send", send(pair.near_end.get(), "!", 1, MSG_OOB) == 1);
    is("SIOCATMARK before the mark: urgent data is to come",
       eventually([&] { return at_mark(pair.far_end.get()) == 0; }, 250),
       on_wine(false, "Wine 10.0 says TRUE before the mark too"));
    is("select says readable, not exceptional", !exceptional(pair.far_end.get(), 0) && readable(pair.far_end.get()));
    equal("recv stops before it", receive_text(pair.far_end.get()), "ab");
    equal("SIOCATMARK at the mark", at_mark(pair.far_end.get()), 1u);
    char bytes[4]{};
    fails("MSG_OOB cannot be received then: WSAEINVAL", recv(pair.far_end.get(), bytes, sizeof bytes, MSG_OOB),
          WSAEINVAL);
    equal("it comes with the stream", receive_text(pair.far_end.get()), "!");
}

CONFORMANCE_CASE("out of band", "FD_OOB") {
    const Pair pair = tcp_pair();
    const Event event;
    succeeds("WSAEventSelect", WSAEventSelect(pair.far_end.get(), event.get(), FD_OOB));
    require("send", send(pair.near_end.get(), "1", 1, MSG_OOB) == 1);
    is("the event is set", event.wait());
    WSANETWORKEVENTS events{};
    succeeds("WSAEnumNetworkEvents", WSAEnumNetworkEvents(pair.far_end.get(), event.get(), &events));
    equal("FD_OOB and nothing else", events.lNetworkEvents, static_cast<long>(FD_OOB));
    equal("without an error", events.iErrorCode[FD_OOB_BIT], 0);
    succeeds("a second look", WSAEnumNetworkEvents(pair.far_end.get(), event.get(), &events));
    equal("it is told once", events.lNetworkEvents, 0l);
    char bytes[4];
    equal("recv", recv(pair.far_end.get(), bytes, sizeof bytes, MSG_OOB), 1);
    require("send", send(pair.near_end.get(), "2", 1, MSG_OOB) == 1);
    is("recv enables it again", event.wait());
}

CONFORMANCE_CASE("out of band", "there is none") {
    const Pair pair = tcp_pair();
    set_nonblocking(pair.near_end.get());
    char bytes[4];
    fails("recv with MSG_OOB", recv(pair.near_end.get(), bytes, sizeof bytes, MSG_OOB), WSAEWOULDBLOCK);
    send_text(pair.far_end.get(), "plain");
    require("data", readable(pair.near_end.get()));
    is("plain data is nothing exceptional", !exceptional(pair.near_end.get(), 0));
    fails("plain data is not out of band", recv(pair.near_end.get(), bytes, sizeof bytes, MSG_OOB), WSAEWOULDBLOCK);
    u_long value = 0;
    fails("SIOCATMARK on a closed socket", ioctlsocket(closed_socket(), static_cast<long>(SIOCATMARK), &value),
          WSAENOTSOCK);
}
