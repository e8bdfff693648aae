// The step that gives one entry another path, info or chain; its id stays. Without an info in the plan, everything that
// the plan does not name stays too, to the last byte.
#include "catalog_step.hpp"

#include <algorithm>

#include "core/chain.hpp"
#include "core/guid_text.hpp"
#include "spi/catalog_items.hpp"
#include "spi/text.hpp"

namespace winsock_spi::spi {
namespace {

using core::Guid;
using core::ProtocolInfo;
using core::json::Value;

class UpdateProvider final : public CatalogStep {
public:
    UpdateProvider(const Value& source, ProviderMembers members, bool has_info, const EntryName& name)
        : CatalogStep(source, members.bits), provider_(members.provider), path_(std::move(members.path)),
          info_(members.info), has_info_(has_info), name_(name), chain_(std::move(members.chain)) {}

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
    Status change(Context& context, const Value& before) override {
        Entries entries;
        CatalogEntry entry;
        ProtocolInfo former;
        if (Status status = find(context, entries, entry); !status.ok()) {
            return status;
        }
        if (Status status = read_info(before, "info", former); !status.ok()) {
            return status;
        }
        ProtocolInfo info = has_info_ ? info_ : former;
        if (chain_) {
            std::vector<std::uint32_t> ids;
            if (Status status = resolve_chain(former, entries, ids); !status.ok()) {
                return status;
            }
            info = core::with_chain(info, ids);
        }
        info.provider_id = provider_;
        info.catalog_entry_id = entry.info.catalog_entry_id;
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
    // An id that the chain has had already may be of an entry that is gone: that is its owner's affair.
    Status resolve_chain(const ProtocolInfo& former, const Entries& entries, std::vector<std::uint32_t>& ids) const {
        if (chain_->size() > static_cast<std::size_t>(core::max_chain_length)) {
            return chain_full();
        }
        ids.clear();
        const core::Chain kept = core::chain_of(former);
        for (const EntryName& name : *chain_) {
            std::vector<std::uint32_t> one{name.id};
            if (name.id == 0 || std::ranges::find(kept, name.id) == kept.end()) {
                if (Status status = resolve({name}, entries, bits(), one); !status.ok()) {
                    return status;
                }
            }
            ids.push_back(one.front());
        }
        return {};
    }

    // The provider's entry: the one that the plan names where there are several.
    Status find(Context& context, Entries& entries, CatalogEntry& entry) const {
        if (Status status = read(context, entries); !status.ok()) {
            return status;
        }
        std::vector<CatalogEntry> found = entries_of(entries, provider_);
        if (found.size() > 1) {
            std::vector<std::uint32_t> ids;
            if (Status status = resolve({name_}, entries, bits(), ids); !status.ok()) {
                return status;
            }
            std::erase_if(
                found, [&](const CatalogEntry& candidate) { return candidate.info.catalog_entry_id != ids.front(); });
        }
        if (found.size() != 1) {
            return own_error("ERR_UNKNOWN_CATALOG_ID",
                             catalog_name(bits()) + " has no entry of " + core::format_guid(provider_));
        }
        entry = found.front();
        return {};
    }

    Status write(Context& context, const Entries& entries, const std::wstring& path, const ProtocolInfo& info) const {
        const auto is_done = [&](const CatalogEntry& entry) {
            return entry.info.catalog_entry_id == info.catalog_entry_id && entry.path == path &&
                   encode_info(entry.info) == encode_info(info);
        };
        if (entries_of(entries, provider_).size() == 1) {
            if (std::ranges::any_of(entries, is_done)) {
                return {};
            }
            context.points.next();
            return context.winsock.update(bits(), provider_, path, info);
        }
        // WSCUpdateProvider speaks of all entries of a provider, which have one path for it; this is about one of them.
        RegistryTree catalog;
        if (Status status = read_protocol_catalog(catalog); !status.ok()) {
            return status;
        }
        RegistryTree* items = catalog.key(entries_key(bits()));
        Entries stored;
        if (Status status = decode_catalog(catalog, bits(), stored); !status.ok()) {
            return status;
        }
        if (std::ranges::any_of(stored, is_done)) {
            return {};
        }
        for (std::size_t i = 0; i < stored.size(); ++i) {
            if (stored[i].info.catalog_entry_id == info.catalog_entry_id) {
                if (Status status = set_item(items->keys[i].tree, path, info); !status.ok()) {
                    return status;
                }
            }
        }
        return write_protocol_catalog(std::move(catalog), context.points);
    }

    Guid provider_;
    std::wstring path_;
    ProtocolInfo info_;
    bool has_info_;
    EntryName name_;
    std::optional<std::vector<EntryName>> chain_;
};

} // namespace

Status make_update_provider(const Value& source, std::unique_ptr<Step>& step) {
    ProviderMembers members;
    const bool has_info = source.find("info") != nullptr;
    if (Status status = read_provider(source, members, has_info); !status.ok()) {
        return status;
    }
    EntryName name{members.info.catalog_entry_id};
    if (const Value* member = source.find("id"); member != nullptr) {
        if (Status status = read_entry_name(*member, "id", name); !status.ok()) {
            return status;
        }
    } else if (!has_info) {
        return invalid_plan("update-provider must have an info or the id of an entry");
    }
    step = std::make_unique<UpdateProvider>(source, std::move(members), has_info, name);
    return {};
}

} // namespace winsock_spi::spi
