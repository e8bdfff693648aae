// WSAConnectByName and WSAConnectByList: Winsock does these itself, with name resolution and plain calls to the
// socket's provider, one address after the other.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "dispatch.hpp"

#include <ws2tcpip.h> // after the header that makes its functions ours

using namespace winsock_spi::wine;

namespace {

// How long all attempts together may take. No timeout given: as long as the provider needs.
class Deadline {
public:
    explicit Deadline(const timeval* timeout) noexcept : limited_(timeout != nullptr), end_(GetTickCount64()) {
        if (limited_) {
            end_ += static_cast<ULONGLONG>(timeout->tv_sec) * 1000 + static_cast<ULONGLONG>(timeout->tv_usec) / 1000;
        }
    }

    bool limited() const noexcept { return limited_; }
    bool passed() const noexcept { return limited_ && GetTickCount64() >= end_; }
    timeval left() const noexcept {
        const ULONGLONG now = GetTickCount64();
        const ULONGLONG milliseconds = now < end_ ? end_ - now : 0;
        return timeval{static_cast<long>(milliseconds / 1000), static_cast<long>(milliseconds % 1000 * 1000)};
    }

private:
    bool limited_;
    ULONGLONG end_;
};

int set_blocking(SOCKET handle, bool blocking) noexcept {
    u_long non_blocking = blocking ? 0 : 1;
    return ioctlsocket(handle, static_cast<long>(FIONBIO), &non_blocking) == 0 ? 0 : WSAGetLastError();
}

// After a non-blocking connect said WSAEWOULDBLOCK: 0, the error of the attempt, or WSAETIMEDOUT.
int wait_connected(SOCKET handle, const Deadline& deadline) noexcept {
    fd_set connected;
    FD_ZERO(&connected);
    FD_SET(handle, &connected);
    fd_set failed = connected;
    const timeval left = deadline.left();
    const int ready = select(0, nullptr, &connected, &failed, &left);
    if (ready == SOCKET_ERROR) {
        return WSAGetLastError();
    }
    if (ready == 0) {
        return WSAETIMEDOUT;
    }
    int error = 0;
    int length = sizeof error;
    if (getsockopt(handle, SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&error), &length) != 0) {
        return WSAGetLastError();
    }
    if (error != 0) {
        return error;
    }
    return FD_ISSET(handle, &connected) ? 0 : WSAECONNREFUSED;
}

int connect_to(SOCKET handle, const SOCKET_ADDRESS& address, const Deadline& deadline) noexcept {
    if (!deadline.limited()) {
        return connect(handle, address.lpSockaddr, address.iSockaddrLength) == 0 ? 0 : WSAGetLastError();
    }
    int error = set_blocking(handle, false);
    if (error != 0) {
        return error;
    }
    if (connect(handle, address.lpSockaddr, address.iSockaddrLength) != 0) {
        error = WSAGetLastError();
        if (error == WSAEWOULDBLOCK) {
            error = wait_connected(handle, deadline);
        }
    }
    const int restored = set_blocking(handle, true);
    return error != 0 ? error : restored;
}

using GetName = int(WSAAPI*)(SOCKET, sockaddr*, int*);

int report_name(GetName get_name, SOCKET handle, LPDWORD length, LPSOCKADDR address) noexcept {
    if (length == nullptr || address == nullptr) {
        return 0;
    }
    int size = static_cast<int>(*length);
    if (get_name(handle, address, &size) != 0) {
        return WSAGetLastError();
    }
    *length = static_cast<DWORD>(size);
    return 0;
}

struct Names {
    LPDWORD local_length;
    LPSOCKADDR local;
    LPDWORD remote_length;
    LPSOCKADDR remote;
};

BOOL connect_to_first(SOCKET handle, const std::vector<SOCKET_ADDRESS>& addresses, const Names& names,
                      const timeval* timeout) noexcept {
    const Deadline deadline(timeout);
    int error = WSAEHOSTUNREACH;
    for (const SOCKET_ADDRESS& address : addresses) {
        error = deadline.passed() ? WSAETIMEDOUT : connect_to(handle, address, deadline);
        if (error == 0 || error == WSAETIMEDOUT) {
            break;
        }
    }
    if (error == 0) {
        error = report_name(getsockname, handle, names.local_length, names.local);
    }
    if (error == 0) {
        error = report_name(getpeername, handle, names.remote_length, names.remote);
    }
    if (error != 0) {
        fail(error);
        return FALSE;
    }
    return TRUE;
}

int protocol_of(SOCKET handle, WSAPROTOCOL_INFOW& info) noexcept {
    int length = sizeof info;
    return getsockopt(handle, SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &length) == 0
               ? 0
               : WSAGetLastError();
}

