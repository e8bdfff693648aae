// The sockets of nonifs: handles that Winsock makes for it, each with the socket of the provider below behind it; and
// its chains, loaded when they are first needed.
#pragma once

#include "catalog.hpp"
#include "identity.hpp"

#include <list>
#include <memory>
#include <mutex>
#include <set>

namespace nonifs {

struct Chain {
    DWORD started = 0;
    stranger::Standing standing;
    stranger::Lower lower;
};

struct Behind {
    SOCKET handle = INVALID_SOCKET; // the program's
    SOCKET lower = INVALID_SOCKET;  // the provider's below
    Chain* chain = nullptr;
};

// Shared, so that a call under way outlives a close in another thread.
using BehindPointer = std::shared_ptr<Behind>;

class Sockets {
public:
    WSPUPCALLTABLE upcalls{};

    Chain* chain_of(const WSAPROTOCOL_INFOW& given, int& error) {
        const std::scoped_lock lock(mutex_);
        for (Chain& chain : chains_) {
            if (chain.started == given.dwCatalogEntryId) {
                return &chain;
            }
        }
        stranger::Catalog catalog;
        if (stranger::read_catalog(catalog, WSCEnumProtocols) != 0) {
            error = WSAEPROVIDERFAILEDINIT;
            return nullptr;
        }
        const WSAPROTOCOL_INFOW* const listed = stranger::find_id(catalog, given.dwCatalogEntryId);
        const WSAPROTOCOL_INFOW& info = listed != nullptr ? *listed : given;
        Chain chain;
        chain.started = info.dwCatalogEntryId;
        chain.standing = stranger::find_standing(catalog, info, stranger::nonifs_guid);
        error = !chain.standing.found
                    ? WSAEINVALIDPROVIDER
                    : stranger::start_lower(upcalls, chain.standing.next,
                                            chain.standing.above_base() ? chain.standing.next : info, chain.lower);
        return error == 0 ? &chains_.emplace_back(chain) : nullptr;
    }

    Chain* any_chain() {
        const std::scoped_lock lock(mutex_);
        return chains_.empty() ? nullptr : &chains_.front();
    }

    // A handle for a socket of the provider below. On failure that socket is closed.
    SOCKET make(Chain& chain, SOCKET lower, LPINT error) {
        auto* const holder = new BehindPointer(std::make_shared<Behind>());
        (*holder)->lower = lower;
        (*holder)->chain = &chain;
        const std::scoped_lock lock(mutex_); // nobody finds it before its handle is noted
        const SOCKET handle = upcalls.lpWPUCreateSocketHandle(chain.standing.own.dwCatalogEntryId,
                                                              reinterpret_cast<DWORD_PTR>(holder), error);
        if (handle == INVALID_SOCKET) {
            int ignored = 0;
            chain.lower.table.lpWSPCloseSocket(lower, &ignored);
            delete holder;
            return INVALID_SOCKET;
        }
        (*holder)->handle = handle;
        holders_.insert(holder);
        return handle;
    }

    BehindPointer find(SOCKET handle) {
        const std::scoped_lock lock(mutex_);
        BehindPointer* const holder = holder_of(handle);
        return holder == nullptr ? nullptr : *holder;
    }

    // The handle is no socket from now on.
    void remove(SOCKET handle) {
        const std::scoped_lock lock(mutex_);
        if (BehindPointer* const holder = holder_of(handle)) {
            int ignored = 0;
            upcalls.lpWPUCloseSocketHandle(handle, &ignored);
            holders_.erase(holder);
            delete holder;
        }
    }

    // The last WSPCleanup: sockets that are still open are closed, what is below is stopped and let go.
    void clear() {
        const std::scoped_lock lock(mutex_);
        int ignored = 0;
        for (BehindPointer* const holder : holders_) {
            (*holder)->chain->lower.table.lpWSPCloseSocket((*holder)->lower, &ignored);
            upcalls.lpWPUCloseSocketHandle((*holder)->handle, &ignored);
            delete holder;
        }
        holders_.clear();
        for (Chain& chain : chains_) {
            chain.lower.table.lpWSPCleanup(&ignored);
            FreeLibrary(chain.lower.module);
        }
        chains_.clear();
    }

private:
    BehindPointer* holder_of(SOCKET handle) {
        DWORD_PTR context = 0;
        int ignored = 0;
        if (upcalls.lpWPUQuerySocketHandleContext(handle, &context, &ignored) != 0) {
            return nullptr;
        }
        auto* const holder = reinterpret_cast<BehindPointer*>(context);
        return holders_.contains(holder) ? holder : nullptr; // the handle may be another non-IFS provider's
    }

    std::recursive_mutex mutex_;
    std::list<Chain> chains_;
    std::set<BehindPointer*> holders_;
};

// Never destroyed: programs end with calls under way.
inline Sockets& sockets() {
    static Sockets* const instance = new Sockets;
    return *instance;
}

} // namespace nonifs
