// Installs and removes the second provider (or a broken one) in the catalog of this program's own bitness, on top of
// whatever is there, by the catalog functions of Winsock alone.
//   second_provider_setup install DLL [--guid entry|shared] [--chain entry|hidden] [--fill no|yes] [--ifs yes|no]
//           [--junk no|yes]
//       --guid entry: a GUID for each layered entry; shared: one for all of them
//       --chain: how an entry below that is layered itself is named in the chain, by its own id (and then what follows
//       its first element) or by its chain as it stands
//       --fill yes: chains as long as they may be (7), our hidden entry repeated
//       --ifs no: entries without XP1_IFS_HANDLES, as of a provider that makes handles of its own
//       --junk yes: something in the places behind the chain's end but the last, as of memory that was never cleared
//   second_provider_setup orphan        removes the hidden entry alone, as of an uninstaller that went wrong
//   second_provider_setup remove
//   second_provider_setup list          the catalog, one entry a line: id, chain, GUID, flags, name
// Exit code 0, or 1 with the failing call and its error on stderr.
#include "identity.hpp"

#include <sporder.h>

#include <cstdio>
#include <string>
#include <vector>

namespace {

using Catalog = std::vector<WSAPROTOCOL_INFOW>;

int failed(const char* call, int error) {
    std::fprintf(stderr, "%s: %d\n", call, error);
    return 1;
}

int read_catalog(Catalog& catalog) {
    DWORD bytes = 0;
    int error = WSAENOBUFS;
    while (error == WSAENOBUFS) {
        catalog.resize(bytes / sizeof(WSAPROTOCOL_INFOW) + 1);
        bytes = static_cast<DWORD>(catalog.size() * sizeof(WSAPROTOCOL_INFOW));
        const int count = WSCEnumProtocols(nullptr, catalog.data(), &bytes, &error);
        if (count != SOCKET_ERROR) {
            catalog.resize(static_cast<std::size_t>(count));
            return 0;
        }
    }
    return failed("WSCEnumProtocols", error);
}

const WSAPROTOCOL_INFOW* find_id(const Catalog& catalog, DWORD id) {
    for (const WSAPROTOCOL_INFOW& entry : catalog) {
        if (entry.dwCatalogEntryId == id) {
            return &entry;
        }
    }
    return nullptr;
}

void set_name(WSAPROTOCOL_INFOW& info, const std::wstring& name) {
    std::memset(info.szProtocol, 0, sizeof info.szProtocol);
    name.copy(info.szProtocol, WSAPROTOCOL_LEN);
}

// What programs get today for a triplet: the first entry in order that stands for more than a place in chains. (Hidden
// ones count: the base entries of raw sockets are, and are had by those who ask.)
const WSAPROTOCOL_INFOW* topmost(const Catalog& catalog, const second::Triplet& triplet) {
    for (const WSAPROTOCOL_INFOW& entry : catalog) {
        if (entry.ProtocolChain.ChainLen != LAYERED_PROTOCOL &&
            second::same_triplet(entry, triplet.family, triplet.type, triplet.protocol)) {
            return &entry;
        }
    }
    return nullptr;
}

struct Options {
    bool shared_guid = false;
    bool chain_by_entry = true;
    bool fill = false;
    bool ifs = true;
    bool junk = false;
};

void set_ifs(WSAPROTOCOL_INFOW& info, const Options& options) {
    constexpr DWORD flag = XP1_IFS_HANDLES;
    info.dwServiceFlags1 = options.ifs ? info.dwServiceFlags1 | flag : info.dwServiceFlags1 & ~flag;
}

bool make_entry(const WSAPROTOCOL_INFOW& below, DWORD hidden_id, const Options& options, WSAPROTOCOL_INFOW& entry) {
    entry = below;
    entry.dwCatalogEntryId = 0;
    set_ifs(entry, options);
    set_name(entry, L"second over [" + std::wstring(below.szProtocol) + L"]");
    WSAPROTOCOLCHAIN& chain = entry.ProtocolChain;
    int length = 0;
    const auto append = [&](DWORD id) {
        if (length < MAX_PROTOCOL_CHAIN) {
            chain.ChainEntries[length] = id;
        }
        ++length;
    };
    const WSAPROTOCOLCHAIN lower = below.ProtocolChain;
    const int repeated = options.fill ? MAX_PROTOCOL_CHAIN - lower.ChainLen : 1;
    for (int index = 0; index < repeated; ++index) {
        append(hidden_id);
    }
    if (lower.ChainLen == BASE_PROTOCOL || options.chain_by_entry) {
        append(below.dwCatalogEntryId);
    } else {
        append(lower.ChainEntries[0]);
    }
    for (int index = 1; index < lower.ChainLen && index < MAX_PROTOCOL_CHAIN; ++index) {
        append(lower.ChainEntries[index]);
    }
    for (int index = length; options.junk && index + 1 < MAX_PROTOCOL_CHAIN; ++index) {
        chain.ChainEntries[index] = 0xBAADF00D;
    }
    chain.ChainLen = length;
    return length <= MAX_PROTOCOL_CHAIN;
}

int put_first(bool (*first)(const WSAPROTOCOL_INFOW&)) {
    Catalog catalog;
    if (const int result = read_catalog(catalog); result != 0) {
        return result;
    }
    std::vector<DWORD> order;
    for (const bool wanted : {true, false}) {
        for (const WSAPROTOCOL_INFOW& entry : catalog) {
            if (first(entry) == wanted) {
                order.push_back(entry.dwCatalogEntryId);
            }
        }
    }
    const int error = WSCWriteProviderOrder(order.data(), static_cast<DWORD>(order.size()));
    return error == 0 ? 0 : failed("WSCWriteProviderOrder", error);
}

int install(const wchar_t* dll, const Options& options) {
    Catalog catalog;
    if (const int result = read_catalog(catalog); result != 0) {
        return result;
    }
    const WSAPROTOCOL_INFOW* model = topmost(catalog, second::covered[0]);
    if (model == nullptr) {
        return failed("no TCP provider", WSAEPROTONOSUPPORT);
    }
    WSAPROTOCOL_INFOW hidden = *model;
    hidden.dwCatalogEntryId = 0;
    hidden.dwProviderFlags |= PFL_HIDDEN;
    set_ifs(hidden, options);
    hidden.ProtocolChain.ChainLen = LAYERED_PROTOCOL;
    set_name(hidden, L"second");
    GUID guid = second::hidden_guid;
    int error = 0;
    if (WSCInstallProvider(&guid, dll, &hidden, 1, &error) == SOCKET_ERROR) {
        return failed("WSCInstallProvider of the hidden entry", error);
    }
    Catalog with_hidden;
    if (const int result = read_catalog(with_hidden); result != 0) {
        return result;
    }
    DWORD hidden_id = 0;
    for (const WSAPROTOCOL_INFOW& entry : with_hidden) {
        if (second::equal(entry.ProviderId, second::hidden_guid)) {
            hidden_id = entry.dwCatalogEntryId;
        }
    }
    if (hidden_id == 0) {
        return failed("the hidden entry is not in the catalog", WSAEINVALIDPROVIDER);
    }

    std::vector<WSAPROTOCOL_INFOW> entries;
    for (const second::Triplet& triplet : second::covered) {
        const WSAPROTOCOL_INFOW* below = topmost(catalog, triplet);
        if (below != nullptr) {
            WSAPROTOCOL_INFOW entry;
            if (!make_entry(*below, hidden_id, options, entry)) {
                return failed("the chain is full", WSAENOBUFS);
            }
            entries.push_back(entry);
        }
    }
    if (options.shared_guid) {
        guid = second::shared_guid;
        const auto count = static_cast<DWORD>(entries.size());
        if (WSCInstallProvider(&guid, dll, entries.data(), count, &error) == SOCKET_ERROR) {
            return failed("WSCInstallProvider", error);
        }
    } else {
        for (unsigned index = 0; index < entries.size(); ++index) {
            guid = second::entry_guid(index);
            if (WSCInstallProvider(&guid, dll, &entries[index], 1, &error) == SOCKET_ERROR) {
                return failed("WSCInstallProvider", error);
            }
        }
    }
    return put_first(
        [](const WSAPROTOCOL_INFOW& entry) { return second::is_own(entry.ProviderId) && second::is_layered(entry); });
}

// Takes our ids out of the chains of those above us, so that they still work when we are gone.
int leave_chains(const Catalog& catalog) {
    for (const WSAPROTOCOL_INFOW& entry : catalog) {
        if (second::is_own(entry.ProviderId) || !second::is_layered(entry)) {
            continue;
        }
        WSAPROTOCOL_INFOW changed = entry;
        changed.ProtocolChain = {};
        int length = 0;
        for (int index = 0; index < entry.ProtocolChain.ChainLen && index < MAX_PROTOCOL_CHAIN; ++index) {
            const DWORD id = entry.ProtocolChain.ChainEntries[index];
            const WSAPROTOCOL_INFOW* member = find_id(catalog, id);
            if (member == nullptr || !second::is_own(member->ProviderId)) {
                changed.ProtocolChain.ChainEntries[length++] = id;
            }
        }
        if (length == entry.ProtocolChain.ChainLen) {
            continue;
        }
        changed.ProtocolChain.ChainLen = length;
        wchar_t path[MAX_PATH];
        int path_length = MAX_PATH;
        int error = 0;
        GUID guid = entry.ProviderId;
        if (WSCGetProviderPath(&guid, path, &path_length, &error) == SOCKET_ERROR) {
            return failed("WSCGetProviderPath", error);
        }
        if (WSCUpdateProvider(&guid, path, &changed, 1, &error) == SOCKET_ERROR) {
            return failed("WSCUpdateProvider", error);
        }
    }
    return 0;
}

int remove() {
    Catalog catalog;
    if (const int result = read_catalog(catalog); result != 0) {
        return result;
    }
    if (const int result = leave_chains(catalog); result != 0) {
        return result;
    }
    // Layered entries before the hidden one that their chains name; each GUID once.
    std::vector<GUID> guids;
    for (const bool layered : {true, false}) {
        for (const WSAPROTOCOL_INFOW& entry : catalog) {
            if (!second::is_own(entry.ProviderId) || second::is_layered(entry) != layered) {
                continue;
            }
            bool seen = false;
            for (const GUID& guid : guids) {
                seen |= second::equal(guid, entry.ProviderId);
            }
            if (!seen) {
                guids.push_back(entry.ProviderId);
            }
        }
    }
    if (guids.empty()) {
        return failed("nothing to remove", WSAEINVALIDPROVIDER);
    }
    for (GUID& guid : guids) {
        int error = 0;
        if (WSCDeinstallProvider(&guid, &error) == SOCKET_ERROR) {
            return failed("WSCDeinstallProvider", error);
        }
    }
    return 0;
}

int list() {
    Catalog catalog;
    if (const int result = read_catalog(catalog); result != 0) {
        return result;
    }
    for (const WSAPROTOCOL_INFOW& entry : catalog) {
        std::printf("%lu [", entry.dwCatalogEntryId);
        for (int index = 0; index < entry.ProtocolChain.ChainLen && index < MAX_PROTOCOL_CHAIN; ++index) {
            std::printf(index == 0 ? "%lu" : " %lu", entry.ProtocolChain.ChainEntries[index]);
        }
        std::printf("] %08lX-%04X-..%02X%02X %08lX %ls\n", entry.ProviderId.Data1, entry.ProviderId.Data2,
                    entry.ProviderId.Data4[6], entry.ProviderId.Data4[7], entry.dwServiceFlags1, entry.szProtocol);
    }
    return 0;
}

} // namespace

