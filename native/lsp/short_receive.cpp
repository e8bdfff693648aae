// Receives that are too short for the datagram; see short_receive.hpp.
#include "short_receive.hpp"

#include <utility>

#include "hold_notes.hpp"
#include "process.hpp"

namespace winsock_spi::lsp {

namespace {

constexpr ULONG_PTR status_buffer_overflow = 0x80000005;

// A call that came back with SOCKET_ERROR. What says that its completion comes is the status that the system wrote into
// the program's structure, which the base provider had set to pending. Completion routines are left as they are.
void pend_if_completed(SOCKET socket, const WSAOVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                       int* error) {
    if (*error == WSAEMSGSIZE && overlapped != nullptr && routine == nullptr &&
        overlapped->Internal == status_buffer_overflow && !skips_port_on_success(socket)) {
        *error = WSA_IO_PENDING;
    }
}

template <std::size_t Index>
int WSPAPI receive(SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
                   LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                   LPINT error) {
    const int result =
        process.slots[Index].short_receive(socket, buffers, count, received, flags, overlapped, routine, thread, error);
    if (result == SOCKET_ERROR) {
        pend_if_completed(socket, overlapped, routine, error);
    }
    return result;
}

template <std::size_t Index>
int WSPAPI receive_from(SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags, sockaddr* from,
                        LPINT from_length, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                        LPWSATHREADID thread, LPINT error) {
    const int result = process.slots[Index].short_receive_from(socket, buffers, count, received, flags, from,
                                                               from_length, overlapped, routine, thread, error);
    if (result == SOCKET_ERROR) {
        pend_if_completed(socket, overlapped, routine, error);
    }
    return result;
}

template <std::size_t... Indexes>
void put_between(Slot& slot, std::index_sequence<Indexes...>) {
    static constexpr LPWSPRECV receives[] = {receive<Indexes>...};
    static constexpr LPWSPRECVFROM receives_from[] = {receive_from<Indexes>...};
    slot.short_receive = std::exchange(slot.lower.lpWSPRecv, receives[slot.index]);
    slot.short_receive_from = std::exchange(slot.lower.lpWSPRecvFrom, receives_from[slot.index]);
}

} // namespace

void mend_short_receives(Slot& slot) {
    if (slot.own.socket_type != SOCK_STREAM) {
        put_between(slot, std::make_index_sequence<slot_count>());
    }
}

} // namespace winsock_spi::lsp
