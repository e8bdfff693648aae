// What we know about the sockets of this process; see handle_table.hpp.
#include "handle_table.hpp"

#include <cstring>

namespace winsock_spi::core {

namespace {

// Handles of Windows are multiples of four, small and dense: this puts neighbours beside each other.
constexpr std::uint64_t index_of(std::uint64_t handle) {
    return handle >> 2;
}

} // namespace

std::uint32_t HandleTable::Socket::slot() const {
    return life_ >> life_slot_shift & (max_slots - 1);
}

std::size_t HandleTable::chunk_of(std::uint64_t handle) {
    return static_cast<std::size_t>(index_of(handle) / chunk_entries % chunk_count);
}

HandleTable::Entry& HandleTable::place(Chunk& chunk, std::uint64_t handle, std::size_t probe) {
    // The second term spreads handles that are equal in their low bits, such as addresses of pages.
    const std::uint64_t index = index_of(handle) + 37 * (index_of(handle) / chunk_entries) + probe;
    return chunk.entries[index % chunk_entries];
}

HandleTable::Socket HandleTable::find(std::uint64_t handle) const {
    Chunk* const chunk = chunks_[chunk_of(handle)].load(std::memory_order_acquire);
    if (chunk == nullptr || handle == 0) {
        return {};
    }
    for (std::size_t probe = 0; probe < probe_limit; ++probe) {
        Entry& entry = place(*chunk, handle, probe);
        const std::uint64_t key = entry.key.load(std::memory_order_acquire);
        if (key == handle) {
            const std::uint32_t life = entry.life.load(std::memory_order_acquire);
            return (life & life_alive) != 0 ? Socket(&entry, life) : Socket();
        }
        if (key == 0) {
            break;
        }
    }
    return {};
}

HandleTable::Entry* HandleTable::find_or_insert(std::uint64_t handle, const Memory& memory) {
    if (handle == 0) {
        return nullptr;
    }
    std::atomic<Chunk*>& holder = chunks_[chunk_of(handle)];
    Chunk* chunk = holder.load(std::memory_order_acquire);
    if (chunk == nullptr) {
        auto* const made = static_cast<Chunk*>(memory.allocate(sizeof(Chunk)));
        if (made == nullptr) {
            return nullptr;
        }
        if (holder.compare_exchange_strong(chunk, made, std::memory_order_acq_rel, std::memory_order_acquire)) {
            chunk = made;
        } else {
            memory.release(made, sizeof(Chunk));
        }
    }
    for (std::size_t probe = 0; probe < probe_limit; ++probe) {
        Entry& entry = place(*chunk, handle, probe);
        std::uint64_t key = entry.key.load(std::memory_order_acquire);
        if (key == 0 &&
            entry.key.compare_exchange_strong(key, handle, std::memory_order_acq_rel, std::memory_order_acquire)) {
            return &entry;
        }
        if (key == handle) {
            return &entry;
        }
    }
    return nullptr;
}

bool HandleTable::claim(std::uint64_t handle, std::uint32_t slot, const Memory& memory) {
    Entry* const entry = find_or_insert(handle, memory);
    if (entry == nullptr || slot >= max_slots) {
        return false;
    }
    // First a life that is not alive yet: whoever still writes addresses for the old one must see that it is over.
    std::uint32_t life = entry->life.load(std::memory_order_relaxed);
    std::uint32_t begun = 0;
    do {
        begun = ((life >> life_generation_shift) + 1) << life_generation_shift | slot << life_slot_shift;
    } while (!entry->life.compare_exchange_weak(life, begun, std::memory_order_acq_rel, std::memory_order_relaxed));

    std::uint32_t alive = begun | life_alive;
    if (lock(*entry)) {
        store(entry->local, {});
        store(entry->remote, {});
        store(entry->notes, {});
        unlock(*entry);
    } else {
        // A thread was stopped, or ended, while it wrote about the old life: what stands there cannot be trusted.
        alive |= life_no_addresses;
    }
    entry->life.compare_exchange_strong(begun, alive, std::memory_order_acq_rel, std::memory_order_relaxed);
    return true;
}

// Flips the alive bit of one life, whatever has been decided about its addresses meanwhile.
void HandleTable::set_alive(const Socket& socket, bool alive) {
    if (!socket) {
        return;
    }
    constexpr std::uint32_t changeable = life_no_addresses | life_alive;
    std::uint32_t life = socket.entry_->life.load(std::memory_order_relaxed);
    while (((life ^ socket.life_) & ~changeable) == 0) {
        const std::uint32_t wanted = alive ? life | life_alive : life & ~life_alive;
        if (socket.entry_->life.compare_exchange_weak(life, wanted, std::memory_order_acq_rel,
                                                      std::memory_order_relaxed)) {
            return;
        }
    }
}

void HandleTable::retire(const Socket& socket) {
    set_alive(socket, false);
}

void HandleTable::revive(const Socket& socket) {
    set_alive(socket, true);
}

void HandleTable::forget_slot(std::uint32_t slot) {
    for (const std::atomic<Chunk*>& holder : chunks_) {
        Chunk* const chunk = holder.load(std::memory_order_acquire);
        if (chunk == nullptr) {
            continue;
        }
        for (Entry& entry : chunk->entries) {
            const Socket socket(&entry, entry.life.load(std::memory_order_relaxed));
            if ((socket.life_ & life_alive) != 0 && socket.slot() == slot) {
                retire(socket);
            }
        }
    }
}

bool HandleTable::lock(Entry& entry) {
    constexpr int attempts = 1000;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        std::uint32_t version = entry.version.load(std::memory_order_relaxed);
        if ((version & 1) == 0 && entry.version.compare_exchange_weak(version, version + 1, std::memory_order_acq_rel,
                                                                      std::memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

void HandleTable::unlock(Entry& entry) {
    entry.version.fetch_add(1, std::memory_order_release);
}

void HandleTable::store(AddressWords& words, const RecordAddress& address) {
    std::array<std::uint64_t, address_words> values;
    std::memcpy(values.data(), &address, sizeof(address));
    for (std::size_t index = 0; index < address_words; ++index) {
        // Release: a reader that sees the word also sees the odd version before it.
        words[index].store(values[index], std::memory_order_release);
    }
}

void HandleTable::store(NoteWords& words, const Notes& notes) {
    std::array<std::uint64_t, note_words> values;
    std::memcpy(values.data(), &notes, sizeof(notes));
    for (std::size_t index = 0; index < note_words; ++index) {
        words[index].store(values[index], std::memory_order_release);
    }
}

HandleTable::Notes HandleTable::load(const NoteWords& words) {
    std::array<std::uint64_t, note_words> values;
    for (std::size_t index = 0; index < note_words; ++index) {
        values[index] = words[index].load(std::memory_order_acquire);
    }
    Notes notes;
    std::memcpy(&notes, values.data(), sizeof(notes));
    return notes;
}

// Locks the entry for its own life. False: the life is over, or nothing can be kept about it.
bool HandleTable::begin_change(const Socket& socket) {
    if (!socket || (socket.life_ & life_no_addresses) != 0) {
        return false;
    }
    Entry& entry = *socket.entry_;
    if (!lock(entry)) {
        return false;
    }
    if (entry.life.load(std::memory_order_acquire) != socket.life_) {
        unlock(entry);
        return false;
    }
    return true;
}

void HandleTable::set(const Socket& socket, const RecordAddress* local, const RecordAddress* remote) {
    if (!socket || (socket.life_ & life_no_addresses) != 0) {
        return;
    }
    Entry& entry = *socket.entry_;
    if (!lock(entry)) {
        // The other writer may hold what is outdated by now, and the version stays odd if it never comes back. Give up
        // the cache for this life rather than show a wrong address.
        std::uint32_t life = socket.life_;
        entry.life.compare_exchange_strong(life, life | life_no_addresses, std::memory_order_acq_rel,
                                           std::memory_order_relaxed);
        return;
    }
    if (entry.life.load(std::memory_order_acquire) == socket.life_) {
        if (local != nullptr) {
            store(entry.local, *local);
        }
        if (remote != nullptr) {
            store(entry.remote, *remote);
        }
    }
    unlock(entry);
}

void HandleTable::set_local(const Socket& socket, const RecordAddress& address) {
    set(socket, &address, nullptr);
}

void HandleTable::set_remote(const Socket& socket, const RecordAddress& address) {
    set(socket, nullptr, &address);
}

void HandleTable::clear_addresses(const Socket& socket) {
    const RecordAddress nothing{};
    set(socket, &nothing, &nothing);
}

HandleTable::Addresses HandleTable::addresses(const Socket& socket) const {
    constexpr int attempts = 4;
    if (!socket || (socket.life_ & life_no_addresses) != 0) {
        return {};
    }
    const Entry& entry = *socket.entry_;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        const std::uint32_t before = entry.version.load(std::memory_order_acquire);
        if ((before & 1) != 0) {
            continue;
        }
        std::array<std::uint64_t, 2 * address_words> values;
        for (std::size_t index = 0; index < address_words; ++index) {
            values[index] = entry.local[index].load(std::memory_order_acquire);
            values[address_words + index] = entry.remote[index].load(std::memory_order_acquire);
        }
        // The life, too: a claim changes it before it touches the addresses.
        if (entry.version.load(std::memory_order_acquire) == before &&
            entry.life.load(std::memory_order_acquire) == socket.life_) {
            Addresses addresses;
            std::memcpy(&addresses, values.data(), sizeof(addresses));
            return addresses;
        }
    }
    return {};
}

HandleTable::Notes HandleTable::notes(const Socket& socket) const {
    constexpr int attempts = 1000; // a writer copies a few words: it is soon done, or was stopped for good
    if (!socket || (socket.life_ & life_no_addresses) != 0) {
        return {};
    }
    const Entry& entry = *socket.entry_;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        const std::uint32_t before = entry.version.load(std::memory_order_acquire);
        if ((before & 1) != 0) {
            continue;
        }
        const Notes notes = load(entry.notes);
        if (entry.version.load(std::memory_order_acquire) == before) {
            return entry.life.load(std::memory_order_acquire) == socket.life_ ? notes : Notes{};
        }
    }
    return {};
}

std::uint32_t HandleTable::note_flags(const Socket& socket) const {
    if (!socket || (socket.life_ & life_no_addresses) != 0) {
        return 0;
    }
    const std::uint64_t first = socket.entry_->notes[0].load(std::memory_order_acquire);
    if (socket.entry_->life.load(std::memory_order_acquire) != socket.life_) {
        return 0;
    }
    std::array<std::uint32_t, 2> halves;
    static_assert(offsetof(Notes, flags) == 0);
    std::memcpy(halves.data(), &first, sizeof(first));
    return halves[0];
}

HandleTable::Attachment HandleTable::attachment(const Socket& socket) {
    return {socket ? &socket.entry_->attached : nullptr, socket.life_};
}

} // namespace winsock_spi::core
