// Steps in the protocol catalog, by Winsock's own functions. Where those cannot bring back what was there (an entry's
// id, for one), undo writes the registry.
#include "spi/step.hpp"

#include <algorithm>

#include "core/guid_text.hpp"
#include "spi/catalog_items.hpp"
#include "spi/helper.hpp"
#include "spi/registry_json.hpp"
#include "spi/step_members.hpp"
#include "spi/text.hpp"

namespace winsock_spi::spi {
namespace {

using core::Guid;
using core::ProtocolInfo;
using core::json::Value;

using Entries = std::vector<CatalogEntry>;

std::string describe(int bits) { return "the " + std::to_string(bits) + "-bit catalog"; }

std::vector<std::uint32_t> ids_of(const Entries& entries) {
    std::vector<std::uint32_t> ids;
    for (const CatalogEntry& entry : entries) {
        ids.push_back(entry.info.catalog_entry_id);
    }
    return ids;
}

std::vector<CatalogEntry> entries_of(const Entries& entries, const Guid& provider) {
    std::vector<CatalogEntry> found;
    std::copy_if(entries.begin(), entries.end(), std::back_inserter(found),
                 [&](const CatalogEntry& entry) { return entry.info.provider_id == provider; });
    return found;
}

// Ids for names. Each must name exactly one entry.
Status resolve(const std::vector<EntryName>& names, const Entries& entries, int bits, std::vector<std::uint32_t>& ids) {
    ids.clear();
    for (const EntryName& name : names) {
        std::vector<std::uint32_t> matches;
        for (const CatalogEntry& entry : entries) {
            if (name.id != 0 ? entry.info.catalog_entry_id == name.id : entry.info.provider_id == name.guid) {
                matches.push_back(entry.info.catalog_entry_id);
            }
        }
        if (matches.size() != 1) {
            const std::string text = name.id != 0 ? "id " + std::to_string(name.id) : core::format_guid(name.guid);
            return own_error("ERR_UNKNOWN_CATALOG_ID",
                             describe(bits) + (matches.empty() ? " has no entry " : " has several entries ") + text);
        }
        ids.push_back(matches.front());
    }
    return {};
}

// Puts a chain given by names into an info.
Status set_chain(const std::vector<EntryName>& names, const Entries& entries, int bits, ProtocolInfo& info) {
    std::vector<std::uint32_t> ids;
    if (Status status = resolve(names, entries, bits, ids); !status.ok()) {
        return status;
    }
    if (ids.size() > static_cast<std::size_t>(core::max_chain_length)) {
        return own_error("ERR_CHAIN_FULL", "a protocol chain holds at most 7 entries");
    }
    info.chain_length = static_cast<std::int32_t>(ids.size());
    std::fill(std::begin(info.chain), std::end(info.chain), 0u);
    std::copy(ids.begin(), ids.end(), std::begin(info.chain));
    return {};
}

Status check_path(const std::wstring& path) {
    return path.size() < core::max_item_path
               ? Status{}
               : own_error("ERR_PATH_TOO_LONG", "a provider's path has at most 259 characters: " + narrow(path));
}

// A step in one catalog: knows its bitness and hands what Winsock's functions cannot do from here to a helper.
class CatalogStep : public Step {
public:
    CatalogStep(const Value& source, int bits) : Step(source), bits_(bits) {}

    bool changes_catalog() const final { return true; }

    Status apply(Context& context, const Value& before) final {
        return needs_helper() ? run_helper(context, bits_, HelperAction::apply, *this, before) : change(context, before);
    }
    Status undo(Context& context, const Value& before) final {
        return needs_helper() ? run_helper(context, bits_, HelperAction::undo, *this, before) : restore(context, before);
    }

protected:
    virtual Status change(Context& context, const Value& before) = 0;
    virtual Status restore(Context& context, const Value& before) = 0;
    virtual bool needs_helper() const { return !check_reachable(bits_).ok(); }

    int bits() const { return bits_; }
    Status read(Context& context, Entries& entries) const { return read_catalog(context.winsock, bits_, entries); }

