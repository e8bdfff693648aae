// The step that brings a catalog into another order: the one that switches a provider on.
#include "catalog_step.hpp"

#include <algorithm>

namespace winsock_spi::spi {
namespace {

using core::json::Value;

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
                                                           catalog_name(bits()));
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

} // namespace

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
