// Catalogs made for tests, as Windows would have them.
#pragma once

#include "core/chain.hpp"

#include <initializer_list>
#include <vector>

namespace catalogs {

using winsock_spi::core::Guid;
using winsock_spi::core::ProtocolInfo;

inline constexpr std::int32_t ipv4 = 2;
inline constexpr std::int32_t ipv6 = 23;
inline constexpr Guid base_guid{0xE70F1AA0, 0xAB8B, 0x11CF, {0x8C, 0xA3, 0x00, 0x80, 0x5F, 0x48, 0xA1, 0x92}};
inline constexpr Guid stranger_hidden{0xAAAAAAAA, 1, 1, {1, 2, 3, 4, 5, 6, 7, 8}};
inline constexpr Guid stranger_layered{0xAAAAAAAA, 1, 2, {1, 2, 3, 4, 5, 6, 7, 8}};

inline ProtocolInfo entry(std::uint32_t id, const Guid& guid, std::initializer_list<std::uint32_t> chain,
                          std::int32_t family = ipv4, std::int32_t type = 1, std::int32_t protocol = 6) {
    ProtocolInfo info{};
    info.catalog_entry_id = id;
    info.provider_id = guid;
    info.chain_length = static_cast<std::int32_t>(chain.size());
    std::size_t index = 0;
    for (const std::uint32_t element : chain) {
        info.chain[index++] = element;
    }
    info.address_family = family;
    info.socket_type = type;
    info.protocol = protocol;
    return info;
}

inline ProtocolInfo base(std::uint32_t id, std::int32_t family = ipv4, std::int32_t type = 1,
                         std::int32_t protocol = 6) {
    return entry(id, base_guid, {id}, family, type, protocol);
}

inline ProtocolInfo our_hidden(std::uint32_t id) {
    return entry(id, winsock_spi::core::hidden_entry_guid, {});
}

inline ProtocolInfo our_layered(std::uint32_t id, std::initializer_list<std::uint32_t> chain,
                                std::int32_t family = ipv4, std::int32_t type = 1, std::int32_t protocol = 6) {
    return entry(id,
                 winsock_spi::core::layered_entry_guid(static_cast<std::uint16_t>(family),
                                                       static_cast<std::uint8_t>(type),
                                                       static_cast<std::uint8_t>(protocol)),
                 chain, family, type, protocol);
}

} // namespace catalogs