    Status order(Context& context, const std::vector<std::uint32_t>& ids) const {
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

    // Removes every entry of a provider; none being there is fine.
    Status remove(Context& context, const Guid& provider) const {
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
                   : own_error("ERR_VERIFY_FAILED", core::format_guid(provider) + " is still in " + describe(bits_));
    }

private:
    int bits_;
};

class InstallProvider final : public CatalogStep {
public:
    InstallProvider(const Value& source, int bits, const Guid& provider, std::wstring path, const ProtocolInfo& info,
                    std::vector<EntryName> chain)
        : CatalogStep(source, bits), provider_(provider), path_(std::move(path)), info_(info),
          chain_(std::move(chain)) {}

    Status observe(Context& context, Value& before) override {
        Entries entries;
        if (Status status = read(context, entries); !status.ok()) {
            return status;
        }
        if (!entries_of(entries, provider_).empty()) {
            return own_error("ERR_ALREADY_INSTALLED",
                             core::format_guid(provider_) + " is in " + describe(bits()) + " already");
        }
        before.add("present", false);
        return {};
    }

protected:
    // WSCInstallProvider writes the catalog of the process that calls it, and has no form for the other one.
    bool needs_helper() const override { return bits() != own_bits; }

    Status change(Context& context, const Value&) override {
        Entries entries;
        if (Status status = read(context, entries); !status.ok()) {
            return status;
        }
        if (!entries_of(entries, provider_).empty()) { // by an earlier try of this step
            return {};
        }
        ProtocolInfo info = info_;
        info.provider_id = provider_;
        if (Status status = set_chain(chain_, entries, bits(), info); !status.ok()) {
            return status;
        }
        context.points.next();
        if (Status status = context.winsock.install(provider_, path_, info); !status.ok()) {
            return status;
        }
        if (Status status = read(context, entries); !status.ok()) {
            return status;
        }
        return entries_of(entries, provider_).size() == 1
                   ? Status{}
                   : own_error("ERR_VERIFY_FAILED", core::format_guid(provider_) + " did not get into " + describe(bits()));
    }

    Status restore(Context& context, const Value&) override { return remove(context, provider_); }

private:
    Guid provider_;
    std::wstring path_;
    ProtocolInfo info_;
    std::vector<EntryName> chain_;
};

class WriteOrder final : public CatalogStep {
public:
    WriteOrder(const Value& source, int bits, std::vector<EntryName> order)
        : CatalogStep(source, bits), order_(std::move(order)) {}

    Status observe(Context& context, Value& before) override {
        Entries entries;
        if (Status status = read(context, entries); !status.ok()) {
            return status;
        }
        before.add("order", encode_ids(ids_of(entries)));
        return {};
    }

protected:
    Status change(Context& context, const Value&) override {
        Entries entries;
        if (Status status = read(context, entries); !status.ok()) {
            return status;
        }
        std::vector<std::uint32_t> ids;
        if (Status status = resolve(order_, entries, bits(), ids); !status.ok()) {
            return status;
        }
        if (ids.size() != entries.size()) {
            return own_error("ERR_UNKNOWN_CATALOG_ID", "the order names " + std::to_string(ids.size()) + " of the " +
                                                           std::to_string(entries.size()) + " entries of " +
                                                           describe(bits()));
        }
        return order(context, ids);
    }

    Status restore(Context& context, const Value& before) override {
        std::vector<std::uint32_t> former;
        if (Status status = read_ids(before, "order", former); !status.ok()) {
            return status;
        }
        Entries entries;
        if (Status status = read(context, entries); !status.ok()) {
            return status;
        }
        // Entries that came or went meanwhile by other hands: keep the new ones at the end, forget the gone ones.
        const std::vector<std::uint32_t> current = ids_of(entries);
        std::erase_if(former, [&](std::uint32_t id) { return std::ranges::find(current, id) == current.end(); });
        for (const std::uint32_t id : current) {
            if (std::ranges::find(former, id) == former.end()) {
                former.push_back(id);
            }
        }
        return order(context, former);
    }

private:
    std::vector<EntryName> order_;
};

class DeinstallProvider final : public CatalogStep {
public:
    DeinstallProvider(const Value& source, int bits, const Guid& provider)
        : CatalogStep(source, bits), provider_(provider) {}

