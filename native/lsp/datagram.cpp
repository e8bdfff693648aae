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
                   const core::RecordAddress& to)
    : slot_(slot), socket_(socket), known_(known), to_(to), connected_(to.family == 0) {
    if (protocol_of(slot, socket, known) == IPPROTO_TCP) {
        return;
    }
    if (connected_) {
        peer_ = peer_of(slot, socket, known);
    }
    decision_ = decide_datagram(slot, socket, known, connected_ ? peer_ : to);
    answer_ = {false, decision_.verdict.kind, decision_.verdict.error, decision_.verdict.target};
}

void Datagram::take(const HoldAnswer& answer) {
    answer_ = answer;
    decision_.take(answer);
}

bool Datagram::begin(bool may_redirect) {
    // Where a connected socket sends to was decided when it was connected.
    const bool elsewhere_already = connected_ && has_note(known_, note_redirected);
    if (!answer_.held && answer_.action == VerdictKind::redirect && !elsewhere_already &&
        !(may_redirect && !connected_ && redirect())) {
        decision_.take_otherwise();
        answer_ = decision_.denies() ? HoldAnswer::deny(decision_.verdict.error) : HoldAnswer::allow();
    }
    return !answer_.held && answer_.action != VerdictKind::deny;
}

bool Datagram::redirect() {
    redirected_ =
        redirect_target(to_, answer_.target, target_) && map_redirected_datagram(known_, to_, target_.address);
    return redirected_;
}

bool map_redirected_datagram(const core::HandleTable::Socket& socket, const core::RecordAddress& original,
                             const core::RecordAddress& target) {
    const std::uint32_t flags = note_flags(socket);
    return (flags & note_seen_whole) != 0 && (flags & note_late_receives) == 0 &&
           (same_end(original, target) || map_datagrams(socket, original, target));
}

HoldAnswer hold_transfer(const Datagram& datagram, core::Call call, const WSAOVERLAPPED* overlapped) {
    return hold_call(datagram.question(call), IfBusy::come_again, overlapped != nullptr);
}

void note_late_receive(const core::HandleTable::Socket& socket) {
    if (!has_note(socket, note_late_receives)) {
        add_note(socket, note_late_receives);
    }
}

} // namespace winsock_spi::lsp
