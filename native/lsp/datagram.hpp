// One datagram as the policy wants it: WSPSendTo, WSASendMsg, and WSPSend on a connected datagram socket.
#pragma once

#include "policy_decision.hpp"
#include "redirect.hpp"

namespace winsock_spi::lsp {

class Datagram {
public:
    // Asks. `to`: where the program sends it; family 0 = to the peer of a connected socket. Does nothing for streams.
    Datagram(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known, const core::RecordAddress& to);

    const Decision& decision() const { return decision_; }
    bool held() const { return decision_.held(); }
    HoldQuestion question(core::Call call) const {
        return decision_.question(slot_, socket_, call, {}, connected_ ? peer_ : to_);
    }
    // What the controller says.
    void take(const HoldAnswer& answer);

    // Right before the lower provider is called. False: it is not called, the call ends with error().
    bool begin(bool may_redirect);
    int error() const { return answer_.error; }
    // Where it goes instead; nullptr: where the program says.
    const LowerAddress* target() const { return redirected_ ? &target_ : nullptr; }

private:
    bool redirect();

    const Slot& slot_;
    SOCKET socket_;
    core::HandleTable::Socket known_;
    core::RecordAddress to_;
    core::RecordAddress peer_{};
    bool connected_;
    Decision decision_;
    HoldAnswer answer_ = HoldAnswer::allow();
    LowerAddress target_;
    bool redirected_ = false;
};

// Asks the controller about a datagram that cannot be sent later by anybody else: its sender waits, or comes again.
HoldAnswer hold_transfer(const Datagram& datagram, core::Call call, const WSAOVERLAPPED* overlapped);

// Answers of `target` are shown as `original`'s from now on. False: they could not be (redirect.hpp), or some arrive
// past us.
bool map_redirected_datagram(const core::HandleTable::Socket& socket, const core::RecordAddress& original,
                             const core::RecordAddress& target);

// A receive is under way that will bring a sender's address past us: from now on no datagram of this socket is
// redirected, since its answers could be shown wrongly.
void note_late_receive(const core::HandleTable::Socket& socket);

} // namespace winsock_spi::lsp