    // The registry keys of the entries that will go, and where in the catalog they were.
    Status observe(Context&, Value& before) override {
        RegistryTree catalog;
        Entries entries;
        if (Status status = read_protocol_catalog(catalog); !status.ok()) {
            return status;
        }
        if (Status status = decode_catalog(catalog, bits(), entries); !status.ok()) {
            return status;
        }
        const RegistryTree* items = catalog.key(entries_key(bits()));
        core::json::Array removed;
        for (std::size_t i = 0; i < entries.size(); ++i) {
            if (entries[i].info.provider_id == provider_) {
                removed.push_back(to_json(items->keys[i].second));
            }
        }
        before.add("entries", std::move(removed));
        before.add("order", encode_ids(ids_of(entries)));
        return {};
    }

protected:
    Status change(Context& context, const Value&) override { return remove(context, provider_); }

    // Winsock would give the entries new ids, and chains that name the old ones would dangle: the registry way.
    Status restore(Context& context, const Value& before) override {
        const Value* removed = before.find("entries");
        std::vector<std::uint32_t> former;
        if (removed == nullptr || removed->array() == nullptr) {
            return invalid_plan("the journal does not say what was removed");
        }
        if (Status status = read_ids(before, "order", former); !status.ok()) {
            return status;
        }
        RegistryTree catalog;
        Entries entries;
        if (Status status = read_protocol_catalog(catalog); !status.ok()) {
            return status;
        }
        if (Status status = decode_catalog(catalog, bits(), entries); !status.ok()) {
            return status;
        }
        if (removed->array()->empty() || !entries_of(entries, provider_).empty()) {
            return {};
        }
        std::vector<RegistryTree> keys;
        for (const auto& [name, key] : catalog.key(entries_key(bits()))->keys) {
            keys.push_back(key);
        }
        for (const Value& item : *removed->array()) {
            keys.emplace_back();
            if (Status status = from_json(item, keys.back()); !status.ok()) {
                return status;
            }
        }
        set_entries(catalog, bits(), keys);
        if (Status status = decode_catalog(catalog, bits(), entries); !status.ok()) {
            return status;
        }
        // Back into the former order; entries that were not there then stay behind.
        std::vector<std::size_t> positions(keys.size());
        for (std::size_t i = 0; i < positions.size(); ++i) {
            positions[i] = i;
        }
        std::ranges::stable_sort(positions, {}, [&](std::size_t i) {
            return std::ranges::find(former, entries[i].info.catalog_entry_id) - former.begin();
        });
        std::vector<RegistryTree> ordered;
        for (const std::size_t i : positions) {
            ordered.push_back(keys[i]);
        }
        set_entries(catalog, bits(), std::move(ordered));
        return write_protocol_catalog(std::move(catalog), context.points);
    }

private:
    Guid provider_;
};

class UpdateProvider final : public CatalogStep {
public:
    UpdateProvider(const Value& source, int bits, const Guid& provider, std::wstring path, const ProtocolInfo& info,
                   std::vector<EntryName> chain)
        : CatalogStep(source, bits), provider_(provider), path_(std::move(path)), info_(info),
          chain_(std::move(chain)) {}

    Status observe(Context& context, Value& before) override {
        Entries entries;
        CatalogEntry entry;
        if (Status status = find(context, entries, entry); !status.ok()) {
            return status;
        }
        before.add("path", narrow(entry.path));
        before.add("info", encode_info(entry.info));
        return {};
    }

protected:
    Status change(Context& context, const Value&) override {
        Entries entries;
        CatalogEntry entry;
        if (Status status = find(context, entries, entry); !status.ok()) {
            return status;
        }
        ProtocolInfo info = info_;
        info.provider_id = provider_;
        info.catalog_entry_id = entry.info.catalog_entry_id;
        if (Status status = set_chain(chain_, entries, bits(), info); !status.ok()) {
            return status;
        }
        return write(context, entries, path_, info);
    }

