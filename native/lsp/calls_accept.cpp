// Accepts: WSPAccept, and what AcceptEx begins.
//
// WSPAccept asks a condition function of ours before the program's own. A connection that the policy refuses is reset;
// a program that gave a condition function hears WSAECONNREFUSED, as if that had refused, and for any other the accept
// goes on to the next connection.
#include "accepted.hpp"
#include "address.hpp"
#include "handlers.hpp"
#include "recording.hpp"
#include "socket_notes.hpp"
#include "spi/guarded.hpp"
#include "spi/last_error.hpp"

namespace winsock_spi::lsp {

using core::Call;

namespace {

using Socket = core::HandleTable::Socket;

// `later`: the connection stays in the queue, and is asked about again. Where that cannot be: nullptr.
Decision decide_accept(const Slot& slot, SOCKET listener, Call call, const core::RecordAddress& remote,
                       const core::RecordAddress* local, bool* later) {
    Decision decision = decide_call(slot, listener, PolicyCall::accept, remote, local);
    int error = 0;
    const core::RecordAddress at = local != nullptr ? *local : core::RecordAddress{};
    if (decision.held() && !settle(decision, decision.question(slot, listener, call, at, remote),
                                   later != nullptr ? IfBusy::come_again : IfBusy::otherwise, error)) {
        if (later != nullptr) {
            *later = true;
            return decision;
        }
        decision.take_otherwise();
    }
    if (decision.verdict.kind == VerdictKind::redirect || decision.held()) {
        decision.take_otherwise(); // who comes in does not go elsewhere
    }
    return decision;
}

// What the condition function of one accept knows.
struct Condition {
    const Slot& slot;
    SOCKET listener;
    LPCONDITIONPROC own; // the program's, or nullptr
    DWORD_PTR own_data;
    Decision decision;
    core::RecordAddress caller;
    bool refused;

