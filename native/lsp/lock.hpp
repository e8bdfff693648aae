// A scope that holds a slim reader-writer lock.
#pragma once

#include "spi/win32.hpp"

namespace winsock_spi::lsp {

class LockScope {
public:
    explicit LockScope(SRWLOCK& lock) : lock_(lock) { AcquireSRWLockExclusive(&lock_); }
    ~LockScope() { ReleaseSRWLockExclusive(&lock_); }
    LockScope(const LockScope&) = delete;
    LockScope& operator=(const LockScope&) = delete;

private:
    SRWLOCK& lock_;
};

} // namespace winsock_spi::lsp
