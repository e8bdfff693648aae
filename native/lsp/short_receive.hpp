// Receives of datagram sockets that are too short for the datagram, and overlapped.
//
// When the datagram is there already, the base provider fails such a call at once with WSAEMSGSIZE. The request has run
// all the same (STATUS_BUFFER_OVERFLOW is a warning), and its completion is queued to the socket's port: the documented
// "no completion indication will occur" does not hold. libuv peeks with an empty buffer, and without layers above the
// base provider it makes its sockets skip that packet; with one it does not, counts the request twice and ends the
// process. So here such a call pends, which says the same without the contradiction: its result comes with its
// completion.
#pragma once

#include "slot.hpp"

namespace winsock_spi::lsp {

// Puts that between a slot of a datagram chain and its lower provider. Under ProcessState::lock, with slot.lower set.
void mend_short_receives(Slot& slot);

} // namespace winsock_spi::lsp
