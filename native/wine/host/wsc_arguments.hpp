// Checks of what programs pass to the WSC functions, which promise WSAEFAULT for bad memory.
#pragma once

#include <cstddef>
#include <new>

#include "winsock_headers.hpp"

namespace winsock_spi::wine {

// IsBadReadPtr and its kin are out of favour because they hide bugs of the caller. Here they are the documented
// behaviour, and the compiler that builds this DLL has no __try.
inline bool readable(const void* memory, std::size_t size) noexcept {
    return memory != nullptr && !IsBadReadPtr(memory, size);
}

inline bool writable(void* memory, std::size_t size) noexcept {
    return memory != nullptr && !IsBadWritePtr(memory, size);
}

// A string of at most `limit` units before its terminator; longer ones are readable too, as far as they are looked at.
inline bool readable_string(const WCHAR* text, std::size_t limit) noexcept {
    return text != nullptr && !IsBadStringPtrW(text, limit + 1);
}

// Ends a function that reports through lpErrno. `function` returns 0 or a Winsock error.
template <class Function>
int with_errno(LPINT error, Function&& function) noexcept {
    if (!writable(error, sizeof(*error))) {
        return SOCKET_ERROR; // WSAEFAULT, but there is nowhere to say so
    }
    int code = 0;
    try {
        code = function();
    } catch (const std::bad_alloc&) {
        code = WSA_NOT_ENOUGH_MEMORY;
    } catch (...) {
        code = WSASYSCALLFAILURE;
    }
    if (code == 0) {
        return 0;
    }
    *error = code;
    return SOCKET_ERROR;
}

} // namespace winsock_spi::wine
