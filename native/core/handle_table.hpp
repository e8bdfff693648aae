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
    static constexpr std::size_t chunk_entries = 1024;
    static constexpr std::size_t chunk_count = 256;
    static constexpr std::size_t chunk_size = chunk_entries * 64;

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

private:
    static constexpr std::size_t probe_limit = 32;
    static constexpr std::size_t address_words = sizeof(RecordAddress) / sizeof(std::uint64_t);
    using AddressWords = std::array<std::atomic<std::uint64_t>, address_words>;

    // `life`: bit 0 alive, bit 1 addresses may not be cached in this life, bits 2-7 slot, bits 8-31 generation.
    static constexpr std::uint32_t life_alive = 1;
    static constexpr std::uint32_t life_no_addresses = 2;
    static constexpr unsigned life_slot_shift = 2;
    static constexpr unsigned life_generation_shift = 8;

    struct alignas(64) Entry {
        std::atomic<std::uint64_t> key; // 0 = free. Never changes once set
        std::atomic<std::uint32_t> life;
        std::atomic<std::uint32_t> version; // of the addresses; odd = being written
        AddressWords local;
        AddressWords remote;
    };
    static_assert(sizeof(Entry) == 64);
    struct Chunk {
        Entry entries[chunk_entries];
    };
    static_assert(sizeof(Chunk) == chunk_size);

    static Entry& place(Chunk& chunk, std::uint64_t handle, std::size_t probe);
    static std::size_t chunk_of(std::uint64_t handle);
    static bool lock(Entry& entry);
    static void unlock(Entry& entry);
    static void store(AddressWords& words, const RecordAddress& address);
    static void set_alive(const Socket& socket, bool alive);
    static void set(const Socket& socket, const RecordAddress* local, const RecordAddress* remote);
    Entry* find_or_insert(std::uint64_t handle, const Memory& memory);

    std::array<std::atomic<Chunk*>, chunk_count> chunks_{};
};

} // namespace winsock_spi::core
