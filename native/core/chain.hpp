// Protocol chains: where our provider stands in one, and which provider comes next below it.
//
// An entry of the catalog is a base provider (chain length 1), a protocol chain (2 to 7: catalog entry ids, top first,
// base last), or a hidden entry (0) that only stands for a layered provider inside others' chains. A chain names our
// provider by the id of our hidden entry or by that of one of our layered entries, depending on who wrote it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "identity.hpp"
#include "packed_catalog_item.hpp"

namespace winsock_spi::core {

using Chain = std::span<const std::uint32_t>;
using Catalog = std::span<const ProtocolInfo>;

// The ids of an entry's chain; none when its length is impossible. Never reads past the length.
Chain chain_of(const ProtocolInfo& info);

// The same entry with another chain, of at most 7 ids. What its owner has left behind the chain's end stays there, so
// that an id put in and taken out again leaves the entry as it was (but for the last place).
ProtocolInfo with_chain(const ProtocolInfo& info, Chain ids);

const ProtocolInfo* find_entry(Catalog catalog, std::uint32_t id);
const ProtocolInfo* find_entry(Catalog catalog, const Guid& provider_id);

constexpr bool is_base(const ProtocolInfo& info) {
    return info.chain_length == 1;
}

enum class PlaceFault {
    none,
    not_in_chain, // the chain names nothing of ours
    no_own_entry, // we are in the chain, but have no layered entry for it: handles cannot be claimed
    no_next,      // nothing below us is left in the catalog
};

// The ids of a chain from some place down.
struct ChainBelow {
    std::array<std::uint32_t, max_chain_length> ids{};
    std::size_t length = 0;
};

struct Place {
    PlaceFault fault = PlaceFault::not_in_chain;
    const ProtocolInfo* own = nullptr;  // our layered entry: sockets of this chain belong to it
    const ProtocolInfo* next = nullptr; // the provider below; with a fault: a base provider to fall back on, or nullptr
    bool skipped = false; // the chain names entries that the catalog no longer has
    ChainBelow below;
};

// Our place in the chain that `started` (the info given to WSPStartup) describes. `started` is either our own layered
// entry or that of a provider above us. A next id that is missing in the catalog is skipped: the provider that owned it
// has been removed, and what lies below it still works. Results point into `catalog` (or at `started`). `next` is never
// an entry of ours.
Place find_place(Catalog catalog, const ProtocolInfo& started);

// Whether a lower provider's SO_PROTOCOL_INFO answer describes the chain below our place.
bool is_below(const ChainBelow& below, const ProtocolInfo& answer);

} // namespace winsock_spi::core
