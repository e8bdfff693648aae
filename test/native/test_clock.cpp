// From raw counters to time (core/clock.hpp).
#include "check.hpp"
#include "core/clock.hpp"

#include <memory>

using namespace winsock_spi::core;

namespace {

constexpr std::uint64_t all_ones = ~std::uint64_t{0};

std::unique_ptr<RingHeader> made_at(RingClock clock, std::uint64_t raw, std::uint64_t qpc, std::uint64_t frequency,
                                    std::uint64_t filetime) {
    auto header = std::make_unique<RingHeader>();
    header->clock = clock;
    header->clock_at_creation = raw;
    header->qpc_at_creation = qpc;
    header->qpc_frequency = frequency;
    header->filetime_at_creation = filetime;
    return header;
}

bool near(std::uint64_t value, std::uint64_t expected, std::uint64_t tolerance) {
    return value >= expected - tolerance && value <= expected + tolerance;
}

} // namespace

int main() {
    check::run("a product of 128 bits is divided exactly, and saturates", [] {
        CHECK(multiply_divide(7, 6, 2) == 21);
        CHECK(multiply_divide(all_ones, all_ones, all_ones) == all_ones);
        CHECK(multiply_divide(all_ones, 1'000'000'000, 2'000'000'000) == all_ones / 2);
        CHECK(multiply_divide(0x123456789ABCDEF0, 0xFEDCBA9876543210, 0xFEDCBA9876543210) == 0x123456789ABCDEF0);
        CHECK(multiply_divide(all_ones, 2, 1) == all_ones && multiply_divide(1, 1, 0) == all_ones);
    });

    check::run("ticks of the performance counter become time by its frequency", [] {
        const auto header = made_at(RingClock::qpc, 5000, 5000, 10'000'000, 1'000'000);
        ClockScale scale;
        CHECK(scale.calibrate(*header, {}));
        CHECK(scale.filetime(5000) == 1'000'000);
        CHECK(near(scale.filetime(5000 + 10'000'000), 1'000'000 + 10'000'000, 1));
        CHECK(near(scale.filetime(4000), 1'000'000 - 1000, 1));
        CHECK(near(scale.nanoseconds(100, 200), 10'000, 1));
        CHECK(scale.nanoseconds(200, 100) == 0);
    });

    check::run("ticks of the time stamp counter become time by what both counters did meanwhile", [] {
        // 3 GHz for one hour, a performance counter of 10 MHz.
        const auto header = made_at(RingClock::tsc, 1'000'000'000'000, 777, 10'000'000, 133'000'000'000'000'000);
        constexpr std::uint64_t hour = 3600;
        ClockScale scale;
        CHECK(scale.calibrate(*header, {1'000'000'000'000 + hour * 3'000'000'000, 777 + hour * 10'000'000, 0}));
        CHECK(near(scale.nanoseconds(0, 3'000'000'000), 1'000'000'000, 1));
        CHECK(near(scale.filetime(1'000'000'000'000 + hour * 3'000'000'000),
                   133'000'000'000'000'000 + hour * 10'000'000, 10));
        // A week later, with the same calibration, still within a microsecond per hour.
        constexpr std::uint64_t week = 7 * 24 * hour;
        CHECK(near(scale.filetime(1'000'000'000'000 + week * 3'000'000'000),
                   133'000'000'000'000'000 + week * 10'000'000, 7 * 24 * 10));
    });

    check::run("calibration without elapsed time says so and still gives numbers", [] {
        const auto header = made_at(RingClock::tsc, 1000, 1000, 10'000'000, 5);
        ClockScale scale;
        CHECK(!scale.calibrate(*header, {1000, 1000, 5}));
        CHECK(!scale.calibrate(*header, {900, 1100, 5}));
        CHECK(!scale.calibrate(*header, {1001, all_ones, 5}));
        CHECK(scale.filetime(1000) == 5);
    });

    check::run("hostile numbers give some number", [] {
        ClockScale scale;
        const auto zero = made_at(RingClock::qpc, 0, 0, 0, 0);
        CHECK(!scale.calibrate(*zero, {}));
        scale.filetime(all_ones);
        const auto large = made_at(RingClock::tsc, all_ones - 1, all_ones - 1, 1, all_ones);
        scale.calibrate(*large, {all_ones, all_ones, all_ones});
        CHECK(scale.filetime(all_ones) == all_ones);
        scale.filetime(0);
        scale.nanoseconds(0, all_ones);
    });
    return check::result();
}
