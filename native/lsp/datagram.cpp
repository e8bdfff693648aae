// One datagram as the policy wants it; see datagram.hpp.
#include "datagram.hpp"

#include "address.hpp"
#include "socket_notes.hpp"

namespace winsock_spi::lsp {

namespace {

// The peer of a connected socket: noted where it was connected under a policy.
core::RecordAddress peer_of(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known) {
    if (has_note(known, note_redirected | note_peer)) {
        return notes_of(known).original;
    }
    const core::RecordAddress cached = process.sockets.addresses(known).remote;
    if (cached.family != 0 || !known) {
        return cached;
    }
    refresh_remote(slot, socket, known);
    return process.sockets.addresses(known).remote;
}

} // namespace

Datagram::Datagram(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known,
                   const core::RecordAddress& to, bool may_redirect) {
    if (protocol_of(slot, socket, known) == IPPROTO_TCP) {
        return;
    }
    const bool connected = to.family == 0;
    decision_ = decide_datagram(slot, socket, known, connected ? peer_of(slot, socket, known) : to);
    if (decision_.verdict.kind == VerdictKind::redirect && !(may_redirect && !connected && redirect(known, to))) {
        // Where a connected socket sends to was decided when it was connected.
        if (!connected || !has_note(known, note_redirected)) {
            decision_.take_otherwise();
        }
    }
    if (decision_.held()) {
        decision_.take_otherwise();
    }
}

bool Datagram::redirect(const core::HandleTable::Socket& known, const core::RecordAddress& to) {
    const std::uint32_t flags = note_flags(known);
    redirected_ = (flags & note_seen_whole) != 0 && (flags & note_late_receives) == 0 &&
                  redirect_target(to, decision_.verdict.target, target_) &&
                  (same_end(to, target_.address) || map_datagrams(known, to, target_.address));
    return redirected_;
}

void note_late_receive(const core::HandleTable::Socket& socket) {
    if (!has_note(socket, note_late_receives)) {
        add_note(socket, note_late_receives);
    }
}

} // namespace winsock_spi::lsp
