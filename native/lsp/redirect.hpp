// Calls that go elsewhere than the program says, without the program seeing it.
//
// A stream, and a datagram socket that is connected, has one original and one target: its notes (socket_notes.hpp).
// Datagrams of a socket that is not connected each go where the policy says; for them the socket has a small table of
// pairs, by which the sender of an answer is shown as the one the program wrote to. Two originals cannot share a target
// while answers may still come: then the rule's `otherwise` holds, since one of the two would be shown wrongly.
#pragma once

#include "process.hpp"

#include <ws2tcpip.h>

namespace winsock_spi::lsp {

// An address as Winsock's functions take it.
struct LowerAddress {
    SOCKADDR_STORAGE storage;
    int length;
    core::RecordAddress address;

    const sockaddr* name() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// False: of no family that records know.
bool to_lower(const core::RecordAddress& address, LowerAddress& lower);

// Where a call to `asked` goes by a verdict's `target`, for a socket of the family that `asked` has: port 0 stays, and
// an IPv4 target of an IPv4-mapped address is mapped as well. False: the target is of another family.
bool redirect_target(const core::RecordAddress& asked, const core::RecordAddress& target, LowerAddress& lower);

bool same_end(const core::RecordAddress& a, const core::RecordAddress& b);

// Writes an address where a program expects one. 0, or WSAEFAULT: no memory, or too small.
int write_address(const core::RecordAddress& address, sockaddr* name, int* length);

// From now on answers of `target` on this socket are shown as `original`'s. False: they could not be (another original
// has this target, too many, no memory).
bool map_datagrams(const core::HandleTable::Socket& socket, const core::RecordAddress& original,
                   const core::RecordAddress& target);
// Who `from` is to the program. False: itself.
bool original_of(const core::HandleTable::Socket& socket, const core::RecordAddress& from,
                 core::RecordAddress& original);

// A receive on this socket has brought a sender's address into the program's memory: shows the original instead.
void show_original(const core::HandleTable::Socket& socket, sockaddr* from, int* from_length);

} // namespace winsock_spi::lsp
