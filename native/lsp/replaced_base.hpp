// Where this DLL stands in the place of a base provider (install --method replace-base): the base provider's entries
// lead to us, and its own DLL, which works on below, is found by what the installation wrote down. See
// docs/replace-base.md.
#pragma once

#include "spi/provider_loader.hpp"

namespace winsock_spi::lsp {

// Whether the catalog has our DLL as that of this provider.
bool leads_to_us(const WSPUPCALLTABLE& upcalls, const core::ProtocolInfo& provider);

// Loads and starts the DLL that the base provider had before us. 0, or the error of WSPStartup. Call it without a lock.
int start_original(const WSPUPCALLTABLE& upcalls, const core::ProtocolInfo& base, spi::LoadedProvider& loaded);

} // namespace winsock_spi::lsp
