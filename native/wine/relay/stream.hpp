// Copying of bytes from one handle to another until either end is gone.
#pragma once

#include "handle.hpp"

namespace winsock_spi::wine {

// One of the three standard streams of a program: its end goes to the program, ours stays here.
struct Stream {
    Handle program;
    Handle ours;
};

enum class Direction { to_program, from_program };

// Makes the Windows pipe of one standard stream. Returns a Windows error code, 0 = made.
DWORD make_stream(Direction direction, Stream& stream);

// Copies what arrives, as it arrives, until `from` ends or `to` takes no more.
void copy(HANDLE from, HANDLE to);

} // namespace winsock_spi::wine
