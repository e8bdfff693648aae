// Makes this process's ring: a file of its own below %ProgramData%\winsock-spi\rings, mapped for writing.
#pragma once

#include "core/ring.hpp"
#include "spi/wide_text.hpp"

namespace winsock_spi::lsp {

// Makes the file, fills the header in and attaches `writer`; the caller publishes it. False: this process cannot have
// a ring (no rights, no room, a file of that name already there), and goes on unobserved.
// An empty `reason` = the mode is active, else pass-through for that reason.
bool make_ring(core::RingWriter& writer, core::RingClock clock, std::wstring_view reason);

} // namespace winsock_spi::lsp
