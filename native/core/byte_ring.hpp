// A ring of bytes in memory that two processes share: one writes, one reads. Pure: no system call, no lock.
//
// Neither side believes the other. Each keeps its own position for itself and only publishes it; what the other
// publishes is read once and checked before it is used, so that a hostile or broken other side can at worst end the
// connection.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace winsock_spi::core {

// Positions count bytes since the beginning, modulo 2^32; the capacity is a power of two.
struct ByteRingHeader {
    alignas(64) std::atomic<std::uint32_t> written;
    std::atomic<std::uint32_t> finished; // 1: nothing more will be written
    alignas(64) std::atomic<std::uint32_t> read;
    std::atomic<std::uint32_t> abandoned; // 1: nothing more will be read
};
static_assert(sizeof(ByteRingHeader) == 128);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

class ByteRing {
public:
    enum class Result { some, none, finished, broken };

    // `capacity` bytes at `data`.
    ByteRing(ByteRingHeader* header, std::uint8_t* data, std::uint32_t capacity)
        : header_(header), data_(data), capacity_(capacity) {}

    // Writer: as much of the bytes as there is room for. `none`: no room at all. `finished`: nobody reads any more.
    Result write(const std::uint8_t* bytes, std::size_t size, std::size_t& done) {
        done = 0;
        const std::uint32_t used = position_ - header_->read.load(std::memory_order_acquire);
        if (used > capacity_) {
            return Result::broken;
        }
        if (header_->abandoned.load(std::memory_order_acquire) != 0) {
            return Result::finished;
        }
        const std::size_t room = capacity_ - used;
        const std::size_t count = size < room ? size : room;
        if (count == 0) {
            return Result::none;
        }
        const std::size_t begin = position_ & (capacity_ - 1);
        const std::size_t first = count < capacity_ - begin ? count : capacity_ - begin;
        std::memcpy(data_ + begin, bytes, first);
        std::memcpy(data_, bytes + first, count - first);
        position_ += static_cast<std::uint32_t>(count);
        header_->written.store(position_, std::memory_order_release);
        done = count;
        return Result::some;
    }
    void finish() { header_->finished.store(1, std::memory_order_release); }

    void abandon() { header_->abandoned.store(1, std::memory_order_release); }

    // Reader: at most `size` bytes. `finished`: the writer is done and everything has been read.
    Result read(std::uint8_t* bytes, std::size_t size, std::size_t& done) {
        done = 0;
        const bool finished = header_->finished.load(std::memory_order_acquire) != 0; // before the position
        const std::uint32_t used = header_->written.load(std::memory_order_acquire) - position_;
        if (used > capacity_) {
            return Result::broken;
        }
        const std::size_t count = size < used ? size : used;
        if (count == 0) {
            return finished ? Result::finished : Result::none;
        }
        const std::size_t begin = position_ & (capacity_ - 1);
        const std::size_t first = count < capacity_ - begin ? count : capacity_ - begin;
        std::memcpy(bytes, data_ + begin, first);
        std::memcpy(bytes + first, data_, count - first);
        position_ += static_cast<std::uint32_t>(count);
        header_->read.store(position_, std::memory_order_release);
        done = count;
        return Result::some;
    }

private:
    ByteRingHeader* header_;
    std::uint8_t* data_;
    std::uint32_t capacity_;
    std::uint32_t position_ = 0; // ours
};

} // namespace winsock_spi::core
