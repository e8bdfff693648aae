// The step that removes a provider's entries from a catalog. Undo brings back the same entries with the same ids.
#include "catalog_step.hpp"

#include <algorithm>

#include "spi/catalog_items.hpp"
#include "spi/registry_json.hpp"

namespace winsock_spi::spi {
namespace {

using core::Guid;
using core::json::Value;

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
                removed.push_back(to_json(items->keys[i].tree));
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

} // namespace

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

} // namespace winsock_spi::spi
