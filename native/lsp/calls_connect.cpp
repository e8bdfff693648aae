// Connects: WSPConnect, WSPJoinLeaf, and ConnectEx. What the policy says about them is done here.
#include "address.hpp"
#include "handlers.hpp"
#include "hold.hpp"
#include "policy_decision.hpp"
#include "recording.hpp"
#include "redirect.hpp"
#include "socket_notes.hpp"
#include "spi/guarded.hpp"
#include "spi/last_error.hpp"

namespace winsock_spi::lsp {

using core::Call;

namespace {

using Socket = core::HandleTable::Socket;

// One connect as the policy wants it: where the lower provider is told to go, and what is noted about the socket.
class Connect {
public:
    Connect(const Slot& slot, SOCKET socket, const Socket& known, const sockaddr* name, int length)
        : slot_(slot), socket_(socket), known_(known), name_(name), length_(length) {
        if (policy_in_force()) [[unlikely]] {
            remote_ = read_address(name, length);
            decision_ = decide_call(slot, socket, PolicyCall::connect, remote_);
            answer_ = {false, decision_.verdict.kind, decision_.verdict.error, decision_.verdict.target};
        }
    }

    const Decision& decision() const { return decision_; }
    bool held() const { return decision_.held(); }
    HoldQuestion question(Call call) const { return decision_.question(slot_, socket_, call, {}, remote_); }
    // What the controller says.
    void take(const HoldAnswer& answer) {
        answer_ = answer;
        decision_.take(answer);
    }

    // Right before the lower provider is called: as soon as it connects, another thread may ask who the peer is. False:
    // it is not called, the call ends with error().
    bool begin() {
        if (answer_.held || answer_.action == VerdictKind::deny) {
            return false;
        }
        if (has_note(known_, note_redirected | note_peer | note_denied)) {
            drop_note(known_, note_redirected | note_peer | note_denied); // of an earlier connect
        }
        if (answer_.action == VerdictKind::redirect && !redirect()) {
            decision_.take_otherwise();
            answer_ = decision_.denies() ? HoldAnswer::deny(decision_.verdict.error) : HoldAnswer::allow();
            if (decision_.denies()) {
                return false;
            }
        }
        // Of a datagram socket the peer is kept: each datagram is asked for (calls_data.cpp).
        if (policy_in_force() && protocol_of(slot_, socket_, known_) == IPPROTO_UDP) {
            peer_ = note_datagram_peer(known_, remote_);
        }
        return true;
    }
    int error() const { return answer_.error; }
    const sockaddr* name() const { return redirected_ ? target_.name() : name_; }
    int length() const { return redirected_ ? target_.length : length_; }

    // The lower provider has refused: what was noted is not true.
    void failed() {
        if (redirected_ || peer_) {
            drop_note(known_, note_redirected | note_peer);
        }
    }

private:
    // False: the target is of another family, or nobody could show the original (a socket that we do not know).
    bool redirect() {
        redirected_ =
            redirect_target(remote_, answer_.target, target_) && note_redirect(known_, remote_, target_.address);
        return redirected_;
    }

