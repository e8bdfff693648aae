// listen. Page: "listen function (winsock2.h)".
#include "sockets.hpp"

using namespace conformance;

CONFORMANCE_CASE("listen", "errors") {
    const Socket unbound = tcp();
    fails("an unbound socket: WSAEINVAL", listen(unbound.get(), 1), WSAEINVAL);
    const Socket datagram = bound_udp();
    fails("a datagram socket: WSAEOPNOTSUPP", listen(datagram.get(), 1), WSAEOPNOTSUPP);
    const Pair pair = tcp_pair();
    fails("a connected socket: WSAEISCONN", listen(pair.near_end.get(), 1), WSAEISCONN,
          on_wine(WSAEINVAL, "Wine 10.0 takes any socket that is not bound and idle as unbound"));
    fails("an accepted socket: WSAEISCONN", listen(pair.far_end.get(), 1), WSAEISCONN,
          on_wine(WSAEINVAL, "Wine 10.0 takes any socket that is not bound and idle as unbound"));
    fails("a closed socket: WSAENOTSOCK", listen(closed_socket(), 1), WSAENOTSOCK);
    fails("no socket: WSAENOTSOCK", listen(INVALID_SOCKET, 1), WSAENOTSOCK);
}
