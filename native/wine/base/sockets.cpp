// WSPSocket, WSPAccept and WSPJoinLeaf: each makes a handle, and tells Winsock that it is ours. A layered provider
// above claims it afterwards, and is asked first from then on.
#include "base.hpp"

namespace winsock_spi::wine::base {

namespace {

constinit WineFunction wine_socket("WSASocketW");
constinit WineFunction wine_accept("WSAAccept");
constinit WineFunction wine_join_leaf("WSAJoinLeaf");

// A program, or a provider above, may leave a place of the triplet to the catalog entry: FROM_PROTOCOL_INFO, or 0.
int chosen(int wanted, int from_entry) noexcept {
    return wanted == FROM_PROTOCOL_INFO || wanted == 0 ? from_entry : wanted;
}

// A Winsock that refuses (the entry has just gone from its catalog) still gets a working socket: it knows from whom.
void claim(SOCKET handle, DWORD catalog_entry_id) noexcept {
    int ignored = 0;
    upcalls().lpWPUModifyIFSHandle(catalog_entry_id, handle, &ignored);
}

SOCKET adopt(const WSAPROTOCOL_INFOW& info, DWORD flags, LPINT error) noexcept {
    SOCKET handle = INVALID_SOCKET;
    const int failure = take_duplicate(info.dwProviderReserved, handle);
    if (failure != 0) {
        fail(error, failure);
        return INVALID_SOCKET;
    }
    const DWORD inherit = (flags & WSA_FLAG_NO_HANDLE_INHERIT) != 0 ? 0 : HANDLE_FLAG_INHERIT;
    SetHandleInformation(reinterpret_cast<HANDLE>(handle), HANDLE_FLAG_INHERIT, inherit);
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
        handle = adopt(*info, flags, error);
    } else {
        const auto open = wine_socket.as<decltype(&::WSASocketW)>();
        handle = open(chosen(family, info->iAddressFamily), chosen(type, info->iSocketType),
                      chosen(protocol, info->iProtocol), nullptr, group, flags);
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

SOCKET WSPAPI join_leaf(SOCKET handle, const sockaddr* address, int length, LPWSABUF caller_data,
                        LPWSABUF callee_data, LPQOS socket_qos, LPQOS group_qos, DWORD flags, LPINT error) {
    const auto join = wine_join_leaf.as<decltype(&::WSAJoinLeaf)>();
    const SOCKET leaf = join(handle, address, length, caller_data, callee_data, socket_qos, group_qos, flags);
    if (leaf == INVALID_SOCKET) {
        fail(error, wine_error());
        return INVALID_SOCKET;
    }
    DWORD id = 0;
    if (leaf != handle && catalog_entry_of(leaf, id)) {
        claim(leaf, id);
    }
    return leaf;
}

} // namespace winsock_spi::wine::base
