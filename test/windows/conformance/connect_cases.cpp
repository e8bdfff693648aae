// connect and WSAConnect. Pages: "connect function (winsock2.h)", "WSAConnect function (winsock2.h)".
#include "sockets.hpp"

using namespace conformance;

namespace {

constexpr int families[] = {AF_INET, AF_INET6};

int connect_to(const Socket& made, const Address& name) {
    return connect(made.get(), name.get(), name.length);
}

int wsa_connect_to(const Socket& made, const Address& name) {
    return WSAConnect(made.get(), name.get(), name.length, nullptr, nullptr, nullptr, nullptr);
}

struct Connector {
    const char* name;
    int (*connect)(const Socket& made, const Address& name);
};
constexpr Connector connectors[] = {{"connect", &connect_to}, {"WSAConnect", &wsa_connect_to}};

constexpr std::string_view lengths = "Wine 10.0 takes no address at all for one it need not look at";
constexpr std::string_view refused = "Wine 10.0 takes a socket whose connect was refused for one that was connected";
constexpr std::string_view addresses =
    "Wine 10.0 leaves it to Linux to refuse the address; Linux connects to the wildcard";

} // namespace

CONFORMANCE_CASE("connect", "to a listener") {
    for (const Connector& connector : connectors) {
        for (const int family : families) {
            const std::string text = std::string(connector.name) + " over " + family_name(family);
            const Socket listener = listening(family);
            const Address name = name_of(listener.get());
            const Socket client = tcp(family);
            succeeds(text, connector.connect(client, name));
            fails(text + ", again: WSAEISCONN", connector.connect(client, name), WSAEISCONN);
            Address longer = name;
            longer.length = sizeof(sockaddr_storage);
            const Socket other = tcp(family);
            succeeds(text + ": more room than the address needs is fine", connector.connect(other, longer));
            const Socket chosen = bound_tcp(family);
            const Address chosen_name = name_of(chosen.get());
            succeeds(text + ": from a bound socket", connector.connect(chosen, name));
            is(text + ": which keeps its name", same(name_of(chosen.get()), chosen_name));
        }
    }
}

CONFORMANCE_CASE("connect", "arguments") {
    for (const Connector& connector : connectors) {
        for (const int family : families) {
            const std::string text = std::string(connector.name) + " over " + family_name(family);
            const Socket listener = listening(family);
            const Address name = name_of(listener.get());
            const Socket client = tcp(family);
            Address wrong = name;
            wrong.length = 0;
            fails(text + ": length 0: WSAEFAULT", connector.connect(tcp(family), wrong), WSAEFAULT,
                  on_wine(succeeded, lengths));
            wrong.length = 2;
            fails(text + ": only the family: WSAEFAULT", connector.connect(tcp(family), wrong), WSAEFAULT,
                  on_wine(WSAEADDRNOTAVAIL, lengths));
            wrong.length =
                (family == AF_INET ? name.length : static_cast<int>(offsetof(sockaddr_in6, sin6_scope_id))) - 1;
            fails(text + ": too short: WSAEFAULT", connector.connect(tcp(family), wrong), WSAEFAULT,
                  on_wine(WSAEADDRNOTAVAIL, lengths));
            wrong = loopback(family == AF_INET ? AF_INET6 : AF_INET, name.port());
            wrong.length = sizeof(sockaddr_storage);
            fails(text + ": the other family: WSAEAFNOSUPPORT", connector.connect(client, wrong), WSAEAFNOSUPPORT,
                  on_wine(family == AF_INET ? WSAEOPNOTSUPP : WSAEINVAL, addresses));
            wrong = name;
            wrong.storage.ss_family = 200;
            fails(text + ": a family nobody has: WSAEAFNOSUPPORT", connector.connect(client, wrong), WSAEAFNOSUPPORT,
                  on_wine(WSAEADDRNOTAVAIL, addresses));
            fails(text + ": port 0: WSAEADDRNOTAVAIL", connector.connect(client, loopback(family)), WSAEADDRNOTAVAIL,
                  on_wine(WSAECONNREFUSED, addresses));
            fails(text + ": the wildcard: WSAEADDRNOTAVAIL",
                  connector.connect(tcp(family), wildcard(family, name.port())), WSAEADDRNOTAVAIL,
                  on_wine(succeeded, addresses));
            succeeds(text + ": after all these the socket can be connected", connector.connect(client, name));
        }
    }
    if (under_wine()) {
        return; // Wine 10.0 reads the name unguarded: the program ends
    }
    const Socket client = tcp();
    fails("connect: NULL: WSAEFAULT", connect(client.get(), nullptr, sizeof(sockaddr_in)), WSAEFAULT);
    fails("WSAConnect: NULL: WSAEFAULT",
          WSAConnect(client.get(), nullptr, sizeof(sockaddr_in), nullptr, nullptr, nullptr, nullptr), WSAEFAULT);
}

