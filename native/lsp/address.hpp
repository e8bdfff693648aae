// Socket addresses as records hold them, read from programs' memory or asked of the lower provider.
#pragma once

#include "process.hpp"

namespace winsock_spi::lsp {

// family 0 when the address is unreadable, too short, or of a family that records do not know.
core::RecordAddress read_address(const sockaddr* address, int length);
// The same for an address that a call has filled in: its length is in memory, too.
core::RecordAddress read_address(const sockaddr* address, const int* length);
// What the lower provider says, as it is; family 0 when it says nothing. System calls.
core::RecordAddress ask_local(const Slot& slot, SOCKET socket);
core::RecordAddress ask_remote(const Slot& slot, SOCKET socket);
// Who the peer is to the program: the original of a connect that was led elsewhere.
core::RecordAddress ask_peer(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known);

// Ask the lower provider and keep the answer. System calls: never on the way of a send or receive.
void refresh_local(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known);
void refresh_remote(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known);
// Both, but only what is not known yet.
void complete_addresses(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known);

} // namespace winsock_spi::lsp
