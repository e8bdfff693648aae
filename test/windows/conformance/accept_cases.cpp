// accept, and WSAAccept without a condition. Pages: "accept function (winsock2.h)", "WSAAccept function (winsock2.h)".
#include "sockets.hpp"

using namespace conformance;

namespace {

SOCKET wsa_accept(SOCKET handle, sockaddr* address, int* length) {
    return WSAAccept(handle, address, length, nullptr, 0);
}

SOCKET plain_accept(SOCKET handle, sockaddr* address, int* length) {
    return accept(handle, address, length);
}

struct Acceptor {
    const char* name;
    SOCKET (*accept)(SOCKET handle, sockaddr* address, int* length);
};
constexpr Acceptor acceptors[] = {{"accept", &plain_accept}, {"WSAAccept", &wsa_accept}};

} // namespace

CONFORMANCE_CASE("accept", "errors") {
    for (const Acceptor& acceptor : acceptors) {
        const std::string text = acceptor.name;
        fails_socket(text + ", a new socket: WSAEINVAL", acceptor.accept(tcp().get(), nullptr, nullptr), WSAEINVAL);
        fails_socket(text + ", a bound socket: WSAEINVAL", acceptor.accept(bound_tcp().get(), nullptr, nullptr),
                     WSAEINVAL);
        fails_socket(text + ", a datagram socket: WSAEOPNOTSUPP", acceptor.accept(bound_udp().get(), nullptr, nullptr),
                     WSAEOPNOTSUPP);
        const Pair pair = tcp_pair();
        fails_socket(text + ", a connected socket: WSAEINVAL", acceptor.accept(pair.near_end.get(), nullptr, nullptr),
                     WSAEINVAL);
        fails_socket(text + ", an accepted socket: WSAEINVAL", acceptor.accept(pair.far_end.get(), nullptr, nullptr),
                     WSAEINVAL);
        const Socket listener = listening();
        set_nonblocking(listener.get());
        fails_socket(text + ", non-blocking, nobody there: WSAEWOULDBLOCK",
                     acceptor.accept(listener.get(), nullptr, nullptr), WSAEWOULDBLOCK);
        Address name;
        fails_socket(text + ", non-blocking, nobody there, with room for the name: WSAEWOULDBLOCK",
                     acceptor.accept(listener.get(), name.get(), &name.length), WSAEWOULDBLOCK);
        const Socket client = connected_to(listener.get());
        require("a connection", readable(listener.get()));
        name.length = sizeof(sockaddr_in) - 1;
        fails_socket(text + ", too little room for the name: WSAEFAULT",
                     acceptor.accept(listener.get(), name.get(), &name.length), WSAEFAULT);
    }
}

CONFORMANCE_CASE("accept", "the peer's name") {
    for (const Acceptor& acceptor : acceptors) {
        for (const int family : {AF_INET, AF_INET6}) {
            const std::string text = std::string(acceptor.name) + " over " + family_name(family);
            const Socket listener = listening(family);
            const Socket client = connected_to(listener.get());
            Address name;
            const Socket accepted(acceptor.accept(listener.get(), name.get(), &name.length));
            is(text, static_cast<bool>(accepted));
            is(text + ": the name is the client's", same(name, name_of(client.get())));
            equal(text + ": the length is told", name.length, address_length(family));
            const Socket second = connected_to(listener.get());
            Address exact;
            exact.length = address_length(family);
            const Socket accepted_exactly(acceptor.accept(listener.get(), exact.get(), &exact.length));
            is(text + ": exactly enough room", accepted_exactly && same(exact, name_of(second.get())));
            const Socket third = connected_to(listener.get());
            const Socket unnamed(acceptor.accept(listener.get(), nullptr, nullptr));
            is(text + ": neither name nor length", static_cast<bool>(unnamed));
            const Socket fourth = connected_to(listener.get());
            int length = 77;
            const Socket only_length(acceptor.accept(listener.get(), nullptr, &length));
            is(text + ": a length without a name", static_cast<bool>(only_length));
        }
    }
}