int wmain(int argc, wchar_t** argv) {
    const std::wstring command = argc > 1 ? argv[1] : L"";
    Options options;
    bool understood = command == L"install" ? argc >= 3 && argc % 2 == 1 : argc == 2;
    for (int index = 3; understood && index + 1 < argc; index += 2) {
        const std::wstring option = argv[index];
        const std::wstring value = argv[index + 1];
        if (option == L"--guid" && (value == L"entry" || value == L"shared")) {
            options.shared_guid = value == L"shared";
        } else if (option == L"--chain" && (value == L"entry" || value == L"hidden")) {
            options.chain_by_entry = value == L"entry";
        } else if (option == L"--fill" && (value == L"no" || value == L"yes")) {
            options.fill = value == L"yes";
        } else if (option == L"--junk" && (value == L"no" || value == L"yes")) {
            options.junk = value == L"yes";
        } else if (option == L"--ifs" && (value == L"no" || value == L"yes")) {
            options.ifs = value == L"yes";
        } else {
            understood = false;
        }
    }
    if (understood && command == L"install") {
        return install(argv[2], options);
    }
    if (understood && command == L"remove") {
        return remove();
    }
    if (understood && command == L"orphan") {
        GUID guid = second::hidden_guid;
        int error = 0;
        return WSCDeinstallProvider(&guid, &error) == 0 ? 0 : failed("WSCDeinstallProvider", error);
    }
    if (understood && command == L"list") {
        return list();
    }
    std::fprintf(stderr, "second_provider_setup remove | orphan | list |\n"
                         "    install DLL [--guid entry|shared] [--chain entry|hidden] [--fill no|yes]\n"
                         "        [--ifs yes|no] [--junk no|yes]\n");
    return 64;
}
