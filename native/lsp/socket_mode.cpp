// Whether the calls of a socket may wait; see socket_mode.hpp.
#include "socket_mode.hpp"

namespace winsock_spi::lsp {

namespace {

constexpr std::uint32_t mode_bits = 2;
constexpr std::uint32_t mode_mask = 3;

} // namespace

SocketMode SocketModes::get(SOCKET socket) const {
    const std::size_t index = static_cast<std::size_t>(socket >> 2);
    if (index / (handles_per_word * chunk_words) >= chunk_count) {
        return SocketMode::unknown;
    }
    const Chunk* const chunk = chunks_[index / (handles_per_word * chunk_words)].load(std::memory_order_acquire);
    if (chunk == nullptr) {
        return SocketMode::unknown;
    }
    const Word& word = chunk->words[index / handles_per_word % chunk_words];
    const std::uint32_t shift = static_cast<std::uint32_t>(index % handles_per_word) * mode_bits;
    return static_cast<SocketMode>(word.load(std::memory_order_acquire) >> shift & mode_mask);
}

void SocketModes::set(SOCKET socket, SocketMode mode) {
    const std::size_t index = static_cast<std::size_t>(socket >> 2);
    if (index / (handles_per_word * chunk_words) >= chunk_count) {
        return;
    }
    std::atomic<Chunk*>& place = chunks_[index / (handles_per_word * chunk_words)];
    Chunk* chunk = place.load(std::memory_order_acquire);
    if (chunk == nullptr) {
        if (mode == SocketMode::unknown) {
            return;
        }
        auto* const made =
            static_cast<Chunk*>(VirtualAlloc(nullptr, sizeof(Chunk), MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
        if (made == nullptr) {
            return;
        }
        if (place.compare_exchange_strong(chunk, made, std::memory_order_acq_rel, std::memory_order_acquire)) {
            chunk = made;
        } else {
            VirtualFree(made, 0, MEM_RELEASE);
        }
    }
    Word& word = chunk->words[index / handles_per_word % chunk_words];
    const std::uint32_t shift = static_cast<std::uint32_t>(index % handles_per_word) * mode_bits;
    std::uint32_t old = word.load(std::memory_order_relaxed);
    while (!word.compare_exchange_weak(old, (old & ~(mode_mask << shift)) | static_cast<std::uint32_t>(mode) << shift,
                                       std::memory_order_acq_rel, std::memory_order_relaxed)) {
    }
}

} // namespace winsock_spi::lsp
