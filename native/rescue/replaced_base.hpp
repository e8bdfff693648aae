// Base providers in whose place our DLL stands (method replace-base).
#pragma once

#include <vector>

#include "core/json.hpp"
#include "spi/status.hpp"
#include "spi/winsock.hpp"

namespace winsock_spi::rescue {

// Whether this is a base entry that leads to our DLL.
bool is_replaced(const spi::CatalogEntry& entry);

// Steps that give those of the catalogs their own DLLs back, and forget what was written down for that.
// ERR_ORIGINAL_UNKNOWN where nothing says which DLL one of them had.
spi::Status add_give_back_steps(const std::vector<int>& catalogs, core::json::Array& steps);

} // namespace winsock_spi::rescue
