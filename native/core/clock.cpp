// From raw counter values in records to time; see clock.hpp.
#include "clock.hpp"

namespace winsock_spi::core {

namespace {

constexpr std::uint64_t all_ones = ~std::uint64_t{0};
constexpr std::uint64_t low_half = 0xFFFFFFFF;

struct Product {
    std::uint64_t high;
    std::uint64_t low;
};

constexpr Product multiply(std::uint64_t a, std::uint64_t b) {
    const std::uint64_t low_low = (a & low_half) * (b & low_half);
    const std::uint64_t low_high = (a & low_half) * (b >> 32);
    const std::uint64_t high_low = (a >> 32) * (b & low_half);
    const std::uint64_t middle = (low_low >> 32) + (low_high & low_half) + (high_low & low_half);
    return {(a >> 32) * (b >> 32) + (low_high >> 32) + (high_low >> 32) + (middle >> 32),
            middle << 32 | (low_low & low_half)};
}

} // namespace

std::uint64_t multiply_divide(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    const Product product = multiply(a, b);
    if (c == 0 || product.high >= c) {
        return all_ones;
    }
    // Long division bit by bit: used once per calibration, never per record.
    std::uint64_t remainder = product.high;
    std::uint64_t quotient = 0;
    for (unsigned bit = 64; bit-- > 0;) {
        const bool carry = remainder >> 63 != 0;
        remainder = remainder << 1 | (product.low >> bit & 1);
        quotient <<= 1;
        if (carry || remainder >= c) {
            remainder -= c;
            quotient |= 1;
        }
    }
    return quotient;
}

bool ClockScale::calibrate(const RingHeader& header, const ClockSample& now) {
    constexpr std::uint64_t second = 1'000'000'000;
    anchor_ = {header.clock_at_creation, header.qpc_at_creation, header.filetime_at_creation};
    rate_ = multiply_divide(second << 20, std::uint64_t{1} << (rate_shift - 20), header.qpc_frequency);
    if (header.clock == RingClock::qpc) {
        return header.qpc_frequency != 0;
    }
    if (now.clock <= anchor_.clock || now.qpc <= anchor_.qpc) {
        return false;
    }
    const std::uint64_t elapsed = multiply_divide(now.qpc - anchor_.qpc, second, header.qpc_frequency);
    const std::uint64_t rate = multiply_divide(elapsed, std::uint64_t{1} << rate_shift, now.clock - anchor_.clock);
    if (elapsed == all_ones || rate == all_ones || rate == 0) {
        return false;
    }
    rate_ = rate;
    return true;
}

std::uint64_t ClockScale::to_nanoseconds(std::uint64_t ticks) const {
    const Product product = multiply(ticks, rate_);
    if (product.high >> rate_shift != 0) {
        return all_ones;
    }
    return product.high << (64 - rate_shift) | product.low >> rate_shift;
}

std::uint64_t ClockScale::filetime(std::uint64_t clock) const {
    if (clock >= anchor_.clock) {
        const std::uint64_t after = to_nanoseconds(clock - anchor_.clock) / 100;
        return after > all_ones - anchor_.filetime ? all_ones : anchor_.filetime + after;
    }
    // Another processor's counter may be a little behind at the ring's first records.
    const std::uint64_t before = to_nanoseconds(anchor_.clock - clock) / 100;
    return before > anchor_.filetime ? 0 : anchor_.filetime - before;
}

std::uint64_t ClockScale::nanoseconds(std::uint64_t begin, std::uint64_t end) const {
    return end > begin ? to_nanoseconds(end - begin) : 0;
}

} // namespace winsock_spi::core
