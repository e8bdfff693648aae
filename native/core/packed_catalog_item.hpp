// The 888 bytes in which Windows keeps one protocol catalog entry in the registry (value PackedCatalogItem):
// the provider's path as an ANSI string in 260 bytes, then the WSAPROTOCOL_INFOW of the entry. Both bitnesses use
// the same layout. Everything read from the registry is checked here before anyone looks at it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "guid.hpp"

namespace winsock_spi::core {

inline constexpr std::int32_t max_chain_length = 7;    // MAX_PROTOCOL_CHAIN
inline constexpr std::size_t max_item_path = 260;      // MAX_PATH, with the terminator
inline constexpr std::size_t max_protocol_name = 256;  // WSAPROTOCOL_LEN + 1

// dwProviderFlags of an entry.
inline constexpr std::uint32_t provider_flag_hidden = 0x4;                // PFL_HIDDEN
inline constexpr std::uint32_t provider_flag_matches_protocol_zero = 0x8; // PFL_MATCHES_PROTOCOL_ZERO

// Layout of WSAPROTOCOL_INFOW.
struct ProtocolInfo {
    std::uint32_t service_flags[4];
    std::uint32_t provider_flags;
    Guid provider_id;
    std::uint32_t catalog_entry_id;
    std::int32_t chain_length; // 0 = stands for a layered provider, 1 = base, above = a protocol chain
    std::uint32_t chain[max_chain_length];
    std::int32_t version;
    std::int32_t address_family;
    std::int32_t max_address_size;
    std::int32_t min_address_size;
    std::int32_t socket_type;
    std::int32_t protocol;
    std::int32_t protocol_max_offset;
    std::int32_t network_byte_order;
    std::int32_t security_scheme;
    std::uint32_t message_size;
    std::uint32_t provider_reserved;
    char16_t name[max_protocol_name];
};
static_assert(sizeof(ProtocolInfo) == 628);

struct PackedCatalogItem {
    char path[max_item_path];
    ProtocolInfo info;
};
static_assert(sizeof(PackedCatalogItem) == 888);
static_assert(offsetof(PackedCatalogItem, info) == 260);

enum class ItemFault {
    none,
    size,  // not 888 bytes
    path,  // not terminated within its 260 bytes; empty is allowed when read: only that provider cannot be loaded
    chain, // ChainLen below 0 or above 7
    name,  // not terminated within its 256 units
};

constexpr ItemFault check_info(const ProtocolInfo& info) {
    if (info.chain_length < 0 || info.chain_length > max_chain_length) {
        return ItemFault::chain;
    }
    for (const char16_t unit : info.name) {
        if (unit == u'\0') {
            return ItemFault::none;
        }
    }
    return ItemFault::name;
}

constexpr ItemFault check_item(const PackedCatalogItem& item) {
    for (const char unit : item.path) {
        if (unit == '\0') {
            return check_info(item.info);
        }
    }
    return ItemFault::path;
}

// Copies a registry value into `item` and checks it. `item` is meaningful only when the result is `none`.
inline ItemFault decode_item(const void* bytes, std::size_t size, PackedCatalogItem& item) {
    if (size != sizeof(item)) {
        return ItemFault::size;
    }
    std::memcpy(&item, bytes, sizeof(item));
    return check_item(item);
}

// Makes the item of a path and an info. The path's bytes behind its terminator are zero, so that two installs of
// the same thing give the same bytes.
inline ItemFault encode_item(const char* path, std::size_t path_length, const ProtocolInfo& info,
                             PackedCatalogItem& item) {
    if (path_length == 0 || path_length >= max_item_path) {
        return ItemFault::path;
    }
    std::memset(item.path, 0, sizeof(item.path));
    std::memcpy(item.path, path, path_length);
    item.info = info;
    return check_item(item);
}

} // namespace winsock_spi::core
