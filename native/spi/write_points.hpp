// Counts the writes that an operation makes to registry and disk, and can end the process just before a chosen one:
// that is how the tests prove that a change survives a kill at any point. A plan asks for it with "killAt".
#pragma once

#include <cstdint>

#include "win32.hpp"

namespace winsock_spi::spi {

class WritePoints {
public:
    WritePoints() = default;
    explicit WritePoints(std::uint64_t kill_at) : kill_at_(kill_at) {}

    // Called immediately before a write.
    void next() {
        if (++count_ == kill_at_) {
            TerminateProcess(GetCurrentProcess(), 9);
        }
    }
    std::uint64_t count() const { return count_; }
    // For writes that a child process has made on our behalf.
    void add(std::uint64_t count) { count_ += count; }
    // What a child process has left of the way to the kill point; 0 = none.
    std::uint64_t remaining() const { return kill_at_ > count_ ? kill_at_ - count_ : 0; }

private:
    std::uint64_t count_ = 0;
    std::uint64_t kill_at_ = 0; // 0 = never
};

} // namespace winsock_spi::spi
