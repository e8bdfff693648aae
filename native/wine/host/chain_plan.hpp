// What WSCInstallProviderAndChains makes of a catalog: the hidden entry that stands for the new provider, at the end,
// and one chain for each triplet, at the beginning.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "catalog_writer.hpp"

namespace winsock_spi::wine {

struct NewLayer {
    core::Guid provider_id;
    std::string path; // as the registry holds it
    std::wstring name;
    std::uint32_t service_flags;
    // Empty: every triplet that a base provider has.
    std::optional<std::vector<core::Triplet>> triplets;
};

// Where ids and GUIDs of new entries come from.
struct NewEntries {
    std::function<std::uint32_t()> take_id;
    // By index of the chain.
    std::function<int(std::size_t index, core::Guid& guid)> guid_of_chain;
};

// Puts the entries into `items`. 0 or a Winsock error: WSAEINVAL (provider or name are there already; nothing serves a
// triplet; a provider with IFS handles over one without), WSANO_RECOVERY (no base provider, chain full).
int add_layer(const NewLayer& layer, const NewEntries& entries, Items& items, std::uint32_t& hidden_id);

} // namespace winsock_spi::wine
