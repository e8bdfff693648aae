// One writer at a time: a named mutex that every operation of this project holds from its first look at the catalog to
// its last write. Windows' own functions keep a lock of their own for the time of one call.
#pragma once

#include "status.hpp"
#include "unique.hpp"

namespace winsock_spi::spi {

class CatalogLock {
public:
    CatalogLock() = default;
    ~CatalogLock();
    CatalogLock(const CatalogLock&) = delete;
    CatalogLock& operator=(const CatalogLock&) = delete;

    // Waits up to 30 s, then ERR_BUSY. Released by the same thread, at the latest when its process ends.
    Status acquire();
    // Waits as long as it takes, or until the event is set; false in that case.
    Status acquire_unless(HANDLE event, bool& acquired);
    void release();

private:
    Status open();

    UniqueHandle mutex_;
    bool held_ = false;
};

} // namespace winsock_spi::spi
