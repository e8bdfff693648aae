// From raw counter values in records to time: FILETIME (100 ns since 1601) and durations in nanoseconds.
// The provider reads the raw counter, QueryPerformanceCounter and the system time together when it makes its ring;
// the reader reads the three again, now, and the pair of samples gives the counter's rate. Input may be hostile:
// nothing here overflows, divides by zero or loops on it.
#pragma once

#include <cstdint>

#include "ring_format.hpp"

namespace winsock_spi::core {

struct ClockSample {
    std::uint64_t clock; // the ring's clock: TSC, or QueryPerformanceCounter again
    std::uint64_t qpc;
    std::uint64_t filetime;
};

// a * b / c with a 128-bit product; all ones when the result does not fit or c is 0.
std::uint64_t multiply_divide(std::uint64_t a, std::uint64_t b, std::uint64_t c);

class ClockScale {
public:
    // `now` is the reader's own sample. False when the two samples give no rate (no time between them, or nonsense):
    // the scale is then that of the performance counter.
    bool calibrate(const RingHeader& header, const ClockSample& now);

    std::uint64_t filetime(std::uint64_t clock) const;
    std::uint64_t nanoseconds(std::uint64_t begin, std::uint64_t end) const;

private:
    // nanoseconds = ticks * rate_ / 2^rate_shift
    static constexpr unsigned rate_shift = 40;
    std::uint64_t to_nanoseconds(std::uint64_t ticks) const;

    ClockSample anchor_{};
    std::uint64_t rate_ = 0;
};

} // namespace winsock_spi::core
