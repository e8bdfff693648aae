// The steps in the namespace catalog: install, remove, enable or disable, and order its providers. They read the
// registry and write by Winsock's functions; only a provider that was removed comes back through the registry, so that
// what its entry held beyond what those functions know comes back too.
#include "catalog_step.hpp"

#include <algorithm>
#include <cstring>

#include "core/base64.hpp"
#include "core/guid_text.hpp"
#include "spi/catalog_items.hpp"
#include "spi/namespaces.hpp"
#include "spi/registry_json.hpp"
#include "spi/text.hpp"

namespace winsock_spi::spi {
namespace {

using core::Guid;
using core::json::Value;
using Namespaces = std::vector<NamespaceEntry>;

std::string in_catalog(int bits) {
    return " in the " + std::to_string(bits) + "-bit namespace catalog";
}

const NamespaceEntry* find(const Namespaces& entries, const Guid& provider) {
    const auto found =
        std::ranges::find_if(entries, [&](const NamespaceEntry& entry) { return entry.provider == provider; });
    return found != entries.end() ? &*found : nullptr;
}

std::vector<Guid> guids_of(const Namespaces& entries) {
    std::vector<Guid> guids;
    for (const NamespaceEntry& entry : entries) {
        guids.push_back(entry.provider);
    }
    return guids;
}

Status read_order(const Value& object, std::vector<Guid>& guids) {
    std::vector<EntryName> names;
    if (Status status = read_entry_names(object, "order", names); !status.ok()) {
        return status;
    }
    guids.clear();
    for (const EntryName& entry : names) {
        if (entry.id != 0) {
            return invalid_plan("order must hold GUIDs");
        }
        guids.push_back(entry.guid);
    }
    return {};
}

Value encode_guids(const std::vector<Guid>& guids) {
    core::json::Array items;
    for (const Guid& guid : guids) {
        items.push_back(core::format_guid(guid));
    }
    return items;
}

class NamespaceStep : public CatalogStep {
public:
    using CatalogStep::CatalogStep;

protected:
    Status read_entries(Namespaces& entries) const {
        RegistryTree catalog;
        if (Status status = read_namespace_catalog(catalog); !status.ok()) {
            return status;
        }
        return decode_namespaces(catalog, bits(), entries);
    }

    Status not_there(const Guid& provider) const {
        return own_error("ERR_UNKNOWN_PROVIDER", core::format_guid(provider) + " is not" + in_catalog(bits()));
    }

    Status remove(Context& context, const Guid& provider) const {
        Namespaces entries;
        if (Status status = read_entries(entries); !status.ok() || find(entries, provider) == nullptr) {
            return status;
        }
        context.points.next();
        if (Status status = uninstall_namespace(context.winsock, bits(), provider); !status.ok()) {
            return status;
        }
        if (Status status = read_entries(entries); !status.ok()) {
            return status;
        }
        return find(entries, provider) == nullptr
                   ? Status{}
                   : own_error("ERR_VERIFY_FAILED", core::format_guid(provider) + " is still" + in_catalog(bits()));
    }

    Status order(Context& context, const std::vector<Guid>& wanted) const {
        Namespaces entries;
        if (Status status = read_entries(entries); !status.ok()) {
            return status;
        }
        const std::vector<Guid> current = guids_of(entries);
        if (current == wanted) {
            return {};
        }
        if (!std::ranges::is_permutation(current, wanted)) {
            return own_error("ERR_UNKNOWN_PROVIDER",
                             "the order must name every provider once that is" + in_catalog(bits()));
        }
        context.points.next();
        return order_namespaces(context.winsock, bits(), wanted);
    }
};

class InstallNamespace final : public NamespaceStep {
public:
    InstallNamespace(const Value& source, int bits, NamespaceEntry entry, bool with_info)
        : NamespaceStep(source, bits), entry_(std::move(entry)), with_info_(with_info) {}

    Status observe(Context&, Value& before) override {
        Namespaces entries;
        if (Status status = read_entries(entries); !status.ok()) {
            return status;
        }
        if (find(entries, entry_.provider) != nullptr) {
            return own_error("ERR_ALREADY_INSTALLED",
                             core::format_guid(entry_.provider) + " is already" + in_catalog(bits()));
        }
        before.add("present", false);
        return {};
    }

protected:
    Status change(Context& context, const Value&) override {
        Namespaces entries;
        if (Status status = read_entries(entries); !status.ok()) {
            return status;
        }
        if (find(entries, entry_.provider) != nullptr) { // by an earlier try of this step
            return {};
        }
        context.points.next();
        if (Status status = install_namespace(context.winsock, bits(), entry_, with_info_); !status.ok()) {
            return status;
        }
        if (Status status = read_entries(entries); !status.ok()) {
            return status;
        }
        return find(entries, entry_.provider) != nullptr
                   ? Status{}
                   : own_error("ERR_VERIFY_FAILED",
                               core::format_guid(entry_.provider) + " is not" + in_catalog(bits()));
    }

