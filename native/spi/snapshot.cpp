#include "snapshot.hpp"

#include <algorithm>

#include "catalog_items.hpp"
#include "machine.hpp"
#include "step_members.hpp"

namespace winsock_spi::spi {
namespace {

// The providers that the plan itself brings or takes away in a catalog.
std::vector<core::Guid> providers_of(const Plan& plan, int bits) {
    std::vector<core::Guid> providers;
    for (const PlannedStep& planned : plan.steps) {
        int catalog = 0;
        core::Guid provider{};
        const core::json::Value& source = planned.step->source();
        if (planned.step->changes_catalog() && read_bits(source, "catalog", catalog).ok() && catalog == bits &&
            read_guid(source, "providerId", provider).ok()) {
            providers.push_back(provider);
        }
    }
    return providers;
}

bool contains(const std::vector<CatalogEntry>& entries, const core::ProtocolInfo& wanted) {
    return std::ranges::any_of(entries, [&](const CatalogEntry& entry) {
        return entry.info.catalog_entry_id == wanted.catalog_entry_id && entry.info.provider_id == wanted.provider_id;
    });
}

// Whether someone else has installed or removed something in a catalog that is sound in itself.
bool changed_by_others(const Plan& plan, const RegistryTree& former, const RegistryTree& current, int bits) {
    std::vector<CatalogEntry> was;
    std::vector<CatalogEntry> is;
    if (!decode_catalog(former, bits, was).ok() || !decode_catalog(current, bits, is).ok() ||
        current.dword(count_value(bits)) != is.size()) {
        return false;
    }
    const std::vector<core::Guid> ours = providers_of(plan, bits);
    const auto differs = [&](const std::vector<CatalogEntry>& a, const std::vector<CatalogEntry>& b) {
        return std::ranges::any_of(a, [&](const CatalogEntry& entry) {
            return !contains(b, entry.info) && std::ranges::find(ours, entry.info.provider_id) == ours.end();
        });
    };
    return differs(is, was) || differs(was, is);
}

} // namespace

Status put_back_catalogs(const Plan& plan, const RegistryTree& snapshot, WritePoints& points, bool& left_alone) {
    left_alone = false;
    const RegistryTree* former = snapshot.key(protocol_catalog);
    if (former == nullptr) {
        return {};
    }
    RegistryTree current;
    if (Status status = read_protocol_catalog(current); !status.ok() && status.number != ERROR_FILE_NOT_FOUND) {
        return status;
    }
    if (same_catalog(*former, current)) {
        return {};
    }
    for (const int bits : {64, 32}) {
        if (has_catalog(bits) && changed_by_others(plan, *former, current, bits)) {
            left_alone = true;
            return {};
        }
    }
    RegistryTree restored = *former;
    for (const wchar_t* counter : {L"Serial_Access_Num", L"Next_Catalog_Entry_ID"}) {
        restored.set_dword(counter, std::max(former->dword(counter), current.dword(counter)));
    }
    return write_protocol_catalog(std::move(restored), points);
}

} // namespace winsock_spi::spi
