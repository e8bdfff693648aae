// The catalog entries that this DLL serves, as Windows' base provider knows its own.
#pragma once

#include "../host/winsock_headers.hpp"

namespace winsock_spi::wine::base {

// This DLL was started with that info: if it is a base entry's, all entries of its provider are ours.
void remember_provider(const WSAPROTOCOL_INFOW& info) noexcept;

// Asks the Winsock that gave us `upcalls` for its catalog. Called at start; later, an unknown entry makes it ask again.
void remember_entries() noexcept;

// The entry that serves a socket, by the triplet that Wine says it has. 0, WSAENOTSOCK, or WSAENOPROTOOPT for a
// socket that no entry of the catalog stands for.
int entry_of_socket(SOCKET handle, WSAPROTOCOL_INFOW& entry) noexcept;

} // namespace winsock_spi::wine::base
