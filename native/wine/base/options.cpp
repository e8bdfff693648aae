// WSPGetSockOpt and WSPIoctl: Wine's, except where Wine answers with its own instead of Windows' form.
#include <cstring>
#include <new>
#include <vector>

#include "base.hpp"
#include "entries.hpp"
#include "foreign_thread.hpp"

#include <mswsock.h>

namespace winsock_spi::wine::base {

namespace {

constinit WineFunction wine_get_option("getsockopt");
constinit WineFunction wine_ioctl("WSAIoctl");
constinit WineFunction wine_poll("WSAPoll");
constinit WineFunction wine_send_message("WSASendMsg");

// Whether the buffer of an option takes `size` bytes. As on Windows, a length that is too small becomes the one needed,
// and a larger one stays as it is.
bool has_room(const char* value, int* length, int size) noexcept {
    if (value == nullptr || length == nullptr) {
        return false;
    }
    const bool enough = *length >= size;
    *length = enough ? *length : size;
    return enough;
}

int wide_info(SOCKET handle, char* value, int* length) noexcept {
    WSAPROTOCOL_INFOW entry;
    const int error = entry_of_socket(handle, entry);
    if (error != 0) {
        return error;
    }
    if (!has_room(value, length, sizeof entry)) {
        return WSAEFAULT;
    }
    std::memcpy(value, &entry, sizeof entry);
    return 0;
}

int ansi_info(SOCKET handle, char* value, int* length) noexcept {
    WSAPROTOCOL_INFOW entry;
    const int error = entry_of_socket(handle, entry);
    if (error != 0) {
        return error;
    }
    WSAPROTOCOL_INFOA ansi{};
    if (!has_room(value, length, sizeof ansi)) {
        return WSAEFAULT;
    }
    std::memcpy(&ansi, &entry, offsetof(WSAPROTOCOL_INFOW, szProtocol));
    WideCharToMultiByte(CP_ACP, 0, entry.szProtocol, -1, ansi.szProtocol, sizeof ansi.szProtocol, nullptr, nullptr);
    ansi.szProtocol[WSAPROTOCOL_LEN] = '\0';
    std::memcpy(value, &ansi, sizeof ansi);
    return 0;
}

// WSAPoll of Winsock.
int poll(void* in, DWORD in_size, void* out, DWORD out_size, LPDWORD returned, LPINT error) noexcept {
    constexpr std::size_t header = offsetof(WSAPOLLDATA, fdArray);
    if (in == nullptr || out == nullptr || in_size < header || out_size < in_size) {
        return fail(error, WSAEFAULT);
    }
    auto* data = static_cast<LPWSAPOLLDATA>(in);
    const ULONG count = data->fds;
    if (count > (in_size - header) / sizeof(WSAPOLLFD)) {
        return fail(error, WSAEFAULT);
    }
    auto* sockets = reinterpret_cast<LPWSAPOLLFD>(static_cast<char*>(in) + header);
    const int result = wine_poll.as<decltype(&::WSAPoll)>()(sockets, count, data->timeout);
    if (result == SOCKET_ERROR) {
        return fail(error, wine_error());
    }
    data->result = result;
    std::memmove(out, in, in_size);
    if (returned != nullptr) {
        *returned = in_size;
    }
    return 0;
}

} // namespace

int WSPAPI get_option(SOCKET handle, int level, int option, char* value, LPINT length, LPINT error) {
    if (level == SOL_SOCKET && (option == SO_PROTOCOL_INFOW || option == SO_PROTOCOL_INFOA)) {
        const int failure =
            option == SO_PROTOCOL_INFOW ? wide_info(handle, value, length) : ansi_info(handle, value, length);
        return failure == 0 ? 0 : fail(error, failure);
    }
    const int result = wine_get_option.as<decltype(&::getsockopt)>()(handle, level, option, value, length);
    return result == 0 ? 0 : fail(error, wine_error());
}

int WSPAPI control(SOCKET handle, DWORD code, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size, LPDWORD returned,
                   LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                   LPINT error) {
    switch (code) {
    case SIO_EXT_POLL: return poll(in, in_size, out, out_size, returned, error);
    case SIO_EXT_SENDMSG: {
        if (in == nullptr || in_size < sizeof(WSASENDMSG)) {
            return fail(error, WSAEFAULT);
        }
        const WSASENDMSG request = *static_cast<const WSASENDMSG*>(in);
        const auto send = wine_send_message.as<decltype(&::WSASendMsg)>();
        return overlapped_call(handle, request.lpOverlapped, request.lpCompletionRoutine, thread, error,
                               [&](LPWSAOVERLAPPED own, LPWSAOVERLAPPED_COMPLETION_ROUTINE own_routine) {
                                   return send(handle, request.lpMsg, request.dwFlags, request.lpNumberOfBytesSent, own,
                                               own_routine);
                               });
    }
    case SIO_BSP_HANDLE:
    case SIO_BSP_HANDLE_SELECT:
    case SIO_BSP_HANDLE_POLL:
        code = SIO_BASE_HANDLE; // the bottom of the chain is the base for every purpose
        break;
    default: break;
    }
    const auto ioctl = wine_ioctl.as<decltype(&::WSAIoctl)>();
    return overlapped_call(handle, overlapped, routine, thread, error,
                           [&](LPWSAOVERLAPPED own, LPWSAOVERLAPPED_COMPLETION_ROUTINE own_routine) {
                               return ioctl(handle, code, in, in_size, out, out_size, returned, own, own_routine);
                           });
}

} // namespace winsock_spi::wine::base
