// The command that shows the catalogs, for people or as one JSON value like that of `winsock-spi catalog --json`.
#include "commands.hpp"

#include <algorithm>

#include "core/chain.hpp"
#include "core/guid_text.hpp"
#include "core/identity.hpp"
#include "core/json.hpp"
#include "output.hpp"
#include "replaced_base.hpp"
#include "selection.hpp"
#include "spi/catalog_items.hpp"
#include "spi/executor.hpp"
#include "spi/namespaces.hpp"
#include "spi/text.hpp"

namespace winsock_spi::rescue {
namespace {

using core::json::Array;
using core::json::Value;

constexpr std::uint32_t ifs_handles = 0x0002'0000; // XP1_IFS_HANDLES

const char* kind_of(const core::ProtocolInfo& info) {
    return info.chain_length == 0 ? "hidden" : info.chain_length == 1 ? "base" : "layered";
}

// Without what a terminal would obey: whoever installs a provider chooses its name.
std::string shown(const std::string& text) {
    std::wstring wide = spi::widen(text);
    std::ranges::replace_if(
        wide,
        [](wchar_t unit) {
            return unit < L' ' || (unit >= 0x7F && unit <= 0x9F) || (unit >= 0x200E && unit <= 0x200F) ||
                   (unit >= 0x2028 && unit <= 0x202E) || (unit >= 0x2066 && unit <= 0x2069);
        },
        L'?');
    return spi::narrow(wide);
}

void print_entry(const spi::CatalogEntry& entry) {
    const core::ProtocolInfo& info = entry.info;
    std::string line = "  " + std::to_string(info.catalog_entry_id) + "  " + kind_of(info);
    line.resize(std::max<std::size_t>(line.size(), 17), ' ');
    line += shown(name_of(info));
    if (info.chain_length > 1) {
        line += "  chain";
        for (const std::uint32_t id : core::chain_of(info)) {
            line += " " + std::to_string(id);
        }
    }
    if (core::is_our_guid(info.provider_id)) {
        line += "  (winsock-spi)";
    } else if (is_replaced(entry)) {
        line += "  (winsock-spi in its place)";
    }
    print(line);
    print("        " + core::format_guid(info.provider_id) + "  " + shown(spi::narrow(entry.path)));
}

Value to_json(const spi::CatalogEntry& entry) {
    const core::ProtocolInfo& info = entry.info;
    Array chain;
    for (const std::uint32_t id : core::chain_of(info)) {
        chain.emplace_back(id);
    }
    Value value;
    value.add("id", info.catalog_entry_id);
    value.add("name", name_of(info));
    value.add("providerId", core::format_guid(info.provider_id));
    value.add("path", spi::narrow(entry.path));
    value.add("chain", std::move(chain));
    value.add("kind", kind_of(info));
    value.add("family", info.address_family);
    value.add("socketType", info.socket_type);
    value.add("protocol", info.protocol);
    value.add("ifs", (info.service_flags[0] & ifs_handles) != 0);
    value.add("flags", info.service_flags[0]);
    value.add("providerFlags", info.provider_flags);
    return value;
}

void print_namespace(const spi::NamespaceEntry& entry) {
    print("  " + std::to_string(entry.name_space) + (entry.enabled ? "  on   " : "  off  ") +
          shown(spi::narrow(entry.name)));
    print("        " + core::format_guid(entry.provider) + "  " + shown(spi::narrow(entry.path)));
}

Value to_json(const spi::NamespaceEntry& entry) {
    Value value;
    value.add("name", spi::narrow(entry.name));
    value.add("providerId", core::format_guid(entry.provider));
    value.add("path", spi::narrow(entry.path));
    value.add("namespace", entry.name_space);
    value.add("enabled", entry.enabled);
    value.add("version", entry.version);
    return value;
}

template <typename Item>
Value list_of(const std::vector<Item>& items) {
    Array list;
    for (const Item& item : items) {
        list.push_back(to_json(item));
    }
    return list;
}

// Protocols of one bitness: by Winsock's functions, or as they are in the registry.
spi::Status read_protocols(spi::Winsock& winsock, int bits, Entries& entries, const char*& way) {
    way = "";
    if (winsock.enumerate(bits, entries).ok()) {
        return {};
    }
    way = " (read from the registry)";
    if (spi::Status status = spi::read_catalog_items(bits, entries); status.ok()) {
        return status;
    }
    // Some item cannot be decoded: the others are shown all the same.
    spi::RegistryTree catalog;
    way = " (read from the registry; items that cannot be read are left out)";
    spi::Status status = spi::read_protocol_catalog(catalog);
    entries = readable_entries(catalog, bits);
    return status;
}

} // namespace

int list(const Arguments& arguments) {
    const bool json = !arguments.empty();
    if (json && arguments[0] != L"--json") {
        print_error("list takes no argument but --json");
        return exit_usage;
    }
    spi::Winsock winsock;
    int code = exit_done;
    Value protocols{core::json::Object{}};
    Value namespaces{core::json::Object{}};
    spi::RegistryTree names;
    const spi::Status names_status = spi::read_namespace_catalog(names);
    for (const int bits : {64, 32}) {
        if (!spi::has_catalog(bits)) {
            continue;
        }
        const std::string title = std::to_string(bits);
        Entries entries;
        const char* way = "";
        if (spi::Status status = read_protocols(winsock, bits, entries, way); !status.ok()) {
            code = report(status);
        } else if (json) {
            protocols.add(title, list_of(entries));
        } else {
            print(title + "-bit catalog, " + std::to_string(entries.size()) + " entries" + way);
            for (const spi::CatalogEntry& entry : entries) {
                print_entry(entry);
            }
        }
        std::vector<spi::NamespaceEntry> providers;
        spi::Status status = names_status;
        status = status.ok() ? spi::decode_namespaces(names, bits, providers) : status;
        if (!status.ok()) {
            code = report(status);
        } else if (json) {
            namespaces.add(title, list_of(providers));
        } else {
            print(title + "-bit namespaces, " + std::to_string(providers.size()) + " providers");
            for (const spi::NamespaceEntry& provider : providers) {
                print_namespace(provider);
            }
        }
    }
    spi::PendingChange pending;
    const bool is_pending = spi::pending_change(pending).ok() && !pending.operation.empty();
    if (json) {
        Value value;
        value.add("protocols", std::move(protocols));
        value.add("namespaces", std::move(namespaces));
        if (is_pending) {
            value.add("pending", pending.operation);
        }
        print(core::json::write(value));
    } else if (is_pending) {
        print(pending.unconfirmed_until != 0
                  ? spi::unconfirmed_text(pending)
                  : "An operation (" + pending.operation + ") was interrupted: run winsock-spi-rescue recover");
    }
    return code;
}

} // namespace winsock_spi::rescue
