// Starting a program that goes on beside this process, with standard streams of this process.
//
// libuv's spawn will not do for a program that is watched: it hands the C runtime's file table over in handles of this
// process's size, so that a 32-bit program started by a 64-bit Node has no stdout; and it puts the program into a job
// of its own, between the program's descendants and the job that follows them.
#pragma once

#include <cstdint>
#include <string>

#include "status.hpp"
#include "unique.hpp"

namespace winsock_spi::spi {

struct StartOptions {
    bool own_output = false;  // its standard output is ours; else it goes to our standard error, as its errors do
    bool end_with_us = false; // it is ended when `StartedProgram` is destroyed or this process ends, however that ends
    std::wstring job; // with all that it starts, in a new job object of this name; they end as with `end_with_us`
};

struct StartedProgram {
    UniqueHandle process;
    UniqueHandle job; // only with `end_with_us` or `job`
    bool whole_tree = false; // the job holds what it starts, too
    std::uint32_t pid = 0;
};

// Starts `program` (a full path) with that command line in `folder`. It reads this process's standard input and has
// its environment.
Status start_program(const std::wstring& program, std::wstring command_line, const std::wstring& folder,
                     const StartOptions& options, StartedProgram& started);

// Waits until it ends, and ends what is left in a named job; the exit code is 32 bits that mean what the program says.
Status wait_for_program(const StartedProgram& started, std::uint32_t& exit_code);

} // namespace winsock_spi::spi
