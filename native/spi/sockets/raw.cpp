#include "raw.hpp"

#include "winsock_api.hpp"

#include <cstring>

namespace winsock_spi::spi {
namespace {

constexpr DWORD no_handle_inherit = 0x80; // WSA_FLAG_NO_HANDLE_INHERIT

Status winsock_error(const WinsockApi& api, const char* syscall, const std::string& what = {}) {
    return system_error(static_cast<std::uint32_t>(api.WSAGetLastError()), syscall, what);
}

struct Socket { // closes unless kept
    const WinsockApi& api;
    SOCKET value;
    ~Socket() {
        if (value != INVALID_SOCKET) {
            api.closesocket(value);
        }
    }
    SOCKET keep() {
        const SOCKET kept = value;
        value = INVALID_SOCKET;
        return kept;
    }
};

Status parse(const WinsockApi& api, const SocketRequest& request, sockaddr_storage& address, int& length) {
    address = {};
    if (request.host.empty()) {
        address.ss_family = request.ipv6 ? AF_INET6 : AF_INET;
        length = request.ipv6 ? static_cast<int>(sizeof(sockaddr_in6)) : static_cast<int>(sizeof(sockaddr_in));
    } else {
        const bool ipv6 = request.host.find(L':') != std::wstring::npos;
        std::wstring text = request.host;
        length = sizeof address;
        if (api.WSAStringToAddressW(text.data(), ipv6 ? AF_INET6 : AF_INET, nullptr,
                                    reinterpret_cast<sockaddr*>(&address), &length) == SOCKET_ERROR) {
            return winsock_error(api, "WSAStringToAddressW", "the host must be an IP address");
        }
    }
    const auto port = static_cast<std::uint16_t>(request.port >> 8 | request.port << 8);
    // sin_port and sin6_port stand at the same place, behind the family.
    std::memcpy(reinterpret_cast<char*>(&address) + sizeof address.ss_family, &port, sizeof port);
    return {};
}

Status set_option(const WinsockApi& api, SOCKET socket, int level, int name, int value, const char* what) {
    return api.setsockopt(socket, level, name, reinterpret_cast<const char*>(&value), sizeof value) == 0
               ? Status{}
               : winsock_error(api, "setsockopt", what);
}

} // namespace

Status open_socket(const SocketRequest& request, SOCKET& result) {
    const WinsockApi* api = nullptr;
    if (Status status = winsock_api(api); !status.ok()) {
        return status;
    }
    sockaddr_storage address;
    int length = 0;
    if (Status status = parse(*api, request, address, length); !status.ok()) {
        return status;
    }
    const bool listener = request.backlog > 0;
    Socket socket{*api, api->WSASocketW(address.ss_family, listener ? SOCK_STREAM : SOCK_DGRAM,
                                        listener ? IPPROTO_TCP : IPPROTO_UDP, nullptr, 0,
                                        WSA_FLAG_OVERLAPPED | no_handle_inherit)};
    if (socket.value == INVALID_SOCKET) {
        return winsock_error(*api, "WSASocketW");
    }
    SetHandleInformation(reinterpret_cast<HANDLE>(socket.value), HANDLE_FLAG_INHERIT, 0);
    if (address.ss_family == AF_INET6) {
        if (Status status =
                set_option(*api, socket.value, IPPROTO_IPV6, IPV6_V6ONLY, request.ipv6_only ? 1 : 0, "IPV6_V6ONLY");
            !status.ok()) {
            return status;
        }
    }
    if (request.exclusive || request.reuse_address) {
        const int option = request.exclusive ? SO_EXCLUSIVEADDRUSE : SO_REUSEADDR;
        if (Status status = set_option(*api, socket.value, SOL_SOCKET, option, 1, "the address's sharing");
            !status.ok()) {
            return status;
        }
    }
    if (Status status = set_non_blocking(socket.value, true); !status.ok()) {
        return status;
    }
    if (api->bind(socket.value, reinterpret_cast<const sockaddr*>(&address), length) == SOCKET_ERROR) {
        return winsock_error(*api, "bind");
    }
    if (listener && api->listen(socket.value, request.backlog) == SOCKET_ERROR) {
        return winsock_error(*api, "listen");
    }
    result = socket.keep();
    return {};
}

Status set_non_blocking(SOCKET socket, bool on) {
    const WinsockApi* api = nullptr;
    if (Status status = winsock_api(api); !status.ok()) {
        return status;
    }
    u_long value = on ? 1 : 0;
    return api->ioctlsocket(socket, static_cast<long>(FIONBIO), &value) == 0
               ? Status{}
               : winsock_error(*api, "ioctlsocket", "FIONBIO");
}

Status close_socket(SOCKET socket) {
    const WinsockApi* api = nullptr;
    if (Status status = winsock_api(api); !status.ok()) {
        return status;
    }
    return api->closesocket(socket) == 0 ? Status{} : winsock_error(*api, "closesocket");
}

} // namespace winsock_spi::spi
