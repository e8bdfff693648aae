// WSAStartup and WSACleanup. Pages: "WSAStartup function (winsock2.h)", "WSACleanup function (winsock2.h)"; for what is
// WSANOTINITIALISED the page of each function. The program itself has called WSAStartup once before the cases.
#include "every_function.hpp"

using namespace conformance;

namespace {

std::string version_text(WORD version) {
    return std::to_string(LOBYTE(version)) + "." + std::to_string(HIBYTE(version));
}

constexpr std::string_view unchecked = "Wine 10.0 asks only socket and WSACleanup whether WSAStartup was called";

// Ends the program's own use of Winsock for the life of this object.
class NotStarted {
public:
    NotStarted() { require("the last WSACleanup", WSACleanup() == 0); }
    NotStarted(const NotStarted&) = delete;
    NotStarted& operator=(const NotStarted&) = delete;
    ~NotStarted() {
        WSADATA data{};
        WSAStartup(MAKEWORD(2, 2), &data);
    }
};

} // namespace

CONFORMANCE_CASE("WSAStartup", "versions that exist") {
    for (const WORD version : {MAKEWORD(1, 0), MAKEWORD(1, 1), MAKEWORD(2, 0), MAKEWORD(2, 1), MAKEWORD(2, 2)}) {
        WSADATA data{};
        const std::string text = version_text(version);
        if (equal(text + " is accepted", WSAStartup(version, &data), 0)) {
            equal(text + ": wVersion is the version asked for", data.wVersion, version);
            equal(text + ": wHighVersion is 2.2", data.wHighVersion, MAKEWORD(2, 2));
            is(text + ": szDescription ends within its array",
               memchr(data.szDescription, 0, sizeof data.szDescription));
            is(text + ": szSystemStatus ends within its array",
               memchr(data.szSystemStatus, 0, sizeof data.szSystemStatus));
            equal(text + ": taken back", WSACleanup(), 0);
        }
    }
}

CONFORMANCE_CASE("WSAStartup", "versions that do not exist") {
    for (const WORD version : {MAKEWORD(2, 3), MAKEWORD(3, 0), MAKEWORD(9, 9), MAKEWORD(255, 255)}) {
        WSADATA data{};
        const std::string text = version_text(version);
        if (equal(text + " is accepted", WSAStartup(version, &data), 0)) {
            equal(text + ": wVersion is the highest there is", data.wVersion, MAKEWORD(2, 2));
            equal(text + ": wHighVersion is 2.2", data.wHighVersion, MAKEWORD(2, 2));
            WSACleanup();
        }
    }
    WSADATA data{};
    equal("0.0 is below all: WSAVERNOTSUPPORTED", WSAStartup(MAKEWORD(0, 0), &data), WSAVERNOTSUPPORTED);
    equal("0.9 is below all: WSAVERNOTSUPPORTED", WSAStartup(MAKEWORD(0, 9), &data), WSAVERNOTSUPPORTED);
}

CONFORMANCE_CASE("WSAStartup", "lpWSAData") {
    equal("NULL: WSAEFAULT", WSAStartup(MAKEWORD(2, 2), nullptr), WSAEFAULT);
    const Socket still = tcp();
    is("a WSAStartup that failed changes nothing", static_cast<bool>(still));
}

CONFORMANCE_CASE("WSACleanup", "is counted") {
    WSADATA data{};
    require("a second WSAStartup", WSAStartup(MAKEWORD(2, 2), &data) == 0);
    require("a third WSAStartup", WSAStartup(MAKEWORD(1, 1), &data) == 0);
    const Pair pair = tcp_pair();
    succeeds("the first WSACleanup", WSACleanup());
    succeeds("send after it", send(pair.near_end.get(), "a", 1, 0));
    succeeds("the second WSACleanup", WSACleanup());
    equal("receive after it", receive_text(pair.far_end.get()), "a");
    const Socket more = tcp();
    is("a new socket after it", static_cast<bool>(more));
}

CONFORMANCE_CASE("WSACleanup", "the last one") {
    Pair pair = tcp_pair();
    Socket listener = listening();
    const Address address = name_of(listener.get());
    {
        const NotStarted not_started;
        fails("one more WSACleanup: WSANOTINITIALISED", WSACleanup(), WSANOTINITIALISED);
        fails_socket("socket: WSANOTINITIALISED", socket(AF_INET, SOCK_STREAM, 0), WSANOTINITIALISED);
        fails_socket("WSASocketW: WSANOTINITIALISED", WSASocketW(AF_INET, SOCK_STREAM, 0, nullptr, 0, 0),
                     WSANOTINITIALISED);
        fails_socket("WSASocketA: WSANOTINITIALISED", WSASocketA(AF_INET, SOCK_DGRAM, 0, nullptr, 0, 0),
                     WSANOTINITIALISED);
        WSAPROTOCOL_INFOW infos[1];
        DWORD size = sizeof infos;
        fails("WSAEnumProtocolsW: WSANOTINITIALISED", WSAEnumProtocolsW(nullptr, infos, &size), WSANOTINITIALISED,
              on_wine(WSAENOBUFS, unchecked));
        WSAPROTOCOL_INFOA infos_a[1];
        size = sizeof infos_a;
        fails("WSAEnumProtocolsA: WSANOTINITIALISED", WSAEnumProtocolsA(nullptr, infos_a, &size), WSANOTINITIALISED,
              on_wine(WSAENOBUFS, unchecked));
        for (const SocketFunction& function : socket_functions) {
            const int result = function.fails(pair.near_end.get()) ? SOCKET_ERROR : 0;
            fails(std::string(function.name) + ": WSANOTINITIALISED", result, WSANOTINITIALISED,
                  on_wine(function.wine_ignores_socket ? succeeded : WSAENOTSOCK, unchecked));
        }
        WSAPOLLFD poll{pair.near_end.get(), POLLRDNORM, 0};
        fails("WSAPoll: WSANOTINITIALISED", WSAPoll(&poll, 1, 0), WSANOTINITIALISED, on_wine(WSAENOTSOCK, unchecked));
        equal("WSASetLastError and WSAGetLastError work", (WSASetLastError(4711), WSAGetLastError()), 4711);
        equal("htons works", htons(0x1234), 0x3412);
        equal("htonl works", htonl(0x12345678), 0x78563412u);
        equal("ntohs works", ntohs(0x1234), 0x3412);
        equal("ntohl works", ntohl(0x12345678), 0x78563412u);
    }
    for (const auto& [name, handle] :
         {std::pair{"connected", pair.near_end.get()}, std::pair{"accepted", pair.far_end.get()},
          std::pair{"listening", listener.get()}}) {
        int value = 0;
        fails(std::string("a ") + name + " socket from before is closed: WSAENOTSOCK",
              get_option(handle, SOL_SOCKET, SO_TYPE, value), WSAENOTSOCK);
    }
    pair.near_end.release();
    pair.far_end.release();
    listener.release();
    const Socket again = tcp();
    succeeds("after a new WSAStartup the port of the listener is free",
             bind(again.get(), address.get(), address.length));
    const Pair fresh = tcp_pair();
    send_text(fresh.near_end.get(), "fresh");
    equal("after a new WSAStartup connections work", receive_text(fresh.far_end.get()), "fresh");
}
