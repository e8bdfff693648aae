// Sending and receiving.
#include "dispatch.hpp"

#include <mswsock.h> // after the header that makes its functions ours

using namespace winsock_spi::wine;

namespace {

// One buffer as the SPI takes it. The SPI counts bytes without a sign; a negative length is a mistake that Winsock's
// own functions take for a very large one.
WSABUF buffer_of(const char* bytes, int length) noexcept {
    return WSABUF{static_cast<u_long>(length), const_cast<char*>(bytes)};
}

// A message of which only a part fitted: the plain functions have no flags to say so and report an error.
int received(int result, DWORD bytes, DWORD flags) noexcept {
    if (result != 0) {
        return SOCKET_ERROR;
    }
    return (flags & MSG_PARTIAL) != 0 ? fail(WSAEMSGSIZE) : static_cast<int>(bytes);
}

LPWSATHREADID thread_for(const void* overlapped) noexcept {
    return overlapped != nullptr ? current_thread_id() : nullptr;
}

} // namespace

extern "C" {

int WSAAPI WSARecv(SOCKET handle, LPWSABUF buffers, DWORD count, LPDWORD bytes, LPDWORD flags,
                   LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    return dispatch<&WSPPROC_TABLE::lpWSPRecv>(handle, buffers, count, bytes, flags, overlapped, routine,
                                               thread_for(overlapped));
}

int WSAAPI WSARecvFrom(SOCKET handle, LPWSABUF buffers, DWORD count, LPDWORD bytes, LPDWORD flags, sockaddr* from,
                       LPINT from_length, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    return dispatch<&WSPPROC_TABLE::lpWSPRecvFrom>(handle, buffers, count, bytes, flags, from, from_length, overlapped,
                                                   routine, thread_for(overlapped));
}

int WSAAPI WSASend(SOCKET handle, LPWSABUF buffers, DWORD count, LPDWORD bytes, DWORD flags, LPWSAOVERLAPPED overlapped,
                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    return dispatch<&WSPPROC_TABLE::lpWSPSend>(handle, buffers, count, bytes, flags, overlapped, routine,
                                               thread_for(overlapped));
}

int WSAAPI WSASendTo(SOCKET handle, LPWSABUF buffers, DWORD count, LPDWORD bytes, DWORD flags, const sockaddr* to,
                     int to_length, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    return dispatch<&WSPPROC_TABLE::lpWSPSendTo>(handle, buffers, count, bytes, flags, to, to_length, overlapped,
                                                 routine, thread_for(overlapped));
}

int WSAAPI recv(SOCKET handle, char* bytes, int length, int flags) {
    WSABUF buffer = buffer_of(bytes, length);
    DWORD count = 0;
    DWORD message_flags = static_cast<DWORD>(flags);
    const int result = WSARecv(handle, &buffer, 1, &count, &message_flags, nullptr, nullptr);
    return received(result, count, message_flags);
}

int WSAAPI recvfrom(SOCKET handle, char* bytes, int length, int flags, sockaddr* from, int* from_length) {
    WSABUF buffer = buffer_of(bytes, length);
    DWORD count = 0;
    DWORD message_flags = static_cast<DWORD>(flags);
    const int result = WSARecvFrom(handle, &buffer, 1, &count, &message_flags, from, from_length, nullptr, nullptr);
    return received(result, count, message_flags);
}

int WSAAPI send(SOCKET handle, const char* bytes, int length, int flags) {
    WSABUF buffer = buffer_of(bytes, length);
    DWORD count = 0;
    return WSASend(handle, &buffer, 1, &count, static_cast<DWORD>(flags), nullptr, nullptr) == 0
               ? static_cast<int>(count)
               : SOCKET_ERROR;
}

int WSAAPI sendto(SOCKET handle, const char* bytes, int length, int flags, const sockaddr* to, int to_length) {
    WSABUF buffer = buffer_of(bytes, length);
    DWORD count = 0;
    return WSASendTo(handle, &buffer, 1, &count, static_cast<DWORD>(flags), to, to_length, nullptr, nullptr) == 0
               ? static_cast<int>(count)
               : SOCKET_ERROR;
}

int WSAAPI WSARecvDisconnect(SOCKET handle, LPWSABUF data) {
    return dispatch<&WSPPROC_TABLE::lpWSPRecvDisconnect>(handle, data);
}

int WSAAPI WSASendDisconnect(SOCKET handle, LPWSABUF data) {
    return dispatch<&WSPPROC_TABLE::lpWSPSendDisconnect>(handle, data);
}

// The SPI has no such function: it travels as an ioctl.
int WSAAPI WSASendMsg(SOCKET handle, LPWSAMSG message, DWORD flags, LPDWORD bytes, LPWSAOVERLAPPED overlapped,
                      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    WSASENDMSG request{message, flags, bytes, overlapped, routine};
    DWORD returned = 0;
    const LPVOID in = &request;
    const LPVOID out = nullptr;
    return dispatch<&WSPPROC_TABLE::lpWSPIoctl>(handle, static_cast<DWORD>(SIO_EXT_SENDMSG), in,
                                                static_cast<DWORD>(sizeof request), out, DWORD{0}, &returned,
                                                overlapped, routine, thread_for(overlapped));
}

} // extern "C"
