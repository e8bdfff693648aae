// What held calls need to know and to note about sockets; see hold_notes.hpp.
#include "hold_notes.hpp"

#include "process.hpp"
#include "socket_notes.hpp"
#include "spi/nt_api.hpp"

namespace winsock_spi::lsp {

SocketCalls calls_of(SOCKET socket) {
    switch (process.modes.get(socket)) {
    case SocketMode::blocking: return SocketCalls::may_wait;
    case SocketMode::non_blocking: return SocketCalls::must_not_wait;
    case SocketMode::unknown: break;
    }
    return SocketCalls::unknown;
}

bool skips_port_on_success(SOCKET socket) {
    struct CompletionModes {
        ULONG flags;
    } modes{};
    constexpr auto file_io_completion_notification_information = static_cast<FILE_INFORMATION_CLASS>(41);
    IO_STATUS_BLOCK status{};
    return spi::nt_success(NtQueryInformationFile(reinterpret_cast<HANDLE>(socket), &status, &modes, sizeof(modes),
                                                  file_io_completion_notification_information)) &&
           (modes.flags & FILE_SKIP_COMPLETION_PORT_ON_SUCCESS) != 0;
}

int shown_error(SOCKET socket, int error) {
    const core::HandleTable::Socket known = process.sockets.find(socket);
    return has_note(known, note_denied) ? notes_of(known).number : error;
}

void after_success(const HeldCall& call) {
    if (skips_port_on_success(call.socket)) {
        complete_cancelled(*call.slot, call.socket, call.later.overlapped);
    }
}

} // namespace winsock_spi::lsp
