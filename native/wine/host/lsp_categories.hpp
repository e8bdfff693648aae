// LSP categories: what kind of thing a layered provider does (LSP_INSPECTOR, LSP_PROXY...), and which of them a program
// lets in.
//
// Windows does not document where it keeps the categories of a provider. Here they are in
//   Protocol_Catalog9\Lsp_Categories, Lsp_Categories64    one REG_DWORD for each provider, named by its GUID in braces
// so that backups hold them, and moving entries in the catalog does not touch them. A provider without categories has
// no value, and where no provider has any there is no key.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "catalog_registry.hpp"

namespace winsock_spi::wine {

using LspCategories = std::vector<ProviderCategories>;

// The categories of a bitness. `root` is the Protocol_Catalog9 key. Values that are no categories are passed over.
LSTATUS read_categories(const RegistryKey& root, Bitness bitness, LspCategories& categories);
LSTATUS write_categories(const RegistryKey& root, Bitness bitness, const LspCategories& from, const LspCategories& to);

// A provider without categories has 0: "All Other".
std::uint32_t categories_of(const LspCategories& categories, const core::Guid& provider_id) noexcept;
// 0 takes the provider out.
void set_categories(LspCategories& categories, const core::Guid& provider_id, std::uint32_t value);

// Whether a layered provider is loaded into a program. `permitted` is empty for a program without categories.
bool is_permitted(std::uint32_t categories, std::optional<std::uint32_t> permitted) noexcept;

} // namespace winsock_spi::wine
