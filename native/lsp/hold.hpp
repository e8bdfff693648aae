// Calls that wait for the controller: rules that say ask or relay (docs/holding.md).
//
// Whoever evaluates a policy calls one of these where the verdict is ask or relay, and does what the answer says, as if
// the rule had said it: allow, deny or redirect. `held` means that the program's call ends now, unsuccessfully, with
// `error` (WSAEWOULDBLOCK or WSA_IO_PENDING), and that everything else happens later without the caller.
//
// Every call gets an answer, from the controller or by the rule's `otherwise`: at once where there is no controller,
// when it is gone, or after the rule's time.
#pragma once

#include "core/policy.hpp"
#include "slot.hpp"

namespace winsock_spi::lsp {

struct HoldQuestion {
    const Slot& slot;
    SOCKET socket;
    core::Call call;
    std::uint8_t protocol; // 6, 17
    // For bind: what the program asks for. family 0: the socket's own address, which is bound first if it has none
    // (connects and datagrams).
    core::RecordAddress local;
    core::RecordAddress remote; // where the program wants to go, or who wants to come in
    const core::Verdict& verdict; // relay or ask
    std::uint32_t generation;
};

struct HoldAnswer {
    bool held; // true: the call fails with `error` now and is carried out later
    core::VerdictKind action; // allow, deny, redirect
    int error; // deny: what the call fails with
    core::RecordAddress target; // redirect

    static constexpr HoldAnswer allow() { return {false, core::VerdictKind::allow, 0, {}}; }
    static constexpr HoldAnswer deny(int error) { return {false, core::VerdictKind::deny, error, {}}; }
    static constexpr HoldAnswer later(int error) { return {true, core::VerdictKind::deny, error, {}}; }
};

// What a call gets whose socket must not wait, where nothing can be carried out later either.
enum class IfBusy {
    otherwise, // the rule's `otherwise`: bind, listen, accept without a condition function
    come_again, // held, WSAEWOULDBLOCK: the next such call finds the answer (datagrams; CF_DEFER of accepts)
};

// A call that the calling thread carries out itself; it waits here if the socket's calls may. For bind, listen, accept
// (with the listener), datagrams without an overlapped structure.
// `overlapped`: the call must not wait, whatever its socket is.
HoldAnswer hold_call(const HoldQuestion& question, IfBusy if_busy, bool overlapped = false);

// WSPConnect. Held: the worker carries it out, and the program hears of it as of any connect that takes long.
HoldAnswer hold_connect(const HoldQuestion& question, const sockaddr* name, int length);

// ConnectEx. Held: exactly one completion will come, by a call of `lower` with the program's own structure.
HoldAnswer hold_connect_ex(const HoldQuestion& question, LPFN_CONNECTEX lower, const sockaddr* name, int length,
                           void* buffer, DWORD data_length, OVERLAPPED* overlapped);

// WSPSendTo (`routine`: whether there is one). Held: exactly one completion will come if the call had an overlapped
// structure, else the program comes again.
HoldAnswer hold_send_to(const HoldQuestion& question, const WSABUF* buffers, DWORD count, DWORD flags,
                        const sockaddr* to, int to_length, WSAOVERLAPPED* overlapped, bool routine);

// --- what the functions of the provider tell us ---

// The program closes the socket; called before the lower provider does. What is held on it ends.
void hold_closing(const Slot& slot, SOCKET socket);
// The last WSPCleanup of a chain; called before the lower provider's.
void hold_cleanup(const Slot& slot);
// WSPCancelBlockingCall: whether a call of this thread was waiting here.
bool hold_cancel_blocking_call();

} // namespace winsock_spi::lsp
