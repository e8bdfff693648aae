// Writing functions of the catalog API for one provider: WSCInstallProvider, WSCInstallProvider64_32,
// WSCUpdateProvider(32), WSCDeinstallProvider(32). A provider is what one GUID names: one path, one or more entries.
#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include "catalog_writer.hpp"
#include "wsc_arguments.hpp"

namespace winsock_spi::wine {

namespace {

struct Provider {
    core::Guid id;
    Items entries; // as the caller gave them, with path and provider id put in
};

int read_arguments(const GUID* id, const WCHAR* path, const WSAPROTOCOL_INFOW* infos, DWORD count, Provider& provider) {
    if (!readable(id, sizeof(*id)) || !readable_string(path, MAX_PATH) || infos == nullptr) {
        return WSAEFAULT;
    }
    if (count == 0) {
        return WSAEINVAL;
    }
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(*infos) || !readable(infos, count * sizeof(*infos))) {
        return WSAEFAULT;
    }
    std::string ansi;
    if (to_ansi_path(path, ansi) != 0) {
        return WSAEINVAL;
    }
    provider.id = to_core(*id);
    provider.entries.resize(count);
    for (DWORD index = 0; index < count; ++index) {
        core::ProtocolInfo info;
        std::memcpy(&info, &infos[index], sizeof(info));
        info.provider_id = provider.id;
        if (core::encode_item(ansi.c_str(), ansi.size(), info, provider.entries[index]) != core::ItemFault::none) {
            return WSAEINVAL; // ChainLen not in 0..7, or a name without end
        }
    }
    return 0;
}

std::vector<std::size_t> entries_of(const Items& items, const core::Guid& provider_id) {
    std::vector<std::size_t> found;
    for (std::size_t index = 0; index < items.size(); ++index) {
        if (items[index].info.provider_id == provider_id) {
            found.push_back(index);
        }
    }
    return found;
}

// Entries go behind the existing ones, in all the given catalogs with the same ids.
int install(std::initializer_list<Bitness> catalogs, const GUID* id, const WCHAR* path, const WSAPROTOCOL_INFOW* infos,
            DWORD count) {
    Provider provider;
    int error = read_arguments(id, path, infos, count, provider);
    if (error != 0) {
        return error;
    }
    CatalogTransaction transaction;
    error = transaction.begin();
    if (error != 0) {
        return error;
    }
    for (core::PackedCatalogItem& entry : provider.entries) {
        entry.info.catalog_entry_id = transaction.take_id();
    }
    for (const Bitness bitness : catalogs) {
        Items* items = nullptr;
        error = transaction.load(bitness, items);
        if (error != 0) {
            return error;
        }
        if (!entries_of(*items, provider.id).empty()) {
            return WSANO_RECOVERY; // documented: "the provider is already installed"
        }
        items->insert(items->end(), provider.entries.begin(), provider.entries.end());
    }
    return transaction.commit();
}

// The given entries replace the provider's entries with the same catalog ids, in place; a provider with one entry
// needs no id. The path is the provider's, so it changes in all its entries.
int update(Bitness bitness, const GUID* id, const WCHAR* path, const WSAPROTOCOL_INFOW* infos, DWORD count) {
    Provider provider;
    int error = read_arguments(id, path, infos, count, provider);
    if (error != 0) {
        return error;
    }
    CatalogTransaction transaction;
    Items* items = nullptr;
    error = transaction.begin();
    if (error == 0) {
        error = transaction.load(bitness, items);
    }
    if (error != 0) {
        return error;
    }
    const std::vector<std::size_t> own = entries_of(*items, provider.id);
    if (own.empty() || provider.entries.size() > own.size()) {
        return WSAEINVAL;
    }
    std::vector<std::size_t> replaced;
    for (const core::PackedCatalogItem& entry : provider.entries) {
        const auto place = std::find_if(own.begin(), own.end(), [&](std::size_t index) {
            return own.size() == 1 || (*items)[index].info.catalog_entry_id == entry.info.catalog_entry_id;
        });
        if (place == own.end() || std::find(replaced.begin(), replaced.end(), *place) != replaced.end()) {
            return WSAEINVAL;
        }
        core::PackedCatalogItem& item = (*items)[*place];
        const std::uint32_t kept_id = item.info.catalog_entry_id;
        item = entry;
        item.info.catalog_entry_id = kept_id;
        replaced.push_back(*place);
    }
    for (const std::size_t index : own) {
        std::memcpy((*items)[index].path, provider.entries.front().path, sizeof(provider.entries.front().path));
    }
    return transaction.commit();
}

int deinstall(Bitness bitness, const GUID* id) {
    if (!readable(id, sizeof(*id))) {
        return WSAEFAULT;
    }
    const core::Guid provider_id = to_core(*id);
    CatalogTransaction transaction;
    Items* items = nullptr;
    int error = transaction.begin();
    if (error == 0) {
        error = transaction.load(bitness, items);
    }
    if (error != 0) {
        return error;
    }
    LspCategories* categories = nullptr;
    error = transaction.load(bitness, categories);
    if (error != 0) {
        return error;
    }
    const std::size_t removed = std::erase_if(
        *items, [&](const core::PackedCatalogItem& item) { return item.info.provider_id == provider_id; });
    set_categories(*categories, provider_id, 0);
    return removed == 0 ? WSAEINVAL : transaction.commit();
}

} // namespace

} // namespace winsock_spi::wine

using namespace winsock_spi::wine;

extern "C" {

int WSPAPI WSCInstallProvider(LPGUID id, const WCHAR* path, const LPWSAPROTOCOL_INFOW infos, DWORD count, LPINT error) {
    return with_errno(error, [&] { return install({native_bitness}, id, path, infos, count); });
}

int WSPAPI WSCUpdateProvider(LPGUID id, const WCHAR* path, const LPWSAPROTOCOL_INFOW infos, DWORD count, LPINT error) {
    return with_errno(error, [&] { return update(native_bitness, id, path, infos, count); });
}

int WSPAPI WSCDeinstallProvider(LPGUID id, LPINT error) {
    return with_errno(error, [&] { return deinstall(native_bitness, id); });
}

#ifdef _WIN64
int WSPAPI WSCInstallProvider64_32(LPGUID id, const WCHAR* path, const LPWSAPROTOCOL_INFOW infos, DWORD count,
                                   LPINT error) {
    return with_errno(error, [&] { return install({Bitness::bits64, Bitness::bits32}, id, path, infos, count); });
}

int WSPAPI WSCUpdateProvider32(LPGUID id, const WCHAR* path, const LPWSAPROTOCOL_INFOW infos, DWORD count,
                               LPINT error) {
    return with_errno(error, [&] { return update(Bitness::bits32, id, path, infos, count); });
}

int WSPAPI WSCDeinstallProvider32(LPGUID id, LPINT error) {
    return with_errno(error, [&] { return deinstall(Bitness::bits32, id); });
}
#endif

} // extern "C"
