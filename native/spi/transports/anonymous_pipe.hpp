// A line through two anonymous pipes, between a process and a child that it starts.
// https://learn.microsoft.com/windows/win32/ipc/anonymous-pipes
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../start_program.hpp"
#include "../unique.hpp"
#include "mechanism.hpp"

namespace winsock_spi::spi {

// This process's ends of the two pipes.
struct PipeEnds {
    UniqueHandle read;
    UniqueHandle write;
};

// Starts `program` (a full path) with that command line in `folder` and that environment ("NAME=value" each), to which
// `variable`=<read handle>,<write handle> is added. The child inherits its two ends of the pipes and this process's
// standard streams, and no other handle.
Status start_with_pipes(const std::wstring& program, std::wstring command_line, const std::wstring& folder,
                        const std::vector<std::wstring>& environment, const std::wstring& variable,
                        StartedProgram& started, PipeEnds& ends);

// In the child: takes the two inherited handles over, so that no child of its own inherits them. Fails where they are
// no pipes.
Status take_pipe_ends(std::uint32_t read, std::uint32_t write, PipeEnds& ends);

std::unique_ptr<Mechanism> make_anonymous_pipe_line(PipeEnds ends);

} // namespace winsock_spi::spi
