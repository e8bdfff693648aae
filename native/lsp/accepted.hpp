// Connections that AcceptEx has taken: Windows asks nobody about them, so the policy decides when the program first
// does something with the socket, as a rule SO_UPDATE_ACCEPT_CONTEXT.
#pragma once

#include "policy_decision.hpp"

namespace winsock_spi::lsp {

// The program has updated the socket's accept context, so its ends are known. A denial makes the socket one that only
// can be closed, and that resets the connection.
Decision decide_accepted(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known);

// For a socket with note_accept_ex or note_refused: the error with which a call on it fails, or 0. The first call
// decides where the program does not update the context.
int refusal_of(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known);

// The connection ends with a reset when the socket is closed.
void reset_at_close(const Slot& slot, SOCKET socket);

} // namespace winsock_spi::lsp
