// Non-blocking sockets. Pages: "ioctlsocket function (winsock2.h)", "Winsock IOCTLs" (FIONBIO, FIONREAD, SIOCATMARK),
// "connect function (winsock2.h)", "send function (winsock2.h)", "recv function (winsock2.h)".
#include "sockets.hpp"

using namespace conformance;

namespace {

constexpr int families[] = {AF_INET, AF_INET6};

u_long pending_bytes(SOCKET handle) {
    u_long bytes = 0;
    require("FIONREAD", ioctlsocket(handle, FIONREAD, &bytes) == 0);
    return bytes;
}

} // namespace

CONFORMANCE_CASE("non-blocking", "calls that would wait: WSAEWOULDBLOCK") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Pair pair = tcp_pair(family);
        const SOCKET handle = pair.near_end.get();
        set_nonblocking(handle);
        char byte = 0;
        fails(text + ": recv", recv(handle, &byte, 1, 0), WSAEWOULDBLOCK);
        fails(text + ": recv with MSG_PEEK", recv(handle, &byte, 1, MSG_PEEK), WSAEWOULDBLOCK);
        fails(text + ": recvfrom", recvfrom(handle, &byte, 1, 0, nullptr, nullptr), WSAEWOULDBLOCK);
        WSABUF buffer{1, &byte};
        DWORD bytes = 0;
        DWORD flags = 0;
        fails(text + ": WSARecv", WSARecv(handle, &buffer, 1, &bytes, &flags, nullptr, nullptr), WSAEWOULDBLOCK);
        const Socket datagram = bound_udp(family);
        set_nonblocking(datagram.get());
        fails(text + ", UDP: recv", recv(datagram.get(), &byte, 1, 0), WSAEWOULDBLOCK);
        Address from;
        fails(text + ", UDP: recvfrom", recvfrom(datagram.get(), &byte, 1, 0, from.get(), &from.length),
              WSAEWOULDBLOCK);
        flags = 0;
        fails(text + ", UDP: WSARecvFrom",
              WSARecvFrom(datagram.get(), &buffer, 1, &bytes, &flags, from.get(), &from.length, nullptr, nullptr),
              WSAEWOULDBLOCK);
        const Socket listener = listening(family);
        set_nonblocking(listener.get());
        fails_socket(text + ": accept", accept(listener.get(), nullptr, nullptr), WSAEWOULDBLOCK);
        fails_socket(text + ": WSAAccept", WSAAccept(listener.get(), nullptr, nullptr, nullptr, 0), WSAEWOULDBLOCK);
    }
}

CONFORMANCE_CASE("non-blocking", "calls that need not wait") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Pair pair = tcp_pair(family);
        set_nonblocking(pair.near_end.get());
        equal(text + ": send", send(pair.near_end.get(), "abc", 3, 0), 3);
        equal(text + ": the peer gets it", receive_text(pair.far_end.get()), "abc");
        send_text(pair.far_end.get(), "def");
        require("arrived", readable(pair.near_end.get()));
        char buffer[16];
        equal(text + ": recv gives what is there", recv(pair.near_end.get(), buffer, sizeof buffer, 0), 3);
        fails(text + ": then WSAEWOULDBLOCK", recv(pair.near_end.get(), buffer, sizeof buffer, 0), WSAEWOULDBLOCK);
        const Socket listener = listening(family);
        set_nonblocking(listener.get());
        const Socket client = connected_to(listener.get());
        require("a connection", readable(listener.get()));
        const Socket accepted(accept(listener.get(), nullptr, nullptr));
        is(text + ": accept", static_cast<bool>(accepted));
    }
}

CONFORMANCE_CASE("non-blocking", "connect") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Socket listener = listening(family);
        const Address name = name_of(listener.get());
        const Socket client = tcp(family);
        set_nonblocking(client.get());
        fails(text + ": WSAEWOULDBLOCK", connect(client.get(), name.get(), name.length), WSAEWOULDBLOCK);
        require("connected", writable(client.get()));
        fails(text + ", connected: WSAEISCONN", connect(client.get(), name.get(), name.length), WSAEISCONN);
        is(text + ": the peer is the listener", same(peer_of(client.get()), name));
        is(text + ": the socket has a name", name_of(client.get()).is_loopback());
        const Socket accepted(accept(listener.get(), nullptr, nullptr));
        require("accept", static_cast<bool>(accepted));
        send_text(accepted.get(), "x");
        equal(text + ": the connection works", receive_text(client.get()), "x");
        const Socket other = tcp(family);
        set_nonblocking(other.get());
        fails(text + ", WSAConnect: WSAEWOULDBLOCK",
              WSAConnect(other.get(), name.get(), name.length, nullptr, nullptr, nullptr, nullptr), WSAEWOULDBLOCK);
        is(text + ", WSAConnect: connected", writable(other.get()));
        const Socket datagram = udp(family);
        set_nonblocking(datagram.get());
        const Socket sink = bound_udp(family);
        const Address sink_name = name_of(sink.get());
        succeeds(text + ", UDP: at once", connect(datagram.get(), sink_name.get(), sink_name.length));
    }
}

