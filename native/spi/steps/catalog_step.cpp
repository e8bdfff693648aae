#include "catalog_step.hpp"

#include <algorithm>

#include "core/guid_text.hpp"
#include "spi/catalog_items.hpp"
#include "spi/helper.hpp"
#include "spi/text.hpp"

namespace winsock_spi::spi {

using core::Guid;
using core::ProtocolInfo;
using core::json::Value;

Status check_path(const std::wstring& path) {
    return path.size() < core::max_item_path
               ? Status{}
               : own_error("ERR_PATH_TOO_LONG", "a provider's path has at most 259 characters: " + narrow(path));
}

std::string catalog_name(int bits) {
    return "the " + std::to_string(bits) + "-bit catalog";
}

Status chain_full() {
    return own_error("ERR_CHAIN_FULL", "a protocol chain holds at most 7 entries");
}

std::vector<std::uint32_t> ids_of(const Entries& entries) {
    std::vector<std::uint32_t> ids;
    for (const CatalogEntry& entry : entries) {
        ids.push_back(entry.info.catalog_entry_id);
    }
    return ids;
}

Entries entries_of(const Entries& entries, const Guid& provider) {
    Entries found;
    std::copy_if(entries.begin(), entries.end(), std::back_inserter(found),
                 [&](const CatalogEntry& entry) { return entry.info.provider_id == provider; });
    return found;
}

Status resolve(const std::vector<EntryName>& names, const Entries& entries, int bits, std::vector<std::uint32_t>& ids) {
    ids.clear();
    for (const EntryName& name : names) {
        std::vector<std::uint32_t> matches;
        for (const CatalogEntry& entry : entries) {
            if (name.id != 0 ? entry.info.catalog_entry_id == name.id : entry.info.provider_id == name.guid) {
                matches.push_back(entry.info.catalog_entry_id);
            }
        }
        if (name.ordinal != 0) { // by id and not by place: an order may be half done already
            std::ranges::sort(matches);
            const bool there = name.ordinal <= matches.size();
            matches = there ? std::vector{matches[name.ordinal - 1]} : std::vector<std::uint32_t>{};
        }
        if (matches.size() != 1) {
            const std::string text = name.id != 0 ? "id " + std::to_string(name.id) : core::format_guid(name.guid);
            const char* what = matches.empty() ? " has no entry " : " has several entries ";
            return own_error("ERR_UNKNOWN_CATALOG_ID", catalog_name(bits) + what + text);
        }
        ids.push_back(matches.front());
    }
    return {};
}

Status set_chain(const std::vector<EntryName>& names, const Entries& entries, int bits, ProtocolInfo& info) {
    std::vector<std::uint32_t> ids;
    if (Status status = resolve(names, entries, bits, ids); !status.ok()) {
        return status;
    }
    if (ids.size() > static_cast<std::size_t>(core::max_chain_length)) {
        return chain_full();
    }
    info.chain_length = static_cast<std::int32_t>(ids.size());
    std::fill(std::begin(info.chain), std::end(info.chain), 0u);
    std::copy(ids.begin(), ids.end(), std::begin(info.chain));
    return {};
}

Status read_provider(const Value& source, ProviderMembers& members, bool with_info) {
    std::string path;
    if (Status status = read_bits(source, "catalog", members.bits); !status.ok()) {
        return status;
    }
    if (Status status = read_guid(source, "providerId", members.provider); !status.ok()) {
        return status;
    }
    if (Status status = read_string(source, "path", path); !status.ok()) { // may begin with %SystemRoot%
        return status;
    }
    members.path = widen(path);
    if (Status status = check_path(members.path); !status.ok()) {
        return status;
    }
    if (with_info) {
        if (Status status = read_info(source, "info", members.info); !status.ok()) {
            return status;
        }
    }
    return read_chain(source, members.chain);
}

Status read_chain(const Value& source, std::optional<std::vector<EntryName>>& chain) {
    chain.reset();
    return source.find("chain") != nullptr ? read_entry_names(source, "chain", chain.emplace()) : Status{};
}

bool CatalogStep::needs_helper() const {
    return !check_reachable(bits_).ok();
}

Status CatalogStep::apply(Context& context, const Value& before) {
    return needs_helper() ? run_helper(context, bits_, HelperAction::apply, *this, before) : change(context, before);
}

Status CatalogStep::undo(Context& context, const Value& before) {
    return check_reachable(bits_).ok() ? restore(context, before)
                                       : run_helper(context, bits_, HelperAction::undo, *this, before);
}

Status CatalogStep::read(Context& context, Entries& entries) const {
    return read_catalog(context.winsock, bits_, entries);
}

Status CatalogStep::order(Context& context, const std::vector<std::uint32_t>& ids) const {
    Entries entries;
    if (Status status = read(context, entries); !status.ok()) {
        return status;
    }
    if (ids_of(entries) == ids) {
        return {};
    }
    context.points.next();
    return context.winsock.write_order(bits_, ids);
}

Status CatalogStep::remove(Context& context, const Guid& provider) const {
    Entries entries;
    if (Status status = read(context, entries); !status.ok()) {
        return status;
    }
    if (entries_of(entries, provider).empty()) {
        return {};
    }
    context.points.next();
    if (Status status = context.winsock.deinstall(bits_, provider); !status.ok()) {
        return status;
    }
    if (Status status = read(context, entries); !status.ok()) {
        return status;
    }
    return entries_of(entries, provider).empty()
               ? Status{}
               : own_error("ERR_VERIFY_FAILED", core::format_guid(provider) + " is still in " + catalog_name(bits_));
}

} // namespace winsock_spi::spi
