// The raw counter of records: the processor's time stamp counter where it runs at one rate on every core and in every
// sleep state ("invariant"), else QueryPerformanceCounter. Readers turn it into time (core/clock.hpp).
#pragma once

#include "core/ring_format.hpp"
#include "spi/win32.hpp"

#if defined(_M_IX86) || defined(_M_X64) || defined(__i386__) || defined(__x86_64__)
#define WINSOCK_SPI_HAS_TSC 1
#include <intrin.h>
#else
#define WINSOCK_SPI_HAS_TSC 0
#endif

namespace winsock_spi::lsp {

inline core::RingClock best_clock() {
#if WINSOCK_SPI_HAS_TSC
    int registers[4];
    __cpuid(registers, static_cast<int>(0x80000000u));
    if (static_cast<unsigned>(registers[0]) >= 0x80000007u) {
        __cpuid(registers, static_cast<int>(0x80000007u));
        if ((registers[3] & 1 << 8) != 0) {
            return core::RingClock::tsc;
        }
    }
#endif
    return core::RingClock::qpc;
}

inline std::uint64_t read_performance_counter() {
    LARGE_INTEGER value{};
    QueryPerformanceCounter(&value);
    return static_cast<std::uint64_t>(value.QuadPart);
}

inline std::uint64_t read_clock(core::RingClock clock) {
#if WINSOCK_SPI_HAS_TSC
    if (clock == core::RingClock::tsc) {
        return __rdtsc();
    }
#else
    (void)clock;
#endif
    return read_performance_counter();
}

} // namespace winsock_spi::lsp
