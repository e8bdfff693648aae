// How a program hears of what happens on its sockets: WSPEventSelect, WSPAsyncSelect, WSPEnumNetworkEvents; and
// WSPCancelBlockingCall. The first two make a socket non-blocking (socket_mode.hpp).
#include "handlers.hpp"
#include "hold.hpp"
#include "hold_notes.hpp"
#include "process.hpp"
#include "recording.hpp"
#include "spi/guarded.hpp"

namespace winsock_spi::lsp {

using core::Call;

namespace {

// Both make a socket non-blocking where they succeed.
int registered(Recording& recording, SOCKET socket, int result, const int* error) {
    recording.returned(result == SOCKET_ERROR, error);
    if (result != SOCKET_ERROR) {
        process.modes.set(socket, SocketMode::non_blocking);
    }
    if (recording.active()) {
        recording.add_cached_addresses(process.sockets.find(socket));
    }
    return result;
}

} // namespace

int on_WSPEventSelect(Slot& slot, SOCKET socket, WSAEVENT event, long events, LPINT error) {
    Recording recording(Call::WSPEventSelect, socket);
    const int result = slot.lower.lpWSPEventSelect(socket, event, events, error);
    return registered(recording, socket, result, error);
}

int on_WSPAsyncSelect(Slot& slot, SOCKET socket, HWND window, unsigned int message, long events, LPINT error) {
    Recording recording(Call::WSPAsyncSelect, socket);
    const int result = slot.lower.lpWSPAsyncSelect(socket, window, message, events, error);
    return registered(recording, socket, result, error);
}

int on_WSPEnumNetworkEvents(Slot& slot, SOCKET socket, WSAEVENT event, LPWSANETWORKEVENTS events, LPINT error) {
    Recording recording(Call::WSPEnumNetworkEvents, socket);
    const int result = slot.lower.lpWSPEnumNetworkEvents(socket, event, events, error);
    recording.returned(result == SOCKET_ERROR, error);
    WSANETWORKEVENTS seen;
    if (result != SOCKET_ERROR && spi::guarded_read(seen, events) && (seen.lNetworkEvents & FD_CONNECT) != 0 &&
        seen.iErrorCode[FD_CONNECT_BIT] != 0) {
        seen.iErrorCode[FD_CONNECT_BIT] = shown_error(socket, seen.iErrorCode[FD_CONNECT_BIT]);
        spi::guarded_write(events, seen);
    }
    if (recording.active()) {
        recording.add_cached_addresses(process.sockets.find(socket));
    }
    return result;
}

int on_WSPCancelBlockingCall(Slot& slot, LPINT error) {
    Recording recording(Call::WSPCancelBlockingCall, 0);
    const int result = hold_cancel_blocking_call() ? 0 : slot.lower.lpWSPCancelBlockingCall(error);
    recording.returned(result == SOCKET_ERROR, error);
    return result;
}

} // namespace winsock_spi::lsp
