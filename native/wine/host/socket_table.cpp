// Handle to owner, without a lock for readers.
#include "socket_table.hpp"

#include <new>
#include <utility>

#include "lock_guards.hpp"

namespace winsock_spi::wine {

SocketReference& SocketReference::operator=(SocketReference&& other) noexcept {
    if (this != &other) {
        reset();
        table_ = other.table_;
        entry_ = std::exchange(other.entry_, nullptr);
    }
    return *this;
}

void SocketReference::reset() noexcept {
    if (entry_ != nullptr) {
        table_->release(std::exchange(entry_, nullptr));
    }
}

SocketTable::~SocketTable() {
    remove_all();
    for (const std::atomic<Page*>& page : pages_) {
        delete page.load(std::memory_order_relaxed);
    }
}

std::atomic<SocketEntry*>* SocketTable::slot(SOCKET handle) noexcept {
    const std::size_t index = static_cast<std::size_t>(handle) >> 2;
    if ((handle & 3) != 0 || index >= page_count * page_slots) {
        return nullptr;
    }
    Page* page = pages_[index / page_slots].load(std::memory_order_acquire);
    return page != nullptr ? &page->slots[index % page_slots] : nullptr;
}

std::atomic<SocketEntry*>* SocketTable::make_slot(SOCKET handle) noexcept {
    const std::size_t index = static_cast<std::size_t>(handle) >> 2;
    if ((handle & 3) != 0 || index >= page_count * page_slots) {
        return nullptr;
    }
    std::atomic<Page*>& place = pages_[index / page_slots];
    Page* page = place.load(std::memory_order_acquire);
    if (page == nullptr) {
        Page* made = new (std::nothrow) Page;
        if (made == nullptr) {
            return nullptr;
        }
        if (place.compare_exchange_strong(page, made, std::memory_order_acq_rel)) {
            page = made;
        } else {
            delete made; // another thread was first: `page` is its page
        }
    }
    return &page->slots[index % page_slots];
}

SocketReference SocketTable::find(SOCKET handle) noexcept {
    std::atomic<SocketEntry*>* place = slot(handle);
    if (place == nullptr) {
        return {};
    }
    for (;;) {
        SocketEntry* entry = place->load(std::memory_order_acquire);
        if (entry == nullptr) {
            return {};
        }
        std::uint32_t references = entry->references.load(std::memory_order_relaxed);
        while (references != 0 &&
               !entry->references.compare_exchange_weak(references, references + 1, std::memory_order_acq_rel)) {
        }
        if (references == 0) {
            continue; // left the table a moment ago
        }
        // The entry may have left this slot, and even serve another handle by now, before it was counted.
        if (place->load(std::memory_order_acquire) == entry) {
            return SocketReference(*this, entry);
        }
        release(entry);
    }
}

SocketEntry* SocketTable::take_entry() noexcept {
    const ExclusiveLock guard(lock_);
    if (free_ == nullptr) {
        try {
            blocks_.push_back(std::make_unique<std::array<SocketEntry, block_entries>>());
        } catch (const std::bad_alloc&) {
            return nullptr;
        }
        for (SocketEntry& entry : *blocks_.back()) {
            entry.next_free = std::exchange(free_, &entry);
        }
    }
    SocketEntry* entry = free_;
    free_ = entry->next_free;
    return entry;
}

void SocketTable::release(SocketEntry* entry) noexcept {
    if (entry->references.fetch_sub(1, std::memory_order_acq_rel) != 1) {
        return;
    }
    {
        // Outside the lock: this may be the last user of a provider, which then unloads.
        const SocketOwner unused = std::exchange(entry->owner, SocketOwner{});
    }
    const ExclusiveLock guard(lock_);
    entry->next_free = std::exchange(free_, entry);
}

int SocketTable::claim(SOCKET handle, SocketOwner owner) noexcept {
    if ((handle & 3) != 0 || static_cast<std::size_t>(handle) >> 2 >= page_count * page_slots) {
        return WSAENOTSOCK;
    }
    std::atomic<SocketEntry*>* place = make_slot(handle);
    SocketEntry* entry = place != nullptr ? take_entry() : nullptr;
    if (entry == nullptr) {
        return WSAENOBUFS;
    }
    entry->handle = handle;
    entry->owner = std::move(owner);
    entry->claim = claims_.fetch_add(1, std::memory_order_acq_rel) + 1;
    entry->references.store(1, std::memory_order_release);
    SocketEntry* before = place->exchange(entry, std::memory_order_acq_rel);
    if (before != nullptr) {
        release(before);
    }
    return 0;
}

void SocketTable::remove(SOCKET handle, const SocketReference& socket) noexcept {
    std::atomic<SocketEntry*>* place = slot(handle);
    SocketEntry* expected = socket.entry_;
    if (place != nullptr && place->compare_exchange_strong(expected, nullptr, std::memory_order_acq_rel)) {
        release(expected);
    }
}

void SocketTable::remove_all() noexcept {
    for (const std::atomic<Page*>& place : pages_) {
        Page* page = place.load(std::memory_order_acquire);
        if (page == nullptr) {
            continue;
        }
        for (std::atomic<SocketEntry*>& slot : page->slots) {
            if (SocketEntry* entry = slot.exchange(nullptr, std::memory_order_acq_rel)) {
                release(entry);
            }
        }
    }
}

} // namespace winsock_spi::wine
