// winsock_wine_seed.exe: writes the catalog of a fresh Windows 10 into a Wine prefix that has none: the six base
// entries of TCP, UDP and RAW over IPv4 and IPv6 for both bitnesses, and the namespace providers. Run once, when the
// prefix is made: later a missing or damaged catalog is damage, and repairing it here would hide that.
//
// Exit code 0: written, or a catalog is there already; 1: failed (the reason on stderr).
#include <cstdio>
#include <cstring>

#include "../host/catalog_writer.hpp"
#include "../host/namespace_catalog.hpp"

namespace winsock_spi::wine {

namespace {

constexpr char base_path[] = "%SystemRoot%\\system32\\winsock_wine_base.dll";

constexpr core::Guid ipv4_provider{0xE70F1AA0, 0xAB8B, 0x11CF, {0x8C, 0xA3, 0x00, 0x80, 0x5F, 0x48, 0xA1, 0x92}};
constexpr core::Guid ipv6_provider{0xF9EAB0C0, 0x26D4, 0x11D0, {0xBB, 0xBF, 0x00, 0xAA, 0x00, 0x6C, 0x34, 0xE4}};

constexpr std::uint32_t stream_flags =
    XP1_GUARANTEED_DELIVERY | XP1_GUARANTEED_ORDER | XP1_GRACEFUL_CLOSE | XP1_EXPEDITED_DATA | XP1_IFS_HANDLES;
constexpr std::uint32_t datagram_flags =
    XP1_CONNECTIONLESS | XP1_MESSAGE_ORIENTED | XP1_SUPPORT_BROADCAST | XP1_SUPPORT_MULTIPOINT | XP1_IFS_HANDLES;
static_assert(stream_flags == 0x20066);
static_assert(datagram_flags == 0x20609);

struct BaseEntry {
    const char16_t* name;
    core::Guid provider;
    int family;
    int address_size;
    int socket_type;
    int protocol;
    int protocol_max_offset;
    std::uint32_t service_flags;
    std::uint32_t provider_flags;
    std::uint32_t message_size;
};

constexpr std::uint32_t visible = PFL_MATCHES_PROTOCOL_ZERO;
constexpr std::uint32_t raw = PFL_MATCHES_PROTOCOL_ZERO | PFL_HIDDEN; // raw sockets are not offered, but can be had

// What WSCEnumProtocols reports on Windows 10.
constexpr BaseEntry base_entries[] = {
    {u"MSAFD Tcpip [TCP/IP]", ipv4_provider, AF_INET, 16, SOCK_STREAM, IPPROTO_TCP, 0, stream_flags, visible, 0},
    {u"MSAFD Tcpip [UDP/IP]", ipv4_provider, AF_INET, 16, SOCK_DGRAM, IPPROTO_UDP, 0, datagram_flags, visible, 65527},
    {u"MSAFD Tcpip [RAW/IP]", ipv4_provider, AF_INET, 16, SOCK_RAW, 0, 255, datagram_flags, raw, 32767},
    {u"MSAFD Tcpip [TCP/IPv6]", ipv6_provider, AF_INET6, 28, SOCK_STREAM, IPPROTO_TCP, 0, stream_flags, visible, 0},
    {u"MSAFD Tcpip [UDP/IPv6]", ipv6_provider, AF_INET6, 28, SOCK_DGRAM, IPPROTO_UDP, 0, datagram_flags, visible,
     65527},
    {u"MSAFD Tcpip [RAW/IPv6]", ipv6_provider, AF_INET6, 28, SOCK_RAW, 0, 255, datagram_flags, raw, 32767},
};

core::PackedCatalogItem make_item(const BaseEntry& entry, std::uint32_t id) {
    core::ProtocolInfo info{};
    info.service_flags[0] = entry.service_flags;
    info.provider_flags = entry.provider_flags;
    info.provider_id = entry.provider;
    info.catalog_entry_id = id;
    info.chain_length = BASE_PROTOCOL;
    info.version = 2;
    info.address_family = entry.family;
    info.max_address_size = entry.address_size;
    info.min_address_size = entry.address_size;
    info.socket_type = entry.socket_type;
    info.protocol = entry.protocol;
    info.protocol_max_offset = entry.protocol_max_offset;
    info.network_byte_order = BIGENDIAN;
    info.security_scheme = SECURITY_PROTOCOL_NONE;
    info.message_size = entry.message_size;
    std::memcpy(info.name, entry.name, std::char_traits<char16_t>::length(entry.name) * sizeof(char16_t));
    core::PackedCatalogItem item;
    core::encode_item(base_path, sizeof(base_path) - 1, info, item);
    return item;
}

struct NamespaceProvider {
    const wchar_t* name;
    const wchar_t* path;
    core::Guid provider;
    std::uint32_t name_space;
};

// What a Windows 10 without Bluetooth lists, in its order. (There the first names are references to resources.)
constexpr NamespaceProvider namespaces[] = {
    {L"E-mail Naming Shim Provider",
     L"%SystemRoot%\\system32\\napinsp.dll",
     {0x964ACBA2, 0xB2BC, 0x40EB, {0x8C, 0x6A, 0xA6, 0xDB, 0x40, 0x16, 0x1C, 0xAE}},
     NS_EMAIL},
    {L"PNRP Cloud Namespace Provider",
     L"%SystemRoot%\\system32\\pnrpnsp.dll",
     {0x03FE89CE, 0x766D, 0x4976, {0xB9, 0xC1, 0xBB, 0x9B, 0xC4, 0x2C, 0x7B, 0x4D}},
     NS_PNRPCLOUD},
    {L"PNRP Name Namespace Provider",
     L"%SystemRoot%\\system32\\pnrpnsp.dll",
     {0x03FE89CD, 0x766D, 0x4976, {0xB9, 0xC1, 0xBB, 0x9B, 0xC4, 0x2C, 0x7B, 0x4D}},
     NS_PNRPNAME},
    {L"Network Location Awareness Legacy (NLAv1) Namespace",
     L"%SystemRoot%\\system32\\NLAapi.dll",
     {0x6642243A, 0x3BA8, 0x4AA6, {0xBA, 0xA5, 0x2E, 0x0B, 0xD7, 0x1F, 0xDD, 0x83}},
     NS_NLA},
    {L"Tcpip",
     L"%SystemRoot%\\System32\\mswsock.dll",
     {0x22059D40, 0x7E9E, 0x11CF, {0xAE, 0x5A, 0x00, 0xAA, 0x00, 0xA7, 0x11, 0x2B}},
     NS_DNS},
    {L"NTDS",
     L"%SystemRoot%\\System32\\winrnr.dll",
     {0x3B2637EE, 0xE580, 0x11CF, {0xA5, 0x55, 0x00, 0xC0, 0x4F, 0xD8, 0xD4, 0xAC}},
     NS_NTDS},
};

LSTATUS write_namespaces() {
    LSTATUS status = NamespaceTransaction::make_empty();
    for (const Bitness bitness : {Bitness::bits32, Bitness::bits64}) {
        NamespaceTransaction transaction(bitness);
        NamespaceEntries* entries = nullptr;
        if (status == ERROR_SUCCESS) {
            status = transaction.begin(entries);
        }
        if (status == ERROR_SUCCESS) {
            for (const NamespaceProvider& one : namespaces) {
                entries->push_back(make_namespace_entry(one.provider, one.name, one.path, one.name_space, 0, nullptr));
            }
            status = transaction.commit();
        }
    }
    return status;
}

int write_protocols() {
    CatalogTransaction transaction;
    Items* items32 = nullptr;
    Items* items64 = nullptr;
    int error = transaction.make_empty();
    if (error == 0) {
        error = transaction.load(Bitness::bits32, items32);
    }
    if (error == 0) {
        error = transaction.load(Bitness::bits64, items64);
    }
    if (error != 0) {
        return error;
    }
    for (const BaseEntry& entry : base_entries) {
        items64->push_back(make_item(entry, transaction.take_id()));
    }
    *items32 = *items64; // the same ids in both, as on Windows
    return transaction.commit();
}

// A fresh Wine prefix has the bare keys, without a value. Anything more is somebody's catalog.
bool has_catalog() {
    RegistryKey root;
    if (root.open(HKEY_LOCAL_MACHINE, protocol_catalog, KEY_READ) != ERROR_SUCCESS) {
        return false;
    }
    DWORD values = 0;
    if (RegQueryInfoKeyW(root.get(), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, &values, nullptr, nullptr,
                         nullptr, nullptr) != ERROR_SUCCESS ||
        values != 0) {
        return true;
    }
    for (const Bitness bitness : {Bitness::bits32, Bitness::bits64}) {
        RegistryKey entries;
        DWORD keys = 0;
        if (entries.open(root.get(), entries_key_name(bitness), KEY_READ) == ERROR_SUCCESS &&
            (RegQueryInfoKeyW(entries.get(), nullptr, nullptr, nullptr, &keys, nullptr, nullptr, nullptr, nullptr,
                              nullptr, nullptr, nullptr) != ERROR_SUCCESS ||
             keys != 0)) {
            return true;
        }
    }
    return false;
}

int run() {
    if (has_catalog()) {
        std::puts("winsock_wine_seed: a protocol catalog is there already; nothing written");
        return 0;
    }
    RegistryKey parameters;
    bool made = false;
    LSTATUS status = parameters.create(HKEY_LOCAL_MACHINE, winsock_parameters, made);
    if (status == ERROR_SUCCESS) {
        status = parameters.write(L"WinSock_Registry_Version", L"2.0");
    }
    if (status == ERROR_SUCCESS) {
        status = parameters.write(L"Current_Protocol_Catalog", L"Protocol_Catalog9");
    }
    if (status == ERROR_SUCCESS) {
        status = parameters.write(L"Current_NameSpace_Catalog", L"NameSpace_Catalog5");
    }
    if (status == ERROR_SUCCESS) {
        status = write_namespaces();
    }
    if (status != ERROR_SUCCESS) {
        std::fprintf(stderr, "winsock_wine_seed: cannot write the Winsock parameters: error %ld\n", status);
        return 1;
    }
    // Last, because its presence is what the next run asks for.
    const int error = write_protocols();
    if (error != 0) {
        std::fprintf(stderr, "winsock_wine_seed: cannot write the protocol catalog: error %d\n", error);
        return 1;
    }
    std::printf("winsock_wine_seed: wrote %u protocol and %u namespace entries for 64-bit and for 32-bit programs\n",
                static_cast<unsigned>(std::size(base_entries)), static_cast<unsigned>(std::size(namespaces)));
    return 0;
}

} // namespace

} // namespace winsock_spi::wine

int main() {
    return winsock_spi::wine::run();
}
