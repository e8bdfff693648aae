// One running chain: our layered entry, the lower provider's functions, and what else belongs to them.
//
// Winsock starts a provider once per provider GUID, and each of our layered entries has its own, so each chain gets its
// own slot and, with it, its own set of functions: a handle that nobody has announced to us (inherited, duplicated,
// foreign) still reaches exactly the lower provider of the chain it was called through.
#pragma once

#include "core/chain.hpp"
#include "spi/provider_loader.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "extension_table.hpp"

namespace winsock_spi::lsp {

inline constexpr std::size_t slot_count = 32;

enum class SlotState : std::uint32_t {
    free, // nobody's; its functions answer WSANOTINITIALISED
    active,
    closing, // the last user is cleaning up
};

struct Slot {
    WSPPROC_TABLE lower; // first: the hot path finds it without an offset
    std::atomic<LPWPUMODIFYIFSHANDLE> modify_handle;
    std::array<std::atomic<FARPROC>, extension_count> extensions; // as last fetched from the lower provider
    WSPUPCALLTABLE upcalls; // the most recent; guarded by ProcessState::lock
    core::ProtocolInfo own; // our layered entry; where we stand in a base provider's place, its entry
    core::ProtocolInfo next; // the entry below; there the same one
    core::ChainBelow below;
    std::uint32_t started_id; // catalog id of the info given to WSPStartup
    std::uint32_t index;
    std::uint32_t references;
    SlotState state;
    bool in_place_of_base; // the base provider below speaks for its entries itself: see replaced_base.hpp
    HMODULE module;
    LPWSPRECV short_receive; // of datagram chains: what mend_short_receives() took out of `lower`
    LPWSPRECVFROM short_receive_from;

    // Makes a new socket ours in Winsock's eyes, and known to us. 0 or a Winsock error.
    int claim(SOCKET& socket);
    // The same for one that the lower provider has just made: the socket that the program gets, or INVALID_SOCKET and
    // the error, and then nobody holds it.
    SOCKET claim_new(SOCKET socket, int* error);
    // Makes a socket known to us that Winsock has found to be ours.
    void adopt(SOCKET socket) const;
};

// What WSPStartup has found out and loaded for one chain.
struct ChainStart {
    spi::LoadedProvider lower;
    WSPUPCALLTABLE upcalls;
    core::ProtocolInfo own;
    core::ProtocolInfo next;
    core::ChainBelow below;
    std::uint32_t started_id;
    bool in_place_of_base;
};

// The slot of this chain, which takes over the reference to the lower DLL: the one it has already, or a free one.
// nullptr: all slots are taken.
Slot* enter_slot(ChainStart& start);

// One WSPCleanup: the lower provider's, and with the last one the slot is free again. Result and error as WSPCleanup.
int leave_slot(Slot& slot, int* error);

// A copy of the most recent upcalls.
WSPUPCALLTABLE upcalls_of(const Slot& slot);

} // namespace winsock_spi::lsp
