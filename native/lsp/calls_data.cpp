// Sending and receiving. Only entered while somebody watches. No system call, no lock, no allocation of ours here.
#include "address.hpp"
#include "buffers.hpp"
#include "handlers.hpp"
#include "recording.hpp"

namespace winsock_spi::lsp {

using core::Call;

namespace {

// What every transfer tells once the lower provider has returned. `done` is where it reported the byte count, if the
// program wanted to know.
void describe_transfer(Recording& recording, SOCKET socket, std::uint64_t requested, const DWORD* done) {
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
    recording.add_cached_addresses(process.sockets.find(socket));
}

} // namespace

int on_WSPSend(Slot& slot, SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags,
               LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
               LPINT error) {
    const std::uint64_t requested = sum_of_buffers(buffers, count);
    Recording recording(Call::WSPSend, socket);
    const int result =
        slot.lower.lpWSPSend(socket, buffers, count, sent, flags, overlapped, routine, thread, error);
    recording.returned(result == SOCKET_ERROR, error);
    describe_transfer(recording, socket, requested, sent);
    return result;
}

int on_WSPSendTo(Slot& slot, SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags,
                 const sockaddr* to, int to_length, LPWSAOVERLAPPED overlapped,
                 LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT error) {
    const std::uint64_t requested = sum_of_buffers(buffers, count);
    const core::RecordAddress remote = read_address(to, to_length);
    Recording recording(Call::WSPSendTo, socket);
    const int result = slot.lower.lpWSPSendTo(socket, buffers, count, sent, flags, to, to_length, overlapped, routine,
                                              thread, error);
    recording.returned(result == SOCKET_ERROR, error);
    if (recording.active()) {
        recording.set_remote(remote);
    }
    describe_transfer(recording, socket, requested, sent);
    return result;
}

int on_WSPRecv(Slot& slot, SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
               LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
               LPINT error) {
    const std::uint64_t requested = sum_of_buffers(buffers, count);
    const bool peek = asks_to_peek(flags);
    Recording recording(Call::WSPRecv, socket);
    const int result =
        slot.lower.lpWSPRecv(socket, buffers, count, received, flags, overlapped, routine, thread, error);
    recording.returned(result == SOCKET_ERROR, error);
    if (recording.active() && peek) {
        recording.set_flag(core::record_peek);
    }
    describe_transfer(recording, socket, requested, received);
    return result;
}

int on_WSPRecvFrom(Slot& slot, SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
                   sockaddr* from, LPINT from_length, LPWSAOVERLAPPED overlapped,
                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT error) {
    const std::uint64_t requested = sum_of_buffers(buffers, count);
    const bool peek = asks_to_peek(flags);
    Recording recording(Call::WSPRecvFrom, socket);
    const int result = slot.lower.lpWSPRecvFrom(socket, buffers, count, received, flags, from, from_length, overlapped,
                                                routine, thread, error);
    recording.returned(result == SOCKET_ERROR, error);
    if (recording.active() && peek) {
        recording.set_flag(core::record_peek);
    }
    if (recording.succeeded() && from != nullptr) {
        recording.set_remote(read_address(from, from_length));
    }
    describe_transfer(recording, socket, requested, received);
    return result;
}

} // namespace winsock_spi::lsp
