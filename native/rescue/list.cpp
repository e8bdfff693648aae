// The command that shows the catalogs.
#include "commands.hpp"

#include "core/guid_text.hpp"
#include "core/identity.hpp"
#include "output.hpp"
#include "replaced_base.hpp"
#include "spi/catalog_items.hpp"
#include "spi/executor.hpp"
#include "spi/text.hpp"

namespace winsock_spi::rescue {
namespace {

std::string name_of(const core::ProtocolInfo& info) {
    std::wstring name;
    for (const char16_t unit : info.name) {
        if (unit == u'\0') {
            break;
        }
        name += static_cast<wchar_t>(unit);
    }
    return spi::narrow(name);
}

void print_entry(const spi::CatalogEntry& entry) {
    const core::ProtocolInfo& info = entry.info;
    std::string line = "  " + std::to_string(info.catalog_entry_id);
    line += info.chain_length == 0 ? "  hidden   " : info.chain_length == 1 ? "  base     " : "  layered  ";
    line += name_of(info);
    if (info.chain_length > 1 && info.chain_length <= core::max_chain_length) {
        line += "  chain";
        for (std::int32_t i = 0; i < info.chain_length; ++i) {
            line += " " + std::to_string(info.chain[i]);
        }
    }
    if (core::is_our_guid(info.provider_id)) {
        line += "  (winsock-spi)";
    } else if (is_replaced(entry)) {
        line += "  (winsock-spi in its place)";
    }
    print(line);
    print("        " + core::format_guid(info.provider_id) + "  " + spi::narrow(entry.path));
}

} // namespace

int list(const Arguments&) {
    spi::Winsock winsock;
    int code = exit_done;
    for (const int bits : {64, 32}) {
        if (!spi::has_catalog(bits)) {
            continue;
        }
        std::vector<spi::CatalogEntry> entries;
        const char* way = "";
        spi::Status status = winsock.enumerate(bits, entries);
        if (!status.ok()) {
            way = " (read from the registry)";
            status = spi::read_catalog_items(bits, entries);
        }
        if (!status.ok()) {
            code = report(status);
            continue;
        }
        print(std::to_string(bits) + "-bit catalog, " + std::to_string(entries.size()) + " entries" + way);
        for (const spi::CatalogEntry& entry : entries) {
            print_entry(entry);
        }
    }
    spi::PendingChange pending;
    if (spi::pending_change(pending).ok() && !pending.operation.empty()) {
        print(pending.unconfirmed_until != 0
                  ? spi::unconfirmed_text(pending)
                  : "An operation (" + pending.operation + ") was interrupted: run winsock-spi-rescue recover");
    }
    return code;
}

} // namespace winsock_spi::rescue
