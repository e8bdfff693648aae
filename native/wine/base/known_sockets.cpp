// Making sockets from elsewhere known to Wine's Winsock.
#include "known_sockets.hpp"

#include "../host/lock_guards.hpp"
#include "base.hpp"

namespace winsock_spi::wine::base {

namespace {

constinit WineFunction wine_get_option("getsockopt");
constinit WineFunction wine_socket("WSASocketW");
constinit WineFunction wine_close("closesocket");

SRWLOCK lock = SRWLOCK_INIT; // a socket must not come onto Wine's list twice

int ask(SOCKET handle, WSAPROTOCOL_INFOW& info) noexcept {
    int length = sizeof info;
    const auto get = wine_get_option.as<decltype(&::getsockopt)>();
    return get(handle, SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &length) == 0 ? 0 : wine_error();
}

// Wine's form of a duplicated socket: the handle in dwServiceFlags3, and in dwServiceFlags4 the mark that says so.
// Wine takes any handle for a socket.
bool put_on_list(HANDLE handle) noexcept {
    constexpr DWORD duplicated = 0xFF00FF00;
    WSAPROTOCOL_INFOW info{};
    info.dwServiceFlags3 = static_cast<DWORD>(reinterpret_cast<ULONG_PTR>(handle));
    info.dwServiceFlags4 = duplicated;
    const auto open = wine_socket.as<decltype(&::WSASocketW)>();
    return open(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, 0) != INVALID_SOCKET;
}

// Tried with a duplicate, because a handle that proves to be something else comes off the list only by being closed.
bool is_socket(HANDLE handle) noexcept {
    HANDLE trial = nullptr;
    if (!DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(), &trial, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
        return false;
    }
    if (!put_on_list(trial)) {
        CloseHandle(trial);
        return false;
    }
    WSAPROTOCOL_INFOW info;
    const bool socket = ask(reinterpret_cast<SOCKET>(trial), info) == 0;
    wine_close.as<decltype(&::closesocket)>()(reinterpret_cast<SOCKET>(trial));
    return socket;
}

} // namespace

int wine_info(SOCKET handle, WSAPROTOCOL_INFOW& info) noexcept {
    const DWORD last_error = GetLastError();
    int error = ask(handle, info);
    if (error != WSAENOTSOCK) {
        return error;
    }
    const ExclusiveLock guard(lock);
    error = ask(handle, info); // another thread may have been first
    if (error == WSAENOTSOCK && is_socket(reinterpret_cast<HANDLE>(handle)) &&
        put_on_list(reinterpret_cast<HANDLE>(handle))) {
        error = ask(handle, info);
    }
    SetLastError(last_error); // the trials are nobody's business
    return error;
}

bool is_known(SOCKET handle) noexcept {
    const DWORD last_error = GetLastError();
    WSAPROTOCOL_INFOW info;
    const int error = ask(handle, info);
    SetLastError(last_error);
    return error != WSAENOTSOCK;
}

} // namespace winsock_spi::wine::base
