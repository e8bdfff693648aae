// What the host-dispatch test and its strange provider agree on. Each behaviour is a provider of its own in the
// catalog: one GUID and one triplet (AF_INET, SOCK_RDM, a protocol that nobody has), so that programs in the same
// prefix never meet it.
#pragma once

#include <winsock2.h>
#include <ws2spi.h>

namespace strange {

inline constexpr int family = AF_INET;
inline constexpr int type = SOCK_RDM;
inline constexpr int first_protocol = 0x4000;

enum class Mode : int {
    silent,       // works with plain handles; functions fail or succeed as Report::fails and error say
    null_entry,   // leaves WSPSend out of its table
    start_fails,  // WSPStartup answers WSAENETDOWN
    old_version,  // says it speaks version 1.1
    declines,     // WSPSocket answers WSAEINPROGRESS
    non_ifs,      // makes its handles with WPUCreateSocketHandle
    reenters,     // opens sockets from WSPStartup
    layer,        // passes TCP to the base provider and claims its handles
    layer_silent, // the same, but claims only what WSPSocket makes
    count
};

inline constexpr int protocol_of(Mode mode) {
    return first_protocol + static_cast<int>(mode);
}

inline constexpr GUID guid_of(Mode mode) {
    return GUID{0x57A4A6E0, 0x0DD5, 0x4D11, {0x90, 0, 0, 0, 0, 0, 0, static_cast<unsigned char>(mode)}};
}

// Calls that reached the provider, counted by name in the order of the procedure table.
enum Call : int {
    call_accept,
    call_address_to_string,
    call_async_select,
    call_bind,
    call_cancel_blocking,
    call_cleanup,
    call_close,
    call_connect,
    call_duplicate,
    call_enum_events,
    call_event_select,
    call_get_overlapped,
    call_get_peer,
    call_get_name,
    call_get_option,
    call_get_qos,
    call_ioctl,
    call_join_leaf,
    call_listen,
    call_recv,
    call_recv_disconnect,
    call_recv_from,
    call_select,
    call_send,
    call_send_disconnect,
    call_send_to,
    call_set_option,
    call_shutdown,
    call_socket,
    call_string_to_address,
    call_startup,
    call_kinds
};

// Lives in the test program: what the provider writes is still there when its DLL has gone.
struct Report {
    volatile long calls[static_cast<int>(Mode::count)][call_kinds];
    WSPUPCALLTABLE upcalls;
    WSAPROTOCOL_INFOW started_with[static_cast<int>(Mode::count)];
    DWORD last_flags;            // dwFlags or *lpFlags of the last socket, send or receive call
    DWORD last_ioctl;
    DWORD thread_of_routine;     // thread id in the WSATHREADID of the last call that had one
    int fails;                   // 1: functions fail with `error`, 0: they succeed
    int error;                   // may be 0: a provider that gives no reason
    DWORD received_flags;        // what WSPRecv answers in *lpFlags
    int reentry_own;             // `reenters`: error of opening a socket of its own kind in WSPStartup
    int reentry_tcp;             // and of TCP
    HANDLE worker_may_end; // `layer`: if set, WSPRecv calls the base provider from a thread that lives until then
    int close_error; // WSPCloseSocket fails with it, if not 0
    int start_error; // what WSPStartup of `start_fails` answers
};

} // namespace strange
