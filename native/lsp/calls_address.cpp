// Functions that give a socket its addresses or tell them: bind, connect, listen, getsockname, getpeername.
#include "address.hpp"
#include "handlers.hpp"
#include "recording.hpp"

namespace winsock_spi::lsp {

using core::Call;

int on_WSPBind(Slot& slot, SOCKET socket, const sockaddr* name, int length, LPINT error) {
    Recording recording(Call::WSPBind, socket);
    const int result = slot.lower.lpWSPBind(socket, name, length, error);
    recording.returned(result == SOCKET_ERROR, error);
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

int on_WSPConnect(Slot& slot, SOCKET socket, const sockaddr* name, int length, LPWSABUF caller_data,
                  LPWSABUF callee_data, LPQOS socket_qos, LPQOS group_qos, LPINT error) {
    const core::HandleTable::Socket known = process.sockets.find(socket);
    Recording recording(Call::WSPConnect, socket);
    const int result = slot.lower.lpWSPConnect(socket, name, length, caller_data, callee_data, socket_qos, group_qos,
                                               error);
    recording.returned(result == SOCKET_ERROR, error);
    const bool under_way = result != SOCKET_ERROR || *error == WSAEWOULDBLOCK;
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

int on_WSPListen(Slot& slot, SOCKET socket, int backlog, LPINT error) {
    Recording recording(Call::WSPListen, socket);
    const int result = slot.lower.lpWSPListen(socket, backlog, error);
    recording.returned(result == SOCKET_ERROR, error);
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
    Recording recording(Call::WSPGetPeerName, socket);
    const int result = slot.lower.lpWSPGetPeerName(socket, name, length, error);
    recording.returned(result == SOCKET_ERROR, error);
    if (recording.active()) {
        const core::HandleTable::Socket known = process.sockets.find(socket);
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
