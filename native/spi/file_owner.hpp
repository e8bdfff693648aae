// Whose an open file is, compared with who a process runs as.
#pragma once

#include "unique.hpp"

namespace winsock_spi::spi {

// Administrators, SYSTEM, the installer service or this very user.
bool is_trusted(PSID sid);

enum class OwnerAnswer { no, yes, unknown };

class FileOwner {
public:
    // `file` needs READ_CONTROL. Without an answer of the system the owner is nobody's.
    explicit FileOwner(HANDLE file);

    // Whether that process's user owns the file, or whom this user's new files belong to. unknown: the process's token
    // may not be looked at. `process` needs PROCESS_QUERY_LIMITED_INFORMATION.
    OwnerAnswer is_of(HANDLE process) const;

    bool is_trusted() const { return owner_ != nullptr && spi::is_trusted(owner_); }

private:
    UniqueLocal descriptor_;
    PSID owner_ = nullptr; // into descriptor_
};

} // namespace winsock_spi::spi
