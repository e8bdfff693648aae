// Writing and reading a ring; see ring.hpp.
#include "ring.hpp"

#include <cstring>

#include "prefetch.hpp"

namespace winsock_spi::core {

namespace {

using Words = std::array<std::uint64_t, record_words>;

const std::atomic<std::uint64_t>* word_at(const std::byte* view, std::size_t offset) {
    return reinterpret_cast<const std::atomic<std::uint64_t>*>(view + offset);
}

bool is_power_of_two(std::uint32_t value) {
    return value != 0 && (value & (value - 1)) == 0;
}

RingFault check_header(const RingHeader& header, std::size_t size) {
    if (!is_readable_ring_abi(header.abi)) {
        return RingFault::other_abi;
    }
    if (header.header_size != sizeof(RingHeader) || header.record_size != sizeof(Record) ||
        !is_power_of_two(header.record_count) || header.record_count > max_record_count ||
        (header.bits != 32 && header.bits != 64) || header.qpc_frequency == 0 ||
        (header.mode != RingMode::active && header.mode != RingMode::pass_through) ||
        (header.clock != RingClock::tsc && header.clock != RingClock::qpc) ||
        header.program_length > std::size(header.program) || header.reason_length > std::size(header.reason)) {
        return RingFault::bad_header;
    }
    return size < ring_size(header.record_count) ? RingFault::too_small : RingFault::none;
}

} // namespace

void RingWriter::attach(void* memory, std::uint32_t record_count) {
    header_ = static_cast<RingHeader*>(memory);
    words_ = reinterpret_cast<std::atomic<std::uint64_t>*>(static_cast<std::byte*>(memory) + sizeof(RingHeader));
    mask_ = record_count - 1;
}

void RingWriter::publish() {
    static_assert(offsetof(RingHeader, magic) == 0);
    reinterpret_cast<std::atomic<std::uint32_t>*>(header_)->store(ring_magic, std::memory_order_release);
}

void RingWriter::skip(std::uint64_t count) {
    header_->next.fetch_add(count, std::memory_order_relaxed);
    header_->dropped.fetch_add(count, std::memory_order_relaxed);
}

void RingWriter::prepare() const {
    const std::uint64_t number = header_->next.load(std::memory_order_relaxed);
    const std::atomic<std::uint64_t>* const words = words_ + (number & mask_) * record_words;
    prefetch_to_write(words);
    prefetch_to_write(words + record_words / 2);
}

void RingWriter::append(const RecordBody& body) {
    const std::uint64_t number = header_->next.fetch_add(1, std::memory_order_relaxed);
    std::atomic<std::uint64_t>* const words = words_ + (number & mask_) * record_words;
    const std::uint64_t writing = 2 * number + 1;
    std::uint64_t seen = words[0].load(std::memory_order_relaxed);
    do {
        // Odd: someone still writes the record of an earlier lap. Not below ours: we are the ones who were overtaken.
        if ((seen & 1) != 0 || seen >= writing) {
            header_->dropped.fetch_add(1, std::memory_order_relaxed);
            return;
        }
    } while (!words[0].compare_exchange_weak(seen, writing, std::memory_order_acq_rel, std::memory_order_relaxed));

    std::array<std::uint64_t, record_words - 1> values;
    std::memcpy(values.data(), &body, sizeof(values));
    for (std::size_t index = 0; index < values.size(); ++index) {
        // Release on every word: a reader that sees it also sees that the sequence is no longer the old one.
        words[1 + index].store(values[index], std::memory_order_release);
    }
    words[0].store(writing + 1, std::memory_order_release);
}

RingFault RingReader::open(const void* view, std::size_t size) {
    view_ = nullptr;
    if (size < sizeof(RingHeader)) {
        return RingFault::too_small;
    }
    const auto* const bytes = static_cast<const std::byte*>(view);
    const std::uint32_t magic =
        reinterpret_cast<const std::atomic<std::uint32_t>*>(bytes)->load(std::memory_order_acquire);
    if (magic != ring_magic) {
        return magic == 0 ? RingFault::not_ready : RingFault::not_a_ring;
    }
    for (std::size_t index = 0; index < header_.size(); ++index) {
        header_[index] = word_at(bytes, index * sizeof(std::uint64_t))->load(std::memory_order_relaxed);
    }
    const RingFault fault = check_header(header(), size);
    if (fault != RingFault::none) {
        return fault;
    }
    view_ = bytes;
    count_ = header().record_count;
    position_ = 0;
    stalled_ = false;
    return RingFault::none;
}

std::uint64_t RingReader::load_next() const {
    // Beyond this no honest writer comes in a thousand years, and sequences would begin again at 0.
    constexpr std::uint64_t last_number = std::uint64_t{1} << 62;
    const std::uint64_t next = word_at(view_, offsetof(RingHeader, next))->load(std::memory_order_acquire);
    return next <= last_number ? next : position_;
}

void RingReader::seek_to_end() {
    position_ = load_next();
    stalled_ = false;
}

RingReader::Batch RingReader::read(std::span<std::byte> out, std::uint64_t now_ms, bool writer_gone) {
    Batch batch;
    const std::uint64_t next = load_next();
    if (next <= position_) { // below: only a hostile writer goes back
        return batch;
    }
    if (next - position_ > count_) {
        batch.lost = next - position_ - count_;
        position_ = next - count_;
        stalled_ = false;
    }
    const std::size_t room = out.size() / sizeof(Record);
    while (batch.records < room && position_ < next) {
        const std::byte* const record = view_ + sizeof(RingHeader) + (position_ & (count_ - 1)) * sizeof(Record);
        const std::uint64_t complete = 2 * position_ + 2;
        const std::uint64_t sequence = word_at(record, 0)->load(std::memory_order_acquire);
        if (sequence == complete) {
            Words words;
            words[0] = complete;
            for (std::size_t index = 1; index < words.size(); ++index) {
                words[index] = word_at(record, index * sizeof(std::uint64_t))->load(std::memory_order_acquire);
            }
            if (word_at(record, 0)->load(std::memory_order_relaxed) == complete) {
                std::memcpy(out.data() + batch.records * sizeof(Record), words.data(), sizeof(words));
                ++batch.records;
            } else {
                ++batch.lost; // overwritten while it was copied
            }
        } else if (sequence > complete || writer_gone) {
            ++batch.lost;
        } else {
            // Numbered but not written: wait a little, once for all that are in the same state.
            if (!stalled_ || position_ >= stalled_until_) {
                stalled_ = true;
                stalled_since_ = now_ms;
                stalled_until_ = next;
                return batch;
            }
            if (now_ms - stalled_since_ < patience_ms) {
                return batch;
            }
            ++batch.lost;
        }
        ++position_;
    }
    return batch;
}

} // namespace winsock_spi::core
