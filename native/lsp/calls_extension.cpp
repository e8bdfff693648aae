// The extension functions. They answer through the thread's last error, as the functions of mswsock do.
#include "address.hpp"
#include "accepted.hpp"
#include "buffers.hpp"
#include "datagram.hpp"
#include "handlers.hpp"
#include "recording.hpp"
#include "socket_notes.hpp"
#include "spi/last_error.hpp"

namespace winsock_spi::lsp {

using core::Call;

namespace {

void returned(Recording& recording, bool failed) {
    const int error = failed && recording.active() ? static_cast<int>(GetLastError()) : 0;
    recording.returned(failed, &error);
}

void add_bytes(Recording& recording, const DWORD* done) {
    DWORD bytes = 0;
    if (recording.succeeded() && spi::guarded_read(bytes, done)) {
        recording.set_bytes(bytes);
    }
}

struct Message {
    std::uint64_t requested = 0;
    core::RecordAddress name{};
};

// WSAMSG of WSASendMsg and WSARecvMsg: its buffers and, where it holds one, the address.
Message read_message(const WSAMSG* pointer) {
    Message result;
    WSAMSG message;
    if (spi::guarded_read(message, pointer)) {
        result.requested = sum_of_buffers(message.lpBuffers, message.dwBufferCount);
        result.name = read_address(message.name, message.namelen);
    }
    return result;
}

// The bytes that TransmitFile was asked for; false when they depend on the file's length.
bool requested_of(DWORD file_bytes, HANDLE file, const TRANSMIT_FILE_BUFFERS* buffers, std::uint64_t& requested) {
    requested = file_bytes;
    TRANSMIT_FILE_BUFFERS around{};
    if (buffers != nullptr && spi::guarded_read(around, buffers)) {
        requested += std::uint64_t{around.HeadLength} + around.TailLength;
    }
    return file_bytes != 0 || file == nullptr;
}

bool requested_of(const TRANSMIT_PACKETS_ELEMENT* elements, DWORD count, std::uint64_t& requested) {
    requested = 0;
    for (DWORD index = 0; index < count; ++index) {
        TRANSMIT_PACKETS_ELEMENT element;
        if (!spi::guarded_read(element, elements + index) ||
            ((element.dwElFlags & TP_ELEMENT_FILE) != 0 && element.cLength == 0)) {
            return false;
        }
        requested += element.cLength;
    }
    return true;
}

// A connection that AcceptEx has taken and the policy refuses. Sets the last error.
bool refuses_transfer(const Slot& slot, SOCKET socket) {
    if (process.policy.notes_expected() == 0) [[likely]] {
        return false;
    }
    const core::HandleTable::Socket known = process.sockets.find(socket);
    const int error = has_note(known, note_accept_ex | note_refused) ? refusal_of(slot, socket, known) : 0;
    if (error != 0) {
        SetLastError(static_cast<DWORD>(error));
    }
    return error != 0;
}

INT send_message(LPFN_WSASENDMSG lower, Datagram& datagram, SOCKET socket, WSAMSG* pointer, DWORD flags, DWORD* sent,
                 WSAOVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    // Nothing says how long an overlapped call needs its WSAMSG: a copy on the stack may be gone by then.
    if (!datagram.begin(overlapped == nullptr)) {
        SetLastError(static_cast<DWORD>(datagram.error()));
        return SOCKET_ERROR;
    }
    WSAMSG message;
    LowerAddress target;
    if (datagram.target() == nullptr || !spi::guarded_read(message, pointer)) {
        return lower(socket, pointer, flags, sent, overlapped, routine);
    }
    target = *datagram.target();
    message.name = reinterpret_cast<sockaddr*>(&target.storage);
    message.namelen = target.length;
    return lower(socket, &message, flags, sent, overlapped, routine);
}

// The sender that a received message names, where it is somebody else to the program.
void show_original_sender(const core::HandleTable::Socket& known, WSAMSG* pointer) {
    WSAMSG message;
    if (spi::guarded_read(message, pointer)) {
        show_original(known, message.name, &pointer->namelen);
    }
}

} // namespace

BOOL on_DisconnectEx(const Slot&, LPFN_DISCONNECTEX lower, SOCKET socket, LPOVERLAPPED overlapped, DWORD flags,
                     DWORD reserved) {
    const core::HandleTable::Socket known = process.sockets.find(socket);
    Recording recording(Call::DisconnectEx, socket);
    recording.add_cached_addresses(known);
    const BOOL result = lower(socket, overlapped, flags, reserved);
    returned(recording, !result);
    const spi::LastErrorKeeper keeper;
    if (result || GetLastError() == ERROR_IO_PENDING) {
        process.sockets.clear_addresses(known); // TF_REUSE_SOCKET: it begins anew
        if (has_note(known, note_redirected | note_denied)) {
            drop_note(known, note_redirected | note_denied);
        }
    }
    return result;
}

BOOL on_TransmitFile(const Slot& slot, LPFN_TRANSMITFILE lower, SOCKET socket, HANDLE file, DWORD file_bytes,
                     DWORD per_send, LPOVERLAPPED overlapped, LPTRANSMIT_FILE_BUFFERS buffers, DWORD flags) {
    std::uint64_t requested = 0;
    const bool known_length = requested_of(file_bytes, file, buffers, requested);
    const bool refused = refuses_transfer(slot, socket);
    Recording recording(Call::TransmitFile, socket);
    const BOOL result = !refused && lower(socket, file, file_bytes, per_send, overlapped, buffers, flags);
    returned(recording, !result);
    if (recording.accepted() && known_length) {
        recording.set_requested(requested);
    }
    recording.add_cached_addresses(process.sockets.find(socket));
    return result;
}

BOOL on_TransmitPackets(const Slot& slot, LPFN_TRANSMITPACKETS lower, SOCKET socket,
                        LPTRANSMIT_PACKETS_ELEMENT elements, DWORD count, DWORD per_send, LPOVERLAPPED overlapped,
                        DWORD flags) {
    std::uint64_t requested = 0;
    const bool known_length = requested_of(elements, count, requested);
    const bool refused = refuses_transfer(slot, socket);
    Recording recording(Call::TransmitPackets, socket);
    const BOOL result = !refused && lower(socket, elements, count, per_send, overlapped, flags);
    returned(recording, !result);
    if (recording.accepted() && known_length) {
        recording.set_requested(requested);
    }
    recording.add_cached_addresses(process.sockets.find(socket));
    return result;
}

INT on_WSARecvMsg(const Slot&, LPFN_WSARECVMSG lower, SOCKET socket, LPWSAMSG message, LPDWORD received,
                  LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    Recording recording(Call::WSARecvMsg, socket);
    const bool intercepted = (process.policy.generation() | process.policy.notes_expected()) != 0;
    if (!recording.active() && !intercepted) {
        return lower(socket, message, received, overlapped, routine);
    }
    const core::HandleTable::Socket known = process.sockets.find(socket);
    if (intercepted && overlapped != nullptr) {
        note_late_receive(known);
    }
    const Message before = read_message(message);
    const bool peek = message != nullptr && asks_to_peek(&message->dwFlags);
    recording.restart();
    const INT result = lower(socket, message, received, overlapped, routine);
    returned(recording, result == SOCKET_ERROR);
    if (result != SOCKET_ERROR && has_note(known, note_redirected | note_datagram_map)) {
        show_original_sender(known, message);
    }
    if (peek) {
        recording.set_flag(core::record_peek);
    }
    if (recording.accepted()) {
        recording.set_requested(before.requested);
        add_bytes(recording, received);
    }
    if (recording.succeeded()) {
        recording.set_remote(read_message(message).name);
    }
    recording.add_cached_addresses(process.sockets.find(socket));
    return result;
}

INT on_WSASendMsg(const Slot& slot, LPFN_WSASENDMSG lower, SOCKET socket, LPWSAMSG message, DWORD flags, LPDWORD sent,
                  LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    Recording recording(Call::WSASendMsg, socket);
    if (!recording.active() && !policy_in_force()) {
        return lower(socket, message, flags, sent, overlapped, routine);
    }
    const Message before = read_message(message);
    recording.restart();
    INT result = SOCKET_ERROR;
    if (policy_in_force()) {
        Datagram datagram(slot, socket, process.sockets.find(socket), before.name);
        if (datagram.held()) {
            datagram.take(hold_transfer(datagram, Call::WSASendMsg, overlapped));
        }
        result = send_message(lower, datagram, socket, message, flags, sent, overlapped, routine);
        recording.set_decision(datagram.decision());
    } else {
        result = lower(socket, message, flags, sent, overlapped, routine);
    }
    returned(recording, result == SOCKET_ERROR);
    recording.set_remote(before.name);
    if (recording.accepted()) {
        recording.set_requested(before.requested);
        add_bytes(recording, sent);
    }
    recording.add_cached_addresses(process.sockets.find(socket));
    return result;
}

} // namespace winsock_spi::lsp
