// Who we are in the Winsock catalog. Every entry of ours carries a GUID from which it can be recognised
// without any state: fixed bytes plus the triplet it covers. lib/provider/identity.ts holds the same values
// (a unit test compares the two files).
#pragma once

#include <cstdint>

#include "guid.hpp"

namespace winsock_spi::core {

// {7C1E5A3D-0000-0000-9B42-D6F03E8A51C7}: the hidden entry that stands for the provider in protocol chains.
inline constexpr Guid hidden_entry_guid{0x7C1E5A3D, 0, 0, {0x9B, 0x42, 0xD6, 0xF0, 0x3E, 0x8A, 0x51, 0xC7}};

// The layered entry over one base triplet: data2 is the address family, data3 is socket type << 8 | protocol.
constexpr Guid layered_entry_guid(std::uint16_t family, std::uint8_t socket_type, std::uint8_t protocol) {
    Guid guid = hidden_entry_guid;
    guid.data2 = family;
    guid.data3 = static_cast<std::uint16_t>(socket_type << 8 | protocol);
    return guid;
}

constexpr bool is_our_guid(const Guid& guid) {
    return guid.data1 == hidden_entry_guid.data1 && guid.data4 == hidden_entry_guid.data4;
}

} // namespace winsock_spi::core
