// The function tables that we give away: one set of the 30 functions, and one of the extension functions, per slot.
#pragma once

#include "slot.hpp"

namespace winsock_spi::lsp {

// The table of a slot, for WSPStartup to copy.
const WSPPROC_TABLE& functions_of(const Slot& slot);

// Our wrapper of an extension function, by its index in the table of extension_table.hpp.
FARPROC extension_wrapper(const Slot& slot, std::size_t extension);

// What stands in a slot that nobody uses: every function fails with WSANOTINITIALISED.
extern const WSPPROC_TABLE closed_functions;

} // namespace winsock_spi::lsp
