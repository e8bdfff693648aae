#include "snapshot.hpp"

#include <algorithm>

#include "catalog_items.hpp"
#include "machine.hpp"
#include "namespaces.hpp"
#include "step_members.hpp"

namespace winsock_spi::spi {
namespace {

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
    // A base entry that is gone was taken by nobody: it fell out when a process was killed inside a call of Winsock.
    const auto taken = [&](const CatalogEntry& entry) {
        return entry.info.chain_length != 1 && !contains(is, entry.info) &&
               std::ranges::find(ours, entry.info.provider_id) == ours.end();
    };
    return differs(is, was) || std::ranges::any_of(was, taken);
}

// The same of namespace providers, whose entries have no ids. What the plan does not touch is not put back either.
Status put_back_namespaces(const Plan& plan, const RegistryTree& snapshot, WritePoints& points, bool& left_alone) {
    const bool touched = std::ranges::any_of(plan.steps, [](const PlannedStep& planned) {
        return text_member(planned.step->source(), "do").find(L"-namespace") != std::wstring::npos;
    });
    const RegistryTree* former = snapshot.key(namespace_catalog);
    if (!touched || former == nullptr) {
        return {};
    }
    RegistryTree current;
    if (Status status = read_namespace_catalog(current); !status.ok() && status.number != ERROR_FILE_NOT_FOUND) {
        return status;
    }
    if (same_catalog(*former, current)) {
        return {};
    }
    for (const int bits : {64, 32}) {
        std::vector<NamespaceEntry> was;
        std::vector<NamespaceEntry> is;
        if (!has_catalog(bits) || !decode_namespaces(*former, bits, was).ok() ||
            !decode_namespaces(current, bits, is).ok()) {
            continue;
        }
        const std::vector<core::Guid> ours = providers_of(plan, bits);
        const auto differs = [&](const std::vector<NamespaceEntry>& a, const std::vector<NamespaceEntry>& b) {
            return std::ranges::any_of(a, [&](const NamespaceEntry& one) {
                return std::ranges::find(ours, one.provider) == ours.end() &&
                       std::ranges::none_of(
                           b, [&](const NamespaceEntry& other) { return other.provider == one.provider; });
            });
        };
        if (differs(is, was) || differs(was, is)) { // somebody else has installed or removed something
            left_alone = true;
            return {};
        }
    }
    RegistryTree restored = *former;
    restored.set_dword(L"Serial_Access_Num",
                       std::max(former->dword(L"Serial_Access_Num"), current.dword(L"Serial_Access_Num")));
    return write_namespace_catalog(std::move(restored), points);
}

Status put_back_protocols(const Plan& plan, const RegistryTree& snapshot, WritePoints& points, bool& left_alone) {
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

} // namespace

Status put_back_catalogs(const Plan& plan, const RegistryTree& snapshot, WritePoints& points, bool& left_alone) {
    left_alone = false;
    if (Status status = put_back_protocols(plan, snapshot, points, left_alone); !status.ok()) {
        return status;
    }
    return put_back_namespaces(plan, snapshot, points, left_alone);
}

} // namespace winsock_spi::spi
