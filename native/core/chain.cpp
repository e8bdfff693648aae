// Protocol chains: where our provider stands in one; see chain.hpp.
#include "chain.hpp"

#include <algorithm>
#include <iterator>

namespace winsock_spi::core {

namespace {

bool is_our_layered_entry(const ProtocolInfo& info) {
    return is_our_guid(info.provider_id) && info.provider_id != hidden_entry_guid && chain_of(info).size() > 1;
}

bool same_triplet(const ProtocolInfo& a, const ProtocolInfo& b) {
    return a.address_family == b.address_family && a.socket_type == b.socket_type && a.protocol == b.protocol;
}

const ProtocolInfo* find_layered_entry(Catalog catalog, const ProtocolInfo& triplet) {
    for (const ProtocolInfo& entry : catalog) {
        if (is_our_layered_entry(entry) && same_triplet(entry, triplet)) {
            return &entry;
        }
    }
    return nullptr;
}

const ProtocolInfo* find_base_entry(Catalog catalog, const ProtocolInfo& triplet) {
    for (const ProtocolInfo& entry : catalog) {
        if (is_base(entry) && same_triplet(entry, triplet) && !is_our_guid(entry.provider_id)) {
            return &entry;
        }
    }
    return nullptr;
}

} // namespace

Chain chain_of(const ProtocolInfo& info) {
    if (info.chain_length < 0 || info.chain_length > max_chain_length) {
        return {};
    }
    return {info.chain, static_cast<std::size_t>(info.chain_length)};
}

ProtocolInfo with_chain(const ProtocolInfo& info, Chain ids) {
    constexpr std::size_t places = max_chain_length;
    const Chain all(info.chain);
    const Chain behind = all.subspan(chain_of(info).size());
    ids = ids.first(std::min(ids.size(), places));
    ProtocolInfo changed = info;
    changed.chain_length = static_cast<std::int32_t>(ids.size());
    std::ranges::fill(changed.chain, 0u);
    std::ranges::copy(ids, std::begin(changed.chain));
    std::ranges::copy(behind.first(std::min(behind.size(), places - ids.size())),
                      std::begin(changed.chain) + ids.size());
    return changed;
}

const ProtocolInfo* find_entry(Catalog catalog, std::uint32_t id) {
    for (const ProtocolInfo& entry : catalog) {
        if (entry.catalog_entry_id == id) {
            return &entry;
        }
    }
    return nullptr;
}

const ProtocolInfo* find_entry(Catalog catalog, const Guid& provider_id) {
    for (const ProtocolInfo& entry : catalog) {
        if (entry.provider_id == provider_id) {
            return &entry;
        }
    }
    return nullptr;
}

Place find_place(Catalog catalog, const ProtocolInfo& started) {
    Place place;
    const Chain chain = chain_of(started);

    // Behind the last of the first run of our ids: an installer may have put a whole chain of ours below its own.
    std::size_t below = 0;
    for (std::size_t index = 0; index < chain.size(); ++index) {
        const ProtocolInfo* const entry = find_entry(catalog, chain[index]);
        if (entry != nullptr && is_our_guid(entry->provider_id)) {
            below = index + 1;
            if (place.own == nullptr && is_our_layered_entry(*entry)) {
                place.own = entry;
            }
        } else if (below != 0) {
            break;
        }
    }
    if (is_our_layered_entry(started)) {
        // Our own entry: we are its top, even where our hidden entry has been lost from the catalog.
        place.own = &started;
        below = below == 0 ? 1 : below;
    }
    if (place.own == nullptr) {
        place.own = find_layered_entry(catalog, started);
    }

    if (below != 0) {
        Chain rest = chain.subspan(below);
        if (rest.empty() && place.own != nullptr) {
            rest = chain_of(*place.own).subspan(1); // a chain of somebody else that ends with us goes on with ours
        }
        for (const std::uint32_t id : rest) {
            if (place.next == nullptr) {
                const ProtocolInfo* const entry = find_entry(catalog, id);
                place.next = entry != nullptr && !is_our_guid(entry->provider_id) ? entry : nullptr;
                place.skipped = place.skipped || place.next == nullptr;
            }
            if (place.next != nullptr) {
                place.below.ids[place.below.length++] = id;
            }
        }
        place.fault = place.own == nullptr ? PlaceFault::no_own_entry : PlaceFault::none;
    }
    if (place.next == nullptr) {
        place.skipped = below != 0;
        place.next = find_base_entry(catalog, started);
        if (place.next != nullptr) {
            place.below.ids[place.below.length++] = place.next->catalog_entry_id;
        } else if (below != 0) {
            place.fault = PlaceFault::no_next;
        }
    }
    return place;
}

bool is_below(const ChainBelow& below, const ProtocolInfo& answer) {
    if (below.length == 0) {
        return false;
    }
    if (answer.catalog_entry_id == below.ids[0]) {
        return true;
    }
    // A layered provider below us that our chain names by its hidden entry answers with its layered entry: the same
    // chain from there down.
    const Chain chain = chain_of(answer);
    if (chain.size() < 2 || chain.size() != below.length) {
        return false;
    }
    for (std::size_t index = 0; index < chain.size(); ++index) {
        if (chain[index] != below.ids[index]) {
            return false;
        }
    }
    return true;
}

} // namespace winsock_spi::core
