// The step that gives all entries of a provider another DLL; everything else of them stays, to the last byte. By
// Winsock's function where it does just that, else in the registry in one go.
#include "catalog_step.hpp"

#include <algorithm>

#include "core/guid_text.hpp"
#include "spi/catalog_items.hpp"
#include "spi/text.hpp"

namespace winsock_spi::spi {
namespace {

using core::Guid;
using core::json::Array;
using core::json::Value;

// No CatalogStep: from a process of whatever bitness, what Winsock's functions do not reach the registry does.
class SetProviderPath final : public Step {
public:
    SetProviderPath(const Value& source, int bits, const Guid& provider, std::wstring path)
        : Step(source), bits_(bits), provider_(provider), path_(std::move(path)) {}

    bool changes_catalog() const override { return true; }

    Status observe(Context&, Value& before) override {
        // From the registry: Winsock's functions tell one path for all entries of a provider. Their infos too, since
        // these must be what they were whatever a kill leaves.
        RegistryTree catalog;
        if (Status status = read_protocol_catalog(catalog); !status.ok()) {
            return status;
        }
        Entries own;
        if (RegistryTree* items = catalog.key(entries_key(bits_))) {
            for (const auto& [name, key] : items->keys) {
                CatalogEntry entry; // one that cannot be read is left alone
                if (decode_entry(key, entry).ok() && entry.info.provider_id == provider_) {
                    own.push_back(std::move(entry));
                }
            }
        }
        if (own.empty()) {
            return own_error("ERR_UNKNOWN_CATALOG_ID",
                             catalog_name(bits_) + " has no entry of " + core::format_guid(provider_));
        }
        Array list;
        for (const CatalogEntry& entry : own) {
            Value one;
            one.add("path", narrow(entry.path));
            one.add("info", encode_info(entry.info));
            list.push_back(std::move(one));
        }
        before.add("entries", std::move(list));
        return {};
    }

    Status apply(Context& context, const Value& before) override { return write(context, before, &path_); }
    Status undo(Context& context, const Value& before) override { return write(context, before, nullptr); }

private:
    static Status former_entries(const Value& before, Entries& entries) {
        const Value* list = before.find("entries");
        if (list == nullptr || list->array() == nullptr) {
            return invalid_plan("the journal lacks the former entries");
        }
        for (const Value& item : *list->array()) {
            CatalogEntry entry;
            if (Status status = read_info(item, "info", entry.info); !status.ok()) {
                return status;
            }
            entry.path = text_member(item, "path");
            entries.push_back(std::move(entry));
        }
        return {};
    }

    // Gives the entries that there were before this path, or back the one that each had.
    Status write(Context& context, const Value& before, const std::wstring* path) const {
        Entries wanted;
        if (Status status = former_entries(before, wanted); !status.ok()) {
            return status;
        }
        if (path != nullptr) {
            for (CatalogEntry& entry : wanted) {
                entry.path = *path;
            }
        }
        RegistryTree catalog;
        bool differs = false;
        if (Status status = put_in(wanted, catalog, differs); !status.ok() || !differs) {
            return status;
        }
        by_winsock(context, wanted);
        // Whatever that has done: what is not as it should be now is written, and nothing where all is.
        if (Status status = put_in(wanted, catalog, differs); !status.ok() || !differs) {
            return status;
        }
        return write_protocol_catalog(std::move(catalog), context.points);
    }

    void by_winsock(Context& context, const Entries& wanted) const {
        std::vector<core::ProtocolInfo> infos;
        for (const CatalogEntry& entry : wanted) {
            if (entry.path != wanted.front().path) {
                return; // one path for all is all that it can write
            }
            infos.push_back(entry.info);
        }
        if (check_reachable(bits_).ok()) {
            context.points.next();
            (void)context.winsock.update(bits_, provider_, wanted.front().path, infos);
        }
    }

    // The catalog in the registry, the provider's entries in it as wanted.
    Status put_in(const Entries& wanted, RegistryTree& catalog, bool& differs) const {
        differs = false;
        catalog = {};
        if (Status status = read_protocol_catalog(catalog); !status.ok()) {
            return status;
        }
        RegistryTree* items = catalog.key(entries_key(bits_));
        if (items == nullptr) {
            return own_error("ERR_CATALOG_DAMAGED", catalog_name(bits_) + " is missing in the registry");
        }
        for (auto& [name, key] : items->keys) {
            CatalogEntry stored;
            if (!decode_entry(key, stored).ok()) {
                continue;
            }
            const auto own = std::ranges::find_if(wanted, [&](const CatalogEntry& entry) {
                return entry.info.provider_id == stored.info.provider_id &&
                       entry.info.catalog_entry_id == stored.info.catalog_entry_id;
            });
            if (own == wanted.end() ||
                (own->path == stored.path && encode_info(own->info) == encode_info(stored.info))) {
                continue;
            }
            differs = true;
            if (Status status = set_item(key, own->path, own->info); !status.ok()) {
                return status;
            }
        }
        return {};
    }

    int bits_;
    Guid provider_;
    std::wstring path_;
};

} // namespace

Status make_set_provider_path(const Value& source, std::unique_ptr<Step>& step) {
    int bits = 0;
    Guid provider{};
    std::string path;
    if (Status status = read_bits(source, "catalog", bits); !status.ok()) {
        return status;
    }
    if (Status status = read_guid(source, "providerId", provider); !status.ok()) {
        return status;
    }
    if (Status status = read_string(source, "path", path); !status.ok()) { // may begin with %SystemRoot%
        return status;
    }
    if (Status status = check_path(widen(path)); !status.ok()) {
        return status;
    }
    step = std::make_unique<SetProviderPath>(source, bits, provider, widen(path));
    return {};
}

} // namespace winsock_spi::spi
