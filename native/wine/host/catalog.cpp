// Reading the catalog and answering Winsock's questions of it.
#include "catalog.hpp"

#include <cstddef>
#include <cstring>
#include <new>

#include "application_category.hpp"
#include "catalog_registry.hpp"
#include "lock_guards.hpp"
#include "lsp_categories.hpp"

namespace winsock_spi::wine {

static_assert(sizeof(WSAPROTOCOL_INFOW) == sizeof(core::ProtocolInfo));
static_assert(offsetof(WSAPROTOCOL_INFOW, ProviderId) == offsetof(core::ProtocolInfo, provider_id));
static_assert(offsetof(WSAPROTOCOL_INFOW, ProtocolChain) == offsetof(core::ProtocolInfo, chain_length));
static_assert(offsetof(WSAPROTOCOL_INFOW, iAddressFamily) == offsetof(core::ProtocolInfo, address_family));
static_assert(offsetof(WSAPROTOCOL_INFOW, szProtocol) == offsetof(core::ProtocolInfo, name));
static_assert(MAX_PROTOCOL_CHAIN == core::max_chain_length);

namespace {

std::wstring from_ansi(const char* text) {
    const int units = MultiByteToWideChar(CP_ACP, 0, text, -1, nullptr, 0);
    if (units <= 1) {
        return {};
    }
    std::wstring wide(static_cast<std::size_t>(units), L'\0');
    MultiByteToWideChar(CP_ACP, 0, text, -1, wide.data(), units);
    wide.pop_back();
    return wide;
}

// A provider is tried out by one thread at a time (the installation holds a lock of the machine).
struct Preview {
    SRWLOCK lock = SRWLOCK_INIT;
    DWORD thread = 0;
    std::shared_ptr<const Catalog> catalog;
};

constinit Preview preview;

} // namespace

CatalogPreview::CatalogPreview(std::shared_ptr<const Catalog> catalog) noexcept {
    const ExclusiveLock guard(preview.lock);
    preview.thread = GetCurrentThreadId();
    preview.catalog = std::move(catalog);
}

CatalogPreview::~CatalogPreview() {
    const ExclusiveLock guard(preview.lock);
    preview.thread = 0;
    preview.catalog.reset();
}

std::shared_ptr<const Catalog> CatalogPreview::current() noexcept {
    const ExclusiveLock guard(preview.lock);
    return preview.thread == GetCurrentThreadId() ? preview.catalog : nullptr;
}

std::shared_ptr<const Catalog> Catalog::of(Bitness bitness, std::uint32_t serial,
                                           const std::vector<core::PackedCatalogItem>& items,
                                           std::vector<ProviderCategories> categories) {
    std::shared_ptr<Catalog> catalog(new Catalog(bitness, serial));
    catalog->categories_ = std::move(categories);
    catalog->entries_.reserve(items.size());
    for (const core::PackedCatalogItem& item : items) {
        CatalogEntry& entry = catalog->entries_.emplace_back();
        entry.item = item;
        entry.path = from_ansi(item.path);
        std::memcpy(&entry.info, &item.info, sizeof(entry.info));
    }
    return catalog;
}

int Catalog::read(Bitness bitness, std::shared_ptr<const Catalog>& result) noexcept {
    result = CatalogPreview::current();
    if (result && result->bitness() == bitness) {
        return 0;
    }
    result.reset();
    try {
        CatalogLock lock;
        lock.acquire(); // without it too: what is read is checked
        RegistryKey root;
        LSTATUS status = root.open(HKEY_LOCAL_MACHINE, protocol_catalog, KEY_READ);
        std::uint32_t serial = 0;
        if (status == ERROR_SUCCESS) {
            status = root.read(serial_value, serial);
        }
        std::vector<core::PackedCatalogItem> items;
        if (status == ERROR_SUCCESS) {
            status = read_items(root, bitness, items);
        }
        LspCategories categories;
        if (status == ERROR_SUCCESS) {
            status = read_categories(root, bitness, categories);
        }
        if (status == ERROR_SUCCESS) {
            result = of(bitness, serial, items, std::move(categories));
        }
        return winsock_error(status);
    } catch (const std::bad_alloc&) {
        return WSA_NOT_ENOUGH_MEMORY;
    }
}

const CatalogEntry* Catalog::find(DWORD catalog_entry_id) const noexcept {
    for (const CatalogEntry& entry : entries_) {
        if (entry.info.dwCatalogEntryId == catalog_entry_id) {
            return &entry;
        }
    }
    return nullptr;
}

const CatalogEntry* Catalog::find(const GUID& provider_id) const noexcept {
    for (const CatalogEntry& entry : entries_) {
        if (std::memcmp(&entry.info.ProviderId, &provider_id, sizeof(GUID)) == 0) {
            return &entry;
        }
    }
    return nullptr;
}

const CatalogEntry* Catalog::find(const core::Triplet& triplet, DWORD after, int& error) const noexcept {
    bool behind = after == 0;
    core::TripletMatch best = core::TripletMatch::type_differs;
    for (const CatalogEntry& entry : entries_) {
        core::TripletMatch match = core::match_triplet(entry.item.info, triplet);
        if (match == core::TripletMatch::matches) {
            if (behind) {
                error = 0;
                return &entry;
            }
            match = core::TripletMatch::protocol_differs; // it served, and declined
        }
        best = match > best ? match : best;
        behind = behind || entry.info.dwCatalogEntryId == after;
    }
    switch (best) {
    case core::TripletMatch::family_differs: error = WSAEAFNOSUPPORT; break;
    case core::TripletMatch::type_differs: error = WSAESOCKTNOSUPPORT; break;
    default: error = WSAEPROTONOSUPPORT; break;
    }
    return nullptr;
}

// The categories of the layered provider that an id in a chain stands for: those of the entry with an empty chain, or,
// where a chain names a layered entry by its own id, of that entry's first layer. A base provider has none to ask for.
std::uint32_t Catalog::layer_categories(DWORD catalog_entry_id) const noexcept {
    const CatalogEntry* entry = find(catalog_entry_id);
    std::uint32_t categories = 0;
    if (entry != nullptr) {
        categories = categories_of(categories_, entry->item.info.provider_id);
        if (categories == 0 && entry->info.ProtocolChain.ChainLen > 1) {
            const CatalogEntry* first = find(entry->info.ProtocolChain.ChainEntries[0]);
            categories = first != nullptr ? categories_of(categories_, first->item.info.provider_id) : 0;
        }
    }
    return categories;
}

bool Catalog::permits(const CatalogEntry& entry, std::optional<std::uint32_t> permitted) const noexcept {
    if (!permitted || entry.info.ProtocolChain.ChainLen <= 1) {
        return true;
    }
    // The last one is the base provider.
    for (int index = 0; index + 1 < entry.info.ProtocolChain.ChainLen; ++index) {
        if (!is_permitted(layer_categories(entry.info.ProtocolChain.ChainEntries[index]), permitted)) {
            return false;
        }
    }
    return true;
}

std::shared_ptr<const Catalog> Catalog::for_program(std::shared_ptr<const Catalog> catalog,
                                                    std::optional<std::uint32_t> permitted) {
    if (!permitted) {
        return catalog;
    }
    std::shared_ptr<Catalog> own(new Catalog(*catalog));
    std::erase_if(own->entries_, [&](const CatalogEntry& entry) { return !catalog->permits(entry, permitted); });
    return own;
}

int read_catalog_serial(std::uint32_t& serial) noexcept {
    RegistryKey root;
    LSTATUS status = root.open(HKEY_LOCAL_MACHINE, protocol_catalog, KEY_READ);
    if (status == ERROR_SUCCESS) {
        status = root.read(serial_value, serial);
    }
    return winsock_error(status);
}

struct CatalogCache::State {
    SRWLOCK lock = SRWLOCK_INIT;
    RegistryKey root; // kept open: a look at the serial number is one query
    std::shared_ptr<const Catalog> snapshot;
};

CatalogCache::CatalogCache() noexcept : state_(new(std::nothrow) State) {}

CatalogCache::~CatalogCache() = default;

int read_for_this_program(std::shared_ptr<const Catalog>& result) noexcept {
    const int error = Catalog::read(native_bitness, result);
    if (error != 0) {
        return error;
    }
    try {
        result = Catalog::for_program(std::move(result), this_programs_categories());
        return 0;
    } catch (const std::bad_alloc&) {
        result.reset();
        return WSA_NOT_ENOUGH_MEMORY;
    }
}

int CatalogCache::current(std::shared_ptr<const Catalog>& result) noexcept {
    result = CatalogPreview::current(); // not kept: only this thread sees it, and it may come to nothing
    if (result) {
        return 0;
    }
    if (!state_) {
        return WSA_NOT_ENOUGH_MEMORY;
    }
    const ExclusiveLock guard(state_->lock);
    std::uint32_t serial = 0;
    LSTATUS status = ERROR_INVALID_HANDLE;
    if (state_->root.is_open()) {
        status = state_->root.read(serial_value, serial);
    }
    if (status != ERROR_SUCCESS) { // first use, or the key was deleted and made anew by a restore
        status = state_->root.open(HKEY_LOCAL_MACHINE, protocol_catalog, KEY_READ);
        if (status == ERROR_SUCCESS) {
            status = state_->root.read(serial_value, serial);
        }
        state_->snapshot.reset();
    }
    if (status != ERROR_SUCCESS) {
        return winsock_error(status);
    }
    if (!state_->snapshot || state_->snapshot->serial() != serial) {
        state_->snapshot.reset();
        const int error = read_for_this_program(state_->snapshot);
        if (error != 0) {
            return error;
        }
    }
    result = state_->snapshot;
    return 0;
}

} // namespace winsock_spi::wine
