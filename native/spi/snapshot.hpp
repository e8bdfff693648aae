// The last resort of undo: the registry as it was before a plan's first step.
#pragma once

#include "plan.hpp"
#include "registry.hpp"
#include "status.hpp"

namespace winsock_spi::spi {

// Compares the catalogs with the snapshot and writes back what differs: a kill in the middle of Winsock's own writing
// can leave entries that its functions do not find. Entries that others installed since the snapshot was taken are the
// reason to leave a sound catalog alone.
Status put_back_catalogs(const Plan& plan, const RegistryTree& snapshot, WritePoints& points);

} // namespace winsock_spi::spi
