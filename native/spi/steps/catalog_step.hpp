// What the steps in the protocol catalog have in common.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/packed_catalog_item.hpp"
#include "spi/step.hpp"
#include "spi/step_members.hpp"
#include "spi/winsock.hpp"

namespace winsock_spi::spi {

using Entries = std::vector<CatalogEntry>;

std::string catalog_name(int bits); // "the 64-bit catalog"
Status chain_full();                // ERR_CHAIN_FULL
Status check_path(const std::wstring& path); // ERR_PATH_TOO_LONG

std::vector<std::uint32_t> ids_of(const Entries& entries);
Entries entries_of(const Entries& entries, const core::Guid& provider);

// Ids for names. Each must name exactly one entry (ERR_UNKNOWN_CATALOG_ID).
Status resolve(const std::vector<EntryName>& names, const Entries& entries, int bits, std::vector<std::uint32_t>& ids);

// Puts a chain given by names into an info. ERR_CHAIN_FULL where there are more than 7.
Status set_chain(const std::vector<EntryName>& names, const Entries& entries, int bits, core::ProtocolInfo& info);

// The member "chain", which may be missing: the chain then is the one in the info, as a base provider's must be.
Status read_chain(const core::json::Value& source, std::optional<std::vector<EntryName>>& chain);

// The members that installing and updating have in common; the info only if asked for.
struct ProviderMembers {
    int bits = 0;
    core::Guid provider{};
    std::wstring path;
    core::ProtocolInfo info{};
    std::optional<std::vector<EntryName>> chain;
};
Status read_provider(const core::json::Value& source, ProviderMembers& members, bool with_info = true);

// A step in one catalog: knows its bitness and hands what Winsock's functions cannot do from here to a helper.
class CatalogStep : public Step {
public:
    CatalogStep(const core::json::Value& source, int bits) : Step(source), bits_(bits) {}

    bool changes_catalog() const final { return true; }
    Status apply(Context& context, const core::json::Value& before) final;
    Status undo(Context& context, const core::json::Value& before) final;

protected:
    virtual Status change(Context& context, const core::json::Value& before) = 0;
    virtual Status restore(Context& context, const core::json::Value& before) = 0;
    // Whether `change` needs a process of the catalog's own bitness. Restoring only needs a catalog that can be
    // reached.
    virtual bool needs_helper() const;

    int bits() const { return bits_; }
    Status read(Context& context, Entries& entries) const;
    // Brings the catalog into this order.
    Status order(Context& context, const std::vector<std::uint32_t>& ids) const;
    // Removes every entry of a provider; none being there is fine.
    Status remove(Context& context, const core::Guid& provider) const;

private:
    int bits_;
};

} // namespace winsock_spi::spi