    const Slot& slot_;
    SOCKET socket_;
    Socket known_;
    const sockaddr* name_;
    int length_;
    core::RecordAddress remote_{};
    Decision decision_;
    HoldAnswer answer_ = HoldAnswer::allow();
    LowerAddress target_;
    bool redirected_ = false;
    bool peer_ = false;
};

} // namespace

int on_WSPConnect(Slot& slot, SOCKET socket, const sockaddr* name, int length, LPWSABUF caller_data,
                  LPWSABUF callee_data, LPQOS socket_qos, LPQOS group_qos, LPINT error) {
    const Socket known = process.sockets.find(socket);
    Recording recording(Call::WSPConnect, socket);
    Connect connect(slot, socket, known, name, length);
    if (connect.held()) {
        connect.take(hold_connect(connect.question(Call::WSPConnect), name, length));
    }
    int result = SOCKET_ERROR;
    if (connect.begin()) {
        recording.restart();
        result = slot.lower.lpWSPConnect(socket, connect.name(), connect.length(), caller_data, callee_data, socket_qos,
                                         group_qos, error);
    } else {
        *error = connect.error();
    }
    recording.returned(result == SOCKET_ERROR, error);
    recording.set_decision(connect.decision());
    const bool under_way = result != SOCKET_ERROR || *error == WSAEWOULDBLOCK;
    if (!under_way) {
        connect.failed();
    }
    if (!recording.active()) {
        if (under_way) {
            process.sockets.clear_addresses(known); // whoever watches later must not see where it was connected before
        }
        return result;
    }
    const core::RecordAddress remote = read_address(name, length);
    if (under_way) {
        process.sockets.set_remote(known, remote);
        refresh_local(slot, socket, known);
    }
    recording.set_remote(remote);
    recording.add_cached_addresses(known);
    return result;
}

SOCKET on_WSPJoinLeaf(Slot& slot, SOCKET root, const sockaddr* name, int length, LPWSABUF caller_data,
                      LPWSABUF callee_data, LPQOS socket_qos, LPQOS group_qos, DWORD flags, LPINT error) {
    Recording recording(Call::WSPJoinLeaf, root);
    const core::RecordAddress remote =
        recording.active() || policy_in_force() ? read_address(name, length) : core::RecordAddress{};
    Decision decision = decide_call(slot, root, PolicyCall::connect, remote);
    if (!decision.denies() && decision.verdict.kind != VerdictKind::allow &&
        decision.verdict.kind != VerdictKind::observe) {
        decision.take_otherwise(); // a group cannot be joined elsewhere, and nobody waits to join one
    }
    recording.restart();
    SOCKET socket = INVALID_SOCKET;
    if (decision.denies()) {
        *error = decision.verdict.error;
    } else {
        socket =
            slot.lower.lpWSPJoinLeaf(root, name, length, caller_data, callee_data, socket_qos, group_qos, flags, error);
    }
    // Rootless groups answer with the very socket that was passed in.
    if (socket != INVALID_SOCKET && socket != root) {
        socket = slot.claim_new(socket, error);
    }
    recording.returned(socket == INVALID_SOCKET, error);
    recording.set_decision(decision);
    if (recording.active()) {
        recording.set_remote(remote);
        if (socket != INVALID_SOCKET) {
            recording.set_socket(socket);
        }
        recording.add_cached_addresses(process.sockets.find(socket == INVALID_SOCKET ? root : socket));
    }
    return socket;
}

BOOL on_ConnectEx(const Slot& slot, LPFN_CONNECTEX lower, SOCKET socket, const sockaddr* name, int length, PVOID buffer,
                  DWORD data_length, LPDWORD sent, LPOVERLAPPED overlapped) {
    const Socket known = process.sockets.find(socket);
    Recording recording(Call::ConnectEx, socket);
    const core::RecordAddress remote = recording.active() ? read_address(name, length) : core::RecordAddress{};
    Connect connect(slot, socket, known, name, length);
    if (connect.held()) {
        connect.take(
            hold_connect_ex(connect.question(Call::ConnectEx), lower, name, length, buffer, data_length, overlapped));
    }
    BOOL result = FALSE;
    if (connect.begin()) {
        recording.restart();
        result = lower(socket, connect.name(), connect.length(), buffer, data_length, sent, overlapped);
    } else {
        SetLastError(static_cast<DWORD>(connect.error()));
    }
    const spi::LastErrorKeeper keeper;
    const int error = static_cast<int>(GetLastError());
    recording.returned(!result, &error);
    recording.set_decision(connect.decision());
    const bool under_way = result || error == ERROR_IO_PENDING;
    if (!under_way) {
        connect.failed();
    }
    if (!recording.active()) {
        if (under_way) {
            process.sockets.clear_addresses(known);
        }
        return result;
    }
    recording.set_remote(remote);
    if (recording.accepted()) {
        process.sockets.set_remote(known, remote);
        DWORD bytes = 0;
        if (data_length != 0) {
            recording.set_requested(data_length);
            if (recording.succeeded() && spi::guarded_read(bytes, sent)) {
                recording.set_bytes(bytes);
            }
        }
    }
    recording.add_cached_addresses(known);
    return result;
}

} // namespace winsock_spi::lsp
