// Checks of what programs pass to the WSC functions, which promise WSAEFAULT for bad memory.
#pragma once

#include <cstddef>
#include <cstring>
#include <cwchar>
#include <new>
#include <string>

#include "../../core/guid.hpp"
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

inline core::Guid to_core(const GUID& guid) noexcept {
    core::Guid result;
    static_assert(sizeof(result) == sizeof(guid));
    std::memcpy(&result, &guid, sizeof(result));
    return result;
}

// The registry holds provider paths as ANSI bytes. One that this code page cannot say would name another file:
// WSAEINVAL, like an empty or too long one.
inline int to_ansi_path(const WCHAR* path, std::string& result) {
    const std::size_t length = wcsnlen(path, MAX_PATH);
    if (length == 0 || length >= MAX_PATH) {
        return WSAEINVAL;
    }
    char bytes[MAX_PATH];
    const int size = WideCharToMultiByte(CP_ACP, 0, path, -1, bytes, sizeof(bytes), nullptr, nullptr);
    WCHAR back[MAX_PATH];
    if (size <= 1 || MultiByteToWideChar(CP_ACP, 0, bytes, size, back, MAX_PATH) == 0 || std::wcscmp(path, back) != 0) {
        return WSAEINVAL;
    }
    result.assign(bytes, static_cast<std::size_t>(size) - 1);
    return 0;
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
