// A page in which a source notes each handle that it has put into its target, at once. If the source is killed before
// its message about a handle has gone out, the target reads there what would else stay open in it for ever.
//
// The source makes the page and gives the target a handle that reads it; both hold views of their own. An entry is one
// aligned store of 64 bits: number of the hand-over in the upper half, handle in the lower.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../status.hpp"
#include "../unique.hpp"

namespace winsock_spi::spi {

using LedgerKey = std::array<std::uint8_t, 16>; // random: who tells it knows the page

class Ledger {
public:
    Ledger() = default;
    ~Ledger() { close(); }
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    // In the source: makes the page and puts a handle to it into the target.
    Status make(HANDLE target, const LedgerKey& key, std::uint32_t& handle_there);
    // Overwrites what was noted `capacity` hand-overs ago.
    void note(std::uint32_t id, std::uint32_t handle);

    // In the target: opens the page that a source has made and closes the handle to it. ERR_BAD_LEDGER, and the handle
    // is left alone, where it is not the page that has this key.
    Status open(std::uint32_t handle, const LedgerKey& key);
    // The handles of hand-overs with a higher number than that.
    std::vector<std::uint32_t> above(std::uint32_t id) const;

    void close();

private:
    struct Page;
    Page* page_ = nullptr;
};

// Closes a handle of this process that another one has put here as a socket, if it is one of the kind that sockets are.
void close_unclaimed(std::uint32_t handle);

} // namespace winsock_spi::spi
