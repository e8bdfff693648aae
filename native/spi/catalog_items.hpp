// The protocol catalog as it stands in the registry: for reading a catalog that Winsock's functions cannot reach from
// here, and for putting it right where they fail.
#pragma once

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

// The same of a tree of Protocol_Catalog9 in memory.
Status decode_catalog(const RegistryTree& catalog, int bits, std::vector<CatalogEntry>& entries);

} // namespace winsock_spi::spi
