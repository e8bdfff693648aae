// socket, WSASocket, closesocket and WSAEnumProtocols. Pages: "socket function (winsock2.h)", "WSASocketW function
// (winsock2.h)", "closesocket function (winsock.h)", "WSAEnumProtocolsW function (winsock2.h)", "SO_PROTOCOL_INFO".
#include "every_function.hpp"

#include <vector>

using namespace conformance;

namespace {

struct Kind {
    const char* name;
    int family;
    int type;
    int protocol;
};

constexpr Kind kinds[] = {
    {"TCP over IPv4", AF_INET, SOCK_STREAM, IPPROTO_TCP},
    {"UDP over IPv4", AF_INET, SOCK_DGRAM, IPPROTO_UDP},
    {"TCP over IPv6", AF_INET6, SOCK_STREAM, IPPROTO_TCP},
    {"UDP over IPv6", AF_INET6, SOCK_DGRAM, IPPROTO_UDP},
};

WSAPROTOCOL_INFOW info_of(SOCKET handle) {
    WSAPROTOCOL_INFOW info{};
    require("SO_PROTOCOL_INFOW", get_option(handle, SOL_SOCKET, SO_PROTOCOL_INFOW, info) == 0);
    return info;
}

std::vector<WSAPROTOCOL_INFOW> protocols(int* filter = nullptr) {
    DWORD size = 0;
    WSAEnumProtocolsW(filter, nullptr, &size);
    std::vector<WSAPROTOCOL_INFOW> all(size / sizeof(WSAPROTOCOL_INFOW) + 1);
    size = static_cast<DWORD>(all.size() * sizeof(WSAPROTOCOL_INFOW));
    const int count = WSAEnumProtocolsW(filter, all.data(), &size);
    require("WSAEnumProtocolsW", count != SOCKET_ERROR);
    all.resize(static_cast<std::size_t>(count));
    return all;
}

bool inheritable(SOCKET handle) {
    DWORD flags = 0;
    require("GetHandleInformation", GetHandleInformation(reinterpret_cast<HANDLE>(handle), &flags));
    return (flags & HANDLE_FLAG_INHERIT) != 0;
}

} // namespace

CONFORMANCE_CASE("socket", "kinds of sockets") {
    for (const Kind& kind : kinds) {
        const std::string name = kind.name;
        const Socket made(socket(kind.family, kind.type, kind.protocol));
        if (!is(name + " is made", static_cast<bool>(made))) {
            continue;
        }
        equal(name + ": the value of a socket is a multiple of 4", made.get() % 4, 0u);
        equal(name + ": SO_TYPE", option(made.get(), SOL_SOCKET, SO_TYPE), kind.type);
        equal(name + ": SO_ERROR is 0", option(made.get(), SOL_SOCKET, SO_ERROR), 0);
        const WSAPROTOCOL_INFOW info = info_of(made.get());
        equal(name + ": SO_PROTOCOL_INFO iAddressFamily", info.iAddressFamily, kind.family);
        equal(name + ": SO_PROTOCOL_INFO iSocketType", info.iSocketType, kind.type);
        equal(name + ": SO_PROTOCOL_INFO iProtocol", info.iProtocol, kind.protocol);
        equal(name + ": SO_PROTOCOL_INFO iVersion", info.iVersion, 2);
        equal(name + ": SO_PROTOCOL_INFO iMaxSockAddr", info.iMaxSockAddr, address_length(kind.family));
        equal(name + ": SO_PROTOCOL_INFO iNetworkByteOrder", info.iNetworkByteOrder, BIGENDIAN);
        equal(name + ": SO_PROTOCOL_INFO iSecurityScheme", info.iSecurityScheme, SECURITY_PROTOCOL_NONE);
        is(name + ": SO_PROTOCOL_INFO says XP1_IFS_HANDLES", (info.dwServiceFlags1 & XP1_IFS_HANDLES) != 0);
        const bool stream = kind.type == SOCK_STREAM;
        equal(name + ": XP1_CONNECTIONLESS", (info.dwServiceFlags1 & XP1_CONNECTIONLESS) != 0, !stream);
        equal(name + ": XP1_GUARANTEED_DELIVERY", (info.dwServiceFlags1 & XP1_GUARANTEED_DELIVERY) != 0, stream);
        equal(name + ": XP1_GUARANTEED_ORDER", (info.dwServiceFlags1 & XP1_GUARANTEED_ORDER) != 0, stream);
        equal(name + ": XP1_MESSAGE_ORIENTED", (info.dwServiceFlags1 & XP1_MESSAGE_ORIENTED) != 0, !stream);
        equal(name + ": XP1_GRACEFUL_CLOSE", (info.dwServiceFlags1 & XP1_GRACEFUL_CLOSE) != 0, stream);
        equal(name + ": XP1_EXPEDITED_DATA", (info.dwServiceFlags1 & XP1_EXPEDITED_DATA) != 0, stream);
        equal(name + ": XP1_SUPPORT_BROADCAST", (info.dwServiceFlags1 & XP1_SUPPORT_BROADCAST) != 0, !stream);
        equal(name + ": XP1_SUPPORT_MULTIPOINT", (info.dwServiceFlags1 & XP1_SUPPORT_MULTIPOINT) != 0, !stream);
        is(name + ": no XP1_PSEUDO_STREAM", (info.dwServiceFlags1 & XP1_PSEUDO_STREAM) == 0);
        is(name + ": no XP1_CONNECT_DATA", (info.dwServiceFlags1 & XP1_CONNECT_DATA) == 0);
        is(name + ": no XP1_DISCONNECT_DATA", (info.dwServiceFlags1 & XP1_DISCONNECT_DATA) == 0);
        is(name + ": it is inheritable", inheritable(made.get()));
    }
}

