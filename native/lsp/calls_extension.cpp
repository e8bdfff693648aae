// The extension functions. They answer through the thread's last error, as the functions of mswsock do.
#include "address.hpp"
#include "buffers.hpp"
#include "handlers.hpp"
#include "recording.hpp"
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

} // namespace

BOOL on_AcceptEx(const Slot&, LPFN_ACCEPTEX lower, SOCKET listener, SOCKET socket, PVOID buffer, DWORD data_length,
                 DWORD local_length, DWORD remote_length, LPDWORD received, LPOVERLAPPED overlapped) {
    Recording recording(Call::AcceptEx, listener);
    const BOOL result =
        lower(listener, socket, buffer, data_length, local_length, remote_length, received, overlapped);
    returned(recording, !result);
    if (recording.accepted() && data_length != 0) {
        recording.set_requested(data_length);
        add_bytes(recording, received);
    }
    recording.add_cached_addresses(process.sockets.find(listener));
    return result;
}

BOOL on_ConnectEx(const Slot&, LPFN_CONNECTEX lower, SOCKET socket, const sockaddr* name, int length, PVOID buffer,
                  DWORD data_length, LPDWORD sent, LPOVERLAPPED overlapped) {
    const core::HandleTable::Socket known = process.sockets.find(socket);
    Recording recording(Call::ConnectEx, socket);
    const core::RecordAddress remote = recording.active() ? read_address(name, length) : core::RecordAddress{};
    if (recording.active()) {
        recording.restart();
    }
    const BOOL result = lower(socket, name, length, buffer, data_length, sent, overlapped);
    returned(recording, !result);
    if (!recording.active()) {
        const spi::LastErrorKeeper keeper;
        if (result || GetLastError() == ERROR_IO_PENDING) {
            process.sockets.clear_addresses(known);
        }
        return result;
    }
    recording.set_remote(remote);
    if (recording.accepted()) {
        process.sockets.set_remote(known, remote);
        if (data_length != 0) {
            recording.set_requested(data_length);
            add_bytes(recording, sent);
        }
    }
    recording.add_cached_addresses(known);
    return result;
}

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
    }
    return result;
}

BOOL on_TransmitFile(const Slot&, LPFN_TRANSMITFILE lower, SOCKET socket, HANDLE file, DWORD file_bytes,
                     DWORD per_send, LPOVERLAPPED overlapped, LPTRANSMIT_FILE_BUFFERS buffers, DWORD flags) {
    std::uint64_t requested = 0;
    const bool known_length = requested_of(file_bytes, file, buffers, requested);
    Recording recording(Call::TransmitFile, socket);
    const BOOL result = lower(socket, file, file_bytes, per_send, overlapped, buffers, flags);
    returned(recording, !result);
    if (recording.accepted() && known_length) {
        recording.set_requested(requested);
    }
    recording.add_cached_addresses(process.sockets.find(socket));
    return result;
}

BOOL on_TransmitPackets(const Slot&, LPFN_TRANSMITPACKETS lower, SOCKET socket, LPTRANSMIT_PACKETS_ELEMENT elements,
                        DWORD count, DWORD per_send, LPOVERLAPPED overlapped, DWORD flags) {
    std::uint64_t requested = 0;
    const bool known_length = requested_of(elements, count, requested);
    Recording recording(Call::TransmitPackets, socket);
    const BOOL result = lower(socket, elements, count, per_send, overlapped, flags);
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
    if (!recording.active()) {
        return lower(socket, message, received, overlapped, routine);
    }
    const Message before = read_message(message);
    const bool peek = message != nullptr && asks_to_peek(&message->dwFlags);
    recording.restart();
    const INT result = lower(socket, message, received, overlapped, routine);
    returned(recording, result == SOCKET_ERROR);
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

INT on_WSASendMsg(const Slot&, LPFN_WSASENDMSG lower, SOCKET socket, LPWSAMSG message, DWORD flags, LPDWORD sent,
                  LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    Recording recording(Call::WSASendMsg, socket);
    if (!recording.active()) {
        return lower(socket, message, flags, sent, overlapped, routine);
    }
    const Message before = read_message(message);
    recording.restart();
    const INT result = lower(socket, message, flags, sent, overlapped, routine);
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