// An IPv4 address as an IPv6 socket takes it.
sockaddr_in6 mapped(const sockaddr_in& address) noexcept {
    sockaddr_in6 result{};
    result.sin6_family = AF_INET6;
    result.sin6_port = address.sin_port;
    result.sin6_addr.s6_addr[10] = 0xFF;
    result.sin6_addr.s6_addr[11] = 0xFF;
    std::memcpy(&result.sin6_addr.s6_addr[12], &address.sin_addr, sizeof address.sin_addr);
    return result;
}

bool fail_with(int error) noexcept {
    fail(error);
    return false;
}

} // namespace

extern "C" {

BOOL PASCAL WSAConnectByList(SOCKET handle, PSOCKET_ADDRESS_LIST list, LPDWORD local_length, LPSOCKADDR local,
                             LPDWORD remote_length, LPSOCKADDR remote, const timeval* timeout,
                             LPWSAOVERLAPPED reserved) {
    if (reserved != nullptr || list == nullptr || list->iAddressCount <= 0) {
        return fail_with(WSAEINVAL);
    }
    try {
        const std::vector<SOCKET_ADDRESS> addresses(list->Address, list->Address + list->iAddressCount);
        return connect_to_first(handle, addresses, Names{local_length, local, remote_length, remote}, timeout);
    } catch (const std::bad_alloc&) {
        return fail_with(WSA_NOT_ENOUGH_MEMORY);
    }
}

BOOL PASCAL WSAConnectByNameW(SOCKET handle, LPWSTR node, LPWSTR service, LPDWORD local_length, LPSOCKADDR local,
                              LPDWORD remote_length, LPSOCKADDR remote, const timeval* timeout,
                              LPWSAOVERLAPPED reserved) {
    if (reserved != nullptr || node == nullptr || service == nullptr) {
        return fail_with(WSAEINVAL);
    }
    WSAPROTOCOL_INFOW info{};
    const int unknown = protocol_of(handle, info);
    if (unknown != 0) {
        return fail_with(unknown);
    }
    ADDRINFOW hints{};
    hints.ai_family = info.iAddressFamily == AF_INET6 ? AF_UNSPEC : info.iAddressFamily;
    hints.ai_socktype = info.iSocketType;
    PADDRINFOW found = nullptr;
    const int unresolved = GetAddrInfoW(node, service, &hints, &found);
    if (unresolved != 0) {
        return fail_with(unresolved);
    }
    const struct Release {
        PADDRINFOW list;
        ~Release() { FreeAddrInfoW(list); }
    } release{found};
    try {
        std::vector<sockaddr_in6> mapped_addresses;
        std::vector<const ADDRINFOW*> usable;
        for (const ADDRINFOW* entry = found; entry != nullptr; entry = entry->ai_next) {
            if (entry->ai_family == AF_INET || entry->ai_family == AF_INET6) {
                usable.push_back(entry);
            }
        }
        mapped_addresses.reserve(usable.size());
        std::vector<SOCKET_ADDRESS> addresses;
        for (const ADDRINFOW* entry : usable) {
            if (entry->ai_family == AF_INET && info.iAddressFamily == AF_INET6) {
                mapped_addresses.push_back(mapped(*reinterpret_cast<const sockaddr_in*>(entry->ai_addr)));
                addresses.push_back({reinterpret_cast<LPSOCKADDR>(&mapped_addresses.back()), sizeof(sockaddr_in6)});
            } else {
                addresses.push_back({entry->ai_addr, static_cast<INT>(entry->ai_addrlen)});
            }
        }
        return connect_to_first(handle, addresses, Names{local_length, local, remote_length, remote}, timeout);
    } catch (const std::bad_alloc&) {
        return fail_with(WSA_NOT_ENOUGH_MEMORY);
    }
}

BOOL PASCAL WSAConnectByNameA(SOCKET handle, LPSTR node, LPSTR service, LPDWORD local_length, LPSOCKADDR local,
                              LPDWORD remote_length, LPSOCKADDR remote, const timeval* timeout,
                              LPWSAOVERLAPPED reserved) {
    if (node == nullptr || service == nullptr) {
        return fail_with(WSAEINVAL);
    }
    try {
        const auto widen = [](const char* text) {
            const int units = MultiByteToWideChar(CP_ACP, 0, text, -1, nullptr, 0);
            std::wstring wide(static_cast<std::size_t>(std::max(units, 1)), L'\0');
            MultiByteToWideChar(CP_ACP, 0, text, -1, wide.data(), units);
            return wide;
        };
        std::wstring wide_node = widen(node);
        std::wstring wide_service = widen(service);
        return WSAConnectByNameW(handle, wide_node.data(), wide_service.data(), local_length, local, remote_length,
                                 remote, timeout, reserved);
    } catch (const std::bad_alloc&) {
        return fail_with(WSA_NOT_ENOUGH_MEMORY);
    }
}

} // extern "C"