CONFORMANCE_CASE("socket", "protocol 0 means the protocol of the type") {
    for (const Kind& kind : kinds) {
        const Socket made(socket(kind.family, kind.type, 0));
        if (is(std::string(kind.name) + " is made", static_cast<bool>(made))) {
            equal(std::string(kind.name) + ": SO_PROTOCOL_INFO iProtocol", info_of(made.get()).iProtocol,
                  kind.protocol);
        }
    }
}

CONFORMANCE_CASE("socket", "type 0 means the type of the protocol") {
    for (const Kind& kind : kinds) {
        const Socket made(socket(kind.family, 0, kind.protocol));
        if (is(std::string(kind.name) + " is made", static_cast<bool>(made))) {
            equal(std::string(kind.name) + ": SO_TYPE", option(made.get(), SOL_SOCKET, SO_TYPE), kind.type);
        }
    }
}

CONFORMANCE_CASE("socket", "errors") {
    fails_socket("AF_UNSPEC with neither type nor protocol: WSAEINVAL", socket(AF_UNSPEC, 0, 0), WSAEINVAL);
    fails_socket("a family nobody has: WSAEAFNOSUPPORT", socket(200, SOCK_STREAM, 0), WSAEAFNOSUPPORT);
    fails_socket("a negative family: WSAEAFNOSUPPORT", socket(-1, SOCK_STREAM, 0), WSAEAFNOSUPPORT);
    fails_socket("AF_APPLETALK, no longer there: WSAEAFNOSUPPORT", socket(AF_APPLETALK, SOCK_STREAM, 0),
                 WSAEAFNOSUPPORT);
    fails_socket("a type nobody has: WSAESOCKTNOSUPPORT", socket(AF_INET, 10, 0), WSAESOCKTNOSUPPORT);
    fails_socket("a type nobody has over IPv6: WSAESOCKTNOSUPPORT", socket(AF_INET6, 10, 0), WSAESOCKTNOSUPPORT);
    fails_socket("SOCK_SEQPACKET over IPv4: WSAESOCKTNOSUPPORT", socket(AF_INET, SOCK_SEQPACKET, 0),
                 WSAESOCKTNOSUPPORT);
    fails_socket("a protocol nobody has: WSAEPROTONOSUPPORT", socket(AF_INET, SOCK_STREAM, 0xFFFF), WSAEPROTONOSUPPORT);
    fails_socket("UDP as a stream: WSAEPROTONOSUPPORT", socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), WSAEPROTONOSUPPORT);
    fails_socket("TCP as datagrams: WSAEPROTONOSUPPORT", socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP), WSAEPROTONOSUPPORT);
    fails_socket("UDP as a stream over IPv6: WSAEPROTONOSUPPORT", socket(AF_INET6, SOCK_STREAM, IPPROTO_UDP),
                 WSAEPROTONOSUPPORT);
    fails_socket("TCP as datagrams over IPv6: WSAEPROTONOSUPPORT", socket(AF_INET6, SOCK_DGRAM, IPPROTO_TCP),
                 WSAEPROTONOSUPPORT);
}

