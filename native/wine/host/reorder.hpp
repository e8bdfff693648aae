// A new order for a catalog, given by the ids of its entries.
#pragma once

#include <algorithm>
#include <utility>

namespace winsock_spi::wine {

// `ids` must name every one of `items` once; then they are put into that order, else nothing changes and it is false.
// names(item, id): whether the id is that item's.
template <class Items, class Ids, class Names>
bool reorder(Items& items, const Ids& ids, const Names& names) {
    if (ids.size() != items.size()) {
        return false;
    }
    Items rest = items;
    Items ordered;
    for (const auto& id : ids) {
        const auto found = std::find_if(rest.begin(), rest.end(), [&](const auto& item) { return names(item, id); });
        if (found == rest.end()) {
            return false; // unknown, or named twice
        }
        ordered.push_back(*found);
        rest.erase(found);
    }
    items = std::move(ordered);
    return true;
}

} // namespace winsock_spi::wine
