// Which entries a command is about: those of winsock-spi, of whatever version, or those of a provider that is named.
#pragma once

#include <string>
#include <vector>

#include "core/guid.hpp"
#include "spi/catalog_items.hpp"
#include "spi/status.hpp"

namespace winsock_spi::rescue {

using Entries = std::vector<spi::CatalogEntry>;

std::string name_of(const core::ProtocolInfo& info);

class Selection {
public:
    // Everything with a GUID of ours.
    Selection() = default;

    // The provider that is called so: by the name of an entry, a GUID or a catalog id. All its entries in both
    // catalogs: those of the same GUID, and those whose chains begin with the same entry, which stands for their
    // provider. Fails where nobody, or more than one, is meant, and for base providers.
    static spi::Status of(const std::wstring& wanted, Selection& selection);

    bool has(const core::Guid& provider) const;
    bool is_ours() const { return ours_; }
    // For people.
    std::string name() const { return is_ours() ? "winsock-spi" : '"' + name_ + '"'; }

private:
    bool ours_ = true;
    std::string name_;
    std::vector<core::Guid> guids_;
};

// What can be read of a catalog in the registry; an item that cannot be decoded is left out.
Entries readable_entries(const spi::RegistryTree& catalog, int bits);

} // namespace winsock_spi::rescue
