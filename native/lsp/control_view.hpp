// The two control files (core/control_format.hpp), mapped read-only.
#pragma once

#include "core/control_format.hpp"
#include "spi/wide_text.hpp"

namespace winsock_spi::lsp {

using ReasonText = spi::WideText<256>;

struct ControlView {
    const core::ControlFile* file = nullptr;
    bool known = false; // false: only its first 24 bytes, which are the same in every ABI, say anything to us
};

// Maps %ProgramData%\winsock-spi\<name>. No file: not there, or not one of ours. `reason` says what is wrong with it,
// also where it is one of an ABI that we do not know.
// The view stays for the life of the process: another thread may be reading it at any time.
ControlView map_control_file(const wchar_t* name, ReasonText& reason);

} // namespace winsock_spi::lsp
