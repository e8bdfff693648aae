// Making, accepting, duplicating and closing sockets.
#include <algorithm>
#include <cstring>

#include "dispatch.hpp"

using namespace winsock_spi::wine;

namespace {

// The fields before the name are the same in both forms.
constexpr std::size_t common_size = offsetof(WSAPROTOCOL_INFOW, szProtocol);
static_assert(common_size == offsetof(WSAPROTOCOL_INFOA, szProtocol));

WSAPROTOCOL_INFOW to_wide(const WSAPROTOCOL_INFOA& info) noexcept {
    WSAPROTOCOL_INFOW wide{};
    std::memcpy(&wide, &info, common_size);
    char name[WSAPROTOCOL_LEN + 1];
    std::memcpy(name, info.szProtocol, sizeof name);
    name[WSAPROTOCOL_LEN] = '\0';
    MultiByteToWideChar(CP_ACP, 0, name, -1, wide.szProtocol, WSAPROTOCOL_LEN + 1);
    return wide;
}

void to_ansi(const WSAPROTOCOL_INFOW& info, WSAPROTOCOL_INFOA& ansi) noexcept {
    std::memcpy(&ansi, &info, common_size);
    std::memset(ansi.szProtocol, 0, sizeof ansi.szProtocol);
    if (WideCharToMultiByte(CP_ACP, 0, info.szProtocol, -1, ansi.szProtocol, sizeof ansi.szProtocol, nullptr,
                            nullptr) == 0) {
        ansi.szProtocol[WSAPROTOCOL_LEN] = '\0'; // did not fit: cut
    }
}

struct SocketRequest {
    winsock_spi::core::Triplet triplet;
    GROUP group;
    DWORD flags;
};

// Opens a socket with the provider of one catalog entry.
int open_socket(const SocketRequest& request, const EntryPointer& entry, WSAPROTOCOL_INFOW& info,
                SOCKET& result) noexcept {
    Host& state = host();
    ProviderPointer provider;
    int error = state.providers.load(*entry, provider);
    if (error != 0) {
        return error;
    }
    const std::uint64_t claims = state.sockets.claims();
    result = provider->table().lpWSPSocket(request.triplet.family, request.triplet.socket_type,
                                           request.triplet.protocol, &info, request.group, request.flags, &error);
    if (result == INVALID_SOCKET) {
        return reason(error);
    }
    const SocketReference socket = state.sockets.find(result);
    if (socket && socket.claim() > claims) {
        return 0; // claimed by a provider of the chain, the topmost that did
    }
    // Not claimed, or the entry is a left-over of a socket that was closed with CloseHandle.
    return entry->ifs() ? claim_ifs_handle(result, entry, provider) : WSAEINVALIDPROVIDER;
}

// With protocol info: the entry it names.
int open_by_id(SocketRequest request, WSAPROTOCOL_INFOW& info, SOCKET& result) noexcept {
    request.triplet =
        winsock_spi::core::complete_triplet(request.triplet, {info.iAddressFamily, info.iSocketType, info.iProtocol});
    if (request.triplet.family == AF_UNSPEC || request.triplet.family == FROM_PROTOCOL_INFO) {
        return WSAEAFNOSUPPORT;
    }
    const EntryPointer entry = host().providers.find(info.dwCatalogEntryId);
    if (!entry || entry->stands_for_provider()) {
        return WSAEINVAL;
    }
    return open_socket(request, entry, info, result);
}

// Without: the first entry that serves the triplet; a provider that answers WSAEINPROGRESS leaves it to the next.
int open_by_triplet(const SocketRequest& request, SOCKET& result) noexcept {
    if (request.triplet.family == AF_UNSPEC && request.triplet.protocol == 0) {
        return WSAEINVAL; // any protocol of any family is no choice
    }
    std::shared_ptr<const Catalog> catalog;
    int error = host().providers.refresh(catalog);
    if (error != 0) {
        return error;
    }
    DWORD after = 0;
    int declined = 0;
    for (;;) {
        const CatalogEntry* entry = catalog->find(request.triplet, after, error);
        if (entry == nullptr) {
            return declined != 0 ? declined : error;
        }
        WSAPROTOCOL_INFOW info = entry->info;
        error = open_socket(request, EntryPointer(catalog, entry), info, result);
        if (error != WSAEINPROGRESS) {
            return error;
        }
        declined = error;
        after = entry->info.dwCatalogEntryId;
    }
}

// A socket that a provider made from another socket of its own belongs to the same entry, unless the provider
// claimed it itself.
int keep_with_parent(SOCKET made, const SocketReference& parent, std::uint64_t claims) noexcept {
    Host& state = host();
    const SocketReference socket = state.sockets.find(made);
    if (socket && socket.claim() > claims && socket.owner().provider == parent.owner().provider) {
        return 0;
    }
    return parent.owner().ifs ? claim_ifs_handle(made, parent.owner().entry, parent.owner().provider) : 0;
}

SOCKET socket_result(int error, SOCKET handle) noexcept {
    if (error != 0) {
        SetLastError(static_cast<DWORD>(error));
        return INVALID_SOCKET;
    }
    return handle;
}

} // namespace

