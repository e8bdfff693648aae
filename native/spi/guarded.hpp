// Reading and writing memory that a program passed to us: a bad pointer is WSAEFAULT, never a crash in the program.
// No system call: structured exception handling, by the compiler where it has it, else by a few lines of assembly.
#pragma once

#include <cstddef>
#include <type_traits>

namespace winsock_spi::spi {

// Copies `size` bytes. False: some byte could not be read or written; what lies before it may have been copied.
bool guarded_copy(void* to, const void* from, std::size_t size);

template <typename T>
bool guarded_read(T& to, const void* from) {
    static_assert(std::is_trivially_copyable_v<T>);
    return from != nullptr && guarded_copy(&to, from, sizeof(T));
}

template <typename T>
bool guarded_write(void* to, const T& from) {
    static_assert(std::is_trivially_copyable_v<T>);
    return to != nullptr && guarded_copy(to, &from, sizeof(T));
}

} // namespace winsock_spi::spi
