// Changing the catalog: all or nothing, one writer at a time on the machine.
//
// A transaction holds the writers' lock, works on the items of one or both catalogs in memory and writes the
// differences in commit(). What fails in the middle is put back. Should the process die in the middle, every state
// it can leave behind is a readable catalog: items are written before the counter that includes them, and keys are
// deleted after the counter that no longer does.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "catalog_registry.hpp"
#include "lsp_categories.hpp"

namespace winsock_spi::wine {

using Items = std::vector<core::PackedCatalogItem>;

// Functions return 0 or a Winsock error: WSANO_RECOVERY (no rights, registry missing or damaged, lock not to be had),
// WSA_NOT_ENOUGH_MEMORY.
class CatalogTransaction {
public:
    // Takes the lock and opens the catalog for writing.
    int begin();
    // Makes an empty catalog for both bitnesses where there is none, inside the lock. For the base catalog only.
    int make_empty();

    // The items of a bitness, to be changed in place.
    int load(Bitness bitness, Items*& items);
    // The categories of its layered providers, likewise.
    int load(Bitness bitness, LspCategories*& categories);
    // Of the catalog as it was found.
    std::uint32_t serial() const noexcept { return serial_; }
    // A catalog entry id that no entry has, the same in both catalogs.
    std::uint32_t take_id();

    // Writes what has changed and moves the serial number on. Without changes it writes nothing.
    int commit();

private:
    struct Side {
        Items before;
        Items after;
        LspCategories categories_before;
        LspCategories categories_after;
    };

    std::optional<Side>& side(Bitness bitness) { return bitness == Bitness::bits64 ? side64_ : side32_; }
    int load_side(Bitness bitness, Side*& loaded);
    bool is_taken(std::uint32_t id) const;
    LSTATUS write_side(Bitness bitness, const Items& from, const Items& to, std::vector<std::size_t>& made);
    void put_back(Bitness bitness, const Items& from, const Items& to, const std::vector<std::size_t>& made);

    CatalogLock lock_;
    RegistryKey root_;
    std::uint32_t serial_ = 0;
    std::uint32_t next_id_ = 0;
    std::uint32_t first_id_ = 0; // next_id_ as it was read
    std::vector<std::uint32_t> known_ids_;
    std::optional<Side> side32_;
    std::optional<Side> side64_;
};

} // namespace winsock_spi::wine
