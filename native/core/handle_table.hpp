// What we know about the sockets of this process: which chain each belongs to, and its addresses.
//
// Open addressing with a fixed number of places, in chunks that are made when first needed. No lock anywhere: a lookup
// is a few loads, and an update never waits for a thread that was stopped. A handle keeps its place for ever, closed
// or not, so a place never changes its key; what changes is its life: every claim of a handle value begins a new one
// with a new generation, and everything said about an earlier life is void. A handle that finds no place is unknown:
// its calls go to the lower provider all the same, only without addresses.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "ring_format.hpp"

namespace winsock_spi::core {

class HandleTable {
    struct Entry;
    struct Chunk;

public:
    static constexpr std::uint32_t max_slots = 64;
    static constexpr std::size_t chunk_entries = 128; // 16 KiB: what a process with a few sockets pays
    static constexpr std::size_t chunk_count = 2048;
    static constexpr std::size_t chunk_size = chunk_entries * 128;

    // Zeroed memory of `chunk_size` bytes, 64-byte aligned, or nullptr; and its release.
    struct Memory {
        void* (*allocate)(std::size_t size);
        void (*release)(void* memory, std::size_t size);
    };

    // One life of a socket. Default: an unknown socket; every operation on it does nothing.
    class Socket {
    public:
        constexpr Socket() = default;
        explicit operator bool() const { return entry_ != nullptr; }
        std::uint32_t slot() const;

    private:
        friend class HandleTable;
        constexpr Socket(Entry* entry, std::uint32_t life) : entry_(entry), life_(life) {}
        Entry* entry_ = nullptr;
        std::uint32_t life_ = 0;
    };

    struct Addresses {
        RecordAddress local; // family 0 = not known
        RecordAddress remote;
    };

    // What else is kept about one life of a socket, all zero at its beginning. Whoever keeps it says what it means
    // (native/lsp/socket_notes.hpp).
    struct Notes {
        std::uint32_t flags;
        std::int32_t number;
        RecordAddress original;
        RecordAddress target;
    };

    constexpr HandleTable() = default;

    // Begins a new life of `handle` in chain `slot`. False: there is no room, the handle stays unknown.
    bool claim(std::uint64_t handle, std::uint32_t slot, const Memory& memory);
    // The living socket of this handle value.
    Socket find(std::uint64_t handle) const;
    // Ends the life before the lower provider frees the handle value: from then on another thread may get the same
    // value for a new socket. If the close then fails, revive() takes it back, unless a new life has begun.
    void retire(const Socket& socket);
    void revive(const Socket& socket);
    // Every socket of a chain is unknown from now on.
    void forget_slot(std::uint32_t slot);

    Addresses addresses(const Socket& socket) const;
    void set_local(const Socket& socket, const RecordAddress& address);
    void set_remote(const Socket& socket, const RecordAddress& address);
    void clear_addresses(const Socket& socket);

    Notes notes(const Socket& socket) const;
    // Notes::flags alone: two loads.
    std::uint32_t note_flags(const Socket& socket) const;
    // Calls `change(Notes&)` once and keeps what it leaves there. False: nothing can be kept about this socket.
    template <typename Change>
    bool change_notes(const Socket& socket, Change&& change) {
        if (!begin_change(socket)) {
            return false;
        }
        Notes notes = load(socket.entry_->notes);
        change(notes);
        store(socket.entry_->notes, notes);
        unlock(*socket.entry_);
        return true;
    }
    // A pointer that stays with the handle value from life to life, for memory that is never released; `life` tells
    // which life it is asked for.
    struct Attachment {
        std::atomic<void*>* pointer; // nullptr: unknown socket
        std::uint32_t life;
    };
    static Attachment attachment(const Socket& socket);

private:
    static constexpr std::size_t probe_limit = 32;
    static constexpr std::size_t address_words = sizeof(RecordAddress) / sizeof(std::uint64_t);
    using AddressWords = std::array<std::atomic<std::uint64_t>, address_words>;
    static constexpr std::size_t note_words = sizeof(Notes) / sizeof(std::uint64_t);
    using NoteWords = std::array<std::atomic<std::uint64_t>, note_words>;
    static_assert(sizeof(Notes) == note_words * sizeof(std::uint64_t));

    // `life`: bit 0 alive, bit 1 addresses and notes cannot be kept in this life, bits 2-7 slot, bits 8-31 generation.
    static constexpr std::uint32_t life_alive = 1;
    static constexpr std::uint32_t life_no_addresses = 2;
    static constexpr unsigned life_slot_shift = 2;
    static constexpr unsigned life_generation_shift = 8;

    struct alignas(64) Entry {
        std::atomic<std::uint64_t> key; // 0 = free. Never changes once set
        std::atomic<std::uint32_t> life;
        std::atomic<std::uint32_t> version; // of the addresses and notes; odd = being written
        AddressWords local;
        AddressWords remote;
        NoteWords notes; // a cache line of their own, which recording does not touch
        std::atomic<void*> attached;
    };
    static_assert(sizeof(Entry) == 128);
    struct Chunk {
        Entry entries[chunk_entries];
    };
    static_assert(sizeof(Chunk) == chunk_size);

    static Entry& place(Chunk& chunk, std::uint64_t handle, std::size_t probe);
    static std::size_t chunk_of(std::uint64_t handle);
    static bool lock(Entry& entry);
    static void unlock(Entry& entry);
    static void store(AddressWords& words, const RecordAddress& address);
    static void store(NoteWords& words, const Notes& notes);
    static Notes load(const NoteWords& words);
    static bool begin_change(const Socket& socket);
    static void set_alive(const Socket& socket, bool alive);
    static void set(const Socket& socket, const RecordAddress* local, const RecordAddress* remote);
    Entry* find_or_insert(std::uint64_t handle, const Memory& memory);

    std::array<std::atomic<Chunk*>, chunk_count> chunks_{};
};

} // namespace winsock_spi::core
