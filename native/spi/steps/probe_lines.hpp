// What rescue's command `probe` tells the step that runs it.
#pragma once

#include <cstdint>

namespace winsock_spi::spi {

// Begins a line about something that could not be tried.
inline constexpr const char* skipped_line = "skipped: ";

// The process is not confined as it was to be: this system does not do that.
inline constexpr std::uint32_t not_confined_exit_code = 5;

} // namespace winsock_spi::spi
