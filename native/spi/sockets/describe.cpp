#include "describe.hpp"

#include "winsock_api.hpp"

#include <cstdio>
#include <cstring>

namespace winsock_spi::spi {
namespace {

std::string text_of(const in_addr& address) {
    unsigned char bytes[4];
    std::memcpy(bytes, &address, sizeof bytes);
    return std::to_string(bytes[0]) + '.' + std::to_string(bytes[1]) + '.' + std::to_string(bytes[2]) + '.' +
           std::to_string(bytes[3]);
}

// RFC 5952: lower case, the longest run of two or more zero groups as "::", IPv4-mapped ones with the dotted tail.
std::string text_of(const in6_addr& address) {
    unsigned char bytes[16];
    std::memcpy(bytes, &address, sizeof bytes);
    static constexpr unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (std::memcmp(bytes, mapped, sizeof mapped) == 0) {
        in_addr tail;
        std::memcpy(&tail, bytes + 12, sizeof tail);
        return "::ffff:" + text_of(tail);
    }
    unsigned groups[8];
    for (int index = 0; index < 8; ++index) {
        groups[index] = static_cast<unsigned>(bytes[2 * index] << 8 | bytes[2 * index + 1]);
    }
    int begin = -1;
    int length = 1;
    for (int index = 0; index < 8;) {
        int end = index;
        while (end < 8 && groups[end] == 0) {
            ++end;
        }
        if (end - index > length) {
            begin = index;
            length = end - index;
        }
        index = end > index ? end : index + 1;
    }
    std::string text;
    for (int index = 0; index < 8; ++index) {
        if (index == begin) {
            text += "::";
            index += length - 1;
            continue;
        }
        char group[8];
        std::snprintf(group, sizeof group, "%x", groups[index]);
        text += (text.empty() || text.back() == ':' ? "" : ":") + std::string(group);
    }
    return text;
}

} // namespace

SocketAddress to_address(const sockaddr* address, int length) {
    SocketAddress result;
    if (length < static_cast<int>(sizeof address->sa_family)) {
        return result;
    }
    result.present = true;
    result.family = address->sa_family;
    if (address->sa_family == AF_INET && length >= static_cast<int>(sizeof(sockaddr_in))) {
        sockaddr_in v4;
        std::memcpy(&v4, address, sizeof v4);
        result.address = text_of(v4.sin_addr);
        result.port = v4.sin_port >> 8 | (v4.sin_port & 0xFF) << 8;
    } else if (address->sa_family == AF_INET6 && length >= static_cast<int>(sizeof(sockaddr_in6))) {
        sockaddr_in6 v6;
        std::memcpy(&v6, address, sizeof v6);
        result.address = text_of(v6.sin6_addr);
        unsigned char bytes[2];
        std::memcpy(bytes, &v6.sin6_addr, sizeof bytes);
        const bool link_local = bytes[0] == 0xFE && (bytes[1] & 0xC0) == 0x80;
        if (link_local && v6.sin6_scope_id != 0) { // elsewhere the scope says nothing; Node leaves it away as well
            result.address += '%' + std::to_string(v6.sin6_scope_id);
        }
        result.port = v6.sin6_port >> 8 | (v6.sin6_port & 0xFF) << 8;
    }
    return result;
}

Status describe_socket(SOCKET socket, const SocketKind* known, SocketDescription& description) {
    const WinsockApi* api = nullptr;
    if (Status status = winsock_api(api); !status.ok()) {
        return status;
    }
    description = {};
    int length = 0;
    if (known != nullptr) {
        static_cast<SocketKind&>(description) = *known;
    } else {
        WSAPROTOCOL_INFOW info{};
        length = sizeof info;
        if (api->getsockopt(socket, SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &length) ==
            SOCKET_ERROR) {
            return system_error(static_cast<std::uint32_t>(api->WSAGetLastError()), "getsockopt", "SO_PROTOCOL_INFOW");
        }
        static_cast<SocketKind&>(description) = {info.iAddressFamily, info.iSocketType, info.iProtocol};
    }
    int listening = 0;
    length = sizeof listening;
    description.listening =
        description.type == SOCK_STREAM &&
        api->getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, reinterpret_cast<char*>(&listening), &length) == 0 &&
        listening != 0;
    sockaddr_storage storage{};
    auto* const address = reinterpret_cast<sockaddr*>(&storage);
    length = sizeof storage;
    if (api->getsockname(socket, address, &length) == 0) {
        description.local = to_address(address, length);
    }
    length = sizeof storage;
    if (!description.listening && api->getpeername(socket, address, &length) == 0) {
        description.remote = to_address(address, length);
    }
    return {};
}

} // namespace winsock_spi::spi
