// Extension functions: asking for them. Pages: "Winsock IOCTLs" (SIO_GET_EXTENSION_FUNCTION_POINTER), "AcceptEx
// function", "WSAIoctl function (winsock2.h)".
#include "overlapped.hpp"

#include <set>

using namespace conformance;

namespace {

struct Known {
    const char* name;
    GUID id;
};

const Known known[] = {
    {"AcceptEx", WSAID_ACCEPTEX},         {"GetAcceptExSockaddrs", WSAID_GETACCEPTEXSOCKADDRS},
    {"ConnectEx", WSAID_CONNECTEX},       {"DisconnectEx", WSAID_DISCONNECTEX},
    {"TransmitFile", WSAID_TRANSMITFILE}, {"TransmitPackets", WSAID_TRANSMITPACKETS},
    {"WSARecvMsg", WSAID_WSARECVMSG},     {"WSASendMsg", WSAID_WSASENDMSG},
};

int ask(SOCKET socket, GUID id, void*& function, DWORD& returned) {
    function = nullptr;
    returned = 0;
    return WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &function, sizeof function, &returned,
                    nullptr, nullptr);
}

// Whether sockets of both families have it.
bool ask_both(const std::string& name, const Known& one, SOCKET socket, SOCKET socket6) {
    void* function = nullptr;
    DWORD returned = 0;
    constexpr GUID transmit_packets = WSAID_TRANSMITPACKETS;
    if (std::memcmp(&one.id, &transmit_packets, sizeof transmit_packets) != 0) {
        return succeeds(name + "WSAIoctl", ask(socket, one.id, function, returned)) &&
               succeeds(name + "WSAIoctl on IPv6", ask(socket6, one.id, function, returned));
    }
    const auto missing = on_wine(WSAEINVAL, "Wine 10.0 has no TransmitPackets");
    return succeeds(name + "WSAIoctl", ask(socket, one.id, function, returned), missing) &&
           succeeds(name + "WSAIoctl on IPv6", ask(socket6, one.id, function, returned), missing);
}

} // namespace

CONFORMANCE_CASE("extension", "the functions of Windows") {
    const Socket socket = tcp();
    const Socket socket6 = tcp(AF_INET6);
    std::set<void*> all;
    for (const Known& one : known) {
        const std::string name = std::string(one.name) + ": ";
        void* function = nullptr;
        DWORD returned = 0;
        if (!ask_both(name, one, socket.get(), socket6.get())) {
            continue;
        }
        require("WSAIoctl", ask(socket.get(), one.id, function, returned) == 0);
        equal(name + "the size of a pointer", returned, static_cast<DWORD>(sizeof function));
        is(name + "is there", function != nullptr);
        is(name + "is none of the others", all.insert(function).second);
        void* again = nullptr;
        succeeds(name + "WSAIoctl again", ask(socket.get(), one.id, again, returned));
        is(name + "is the same again", again == function);
    }
}

CONFORMANCE_CASE("extension", "errors of asking") {
    const Socket socket = tcp();
    GUID unknown{0x01234567, 0x89ab, 0xcdef, {1, 2, 3, 4, 5, 6, 7, 8}};
    void* function = nullptr;
    DWORD returned = 0;
    fails("a GUID nobody knows: WSAEINVAL", ask(socket.get(), unknown, function, returned), WSAEINVAL);
    GUID id = WSAID_CONNECTEX;
    const SOCKET one = socket.get();
    fails("no room for the pointer",
          WSAIoctl(one, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &function, 1, &returned, nullptr, nullptr),
          WSAEFAULT,
          on_wine(succeeded, "Wine 10.0 writes the pointer wherever the caller says; no room at all crashes it"));
    fails("too short a GUID",
          WSAIoctl(one, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, 4, &function, sizeof function, &returned, nullptr,
                   nullptr),
          WSAEFAULT, on_wine(succeeded, "Wine 10.0 reads a GUID wherever the caller says; none at all crashes it"));
    fails("a closed socket", ask(closed_socket(), WSAID_CONNECTEX, function, returned), WSAENOTSOCK);
    fails("no socket", ask(INVALID_SOCKET, WSAID_CONNECTEX, function, returned), WSAENOTSOCK);
}
