// Namespace providers: who answers name queries, in which order. Winsock's functions change that catalog and list it;
// the registry behind them also has the paths, and is read where Winsock cannot start. None of these functions loads a
// provider.
// https://learn.microsoft.com/windows/win32/winsock/name-registration-and-resolution-2
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/guid.hpp"
#include "registry.hpp"
#include "winsock.hpp"

namespace winsock_spi::spi {

inline constexpr wchar_t namespace_catalog[] = L"NameSpace_Catalog5";

struct NamespaceEntry {
    core::Guid provider{};
    std::wstring name; // as Winsock shows it, or as registered: then it may be "@DLL,-N"
    std::wstring path; // as registered; empty where Winsock listed the entry
    std::uint32_t name_space = 0;
    std::uint32_t version = 0;
    bool enabled = false;
    std::vector<std::uint8_t> info; // what the provider left for itself
};

// By Winsock's own function, in catalog order. Needs a Winsock that can start.
Status enum_namespaces(Winsock& winsock, int bits, std::vector<NamespaceEntry>& entries);

// `info` without a value: installed without any.
Status install_namespace(Winsock& winsock, int bits, const NamespaceEntry& entry, bool with_info);
Status uninstall_namespace(Winsock& winsock, int bits, const core::Guid& provider);
Status enable_namespace(Winsock& winsock, int bits, const core::Guid& provider, bool enabled);
// Every provider of the catalog exactly once.
Status order_namespaces(Winsock& winsock, int bits, const std::vector<core::Guid>& providers);

// NameSpace_Catalog5 as it stands, and its entries. An entry that cannot be decoded makes it fail: a caller must not
// act on half a catalog.
Status read_namespace_catalog(RegistryTree& catalog);
Status decode_namespaces(const RegistryTree& catalog, int bits, std::vector<NamespaceEntry>& entries);
// Writes a changed catalog back, with the next serial number, so that running programs notice.
Status write_namespace_catalog(RegistryTree catalog, WritePoints& points);

} // namespace winsock_spi::spi
