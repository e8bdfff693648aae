// The step that appends one entry to a catalog.
#include "catalog_step.hpp"

#include "core/guid_text.hpp"
#include "spi/catalog_items.hpp"

namespace winsock_spi::spi {
namespace {

using core::Guid;
using core::ProtocolInfo;
using core::json::Value;

class InstallProvider final : public CatalogStep {
public:
    InstallProvider(const Value& source, int bits, const Guid& provider, std::wstring path, const ProtocolInfo& info,
                    std::vector<EntryName> chain)
        : CatalogStep(source, bits), provider_(provider), path_(std::move(path)), info_(info),
          chain_(std::move(chain)) {}

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
        ProtocolInfo info = info_;
        info.provider_id = provider_;
        if (Status status = set_chain(chain_, entries, bits(), info); !status.ok()) {
            return status;
        }
        context.points.next();
        if (Status status = context.winsock.install(provider_, path_, info); !status.ok()) {
            return status;
        }
        if (Status status = read(context, entries); !status.ok()) {
            return status;
        }
        return entries_of(entries, provider_).size() == 1
                   ? Status{}
                   : own_error("ERR_VERIFY_FAILED",
                               core::format_guid(provider_) + " did not get into " + catalog_name(bits()));
    }

    Status restore(Context& context, const Value&) override { return remove(context, provider_); }

private:
    Guid provider_;
    std::wstring path_;
    ProtocolInfo info_;
    std::vector<EntryName> chain_;
};

} // namespace

Status make_install_provider(const Value& source, std::unique_ptr<Step>& step) {
    ProviderMembers members;
    if (Status status = read_provider(source, members); !status.ok()) {
        return status;
    }
    step = std::make_unique<InstallProvider>(source, members.bits, members.provider, members.path, members.info,
                                             members.chain);
    return {};
}

} // namespace winsock_spi::spi
