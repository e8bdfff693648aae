// Where things are on this machine, without trusting the environment: a child may have been started with an empty or a
// hostile one.
#pragma once

#include <string_view>

#include "wide_text.hpp"

namespace winsock_spi::spi {

// Expands a path of the catalog or the registry. %SystemRoot%, %windir% and %SystemDrive% come from Windows itself,
// anything else from the environment. False: it does not fit, or a variable is unknown.
bool expand_path(std::wstring_view path, PathText& expanded);

// The folder of all programs' data, usually C:\ProgramData, without a backslash at the end.
bool program_data_folder(PathText& folder);

} // namespace winsock_spi::spi