CONFORMANCE_CASE("non-blocking", "send into a full connection") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Pair pair = tcp_pair(family);
        set_nonblocking(pair.near_end.get());
        static char block[65'536];
        unsigned long long sent = 0;
        int result = 0;
        while ((result = send(pair.near_end.get(), block, sizeof block, 0)) > 0) {
            sent += static_cast<unsigned long long>(result);
        }
        fails(text + ": WSAEWOULDBLOCK", result, WSAEWOULDBLOCK);
        is(text + ": something was sent before", sent > 0);
        is(text + ": not writable", !writable(pair.near_end.get(), 0));
        fails(
            text + ": WSASend too: WSAEWOULDBLOCK",
            [&] {
                WSABUF buffer{sizeof block, block};
                DWORD bytes = 0;
                return WSASend(pair.near_end.get(), &buffer, 1, &bytes, 0, nullptr, nullptr);
            }(),
            WSAEWOULDBLOCK);
        static char sink[1 << 20];
        unsigned long long received = 0;
        while (received < sent && readable(pair.far_end.get())) {
            const int got = recv(pair.far_end.get(), sink, sizeof sink, 0);
            require("recv", got > 0);
            received += static_cast<unsigned long long>(got);
        }
        is(text + ": all that was said to be sent arrives", received == sent);
        is(text + ": then it is writable", writable(pair.near_end.get()));
        equal(text + ": and send works", send(pair.near_end.get(), "z", 1, 0), 1);
    }
}

CONFORMANCE_CASE("non-blocking", "FIONBIO") {
    const Pair pair = tcp_pair();
    const SOCKET handle = pair.near_end.get();
    require("SO_RCVTIMEO", set_option(handle, SOL_SOCKET, SO_RCVTIMEO, 50) == 0);
    char byte = 0;
    fails("sockets block at first", recv(handle, &byte, 1, 0), WSAETIMEDOUT);
    u_long value = 1;
    succeeds("on", ioctlsocket(handle, static_cast<long>(FIONBIO), &value));
    fails("recv does not wait", recv(handle, &byte, 1, 0), WSAEWOULDBLOCK);
    value = 0;
    succeeds("off", ioctlsocket(handle, static_cast<long>(FIONBIO), &value));
    fails("recv waits again", recv(handle, &byte, 1, 0), WSAETIMEDOUT);
    value = 0x100;
    succeeds("any value but 0 is on", ioctlsocket(handle, static_cast<long>(FIONBIO), &value));
    fails("recv does not wait then", recv(handle, &byte, 1, 0), WSAEWOULDBLOCK);
    fails("no value: WSAEFAULT", ioctlsocket(handle, static_cast<long>(FIONBIO), nullptr), WSAEFAULT);
    value = 1;
    fails("a command nobody has: WSAEINVAL or WSAEOPNOTSUPP", ioctlsocket(handle, 0x12345678, &value), WSAEOPNOTSUPP);
}

CONFORMANCE_CASE("non-blocking", "FIONREAD") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Pair pair = tcp_pair(family);
        equal(text + ": 0 with nothing there", pending_bytes(pair.near_end.get()), 0u);
        send_text(pair.far_end.get(), "abcde");
        require("arrived", readable(pair.near_end.get()));
        equal(text + ": the bytes that are there", pending_bytes(pair.near_end.get()), 5u);
        char byte = 0;
        require("recv", recv(pair.near_end.get(), &byte, 1, 0) == 1);
        equal(text + ": one less after a receive of one", pending_bytes(pair.near_end.get()), 4u);
        require("peek", recv(pair.near_end.get(), &byte, 1, MSG_PEEK) == 1);
        equal(text + ": not less after a peek", pending_bytes(pair.near_end.get()), 4u);
        equal(text + ", UDP: 0 with nothing there", pending_bytes(bound_udp(family).get()), 0u);
    }
    fails("no value: WSAEFAULT", ioctlsocket(tcp().get(), FIONREAD, nullptr), WSAEFAULT);
}

CONFORMANCE_CASE("non-blocking", "SIOCATMARK") {
    const Pair pair = tcp_pair();
    u_long at_mark = 7;
    require("SIOCATMARK", ioctlsocket(pair.near_end.get(), static_cast<long>(SIOCATMARK), &at_mark) == 0);
    is("TRUE: no out-of-band data is waiting", at_mark != 0);
}
