// Catalogs that a writer left in the middle. Winsock writes entry after entry: killed in between, it leaves some twice
// and others not at all, and its own functions then take that for the catalog.
#pragma once

#include "plan.hpp"
#include "registry.hpp"
#include "status.hpp"

namespace winsock_spi::spi {

// For recovery, before it undoes or repeats any step: a catalog that was sound when the plan began and is not now gets
// its entries of then. What others have installed since stays, behind them. A catalog that is sound is not touched.
Status mend_half_written(const Plan& plan, const RegistryTree& snapshot, WritePoints& points);

} // namespace winsock_spi::spi
