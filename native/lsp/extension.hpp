// Extension functions: which lower provider a call of one of our wrappers belongs to.
#pragma once

#include "slot.hpp"

namespace winsock_spi::lsp {

struct ExtensionTarget {
    const Slot& slot;
    FARPROC function; // the lower provider's; nullptr when the slot is no longer in use
};

// Programs ask for a function once, on any socket, and use it for all: so the socket decides, by its own chain, and
// only a socket that we do not know goes to the chain through which the wrapper was given out.
ExtensionTarget find_extension(const Slot& wrapper_slot, std::size_t extension, SOCKET socket);

// WSPIoctl has answered SIO_GET_EXTENSION_FUNCTION_POINTER for `wanted`: keeps the lower provider's pointer and puts
// our wrapper in its place. Functions that we do not wrap stay as they are.
void wrap_extension(Slot& slot, const GUID& wanted, void* pointer_in_callers_memory);

} // namespace winsock_spi::lsp
