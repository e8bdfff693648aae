#include "catalog_items.hpp"

#include <algorithm>
#include <cstring>

#include "machine.hpp"
#include "text.hpp"

namespace winsock_spi::spi {

const wchar_t* entries_key(int bits) { return bits == 64 ? L"Catalog_Entries64" : L"Catalog_Entries"; }
const wchar_t* count_value(int bits) { return bits == 64 ? L"Num_Catalog_Entries64" : L"Num_Catalog_Entries"; }

bool has_catalog(int bits) { return bits == 32 || is_64_bit_windows(); }

Status decode_catalog(const RegistryTree& catalog, int bits, std::vector<CatalogEntry>& entries) {
    entries.clear();
    const RegistryTree* items = catalog.key(entries_key(bits));
    if (items == nullptr) {
        return own_error("ERR_CATALOG_DAMAGED", narrow(entries_key(bits)) + " is missing in the registry");
    }
    for (const auto& [name, key] : items->keys) {
        const RegistryValue* value = key.value(L"PackedCatalogItem");
        core::PackedCatalogItem item;
        if (value == nullptr ||
            core::decode_item(value->data.data(), value->data.size(), item) != core::ItemFault::none) {
            return own_error("ERR_CATALOG_DAMAGED",
                             "catalog entry " + narrow(entries_key(bits)) + "\\" + narrow(name) + " cannot be read");
        }
        // The path is in the ANSI code page, as Winsock writes it.
        wchar_t path[MAX_PATH];
        if (MultiByteToWideChar(CP_ACP, 0, item.path, -1, path, MAX_PATH) == 0) {
            return last_error("MultiByteToWideChar", narrow(name));
        }
        entries.push_back({path, item.info});
    }
    return {};
}

Status read_catalog_items(int bits, std::vector<CatalogEntry>& entries) {
    RegistryTree catalog;
    const std::wstring path = std::wstring(winsock_parameters) + L"\\" + protocol_catalog;
    if (Status status = read_tree(path, catalog); !status.ok()) {
        return status;
    }
    return decode_catalog(catalog, bits, entries);
}

} // namespace winsock_spi::spi