extern "C" SOCKET WSAAPI WSASocketW(int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group,
                                    DWORD flags) {
    if (!started()) {
        return socket_result(WSANOTINITIALISED, INVALID_SOCKET);
    }
    const SocketRequest request{{family, type, protocol}, group, flags};
    SOCKET result = INVALID_SOCKET;
    const int error = info != nullptr ? open_by_id(request, *info, result) : open_by_triplet(request, result);
    return socket_result(error, result);
}

extern "C" SOCKET WSAAPI WSASocketA(int family, int type, int protocol, LPWSAPROTOCOL_INFOA info, GROUP group,
                                    DWORD flags) {
    if (info == nullptr) {
        return WSASocketW(family, type, protocol, nullptr, group, flags);
    }
    WSAPROTOCOL_INFOW wide = to_wide(*info);
    return WSASocketW(family, type, protocol, &wide, group, flags);
}

extern "C" SOCKET WSAAPI socket(int family, int type, int protocol) {
    // Sockets are overlapped unless the thread asked for others with SO_OPENTYPE.
    const ThreadState* thread = host().threads.existing();
    const bool synchronous = thread != nullptr && thread->open_type != 0;
    return WSASocketW(family, type, protocol, nullptr, 0, synchronous ? 0 : WSA_FLAG_OVERLAPPED);
}

extern "C" SOCKET WSAAPI WSAAccept(SOCKET handle, sockaddr* address, LPINT length, LPCONDITIONPROC condition,
                                   DWORD_PTR callback_data) {
    SocketReference listener;
    int error = find_socket(handle, listener);
    if (error != 0) {
        return socket_result(error, INVALID_SOCKET);
    }
    const std::uint64_t claims = host().sockets.claims();
    const SOCKET accepted = listener.functions().lpWSPAccept(handle, address, length, condition, callback_data, &error);
    error = accepted == INVALID_SOCKET ? reason(error) : keep_with_parent(accepted, listener, claims);
    return socket_result(error, accepted);
}

extern "C" SOCKET WSAAPI accept(SOCKET handle, sockaddr* address, int* length) {
    return WSAAccept(handle, address, length, nullptr, 0);
}

extern "C" SOCKET WSAAPI WSAJoinLeaf(SOCKET handle, const sockaddr* address, int length, LPWSABUF caller_data,
                                     LPWSABUF callee_data, LPQOS socket_qos, LPQOS group_qos, DWORD flags) {
    SocketReference root;
    int error = find_socket(handle, root);
    if (error != 0) {
        return socket_result(error, INVALID_SOCKET);
    }
    const std::uint64_t claims = host().sockets.claims();
    const SOCKET leaf = root.functions().lpWSPJoinLeaf(handle, address, length, caller_data, callee_data, socket_qos,
                                                       group_qos, flags, &error);
    if (leaf == INVALID_SOCKET) {
        error = reason(error);
    } else if (leaf != handle) { // a root that joins as a leaf itself is answered with its own handle
        error = keep_with_parent(leaf, root, claims);
    }
    return socket_result(error, leaf);
}

extern "C" int WSAAPI WSADuplicateSocketW(SOCKET handle, DWORD process_id, LPWSAPROTOCOL_INFOW info) {
    return dispatch<&WSPPROC_TABLE::lpWSPDuplicateSocket>(handle, process_id, info);
}

extern "C" int WSAAPI WSADuplicateSocketA(SOCKET handle, DWORD process_id, LPWSAPROTOCOL_INFOA info) {
    WSAPROTOCOL_INFOW wide{};
    const int result = WSADuplicateSocketW(handle, process_id, info != nullptr ? &wide : nullptr);
    if (result == 0) {
        to_ansi(wide, *info);
    }
    return result;
}

extern "C" int WSAAPI closesocket(SOCKET handle) {
    SocketReference socket;
    int error = find_socket(handle, socket);
    if (error == 0) {
        if (socket.functions().lpWSPCloseSocket(handle, &error) == 0) {
            // Only this entry: the handle's value may be that of a new socket of another thread already.
            host().sockets.remove(handle, socket);
            return 0;
        }
        error = reason(error);
    }
    return fail(error);
}
