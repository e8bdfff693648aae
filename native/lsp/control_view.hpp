// The two control files (core/control_format.hpp), mapped read-only.
#pragma once

#include "core/control_format.hpp"
#include "spi/wide_text.hpp"

namespace winsock_spi::lsp {

using ReasonText = spi::WideText<256>;

// Maps %ProgramData%\winsock-spi\<name>. nullptr: not there, or not one of ours; `reason` then says which and why.
// The view stays for the life of the process: another thread may be reading it at any time.
const core::ControlFile* map_control_file(const wchar_t* name, ReasonText& reason);

} // namespace winsock_spi::lsp
