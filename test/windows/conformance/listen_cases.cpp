// listen. Page: "listen function (winsock2.h)".
#include "sockets.hpp"

using namespace conformance;

CONFORMANCE_CASE("listen", "errors") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string text = family_name(family);
        fails(text + ", an unbound socket: WSAEINVAL", listen(tcp(family).get(), 1), WSAEINVAL);
        fails(text + ", a datagram socket: WSAEOPNOTSUPP", listen(bound_udp(family).get(), 1), WSAEOPNOTSUPP);
        const Pair pair = tcp_pair(family);
        constexpr std::string_view evidence = "Wine 10.0 takes any socket that is not bound and idle as unbound";
        fails(text + ", a connected socket: WSAEISCONN", listen(pair.near_end.get(), 1), WSAEISCONN,
              on_wine(WSAEINVAL, evidence));
        fails(text + ", an accepted socket: WSAEISCONN", listen(pair.far_end.get(), 1), WSAEISCONN,
              on_wine(WSAEINVAL, evidence));
    }
}

CONFORMANCE_CASE("listen", "what it changes") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string text = family_name(family);
        const Socket made = bound_tcp(family);
        const Address name = name_of(made.get());
        equal(text + ": SO_ACCEPTCONN before it", option(made.get(), SOL_SOCKET, SO_ACCEPTCONN), 0);
        const Socket early = tcp(family);
        fails(text + ": connections before it are refused", connect(early.get(), name.get(), name.length),
              WSAECONNREFUSED);
        succeeds(text, listen(made.get(), 1));
        equal(text + ": SO_ACCEPTCONN after it", option(made.get(), SOL_SOCKET, SO_ACCEPTCONN), 1);
        is(text + ": the name stays", same(name_of(made.get()), name));
        succeeds(text + ", again", listen(made.get(), 5));
        succeeds(text + ": connections after it come through", connect(early.get(), name.get(), name.length));
        if (!under_wine()) { // Wine 10.0 waits for a peer that cannot come
            char byte = 0;
            fails(text + ", send: WSAENOTCONN", send(made.get(), "x", 1, 0), WSAENOTCONN);
            fails(text + ", recv: WSAENOTCONN", recv(made.get(), &byte, 1, 0), WSAENOTCONN);
        }
        fails(text + ", shutdown: WSAENOTCONN", shutdown(made.get(), SD_BOTH), WSAENOTCONN);
        fails(text + ", bind: WSAEINVAL", bind(made.get(), name.get(), name.length), WSAEINVAL);
    }
}

CONFORMANCE_CASE("listen", "backlogs") {
    for (const auto& [text, backlog] :
         {std::pair{"0", 0}, std::pair{"1", 1}, std::pair{"200", 200}, std::pair{"-1", -1},
          std::pair{"SOMAXCONN", SOMAXCONN}, std::pair{"-400, which is SOMAXCONN_HINT(400)", -400}}) {
        const Socket made = bound_tcp();
        succeeds(text, listen(made.get(), backlog));
        const Socket client = connected_to(made.get());
        const Socket accepted(accept(made.get(), nullptr, nullptr));
        is(std::string(text) + ": a connection comes through", static_cast<bool>(accepted));
    }
    const Socket made = listening(AF_INET, 5);
    Socket clients[5];
    bool all = true;
    for (Socket& client : clients) {
        client = connected_to(made.get());
    }
    for (const Socket& client : clients) {
        Address peer;
        const Socket accepted(accept(made.get(), peer.get(), &peer.length));
        all = all && accepted && same(peer, name_of(client.get()));
    }
    is("five connections wait, and are accepted in the order of their coming", all);
}

CONFORMANCE_CASE("listen", "closing a listening socket") {
    Socket made = listening();
    const Address name = name_of(made.get());
    const Pair established = [&] {
        Socket client = connected_to(made.get());
        return Pair{std::move(client), Socket(accept(made.get(), nullptr, nullptr))};
    }();
    const Socket waiting = connected_to(made.get());
    made.close();
    send_text(established.near_end.get(), "still here");
    equal("accepted connections go on", receive_text(established.far_end.get()), "still here");
    require("the waiting one ends", readable(waiting.get()));
    char byte = 0;
    fails("a connection nobody accepted is reset: WSAECONNRESET", recv(waiting.get(), &byte, 1, 0), WSAECONNRESET);
    const Socket late = tcp();
    fails("new ones are refused: WSAECONNREFUSED", connect(late.get(), name.get(), name.length), WSAECONNREFUSED);
}