CONFORMANCE_CASE("connect", "where nobody listens") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Unanswered nobody = unanswered(family);
        const Socket client = tcp(family);
        fails(text + ": WSAECONNREFUSED", connect_to(client, nobody.address), WSAECONNREFUSED);
        fails(text + ", send after it: WSAENOTCONN", send(client.get(), "x", 1, 0), WSAENOTCONN,
              on_wine(WSAECONNRESET, refused));
        char byte = 0;
        fails(text + ", recv after it: WSAENOTCONN", recv(client.get(), &byte, 1, 0), WSAENOTCONN,
              on_wine(succeeded, refused));
        const Socket listener = listening(family);
        succeeds(text + ": connect can be called again", connect_to(client, name_of(listener.get())));
        const Socket accepted(accept(listener.get(), nullptr, nullptr));
        require("accept", static_cast<bool>(accepted));
        send_text(client.get(), "second try");
        equal(text + ": and the connection works", receive_text(accepted.get()), "second try");
    }
}

CONFORMANCE_CASE("connect", "a listening socket") {
    for (const int family : families) {
        const Socket listener = listening(family);
        const Socket other = listening(family);
        fails(family_name(family) + ": WSAEINVAL", connect_to(other, name_of(listener.get())), WSAEINVAL);
        fails(family_name(family) + ", WSAConnect: WSAEINVAL", wsa_connect_to(other, name_of(listener.get())),
              WSAEINVAL);
    }
}

CONFORMANCE_CASE("connect", "UDP") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Socket first = bound_udp(family);
        const Socket second = bound_udp(family);
        const Socket client = udp(family);
        succeeds(text, connect_to(client, name_of(first.get())));
        send_text(client.get(), "to the first");
        equal(text + ": send goes there", receive_text(first.get()), "to the first");
        succeeds(text + ": another peer", connect_to(client, name_of(second.get())));
        is(text + ": getpeername knows the other peer", same(peer_of(client.get()), name_of(second.get())));
        send_text(client.get(), "to the second");
        equal(text + ": send goes to the other peer", receive_text(second.get()), "to the second");
        const Address name = name_of(client.get());
        require("sendto", sendto(first.get(), "stranger", 8, 0, name.get(), name.length) == 8);
        require("sendto", sendto(second.get(), "peer", 4, 0, name.get(), name.length) == 4);
        equal(text + ": datagrams of others are not received", receive_text(client.get()), "peer");
        Address nobody = wildcard(family);
        succeeds(text + ": the wildcard takes the peer away", connect_to(client, nobody));
        fails(text + ": then send is WSAENOTCONN", send(client.get(), "x", 1, 0), WSAENOTCONN,
              on_wine(succeeded, addresses));
        Address ignored;
        fails(text + ": and getpeername is WSAENOTCONN", getpeername(client.get(), ignored.get(), &ignored.length),
              WSAENOTCONN, on_wine(succeeded, addresses));
    }
}

CONFORMANCE_CASE("WSAConnect", "caller and callee data") {
    const Socket listener = listening();
    const Socket client = tcp();
    char room[16];
    WSABUF callee{sizeof room, room};
    const Address name = name_of(listener.get());
    succeeds("TCP has no callee data, room for it does no harm",
             WSAConnect(client.get(), name.get(), name.length, nullptr, &callee, nullptr, nullptr));
    const Socket accepted(accept(listener.get(), nullptr, nullptr));
    require("accept", static_cast<bool>(accepted));
    send_text(client.get(), "x");
    equal("the connection works", receive_text(accepted.get()), "x");
}
