// What an installer of this folder does, by the catalog functions of Winsock alone. The vendors' habits differ:
//   guid    a GUID for each layered entry, or one for all of them
//   chain   what is below is named by the layered entry there, or by its chain (hidden entries) as it stands
//   ifs     whether its sockets are file handles. An IFS layer cannot stand above one that is not, so where such a one
//           is on top, it puts itself below the lowest of them, into their chains
// PROGRAM install [--twin PROGRAM32]   into the catalog of this program's bitness; by that program into the other one
// PROGRAM remove [--careless]          out of both (64-bit program) or its own; careless: who names us may see to it
// Exit code 0, or 1 with the failing call and its error on stderr.
#pragma once

#include "catalog.hpp"
#include "identity.hpp"

#include <sporder.h>

#include <cstdio>
#include <string>
#include <vector>

namespace stranger {

struct Habits {
    const wchar_t* name; // of the vendor, and of its DLL beside the installer
    GUID vendor;
    enum class Guid { per_entry, one_for_all } guid;
    enum class Chain { by_entry, by_hidden } chain;
    bool ifs;
};

// The catalog functions for one bitness.
struct CatalogFunctions {
    LPWSCENUMPROTOCOLS enumerate;
    decltype(&WSCGetProviderPath) get_path;
    decltype(&WSCUpdateProvider) update;
    decltype(&WSCDeinstallProvider) deinstall;
    decltype(&WSCWriteProviderOrder) write_order;

