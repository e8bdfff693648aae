// Held calls that the worker carries out: what the program gets then, by real calls of the lower provider, so that its
// own events, completion ports and structures tell it. See held_calls.hpp.
#include "held_calls.hpp"
#include "hold_notes.hpp"
#include "datagram.hpp"
#include "process.hpp"
#include "redirect.hpp"
#include "socket_notes.hpp"

namespace winsock_spi::lsp {

namespace {

const sockaddr* name_of(const LaterCall& later) {
    return reinterpret_cast<const sockaddr*>(&later.name);
}

// The call goes where the answer says, and the program keeps seeing the address that it asked for. False: a socket of
// that family cannot go there, or that cannot be noted.
bool go_elsewhere(HeldCall& call, const core::RecordAddress& wanted) {
    LowerAddress target;
    const core::HandleTable::Socket known = process.sockets.find(call.socket);
    const core::RecordAddress& asked = call.request.remote;
    if (!redirect_target(asked, wanted, target) ||
        !(call.kind == HeldKind::send_to ? map_redirected_datagram(known, asked, target.address)
                                         : note_redirect(known, asked, target.address))) {
        return false;
    }
    call.later.name = target.storage;
    call.later.name_length = target.length;
    return true;
}

// 0 = the call goes on, to later.name; else it fails with this error.
int error_by(HeldCall& call, const HoldAnswer& answer) {
    if (answer.action == core::VerdictKind::deny) {
        return answer.error;
    }
    if (answer.action == core::VerdictKind::redirect && !go_elsewhere(call, answer.target)) {
        return call.otherwise_error;
    }
    return 0;
}

// What held calls are noted to be is only true until the lower provider refuses them.
void forget_target(HeldCall& call) {
    const core::HandleTable::Socket known = process.sockets.find(call.socket);
    if (call.kind != HeldKind::send_to && has_note(known, note_redirected)) {
        drop_note(known, note_redirected);
    }
}

// The connect fails with this error: by one that the stack refuses, since only the stack can tell whoever waits.
void refuse(HeldCall& call, int error) {
    forget_target(call);
    note_denial(process.sockets.find(call.socket), error);
    refuse_connect(process.held.refusing_ports(), *call.slot, call.socket);
}

void connect_later(HeldCall& call, const HoldAnswer& answer) {
    int error = error_by(call, answer);
    if (error == 0) {
        const LaterCall& later = call.later;
        if (call.slot->lower.lpWSPConnect(call.socket, name_of(later), later.name_length, nullptr, nullptr, nullptr,
                                          nullptr, &error) == 0 ||
            error == WSAEWOULDBLOCK) {
            return;
        }
        error = error == 0 ? WSASYSCALLFAILURE : error;
    }
    refuse(call, error);
}

void connect_ex_later(HeldCall& call, const HoldAnswer& answer) {
    const LaterCall& later = call.later;
    const int error = error_by(call, answer);
    DWORD sent = 0;
    if (error == 0) {
        if (later.connect_ex(call.socket, name_of(later), later.name_length, later.data, later.data_length, &sent,
                             later.overlapped)) {
            after_success(call);
            return;
        }
        if (GetLastError() == ERROR_IO_PENDING) {
            return;
        }
    }
    forget_target(call);
    note_denial(process.sockets.find(call.socket), error != 0 ? error : static_cast<int>(GetLastError()));
    refuse_connect_ex(process.held.refusing_ports(), *call.slot, call.socket, later.connect_ex, later.overlapped);
}

void send_later(HeldCall& call, const HoldAnswer& answer) {
    LaterCall& later = call.later;
    int error = error_by(call, answer);
    if (error == 0) {
        DWORD sent = 0;
        WSATHREADID thread{};
        if (call.slot->lower.lpWSPSendTo(call.socket, later.buffers.data(), later.buffer_count, &sent, later.flags,
                                         name_of(later), later.name_length, later.overlapped, nullptr, &thread,
                                         &error) == 0) {
            after_success(call);
            return;
        }
        if (error == WSA_IO_PENDING) {
            return;
        }
    }
    complete_cancelled(*call.slot, call.socket, later.overlapped);
}

} // namespace

void carry_out(HeldCall& call, const HoldAnswer& answer) {
    switch (call.kind) {
    case HeldKind::connect: connect_later(call, answer); break;
    case HeldKind::connect_ex: connect_ex_later(call, answer); break;
    case HeldKind::send_to: send_later(call, answer); break;
    case HeldKind::waiting:
    case HeldKind::question: break;
    }
}

void abandon(HeldCall& call) {
    switch (call.kind) {
    case HeldKind::connect_ex:
        refuse_connect_ex(process.held.refusing_ports(), *call.slot, call.socket, call.later.connect_ex,
                          call.later.overlapped);
        break;
    case HeldKind::send_to: complete_cancelled(*call.slot, call.socket, call.later.overlapped); break;
    case HeldKind::connect: // nobody hears of a socket that is closed
    case HeldKind::waiting:
    case HeldKind::question: break;
    }
}

} // namespace winsock_spi::lsp
