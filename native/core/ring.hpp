// Writing and reading a ring (ring_format.hpp): many writers that never wait, readers that believe nothing.
//
// In memory a record is 16 words of 64 bits, word 0 the sequence. Every word is touched as an atomic, so that reader
// and writer may meet on a record without undefined behaviour; the sequence tells whether what was read stands.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ring_format.hpp"

namespace winsock_spi::core {

inline constexpr std::size_t record_words = sizeof(Record) / sizeof(std::uint64_t);

// What a record says, without its sequence: same layout as Record from `begin` on, but it can be copied.
struct RecordBody {
    std::uint64_t begin;
    std::uint64_t end;
    std::uint64_t socket;
    std::uint64_t requested;
    std::uint64_t bytes;
    std::uint32_t error;
    std::uint16_t call;
    std::uint16_t flags;
    std::uint32_t thread;
    std::uint32_t rule;
    std::uint32_t verdict;
    std::uint32_t generation;
    RecordAddress local;
    RecordAddress remote;
    std::uint8_t padding[8];
};
static_assert(sizeof(RecordBody) == sizeof(Record) - sizeof(std::uint64_t));
static_assert(offsetof(RecordBody, remote) + sizeof(std::uint64_t) == offsetof(Record, remote));

constexpr std::size_t ring_size(std::uint32_t record_count) {
    return sizeof(RingHeader) + std::size_t{record_count} * sizeof(Record);
}

// The writer's half. Any number of threads may append at the same time.
class RingWriter {
public:
    constexpr RingWriter() = default;

    // `memory` holds ring_size(header.record_count) bytes, 64-byte aligned and zero, the header filled in by the caller
    // (all but magic, which publish() writes last).
    void attach(void* memory, std::uint32_t record_count);
    void publish();
    // Numbers given to nobody: calls that came while the ring was being made. Readers see them as losses.
    void skip(std::uint64_t count);
    // The record that append() will write is fetched meanwhile: the reader, or another writer, had it last.
    void prepare() const;
    // Overwrites the oldest record. Given up, and counted as dropped, when that one is still being written.
    void append(const RecordBody& body);
    bool attached() const { return header_ != nullptr; }

private:
    RingHeader* header_ = nullptr;
    std::atomic<std::uint64_t>* words_ = nullptr;
    std::uint64_t mask_ = 0;
};

enum class RingFault {
    none,
    too_small, // shorter than its header, or than the records that the header promises
    not_ready, // magic not written yet
    not_a_ring,
    other_abi,
    bad_header, // a count, length or kind that cannot be
};

// The reader's half, for bytes that a hostile process may change at any moment. Nothing is read in place twice.
class RingReader {
public:
    // How long a record may be missing between others before it counts as lost: the thread that took its number may
    // have been stopped, or ended, before it wrote.
    static constexpr std::uint64_t patience_ms = 50;

    struct Batch {
        std::size_t records = 0;
        std::uint64_t lost = 0;
    };

    // `view` stays mapped, at least 8-byte aligned, while this object is used.
    RingFault open(const void* view, std::size_t size);
    // The header as it was when it was checked: lengths within their arrays, kinds known.
    const RingHeader& header() const { return *reinterpret_cast<const RingHeader*>(header_.data()); }
    // Copies up to `out.size() / 128` whole records, in order; word 0 of each is its true sequence. `now_ms` is any
    // clock that does not go back; `writer_gone` = nothing can be added any more, so do not wait for what is missing.
    Batch read(std::span<std::byte> out, std::uint64_t now_ms, bool writer_gone);
    // Forget what stands in the ring: only records made from now on are read.
    void seek_to_end();
    // Whether anything stands, or is being written, behind the last record read.
    bool waiting() const { return load_next() > position_; }

private:
    std::uint64_t load_next() const;

    alignas(64) std::array<std::uint64_t, sizeof(RingHeader) / sizeof(std::uint64_t)> header_{};
    const std::byte* view_ = nullptr;
    std::uint64_t count_ = 0;
    std::uint64_t position_ = 0; // number of the record to be read next
    std::uint64_t stalled_until_ = 0; // records below were numbered before `stalled_since_`
    std::uint64_t stalled_since_ = 0;
    bool stalled_ = false;
};

} // namespace winsock_spi::core