    bool complete() const {
        return enumerate != nullptr && get_path != nullptr && update != nullptr && deinstall != nullptr &&
               write_order != nullptr;
    }
};

inline CatalogFunctions own_functions() {
    return {WSCEnumProtocols, WSCGetProviderPath, WSCUpdateProvider, WSCDeinstallProvider, WSCWriteProviderOrder};
}

// The 32-bit catalog from a 64-bit program; none in a 32-bit one.
inline CatalogFunctions functions32() {
    return {winsock_function<LPWSCENUMPROTOCOLS>("WSCEnumProtocols32"),
            winsock_function<decltype(&WSCGetProviderPath)>("WSCGetProviderPath32"),
            winsock_function<decltype(&WSCUpdateProvider)>("WSCUpdateProvider32"),
            winsock_function<decltype(&WSCDeinstallProvider)>("WSCDeinstallProvider32"),
            winsock_function<decltype(&WSCWriteProviderOrder)>("WSCWriteProviderOrder32")};
}

inline int failed(const char* call, int error) {
    std::fprintf(stderr, "%s: %d\n", call, error);
    return 1;
}

struct Triplet {
    int family;
    int type;
    int protocol;
};

inline constexpr Triplet covered[] = {
    {AF_INET, SOCK_STREAM, IPPROTO_TCP},  {AF_INET, SOCK_DGRAM, IPPROTO_UDP},  {AF_INET, SOCK_RAW, 0},
    {AF_INET6, SOCK_STREAM, IPPROTO_TCP}, {AF_INET6, SOCK_DGRAM, IPPROTO_UDP}, {AF_INET6, SOCK_RAW, 0},
};

inline bool is_ifs(const WSAPROTOCOL_INFOW& entry) {
    return (entry.dwServiceFlags1 & XP1_IFS_HANDLES) != 0;
}

inline const WSAPROTOCOL_INFOW* topmost(const Catalog& catalog, const Triplet& wanted) {
    for (const WSAPROTOCOL_INFOW& entry : catalog) {
        if (entry.ProtocolChain.ChainLen != LAYERED_PROTOCOL && entry.iAddressFamily == wanted.family &&
            entry.iSocketType == wanted.type && entry.iProtocol == wanted.protocol) {
            return &entry;
        }
    }
    return nullptr;
}

using Ids = std::vector<DWORD>;

inline Ids chain_of(const WSAPROTOCOL_INFOW& entry) {
    const WSAPROTOCOLCHAIN& chain = entry.ProtocolChain;
    if (chain.ChainLen <= BASE_PROTOCOL) {
        return {entry.dwCatalogEntryId};
    }
    return Ids(chain.ChainEntries, chain.ChainEntries + chain.ChainLen);
}

inline bool set_chain(WSAPROTOCOL_INFOW& entry, const Ids& ids) {
    if (ids.size() > MAX_PROTOCOL_CHAIN) {
        return false;
    }
    entry.ProtocolChain = {};
    entry.ProtocolChain.ChainLen = static_cast<int>(ids.size());
    for (std::size_t index = 0; index < ids.size(); ++index) {
        entry.ProtocolChain.ChainEntries[index] = ids[index];
    }
    return true;
}

// Where the first member that is IFS stands, behind the last that is not; 0 if all are.
inline std::size_t below_non_ifs(const Catalog& catalog, const Ids& chain) {
    std::size_t place = 0;
    for (std::size_t index = 0; index < chain.size(); ++index) {
        const WSAPROTOCOL_INFOW* const member = find_id(catalog, chain[index]);
        if (member != nullptr && !is_ifs(*member)) {
            place = index + 1;
        }
    }
    return place;
}

inline int update_chain(const CatalogFunctions& functions, const WSAPROTOCOL_INFOW& entry, const Ids& chain) {
    WSAPROTOCOL_INFOW changed = entry;
    if (!set_chain(changed, chain)) {
        return failed("the chain is full", WSAENOBUFS);
    }
    wchar_t path[MAX_PATH];
    int length = MAX_PATH;
    int error = 0;
    GUID id = entry.ProviderId;
    if (functions.get_path(&id, path, &length, &error) == SOCKET_ERROR) {
        return failed("WSCGetProviderPath", error);
    }
    if (functions.update(&id, path, &changed, 1, &error) == SOCKET_ERROR) {
        return failed("WSCUpdateProvider", error);
    }
    return 0;
}

// The entry whose chain a new layer of this triplet goes on with: the topmost, or what is below the non-IFS layers.
inline const WSAPROTOCOL_INFOW* entry_below(const Catalog& catalog, const WSAPROTOCOL_INFOW& top, bool ifs) {
    const Ids chain = chain_of(top);
    const std::size_t place = ifs ? below_non_ifs(catalog, chain) : 0;
    if (place == 0 || place >= chain.size()) {
        return place == 0 ? &top : nullptr;
    }
    const WSAPROTOCOL_INFOW* const member = find_id(catalog, chain[place]);
    if (member == nullptr || member->ProtocolChain.ChainLen != LAYERED_PROTOCOL) {
        return member;
    }
    for (const WSAPROTOCOL_INFOW& entry : catalog) { // named by its hidden entry: its layered one for this triplet
        if (is_layered(entry) && same_triplet(entry, top) && entry.ProtocolChain.ChainEntries[0] == chain[place]) {
            return &entry;
        }
    }
    return nullptr;
}

inline int install_entries(const Habits& habits, const Catalog& before, DWORD hidden_id, const wchar_t* dll) {
    std::vector<WSAPROTOCOL_INFOW> entries;
    for (const Triplet& triplet : covered) {
        const WSAPROTOCOL_INFOW* const top = topmost(before, triplet);
        const WSAPROTOCOL_INFOW* const below = top == nullptr ? nullptr : entry_below(before, *top, habits.ifs);
        if (below == nullptr) {
            continue;
        }
        Ids chain = chain_of(*below);
        if (habits.chain == Habits::Chain::by_entry) {
            chain[0] = below->dwCatalogEntryId; // its own first place is its hidden entry
        }
        chain.insert(chain.begin(), hidden_id);
        WSAPROTOCOL_INFOW entry = *below;
        entry.dwCatalogEntryId = 0;
        entry.dwServiceFlags1 = habits.ifs ? entry.dwServiceFlags1 | XP1_IFS_HANDLES
                                           : entry.dwServiceFlags1 & ~static_cast<DWORD>(XP1_IFS_HANDLES);
        const std::wstring name = std::wstring(habits.name) + L" over [" + below->szProtocol + L"]";
        std::memset(entry.szProtocol, 0, sizeof entry.szProtocol);
        name.copy(entry.szProtocol, WSAPROTOCOL_LEN);
        if (!set_chain(entry, chain)) {
            return failed("the chain is full", WSAENOBUFS);
        }
        entries.push_back(entry);
    }
    int error = 0;
    if (habits.guid == Habits::Guid::one_for_all) {
        GUID id = entry_guid(habits.vendor, 1);
        const auto count = static_cast<DWORD>(entries.size());
        return WSCInstallProvider(&id, dll, entries.data(), count, &error) == 0 ? 0
                                                                                : failed("WSCInstallProvider", error);
    }
    for (std::size_t index = 0; index < entries.size(); ++index) {
        GUID id = entry_guid(habits.vendor, static_cast<unsigned>(index + 1));
        if (WSCInstallProvider(&id, dll, &entries[index], 1, &error) != 0) {
            return failed("WSCInstallProvider", error);
        }
    }
    return 0;
}

// Into the chains of the non-IFS layers that stand above us from now on.
inline int enter_chains(const Habits& habits, const Catalog& catalog, DWORD hidden_id) {
    for (const WSAPROTOCOL_INFOW& entry : catalog) {
        Ids chain = chain_of(entry);
        const std::size_t place = is_layered(entry) ? below_non_ifs(catalog, chain) : 0;
        if (!habits.ifs || place == 0 || same_vendor(entry.ProviderId, habits.vendor)) {
            continue;
        }
        for (const WSAPROTOCOL_INFOW& own : catalog) {
            if (!is_layered(own) || !same_vendor(own.ProviderId, habits.vendor) || !same_triplet(own, entry)) {
                continue;
            }
            const bool by_entry = habits.chain == Habits::Chain::by_entry;
            chain.insert(chain.begin() + static_cast<std::ptrdiff_t>(place),
                         by_entry ? own.dwCatalogEntryId : hidden_id);
            if (const int result = update_chain(own_functions(), entry, chain); result != 0) {
                return result;
            }
            break;
        }
    }
    return 0;
}

// Non-IFS layers of others first if we are IFS, then ours, then all else.
inline int put_in_order(const Habits& habits, const Catalog& catalog) {
    const auto rank = [&](const WSAPROTOCOL_INFOW& entry) {
        if (is_layered(entry) && same_vendor(entry.ProviderId, habits.vendor)) {
            return 1;
        }
        return habits.ifs && is_layered(entry) && !is_ifs(entry) ? 0 : 2;
    };
    Ids order;
    for (int wanted = 0; wanted < 3; ++wanted) {
        for (const WSAPROTOCOL_INFOW& entry : catalog) {
            if (rank(entry) == wanted) {
                order.push_back(entry.dwCatalogEntryId);
            }
        }
    }
    const int error = WSCWriteProviderOrder(order.data(), static_cast<DWORD>(order.size()));
    return error == 0 ? 0 : failed("WSCWriteProviderOrder", error);
}

inline std::wstring beside_this_program(const std::wstring& file) {
    wchar_t path[MAX_PATH];
    const DWORD length = GetModuleFileNameW(nullptr, path, MAX_PATH);
    const std::wstring program(path, length);
    return program.substr(0, program.find_last_of(L'\\') + 1) + file;
}

inline int install(const Habits& habits) {
    const std::wstring dll = beside_this_program(std::wstring(habits.name) + L".dll");
    Catalog catalog;
    int error = read_catalog(catalog, WSCEnumProtocols);
    const WSAPROTOCOL_INFOW* const model = topmost(catalog, covered[0]);
    if (error != 0 || model == nullptr) {
        return failed("WSCEnumProtocols", error);
    }
    WSAPROTOCOL_INFOW hidden = *model;
    hidden.dwCatalogEntryId = 0;
    hidden.dwProviderFlags = PFL_HIDDEN;
    hidden.dwServiceFlags1 = habits.ifs ? hidden.dwServiceFlags1 | XP1_IFS_HANDLES
                                        : hidden.dwServiceFlags1 & ~static_cast<DWORD>(XP1_IFS_HANDLES);
    hidden.ProtocolChain = {};
    hidden.ProtocolChain.ChainLen = LAYERED_PROTOCOL;
    std::memset(hidden.szProtocol, 0, sizeof hidden.szProtocol);
    std::wstring(habits.name).copy(hidden.szProtocol, WSAPROTOCOL_LEN);
    GUID id = habits.vendor;
    if (WSCInstallProvider(&id, dll.c_str(), &hidden, 1, &error) != 0) {
        return failed("WSCInstallProvider of the hidden entry", error);
    }
    Catalog with_hidden;
    DWORD hidden_id = 0;
    read_catalog(with_hidden, WSCEnumProtocols);
    for (const WSAPROTOCOL_INFOW& entry : with_hidden) {
        hidden_id = IsEqualGUID(entry.ProviderId, habits.vendor) ? entry.dwCatalogEntryId : hidden_id;
    }
    if (const int result = install_entries(habits, catalog, hidden_id, dll.c_str()); result != 0) {
        return result;
    }
    Catalog with_all;
    read_catalog(with_all, WSCEnumProtocols);
    if (const int result = put_in_order(habits, with_all); result != 0) {
        return result;
    }
    return enter_chains(habits, with_all, hidden_id);
}

// Chains of others that lead through us lead past us: what an uninstaller owes them, or they stop working.
inline int leave_chains(const Habits& habits, const CatalogFunctions& functions, const Catalog& catalog) {
    for (const WSAPROTOCOL_INFOW& entry : catalog) {
        if (!is_layered(entry) || same_vendor(entry.ProviderId, habits.vendor)) {
            continue;
        }
        const Ids chain = chain_of(entry);
        Ids left;
        for (const DWORD id : chain) {
            const WSAPROTOCOL_INFOW* const member = find_id(catalog, id);
            if (member == nullptr || !same_vendor(member->ProviderId, habits.vendor)) {
                left.push_back(id);
            }
        }
        if (left.size() == chain.size()) {
            continue;
        }
        if (const int result = update_chain(functions, entry, left); result != 0) {
            return result;
        }
    }
    return 0;
}

inline int remove(const Habits& habits, const CatalogFunctions& functions, bool careless) {
    Catalog catalog;
    if (const int error = read_catalog(catalog, functions.enumerate); error != 0) {
        return failed("WSCEnumProtocols", error);
    }
    if (const int result = careless ? 0 : leave_chains(habits, functions, catalog); result != 0) {
        return result;
    }
    // Layered entries before the hidden one that their chains name; one call removes all of a GUID.
    std::vector<GUID> done;
    for (const bool layered : {true, false}) {
        for (const WSAPROTOCOL_INFOW& entry : catalog) {
            bool wanted = same_vendor(entry.ProviderId, habits.vendor) && is_layered(entry) == layered;
            for (const GUID& id : done) {
                wanted = wanted && !IsEqualGUID(id, entry.ProviderId);
            }
            if (!wanted) {
                continue;
            }
            GUID id = entry.ProviderId;
            int error = 0;
            done.push_back(id);
            if (functions.deinstall(&id, &error) != 0) {
                return failed("WSCDeinstallProvider", error);
            }
        }
    }
    return done.empty() ? failed("nothing to remove", WSAEINVALIDPROVIDER) : 0;
}

inline int run_twin(const wchar_t* program) {
    std::wstring command = L"\"" + std::wstring(program) + L"\" install";
    STARTUPINFOW startup{};
    startup.cb = sizeof startup;
    PROCESS_INFORMATION process{};
    if (!CreateProcessW(program, command.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &startup, &process)) {
        return failed("CreateProcess of the 32-bit installer", static_cast<int>(GetLastError()));
    }
    DWORD code = 1;
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    return static_cast<int>(code);
}

inline int setup_main(int argc, wchar_t** argv, const Habits& habits) {
    const std::wstring command = argc > 1 ? argv[1] : L"";
    const std::wstring option = argc > 2 ? argv[2] : L"";
    if (command == L"install" && (argc == 2 || (argc == 4 && option == L"--twin"))) {
        const int result = install(habits);
        return result != 0 || argc == 2 ? result : run_twin(argv[3]);
    }
    if (command == L"remove" && (argc == 2 || option == L"--careless")) {
        const int result = remove(habits, own_functions(), argc == 3);
        const CatalogFunctions others = functions32();
        return result != 0 || !others.complete() ? result : remove(habits, others, argc == 3);
    }
    std::fprintf(stderr, "install [--twin PROGRAM32] | remove [--careless]\n");
    return 64;
}

} // namespace stranger
