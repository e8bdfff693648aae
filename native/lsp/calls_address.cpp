// Functions that give a socket its local address or tell its addresses: bind, listen, getsockname, getpeername.
#include "address.hpp"
#include "handlers.hpp"
#include "recording.hpp"
#include "redirect.hpp"
#include "socket_notes.hpp"

namespace winsock_spi::lsp {

using core::Call;

namespace {

// bind and listen go nowhere else, so there is nothing to redirect.
Decision decide_here(const Slot& slot, SOCKET socket, Call call, const core::RecordAddress* local) {
    Decision decision =
        decide_call(slot, socket, call == Call::WSPBind ? PolicyCall::bind : PolicyCall::listen, {}, local);
    int error = 0;
    const core::RecordAddress wanted = local != nullptr ? *local : core::RecordAddress{};
    if (decision.held() &&
        !settle(decision, decision.question(slot, socket, call, wanted, {}), IfBusy::otherwise, error)) {
        decision.verdict.kind = VerdictKind::deny;
        decision.verdict.error = error;
    }
    if (decision.verdict.kind == VerdictKind::redirect || decision.held()) {
        decision.take_otherwise();
    }
    return decision;
}

// What getpeername says of a socket that was led elsewhere. 0 or a Winsock error.
int original_peer(const Slot& slot, SOCKET socket, const core::RecordAddress& original, sockaddr* name, int* length) {
    SOCKADDR_STORAGE storage{};
    int size = sizeof(storage);
    int error = 0;
    // Asked all the same: it may not be connected yet, or not any more.
    if (slot.lower.lpWSPGetPeerName(socket, reinterpret_cast<sockaddr*>(&storage), &size, &error) != 0) {
        return error == 0 ? WSASYSCALLFAILURE : error;
    }
    return write_address(original, name, length);
}

} // namespace

int on_WSPBind(Slot& slot, SOCKET socket, const sockaddr* name, int length, LPINT error) {
    Recording recording(Call::WSPBind, socket);
    Decision decision;
    if (policy_in_force()) {
        const core::RecordAddress wanted = read_address(name, length);
        decision = decide_here(slot, socket, Call::WSPBind, &wanted);
        recording.restart();
    }
    int result = SOCKET_ERROR;
    if (decision.denies()) {
        *error = decision.verdict.error;
    } else {
        result = slot.lower.lpWSPBind(socket, name, length, error);
    }
    recording.returned(result == SOCKET_ERROR, error);
    recording.set_decision(decision);
    if (recording.succeeded()) {
        // Not the name itself: port 0 asks for one that the system chooses.
        const core::HandleTable::Socket known = process.sockets.find(socket);
        refresh_local(slot, socket, known);
        recording.add_cached_addresses(known);
    } else if (recording.active()) {
        recording.set_local(read_address(name, length));
    }
    return result;
}

int on_WSPListen(Slot& slot, SOCKET socket, int backlog, LPINT error) {
    Recording recording(Call::WSPListen, socket);
    const Decision decision = decide_here(slot, socket, Call::WSPListen, nullptr);
    recording.restart();
    int result = SOCKET_ERROR;
    if (decision.denies()) {
        *error = decision.verdict.error;
    } else {
        result = slot.lower.lpWSPListen(socket, backlog, error);
    }
    recording.returned(result == SOCKET_ERROR, error);
    recording.set_decision(decision);
    if (recording.active()) {
        const core::HandleTable::Socket known = process.sockets.find(socket);
        refresh_local(slot, socket, known);
        recording.add_cached_addresses(known);
    }
    return result;
}

int on_WSPGetSockName(Slot& slot, SOCKET socket, sockaddr* name, LPINT length, LPINT error) {
    Recording recording(Call::WSPGetSockName, socket);
    const int result = slot.lower.lpWSPGetSockName(socket, name, length, error);
    recording.returned(result == SOCKET_ERROR, error);
    if (recording.active()) {
        const core::HandleTable::Socket known = process.sockets.find(socket);
        if (recording.succeeded()) {
            const core::RecordAddress local = read_address(name, length);
            process.sockets.set_local(known, local);
            recording.set_local(local);
        }
        recording.add_cached_addresses(known);
    }
    return result;
}

int on_WSPGetPeerName(Slot& slot, SOCKET socket, sockaddr* name, LPINT length, LPINT error) {
    const core::HandleTable::Socket known = process.sockets.find(socket);
    Recording recording(Call::WSPGetPeerName, socket);
    int result = 0;
    if (has_note(known, note_redirected)) {
        const int refused = original_peer(slot, socket, notes_of(known).original, name, length);
        if (refused != 0) {
            *error = refused;
            result = SOCKET_ERROR;
        }
    } else {
        result = slot.lower.lpWSPGetPeerName(socket, name, length, error);
    }
    recording.returned(result == SOCKET_ERROR, error);
    if (recording.active()) {
        if (recording.succeeded()) {
            const core::RecordAddress remote = read_address(name, length);
            process.sockets.set_remote(known, remote);
            recording.set_remote(remote);
        }
        recording.add_cached_addresses(known);
    }
    return result;
}

} // namespace winsock_spi::lsp
