// The chains of all30 and the sockets it knows.
#pragma once

#include "catalog.hpp"

#include <mswsock.h>

#include <list>
#include <mutex>
#include <unordered_map>

namespace all30 {

struct Chain {
    DWORD started = 0; // the id of the entry that WSPStartup brought
    stranger::Standing standing;
    stranger::Lower lower;
    unsigned startups = 0;
    LPFN_ACCEPTEX accept_ex = nullptr;
    LPFN_CONNECTEX connect_ex = nullptr;
};

struct State {
    std::mutex mutex;
    unsigned startups = 0;
    WSPUPCALLTABLE upcalls{};
    std::list<Chain> chains;
    std::unordered_map<SOCKET, Chain*> sockets;
};

inline State& state() {
    static State* const instance = new State; // never destroyed: programs end with calls under way
    return *instance;
}

inline Chain* known_chain(SOCKET socket) {
    const std::scoped_lock lock(state().mutex);
    const auto found = state().sockets.find(socket);
    return found == state().sockets.end() ? nullptr : found->second;
}

// A socket that came past us (inherited, duplicated): the chain whose lower provider says it is of this chain.
inline Chain* adopt(SOCKET socket) {
    const std::scoped_lock lock(state().mutex);
    for (Chain& chain : state().chains) {
        WSAPROTOCOL_INFOW info{};
        int length = sizeof info;
        int error = 0;
        if (chain.lower.table.lpWSPGetSockOpt(socket, SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info),
                                              &length, &error) == 0 &&
            stranger::same_triplet(info, chain.standing.own)) {
            state().sockets[socket] = &chain;
            return &chain;
        }
    }
    return nullptr;
}

inline Chain* chain_of(SOCKET socket) {
    Chain* const known = known_chain(socket);
    return known != nullptr ? known : adopt(socket);
}

inline Chain* chain_of(const WSAPROTOCOL_INFOW* info) {
    const std::scoped_lock lock(state().mutex);
    if (info != nullptr) {
        for (Chain& chain : state().chains) {
            if (chain.started == info->dwCatalogEntryId) {
                return &chain;
            }
        }
        for (Chain& chain : state().chains) {
            if (stranger::same_triplet(chain.standing.own, *info)) {
                return &chain;
            }
        }
    }
    return state().chains.empty() ? nullptr : &state().chains.front();
}

// What the provider below is to be given: its own entry if it is the base, else ours as it came.
inline WSAPROTOCOL_INFOW info_for_lower(const Chain& chain, const WSAPROTOCOL_INFOW& given) {
    WSAPROTOCOL_INFOW info = chain.standing.above_base() ? chain.standing.next : given;
    info.dwProviderReserved = given.dwProviderReserved;
    return info;
}

inline SOCKET claim(Chain& chain, SOCKET socket, LPINT error) {
    int refused = 0;
    const SOCKET claimed = state().upcalls.lpWPUModifyIFSHandle(chain.standing.own.dwCatalogEntryId, socket, &refused);
    if (claimed == INVALID_SOCKET) {
        int ignored = 0;
        chain.lower.table.lpWSPCloseSocket(socket, &ignored);
        *error = refused;
        return INVALID_SOCKET;
    }
    const std::scoped_lock lock(state().mutex);
    state().sockets[claimed] = &chain;
    return claimed;
}

} // namespace all30
