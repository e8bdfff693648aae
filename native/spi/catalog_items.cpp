#include "catalog_items.hpp"

#include <algorithm>
#include <cstring>

#include "machine.hpp"
#include "text.hpp"

namespace winsock_spi::spi {

const wchar_t* entries_key(int bits) {
    return bits == 64 ? L"Catalog_Entries64" : L"Catalog_Entries";
}
const wchar_t* count_value(int bits) {
    return bits == 64 ? L"Num_Catalog_Entries64" : L"Num_Catalog_Entries";
}

bool has_catalog(int bits) {
    return bits == 32 || is_64_bit_windows();
}

Status decode_catalog(const RegistryTree& catalog, int bits, std::vector<CatalogEntry>& entries) {
    entries.clear();
    const RegistryTree* items = catalog.key(entries_key(bits));
    if (items == nullptr) {
        return own_error("ERR_CATALOG_DAMAGED", narrow(entries_key(bits)) + " is missing in the registry");
    }
    for (const auto& [name, key] : items->keys) {
        CatalogEntry entry;
        if (Status status = decode_entry(key, entry); !status.ok()) {
            status.message += ": " + narrow(entries_key(bits)) + "\\" + narrow(name);
            return status;
        }
        entries.push_back(std::move(entry));
    }
    return {};
}

Status decode_entry(const RegistryTree& key, CatalogEntry& entry) {
    const RegistryValue* value = key.value(L"PackedCatalogItem");
    core::PackedCatalogItem item;
    if (value == nullptr || core::decode_item(value->data.data(), value->data.size(), item) != core::ItemFault::none) {
        return own_error("ERR_CATALOG_DAMAGED", "a catalog entry in the registry cannot be read");
    }
    // The path is in the ANSI code page, as Winsock writes it.
    wchar_t path[MAX_PATH];
    if (MultiByteToWideChar(CP_ACP, 0, item.path, -1, path, MAX_PATH) == 0) {
        return last_error("MultiByteToWideChar");
    }
    entry = {path, item.info};
    return {};
}

Status read_protocol_catalog(RegistryTree& catalog) {
    return read_tree(std::wstring(winsock_parameters) + L"\\" + protocol_catalog, catalog);
}

Status read_catalog_items(int bits, std::vector<CatalogEntry>& entries) {
    RegistryTree catalog;
    if (Status status = read_protocol_catalog(catalog); !status.ok()) {
        return status;
    }
    return decode_catalog(catalog, bits, entries);
}

Status write_protocol_catalog(RegistryTree catalog, WritePoints& points) {
    catalog.set_dword(L"Serial_Access_Num", catalog.dword(L"Serial_Access_Num") + 1);
    return write_tree(std::wstring(winsock_parameters) + L"\\" + protocol_catalog, catalog, points);
}

void set_entries(RegistryTree& catalog, int bits, std::vector<RegistryTree> entries) {
    RegistryTree* items = catalog.key(entries_key(bits));
    if (items == nullptr) {
        catalog.keys.push_back({entries_key(bits), {}});
        items = &catalog.keys.back().tree;
    }
    items->keys.clear();
    catalog.set_dword(count_value(bits), static_cast<std::uint32_t>(entries.size()));
    for (RegistryTree& entry : entries) {
        std::wstring name = std::to_wstring(items->keys.size() + 1);
        name.insert(0, 12 - std::min<std::size_t>(name.size(), 12), L'0');
        items->keys.emplace_back(std::move(name), std::move(entry));
    }
}

Status set_item(RegistryTree& entry, const std::wstring& path, const core::ProtocolInfo& info) {
    char narrow_path[MAX_PATH];
    BOOL lossy = FALSE;
    const int size =
        WideCharToMultiByte(CP_ACP, WC_NO_BEST_FIT_CHARS, path.c_str(), -1, narrow_path, MAX_PATH, nullptr, &lossy);
    core::PackedCatalogItem item;
    if (size <= 0 || lossy ||
        core::encode_item(narrow_path, static_cast<std::size_t>(size) - 1, info, item) != core::ItemFault::none) {
        return own_error("ERR_PATH_TOO_LONG", "the catalog cannot hold the path " + narrow(path));
    }
    RegistryValue* value = entry.value(L"PackedCatalogItem");
    if (value == nullptr) {
        entry.values.push_back({L"PackedCatalogItem", REG_BINARY, {}});
        value = &entry.values.back();
    }
    value->type = REG_BINARY;
    value->data.resize(sizeof(item));
    std::memcpy(value->data.data(), &item, sizeof(item));
    return {};
}

bool same_catalog(const RegistryTree& a, const RegistryTree& b) {
    RegistryTree left = a;
    RegistryTree right = b;
    for (const wchar_t* counter : {L"Serial_Access_Num", L"Next_Catalog_Entry_ID"}) {
        left.set_dword(counter, 0);
        right.set_dword(counter, 0);
    }
    return same_contents(left, right);
}

Status read_catalog(Winsock& winsock, int bits, std::vector<CatalogEntry>& entries) {
    if (check_reachable(bits).ok() && winsock.enumerate(bits, entries).ok()) {
        return {};
    }
    return read_catalog_items(bits, entries);
}

} // namespace winsock_spi::spi
