// Wine's own ws2_32.dll, kept beside the DLL that took its place:
// <system folder of this process's bitness>\winsock-wine\ws2_32.dll.
#pragma once

#include <atomic>
#include <type_traits>

#include "host/winsock_headers.hpp"

namespace winsock_spi::wine {

// FARPROC into the type of the function it is. Through void*, because compilers warn (rightly, elsewhere) of a cast
// between function types.
template <typename Function>
Function function_cast(FARPROC address) noexcept {
    static_assert(std::is_pointer_v<Function>);
    return reinterpret_cast<Function>(reinterpret_cast<void*>(address));
}

// Wine's DLL, loaded at first use and then for the life of the process: its functions are handed out to programs
// (extension functions), so there is no time at which it could be let go. nullptr if it cannot be loaded.
HMODULE wine_module() noexcept;

// One function of Wine's DLL, looked up at its first use. Constant-initialised, so it may be used at any time, before
// this DLL's own initialisation too.
class WineFunction {
public:
    explicit constexpr WineFunction(const char* name) noexcept : name_(name) {}

    // nullptr if Wine does not have it.
    FARPROC address() noexcept {
        const FARPROC known = address_.load(std::memory_order_acquire);
        return known != nullptr ? known : look_up();
    }

    template <typename Function>
    Function as() noexcept {
        return function_cast<Function>(address());
    }

private:
    FARPROC look_up() noexcept;

    const char* name_;
    std::atomic<FARPROC> address_{nullptr};
};

} // namespace winsock_spi::wine
