// Which providers this process has loaded, and the catalog as it last saw it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "catalog.hpp"
#include "provider.hpp"

namespace winsock_spi::wine {

// A catalog entry that stays valid for its holder, also after it has gone from the catalog.
using EntryPointer = std::shared_ptr<const CatalogEntry>;
using ProviderPointer = std::shared_ptr<const Provider>;

// A provider is loaded once for all entries that carry its id. An entry that was loaded keeps its provider when the
// catalog changes: by its catalog entry id, even if the path behind that id is another one now (a running process
// stays with the DLL it has), or by its path as long as any entry of it has been there all the time.
//
// A provider is held by the registry while the catalog has entries of it, and by every socket that belongs to it;
// the last of them unloads it.
class ProviderRegistry {
public:
    // The catalog of this moment; read again when it has changed. 0 or a Winsock error.
    int refresh(std::shared_ptr<const Catalog>& catalog) noexcept;

    // The entry with that id: of the current catalog, else of an earlier one that a socket still holds. The catalog
    // is read again only if the id is unknown. Empty if there is none.
    EntryPointer find(DWORD catalog_entry_id) noexcept;

    // The entry's provider, loaded if it is not yet. 0 or an error of Provider::load. No lock is held while the
    // provider is loaded; a thread that wants the same provider waits, and the loading thread itself (a provider
    // that opens a socket of its own kind in WSPStartup) is told WSAEPROVIDERFAILEDINIT.
    int load(const CatalogEntry& entry, ProviderPointer& provider) noexcept;

    // The entry's provider if it is loaded.
    ProviderPointer loaded(const CatalogEntry& entry) noexcept;

    // Lets go of everything; the providers of sockets still in use go with them.
    void clear() noexcept;

private:
    struct Record {
        GUID provider_id;
        std::wstring path;
        std::vector<DWORD> ids; // catalog entry ids seen with this provider
        ProviderPointer strong; // while the catalog has it
        std::weak_ptr<const Provider> provider; // while anyone has it
        DWORD loader = 0; // thread that is loading it, 0 if none
    };

    static bool serves(const Record& record, const CatalogEntry& entry) noexcept;
    Record* find_record(const CatalogEntry& entry) noexcept;
    int take_record(const CatalogEntry& entry, std::shared_ptr<Record>& result);
    void adopt(const std::shared_ptr<const Catalog>& catalog, std::vector<ProviderPointer>& unused);

    SRWLOCK lock_ = SRWLOCK_INIT;
    CONDITION_VARIABLE loaded_ = CONDITION_VARIABLE_INIT;
    CatalogCache cache_;
    std::shared_ptr<const Catalog> catalog_;
    std::vector<std::weak_ptr<const Catalog>> earlier_;
    std::vector<std::shared_ptr<Record>> records_;
};

} // namespace winsock_spi::wine
