// How many vendors write an IFS layer: each chain's table is a copy of the table below, with a few functions of the
// layer's own. Needs a GUID for each layered entry, so that each chain gets a WSPStartup, and with it a table, of its
// own. Here: what the two providers that are made this way share.
#pragma once

#include "catalog.hpp"
#include "functions.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <vector>

namespace stranger {

struct CopyChain {
    DWORD started = 0;
    Standing standing;
    Lower lower;
};

class CopyLayer {
public:
    explicit CopyLayer(const GUID& vendor) : vendor_(vendor) {}

    // All of WSPStartup but the functions that a provider puts into its copy of the table.
    int start(const WSAPROTOCOL_INFOW& info, const WSPUPCALLTABLE& upcalls, WSPPROC_TABLE& table) {
        Catalog catalog;
        if (read_catalog(catalog, WSCEnumProtocols) != 0) {
            return WSAEPROVIDERFAILEDINIT;
        }
        auto chain = std::make_unique<CopyChain>();
        chain->started = info.dwCatalogEntryId;
        chain->standing = find_standing(catalog, info, vendor_);
        if (!chain->standing.found) {
            return WSAEINVALIDPROVIDER;
        }
        const WSAPROTOCOL_INFOW below = chain->standing.above_base() ? chain->standing.next : info;
        const int error = start_lower(upcalls, chain->standing.next, below, chain->lower);
        if (error != 0) {
            return error;
        }
        table = chain->lower.table;
        const std::scoped_lock lock(mutex_);
        upcalls_ = upcalls;
        chains_.push_back(std::move(chain));
        return 0;
    }

    // 0 starts are left: everything below is stopped and let go.
    int clean_up(LPINT error) {
        std::vector<std::unique_ptr<CopyChain>> chains;
        {
            const std::scoped_lock lock(mutex_);
            if (cleanups_ == chains_.size()) {
                *error = WSANOTINITIALISED;
                return SOCKET_ERROR;
            }
            if (++cleanups_ < chains_.size()) {
                return 0;
            }
            chains.swap(chains_);
            sockets_.clear();
            cleanups_ = 0;
        }
        for (const auto& chain : chains) {
            int ignored = 0;
            chain->lower.table.lpWSPCleanup(&ignored);
            FreeLibrary(chain->lower.module);
        }
        return 0;
    }

    CopyChain* of(SOCKET socket) {
        const std::scoped_lock lock(mutex_);
        const auto found = sockets_.find(socket);
        return found == sockets_.end() ? nullptr : found->second;
    }

    CopyChain* of(const WSAPROTOCOL_INFOW& info) {
        const std::scoped_lock lock(mutex_);
        for (const auto& chain : chains_) {
            if (chain->started == info.dwCatalogEntryId) {
                return chain.get();
            }
        }
        for (const auto& chain : chains_) {
            if (same_triplet(chain->standing.own, info)) {
                return chain.get();
            }
        }
        return nullptr;
    }

    // The chain below which a handle that nobody announced is known.
    CopyChain* adopt(SOCKET socket) {
        const std::scoped_lock lock(mutex_);
        for (const auto& chain : chains_) {
            WSAPROTOCOL_INFOW info{};
            int length = sizeof info;
            int ignored = 0;
            if (chain->lower.table.lpWSPGetSockOpt(socket, SOL_SOCKET, SO_PROTOCOL_INFOW,
                                                   reinterpret_cast<char*>(&info), &length, &ignored) == 0 &&
                same_triplet(info, chain->standing.own)) {
                sockets_[socket] = chain.get();
                return chain.get();
            }
        }
        return nullptr;
    }

    SOCKET claim(CopyChain& chain, SOCKET socket, LPINT error) {
        int refused = 0;
        const SOCKET claimed = upcalls_.lpWPUModifyIFSHandle(chain.standing.own.dwCatalogEntryId, socket, &refused);
        if (claimed == INVALID_SOCKET) {
            int ignored = 0;
            chain.lower.table.lpWSPCloseSocket(socket, &ignored);
            *error = refused;
            return INVALID_SOCKET;
        }
        const std::scoped_lock lock(mutex_);
        sockets_[claimed] = &chain;
        return claimed;
    }