    Status restore(Context& context, const Value&) override { return remove(context, entry_.provider); }

private:
    NamespaceEntry entry_;
    bool with_info_;
};

class RemoveNamespace final : public NamespaceStep {
public:
    RemoveNamespace(const Value& source, int bits, const Guid& provider)
        : NamespaceStep(source, bits), provider_(provider) {}

    // The registry key of the entry that will go, and the order in which it stood.
    Status observe(Context&, Value& before) override {
        RegistryTree catalog;
        Namespaces entries;
        if (Status status = read_namespace_catalog(catalog); !status.ok()) {
            return status;
        }
        if (Status status = decode_namespaces(catalog, bits(), entries); !status.ok()) {
            return status;
        }
        const RegistryTree* items = catalog.key(entries_key(bits()));
        for (std::size_t i = 0; i < entries.size(); ++i) {
            if (entries[i].provider == provider_) {
                before.add("entry", to_json(items->keys[i].tree));
                break;
            }
        }
        before.add("order", encode_guids(guids_of(entries)));
        return {};
    }

protected:
    Status change(Context& context, const Value&) override { return remove(context, provider_); }

    Status restore(Context& context, const Value& before) override {
        std::vector<Guid> former;
        if (Status status = read_order(before, former); !status.ok()) {
            return status;
        }
        RegistryTree catalog;
        Namespaces entries;
        if (Status status = read_namespace_catalog(catalog); !status.ok()) {
            return status;
        }
        if (Status status = decode_namespaces(catalog, bits(), entries); !status.ok()) {
            return status;
        }
        const Value* entry = before.find("entry");
        if (entry == nullptr || find(entries, provider_) != nullptr) {
            return {};
        }
        std::vector<std::pair<Guid, RegistryTree>> keys;
        for (std::size_t i = 0; i < entries.size(); ++i) {
            keys.emplace_back(entries[i].provider, catalog.key(entries_key(bits()))->keys[i].tree);
        }
        keys.emplace_back(provider_, RegistryTree{});
        if (Status status = from_json(*entry, keys.back().second); !status.ok()) {
            return status;
        }
        // Back into the former order; providers that were not there then stay behind.
        std::ranges::stable_sort(
            keys, {}, [&](const auto& one) { return std::ranges::find(former, one.first) - former.begin(); });
        std::vector<RegistryTree> ordered;
        for (auto& [guid, key] : keys) {
            ordered.push_back(std::move(key));
        }
        set_entries(catalog, bits(), std::move(ordered));
        return write_namespace_catalog(std::move(catalog), context.points);
    }

private:
    Guid provider_;
};

class EnableNamespace final : public NamespaceStep {
public:
    EnableNamespace(const Value& source, int bits, const Guid& provider, bool enabled)
        : NamespaceStep(source, bits), provider_(provider), enabled_(enabled) {}

    Status observe(Context&, Value& before) override {
        Namespaces entries;
        if (Status status = read_entries(entries); !status.ok()) {
            return status;
        }
        const NamespaceEntry* entry = find(entries, provider_);
        if (entry == nullptr) {
            return not_there(provider_);
        }
        before.add("enabled", entry->enabled);
        return {};
    }

protected:
    Status change(Context& context, const Value&) override { return set(context, enabled_); }
    Status restore(Context& context, const Value& before) override { return set(context, flag(before, "enabled")); }

private:
    Status set(Context& context, bool enabled) const {
        Namespaces entries;
        if (Status status = read_entries(entries); !status.ok()) {
            return status;
        }
        const NamespaceEntry* entry = find(entries, provider_);
        if (entry == nullptr) {
            return not_there(provider_);
        }
        if (entry->enabled == enabled) {
            return {};
        }
        context.points.next();
        return enable_namespace(context.winsock, bits(), provider_, enabled);
    }

    Guid provider_;
    bool enabled_;
};

class OrderNamespaces final : public NamespaceStep {
public:
    OrderNamespaces(const Value& source, int bits, std::vector<Guid> order)
        : NamespaceStep(source, bits), order_(std::move(order)) {}

