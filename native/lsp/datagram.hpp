// One datagram as the policy wants it: WSPSendTo, WSASendMsg, and WSPSend on a connected datagram socket.
#pragma once

#include "policy_decision.hpp"
#include "redirect.hpp"

namespace winsock_spi::lsp {

class Datagram {
public:
    // Asks. `to`: where the program sends it; family 0 = to the peer of a connected socket. Does nothing for streams.
    Datagram(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known, const core::RecordAddress& to,
             bool may_redirect);

    const Decision& decision() const { return decision_; }
    bool denied() const { return decision_.denies(); }
    int error() const { return decision_.verdict.error; }
    // Where it goes instead; nullptr: where the program says.
    const LowerAddress* target() const { return redirected_ ? &target_ : nullptr; }

private:
    bool redirect(const core::HandleTable::Socket& known, const core::RecordAddress& to);

    Decision decision_;
    LowerAddress target_;
    bool redirected_ = false;
};

// A receive is under way that will bring a sender's address past us: from now on no datagram of this socket is
// redirected, since its answers could be shown wrongly.
void note_late_receive(const core::HandleTable::Socket& socket);

} // namespace winsock_spi::lsp
