// How Winsock finds a catalog entry for a triplet (address family, socket type, protocol): the rule of
// WSASocketW and WSCInstallProvider's documentation, without windows.h.
#pragma once

#include <cstdint>

#include "packed_catalog_item.hpp"

namespace winsock_spi::core {

// 0 is the wildcard in each place (AF_UNSPEC is 0).
struct Triplet {
    std::int32_t family;
    std::int32_t socket_type;
    std::int32_t protocol;
};

// A program may leave a place to the protocol info that it names with the triplet: by FROM_PROTOCOL_INFO, or by 0.
constexpr Triplet complete_triplet(const Triplet& wanted, const Triplet& from_info) {
    constexpr auto chosen = [](std::int32_t place, std::int32_t info) {
        constexpr std::int32_t from_protocol_info = -1;
        return place == from_protocol_info || place == 0 ? info : place;
    };
    return {chosen(wanted.family, from_info.family), chosen(wanted.socket_type, from_info.socket_type),
            chosen(wanted.protocol, from_info.protocol)};
}

// Ordered: the best result over a catalog tells which error to report when nothing matches. Windows looks for the
// socket type first: an unknown family of an unknown type is WSAESOCKTNOSUPPORT.
enum class TripletMatch {
    type_differs,
    family_differs,
    protocol_differs,
    matches,
};

// PFL_HIDDEN plays no part: Windows' own RAW entries carry it and raw sockets are found all the same. What can never
// be used by a program is an entry with an empty chain, which only stands for a layered provider in others' chains.
constexpr TripletMatch match_triplet(const ProtocolInfo& info, const Triplet& wanted) {
    if (info.chain_length == 0 || (wanted.socket_type != 0 && info.socket_type != wanted.socket_type)) {
        return TripletMatch::type_differs;
    }
    if (wanted.family != 0 && info.address_family != wanted.family) {
        return TripletMatch::family_differs;
    }
    // 64 bits: the registry may hold any offset, and protocol + offset must not overflow.
    const std::int64_t first = info.protocol;
    const std::int64_t last = first + info.protocol_max_offset;
    if (wanted.protocol >= first && wanted.protocol <= last) {
        return TripletMatch::matches;
    }
    if (wanted.protocol == 0 && (info.provider_flags & provider_flag_matches_protocol_zero) != 0) {
        return TripletMatch::matches;
    }
    return TripletMatch::protocol_differs;
}

} // namespace winsock_spi::core
