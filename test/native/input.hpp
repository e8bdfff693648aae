// What a fuzzer draws from its random numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>

namespace check {

class Input {
public:
    explicit Input(std::mt19937_64& random) : random_(random) {}

    std::uint64_t number() { return random_(); }
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    bool one_in(std::uint64_t count) { return below(count) == 0; }
    // Numbers that break things: small, around powers of two, near all ones, or anything.
    std::uint64_t nasty() {
        switch (below(5)) {
        case 0: return below(16);
        case 1: return (std::uint64_t{1} << below(64)) + below(5) - 2;
        case 2: return ~below(4);
        default: return number();
        }
    }
    void fill(std::span<std::byte> bytes) {
        for (std::byte& byte : bytes) {
            byte = static_cast<std::byte>(number());
        }
    }

private:
    std::mt19937_64& random_;
};

} // namespace check
