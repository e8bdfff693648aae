// One loaded provider DLL: its 30 functions, from WSPStartup to WSPCleanup.
#pragma once

#include <memory>

#include "catalog.hpp" // before other headers that bring Winsock's

#include "../../spi/unique.hpp"

namespace winsock_spi::wine {

class Provider {
public:
    // Loads the entry's DLL and starts it. 0, or what the caller of Winsock is told:
    // WSAEPROVIDERFAILEDINIT (no such DLL, cannot be loaded, has no WSPStartup, WSPStartup failed),
    // WSAEINVALIDPROVIDER (speaks another version), WSAEINVALIDPROCTABLE (left out a function),
    // WSA_NOT_ENOUGH_MEMORY. After a failure nothing of it stays loaded.
    static int load(const CatalogEntry& entry, std::shared_ptr<const Provider>& result) noexcept;

    // WSPCleanup, then the DLL is let go.
    ~Provider();
    Provider(const Provider&) = delete;
    Provider& operator=(const Provider&) = delete;

    const WSPPROC_TABLE& table() const noexcept { return table_; }

private:
    Provider(spi::UniqueModule module, const WSPPROC_TABLE& table) noexcept
        : module_(std::move(module)), table_(table) {}

    spi::UniqueModule module_;
    WSPPROC_TABLE table_;
};

// Given by upcalls.cpp: the 15 functions every provider gets, by value.
const WSPUPCALLTABLE& upcall_table() noexcept;

} // namespace winsock_spi::wine