CONFORMANCE_CASE("WSASocket", "by triplet") {
    for (const Kind& kind : kinds) {
        const Socket wide(WSASocketW(kind.family, kind.type, kind.protocol, nullptr, 0, WSA_FLAG_OVERLAPPED));
        is(std::string(kind.name) + " by WSASocketW", static_cast<bool>(wide));
        const Socket narrow(WSASocketA(kind.family, kind.type, kind.protocol, nullptr, 0, WSA_FLAG_OVERLAPPED));
        is(std::string(kind.name) + " by WSASocketA", static_cast<bool>(narrow));
        const Socket synchronous(WSASocketW(kind.family, kind.type, kind.protocol, nullptr, 0, 0));
        is(std::string(kind.name) + " without WSA_FLAG_OVERLAPPED", static_cast<bool>(synchronous));
        is(std::string(kind.name) + ": two sockets have two values", wide.get() != narrow.get());
        const bool same_entry = info_of(wide.get()).dwCatalogEntryId == info_of(narrow.get()).dwCatalogEntryId;
        is(std::string(kind.name) + ": both belong to the same catalog entry", same_entry);
    }
    fails_socket("a family nobody has: WSAEAFNOSUPPORT", WSASocketW(200, SOCK_STREAM, 0, nullptr, 0, 0),
                 WSAEAFNOSUPPORT);
    fails_socket("a type nobody has: WSAESOCKTNOSUPPORT", WSASocketW(AF_INET, 10, 0, nullptr, 0, 0),
                 WSAESOCKTNOSUPPORT);
    fails_socket("a protocol nobody has: WSAEPROTONOSUPPORT", WSASocketW(AF_INET, SOCK_STREAM, 0xFFFF, nullptr, 0, 0),
                 WSAEPROTONOSUPPORT);
    fails_socket("nothing at all: WSAEINVAL", WSASocketW(AF_UNSPEC, 0, 0, nullptr, 0, 0), WSAEINVAL);
}

