// Whether the calls of a socket may wait. Winsock has no function that tells, so it is remembered from the calls that
// decide it: WSPSocket, FIONBIO, WSPEventSelect, WSPAsyncSelect. A socket that came from elsewhere (inherited,
// duplicated) is not known until the program calls one of those.
//
// Two bits for each handle value, in chunks that are made when first needed; no lock. Always kept, since a policy may
// come at any time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "spi/win32.hpp"

namespace winsock_spi::lsp {

enum class SocketMode : std::uint32_t { unknown = 0, blocking = 1, non_blocking = 2 };

class SocketModes {
public:
    SocketMode get(SOCKET socket) const;
    void set(SOCKET socket, SocketMode mode);

private:
    using Word = std::atomic<std::uint32_t>;
    static constexpr std::size_t handles_per_word = 16;
    static constexpr std::size_t chunk_words = 2048; // 8 KiB
    // Handles of Windows are multiples of four, below 2^26 (16 million of them for each process).
    static constexpr std::size_t chunk_count = (std::size_t{1} << 24) / (handles_per_word * chunk_words);
    struct Chunk {
        Word words[chunk_words];
    };

    std::array<std::atomic<Chunk*>, chunk_count> chunks_{};
};

} // namespace winsock_spi::lsp
