// The base provider: the bottom of every protocol chain under Wine. Its 30 functions are Wine's own Winsock, in the
// form that Windows' base provider has.
#pragma once

#include "../host/winsock_headers.hpp"
#include "../wine_dll.hpp"

namespace winsock_spi::wine::base {

// The SPI's way to report: SOCKET_ERROR, and the reason where the caller wants it.
inline int fail(LPINT error, int code) noexcept {
    if (error != nullptr) {
        *error = code;
    }
    return SOCKET_ERROR;
}

// What a function of Wine's left as the thread's last error. Wine's stubs fail without a reason.
inline int wine_error() noexcept {
    const DWORD error = GetLastError();
    return error != 0 ? static_cast<int>(error) : WSAEOPNOTSUPP;
}

// Wine's DLL is loaded and its Winsock started: 0 or a Winsock error. Each success is taken back by stop_wine.
int start_wine() noexcept;
void stop_wine() noexcept;

// The functions of the most recent WSPStartup.
const WSPUPCALLTABLE& upcalls() noexcept;

// sockets.cpp
SOCKET WSPAPI open_socket(int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags,
                          LPINT error);
SOCKET WSPAPI accept_socket(SOCKET handle, sockaddr* address, LPINT length, LPCONDITIONPROC condition,
                            DWORD_PTR callback_data, LPINT error);
SOCKET WSPAPI join_leaf(SOCKET handle, const sockaddr* address, int length, LPWSABUF caller_data, LPWSABUF callee_data,
                        LPQOS socket_qos, LPQOS group_qos, DWORD flags, LPINT error);

// duplicate.cpp
int WSPAPI duplicate_socket(SOCKET handle, DWORD process_id, LPWSAPROTOCOL_INFOW info, LPINT error);
// The socket that another process (or this one) duplicated for this process: taken once. 0 or a Winsock error.
int take_duplicate(DWORD remote_handle, SOCKET& handle) noexcept;

// options.cpp
int WSPAPI get_option(SOCKET handle, int level, int option, char* value, LPINT length, LPINT error);
int WSPAPI control(SOCKET handle, DWORD code, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size, LPDWORD returned,
                   LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                   LPINT error);

// data.cpp
int WSPAPI receive(SOCKET handle, LPWSABUF buffers, DWORD count, LPDWORD bytes, LPDWORD flags,
                   LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                   LPINT error);
int WSPAPI receive_from(SOCKET handle, LPWSABUF buffers, DWORD count, LPDWORD bytes, LPDWORD flags, sockaddr* from,
                        LPINT from_length, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                        LPWSATHREADID thread, LPINT error);
int WSPAPI send_data(SOCKET handle, LPWSABUF buffers, DWORD count, LPDWORD bytes, DWORD flags,
                     LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                     LPINT error);
int WSPAPI send_data_to(SOCKET handle, LPWSABUF buffers, DWORD count, LPDWORD bytes, DWORD flags, const sockaddr* to,
                        int to_length, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                        LPWSATHREADID thread, LPINT error);

} // namespace winsock_spi::wine::base