    int decide(const WSABUF* caller_id) {
        WSABUF id{};
        if (spi::guarded_read(id, caller_id)) {
            caller = read_address(reinterpret_cast<const sockaddr*>(id.buf), static_cast<int>(id.len));
        }
        bool later = false;
        decision = decide_accept(slot, listener, Call::WSPAccept, caller, nullptr, own != nullptr ? &later : nullptr);
        refused = decision.denies();
        return refused ? CF_REJECT : later ? CF_DEFER : CF_ACCEPT;
    }
};

int CALLBACK ask_condition(LPWSABUF caller_id, LPWSABUF caller_data, LPQOS socket_qos, LPQOS group_qos,
                           LPWSABUF callee_id, LPWSABUF callee_data, GROUP* group, DWORD_PTR data) {
    Condition& condition = *reinterpret_cast<Condition*>(data);
    const int answer = condition.decide(caller_id);
    if (answer != CF_ACCEPT || condition.own == nullptr) {
        return answer;
    }
    return condition.own(caller_id, caller_data, socket_qos, group_qos, callee_id, callee_data, group,
                         condition.own_data);
}

// The lower provider's accept under the policy that is in force when a connection comes.
SOCKET accept_by_policy(const Slot& slot, Condition& condition, sockaddr* address, int* length, int* error) {
    const bool asked = policy_concerns(PolicyCall::accept);
    SOCKET socket =
        asked ? slot.lower.lpWSPAccept(condition.listener, address, length, &ask_condition,
                                       reinterpret_cast<DWORD_PTR>(&condition), error)
              : slot.lower.lpWSPAccept(condition.listener, address, length, condition.own, condition.own_data, error);
    if (socket == INVALID_SOCKET || asked || !policy_concerns(PolicyCall::accept)) {
        return socket;
    }
    // One that waited here since before there was a policy.
    condition.caller = ask_remote(slot, socket);
    condition.decision = decide_accept(slot, condition.listener, Call::WSPAccept, condition.caller, nullptr, nullptr);
    condition.refused = condition.decision.denies();
    if (condition.refused) {
        reset_at_close(slot, socket);
        int ignored = 0;
        slot.lower.lpWSPCloseSocket(socket, &ignored);
        *error = WSAECONNREFUSED;
        return INVALID_SOCKET;
    }
    return socket;
}

// One try. `again`: a connection was refused, and the program is not to hear of it.
SOCKET accept_one(Slot& slot, SOCKET listener, sockaddr* address, int* length, LPCONDITIONPROC condition,
                  DWORD_PTR callback_data, int* error, bool& again) {
    Recording recording(Call::WSPAccept, listener);
    Condition ours{slot, listener, condition, callback_data, {}, {}, false};
    SOCKET socket = accept_by_policy(slot, ours, address, length, error);
    again = socket == INVALID_SOCKET && ours.refused && condition == nullptr;
    if (socket != INVALID_SOCKET) {
        socket = slot.claim_new(socket, error);
    }
    recording.returned(socket == INVALID_SOCKET, error);
    recording.set_decision(ours.decision);
    if (!recording.active()) {
        return socket;
    }
    if (socket == INVALID_SOCKET) {
        recording.set_local(process.sockets.addresses(process.sockets.find(listener)).local);
        recording.set_remote(ours.caller);
    } else {
        const Socket known = process.sockets.find(socket);
        const core::RecordAddress remote = address == nullptr ? core::RecordAddress{} : read_address(address, length);
        process.sockets.set_remote(known, remote);
        complete_addresses(slot, socket, known);
        recording.set_socket(socket);
        recording.set_remote(remote);
        recording.add_cached_addresses(known);
    }
    return socket;
}

} // namespace

SOCKET on_WSPAccept(Slot& slot, SOCKET listener, sockaddr* address, LPINT length, LPCONDITIONPROC condition,
                    DWORD_PTR callback_data, LPINT error) {
    int room = 0;
    const bool has_room = spi::guarded_read(room, length);
    for (;;) {
        bool again = false;
        const SOCKET socket = accept_one(slot, listener, address, length, condition, callback_data, error, again);
        if (!again) {
            return socket;
        }
        if (has_room) {
            spi::guarded_write(length, room); // the refused one's is there now
        }
    }
}

BOOL on_AcceptEx(const Slot&, LPFN_ACCEPTEX lower, SOCKET listener, SOCKET socket, PVOID buffer, DWORD data_length,
                 DWORD local_length, DWORD remote_length, LPDWORD received, LPOVERLAPPED overlapped) {
    Recording recording(Call::AcceptEx, listener);
    const Socket known = process.sockets.find(socket);
    if (policy_concerns(PolicyCall::accept)) {
        note_accepting(known, listener); // before it can complete
    }
    recording.restart();
    const BOOL result = lower(listener, socket, buffer, data_length, local_length, remote_length, received, overlapped);
    const spi::LastErrorKeeper keeper;
    const int error = static_cast<int>(GetLastError());
    recording.returned(!result, &error);
    if (!result && error != ERROR_IO_PENDING && has_note(known, note_accept_ex)) {
        drop_note(known, note_accept_ex);
    }
    DWORD bytes = 0;
    if (recording.accepted() && data_length != 0) {
        recording.set_requested(data_length);
        if (recording.succeeded() && spi::guarded_read(bytes, received)) {
            recording.set_bytes(bytes);
        }
    }
    recording.add_cached_addresses(process.sockets.find(listener));
    return result;
}

void reset_at_close(const Slot& slot, SOCKET socket) {
    constexpr linger at_once{1, 0};
    int ignored = 0;
    slot.lower.lpWSPSetSockOpt(socket, SOL_SOCKET, SO_LINGER, reinterpret_cast<const char*>(&at_once), sizeof(at_once),
                               &ignored);
}

Decision decide_accepted(const Slot& slot, SOCKET socket, const Socket& known) {
    const core::RecordAddress local = ask_local(slot, socket);
    const Decision decision = decide_accept(slot, socket, Call::AcceptEx, ask_remote(slot, socket), &local, nullptr);
    drop_note(known, note_accept_ex);
    if (decision.denies()) {
        reset_at_close(slot, socket);
        add_note(known, note_refused);
    }
    return decision;
}

int refusal_of(const Slot& slot, SOCKET socket, const Socket& known) {
    const core::HandleTable::Notes notes = notes_of(known);
    if ((notes.flags & note_refused) != 0) {
        return WSAECONNRESET;
    }
    const spi::LastErrorKeeper keeper;
    const auto listener = static_cast<SOCKET>(static_cast<std::uint32_t>(notes.number));
    int error = 0;
    // Without it nobody tells who the peer is. It fails as long as nobody has come, and once the listener has gone.
    if ((notes.flags & note_accept_ex) == 0 ||
        slot.lower.lpWSPSetSockOpt(socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                                   reinterpret_cast<const char*>(&listener), sizeof(listener), &error) != 0) {
        return 0;
    }
    Recording recording(Call::WSPAccept, socket);
    const Decision decision = decide_accepted(slot, socket, known);
    recording.set_flag(core::record_via_accept_ex);
    recording.fail(decision.denies() ? decision.verdict.error : 0);
    recording.set_decision(decision);
    refresh_local(slot, socket, known);
    refresh_remote(slot, socket, known);
    recording.add_cached_addresses(known);
    return decision.denies() ? WSAECONNRESET : 0;
}

} // namespace winsock_spi::lsp