    Status observe(Context&, Value& before) override {
        Namespaces entries;
        if (Status status = read_entries(entries); !status.ok()) {
            return status;
        }
        before.add("order", encode_guids(guids_of(entries)));
        return {};
    }

protected:
    Status change(Context& context, const Value&) override { return order(context, order_); }

    Status restore(Context& context, const Value& before) override {
        std::vector<Guid> former;
        if (Status status = read_order(before, former); !status.ok()) {
            return status;
        }
        Namespaces entries;
        if (Status status = read_entries(entries); !status.ok()) {
            return status;
        }
        // Providers that came or went meanwhile by other hands: keep the new ones at the end, forget the gone ones.
        const std::vector<Guid> current = guids_of(entries);
        std::erase_if(former, [&](const Guid& guid) { return std::ranges::find(current, guid) == current.end(); });
        for (const Guid& guid : current) {
            if (std::ranges::find(former, guid) == former.end()) {
                former.push_back(guid);
            }
        }
        return order(context, former);
    }

private:
    std::vector<Guid> order_;
};

Status read_namespace(const Value& source, int& bits, Guid& provider) {
    Status status = read_bits(source, "catalog", bits);
    return status.ok() ? read_guid(source, "providerId", provider) : status;
}

} // namespace

Status make_install_namespace(const Value& source, std::unique_ptr<Step>& step) {
    constexpr std::size_t longest_name = 255;
    int bits = 0;
    NamespaceEntry entry;
    std::string name;
    std::string path;
    if (Status status = read_namespace(source, bits, entry.provider); !status.ok()) {
        return status;
    }
    if (Status status = read_string(source, "name", name); !status.ok()) {
        return status;
    }
    if (Status status = read_string(source, "path", path); !status.ok()) { // may begin with %SystemRoot%
        return status;
    }
    entry.name = widen(name);
    entry.path = widen(path);
    if (entry.name.empty() || entry.name.size() > longest_name || entry.name.find(L'\0') != std::wstring::npos) {
        return invalid_plan("name must have 1 to 255 characters");
    }
    if (entry.path.empty() || entry.path.find(L'\0') != std::wstring::npos) {
        return invalid_plan("path must be the path of a DLL");
    }
    if (entry.path.size() >= MAX_PATH) {
        return own_error("ERR_PATH_TOO_LONG", "a provider's path has at most 259 characters: " + path);
    }
    if (Status status = read_number(source, "namespace", entry.name_space); !status.ok()) {
        return status;
    }
    if (Status status = read_number(source, "version", entry.version); !status.ok()) {
        return status;
    }
    const bool with_info = source.find("info") != nullptr;
    if (with_info) {
        std::string text;
        if (Status status = read_string(source, "info", text); !status.ok()) {
            return status;
        }
        std::optional<std::vector<std::uint8_t>> bytes = core::decode_base64(text);
        if (!bytes) {
            return invalid_plan("info must be Base64");
        }
        entry.info = std::move(*bytes);
    }
    step = std::make_unique<InstallNamespace>(source, bits, std::move(entry), with_info);
    return {};
}

Status make_remove_namespace(const Value& source, std::unique_ptr<Step>& step) {
    int bits = 0;
    Guid provider{};
    if (Status status = read_namespace(source, bits, provider); !status.ok()) {
        return status;
    }
    step = std::make_unique<RemoveNamespace>(source, bits, provider);
    return {};
}

Status make_enable_namespace(const Value& source, std::unique_ptr<Step>& step) {
    int bits = 0;
    Guid provider{};
    if (Status status = read_namespace(source, bits, provider); !status.ok()) {
        return status;
    }
    const Value* enabled = source.find("enabled");
    if (enabled == nullptr || !enabled->boolean()) {
        return invalid_plan("enabled must be true or false");
    }
    step = std::make_unique<EnableNamespace>(source, bits, provider, *enabled->boolean());
    return {};
}

Status make_order_namespaces(const Value& source, std::unique_ptr<Step>& step) {
    int bits = 0;
    std::vector<Guid> order;
    if (Status status = read_bits(source, "catalog", bits); !status.ok()) {
        return status;
    }
    if (Status status = read_order(source, order); !status.ok()) {
        return status;
    }
    step = std::make_unique<OrderNamespaces>(source, bits, std::move(order));
    return {};
}

} // namespace winsock_spi::spi