CONFORMANCE_CASE("accept", "the new socket has the properties of the listening one") {
    const Socket listener = bound_tcp();
    require("options", set_option(listener.get(), SOL_SOCKET, SO_KEEPALIVE, 1) == 0 &&
                           set_option(listener.get(), SOL_SOCKET, SO_OOBINLINE, 1) == 0 &&
                           set_option(listener.get(), SOL_SOCKET, SO_RCVBUF, 12'000) == 0 &&
                           set_option(listener.get(), SOL_SOCKET, SO_SNDBUF, 14'000) == 0 &&
                           set_option(listener.get(), SOL_SOCKET, SO_RCVTIMEO, 2'500) == 0 &&
                           set_option(listener.get(), SOL_SOCKET, SO_SNDTIMEO, 3'500) == 0 &&
                           set_option(listener.get(), SOL_SOCKET, SO_LINGER, linger{1, 3}) == 0);
    require("listen", listen(listener.get(), 5) == 0);
    const Socket client = connected_to(listener.get());
    const Socket accepted(accept(listener.get(), nullptr, nullptr));
    require("accept", static_cast<bool>(accepted));
    const SOCKET handle = accepted.get();
    equal("SO_TYPE", option(handle, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    equal("SO_ACCEPTCONN is not one of them", option(handle, SOL_SOCKET, SO_ACCEPTCONN), 0);
    equal("SO_KEEPALIVE", option(handle, SOL_SOCKET, SO_KEEPALIVE), 1);
    equal("SO_OOBINLINE", option(handle, SOL_SOCKET, SO_OOBINLINE), 1);
    equal("SO_RCVBUF", option(handle, SOL_SOCKET, SO_RCVBUF), 12'000);
    equal("SO_SNDBUF", option(handle, SOL_SOCKET, SO_SNDBUF), 14'000);
    equal("SO_RCVTIMEO", option(handle, SOL_SOCKET, SO_RCVTIMEO), 2'500);
    equal("SO_SNDTIMEO", option(handle, SOL_SOCKET, SO_SNDTIMEO), 3'500);
    linger kept{};
    require("SO_LINGER", get_option(handle, SOL_SOCKET, SO_LINGER, kept) == 0);
    equal("SO_LINGER on", kept.l_onoff, 1);
    equal("SO_LINGER seconds", kept.l_linger, 3);
    WSAPROTOCOL_INFOW of_listener{};
    WSAPROTOCOL_INFOW of_accepted{};
    require("SO_PROTOCOL_INFOW", get_option(listener.get(), SOL_SOCKET, SO_PROTOCOL_INFOW, of_listener) == 0 &&
                                     get_option(handle, SOL_SOCKET, SO_PROTOCOL_INFOW, of_accepted) == 0);
    is("the catalog entry", of_listener.dwCatalogEntryId == of_accepted.dwCatalogEntryId);
}

CONFORMANCE_CASE("accept", "a non-blocking listener makes non-blocking sockets") {
    const Socket listener = listening();
    set_nonblocking(listener.get());
    const Socket client = connected_to(listener.get());
    require("a connection", readable(listener.get()));
    const Socket accepted(accept(listener.get(), nullptr, nullptr));
    require("accept", static_cast<bool>(accepted));
    char byte = 0;
    // Bounded, should it block after all.
    require("SO_RCVTIMEO", set_option(accepted.get(), SOL_SOCKET, SO_RCVTIMEO, 100) == 0);
    fails("recv with nothing there: WSAEWOULDBLOCK", recv(accepted.get(), &byte, 1, 0), WSAEWOULDBLOCK);
}

CONFORMANCE_CASE("accept", "connections that changed while they waited") {
    const Socket listener = listening();
    Socket talker = connected_to(listener.get());
    send_text(talker.get(), "before accept");
    const Socket first(accept(listener.get(), nullptr, nullptr));
    equal("data sent before accept is there", receive_text(first.get()), "before accept");
    Socket leaver = connected_to(listener.get());
    send_text(leaver.get(), "and gone");
    leaver.close();
    const Socket second(accept(listener.get(), nullptr, nullptr));
    is("a connection whose peer has closed is accepted", static_cast<bool>(second));
    equal("with the peer's data", receive_text(second.get()), "and gone");
    equal("and then its end", receive_text(second.get()), "");
    send_text(first.get(), "back");
    equal("the accepted socket sends to its own peer", receive_text(talker.get()), "back");
    is("the listening socket goes on listening", option(listener.get(), SOL_SOCKET, SO_ACCEPTCONN) == 1);
}
