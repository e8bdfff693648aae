// The step that gives one entry another path, info or chain; its id stays.
#include "catalog_step.hpp"

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
                             catalog_name(bits()) + " has no entry of " + core::format_guid(provider_));
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

} // namespace

Status make_update_provider(const Value& source, std::unique_ptr<Step>& step) {
    ProviderMembers members;
    if (Status status = read_provider(source, members); !status.ok()) {
        return status;
    }
    step = std::make_unique<UpdateProvider>(source, members.bits, members.provider, members.path, members.info,
                                            members.chain);
    return {};
}

} // namespace winsock_spi::spi
