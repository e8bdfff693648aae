// WSPSocket, WSPAccept and WSPJoinLeaf: each makes a handle, and tells Winsock that it is ours. A layered provider
// above claims it afterwards, and is asked first from then on.
#include "../../core/triplet.hpp"
#include "base.hpp"

#include <ws2tcpip.h>

namespace winsock_spi::wine::base {

namespace {

constinit WineFunction wine_socket("WSASocketW");
constinit WineFunction wine_accept("WSAAccept");
constinit WineFunction wine_set_option("setsockopt");

// A Winsock that refuses (the entry has just gone from its catalog) still gets a working socket: it knows from whom.
void claim(SOCKET handle, DWORD catalog_entry_id) noexcept {
    int ignored = 0;
    upcalls().lpWPUModifyIFSHandle(catalog_entry_id, handle, &ignored);
}

// WSA_FLAG_NO_HANDLE_INHERIT does nothing here, as it does nothing on Windows for a socket that exists already
// (https://github.com/python/cpython/issues/102337).
SOCKET adopt(const WSAPROTOCOL_INFOW& info, LPINT error) noexcept {
    SOCKET handle = INVALID_SOCKET;
    const int failure = take_duplicate(info.dwProviderReserved, handle);
    if (failure != 0) {
        fail(error, failure);
        return INVALID_SOCKET;
    }
    return handle;
}

// The entry of a socket that exists already, by which its children are claimed too.
bool catalog_entry_of(SOCKET handle, DWORD& id) noexcept {
    WSAPROTOCOL_INFOW info{};
    int length = sizeof info;
    int ignored = 0;
    if (get_option(handle, SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &length, &ignored) != 0) {
        return false;
    }
    id = info.dwCatalogEntryId;
    return true;
}

} // namespace

SOCKET WSPAPI open_socket(int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags,
                          LPINT error) {
    if (info == nullptr) {
        fail(error, WSAEFAULT);
        return INVALID_SOCKET;
    }
    SOCKET handle = INVALID_SOCKET;
    if (info->dwProviderReserved != 0) {
        handle = adopt(*info, error);
    } else {
        const auto open = wine_socket.as<decltype(&::WSASocketW)>();
        const core::Triplet triplet = core::complete_triplet(
            {family, type, protocol}, {info->iAddressFamily, info->iSocketType, info->iProtocol});
        handle = open(triplet.family, triplet.socket_type, triplet.protocol, nullptr, group, flags);
        if (handle == INVALID_SOCKET) {
            fail(error, wine_error());
        }
    }
    if (handle != INVALID_SOCKET) {
        claim(handle, info->dwCatalogEntryId);
    }
    return handle;
}

SOCKET WSPAPI accept_socket(SOCKET handle, sockaddr* address, LPINT length, LPCONDITIONPROC condition,
                            DWORD_PTR callback_data, LPINT error) {
    const auto accept = wine_accept.as<decltype(&::WSAAccept)>();
    const SOCKET accepted = accept(handle, address, length, condition, callback_data);
    if (accepted == INVALID_SOCKET) {
        fail(error, wine_error());
        return INVALID_SOCKET;
    }
    DWORD id = 0;
    if (catalog_entry_of(accepted, id)) {
        claim(accepted, id);
    }
    return accepted;
}

// Wine has none. Over IP, joining a multicast group is all there is to it, and the leaf is the socket itself.
SOCKET WSPAPI join_leaf(SOCKET handle, const sockaddr* address, int length, LPWSABUF, LPWSABUF, LPQOS, LPQOS,
                        DWORD flags, LPINT error) {
    if (address == nullptr || length < static_cast<int>(sizeof address->sa_family)) {
        fail(error, WSAEFAULT);
        return INVALID_SOCKET;
    }
    if ((flags & JL_BOTH) == 0 || (flags & ~static_cast<DWORD>(JL_BOTH)) != 0) {
        fail(error, WSAEINVAL);
        return INVALID_SOCKET;
    }
    const auto set_option = wine_set_option.as<decltype(&::setsockopt)>();
    int result = 0;
    if ((flags & JL_RECEIVER_ONLY) == 0) {
        result = 0; // a sender needs no membership
    } else if (address->sa_family == AF_INET && length >= static_cast<int>(sizeof(sockaddr_in))) {
        ip_mreq group{};
        group.imr_multiaddr = reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
        result = set_option(handle, IPPROTO_IP, IP_ADD_MEMBERSHIP, reinterpret_cast<const char*>(&group), sizeof group);
    } else if (address->sa_family == AF_INET6 && length >= static_cast<int>(sizeof(sockaddr_in6))) {
        const auto* address6 = reinterpret_cast<const sockaddr_in6*>(address);
        ipv6_mreq group{};
        group.ipv6mr_multiaddr = address6->sin6_addr;
        group.ipv6mr_interface = address6->sin6_scope_id;
        result =
            set_option(handle, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, reinterpret_cast<const char*>(&group), sizeof group);
    } else {
        fail(error, WSAEAFNOSUPPORT);
        return INVALID_SOCKET;
    }
    if (result != 0) {
        fail(error, wine_error());
        return INVALID_SOCKET;
    }
    return handle;
}

} // namespace winsock_spi::wine::base
