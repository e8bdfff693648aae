// Which provider a socket handle belongs to.
//
// Looking a handle up takes no lock: a kernel handle is a small multiple of four, so the table is an array of slots in
// two levels, and a lookup is two loads and one reference count. Entries are never changed once they are in the table:
// a new owner of a handle is a new entry in its place, and who still works with the old one keeps it until done. Their
// memory is used again only for entries, which is what makes the lookup safe without a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "provider_registry.hpp"

namespace winsock_spi::wine {

// What a handle belongs to.
struct SocketOwner {
    EntryPointer entry;       // the catalog entry that claimed it
    ProviderPointer provider; // empty: not loaded yet (claimed by a provider that another one loaded)
    bool ifs = true;          // false: made by WPUCreateSocketHandle
    DWORD_PTR context = 0;    // of a handle that is not IFS
};

struct SocketEntry {
    std::atomic<std::uint32_t> references{0}; // the slot's one and the users'; 0: free
    std::uint64_t claim = 0;                  // number of the claim that made it, growing
    SOCKET handle = INVALID_SOCKET;
    SocketOwner owner;
    SocketEntry* next_free = nullptr;
};

class SocketTable;

// Keeps an entry, and with it the provider's code, while a call runs.
class SocketReference {
public:
    SocketReference() = default;
    SocketReference(SocketTable& table, SocketEntry* entry) noexcept : table_(&table), entry_(entry) {}
    SocketReference(SocketReference&& other) noexcept : table_(other.table_), entry_(other.entry_) {
        other.entry_ = nullptr;
    }
    SocketReference& operator=(SocketReference&& other) noexcept;
    ~SocketReference() { reset(); }
    SocketReference(const SocketReference&) = delete;
    SocketReference& operator=(const SocketReference&) = delete;

    void reset() noexcept;
    explicit operator bool() const noexcept { return entry_ != nullptr; }
    const SocketOwner& owner() const noexcept { return entry_->owner; }
    std::uint64_t claim() const noexcept { return entry_->claim; }
    const WSPPROC_TABLE& functions() const noexcept { return entry_->owner.provider->table(); }

private:
    friend class SocketTable;

    SocketTable* table_ = nullptr;
    SocketEntry* entry_ = nullptr;
};

class SocketTable {
public:
    SocketTable() noexcept = default;
    ~SocketTable();
    SocketTable(const SocketTable&) = delete;
    SocketTable& operator=(const SocketTable&) = delete;

    // Empty if the handle has no entry.
    SocketReference find(SOCKET handle) noexcept;

    // The handle belongs to `owner` from now on, whoever had it before. 0, WSAENOTSOCK (no kernel handle can have
    // that value) or WSAENOBUFS.
    int claim(SOCKET handle, SocketOwner owner) noexcept;

    // Takes the handle out if it is still the entry of `socket`.
    void remove(SOCKET handle, const SocketReference& socket) noexcept;
    void remove_all() noexcept;

    // Every claim has a number greater than those before. A socket made by a provider's function was claimed by the
    // provider itself if its claim is greater than this number was before the call.
    std::uint64_t claims() const noexcept { return claims_.load(std::memory_order_acquire); }

private:
    friend class SocketReference;

    // 2^24 handles: Windows gives no process more.
    static constexpr std::size_t page_slots = 1024;
    static constexpr std::size_t page_count = 16384;
    static constexpr std::size_t block_entries = 64;

    struct Page {
        std::array<std::atomic<SocketEntry*>, page_slots> slots{};
    };

    std::atomic<SocketEntry*>* slot(SOCKET handle) noexcept;
    std::atomic<SocketEntry*>* make_slot(SOCKET handle) noexcept;
    SocketEntry* take_entry() noexcept;
    void release(SocketEntry* entry) noexcept;

    std::array<std::atomic<Page*>, page_count> pages_{};
    std::atomic<std::uint64_t> claims_{0};
    SRWLOCK lock_ = SRWLOCK_INIT; // of the two below
    SocketEntry* free_ = nullptr;
    std::vector<std::unique_ptr<std::array<SocketEntry, block_entries>>> blocks_;
};

} // namespace winsock_spi::wine
