// What held calls need to know and to note about sockets.
#pragma once

#include "held_calls.hpp"

namespace winsock_spi::lsp {

enum class SocketCalls {
    unknown, // a socket that came from another process
    may_wait,
    must_not_wait, // a non-blocking socket
};
SocketCalls calls_of(SOCKET socket);

// Whether a call that succeeds at once puts no packet into the socket's completion port.
bool skips_port_on_success(SOCKET socket);

// What a program sees instead of an error of its connect that the lower provider tells.
int shown_error(SOCKET socket, int error);

// The worker's call succeeded at once, and the program was told that it pends: it gets its packet in any case.
void after_success(const HeldCall& call);

} // namespace winsock_spi::lsp
