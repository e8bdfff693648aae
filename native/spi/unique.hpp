// Owners of system resources: released when the owner goes out of scope, never twice.
#pragma once

#include "win32.hpp"

#include <utility>

namespace winsock_spi::spi {

// Traits: `type`, `static type invalid()`, `static void close(type)`.
template <typename Traits>
class Unique {
public:
    using type = typename Traits::type;

    Unique() = default;
    explicit Unique(type value) : value_(value) {}
    Unique(Unique&& other) noexcept : value_(other.release()) {}
    Unique& operator=(Unique&& other) noexcept {
        reset(other.release());
        return *this;
    }
    Unique(const Unique&) = delete;
    Unique& operator=(const Unique&) = delete;
    ~Unique() { reset(); }

    explicit operator bool() const { return value_ != Traits::invalid(); }
    type get() const { return value_; }
    type release() { return std::exchange(value_, Traits::invalid()); }
    void reset(type value = Traits::invalid()) {
        const type old = std::exchange(value_, value);
        if (old != Traits::invalid()) {
            Traits::close(old);
        }
    }
    // For functions that write the new value through a pointer.
    type* put() {
        reset();
        return &value_;
    }

private:
    type value_ = Traits::invalid();
};

struct HandleTraits { // nullptr: processes, threads, jobs, mutexes, tokens
    using type = HANDLE;
    static type invalid() { return nullptr; }
    static void close(type value) { CloseHandle(value); }
};
struct FileTraits {
    using type = HANDLE;
    static type invalid() { return INVALID_HANDLE_VALUE; }
    static void close(type value) { CloseHandle(value); }
};
struct FindTraits {
    using type = HANDLE;
    static type invalid() { return INVALID_HANDLE_VALUE; }
    static void close(type value) { FindClose(value); }
};
struct KeyTraits {
    using type = HKEY;
    static type invalid() { return nullptr; }
    static void close(type value) { RegCloseKey(value); }
};
struct ModuleTraits {
    using type = HMODULE;
    static type invalid() { return nullptr; }
    static void close(type value) { FreeLibrary(value); }
};
struct LocalTraits { // what advapi32 and FormatMessage allocate
    using type = void*;
    static type invalid() { return nullptr; }
    static void close(type value) { LocalFree(value); }
};

using UniqueHandle = Unique<HandleTraits>;
using UniqueFile = Unique<FileTraits>;
using UniqueFind = Unique<FindTraits>;
using UniqueKey = Unique<KeyTraits>;
using UniqueModule = Unique<ModuleTraits>;
using UniqueLocal = Unique<LocalTraits>;

} // namespace winsock_spi::spi
