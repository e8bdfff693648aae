// The entries of a layered provider over what is in the catalog.
#include "chain_plan.hpp"

#include <algorithm>
#include <cstring>

namespace winsock_spi::wine {

namespace {

bool same_triplet(const core::ProtocolInfo& info, const core::Triplet& wanted) noexcept {
    return info.address_family == wanted.family && info.socket_type == wanted.socket_type &&
           info.protocol == wanted.protocol;
}

bool contains(const std::vector<core::Triplet>& triplets, const core::Triplet& wanted) noexcept {
    return std::any_of(triplets.begin(), triplets.end(), [&](const core::Triplet& one) {
        return one.family == wanted.family && one.socket_type == wanted.socket_type && one.protocol == wanted.protocol;
    });
}

// Each once, in the order of their first appearance.
std::vector<core::Triplet> triplets_of_base_providers(const Items& items) {
    std::vector<core::Triplet> triplets;
    for (const core::PackedCatalogItem& item : items) {
        const core::Triplet triplet{item.info.address_family, item.info.socket_type, item.info.protocol};
        if (item.info.chain_length == BASE_PROTOCOL && !contains(triplets, triplet)) {
            triplets.push_back(triplet);
        }
    }
    return triplets;
}

// What programs get for the triplet today. Hidden ones count: base entries of raw sockets are.
const core::ProtocolInfo* topmost(const Items& items, const core::Triplet& triplet) noexcept {
    for (const core::PackedCatalogItem& item : items) {
        if (item.info.chain_length != LAYERED_PROTOCOL && same_triplet(item.info, triplet)) {
            return &item.info;
        }
    }
    return nullptr;
}

void set_name(core::ProtocolInfo& info, const std::wstring& name) {
    static_assert(sizeof(wchar_t) == sizeof(char16_t));
    std::memset(info.name, 0, sizeof(info.name));
    const std::size_t length = std::min(name.size(), core::max_protocol_name - 1);
    std::memcpy(info.name, name.data(), length * sizeof(wchar_t));
}

std::wstring name_of(const core::ProtocolInfo& info) {
    std::wstring name(core::max_protocol_name, L'\0');
    std::memcpy(name.data(), info.name, sizeof(info.name));
    name.resize(wcsnlen(name.data(), name.size()));
    return name;
}

void set_ifs(core::ProtocolInfo& info, bool ifs) noexcept {
    constexpr std::uint32_t flag = XP1_IFS_HANDLES;
    info.service_flags[0] = ifs ? info.service_flags[0] | flag : info.service_flags[0] & ~flag;
}

// The new provider, the entry below by its own id, and what follows that entry's first layer.
bool put_on_top(core::ProtocolInfo& info, std::uint32_t hidden_id, const core::ProtocolInfo& below) noexcept {
    if (below.chain_length >= core::max_chain_length) {
        return false;
    }
    std::memset(info.chain, 0, sizeof(info.chain));
    info.chain[0] = hidden_id;
    info.chain[1] = below.catalog_entry_id;
    std::copy_n(below.chain + 1, below.chain_length - 1, info.chain + 2);
    info.chain_length = below.chain_length + 1;
    return true;
}

core::PackedCatalogItem make_item(const NewLayer& layer, const core::ProtocolInfo& info) {
    core::PackedCatalogItem item;
    core::encode_item(layer.path.data(), layer.path.size(), info, item);
    return item;
}

} // namespace

int add_layer(const NewLayer& layer, const NewEntries& entries, Items& items, std::uint32_t& hidden_id) {
    for (const core::PackedCatalogItem& item : items) {
        if (item.info.provider_id == layer.provider_id || name_of(item.info) == layer.name) {
            return WSAEINVAL;
        }
    }
    std::vector<core::Triplet> triplets;
    if (!layer.triplets) {
        triplets = triplets_of_base_providers(items);
        if (triplets.empty()) {
            return WSANO_RECOVERY;
        }
    } else {
        for (const core::Triplet& triplet : *layer.triplets) {
            if (!contains(triplets, triplet)) {
                triplets.push_back(triplet);
            }
        }
    }
    const bool ifs = (layer.service_flags & XP1_IFS_HANDLES) != 0;
    core::ProtocolInfo hidden{};
    hidden_id = entries.take_id();
    Items made;
    for (const core::Triplet& triplet : triplets) {
        const core::ProtocolInfo* below = topmost(items, triplet);
        if (below == nullptr || (ifs && (below->service_flags[0] & XP1_IFS_HANDLES) == 0)) {
            return WSAEINVAL;
        }
        core::ProtocolInfo chain = *below;
        if (!put_on_top(chain, hidden_id, *below)) {
            return WSANO_RECOVERY;
        }
        if (made.empty()) {
            hidden = *below;
        }
        const int error = entries.guid_of_chain(made.size(), chain.provider_id);
        if (error != 0) {
            return error;
        }
        set_ifs(chain, ifs);
        set_name(chain, layer.name + L" over [" + name_of(*below) + L"]");
        chain.catalog_entry_id = entries.take_id();
        chain.provider_reserved = 0;
        made.push_back(make_item(layer, chain));
    }
    hidden.service_flags[0] = layer.service_flags;
    hidden.provider_flags = PFL_HIDDEN;
    hidden.provider_id = layer.provider_id;
    hidden.catalog_entry_id = hidden_id;
    hidden.chain_length = LAYERED_PROTOCOL;
    std::memset(hidden.chain, 0, sizeof(hidden.chain));
    hidden.provider_reserved = 0;
    set_name(hidden, layer.name);
    items.insert(items.begin(), made.begin(), made.end());
    items.push_back(make_item(layer, hidden));
    return 0;
}

} // namespace winsock_spi::wine