    SOCKET open(int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags, LPINT error) {
        CopyChain* const chain = info == nullptr ? nullptr : of(*info);
        if (chain == nullptr) {
            *error = WSAEINVALIDPROVIDER;
            return INVALID_SOCKET;
        }
        WSAPROTOCOL_INFOW below = chain->standing.above_base() ? chain->standing.next : *info;
        below.dwProviderReserved = info->dwProviderReserved;
        const SOCKET made = chain->lower.table.lpWSPSocket(family, type, protocol, &below, group, flags, error);
        return made == INVALID_SOCKET ? made : claim(*chain, made, error);
    }

    SOCKET accept(SOCKET socket, sockaddr* address, LPINT length, LPCONDITIONPROC condition, DWORD_PTR data,
                  LPINT error) {
        CopyChain* const chain = of(socket);
        if (chain == nullptr) {
            *error = WSAENOTSOCK;
            return INVALID_SOCKET;
        }
        const SOCKET made = chain->lower.table.lpWSPAccept(socket, address, length, condition, data, error);
        return made == INVALID_SOCKET ? made : claim(*chain, made, error);
    }

    int close(SOCKET socket, LPINT error) {
        CopyChain* const chain = of(socket);
        if (chain == nullptr) {
            *error = WSAENOTSOCK;
            return SOCKET_ERROR;
        }
        {
            const std::scoped_lock lock(mutex_);
            sockets_.erase(socket);
        }
        const int result = chain->lower.table.lpWSPCloseSocket(socket, error);
        if (result == SOCKET_ERROR && *error == WSAEWOULDBLOCK) {
            const std::scoped_lock lock(mutex_);
            sockets_[socket] = chain;
        }
        return result;
    }

    int get_option(SOCKET socket, int level, int option, char* value, LPINT length, LPINT error) {
        const bool who = level == SOL_SOCKET && option == SO_PROTOCOL_INFOW;
        CopyChain* chain = of(socket);
        if (chain == nullptr && who) {
            chain = adopt(socket);
        }
        if (chain == nullptr) {
            *error = WSAENOTSOCK;
            return SOCKET_ERROR;
        }
        const int result = chain->lower.table.lpWSPGetSockOpt(socket, level, option, value, length, error);
        if (result == 0 && who) {
            std::memcpy(value, &chain->standing.own, sizeof chain->standing.own);
        }
        return result;
    }

    int duplicate(SOCKET socket, DWORD process, LPWSAPROTOCOL_INFOW info, LPINT error) {
        CopyChain* const chain = of(socket);
        if (chain == nullptr) {
            *error = WSAENOTSOCK;
            return SOCKET_ERROR;
        }
        const int result = chain->lower.table.lpWSPDuplicateSocket(socket, process, info, error);
        if (result == 0) {
            const DWORD reserved = info->dwProviderReserved;
            *info = chain->standing.own;
            info->dwProviderReserved = reserved;
        }
        return result;
    }

    // A call that is the lower provider's as it is, for those who count or change it.
    template <auto Member, typename... Rest>
    int pass(SOCKET socket, Rest... rest) {
        CopyChain* const chain = of(socket);
        if (chain == nullptr) {
            *std::get<sizeof...(Rest) - 1>(std::tuple<Rest...>(rest...)) = WSAENOTSOCK; // the last is lpErrno
            return SOCKET_ERROR;
        }
        return (chain->lower.table.*Member)(socket, rest...);
    }

private:
    GUID vendor_;
    std::mutex mutex_;
    WSPUPCALLTABLE upcalls_{};
    std::vector<std::unique_ptr<CopyChain>> chains_; // one for each WSPStartup
    std::map<SOCKET, CopyChain*> sockets_;
    std::size_t cleanups_ = 0;
};

} // namespace stranger
