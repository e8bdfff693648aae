// Loaded providers by catalog entry, through changes of the catalog.
#include "provider_registry.hpp"

#include <algorithm>
#include <new>

#include "lock_guards.hpp"

namespace winsock_spi::wine {

bool ProviderRegistry::serves(const Record& record, const CatalogEntry& entry) noexcept {
    return IsEqualGUID(record.provider_id, entry.info.ProviderId) &&
           (record.path == entry.path ||
            std::find(record.ids.begin(), record.ids.end(), entry.info.dwCatalogEntryId) != record.ids.end());
}

ProviderRegistry::Record* ProviderRegistry::find_record(const CatalogEntry& entry) noexcept {
    for (const std::shared_ptr<Record>& record : records_) {
        if (serves(*record, entry)) {
            return record.get();
        }
    }
    return nullptr;
}

// Takes over a new catalog. What only the registry held of providers that have gone is handed to the caller, who
// lets it go outside the lock: WSPCleanup may call back.
void ProviderRegistry::adopt(const std::shared_ptr<const Catalog>& catalog, std::vector<ProviderPointer>& unused) {
    std::erase_if(earlier_, [](const std::weak_ptr<const Catalog>& held) { return held.expired(); });
    if (catalog_) {
        earlier_.push_back(catalog_);
    }
    unused.reserve(records_.size());
    for (const std::shared_ptr<Record>& record : records_) {
        // A provider that was taken out and put in again is another one, even of the same file: it was started for
        // entries that are gone.
        if (std::none_of(record->ids.begin(), record->ids.end(),
                         [&](DWORD id) { return catalog->find(id) != nullptr; })) {
            record->path.clear();
        }
        bool present = false;
        for (const CatalogEntry& entry : catalog->entries()) {
            if (!serves(*record, entry)) {
                continue;
            }
            present = true;
            const DWORD id = entry.info.dwCatalogEntryId;
            if (std::find(record->ids.begin(), record->ids.end(), id) == record->ids.end()) {
                record->ids.push_back(id);
            }
        }
        if (present) {
            record->strong = record->provider.lock();
        } else {
            unused.push_back(std::move(record->strong));
        }
    }
    std::erase_if(records_, [](const std::shared_ptr<Record>& record) {
        return !record->strong && record->provider.expired() && record->loader == 0;
    });
    catalog_ = catalog;
}

int ProviderRegistry::refresh(std::shared_ptr<const Catalog>& catalog) noexcept {
    const int error = cache_.current(catalog);
    if (error != 0) {
        return error;
    }
    std::vector<ProviderPointer> unused;
    try {
        const ExclusiveLock guard(lock_);
        if (catalog_ != catalog) {
            adopt(catalog, unused);
        }
    } catch (const std::bad_alloc&) {
        return WSA_NOT_ENOUGH_MEMORY;
    }
    return 0;
}

EntryPointer ProviderRegistry::find(DWORD catalog_entry_id) noexcept {
    if (const std::shared_ptr<const Catalog> preview = CatalogPreview::current()) {
        if (const CatalogEntry* entry = preview->find(catalog_entry_id)) {
            return EntryPointer(preview, entry);
        }
    }
    std::shared_ptr<const Catalog> catalog;
    {
        const ExclusiveLock guard(lock_);
        catalog = catalog_;
    }
    for (int attempt = 0; attempt < 2; ++attempt) {
        if (catalog) {
            if (const CatalogEntry* entry = catalog->find(catalog_entry_id)) {
                return EntryPointer(catalog, entry);
            }
        }
        if (refresh(catalog) != 0) {
            break;
        }
    }
    const ExclusiveLock guard(lock_);
    for (const std::weak_ptr<const Catalog>& held : earlier_) {
        if (const std::shared_ptr<const Catalog> old = held.lock()) {
            if (const CatalogEntry* entry = old->find(catalog_entry_id)) {
                return EntryPointer(old, entry);
            }
        }
    }
    return nullptr;
}

// The entry's record, made if needed, when no other thread is loading it. Called with the lock held.
int ProviderRegistry::take_record(const CatalogEntry& entry, std::shared_ptr<Record>& result) {
    for (;;) {
        Record* known = find_record(entry);
        if (known == nullptr) {
            const auto record = std::make_shared<Record>();
            record->provider_id = entry.info.ProviderId;
            record->path = entry.path;
            record->ids.push_back(entry.info.dwCatalogEntryId);
            if (catalog_) {
                for (const CatalogEntry& other : catalog_->entries()) {
                    if (other.path == entry.path && IsEqualGUID(other.info.ProviderId, entry.info.ProviderId)) {
                        record->ids.push_back(other.info.dwCatalogEntryId);
                    }
                }
            }
            records_.push_back(record);
            known = record.get();
        }
        if (known->loader == 0) {
            result = *std::find_if(records_.begin(), records_.end(),
                                   [known](const std::shared_ptr<Record>& record) { return record.get() == known; });
            return 0;
        }
        if (known->loader == GetCurrentThreadId()) {
            return WSAEPROVIDERFAILEDINIT;
        }
        SleepConditionVariableSRW(&loaded_, &lock_, INFINITE, 0);
    }
}

int ProviderRegistry::load(const CatalogEntry& entry, ProviderPointer& provider) noexcept {
    try {
        std::shared_ptr<Record> record;
        {
            const ExclusiveLock guard(lock_);
            const int error = take_record(entry, record);
            if (error != 0) {
                return error;
            }
            provider = record->provider.lock();
            if (provider) {
                return 0;
            }
            record->loader = GetCurrentThreadId();
        }
        const int error = Provider::load(entry, provider);
        {
            const ExclusiveLock guard(lock_);
            record->loader = 0;
            record->provider = provider;
            const bool wanted = catalog_ && std::any_of(catalog_->entries().begin(), catalog_->entries().end(),
                                                        [&](const CatalogEntry& e) { return serves(*record, e); });
            if (wanted) {
                record->strong = provider;
            }
        }
        WakeAllConditionVariable(&loaded_);
        return error;
    } catch (const std::bad_alloc&) {
        return WSA_NOT_ENOUGH_MEMORY;
    }
}

ProviderPointer ProviderRegistry::loaded(const CatalogEntry& entry) noexcept {
    const ExclusiveLock guard(lock_);
    const Record* record = find_record(entry);
    return record != nullptr ? record->provider.lock() : nullptr;
}

void ProviderRegistry::clear() noexcept {
    std::vector<std::shared_ptr<Record>> records;
    std::shared_ptr<const Catalog> catalog;
    {
        const ExclusiveLock guard(lock_);
        records.swap(records_);
        catalog.swap(catalog_);
        earlier_.clear();
    }
}

} // namespace winsock_spi::wine
