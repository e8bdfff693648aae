// Counts the writes that an operation makes to registry and disk. A test can stand at a gate before each of them: a
// named pipe of its own, which is told of every write and answers before it is made. A process that waits there can be
// ended from outside at exactly that write; so the tests prove that a change survives a kill at any point. Plans and
// the recovery name a gate with "gate"; without one, which is always so outside of tests, this only counts.
#pragma once

#include <cstdint>
#include <string>

#include "unique.hpp"

namespace winsock_spi::spi {

class WritePoints {
public:
    WritePoints() = default;
    explicit WritePoints(const std::wstring& gate);

    // Called immediately before a write.
    void next();
    std::uint64_t count() const { return count_; }
    // For writes that a child process has made on our behalf.
    void add(std::uint64_t count) { count_ += count; }
    // For a child process that goes on counting at the same gate.
    const std::wstring& gate() const { return name_; }

private:
    std::uint64_t count_ = 0;
    std::wstring name_;
    UniqueFile gate_;
};

} // namespace winsock_spi::spi
