// The chains of twice and the sockets it knows: fixed tables, one lock.
#pragma once

#include "catalog.hpp"
#include "identity.hpp"

#include <cstdlib>

namespace twice {

inline constexpr unsigned max_chains = 24;
inline constexpr unsigned starts = 2;

struct Chain {
    DWORD started; // catalog id of the info that it was made for; 0: free
    stranger::Standing standing;
    stranger::Lower lower[starts];
};

struct KnownSocket {
    SOCKET socket;
    Chain* chain;
};

inline CRITICAL_SECTION lock; // made in DllMain
inline Chain chains[max_chains];
inline KnownSocket* known; // sorted by nothing: a search is as long as the list
inline unsigned known_count;
inline unsigned known_room;
inline unsigned startups;
inline unsigned lower_startups;
inline unsigned lower_cleanups;
inline unsigned unloads;
inline WSPUPCALLTABLE upcalls;

inline int load_chain(Chain* chain, const WSAPROTOCOL_INFOW* info) {
    stranger::Catalog catalog;
    const auto enumerate = stranger::winsock_function<LPWSCENUMPROTOCOLS>("WSCEnumProtocols");
    if (stranger::read_catalog(catalog, enumerate) != 0) {
        return WSAEPROVIDERFAILEDINIT;
    }
    // The entry that Winsock has in its catalog, not what a caller made of it.
    const WSAPROTOCOL_INFOW* const listed = stranger::find_id(catalog, info->dwCatalogEntryId);
    const WSAPROTOCOL_INFOW* const entry = listed != nullptr ? listed : info;
    chain->standing = stranger::find_standing(catalog, *entry, stranger::twice_guid);
    if (!chain->standing.found) {
        return WSAEINVALIDPROVIDER;
    }
    const WSAPROTOCOL_INFOW* const below = chain->standing.above_base() ? &chain->standing.next : entry;
    for (unsigned index = 0; index < starts; ++index) {
        const int error = stranger::start_lower(upcalls, chain->standing.next, *below, chain->lower[index]);
        if (error != 0) {
            if (index > 0) {
                int ignored = 0;
                chain->lower[0].table.lpWSPCleanup(&ignored);
                FreeLibrary(chain->lower[0].module);
            }
            return error;
        }
        ++lower_startups;
    }
    chain->started = entry->dwCatalogEntryId;
    return 0;
}

// The chain of an info, made if need be.
inline Chain* chain_of_info(const WSAPROTOCOL_INFOW* info, int* error) {
    Chain* unused = nullptr;
    Chain* found = nullptr;
    EnterCriticalSection(&lock);
    for (Chain& chain : chains) {
        if (chain.started == info->dwCatalogEntryId && found == nullptr) {
            found = &chain;
        }
        if (chain.started == 0 && unused == nullptr) {
            unused = &chain;
        }
    }
    if (found == nullptr) {
        *error = unused == nullptr ? WSAENOBUFS : load_chain(unused, info);
        found = *error == 0 ? unused : nullptr;
    }
    LeaveCriticalSection(&lock);
    return found;
}

inline Chain* find_socket(SOCKET socket) {
    Chain* found = nullptr;
    EnterCriticalSection(&lock);
    for (unsigned index = 0; index < known_count && found == nullptr; ++index) {
        if (known[index].socket == socket) {
            found = known[index].chain;
        }
    }
    LeaveCriticalSection(&lock);
    return found;
}

inline void forget_socket(SOCKET socket) {
    EnterCriticalSection(&lock);
    for (unsigned index = 0; index < known_count; ++index) {
        if (known[index].socket == socket) {
            known[index] = known[--known_count];
            break;
        }
    }
    LeaveCriticalSection(&lock);
}

inline bool remember_socket(SOCKET socket, Chain* chain) {
    forget_socket(socket);
    bool done = true;
    EnterCriticalSection(&lock);
    if (known_count == known_room) {
        const unsigned room = known_room * 2 + 64;
        auto* const larger = static_cast<KnownSocket*>(std::realloc(known, room * sizeof(KnownSocket)));
        done = larger != nullptr;
        if (done) {
            known = larger;
            known_room = room;
        }
    }
    if (done) {
        known[known_count].socket = socket;
        known[known_count].chain = chain;
        ++known_count;
    }
    LeaveCriticalSection(&lock);
    return done;
}

inline const WSPPROC_TABLE* below(const Chain* chain) {
    return &chain->lower[starts - 1].table; // the last start's functions count: "the most recent"
}

inline SOCKET hand_up(Chain* chain, SOCKET socket, LPINT error) {
    int refused = 0;
    int ignored = 0;
    const SOCKET handle = upcalls.lpWPUModifyIFSHandle(chain->standing.own.dwCatalogEntryId, socket, &refused);
    if (handle == INVALID_SOCKET || !remember_socket(handle, chain)) {
        below(chain)->lpWSPCloseSocket(socket, &ignored);
        *error = handle == INVALID_SOCKET ? refused : WSAENOBUFS;
        return INVALID_SOCKET;
    }
    return handle;
}

} // namespace twice
