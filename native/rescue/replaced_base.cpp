// Giving base providers their own DLLs back; see replaced_base.hpp. By the registry alone: where Winsock cannot start
// because of what was put in their place, this must work.
#include "replaced_base.hpp"

#include <algorithm>
#include <cstring>

#include "core/guid_text.hpp"
#include "core/identity.hpp"
#include "core/replaced_base.hpp"
#include "spi/catalog_items.hpp"
#include "spi/files.hpp"
#include "spi/machine.hpp"
#include "spi/registry.hpp"
#include "spi/text.hpp"

namespace winsock_spi::rescue {
namespace {

using core::json::Value;

bool is_usable(const std::wstring& dll, int bits) {
    std::wstring expanded;
    return !dll.empty() && spi::expand_path(dll, bits, expanded).ok() &&
           core::is_usable_original(expanded, core::provider_file);
}

std::wstring saved_in_registry(int bits, const std::wstring& guid) {
    spi::RegistryTree tree;
    const std::wstring_view key = bits == 64 ? core::replaced_key_64 : core::replaced_key_32;
    if (!spi::read_tree(std::wstring(spi::winsock_parameters) + L"\\" + std::wstring(key), tree).ok()) {
        return {};
    }
    for (const spi::RegistryValue& value : tree.values) {
        if (spi::equal_names(value.name, guid) && value.type == REG_EXPAND_SZ) {
            std::wstring text(value.data.size() / sizeof(wchar_t), L'\0');
            std::memcpy(text.data(), value.data.data(), text.size() * sizeof(wchar_t));
            return text.substr(0, text.find(L'\0'));
        }
    }
    return {};
}

std::wstring saved_beside(const std::wstring& dll, int bits, const std::wstring& guid) {
    std::wstring file;
    std::vector<std::uint8_t> bytes;
    if (!spi::expand_path(dll, bits, file).ok()) {
        return {};
    }
    file.resize(file.size() - core::file_name(file).size());
    file += core::replaced_file;
    if (!spi::read_file(file, bytes).ok()) {
        return {};
    }
    std::wstring text(std::min(bytes.size() / sizeof(wchar_t), core::replaced_file_most), L'\0');
    std::memcpy(text.data(), bytes.data(), text.size() * sizeof(wchar_t));
    return std::wstring(core::original_in(text, guid));
}

// Which DLL the entry's provider had; empty where nothing says it.
std::wstring original_of(const spi::CatalogEntry& entry, int bits) {
    const std::wstring guid = spi::widen(core::format_guid(entry.info.provider_id));
    for (const std::wstring& dll : {saved_in_registry(bits, guid), saved_beside(entry.path, bits, guid)}) {
        if (is_usable(dll, bits)) {
            return dll;
        }
    }
    return {};
}

} // namespace

bool is_replaced(const spi::CatalogEntry& entry) {
    return entry.info.chain_length == 1 && !core::is_our_guid(entry.info.provider_id) &&
           core::equal_ascii_names(core::file_name(entry.path), core::provider_file);
}

spi::Status add_give_back_steps(const std::vector<int>& catalogs, core::json::Array& steps) {
    bool replaced = false;
    spi::RegistryTree catalog;
    if (spi::Status status = spi::read_protocol_catalog(catalog); !status.ok()) {
        return status;
    }
    for (const int bits : catalogs) {
        const spi::RegistryTree* items = catalog.key(spi::entries_key(bits));
        if (items == nullptr) {
            continue;
        }
        std::vector<core::Guid> done;
        for (const auto& [name, key] : items->keys) {
            spi::CatalogEntry entry; // one that cannot be read is nobody's here
            if (!spi::decode_entry(key, entry).ok() || !is_replaced(entry)) {
                continue;
            }
            const core::Guid& guid = entry.info.provider_id;
            if (std::ranges::find(done, guid) != done.end()) {
                continue;
            }
            const std::wstring dll = original_of(entry, bits);
            const std::string which = std::to_string(bits) + "-bit catalog: ";
            if (dll.empty()) {
                return spi::own_error("ERR_ORIGINAL_UNKNOWN",
                                      which + "nothing says any more which DLL the base provider " +
                                          core::format_guid(guid) +
                                          " had. Restore a backup from before: " + "winsock-spi-rescue restore FILE");
            }
            done.push_back(guid);
            replaced = true;
            Value step;
            step.add("do", "set-provider-path");
            step.add("catalog", bits);
            step.add("providerId", core::format_guid(guid));
            step.add("path", spi::narrow(dll));
            step.add("text", which + "give the base provider " + core::format_guid(guid) +
                                 " its own DLL back: " + spi::narrow(dll));
            steps.push_back(std::move(step));
        }
    }
    if (replaced) {
        Value step;
        step.add("do", "delete-registry");
        step.add("key", spi::narrow(core::replaced_root));
        step.add("text", "Delete what was written down for that from the registry");
        steps.push_back(std::move(step));
    }
    return {};
}

} // namespace winsock_spi::rescue
