// WSCWriteProviderOrder(32): a new order of the catalog. Unlike the other WSC functions they return the error itself.
#include <limits>
#include <vector>

#include "catalog_writer.hpp"
#include "reorder.hpp"
#include "wsc_arguments.hpp"

#include <sporder.h> // leans on ws2spi.h

namespace winsock_spi::wine {

namespace {

int write_order(Bitness bitness, const DWORD* ids, DWORD count) {
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(*ids) ||
        !readable(ids, static_cast<std::size_t>(count) * sizeof(*ids))) {
        return WSAEINVAL; // the page names no other error for bad arguments
    }
    const std::vector<std::uint32_t> wanted(ids, ids + count);
    CatalogTransaction transaction;
    Items* items = nullptr;
    int error = transaction.begin();
    if (error == 0) {
        error = transaction.load(bitness, items);
    }
    if (error != 0) {
        return error;
    }
    const bool complete = reorder(*items, wanted, [](const core::PackedCatalogItem& item, std::uint32_t id) {
        return item.info.catalog_entry_id == id;
    });
    return complete ? transaction.commit() : WSAEINVAL;
}

int write_order_safely(Bitness bitness, const DWORD* ids, DWORD count) noexcept {
    int error = 0;
    with_errno(&error, [&] { return write_order(bitness, ids, count); });
    return error;
}

} // namespace

} // namespace winsock_spi::wine

using namespace winsock_spi::wine;

extern "C" {

int WSPAPI WSCWriteProviderOrder(LPDWORD ids, DWORD count) {
    return write_order_safely(native_bitness, ids, count);
}

#ifdef _WIN64
int WSPAPI WSCWriteProviderOrder32(LPDWORD ids, DWORD count) {
    return write_order_safely(Bitness::bits32, ids, count);
}
#endif

} // extern "C"
