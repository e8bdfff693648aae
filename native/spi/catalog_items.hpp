// The protocol catalog as it stands in the registry: for reading a catalog that Winsock's functions cannot reach from
// here, and for putting it right where they fail.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "registry.hpp"
#include "winsock.hpp"

namespace winsock_spi::spi {

inline constexpr wchar_t protocol_catalog[] = L"Protocol_Catalog9";

// The subkey of Protocol_Catalog9 with the entries of one bitness, and the value that counts them: on 32-bit Windows
// there is only the pair without "64".
const wchar_t* entries_key(int bits);
const wchar_t* count_value(int bits);

// Whether the machine has a catalog of this bitness.
bool has_catalog(int bits);

// Entries in catalog order. An item that cannot be decoded makes it fail: a caller must not act on half a catalog.
Status read_catalog_items(int bits, std::vector<CatalogEntry>& entries);

// The same of a tree of Protocol_Catalog9 in memory, and of one entry's key.
Status decode_catalog(const RegistryTree& catalog, int bits, std::vector<CatalogEntry>& entries);
Status decode_entry(const RegistryTree& key, CatalogEntry& entry);

// Protocol_Catalog9 as it stands.
Status read_protocol_catalog(RegistryTree& catalog);

// Writes a changed Protocol_Catalog9 back, with the next serial number, so that running programs notice.
Status write_protocol_catalog(RegistryTree catalog, WritePoints& points);

// Replaces the entries of a catalog in memory: numbered anew in the order given, and counted.
void set_entries(RegistryTree& catalog, int bits, std::vector<RegistryTree> entries);

// Replaces path and info in one entry's registry key.
Status set_item(RegistryTree& entry, const std::wstring& path, const core::ProtocolInfo& info);

// The serial number and the next free id say how often the catalog was changed, not what it is. Equal apart from them.
bool same_catalog(const RegistryTree& a, const RegistryTree& b);

// Entries through Winsock's functions where they can be used from here and work, else from the registry.
Status read_catalog(Winsock& winsock, int bits, std::vector<CatalogEntry>& entries);

} // namespace winsock_spi::spi
