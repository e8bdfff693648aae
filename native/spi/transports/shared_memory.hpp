// Lines through shared memory: a named file mapping with two rings, and named events that say when to look.
// https://learn.microsoft.com/windows/win32/memory/named-shared-memory
//
// A listener has a *door*, a small mapping under its name that says which *slot* is free now. A slot is a mapping with
// two rings for one connection; who connects claims it by one exchange, and the listener makes the next.
#pragma once

#include <cstdint>
#include <memory>

#include "mechanism.hpp"

namespace winsock_spi::spi {

// The listener: delivers the number of each slot that was claimed (4 bytes, little-endian) and keeps it open until
// forget(its number in decimal).
std::unique_ptr<Mechanism> make_shared_memory_door(const MechanismOptions& options);
// The listener's end of a claimed slot.
std::unique_ptr<Mechanism> make_shared_memory_slot(const MechanismOptions& options, std::uint32_t slot);
// Connects to a door. open() gives ERROR_FILE_NOT_FOUND where there is none, ERROR_BUSY where no slot was free.
std::unique_ptr<Mechanism> make_shared_memory_client(const MechanismOptions& options);

} // namespace winsock_spi::spi
