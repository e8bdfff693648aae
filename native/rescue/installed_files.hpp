// The files that installations of any version have put below <ProgramFiles>\winsock-spi.
#pragma once

#include <string>

#include "core/json.hpp"

namespace winsock_spi::rescue {

// Steps that delete them, and the folders that get empty by that. Files that a process has loaded, this program's own
// among them, stay until a later operation.
void add_file_steps(const std::wstring& program_files, core::json::Array& steps);

} // namespace winsock_spi::rescue
