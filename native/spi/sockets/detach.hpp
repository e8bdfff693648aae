// Completion ports. A file object belongs to one port at most, whatever process gave it away, and keeps it for life
// unless Windows 8.1's way to take it off is there.
#pragma once

#include "../status.hpp"
#include "../win32.hpp"

#include <cstdint>

namespace winsock_spi::spi {

// Takes the socket's file object off its completion port. `detached` is false, without an error, where this system
// cannot (Windows before 8.1, Wine) or the object is in use (an AcceptEx is pending). Nothing of the former owner may
// be pending: it would never hear of the end.
// https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/ne-ntifs-_file_information_class
Status detach_from_port(SOCKET socket, bool& detached);

// Ties the socket's file object to a port of this library on which nobody waits for anything, so that no other port of
// this process can be given it: libuv then emulates one with events. For sockets that others work on as well, whose
// completions must not come to libuv. `occupied` is false where it belongs to a port already, which does as well.
Status occupy_port(SOCKET socket, bool& occupied);

// FILE_SKIP_COMPLETION_PORT_ON_SUCCESS (1) and FILE_SKIP_SET_EVENT_ON_HANDLE (2), as set on the file object by whoever;
// 0 also where the system does not tell.
// https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-setfilecompletionnotificationmodes
std::uint32_t completion_modes(SOCKET socket);

// Cancels what this process has pending on the socket and waits (at most `milliseconds`) until nothing is. The
// completions have then been queued; `idle` says whether it came to that.
// https://learn.microsoft.com/windows/win32/fileio/cancelioex-func
Status cancel_pending(SOCKET socket, std::uint32_t milliseconds, bool& idle);

} // namespace winsock_spi::spi
