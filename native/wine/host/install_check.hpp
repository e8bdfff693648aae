// What Windows checks of a layered provider's DLL before WSCInstallProviderAndChains lets it into the catalog.
#pragma once

#include <memory>
#include <string>

#include "catalog.hpp"

namespace winsock_spi::wine {

// Whether the file is a DLL of that bitness. WSAEINVAL: no such file; WSAEINVALIDPROCTABLE: not such a DLL.
int check_provider_file(const std::wstring& path, Bitness bitness) noexcept;

// Starts the provider of `hidden_id` with each of its chains in `catalog` (of this process's bitness, not in the
// registry yet), and stops it again. 0, or WSAEINVALIDPROCTABLE: it cannot be loaded or started, leaves out one of the
// 30 functions, or has no IFS handles and not the extension functions that such a provider must have.
int try_provider(const std::shared_ptr<const Catalog>& catalog, DWORD hidden_id) noexcept;

} // namespace winsock_spi::wine
