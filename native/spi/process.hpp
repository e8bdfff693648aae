// Running a program to its end, with a time-out and without giving it anything of ours but one pipe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "confinement.hpp"
#include "status.hpp"

namespace winsock_spi::spi {

struct ProgramResult {
    std::uint32_t exit_code = 0;
    bool timed_out = false;
    std::string output; // the beginning of what it wrote to stdout and stderr, without line ends behind it
};

// Runs `program` with the arguments. It dies with this process and at the time-out, its children with it. All that it
// writes is taken, so that it never waits for us; `most_output` bytes of that are kept.
Status run_program(const std::wstring& program, const std::vector<std::wstring>& arguments, std::uint32_t milliseconds,
                   ProgramResult& result, std::size_t most_output = 65536, Confinement confinement = Confinement::none);

// One argument as the C runtime's rules take it apart again.
std::wstring quote_argument(const std::wstring& argument);

} // namespace winsock_spi::spi
