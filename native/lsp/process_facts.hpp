// What rules may ask about this process, found out once.
#pragma once

#include "core/policy.hpp"

#include <cstdint>

namespace winsock_spi::lsp {

// Program, command line, user and the processes that it descends from. What Windows does not tell stays empty. Callers
// see to it that only one thread asks for the first time.
const core::ProcessFacts& process_facts();

// FILETIME of this process's start.
std::uint64_t own_start_time();

// The process that started this one; it may have ended. 0: not told.
std::uint32_t own_parent();

// Full path of the module that called Winsock: the first one on the stack that is neither ours nor Winsock's. Empty
// where the stack does not tell.
class CallingModule {
public:
    CallingModule();
    std::u16string_view path() const { return {text_, length_}; }

private:
    static constexpr std::size_t capacity = 1024;
    char16_t text_[capacity];
    std::size_t length_ = 0;
};

// Local time as rules know it: Monday 00:00 = 0.
std::uint16_t minute_of_week();

} // namespace winsock_spi::lsp
