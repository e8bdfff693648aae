#include "catalog_lock.hpp"

#include "security.hpp"

namespace winsock_spi::spi {

constexpr DWORD lock_milliseconds = 30000;

CatalogLock::~CatalogLock() {
    if (held_) {
        ReleaseMutex(mutex_.get());
    }
}

Status CatalogLock::acquire() {
    // Administrators and SYSTEM only: anyone else could hold it for ever.
    SecurityAttributes security(L"D:P(A;;GA;;;SY)(A;;GA;;;BA)");
    mutex_.reset(CreateMutexW(security.get(), FALSE, L"Global\\winsock-spi-catalog"));
    if (!mutex_ && GetLastError() == ERROR_ACCESS_DENIED) {
        mutex_.reset(CreateMutexW(security.get(), FALSE, L"winsock-spi-catalog"));
    }
    if (!mutex_) {
        return last_error("CreateMutexW", "winsock-spi-catalog");
    }
    const DWORD result = WaitForSingleObject(mutex_.get(), lock_milliseconds);
    // Abandoned: the holder was killed. The journal tells what it left.
    held_ = result == WAIT_OBJECT_0 || result == WAIT_ABANDONED;
    if (held_) {
        return {};
    }
    return result == WAIT_TIMEOUT ? own_error("ERR_BUSY", "another process is changing the Winsock catalog")
                                  : last_error("WaitForSingleObject", "winsock-spi-catalog");
}

} // namespace winsock_spi::spi