    Status restore(Context& context, const Value& before) override {
        ProtocolInfo info;
        if (Status status = read_info(before, "info", info); !status.ok()) {
            return status;
        }
        Entries entries;
        if (Status status = read(context, entries); !status.ok()) {
            return status;
        }
        return write(context, entries, text_member(before, "path"), info);
    }

private:
    // The provider's entry: the one with the info's id where there are several.
    Status find(Context& context, Entries& entries, CatalogEntry& entry) const {
        if (Status status = read(context, entries); !status.ok()) {
            return status;
        }
        std::vector<CatalogEntry> found = entries_of(entries, provider_);
        if (found.size() > 1) {
            std::erase_if(found, [&](const CatalogEntry& candidate) {
                return candidate.info.catalog_entry_id != info_.catalog_entry_id;
            });
        }
        if (found.size() != 1) {
            return own_error("ERR_UNKNOWN_CATALOG_ID",
                             describe(bits()) + " has no entry of " + core::format_guid(provider_));
        }
        entry = found.front();
        return {};
    }

    Status write(Context& context, const Entries& entries, const std::wstring& path, const ProtocolInfo& info) const {
        for (const CatalogEntry& entry : entries) {
            if (entry.info.catalog_entry_id == info.catalog_entry_id && entry.path == path &&
                encode_info(entry.info) == encode_info(info)) {
                return {};
            }
        }
        if (entries_of(entries, provider_).size() == 1) {
            context.points.next();
            return context.winsock.update(bits(), provider_, path, info);
        }
        // WSCUpdateProvider speaks of all entries of a provider; this is about one of them.
        RegistryTree catalog;
        if (Status status = read_protocol_catalog(catalog); !status.ok()) {
            return status;
        }
        RegistryTree* items = catalog.key(entries_key(bits()));
        Entries stored;
        if (Status status = decode_catalog(catalog, bits(), stored); !status.ok()) {
            return status;
        }
        for (std::size_t i = 0; i < stored.size(); ++i) {
            if (stored[i].info.catalog_entry_id == info.catalog_entry_id) {
                if (Status status = set_item(items->keys[i].second, path, info); !status.ok()) {
                    return status;
                }
            }
        }
        return write_protocol_catalog(std::move(catalog), context.points);
    }

    Guid provider_;
    std::wstring path_;
    ProtocolInfo info_;
    std::vector<EntryName> chain_;
};

// The members that installing and updating have in common.
struct ProviderMembers {
    int bits = 0;
    Guid provider{};
    std::wstring path;
    ProtocolInfo info{};
    std::vector<EntryName> chain;
};

Status read_provider(const Value& source, ProviderMembers& members) {
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
    if (Status status = read_info(source, "info", members.info); !status.ok()) {
        return status;
    }
    return read_entry_names(source, "chain", members.chain);
}

} // namespace

Status make_install_provider(const Value& source, std::unique_ptr<Step>& step) {
    ProviderMembers members;
    if (Status status = read_provider(source, members); !status.ok()) {
        return status;
    }
    step = std::make_unique<InstallProvider>(source, members.bits, members.provider, members.path, members.info,
                                             members.chain);
    return {};
}

Status make_update_provider(const Value& source, std::unique_ptr<Step>& step) {
    ProviderMembers members;
    if (Status status = read_provider(source, members); !status.ok()) {
        return status;
    }
    step = std::make_unique<UpdateProvider>(source, members.bits, members.provider, members.path, members.info,
                                            members.chain);
    return {};
}

Status make_deinstall_provider(const Value& source, std::unique_ptr<Step>& step) {
    int bits = 0;
    Guid provider{};
    if (Status status = read_bits(source, "catalog", bits); !status.ok()) {
        return status;
    }
    if (Status status = read_guid(source, "providerId", provider); !status.ok()) {
        return status;
    }
    step = std::make_unique<DeinstallProvider>(source, bits, provider);
    return {};
}

Status make_write_order(const Value& source, std::unique_ptr<Step>& step) {
    int bits = 0;
    std::vector<EntryName> order;
    if (Status status = read_bits(source, "catalog", bits); !status.ok()) {
        return status;
    }
    if (Status status = read_entry_names(source, "order", order); !status.ok()) {
        return status;
    }
    step = std::make_unique<WriteOrder>(source, bits, std::move(order));
    return {};
}

} // namespace winsock_spi::spi
