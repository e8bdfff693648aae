// Who the second provider is in the catalog: one hidden entry and, in layered entries, either a GUID for each or the
// same GUID for all of them. Nothing here comes from the project's own provider.
#pragma once

#include <winsock2.h>
#include <ws2spi.h>

#include <cstring>

namespace second {

inline constexpr GUID hidden_guid{0x51D0C0DE, 0xB0B0, 0x4A11, {0x88, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07}};
inline constexpr GUID shared_guid{0x51D0C0DE, 0xB0B0, 0x4A11, {0x88, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x08}};

struct Triplet {
    int family;
    int type;
    int protocol;
};

inline constexpr Triplet covered[] = {
    {AF_INET, SOCK_STREAM, IPPROTO_TCP},  {AF_INET, SOCK_DGRAM, IPPROTO_UDP},  {AF_INET, SOCK_RAW, 0},
    {AF_INET6, SOCK_STREAM, IPPROTO_TCP}, {AF_INET6, SOCK_DGRAM, IPPROTO_UDP}, {AF_INET6, SOCK_RAW, 0},
};

inline constexpr unsigned char entry_mark = 0x40; // Data4[6] of a GUID made for one entry

inline GUID entry_guid(unsigned index) {
    GUID guid = hidden_guid;
    guid.Data4[6] = entry_mark;
    guid.Data4[7] = static_cast<unsigned char>(index);
    return guid;
}

inline bool equal(const GUID& a, const GUID& b) {
    return std::memcmp(&a, &b, sizeof(GUID)) == 0;
}

inline bool is_own(const GUID& guid) {
    GUID plain = guid;
    if (plain.Data4[6] == entry_mark) {
        plain = hidden_guid;
    }
    return equal(plain, hidden_guid) || equal(plain, shared_guid);
}

inline bool same_triplet(const WSAPROTOCOL_INFOW& info, int family, int type, int protocol) {
    return info.iAddressFamily == family && info.iSocketType == type && info.iProtocol == protocol;
}

inline bool is_layered(const WSAPROTOCOL_INFOW& info) {
    return info.ProtocolChain.ChainLen > 1;
}

} // namespace second
