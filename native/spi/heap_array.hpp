// An array on the process heap, for code that has no C++ runtime (no operator new).
#pragma once

#include "win32.hpp"

#include <cstddef>
#include <span>

namespace winsock_spi::spi {

// T needs no constructor: the memory is zeroed.
template <typename T>
class HeapArray {
public:
    HeapArray() = default;
    HeapArray(const HeapArray&) = delete;
    HeapArray& operator=(const HeapArray&) = delete;
    ~HeapArray() { reset(); }

    // Replaces the array by a zeroed one. False: no memory; the array is then empty.
    bool allocate(std::size_t count) {
        reset();
        if (count > SIZE_MAX / sizeof(T)) {
            return false;
        }
        data_ = static_cast<T*>(HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, count * sizeof(T)));
        size_ = data_ == nullptr ? 0 : count;
        return data_ != nullptr;
    }
    void reset() {
        if (data_ != nullptr) {
            HeapFree(GetProcessHeap(), 0, data_);
        }
        data_ = nullptr;
        size_ = 0;
    }
    // Keeps only the first `count`.
    void shrink(std::size_t count) { size_ = count < size_ ? count : size_; }

    T* data() { return data_; }
    std::size_t size() const { return size_; }
    std::span<const T> view() const { return {data_, size_}; }

private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace winsock_spi::spi
