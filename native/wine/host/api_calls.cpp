// The functions that go to the socket's provider as they are.
#include "dispatch.hpp"

using namespace winsock_spi::wine;

extern "C" {

int WSAAPI bind(SOCKET handle, const sockaddr* name, int length) {
    return dispatch<&WSPPROC_TABLE::lpWSPBind>(handle, name, length);
}

int WSAAPI WSAConnect(SOCKET handle, const sockaddr* name, int length, LPWSABUF caller_data, LPWSABUF callee_data,
                      LPQOS socket_qos, LPQOS group_qos) {
    return dispatch<&WSPPROC_TABLE::lpWSPConnect>(handle, name, length, caller_data, callee_data, socket_qos,
                                                  group_qos);
}

int WSAAPI connect(SOCKET handle, const sockaddr* name, int length) {
    return WSAConnect(handle, name, length, nullptr, nullptr, nullptr, nullptr);
}

int WSAAPI getpeername(SOCKET handle, sockaddr* name, int* length) {
    return dispatch<&WSPPROC_TABLE::lpWSPGetPeerName>(handle, name, length);
}

int WSAAPI getsockname(SOCKET handle, sockaddr* name, int* length) {
    return dispatch<&WSPPROC_TABLE::lpWSPGetSockName>(handle, name, length);
}

int WSAAPI listen(SOCKET handle, int backlog) {
    return dispatch<&WSPPROC_TABLE::lpWSPListen>(handle, backlog);
}

int WSAAPI shutdown(SOCKET handle, int how) {
    return dispatch<&WSPPROC_TABLE::lpWSPShutdown>(handle, how);
}

int WSAAPI WSAAsyncSelect(SOCKET handle, HWND window, u_int message, long events) {
    return dispatch<&WSPPROC_TABLE::lpWSPAsyncSelect>(handle, window, message, events);
}

int WSAAPI WSAEventSelect(SOCKET handle, WSAEVENT event, long events) {
    return dispatch<&WSPPROC_TABLE::lpWSPEventSelect>(handle, event, events);
}

int WSAAPI WSAEnumNetworkEvents(SOCKET handle, WSAEVENT event, LPWSANETWORKEVENTS events) {
    return dispatch<&WSPPROC_TABLE::lpWSPEnumNetworkEvents>(handle, event, events);
}

BOOL WSAAPI WSAGetOverlappedResult(SOCKET handle, LPWSAOVERLAPPED overlapped, LPDWORD transferred, BOOL wait,
                                   LPDWORD flags) {
    // A handle that nobody has used here yet can have no operation: as on Windows, no provider is asked for it.
    if (started() && !host().sockets.find(handle)) {
        SetLastError(WSAENOTSOCK);
        return FALSE;
    }
    return dispatch<&WSPPROC_TABLE::lpWSPGetOverlappedResult, FALSE>(handle, overlapped, transferred, wait, flags);
}

BOOL WSAAPI WSAGetQOSByName(SOCKET handle, LPWSABUF name, LPQOS qos) {
    return dispatch<&WSPPROC_TABLE::lpWSPGetQOSByName, FALSE>(handle, name, qos);
}

} // extern "C"
