// What interception has to remember about a socket: kept beside its addresses in the table of sockets, for one life of
// the handle value. Everything here may be called from any thread; nothing waits, allocates or asks Windows, but
// protocol_of() the first time for a socket that nobody has told about.
#pragma once

#include "process.hpp"

namespace winsock_spi::lsp {

// Bits of HandleTable::Notes::flags. Bits 0-15 are facts, bits 16-23 the protocol once it is known.
enum NoteFlags : std::uint32_t {
    note_redirected = 1 << 0,     // connected, or connecting, to `target` where the program asked for `original`
    note_peer = 1 << 1,           // a datagram socket connected under a policy: `original` is the peer
    note_denied = 1 << 2,         // a connect that pends was denied: `number` is the error that the program gets
    note_accept_ex = 1 << 3,      // given to AcceptEx under a policy, not decided yet: `number` is the listener
    note_refused = 1 << 4,        // accepted by AcceptEx and refused by the policy: whatever comes next fails
    note_seen_whole = 1 << 5,     // made while a policy was in force: every receive on it has been seen
    note_late_receives = 1 << 6,  // overlapped WSPRecvFrom or WSARecvMsg: senders' addresses arrive past us
    note_datagram_map = 1 << 7,   // some datagrams of it go elsewhere: see redirect.hpp
    note_protocol_known = 1 << 15,
};
inline constexpr unsigned note_protocol_shift = 16;

// Those for which sends, receives and getpeername have to look (PolicyState::notes_expected).
inline constexpr std::uint32_t notes_to_look_for =
    note_redirected | note_peer | note_denied | note_accept_ex | note_refused | note_datagram_map;

inline std::uint32_t note_flags(const core::HandleTable::Socket& socket) {
    return process.sockets.note_flags(socket);
}
// Costs the cache line of the notes only where some socket of this process has one.
inline bool has_note(const core::HandleTable::Socket& socket, std::uint32_t flags) {
    const bool possible = (flags & ~notes_to_look_for) != 0 || process.policy.notes_expected() != 0;
    return possible && (note_flags(socket) & flags) != 0;
}
inline core::HandleTable::Notes notes_of(const core::HandleTable::Socket& socket) {
    return process.sockets.notes(socket);
}

// False: nothing can be kept about this socket (unknown, or its table is full).
bool add_note(const core::HandleTable::Socket& socket, std::uint32_t flags);
void drop_note(const core::HandleTable::Socket& socket, std::uint32_t flags);
// It goes, or went, to `target`; the program sees `original` (WSPGetPeerName, records).
bool note_redirect(const core::HandleTable::Socket& socket, const core::RecordAddress& original,
                   const core::RecordAddress& target);
// A datagram socket that is connected to `peer`, or to where a redirect leads.
bool note_datagram_peer(const core::HandleTable::Socket& socket, const core::RecordAddress& peer);
// Given to AcceptEx with this listener.
bool note_accepting(const core::HandleTable::Socket& socket, SOCKET listener);
// Its pending connect ends with this error: SO_ERROR, WSPEnumNetworkEvents.
bool note_denial(const core::HandleTable::Socket& socket, int error);

// 6, 17, another IP protocol, or 0 where it is none or cannot be found out.
std::uint8_t protocol_of(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known);
// What WSPSocket was asked for, so that nobody needs to ask.
void note_protocol(const core::HandleTable::Socket& socket, int family, int type, int protocol);

} // namespace winsock_spi::lsp
