// What the policy says about one call of this process. See docs/interception.md for which call is decided where.
#pragma once

#include "core/policy.hpp"
#include "hold.hpp"
#include "process.hpp"

namespace winsock_spi::lsp {

using core::PolicyCall;
using core::VerdictKind;

struct Decision {
    core::Verdict verdict{};      // allow where nobody decides
    std::uint32_t generation = 0; // of the policy that decided; 0 = nobody: the call goes on, its record says nothing

    std::uint8_t protocol = 0;    // of the socket, where somebody decided

    bool decided() const { return generation != 0; }
    bool denies() const { return verdict.kind == VerdictKind::deny; }
    // relay and ask: the call has to wait for the controller (hold.hpp).
    bool held() const { return verdict.kind == VerdictKind::relay || verdict.kind == VerdictKind::ask; }
    // The verdict cannot be carried out: what the rule says for that case takes its place.
    void take_otherwise() {
        verdict.kind = verdict.otherwise;
        verdict.error = verdict.otherwise_error;
    }
    // The controller has answered. A relayed call is told as one, wherever the relay is.
    void take(const HoldAnswer& answer) {
        if (answer.held) {
            return;
        }
        if (verdict.kind != VerdictKind::relay || answer.action != VerdictKind::redirect) {
            verdict.kind = answer.action;
        }
        verdict.error = answer.error;
        verdict.target = answer.target;
    }
    // What is asked of the controller where it is held().
    HoldQuestion question(const Slot& slot, SOCKET socket, core::Call call, const core::RecordAddress& local,
                          const core::RecordAddress& remote) const {
        return {slot, socket, call, protocol, local, remote, verdict, generation};
    }
};

// Whether there is anything to ask: one load. Holds also where no policy can be read and nothing may go out.
inline bool policy_in_force() {
    return process.policy.in_force();
}

// Whether the policy can say anything but its default allow to such calls of this process.
bool policy_concerns(PolicyCall call);

// Decides a call on `socket`, which may be unknown to us. `remote`: where it wants to go or who wants to come in;
// family 0 for bind and listen, and for other families than IP. `local`: nullptr = what is known about the socket, or
// what the lower provider says. Not for calls of the send path: see decide_datagram. Keeps the thread's last error.
//
// What it says besides allow, deny and observe is the caller's to carry out, or to replace by take_otherwise().
Decision decide_call(const Slot& slot, SOCKET socket, PolicyCall call, const core::RecordAddress& remote,
                     const core::RecordAddress* local = nullptr);

// Where the verdict is ask or relay: asks the controller, and makes of the answer a verdict that can be carried out at
// once. False: the call ends now with `error`, and the program comes again.
bool settle(Decision& decision, const HoldQuestion& question, IfBusy if_busy, int& error);

// The same for a datagram: no lock, and once the socket's local address is known no system call.
Decision decide_datagram(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known,
                         const core::RecordAddress& remote);

} // namespace winsock_spi::lsp
