// The catalog as the running Winsock sees it, and loading the provider below one's own, for a layered provider: no
// C++ runtime, no import of ws2_32.
#pragma once

#include "core/packed_catalog_item.hpp"
#include "heap_array.hpp"
#include "provider_functions.hpp"
#include "unique.hpp"
#include "wide_text.hpp"

namespace winsock_spi::spi {

using CatalogArray = HeapArray<core::ProtocolInfo>;

// WSAPROTOCOL_INFOW and core::ProtocolInfo are the same 628 bytes.
static_assert(sizeof(WSAPROTOCOL_INFOW) == sizeof(core::ProtocolInfo));
core::ProtocolInfo to_core(const WSAPROTOCOL_INFOW& info);
WSAPROTOCOL_INFOW to_winsock(const core::ProtocolInfo& info);

// Reads the whole catalog of this process's bitness, hidden entries included. 0 or a Winsock error.
int read_catalog(const WSPUPCALLTABLE& upcalls, CatalogArray& catalog);

// The path of a provider's DLL as the catalog has it now, expanded. False: none, or it cannot be expanded.
bool provider_path(const WSPUPCALLTABLE& upcalls, const core::Guid& provider, PathText& path);

struct LoadedProvider {
    UniqueModule module;
    WSPPROC_TABLE functions{};
};

// Loads the DLL of `provider` and starts it with `started` as its protocol info. What the provider does wrong becomes
// the error that ws2_32 itself would report: WSAEPROVIDERFAILEDINIT, WSAEINVALIDPROVIDER, WSAEINVALIDPROCTABLE.
// Call it without holding a lock: it takes the loader's.
int load_provider(const WSPUPCALLTABLE& upcalls, const core::ProtocolInfo& provider, const core::ProtocolInfo& started,
                  LoadedProvider& loaded);
// The same with the DLL at this path, expanded.
int load_provider_at(const WSPUPCALLTABLE& upcalls, const PathText& path, const core::ProtocolInfo& started,
                     LoadedProvider& loaded);

} // namespace winsock_spi::spi
