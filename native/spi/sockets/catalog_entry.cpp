#include "catalog_entry.hpp"

#include "../nt_registry.hpp"
#include "../wide_text.hpp"
#include "../winsock.hpp"
#include "core/packed_catalog_item.hpp"

#include <cstring>
#include <vector>

namespace winsock_spi::spi {
namespace {

using Entries = std::vector<core::ProtocolInfo>;

constexpr unsigned long most_entries = 10'000; // far more than any catalog has: a damaged one must not hold us

// Winsock's functions for the other catalog exist in 64-bit processes only, so it is read where Winsock keeps it.
Status read_registry(int bits, Entries& entries) {
    const UniqueHandle parent =
        open_machine_key(L"SYSTEM\\CurrentControlSet\\Services\\WinSock2\\Parameters\\Protocol_Catalog9");
    const UniqueHandle catalog =
        parent ? open_key(parent.get(), bits == 64 ? L"Catalog_Entries64" : L"Catalog_Entries") : UniqueHandle();
    if (!catalog) {
        return own_error("ERR_CATALOG_UNREADABLE",
                         "The protocol catalog of " + std::to_string(bits) + "-bit programs could not be read.");
    }
    for (unsigned long number = 1; number <= most_entries; ++number) {
        WideText<16> name;
        name.append_decimal(number, 12);
        const UniqueHandle entry = open_key(catalog.get(), name.view());
        if (!entry) {
            break; // they are numbered without gaps
        }
        core::PackedCatalogItem item;
        if (read_value(entry.get(), L"PackedCatalogItem", REG_BINARY, &item, sizeof item) == sizeof item &&
            core::check_item(item) == core::ItemFault::none) {
            entries.push_back(item.info);
        }
    }
    return {};
}

Status read_own(Entries& entries) {
    Winsock winsock;
    std::vector<CatalogEntry> read;
    if (Status status = winsock.open(); !status.ok()) {
        return status;
    }
    if (Status status = winsock.enumerate(own_bits, read); !status.ok()) {
        return status;
    }
    for (const CatalogEntry& entry : read) {
        entries.push_back(entry.info);
    }
    return {};
}

bool same_provider(const core::ProtocolInfo& a, const core::ProtocolInfo& b) {
    return a.provider_id == b.provider_id && a.address_family == b.address_family && a.socket_type == b.socket_type &&
           a.protocol == b.protocol;
}

} // namespace

Status name_entry(int bits, WSAPROTOCOL_INFOW& info, bool& found) {
    Entries entries;
    if (Status status = bits == own_bits ? read_own(entries) : read_registry(bits, entries); !status.ok()) {
        return status;
    }
    core::ProtocolInfo wanted;
    static_assert(sizeof wanted == sizeof info);
    std::memcpy(&wanted, &info, sizeof wanted);
    const core::ProtocolInfo* match = nullptr;
    for (const core::ProtocolInfo& entry : entries) {
        if (same_provider(entry, wanted)) {
            if (entry.catalog_entry_id == wanted.catalog_entry_id) {
                found = true;
                return {};
            }
            match = match == nullptr ? &entry : match;
        }
    }
    found = match != nullptr;
    if (found) {
        core::ProtocolInfo entry = *match;
        entry.provider_reserved = wanted.provider_reserved;
        std::memcpy(&info, &entry, sizeof info);
    }
    return {};
}

} // namespace winsock_spi::spi
