// Which of the two catalogs a process sees.
#pragma once

#include "win32.hpp"

namespace winsock_spi::spi {

// 32 or 64; 0 where nobody can tell. The handle needs PROCESS_QUERY_LIMITED_INFORMATION.
int process_bits(HANDLE process);

} // namespace winsock_spi::spi