CONFORMANCE_CASE("WSASocket", "flags") {
    const Socket kept(
        WSASocketW(AF_INET, SOCK_STREAM, 0, nullptr, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
    require("WSA_FLAG_NO_HANDLE_INHERIT", static_cast<bool>(kept));
    is("WSA_FLAG_NO_HANDLE_INHERIT: it is not inheritable", !inheritable(kept.get()));
    const Socket given(WSASocketW(AF_INET, SOCK_STREAM, 0, nullptr, 0, WSA_FLAG_OVERLAPPED));
    is("without WSA_FLAG_NO_HANDLE_INHERIT it is", inheritable(given.get()));
    const Socket narrow(
        WSASocketA(AF_INET6, SOCK_DGRAM, 0, nullptr, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
    require("WSA_FLAG_NO_HANDLE_INHERIT by WSASocketA", static_cast<bool>(narrow));
    is("WSA_FLAG_NO_HANDLE_INHERIT by WSASocketA too", !inheritable(narrow.get()));
    const Socket multicast(WSASocketW(AF_INET, SOCK_DGRAM, 0, nullptr, 0,
                                      WSA_FLAG_OVERLAPPED | WSA_FLAG_MULTIPOINT_C_LEAF | WSA_FLAG_MULTIPOINT_D_LEAF));
    is("UDP may be a leaf in both planes", static_cast<bool>(multicast));
}

CONFORMANCE_CASE("WSASocket", "by protocol info") {
    for (const Kind& kind : kinds) {
        const std::string name = kind.name;
        const Socket model(socket(kind.family, kind.type, kind.protocol));
        require("a model", static_cast<bool>(model));
        WSAPROTOCOL_INFOW info = info_of(model.get());
        const Socket all(
            WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, WSA_FLAG_OVERLAPPED));
        if (is(name + " with FROM_PROTOCOL_INFO three times", static_cast<bool>(all))) {
            const WSAPROTOCOL_INFOW made = info_of(all.get());
            equal(name + ": the same dwCatalogEntryId", made.dwCatalogEntryId == info.dwCatalogEntryId, true);
            is(name + ": the same ProviderId", IsEqualGUID(made.ProviderId, info.ProviderId));
            equal(name + ": the same family", made.iAddressFamily, kind.family);
            equal(name + ": the same type", made.iSocketType, kind.type);
            equal(name + ": the same protocol", made.iProtocol, kind.protocol);
        }
        WSAPROTOCOL_INFOA narrow{};
        require("SO_PROTOCOL_INFOA", get_option(model.get(), SOL_SOCKET, SO_PROTOCOL_INFOA, narrow) == 0);
        equal(name + ": SO_PROTOCOL_INFOA names the same entry", narrow.dwCatalogEntryId == info.dwCatalogEntryId,
              true);
        const Socket by_narrow(
            WSASocketA(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &narrow, 0, WSA_FLAG_OVERLAPPED));
        if (is(name + " by WSASocketA", static_cast<bool>(by_narrow))) {
            equal(name + " by WSASocketA: SO_TYPE", option(by_narrow.get(), SOL_SOCKET, SO_TYPE), kind.type);
        }
    }
}

CONFORMANCE_CASE("WSAEnumProtocols", "sizes") {
    DWORD needed = 0;
    fails("no buffer: WSAENOBUFS", WSAEnumProtocolsW(nullptr, nullptr, &needed), WSAENOBUFS);
    is("the size needed is some entries", needed > 0 && needed % sizeof(WSAPROTOCOL_INFOW) == 0);
    std::vector<WSAPROTOCOL_INFOW> buffer(needed / sizeof(WSAPROTOCOL_INFOW));
    DWORD size = needed - 1;
    fails("one byte too small: WSAENOBUFS", WSAEnumProtocolsW(nullptr, buffer.data(), &size), WSAENOBUFS);
    equal("the size needed is told again", size == needed, true);
    size = 1;
    fails("one byte: WSAENOBUFS", WSAEnumProtocolsW(nullptr, buffer.data(), &size), WSAENOBUFS);
    size = needed;
    const int count = WSAEnumProtocolsW(nullptr, buffer.data(), &size);
    is("the size needed is enough", count == static_cast<int>(buffer.size()));
    size = needed + 100;
    buffer.resize(buffer.size() + 1);
    is("more is fine", WSAEnumProtocolsW(nullptr, buffer.data(), &size) == count);
    DWORD needed_narrow = 0;
    fails("A, no buffer: WSAENOBUFS", WSAEnumProtocolsA(nullptr, nullptr, &needed_narrow), WSAENOBUFS);
    is("A, as many entries", needed_narrow / sizeof(WSAPROTOCOL_INFOA) == needed / sizeof(WSAPROTOCOL_INFOW));
    std::vector<WSAPROTOCOL_INFOA> narrow(needed_narrow / sizeof(WSAPROTOCOL_INFOA));
    is("A, filled", WSAEnumProtocolsA(nullptr, narrow.data(), &needed_narrow) == count);
    bool same_entries = true;
    for (std::size_t index = 0; index < narrow.size(); ++index) {
        same_entries = same_entries && narrow[index].dwCatalogEntryId == buffer[index].dwCatalogEntryId;
    }
    is("A names the same entries in the same order", same_entries);
}

CONFORMANCE_CASE("WSAEnumProtocols", "what is listed") {
    const std::vector<WSAPROTOCOL_INFOW> all = protocols();
    for (const Kind& kind : kinds) {
        bool found = false;
        for (const WSAPROTOCOL_INFOW& info : all) {
            found = found || (info.iAddressFamily == kind.family && info.iSocketType == kind.type &&
                              info.iProtocol == kind.protocol);
        }
        is(std::string(kind.name) + " is listed", found);
    }
    bool hidden = false;
    bool dummy = false;
    bool version = true;
    bool names = true;
    for (const WSAPROTOCOL_INFOW& info : all) {
        hidden = hidden || (info.dwProviderFlags & PFL_HIDDEN) != 0;
        dummy = dummy || info.ProtocolChain.ChainLen == LAYERED_PROTOCOL;
        version = version && info.iVersion == 2;
        names = names && info.szProtocol[0] != L'\0';
    }
    is("no entry with PFL_HIDDEN", !hidden);
    is("no entry that only stands for a layered provider", !dummy);
    is("every iVersion is 2", version);
    is("every entry has a name", names);
}

CONFORMANCE_CASE("WSAEnumProtocols", "lpiProtocols") {
    int only_tcp[] = {IPPROTO_TCP, 0};
    bool as_asked = true;
    for (const WSAPROTOCOL_INFOW& info : protocols(only_tcp)) {
        as_asked = as_asked && info.iProtocol == IPPROTO_TCP;
    }
    is("only TCP", as_asked);
    is("TCP for both families", protocols(only_tcp).size() >= 2);
    int both[] = {IPPROTO_TCP, IPPROTO_UDP, 0};
    as_asked = true;
    for (const WSAPROTOCOL_INFOW& info : protocols(both)) {
        as_asked = as_asked && (info.iProtocol == IPPROTO_TCP || info.iProtocol == IPPROTO_UDP);
    }
    is("only TCP and UDP", as_asked);
    is("TCP and UDP are more than TCP", protocols(both).size() > protocols(only_tcp).size());
    int nobody[] = {0xFFFF, 0};
    DWORD size = 0;
    equal("a protocol nobody has: no entry", WSAEnumProtocolsW(nobody, nullptr, &size), 0,
          on_wine(SOCKET_ERROR, "Wine 10.0 says WSAENOBUFS for every call without a buffer"));
    equal("and no size is needed", size, 0u);
}

CONFORMANCE_CASE("closesocket", "gives the value up") {
    Socket made = tcp();
    const SOCKET value = made.release();
    succeeds("the first time", closesocket(value));
    fails("the second time: WSAENOTSOCK", closesocket(value), WSAENOTSOCK);
    const SOCKET listener = listening().release();
    succeeds("a listening socket", closesocket(listener));
    fails("a listening socket the second time: WSAENOTSOCK", closesocket(listener), WSAENOTSOCK);
    const SOCKET datagram = bound_udp().release();
    const Address address = name_of(datagram);
    succeeds("a bound UDP socket", closesocket(datagram));
    const Socket again = udp();
    succeeds("its port is free at once", bind(again.get(), address.get(), address.length));
    Socket busy = tcp();
    set_nonblocking(busy.get());
    succeeds("a non-blocking socket", closesocket(busy.release()));
    Pair pair = tcp_pair();
    succeeds("a connected socket", closesocket(pair.near_end.release()));
    equal("its peer reads the end",
          recv(pair.far_end.get(), nullptr, 0, 0) == 0 && receive_text(pair.far_end.get()).empty(), true);
    Pair filled = tcp_pair();
    send_text(filled.near_end.get(), "last words");
    filled.near_end.close();
    equal("what was sent before it arrives", receive_text(filled.far_end.get()), "last words");
    equal("then comes the end", receive_text(filled.far_end.get()), "");
}

CONFORMANCE_CASE("a value that is no socket", "closed before: WSAENOTSOCK") {
    every_function_says_not_a_socket(closed_socket());
}

CONFORMANCE_CASE("a value that is no socket", "INVALID_SOCKET: WSAENOTSOCK") {
    every_function_says_not_a_socket(INVALID_SOCKET);
}

CONFORMANCE_CASE("a value that is no socket", "0: WSAENOTSOCK") {
    every_function_says_not_a_socket(0);
}

CONFORMANCE_CASE("a value that is no socket", "the handle of an event: WSAENOTSOCK") {
    const Event event;
    const SOCKET handle = reinterpret_cast<SOCKET>(event.get());
    every_function_says_not_a_socket(handle);
    is("it is still an event", SetEvent(event.get()) && event.is_set());
}
