// The buffers of a send or receive, as far as records tell about them.
#pragma once

#include "spi/guarded.hpp"
#include "spi/win32.hpp"

#include <cstdint>

namespace winsock_spi::lsp {

// The sum of the buffers' lengths. Read before the lower provider is called, and guarded: once an overlapped call is
// under way, another thread may already have completed it and released the array. Only recorded if the call was
// accepted; so a bad array, whose sum is meaningless, is never told.
inline std::uint64_t sum_of_buffers(const WSABUF* buffers, DWORD count) {
    std::uint64_t sum = 0;
    for (DWORD index = 0; index < count; ++index) {
        WSABUF buffer;
        if (!spi::guarded_read(buffer, buffers + index)) {
            break;
        }
        sum += buffer.len;
    }
    return sum;
}

// A flags parameter that the call will overwrite.
inline bool asks_to_peek(const DWORD* flags) {
    DWORD value = 0;
    return spi::guarded_read(value, flags) && (value & MSG_PEEK) != 0;
}

} // namespace winsock_spi::lsp
