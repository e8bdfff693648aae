// What the guard of an unconfirmed change does (see confirm_guard.hpp).
#pragma once

#include "status.hpp"
#include "win32.hpp"

namespace winsock_spi::spi {

// Waits until the pending change is confirmed or its time is over, undoes it in the second case, and removes the guard.
// Where the process that made the change was ended in the middle of it, the change is undone at once. Returns when
// nothing is left to do or the event is set; an error leaves the guard where it is, for the next start of Windows.
Status guard_change(HANDLE stop);

} // namespace winsock_spi::spi
