#include "half_written.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "catalog_items.hpp"
#include "namespaces.hpp"
#include "step_members.hpp"

namespace winsock_spi::spi {
namespace {

// What tells one entry of a catalog from another: a namespace provider has no catalog id.
struct Identity {
    core::Guid provider{};
    std::uint32_t id = 0;

    friend bool operator==(const Identity&, const Identity&) = default;
};
using Identities = std::vector<Identity>;

Status identify_protocols(const RegistryTree& catalog, int bits, Identities& identities) {
    std::vector<CatalogEntry> entries;
    if (Status status = decode_catalog(catalog, bits, entries); !status.ok()) {
        return status;
    }
    for (const CatalogEntry& entry : entries) {
        identities.push_back({entry.info.provider_id, entry.info.catalog_entry_id});
    }
    return {};
}

Status identify_namespaces(const RegistryTree& catalog, int bits, Identities& identities) {
    std::vector<NamespaceEntry> entries;
    if (Status status = decode_namespaces(catalog, bits, entries); !status.ok()) {
        return status;
    }
    for (const NamespaceEntry& entry : entries) {
        identities.push_back({entry.provider, 0});
    }
    return {};
}

struct CatalogKind {
    const wchar_t* name;
    Status (*read)(RegistryTree& catalog);
    Status (*identify)(const RegistryTree& catalog, int bits, Identities& identities);
    Status (*write)(RegistryTree catalog, WritePoints& points);
};

constexpr CatalogKind kinds[] = {
    {protocol_catalog, read_protocol_catalog, identify_protocols, write_protocol_catalog},
    {namespace_catalog, read_namespace_catalog, identify_namespaces, write_namespace_catalog},
};

template <typename Item>
bool contains(const std::vector<Item>& items, const Item& wanted) {
    return std::ranges::find(items, wanted) != items.end();
}

// Every entry can be read, stands once, and is counted.
bool is_sound(const CatalogKind& kind, const RegistryTree& catalog, int bits, Identities& identities) {
    identities.clear();
    if (!kind.identify(catalog, bits, identities).ok() || catalog.dword(count_value(bits)) != identities.size()) {
        return false;
    }
    for (auto one = identities.begin(); one != identities.end(); ++one) {
        if (std::find(one + 1, identities.end(), *one) != identities.end()) {
            return false;
        }
    }
    return true;
}

// Its entries of then, and what others have brought since.
void mend(const CatalogKind& kind, const Plan& plan, const RegistryTree& former, int bits, RegistryTree& current) {
    Identities was;
    static_cast<void>(kind.identify(former, bits, was)); // it is sound
    Identities is;
    const bool readable = kind.identify(current, bits, is).ok();
    const std::vector<core::Guid> ours = providers_of(plan, bits);
    std::vector<RegistryTree> entries;
    for (const auto& [name, entry] : former.key(entries_key(bits))->keys) {
        entries.push_back(entry);
    }
    for (std::size_t i = 0; readable && i < is.size(); ++i) {
        if (!contains(was, is[i]) && !contains(ours, is[i].provider)) {
            entries.push_back(current.key(entries_key(bits))->keys[i].tree);
            was.push_back(is[i]); // once
        }
    }
    set_entries(current, bits, std::move(entries));
}

Status mend_kind(const CatalogKind& kind, const Plan& plan, const RegistryTree& snapshot, WritePoints& points) {
    const RegistryTree* former = snapshot.key(kind.name);
    RegistryTree current;
    if (former == nullptr) {
        return {};
    }
    if (Status status = kind.read(current); !status.ok()) {
        return status.number == ERROR_FILE_NOT_FOUND ? Status{} : status;
    }
    bool mended = false;
    for (const int bits : {64, 32}) {
        Identities identities;
        if (has_catalog(bits) && is_sound(kind, *former, bits, identities) &&
            !is_sound(kind, current, bits, identities)) {
            mend(kind, plan, *former, bits, current);
            mended = true;
        }
    }
    return mended ? kind.write(std::move(current), points) : Status{};
}

} // namespace

Status mend_half_written(const Plan& plan, const RegistryTree& snapshot, WritePoints& points) {
    if (std::ranges::none_of(plan.steps, [](const PlannedStep& planned) { return planned.step->changes_catalog(); })) {
        return {};
    }
    for (const CatalogKind& kind : kinds) {
        if (Status status = mend_kind(kind, plan, snapshot, points); !status.ok()) {
            return status;
        }
    }
    return {};
}

} // namespace winsock_spi::spi
