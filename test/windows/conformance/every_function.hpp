// Every Winsock function that takes a socket, called with arguments that are right but for the socket.
#pragma once

#include "sockets.hpp"

namespace conformance {

struct SocketFunction {
    const char* name;
    // True if the call failed; then WSAGetLastError is its error.
    bool (*fails)(SOCKET handle);
    // Wine 10.0 swaps the bytes without a look at the socket, or at whether Winsock was started.
    bool wine_ignores_socket = false;
};

// Those whose pages list WSANOTINITIALISED and WSAENOTSOCK.
inline constexpr SocketFunction socket_functions[] = {
    {"accept", [](SOCKET s) { return accept(s, nullptr, nullptr) == INVALID_SOCKET; }},
    {"bind",
     [](SOCKET s) {
         const Address name = loopback(AF_INET);
         return bind(s, name.get(), name.length) == SOCKET_ERROR;
     }},
    {"closesocket", [](SOCKET s) { return closesocket(s) == SOCKET_ERROR; }},
    {"connect",
     [](SOCKET s) {
         const Address name = loopback(AF_INET, 9);
         return connect(s, name.get(), name.length) == SOCKET_ERROR;
     }},
    {"getpeername",
     [](SOCKET s) {
         Address name;
         return getpeername(s, name.get(), &name.length) == SOCKET_ERROR;
     }},
    {"getsockname",
     [](SOCKET s) {
         Address name;
         return getsockname(s, name.get(), &name.length) == SOCKET_ERROR;
     }},
    {"getsockopt",
     [](SOCKET s) {
         int value = 0;
         return get_option(s, SOL_SOCKET, SO_TYPE, value) == SOCKET_ERROR;
     }},
    {"getsockopt SO_ERROR",
     [](SOCKET s) {
         int value = 0;
         return get_option(s, SOL_SOCKET, SO_ERROR, value) == SOCKET_ERROR;
     }},
    {"getsockopt TCP_NODELAY",
     [](SOCKET s) {
         int value = 0;
         return get_option(s, IPPROTO_TCP, TCP_NODELAY, value) == SOCKET_ERROR;
     }},
    {"ioctlsocket FIONBIO",
     [](SOCKET s) {
         u_long value = 1;
         return ioctlsocket(s, static_cast<long>(FIONBIO), &value) == SOCKET_ERROR;
     }},
    {"ioctlsocket FIONREAD",
     [](SOCKET s) {
         u_long value = 0;
         return ioctlsocket(s, FIONREAD, &value) == SOCKET_ERROR;
     }},
    {"ioctlsocket SIOCATMARK",
     [](SOCKET s) {
         u_long value = 0;
         return ioctlsocket(s, static_cast<long>(SIOCATMARK), &value) == SOCKET_ERROR;
     }},
    {"listen", [](SOCKET s) { return listen(s, 1) == SOCKET_ERROR; }},
    {"recv",
     [](SOCKET s) {
         char byte = 0;
         return recv(s, &byte, 1, 0) == SOCKET_ERROR;
     }},
    {"recvfrom",
     [](SOCKET s) {
         char byte = 0;
         Address from;
         return recvfrom(s, &byte, 1, 0, from.get(), &from.length) == SOCKET_ERROR;
     }},
    {"select, in readfds",
     [](SOCKET s) {
         fd_set set{1, {s}};
         const timeval now{};
         return select(0, &set, nullptr, nullptr, &now) == SOCKET_ERROR;
     }},
    {"select, in writefds",
     [](SOCKET s) {
         fd_set set{1, {s}};
         const timeval now{};
         return select(0, nullptr, &set, nullptr, &now) == SOCKET_ERROR;
     }},
    {"select, in exceptfds",
     [](SOCKET s) {
         fd_set set{1, {s}};
         const timeval now{};
         return select(0, nullptr, nullptr, &set, &now) == SOCKET_ERROR;
     }},
    {"send", [](SOCKET s) { return send(s, "x", 1, 0) == SOCKET_ERROR; }},
    {"sendto",
     [](SOCKET s) {
         const Address to = loopback(AF_INET, 9);
         return sendto(s, "x", 1, 0, to.get(), to.length) == SOCKET_ERROR;
     }},
    {"setsockopt", [](SOCKET s) { return set_option(s, SOL_SOCKET, SO_KEEPALIVE, 1) == SOCKET_ERROR; }},
    {"setsockopt TCP_NODELAY", [](SOCKET s) { return set_option(s, IPPROTO_TCP, TCP_NODELAY, 1) == SOCKET_ERROR; }},
    {"shutdown", [](SOCKET s) { return shutdown(s, SD_BOTH) == SOCKET_ERROR; }},
    {"WSAAccept", [](SOCKET s) { return WSAAccept(s, nullptr, nullptr, nullptr, 0) == INVALID_SOCKET; }},
    {"WSAConnect",
     [](SOCKET s) {
         const Address name = loopback(AF_INET, 9);
         return WSAConnect(s, name.get(), name.length, nullptr, nullptr, nullptr, nullptr) == SOCKET_ERROR;
     }},
    {"WSADuplicateSocketW",
     [](SOCKET s) {
         WSAPROTOCOL_INFOW info{};
         return WSADuplicateSocketW(s, GetCurrentProcessId(), &info) == SOCKET_ERROR;
     }},
    {"WSADuplicateSocketA",
     [](SOCKET s) {
         WSAPROTOCOL_INFOA info{};
         return WSADuplicateSocketA(s, GetCurrentProcessId(), &info) == SOCKET_ERROR;
     }},
    {"WSAEnumNetworkEvents",
     [](SOCKET s) {
         WSANETWORKEVENTS events{};
         return WSAEnumNetworkEvents(s, nullptr, &events) == SOCKET_ERROR;
     }},
    {"WSAEventSelect",
     [](SOCKET s) {
         const Event event;
         return WSAEventSelect(s, event.get(), FD_READ) == SOCKET_ERROR;
     }},
    {"WSAGetOverlappedResult",
     [](SOCKET s) {
         WSAOVERLAPPED overlapped{};
         DWORD bytes = 0;
         DWORD flags = 0;
         return !WSAGetOverlappedResult(s, &overlapped, &bytes, FALSE, &flags);
     }},
    {"WSAHtonl",
     [](SOCKET s) {
         u_long value = 0;
         return WSAHtonl(s, 1, &value) == SOCKET_ERROR;
     },
     true},
    {"WSAHtons",
     [](SOCKET s) {
         u_short value = 0;
         return WSAHtons(s, 1, &value) == SOCKET_ERROR;
     },
     true},
    {"WSANtohl",
     [](SOCKET s) {
         u_long value = 0;
         return WSANtohl(s, 1, &value) == SOCKET_ERROR;
     },
     true},
    {"WSANtohs",
     [](SOCKET s) {
         u_short value = 0;
         return WSANtohs(s, 1, &value) == SOCKET_ERROR;
     },
     true},
    {"WSAIoctl FIONREAD",
     [](SOCKET s) {
         u_long value = 0;
         DWORD bytes = 0;
         return WSAIoctl(s, FIONREAD, nullptr, 0, &value, sizeof value, &bytes, nullptr, nullptr) == SOCKET_ERROR;
     }},
    {"WSAIoctl SIO_GET_EXTENSION_FUNCTION_POINTER",
     [](SOCKET s) {
         GUID id = WSAID_ACCEPTEX;
         void* function = nullptr;
         DWORD bytes = 0;
         return WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &function, sizeof function, &bytes,
                         nullptr, nullptr) == SOCKET_ERROR;
     }},
    {"WSARecv",
     [](SOCKET s) {
         char byte = 0;
         WSABUF buffer{1, &byte};
         DWORD bytes = 0;
         DWORD flags = 0;
         return WSARecv(s, &buffer, 1, &bytes, &flags, nullptr, nullptr) == SOCKET_ERROR;
     }},
    {"WSARecvFrom",
     [](SOCKET s) {
         char byte = 0;
         WSABUF buffer{1, &byte};
         DWORD bytes = 0;
         DWORD flags = 0;
         Address from;
         return WSARecvFrom(s, &buffer, 1, &bytes, &flags, from.get(), &from.length, nullptr, nullptr) == SOCKET_ERROR;
     }},
    {"WSASend",
     [](SOCKET s) {
         char byte = 0;
         WSABUF buffer{1, &byte};
         DWORD bytes = 0;
         return WSASend(s, &buffer, 1, &bytes, 0, nullptr, nullptr) == SOCKET_ERROR;
     }},
    {"WSASendTo",
     [](SOCKET s) {
         char byte = 0;
         WSABUF buffer{1, &byte};
         DWORD bytes = 0;
         const Address to = loopback(AF_INET, 9);
         return WSASendTo(s, &buffer, 1, &bytes, 0, to.get(), to.length, nullptr, nullptr) == SOCKET_ERROR;
     }},
};

// Calls every function with that value and asserts that it says WSAENOTSOCK.
inline void every_function_says_not_a_socket(SOCKET handle) {
    for (const SocketFunction& function : socket_functions) {
        const int result = function.fails(handle) ? SOCKET_ERROR : 0;
        if (function.wine_ignores_socket) {
            fails(function.name, result, WSAENOTSOCK, on_wine(succeeded, "Wine 10.0 does not look at the socket"));
        } else {
            fails(function.name, result, WSAENOTSOCK);
        }
    }
}

} // namespace conformance
