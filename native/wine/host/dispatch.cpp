// Finding the provider of a handle.
#include "dispatch.hpp"

#include <algorithm>
#include <new>
#include <vector>

namespace winsock_spi::wine {

namespace {

// Whether the provider knows the handle, and by which catalog entry.
bool knows(const Provider& provider, SOCKET handle, DWORD& catalog_entry_id) noexcept {
    WSAPROTOCOL_INFOW info{};
    int length = sizeof info;
    int ignored = 0;
    if (provider.table().lpWSPGetSockOpt(handle, SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &length,
                                         &ignored) != 0) {
        return false;
    }
    catalog_entry_id = info.dwCatalogEntryId;
    return true;
}

// Asks each IFS provider once, in catalog order.
int find_ifs_provider(SOCKET handle) noexcept {
    Host& state = host();
    std::shared_ptr<const Catalog> catalog;
    int error = state.providers.refresh(catalog);
    if (error != 0) {
        return error;
    }
    try {
        std::vector<const Provider*> asked;
        for (const CatalogEntry& entry : catalog->entries()) {
            ProviderPointer provider;
            if (!entry.ifs() || entry.stands_for_provider() || state.providers.load(entry, provider) != 0 ||
                std::find(asked.begin(), asked.end(), provider.get()) != asked.end()) {
                continue;
            }
            asked.push_back(provider.get());
            DWORD id = 0;
            if (!knows(*provider, handle, id)) {
                continue;
            }
            const EntryPointer owner = state.providers.find(id);
            if (!owner || !owner->ifs()) {
                continue; // it answered with an entry that is none of the catalog
            }
            const bool own = IsEqualGUID(owner->info.ProviderId, entry.info.ProviderId);
            return claim_ifs_handle(handle, owner, own ? provider : nullptr);
        }
    } catch (const std::bad_alloc&) {
        return WSA_NOT_ENOUGH_MEMORY;
    }
    return WSAENOTSOCK;
}

} // namespace

int claim_ifs_handle(SOCKET handle, EntryPointer entry, ProviderPointer provider) noexcept {
    Host& state = host();
    if (!provider) {
        provider = state.providers.loaded(*entry);
    }
    return state.sockets.claim(handle,
                               SocketOwner{.entry = std::move(entry), .provider = std::move(provider), .ifs = true});
}

int find_socket(SOCKET handle, SocketReference& socket) noexcept {
    Host& state = host();
    if (!started()) {
        return WSANOTINITIALISED;
    }
    socket = state.sockets.find(handle);
    if (!socket) {
        const DWORD last_error = GetLastError();
        const int error = find_ifs_provider(handle);
        if (error != 0) {
            return error;
        }
        SetLastError(last_error);
        socket = state.sockets.find(handle);
        if (!socket) {
            return WSAENOTSOCK; // closed by another thread meanwhile
        }
    }
    while (!socket.owner().provider) {
        SocketOwner owner = socket.owner();
        int error = state.providers.load(*owner.entry, owner.provider);
        if (error == 0) {
            error = state.sockets.claim(handle, std::move(owner));
        }
        if (error != 0) {
            return error;
        }
        socket = state.sockets.find(handle);
        if (!socket) {
            return WSAENOTSOCK;
        }
    }
    return 0;
}

LPWSATHREADID current_thread_id() noexcept {
    ThreadState* state = host().threads.current();
    return state != nullptr ? &state->id : nullptr;
}

} // namespace winsock_spi::wine
