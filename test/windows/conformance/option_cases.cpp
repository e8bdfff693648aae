// getsockopt and setsockopt: each option. Pages: "SOL_SOCKET Socket Options", "IPPROTO_TCP Socket Options", "IPPROTO_IP
// Socket Options", "IPPROTO_IPV6 Socket Options".
#include "sockets.hpp"

using namespace conformance;

namespace {

enum class On { tcp4, udp4, tcp6, udp6 };

const char* name_of(On on) {
    constexpr const char* names[] = {"TCP over IPv4", "UDP over IPv4", "TCP over IPv6", "UDP over IPv6"};
    return names[static_cast<int>(on)];
}

Socket make(On on) {
    const int family = on == On::tcp4 || on == On::udp4 ? AF_INET : AF_INET6;
    return on == On::tcp4 || on == On::tcp6 ? tcp(family) : udp(family);
}

struct Option {
    const char* name;
    int level;
    int option;
    On on;
    int initial;
    int other; // a value to set and read back
    int wine_initial = initial; // the default under Wine 10.0, whose sockets are Linux'
};

// Options of four bytes with a documented default that can be changed on a new socket.
constexpr Option changeable[] = {
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, On::tcp4, 0, 1},
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, On::tcp6, 0, 1},
    {"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, On::tcp4, 0, 1},
    {"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, On::tcp6, 0, 1},
    {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, On::tcp4, 0, 1},
    {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, On::udp4, 0, 1},
    {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, On::udp6, 0, 1},
    {"SO_EXCLUSIVEADDRUSE", SOL_SOCKET, SO_EXCLUSIVEADDRUSE, On::tcp4, 0, 1},
    {"SO_EXCLUSIVEADDRUSE", SOL_SOCKET, SO_EXCLUSIVEADDRUSE, On::udp6, 0, 1},
    {"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST, On::udp4, 0, 1},
    {"SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE, On::tcp4, 0, 1, 1},
    {"SO_DONTLINGER", SOL_SOCKET, SO_DONTLINGER, On::tcp4, 1, 0},
    {"SO_RCVTIMEO", SOL_SOCKET, SO_RCVTIMEO, On::tcp4, 0, 1'500},
    {"SO_RCVTIMEO", SOL_SOCKET, SO_RCVTIMEO, On::udp6, 0, 1'500},
    {"SO_SNDTIMEO", SOL_SOCKET, SO_SNDTIMEO, On::tcp4, 0, 2'500},
    {"SO_SNDTIMEO", SOL_SOCKET, SO_SNDTIMEO, On::udp6, 0, 2'500},
    {"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, On::tcp4, 0, 1},
    {"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, On::tcp6, 0, 1},
    {"IP_TTL", IPPROTO_IP, IP_TTL, On::tcp4, 128, 7, 64},
    {"IP_TTL", IPPROTO_IP, IP_TTL, On::udp4, 128, 7, 64},
    {"IP_DONTFRAGMENT", IPPROTO_IP, IP_DONTFRAGMENT, On::udp4, 0, 1},
    {"IP_MULTICAST_TTL", IPPROTO_IP, IP_MULTICAST_TTL, On::udp4, 1, 9},
    {"IP_MULTICAST_LOOP", IPPROTO_IP, IP_MULTICAST_LOOP, On::udp4, 1, 0},
    {"IP_PKTINFO", IPPROTO_IP, IP_PKTINFO, On::udp4, 0, 1},
    {"IP_RECVTTL", IPPROTO_IP, IP_RECVTTL, On::udp4, 0, 1},
    {"IPV6_UNICAST_HOPS", IPPROTO_IPV6, IPV6_UNICAST_HOPS, On::tcp6, 128, 7, 64},
    {"IPV6_MULTICAST_HOPS", IPPROTO_IPV6, IPV6_MULTICAST_HOPS, On::udp6, 1, 9},
    {"IPV6_MULTICAST_LOOP", IPPROTO_IPV6, IPV6_MULTICAST_LOOP, On::udp6, 1, 0},
    {"IPV6_PKTINFO", IPPROTO_IPV6, IPV6_PKTINFO, On::udp6, 0, 1},
    {"IPV6_V6ONLY", IPPROTO_IPV6, IPV6_V6ONLY, On::tcp6, 1, 0},
    {"IPV6_V6ONLY", IPPROTO_IPV6, IPV6_V6ONLY, On::udp6, 1, 0},
};

constexpr std::string_view linux_default = "Wine 10.0 shows the default of Linux";
constexpr std::string_view linux_refuses = "Wine 10.0 passes on what Linux says";

int get(SOCKET handle, int level, int option, void* value, int* length) {
    return getsockopt(handle, level, option, static_cast<char*>(value), length);
}

int set(SOCKET handle, int level, int option, const void* value, int length) {
    return setsockopt(handle, level, option, static_cast<const char*>(value), length);
}

} // namespace

CONFORMANCE_CASE("options", "defaults, and what is set is read back") {
    for (const Option& each : changeable) {
        const std::string text = std::string(each.name) + " of " + name_of(each.on);
        const Socket made = make(each.on);
        int value = -1;
        int length = sizeof value;
        if (!succeeds(text + ": getsockopt", get(made.get(), each.level, each.option, &value, &length))) {
            continue;
        }
        // A boolean may come in its first byte.
        if (length == 1) {
            value &= 0xFF;
        }
        equal(text + ": the default", value, each.initial, on_wine(each.wine_initial, linux_default));
        value = each.other;
        succeeds(text + ": setsockopt", set(made.get(), each.level, each.option, &value, sizeof value));
        value = 0;
        length = sizeof value;
        require("getsockopt", get(made.get(), each.level, each.option, &value, &length) == 0);
        equal(text + ": read back", value != 0, each.other != 0);
        if (each.other > 1) {
            equal(text + ": the very value", value, each.other);
        }
        value = each.initial;
        succeeds(text + ": set to the default again", set(made.get(), each.level, each.option, &value, sizeof value));
        value = -1;
        length = sizeof value;
        require("getsockopt", get(made.get(), each.level, each.option, &value, &length) == 0);
        equal(text + ": the default again", length == 1 ? value & 0xFF : value, each.initial,
              on_wine(each.wine_initial, linux_default));
        const Socket other = make(each.on);
        length = sizeof value;
        value = -1;
        require("getsockopt", get(other.get(), each.level, each.option, &value, &length) == 0);
        equal(text + ": other sockets have their own", length == 1 ? value & 0xFF : value, each.initial,
              on_wine(each.wine_initial, linux_default));
    }
}

CONFORMANCE_CASE("options", "no room, or no pointer: WSAEFAULT") {
    for (const Option& each : changeable) {
        if (each.on != On::tcp4 && each.on != On::udp6) {
            continue;
        }
        const std::string text = std::string(each.name) + " of " + name_of(each.on);
        const Socket made = make(each.on);
        int value = each.other;
        int length = 0;
        fails(text + ", getsockopt with length 0", get(made.get(), each.level, each.option, &value, &length),
              WSAEFAULT);
        length = sizeof value;
        fails(text + ", getsockopt without value", get(made.get(), each.level, each.option, nullptr, &length),
              WSAEFAULT, on_wine(WSAEINVAL, "Wine 10.0 asks Linux for some options before it looks at the arguments"));
        fails(text + ", getsockopt without length", get(made.get(), each.level, each.option, &value, nullptr),
              WSAEFAULT);
        fails(text + ", setsockopt with length 0", set(made.get(), each.level, each.option, &value, 0), WSAEFAULT,
              on_wine(succeeded, "Wine 10.0 takes a boolean of no bytes for FALSE"));
        fails(text + ", setsockopt without value", set(made.get(), each.level, each.option, nullptr, sizeof value),
              WSAEFAULT);
    }
}

CONFORMANCE_CASE("options", "SO_CONDITIONAL_ACCEPT") {
    constexpr std::string_view missing = "Wine 10.0 does not have this option";
    const Socket made = tcp();
    int value = -1;
    succeeds("getsockopt", get_option(made.get(), SOL_SOCKET, SO_CONDITIONAL_ACCEPT, value),
             on_wine(WSAENOPROTOOPT, missing));
    is("off at first", (value & 0xFF) == 0, on_wine(false, missing));
    succeeds("on", set_option(made.get(), SOL_SOCKET, SO_CONDITIONAL_ACCEPT, 1), on_wine(WSAENOPROTOOPT, missing));
}

CONFORMANCE_CASE("options", "buffer sizes") {
    for (const On on : {On::tcp4, On::udp4, On::tcp6, On::udp6}) {
        for (const auto& [name, option] : {std::pair{"SO_RCVBUF", SO_RCVBUF}, std::pair{"SO_SNDBUF", SO_SNDBUF}}) {
            const std::string text = std::string(name) + " of " + name_of(on);
            const Socket made = make(on);
            int value = 0;
            int length = sizeof value;
            require("getsockopt", get(made.get(), SOL_SOCKET, option, &value, &length) == 0);
            equal(text + ": four bytes", length, 4);
            is(text + ": a default above 0", value > 0);
            for (const int size : {4'096, 20'001, 100'000}) {
                require("setsockopt", set(made.get(), SOL_SOCKET, option, &size, sizeof size) == 0);
                equal(text + ": " + std::to_string(size) + " read back",
                      conformance::option(made.get(), SOL_SOCKET, option), size);
            }
        }
    }
}

CONFORMANCE_CASE("options", "SO_LINGER and SO_DONTLINGER are two views of one") {
    const Socket made = tcp();
    linger value{7, 7};
    int length = sizeof value;
    succeeds("getsockopt", get(made.get(), SOL_SOCKET, SO_LINGER, &value, &length));
    equal("the length", length, static_cast<int>(sizeof(linger)));
    equal("off at first", value.l_onoff, 0);
    value = {1, 30};
    succeeds("on", set(made.get(), SOL_SOCKET, SO_LINGER, &value, sizeof value));
    value = {};
    require("getsockopt", get_option(made.get(), SOL_SOCKET, SO_LINGER, value) == 0);
    is("read back: on", value.l_onoff != 0);
    equal("read back: the seconds", value.l_linger, 30);
    equal("SO_DONTLINGER is off", option(made.get(), SOL_SOCKET, SO_DONTLINGER) & 0xFF, 0);
    succeeds("SO_DONTLINGER on", set_option(made.get(), SOL_SOCKET, SO_DONTLINGER, 1));
    require("getsockopt", get_option(made.get(), SOL_SOCKET, SO_LINGER, value) == 0);
    equal("SO_LINGER is off", value.l_onoff, 0);
    length = 3;
    fails("three bytes: WSAEFAULT", get(made.get(), SOL_SOCKET, SO_LINGER, &value, &length), WSAEFAULT);
    fails("set with three bytes: WSAEFAULT", set(made.get(), SOL_SOCKET, SO_LINGER, &value, 3), WSAEFAULT);
    for (const auto& [name, socket_option] :
         {std::pair{"SO_LINGER", SO_LINGER}, std::pair{"SO_DONTLINGER", SO_DONTLINGER}}) {
        linger ignored{};
        length = sizeof ignored;
        fails(std::string(name) + " of UDP: WSAENOPROTOOPT",
              get(udp().get(), SOL_SOCKET, socket_option, &ignored, &length), WSAENOPROTOOPT);
    }
}

CONFORMANCE_CASE("options", "SO_REUSEADDR and SO_EXCLUSIVEADDRUSE exclude one another: WSAEINVAL") {
    const Socket reuse = tcp();
    require("SO_REUSEADDR", set_option(reuse.get(), SOL_SOCKET, SO_REUSEADDR, 1) == 0);
    fails("SO_EXCLUSIVEADDRUSE after SO_REUSEADDR", set_option(reuse.get(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1),
          WSAEINVAL);
    const Socket exclusive = tcp();
    require("SO_EXCLUSIVEADDRUSE", set_option(exclusive.get(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1) == 0);
    fails("SO_REUSEADDR after SO_EXCLUSIVEADDRUSE", set_option(exclusive.get(), SOL_SOCKET, SO_REUSEADDR, 1),
          WSAEINVAL);
    succeeds("SO_EXCLUSIVEADDRUSE off", set_option(exclusive.get(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 0));
    succeeds("then SO_REUSEADDR on", set_option(exclusive.get(), SOL_SOCKET, SO_REUSEADDR, 1));
}

CONFORMANCE_CASE("options", "SO_ERROR") {
    const Unanswered nobody = unanswered();
    const Socket made = tcp();
    equal("0 for a new socket", option(made.get(), SOL_SOCKET, SO_ERROR), 0);
    set_nonblocking(made.get());
    require("connect", connect(made.get(), nobody.address.get(), nobody.address.length) == SOCKET_ERROR);
    require("the failure", exceptional(made.get()));
    equal("the error of a non-blocking connect", option(made.get(), SOL_SOCKET, SO_ERROR), WSAECONNREFUSED);
    fails("cannot be set: WSAENOPROTOOPT", set_option(made.get(), SOL_SOCKET, SO_ERROR, 1), WSAENOPROTOOPT,
          on_wine(succeeded, "Wine 10.0 accepts it and does nothing"));
}

CONFORMANCE_CASE("options", "that tell about the socket") {
    const Socket listener = listening();
    const Socket client = connected_to(listener.get());
    const Socket accepted(accept(listener.get(), nullptr, nullptr));
    equal("SO_ACCEPTCONN, listening", option(listener.get(), SOL_SOCKET, SO_ACCEPTCONN), 1);
    equal("SO_ACCEPTCONN, connected", option(client.get(), SOL_SOCKET, SO_ACCEPTCONN), 0);
    equal("SO_ACCEPTCONN, bound", option(bound_tcp().get(), SOL_SOCKET, SO_ACCEPTCONN), 0);
    equal("SO_CONNECT_TIME, not connected", option(tcp().get(), SOL_SOCKET, SO_CONNECT_TIME), -1);
    is("SO_CONNECT_TIME, connected a moment ago",
       static_cast<unsigned>(option(client.get(), SOL_SOCKET, SO_CONNECT_TIME)) <= 5);
    equal("SO_CONNECT_TIME, listening", option(listener.get(), SOL_SOCKET, SO_CONNECT_TIME), -1);
    is("SO_MAX_MSG_SIZE of UDP", option(udp().get(), SOL_SOCKET, SO_MAX_MSG_SIZE) >= 65'507);
    WSAPROTOCOL_INFOW wide{};
    int length = sizeof wide;
    succeeds("SO_PROTOCOL_INFOW", get(client.get(), SOL_SOCKET, SO_PROTOCOL_INFOW, &wide, &length));
    equal("SO_PROTOCOL_INFOW, its length", length, static_cast<int>(sizeof wide));
    WSAPROTOCOL_INFOA narrow{};
    length = sizeof narrow;
    succeeds("SO_PROTOCOL_INFOA", get(client.get(), SOL_SOCKET, SO_PROTOCOL_INFOA, &narrow, &length));
    equal("SO_PROTOCOL_INFOA, its length", length, static_cast<int>(sizeof narrow));
    is("SO_PROTOCOL_INFOA and W name one entry", wide.dwCatalogEntryId == narrow.dwCatalogEntryId);
    is("SO_PROTOCOL_INFOA and W name one provider", IsEqualGUID(wide.ProviderId, narrow.ProviderId));
    length = sizeof wide - 1;
    fails("SO_PROTOCOL_INFOW, one byte too little: WSAEFAULT",
          get(client.get(), SOL_SOCKET, SO_PROTOCOL_INFOW, &wide, &length), WSAEFAULT);
    length = sizeof narrow - 1;
    fails("SO_PROTOCOL_INFOA, one byte too little: WSAEFAULT",
          get(client.get(), SOL_SOCKET, SO_PROTOCOL_INFOA, &narrow, &length), WSAEFAULT);
    length = 0;
    fails("SO_PROTOCOL_INFOW, no room: WSAEFAULT", get(client.get(), SOL_SOCKET, SO_PROTOCOL_INFOW, nullptr, &length),
          WSAEFAULT);
    const WSAPROTOCOL_INFOW of_accepted = [&] {
        WSAPROTOCOL_INFOW info{};
        require("SO_PROTOCOL_INFOW", get_option(accepted.get(), SOL_SOCKET, SO_PROTOCOL_INFOW, info) == 0);
        return info;
    }();
    is("SO_PROTOCOL_INFOW, accepted and connected have one entry",
       of_accepted.dwCatalogEntryId == wide.dwCatalogEntryId);
}

CONFORMANCE_CASE("options", "read-only ones cannot be set") {
    const Socket made = tcp();
    for (const auto& [name, socket_option] :
         {std::pair{"SO_ACCEPTCONN", SO_ACCEPTCONN}, std::pair{"SO_TYPE", SO_TYPE},
          std::pair{"SO_MAX_MSG_SIZE", SO_MAX_MSG_SIZE}, std::pair{"SO_CONNECT_TIME", SO_CONNECT_TIME},
          std::pair{"SO_PROTOCOL_INFOW", SO_PROTOCOL_INFOW}, std::pair{"SO_PROTOCOL_INFOA", SO_PROTOCOL_INFOA}}) {
        fails(std::string(name) + ": WSAENOPROTOOPT", set_option(made.get(), SOL_SOCKET, socket_option, 1),
              WSAENOPROTOOPT);
    }
    equal("SO_TYPE is still SOCK_STREAM", option(made.get(), SOL_SOCKET, SO_TYPE), SOCK_STREAM);
}

CONFORMANCE_CASE("options", "nobody has: WSAENOPROTOOPT") {
    const Socket stream = tcp();
    const Socket datagram = udp();
    const Socket stream6 = tcp(AF_INET6);
    int value = 0;
    fails("a number nobody has at SOL_SOCKET", get_option(stream.get(), SOL_SOCKET, 0x7F77, value), WSAENOPROTOOPT);
    fails("a number nobody has at SOL_SOCKET, set", set_option(stream.get(), SOL_SOCKET, 0x7F77, 1), WSAENOPROTOOPT);
    fails("a number nobody has at IPPROTO_TCP", get_option(stream.get(), IPPROTO_TCP, 0x7F77, value), WSAENOPROTOOPT);
    fails("a number nobody has at IPPROTO_TCP, set", set_option(stream.get(), IPPROTO_TCP, 0x7F77, 1), WSAENOPROTOOPT);
    fails("a number nobody has at IPPROTO_IP", get_option(stream.get(), IPPROTO_IP, 0x7F77, value), WSAENOPROTOOPT);
    fails("a number nobody has at IPPROTO_IP, set", set_option(stream.get(), IPPROTO_IP, 0x7F77, 1), WSAENOPROTOOPT);
    fails("a number nobody has at IPPROTO_IPV6", get_option(stream6.get(), IPPROTO_IPV6, 0x7F77, value),
          WSAENOPROTOOPT);
    fails("a number nobody has at IPPROTO_IPV6, set", set_option(stream6.get(), IPPROTO_IPV6, 0x7F77, 1),
          WSAENOPROTOOPT);
    fails("TCP_NODELAY of UDP", get_option(datagram.get(), IPPROTO_TCP, TCP_NODELAY, value), WSAENOPROTOOPT,
          on_wine(WSAEOPNOTSUPP, linux_refuses));
    fails("TCP_NODELAY of UDP, set", set_option(datagram.get(), IPPROTO_TCP, TCP_NODELAY, 1), WSAENOPROTOOPT,
          on_wine(WSAEINVAL, linux_refuses));
    fails("SO_BROADCAST of TCP, set", set_option(stream.get(), SOL_SOCKET, SO_BROADCAST, 1), WSAENOPROTOOPT,
          on_wine(succeeded, "Wine 10.0 has all SOL_SOCKET options on every socket"));
    fails("SO_KEEPALIVE of UDP, set", set_option(datagram.get(), SOL_SOCKET, SO_KEEPALIVE, 1), WSAENOPROTOOPT,
          on_wine(succeeded, "Wine 10.0 has all SOL_SOCKET options on every socket"));
    fails("SO_OOBINLINE of UDP, set", set_option(datagram.get(), SOL_SOCKET, SO_OOBINLINE, 1), WSAENOPROTOOPT,
          on_wine(succeeded, "Wine 10.0 has all SOL_SOCKET options on every socket"));
}

CONFORMANCE_CASE("options", "a level nobody has: WSAEINVAL or WSAENOPROTOOPT") {
    const Socket made = tcp();
    int value = 0;
    for (const int level : {0x1234, -2}) {
        const bool get_refused = get_option(made.get(), level, 1, value) == SOCKET_ERROR &&
                                 (WSAGetLastError() == WSAEINVAL || WSAGetLastError() == WSAENOPROTOOPT);
        is("getsockopt at level " + std::to_string(level), get_refused);
        const bool set_refused = set_option(made.get(), level, 1, 1) == SOCKET_ERROR &&
                                 (WSAGetLastError() == WSAEINVAL || WSAGetLastError() == WSAENOPROTOOPT);
        is("setsockopt at level " + std::to_string(level), set_refused);
    }
}

CONFORMANCE_CASE("options", "SO_RCVTIMEO bounds a blocking receive") {
    const Pair pair = tcp_pair();
    require("SO_RCVTIMEO", set_option(pair.near_end.get(), SOL_SOCKET, SO_RCVTIMEO, 50) == 0);
    char byte = 0;
    const ULONGLONG begin = GetTickCount64();
    fails("recv: WSAETIMEDOUT", recv(pair.near_end.get(), &byte, 1, 0), WSAETIMEDOUT);
    is("not before the time", GetTickCount64() - begin >= 30);
    const Socket datagram = bound_udp();
    require("SO_RCVTIMEO", set_option(datagram.get(), SOL_SOCKET, SO_RCVTIMEO, 50) == 0);
    Address from;
    fails("recvfrom: WSAETIMEDOUT", recvfrom(datagram.get(), &byte, 1, 0, from.get(), &from.length), WSAETIMEDOUT);
}

CONFORMANCE_CASE("options", "on sockets of every state") {
    struct State {
        const char* name;
        Socket socket;
    };
    Pair pair = tcp_pair();
    State states[] = {{"bound", bound_tcp()},
                      {"listening", listening()},
                      {"connected", std::move(pair.near_end)},
                      {"accepted", std::move(pair.far_end)}};
    for (const State& state : states) {
        const SOCKET handle = state.socket.get();
        const std::string text = state.name;
        succeeds(text + ": SO_KEEPALIVE", set_option(handle, SOL_SOCKET, SO_KEEPALIVE, 1));
        equal(text + ": SO_KEEPALIVE read back", option(handle, SOL_SOCKET, SO_KEEPALIVE), 1);
        succeeds(text + ": TCP_NODELAY", set_option(handle, IPPROTO_TCP, TCP_NODELAY, 1));
        equal(text + ": TCP_NODELAY read back", option(handle, IPPROTO_TCP, TCP_NODELAY), 1);
        succeeds(text + ": SO_RCVTIMEO", set_option(handle, SOL_SOCKET, SO_RCVTIMEO, 1'000));
        equal(text + ": SO_RCVTIMEO read back", option(handle, SOL_SOCKET, SO_RCVTIMEO), 1'000);
        succeeds(text + ": SO_LINGER", set_option(handle, SOL_SOCKET, SO_LINGER, linger{1, 2}));
        equal(text + ": SO_TYPE", option(handle, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
        equal(text + ": SO_ERROR", option(handle, SOL_SOCKET, SO_ERROR), 0);
        linger off{0, 0};
        set_option(handle, SOL_SOCKET, SO_LINGER, off);
    }
}

CONFORMANCE_CASE("options", "SO_OPENTYPE belongs to the thread") {
    int value = -1;
    int length = sizeof value;
    succeeds("getsockopt of no socket", get(INVALID_SOCKET, SOL_SOCKET, SO_OPENTYPE, &value, &length));
    equal("0: sockets are overlapped", value, 0);
    value = SO_SYNCHRONOUS_NONALERT;
    succeeds("setsockopt of no socket", set(INVALID_SOCKET, SOL_SOCKET, SO_OPENTYPE, &value, sizeof value));
    value = 0;
    length = sizeof value;
    require("getsockopt", get(INVALID_SOCKET, SOL_SOCKET, SO_OPENTYPE, &value, &length) == 0);
    equal("read back", value, SO_SYNCHRONOUS_NONALERT);
    const Socket synchronous(socket(AF_INET, SOCK_STREAM, 0));
    is("sockets are made after it", static_cast<bool>(synchronous));
}
