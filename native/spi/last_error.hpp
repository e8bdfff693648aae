// Keeps the thread's last error as it was: programs see GetLastError() after a Winsock call, and what a provider asks
// of Windows on the way must not show there.
#pragma once

#include "win32.hpp"

namespace winsock_spi::spi {

class LastErrorKeeper {
public:
    LastErrorKeeper() : value_(GetLastError()) {}
    ~LastErrorKeeper() { SetLastError(value_); }
    LastErrorKeeper(const LastErrorKeeper&) = delete;
    LastErrorKeeper& operator=(const LastErrorKeeper&) = delete;

private:
    DWORD value_;
};

} // namespace winsock_spi::spi
