// Functions that begin or end the life of a socket: WSPSocket, WSPCloseSocket, WSPShutdown, and WSPCleanup.
#include "address.hpp"
#include "core/triplet.hpp"
#include "handlers.hpp"
#include "hold.hpp"
#include "recording.hpp"
#include "socket_notes.hpp"
#include "spi/guarded.hpp"

namespace winsock_spi::lsp {

using core::Call;

namespace {

// The triplet and the protocol info that the lower provider shall see. A base provider gets its own info, as it does
// without us; what WSPDuplicateSocket has put into the reserved field goes back to the provider it came from. Places
// that the program left to its info are taken from that one, which it may have changed.
struct LowerInfo {
    WSAPROTOCOL_INFOW copy;
    WSAPROTOCOL_INFOW* pointer;
    DWORD reserved;
    core::Triplet triplet;

    LowerInfo(const Slot& slot, const core::Triplet& wanted, WSAPROTOCOL_INFOW* given)
        : pointer(given), reserved(0), triplet(wanted) {
        if (given != nullptr) {
            if (!spi::guarded_read(copy, given)) {
                return;
            }
            reserved = copy.dwProviderReserved;
            triplet = core::complete_triplet(wanted, {copy.iAddressFamily, copy.iSocketType, copy.iProtocol});
        }
        if (slot.in_place_of_base) {
            return; // whatever was asked of the base provider
        }
        // A hidden entry only stands for its provider: no socket is made of it.
        if (core::is_base(slot.next) || (reserved != 0 && slot.next.chain_length > 1)) {
            copy = spi::to_winsock(slot.next);
            copy.dwProviderReserved = reserved;
            pointer = &copy;
        }
    }
};

// Whatever this socket receives we see; but not what another process has under way on one that it shares with us.
void note_new(SOCKET socket, const LowerInfo& lower) {
    const core::HandleTable::Socket known = process.sockets.find(socket);
    if (lower.reserved == 0) {
        note_protocol(known, lower.triplet.family, lower.triplet.socket_type, lower.triplet.protocol);
        add_note(known, note_seen_whole);
    }
}

} // namespace

SOCKET on_WSPSocket(Slot& slot, int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags,
                    LPINT error) {
    Recording recording(Call::WSPSocket, 0);
    LowerInfo lower(slot, {family, type, protocol}, info);
    SOCKET socket = slot.lower.lpWSPSocket(lower.triplet.family, lower.triplet.socket_type, lower.triplet.protocol,
                                           lower.pointer, group, flags, error);
    if (socket != INVALID_SOCKET) {
        socket = slot.claim_new(socket, error);
    }
    if (socket != INVALID_SOCKET && policy_in_force()) [[unlikely]] {
        note_new(socket, lower);
    }
    recording.returned(socket == INVALID_SOCKET, error);
    if (socket != INVALID_SOCKET) {
        process.modes.set(socket, lower.reserved == 0 ? SocketMode::blocking : SocketMode::unknown);
    }
    if (recording.succeeded()) {
        recording.set_socket(socket);
        if (lower.reserved != 0) { // a descriptor of a socket that lives in another process, too
            const core::HandleTable::Socket known = process.sockets.find(socket);
            complete_addresses(slot, socket, known);
            recording.add_cached_addresses(known);
        }
    }
    return socket;
}

int on_WSPCloseSocket(Slot& slot, SOCKET socket, LPINT error) {
    const core::HandleTable::Socket known = process.sockets.find(socket);
    Recording recording(Call::WSPCloseSocket, socket);
    if (recording.active()) {
        complete_addresses(slot, socket, known);
        recording.add_cached_addresses(known);
        recording.restart();
    }
    hold_closing(slot, socket);
    // Before the lower provider frees the handle: from then on another thread may get the same value for a new socket.
    process.sockets.retire(known);
    const int result = slot.lower.lpWSPCloseSocket(socket, error);
    recording.returned(result == SOCKET_ERROR, error);
    if (result == SOCKET_ERROR && *error != WSAENOTSOCK) {
        process.sockets.revive(known); // such as WSAEWOULDBLOCK: the socket stays open
    }
    return result;
}

int on_WSPShutdown(Slot& slot, SOCKET socket, int how, LPINT error) {
    Recording recording(Call::WSPShutdown, socket);
    const int result = slot.lower.lpWSPShutdown(socket, how, error);
    recording.returned(result == SOCKET_ERROR, error);
    if (recording.active()) {
        const core::HandleTable::Socket known = process.sockets.find(socket);
        complete_addresses(slot, socket, known);
        recording.add_cached_addresses(known);
    }
    return result;
}

int on_WSPCleanup(Slot& slot, LPINT error) {
    Recording recording(Call::WSPCleanup, 0);
    const int result = leave_slot(slot, error);
    recording.returned(result == SOCKET_ERROR, error);
    return result;
}

} // namespace winsock_spi::lsp
