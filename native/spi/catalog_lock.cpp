#include "catalog_lock.hpp"

#include "security.hpp"

namespace winsock_spi::spi {

constexpr DWORD lock_milliseconds = 30000;

CatalogLock::~CatalogLock() {
    release();
}

void CatalogLock::release() {
    if (held_) {
        ReleaseMutex(mutex_.get());
        held_ = false;
    }
}

Status CatalogLock::open() {
    if (mutex_) {
        return {};
    }
    // Administrators and SYSTEM only: anyone else could hold it for ever.
    SecurityAttributes security(L"D:P(A;;GA;;;SY)(A;;GA;;;BA)");
    mutex_.reset(CreateMutexW(security.get(), FALSE, L"Global\\winsock-spi-catalog"));
    if (!mutex_ && GetLastError() == ERROR_ACCESS_DENIED) {
        mutex_.reset(CreateMutexW(security.get(), FALSE, L"winsock-spi-catalog"));
    }
    return mutex_ ? Status{} : last_error("CreateMutexW", "winsock-spi-catalog");
}

Status CatalogLock::acquire() {
    if (Status status = open(); !status.ok()) {
        return status;
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

Status CatalogLock::acquire_unless(HANDLE event, bool& acquired) {
    acquired = false;
    if (Status status = open(); !status.ok()) {
        return status;
    }
    const HANDLE both[] = {event, mutex_.get()}; // where both are ready the event counts
    switch (WaitForMultipleObjects(2, both, FALSE, INFINITE)) {
    case WAIT_OBJECT_0: return {};
    case WAIT_OBJECT_0 + 1:
    case WAIT_ABANDONED_0 + 1: acquired = held_ = true; return {};
    default: return last_error("WaitForMultipleObjects", "winsock-spi-catalog");
    }
}

} // namespace winsock_spi::spi
