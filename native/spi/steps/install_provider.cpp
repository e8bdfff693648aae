// The step that appends a provider to a catalog: one entry, or all entries of its GUID at once, as Winsock wants it.
#include "catalog_step.hpp"

#include "core/guid_text.hpp"
#include "spi/catalog_items.hpp"

namespace winsock_spi::spi {
namespace {

using core::Guid;
using core::ProtocolInfo;
using core::json::Value;

struct NewEntry {
    ProtocolInfo info{};
    std::optional<std::vector<EntryName>> chain;
};

class InstallProvider final : public CatalogStep {
public:
    InstallProvider(const Value& source, ProviderMembers members, std::vector<NewEntry> entries)
        : CatalogStep(source, members.bits), provider_(members.provider), path_(std::move(members.path)),
          new_entries_(std::move(entries)) {}

    Status observe(Context& context, Value& before) override {
        Entries entries;
        if (Status status = read(context, entries); !status.ok()) {
            return status;
        }
        if (!entries_of(entries, provider_).empty()) {
            return own_error("ERR_ALREADY_INSTALLED",
                             core::format_guid(provider_) + " is in " + catalog_name(bits()) + " already");
        }
        before.add("present", false);
        return {};
    }

protected:
    // WSCInstallProvider writes the catalog of the process that calls it, and has no form for the other one.
    bool needs_helper() const override { return bits() != own_bits; }

    Status change(Context& context, const Value&) override {
        Entries entries;
        if (Status status = read(context, entries); !status.ok()) {
            return status;
        }
        if (!entries_of(entries, provider_).empty()) { // by an earlier try of this step
            return {};
        }
        std::vector<ProtocolInfo> infos;
        for (const NewEntry& entry : new_entries_) {
            infos.push_back(entry.info);
            infos.back().provider_id = provider_;
            if (!entry.chain) {
                continue;
            }
            if (Status status = set_chain(*entry.chain, entries, bits(), infos.back()); !status.ok()) {
                return status;
            }
        }
        context.points.next();
        if (Status status = context.winsock.install(provider_, path_, infos); !status.ok()) {
            return status;
        }
        if (Status status = read(context, entries); !status.ok()) {
            return status;
        }
        return entries_of(entries, provider_).size() == infos.size()
                   ? Status{}
                   : own_error("ERR_VERIFY_FAILED",
                               core::format_guid(provider_) + " did not get into " + catalog_name(bits()));
    }

    Status restore(Context& context, const Value&) override { return remove(context, provider_); }

private:
    Guid provider_;
    std::wstring path_;
    std::vector<NewEntry> new_entries_;
};

} // namespace

Status make_install_provider(const Value& source, std::unique_ptr<Step>& step) {
    ProviderMembers members;
    if (Status status = read_provider(source, members); !status.ok()) {
        return status;
    }
    std::vector<NewEntry> entries(1);
    entries.front() = {members.info, std::move(members.chain)};
    step = std::make_unique<InstallProvider>(source, std::move(members), std::move(entries));
    return {};
}

Status make_install_entries(const Value& source, std::unique_ptr<Step>& step) {
    ProviderMembers members;
    if (Status status = read_provider(source, members, false); !status.ok()) {
        return status;
    }
    const Value* list = source.find("entries");
    if (list == nullptr || list->array() == nullptr || list->array()->empty()) {
        return invalid_plan("entries must be an array that is not empty");
    }
    std::vector<NewEntry> entries;
    for (const Value& item : *list->array()) {
        entries.emplace_back();
        if (Status status = read_info(item, "info", entries.back().info); !status.ok()) {
            return status;
        }
        if (Status status = read_chain(item, entries.back().chain); !status.ok()) {
            return status;
        }
    }
    step = std::make_unique<InstallProvider>(source, std::move(members), std::move(entries));
    return {};
}

} // namespace winsock_spi::spi
