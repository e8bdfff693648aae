// The last resort of undo: the registry as it was before a plan's first step.
#pragma once

#include "plan.hpp"
#include "registry.hpp"
#include "status.hpp"

namespace winsock_spi::spi {

// Compares the catalogs with the snapshot and writes back what differs: a kill in the middle of Winsock's own writing
// can leave entries that its functions do not find. Where others have installed or removed something since the snapshot
// was taken, and the catalog is sound, nothing is written and `left_alone` is set.
Status put_back_catalogs(const Plan& plan, const RegistryTree& snapshot, WritePoints& points, bool& left_alone);

} // namespace winsock_spi::spi
