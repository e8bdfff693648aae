// Sending and receiving. Only entered while somebody watches, or interception has to do with it. No system call, no
// lock, no allocation of ours here, but for what has to be found out once about a socket that a policy concerns.
#include "accepted.hpp"
#include "address.hpp"
#include "buffers.hpp"
#include "datagram.hpp"
#include "handlers.hpp"
#include "recording.hpp"
#include "socket_notes.hpp"

namespace winsock_spi::lsp {

using core::Call;

namespace {

// What a record needs of the buffers, if there will be a record.
std::uint64_t requested_of(const WSABUF* buffers, DWORD count) {
    return process.recorder.observed() ? sum_of_buffers(buffers, count) : 0;
}

// Connections that AcceptEx has taken are decided by what comes first. 0, or the error.
int refusal_of_transfer(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known) {
    return has_note(known, note_accept_ex | note_refused) ? refusal_of(slot, socket, known) : 0;
}

// What every transfer tells once the lower provider has returned. `done` is where it reported the byte count, if the
// program wanted to know.
void describe_transfer(Recording& recording, const core::HandleTable::Socket& known, std::uint64_t requested,
                       const DWORD* done) {
    if (!recording.active()) {
        return;
    }
    if (recording.accepted()) {
        recording.set_requested(requested);
    }
    DWORD bytes = 0;
    if (recording.succeeded() && spi::guarded_read(bytes, done)) {
        recording.set_bytes(bytes);
    }
    recording.add_cached_addresses(known);
}

} // namespace

int on_WSPSend(Slot& slot, SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags,
               LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
               LPINT error) {
    const std::uint64_t requested = requested_of(buffers, count);
    const core::HandleTable::Socket known = process.sockets.find(socket);
    int refused = refusal_of_transfer(slot, socket, known);
    Decision decision;
    if (has_note(known, note_peer) && policy_in_force()) {
        Datagram datagram(slot, socket, known, {});
        if (datagram.held()) {
            datagram.take(hold_transfer(datagram, Call::WSPSend, overlapped));
        }
        refused = datagram.begin(false) ? 0 : datagram.error();
        decision = datagram.decision();
    }
    Recording recording(Call::WSPSend, socket);
    int result = SOCKET_ERROR;
    if (refused != 0) {
        *error = refused;
    } else {
        result = slot.lower.lpWSPSend(socket, buffers, count, sent, flags, overlapped, routine, thread, error);
    }
    recording.returned(result == SOCKET_ERROR, error);
    recording.set_decision(decision);
    describe_transfer(recording, known, requested, sent);
    return result;
}

int on_WSPSendTo(Slot& slot, SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags,
                 const sockaddr* to, int to_length, LPWSAOVERLAPPED overlapped,
                 LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT error) {
    const std::uint64_t requested = requested_of(buffers, count);
    const core::RecordAddress remote = read_address(to, to_length);
    const core::HandleTable::Socket known = process.sockets.find(socket);
    if (!policy_in_force()) {
        Recording recording(Call::WSPSendTo, socket);
        const int result = slot.lower.lpWSPSendTo(socket, buffers, count, sent, flags, to, to_length, overlapped,
                                                  routine, thread, error);
        recording.returned(result == SOCKET_ERROR, error);
        recording.set_remote(remote);
        describe_transfer(recording, known, requested, sent);
        return result;
    }
    Datagram datagram(slot, socket, known, remote);
    if (datagram.held()) {
        datagram.take(hold_send_to(datagram.question(Call::WSPSendTo), buffers, count, flags, to, to_length, overlapped,
                                   routine != nullptr));
    }
    const bool goes = datagram.begin(true);
    const LowerAddress* const target = datagram.target();
    Recording recording(Call::WSPSendTo, socket);
    int result = SOCKET_ERROR;
    if (!goes) {
        *error = datagram.error();
    } else {
        result =
            slot.lower.lpWSPSendTo(socket, buffers, count, sent, flags, target == nullptr ? to : target->name(),
                                   target == nullptr ? to_length : target->length, overlapped, routine, thread, error);
    }
    recording.returned(result == SOCKET_ERROR, error);
    recording.set_decision(datagram.decision());
    recording.set_remote(remote);
    describe_transfer(recording, known, requested, sent);
    return result;
}

int on_WSPRecv(Slot& slot, SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
               LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
               LPINT error) {
    const std::uint64_t requested = requested_of(buffers, count);
    const bool peek = process.recorder.observed() && asks_to_peek(flags);
    const core::HandleTable::Socket known = process.sockets.find(socket);
    const int refused = refusal_of_transfer(slot, socket, known);
    Recording recording(Call::WSPRecv, socket);
    int result = SOCKET_ERROR;
    if (refused != 0) {
        *error = refused;
    } else {
        result = slot.lower.lpWSPRecv(socket, buffers, count, received, flags, overlapped, routine, thread, error);
    }
    recording.returned(result == SOCKET_ERROR, error);
    if (recording.active() && peek) {
        recording.set_flag(core::record_peek);
    }
    describe_transfer(recording, known, requested, received);
    return result;
}

int on_WSPRecvFrom(Slot& slot, SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
                   sockaddr* from, LPINT from_length, LPWSAOVERLAPPED overlapped,
                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT error) {
    const std::uint64_t requested = requested_of(buffers, count);
    const bool peek = process.recorder.observed() && asks_to_peek(flags);
    const core::HandleTable::Socket known = process.sockets.find(socket);
    if (from != nullptr && overlapped != nullptr) {
        note_late_receive(known);
    }
    Recording recording(Call::WSPRecvFrom, socket);
    const int result = slot.lower.lpWSPRecvFrom(socket, buffers, count, received, flags, from, from_length, overlapped,
                                                routine, thread, error);
    recording.returned(result == SOCKET_ERROR, error);
    if (result != SOCKET_ERROR && from != nullptr && has_note(known, note_redirected | note_datagram_map)) {
        show_original(known, from, from_length);
    }
    if (recording.active() && peek) {
        recording.set_flag(core::record_peek);
    }
    if (recording.succeeded() && from != nullptr) {
        recording.set_remote(read_address(from, from_length));
    }
    describe_transfer(recording, known, requested, received);
    return result;
}

} // namespace winsock_spi::lsp
