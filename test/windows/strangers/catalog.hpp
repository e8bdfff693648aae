// Reading the catalog and a chain, for the providers and installers of this folder.
#pragma once

#include <winsock2.h>
#include <ws2spi.h>

#include <windows.h>

#include <cstddef>
#include <cstring>
#include <vector>

namespace stranger {

using Catalog = std::vector<WSAPROTOCOL_INFOW>;

// A function of ws2_32, which every process that loads a provider has.
template <typename Function>
Function winsock_function(const char* name) {
    const HMODULE module = LoadLibraryW(L"ws2_32.dll");
    const FARPROC function = module == nullptr ? nullptr : GetProcAddress(module, name);
    return reinterpret_cast<Function>(reinterpret_cast<void*>(function));
}

inline int read_catalog(Catalog& catalog, LPWSCENUMPROTOCOLS enumerate) {
    DWORD bytes = 0;
    int error = WSAENOBUFS;
    while (enumerate != nullptr && error == WSAENOBUFS) {
        catalog.resize(bytes / sizeof(WSAPROTOCOL_INFOW) + 1);
        bytes = static_cast<DWORD>(catalog.size() * sizeof(WSAPROTOCOL_INFOW));
        const int count = enumerate(nullptr, catalog.data(), &bytes, &error);
        if (count != SOCKET_ERROR) {
            catalog.resize(static_cast<std::size_t>(count));
            return 0;
        }
    }
    catalog.clear();
    return enumerate == nullptr ? WSASYSNOTREADY : error;
}

inline const WSAPROTOCOL_INFOW* find_id(const Catalog& catalog, DWORD id) {
    for (const WSAPROTOCOL_INFOW& entry : catalog) {
        if (entry.dwCatalogEntryId == id) {
            return &entry;
        }
    }
    return nullptr;
}

// GUIDs of one vendor here differ in the last byte only: 0 is the hidden entry, others are layered ones.
inline bool same_vendor(const GUID& a, const GUID& b) {
    return std::memcmp(&a, &b, sizeof(GUID) - 1) == 0;
}

inline bool same_triplet(const WSAPROTOCOL_INFOW& a, const WSAPROTOCOL_INFOW& b) {
    return a.iAddressFamily == b.iAddressFamily && a.iSocketType == b.iSocketType && a.iProtocol == b.iProtocol;
}

inline bool is_layered(const WSAPROTOCOL_INFOW& entry) {
    return entry.ProtocolChain.ChainLen > 1;
}

// Where a vendor stands in the chain of `started`: its own layered entry and the entry below.
struct Standing {
    WSAPROTOCOL_INFOW own{};
    WSAPROTOCOL_INFOW next{};
    bool found = false;

    bool above_base() const { return next.ProtocolChain.ChainLen == BASE_PROTOCOL; }
};

inline Standing find_standing(const Catalog& catalog, const WSAPROTOCOL_INFOW& started, const GUID& vendor) {
    Standing standing;
    const WSAPROTOCOLCHAIN& chain = started.ProtocolChain;
    for (int index = 0; index < chain.ChainLen && index < MAX_PROTOCOL_CHAIN; ++index) {
        const WSAPROTOCOL_INFOW* const member = find_id(catalog, chain.ChainEntries[index]);
        const bool ours = (member != nullptr && same_vendor(member->ProviderId, vendor)) ||
                          (index == 0 && same_vendor(started.ProviderId, vendor));
        if (!ours || index + 1 >= chain.ChainLen) {
            continue;
        }
        const WSAPROTOCOL_INFOW* const next = find_id(catalog, chain.ChainEntries[index + 1]);
        if (next == nullptr) {
            return standing;
        }
        standing.next = *next;
        if (same_vendor(started.ProviderId, vendor)) {
            standing.own = started;
            standing.found = true;
            return standing;
        }
        if (member != nullptr && is_layered(*member)) {
            standing.own = *member;
            standing.found = true;
            return standing;
        }
        for (const WSAPROTOCOL_INFOW& entry : catalog) { // the chain names our hidden entry
            if (is_layered(entry) && same_vendor(entry.ProviderId, vendor) && same_triplet(entry, started)) {
                standing.own = entry;
                standing.found = true;
                return standing;
            }
        }
        return standing;
    }
    return standing;
}

// A provider below: its DLL and its functions.
struct Lower {
    HMODULE module = nullptr;
    WSPPROC_TABLE table{};
};

// WSPStartup of the provider with that id. 0, or what to return from one's own WSPStartup.
inline int start_lower(const WSPUPCALLTABLE& upcalls, const WSAPROTOCOL_INFOW& next, const WSAPROTOCOL_INFOW& info,
                       Lower& lower) {
    wchar_t path[MAX_PATH];
    wchar_t expanded[MAX_PATH];
    int path_length = MAX_PATH;
    int error = 0;
    GUID id = next.ProviderId;
    if (upcalls.lpWPUGetProviderPath(&id, path, &path_length, &error) != 0 ||
        ExpandEnvironmentStringsW(path, expanded, MAX_PATH) > MAX_PATH) {
        return WSAEPROVIDERFAILEDINIT;
    }
    lower.module = LoadLibraryW(expanded);
    const FARPROC found = lower.module == nullptr ? nullptr : GetProcAddress(lower.module, "WSPStartup");
    if (found == nullptr) {
        return WSAEPROVIDERFAILEDINIT;
    }
    const auto startup = reinterpret_cast<LPWSPSTARTUP>(reinterpret_cast<void*>(found));
    WSPDATA data{};
    WSAPROTOCOL_INFOW copy = info;
    error = startup(MAKEWORD(2, 2), &data, &copy, upcalls, &lower.table);
    if (error == 0 && data.wVersion != MAKEWORD(2, 2)) {
        int ignored = 0;
        lower.table.lpWSPCleanup(&ignored);
        error = WSAEINVALIDPROVIDER;
    }
    if (error != 0) {
        FreeLibrary(lower.module);
        lower.module = nullptr;
    }
    return error;
}

} // namespace stranger
