// The process that a socket is exported to.
#pragma once

#include "../status.hpp"
#include "../unique.hpp"

#include <cstdint>

namespace winsock_spi::spi {

struct TargetProcess {
    UniqueHandle handle;
    std::uint32_t pid = 0;
    std::uint64_t start = 0; // FILETIME of its creation: tells it from a later process of the same id
    int bits = 0;            // which of the two catalogs it sees
};

// Opens a process with the rights that an export needs: PROCESS_DUP_HANDLE, and the ones to ask what it is.
// ERR_NO_PROCESS, ERR_PROCESS_RIGHTS (Windows does not let this user). A process that has ended and that somebody still
// holds a handle on can be opened: check_running tells.
// https://learn.microsoft.com/windows/win32/procthread/process-security-and-access-rights
Status open_target(std::uint32_t pid, TargetProcess& target);

// ERR_NO_PROCESS if it has ended.
Status check_running(const TargetProcess& target);

} // namespace winsock_spi::spi
