#include "selection.hpp"

#include <algorithm>
#include <optional>

#include "core/chain.hpp"
#include "core/guid_text.hpp"
#include "core/identity.hpp"
#include "spi/text.hpp"

namespace winsock_spi::rescue {
namespace {

using core::Guid;
using core::ProtocolInfo;

std::optional<std::uint32_t> to_id(const std::wstring& text) {
    std::uint64_t number = 0;
    if (text.empty() || text.size() > 10) {
        return std::nullopt;
    }
    for (const wchar_t digit : text) {
        if (digit < L'0' || digit > L'9') {
            return std::nullopt;
        }
        number = number * 10 + static_cast<std::uint64_t>(digit - L'0');
    }
    return number <= 0xFFFF'FFFF ? std::optional(static_cast<std::uint32_t>(number)) : std::nullopt;
}

std::optional<Guid> to_guid(const std::wstring& text) {
    const std::wstring braced = text.starts_with(L'{') ? text : L'{' + text + L'}';
    return core::parse_guid(spi::narrow(braced));
}

bool is_called(const ProtocolInfo& info, const std::wstring& wanted) {
    const std::optional<std::uint32_t> id = to_id(wanted);
    const std::optional<Guid> guid = to_guid(wanted);
    return (id && *id == info.catalog_entry_id) || (guid && *guid == info.provider_id) ||
           spi::equal_names(spi::widen(name_of(info)), wanted);
}

// The id that stands for the entry's provider in chains; none for a base entry, or where a chain begins with somebody's
// entry that can be called itself.
std::optional<std::uint32_t> provider_mark(const ProtocolInfo& info, const Entries& entries) {
    if (info.chain_length == 0) {
        return info.catalog_entry_id;
    }
    const core::Chain chain = core::chain_of(info);
    if (chain.size() < 2) {
        return std::nullopt;
    }
    for (const spi::CatalogEntry& entry : entries) {
        if (entry.info.catalog_entry_id == chain[0] && entry.info.chain_length != 0) {
            return std::nullopt;
        }
    }
    return chain[0];
}

template <typename Item>
bool contains(const std::vector<Item>& items, const Item& item) {
    return std::ranges::find(items, item) != items.end();
}

// Adds the GUIDs of all entries that belong to the providers of these GUIDs.
void add_kin(const Entries& entries, std::vector<Guid>& guids) {
    std::vector<std::uint32_t> marks;
    for (bool grown = true; grown;) {
        grown = false;
        for (const spi::CatalogEntry& entry : entries) {
            const std::optional<std::uint32_t> mark = provider_mark(entry.info, entries);
            const bool known = contains(guids, entry.info.provider_id);
            const bool marked = mark && contains(marks, *mark);
            if (known && mark && !marked) {
                marks.push_back(*mark);
                grown = true;
            }
            if (marked && !known) {
                guids.push_back(entry.info.provider_id);
                grown = true;
            }
        }
    }
}

std::string describe(const ProtocolInfo& info, int bits) {
    return '"' + name_of(info) + "\" " + core::format_guid(info.provider_id) + ", id " +
           std::to_string(info.catalog_entry_id) + " (" + std::to_string(bits) + "-bit catalog)";
}

} // namespace

std::string name_of(const ProtocolInfo& info) {
    std::wstring name;
    for (const char16_t unit : info.name) {
        if (unit == u'\0') {
            break;
        }
        name += static_cast<wchar_t>(unit);
    }
    return spi::narrow(name);
}

Entries readable_entries(const spi::RegistryTree& catalog, int bits) {
    Entries entries;
    if (const spi::RegistryTree* items = catalog.key(spi::entries_key(bits))) {
        for (const auto& [name, key] : items->keys) {
            spi::CatalogEntry entry;
            if (spi::decode_entry(key, entry).ok()) {
                entries.push_back(std::move(entry));
            }
        }
    }
    return entries;
}

bool Selection::has(const Guid& provider) const {
    return is_ours() ? core::is_our_guid(provider) : contains(guids_, provider);
}

spi::Status Selection::of(const std::wstring& wanted, Selection& selection) {
    spi::RegistryTree catalog;
    if (spi::Status status = spi::read_protocol_catalog(catalog); !status.ok()) {
        return status;
    }
    struct One {
        int bits;
        Entries entries;
    };
    std::vector<One> catalogs;
    for (const int bits : {64, 32}) {
        if (spi::has_catalog(bits)) {
            catalogs.push_back({bits, readable_entries(catalog, bits)});
        }
    }
    Selection found;
    found.ours_ = false;
    std::string first;
    for (const One& one : catalogs) {
        for (const spi::CatalogEntry& entry : one.entries) {
            if (!is_called(entry.info, wanted) || contains(found.guids_, entry.info.provider_id)) {
                continue;
            }
            // The same name in the other catalog is the same provider; twice in one catalog are two.
            const bool other_catalog = std::ranges::none_of(one.entries, [&](const spi::CatalogEntry& other) {
                return contains(found.guids_, other.info.provider_id);
            });
            if (!found.guids_.empty() && (!other_catalog || to_id(wanted))) {
                return spi::own_error("ERR_AMBIGUOUS_PROVIDER", '"' + spi::narrow(wanted) + "\" may mean " + first +
                                                                    " or " + describe(entry.info, one.bits) +
                                                                    ". Name one by its GUID.");
            }
            if (found.guids_.empty()) {
                found.name_ = name_of(entry.info);
                first = describe(entry.info, one.bits);
            }
            found.guids_.push_back(entry.info.provider_id);
            for (const One& each : catalogs) {
                add_kin(each.entries, found.guids_);
            }
        }
    }
    if (found.guids_.empty()) {
        return spi::own_error("ERR_UNKNOWN_PROVIDER",
                              "No catalog has a provider \"" + spi::narrow(wanted) + "\": see winsock-spi-rescue list");
    }
    for (const One& one : catalogs) {
        for (const spi::CatalogEntry& entry : one.entries) {
            if (contains(found.guids_, entry.info.provider_id) && core::is_base(entry.info)) {
                return spi::own_error("ERR_BASE_PROVIDER", describe(entry.info, one.bits) +
                                                               " is a base provider: without it programs have no "
                                                               "network. It stays.");
            }
        }
    }
    // By whatever name ours was meant, its files go too.
    const bool ours = std::ranges::all_of(found.guids_, [](const Guid& guid) { return core::is_our_guid(guid); });
    selection = ours ? Selection() : std::move(found);
    return {};
}

} // namespace winsock_spi::rescue
