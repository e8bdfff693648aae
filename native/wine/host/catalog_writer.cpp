// Changing the catalog in the registry.
#include "catalog_writer.hpp"

#include <algorithm>
#include <cstring>

namespace winsock_spi::wine {

namespace {

constexpr Bitness both[] = {Bitness::bits32, Bitness::bits64};

bool same(const core::PackedCatalogItem& left, const core::PackedCatalogItem& right) noexcept {
    return std::memcmp(&left, &right, sizeof(left)) == 0;
}

bool same(const Items& left, const Items& right) noexcept {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](const auto& a, const auto& b) { return same(a, b); });
}

LSTATUS write_item(const RegistryKey& entries, std::size_t index, const core::PackedCatalogItem& item, bool& made) {
    RegistryKey entry;
    const LSTATUS status = entry.create(entries.get(), entry_key_name(index).c_str(), made);
    return status == ERROR_SUCCESS ? entry.write(item_value, &item, sizeof(item)) : status;
}

} // namespace

int CatalogTransaction::begin() {
    LSTATUS status = lock_.acquire();
    if (status == ERROR_SUCCESS) {
        status = root_.open(HKEY_LOCAL_MACHINE, protocol_catalog, KEY_READ | KEY_WRITE);
    }
    if (status == ERROR_SUCCESS) {
        status = root_.read(serial_value, serial_);
    }
    if (status == ERROR_SUCCESS) {
        status = root_.read(next_id_value, next_id_);
    }
    first_id_ = next_id_;
    return winsock_error(status);
}

int CatalogTransaction::make_empty() {
    LSTATUS status = lock_.acquire();
    bool made = false;
    if (status == ERROR_SUCCESS) {
        status = root_.create(HKEY_LOCAL_MACHINE, protocol_catalog, made);
    }
    for (const Bitness bitness : both) {
        RegistryKey entries;
        if (status == ERROR_SUCCESS) {
            status = entries.create(root_.get(), entries_key_name(bitness), made);
        }
        if (status == ERROR_SUCCESS) {
            status = root_.write(entry_count_name(bitness), std::uint32_t{0});
        }
    }
    if (status == ERROR_SUCCESS) {
        status = root_.write(next_id_value, first_catalog_entry_id);
    }
    if (status == ERROR_SUCCESS) {
        status = root_.write(serial_value, std::uint32_t{0});
    }
    serial_ = 0;
    next_id_ = first_id_ = first_catalog_entry_id;
    return winsock_error(status);
}

int CatalogTransaction::load_side(Bitness bitness, Side*& loaded) {
    std::optional<Side>& wanted = side(bitness);
    if (!wanted) {
        Items items;
        LspCategories categories;
        LSTATUS status = read_items(root_, bitness, items);
        if (status == ERROR_SUCCESS) {
            status = read_categories(root_, bitness, categories);
        }
        if (status != ERROR_SUCCESS) {
            return winsock_error(status);
        }
        wanted.emplace(Side{items, items, categories, categories});
    }
    loaded = &*wanted;
    return 0;
}

int CatalogTransaction::load(Bitness bitness, Items*& items) {
    Side* loaded = nullptr;
    const int error = load_side(bitness, loaded);
    if (error == 0) {
        items = &loaded->after;
    }
    return error;
}

int CatalogTransaction::load(Bitness bitness, LspCategories*& categories) {
    Side* loaded = nullptr;
    const int error = load_side(bitness, loaded);
    if (error == 0) {
        categories = &loaded->categories_after;
    }
    return error;
}

bool CatalogTransaction::is_taken(std::uint32_t id) const {
    return std::find(known_ids_.begin(), known_ids_.end(), id) != known_ids_.end();
}

std::uint32_t CatalogTransaction::take_id() {
    // Next_Catalog_Entry_ID is only a number in the registry: after a restore or a clumsy edit it may name an id in
    // use. Both catalogs count, because WSCInstallProvider64_32 gives the same id in both.
    if (known_ids_.empty()) {
        for (const Bitness bitness : both) {
            Items items;
            if (read_items(root_, bitness, items) == ERROR_SUCCESS) {
                for (const core::PackedCatalogItem& item : items) {
                    known_ids_.push_back(item.info.catalog_entry_id);
                }
            }
        }
    }
    std::uint32_t id = std::max(next_id_, first_catalog_entry_id);
    while (is_taken(id) || id < first_catalog_entry_id) {
        ++id;
    }
    next_id_ = id + 1;
    known_ids_.push_back(id);
    return id;
}

LSTATUS CatalogTransaction::write_side(Bitness bitness, const Items& from, const Items& to,
                                       std::vector<std::size_t>& made) {
    RegistryKey entries;
    LSTATUS status = entries.open(root_.get(), entries_key_name(bitness), KEY_READ | KEY_WRITE);
    for (std::size_t index = 0; status == ERROR_SUCCESS && index < to.size(); ++index) {
        if (index < from.size() && same(from[index], to[index])) {
            continue;
        }
        bool is_new = false;
        status = write_item(entries, index, to[index], is_new);
        if (is_new) {
            made.push_back(index);
        }
    }
    if (status == ERROR_SUCCESS && from.size() != to.size()) {
        status = root_.write(entry_count_name(bitness), static_cast<std::uint32_t>(to.size()));
    }
    for (std::size_t index = from.size(); status == ERROR_SUCCESS && index > to.size(); --index) {
        status = entries.remove(entry_key_name(index - 1).c_str());
    }
    return status;
}

// Errors are not looked at: the caller reports the first one, and there is nothing better to do than to go on.
void CatalogTransaction::put_back(Bitness bitness, const Items& from, const Items& to,
                                  const std::vector<std::size_t>& made) {
    RegistryKey entries;
    entries.open(root_.get(), entries_key_name(bitness), KEY_READ | KEY_WRITE);
    for (std::size_t index = 0; index < from.size(); ++index) {
        if (index >= to.size() || !same(from[index], to[index])) {
            bool is_new = false;
            write_item(entries, index, from[index], is_new);
        }
    }
    root_.write(entry_count_name(bitness), static_cast<std::uint32_t>(from.size()));
    for (const std::size_t index : made) {
        entries.remove(entry_key_name(index).c_str());
    }
}

int CatalogTransaction::commit() {
    struct Written {
        Bitness bitness;
        std::vector<std::size_t> made;
    };
    std::vector<Written> written;
    LSTATUS status = ERROR_SUCCESS;
    for (const Bitness bitness : both) {
        const std::optional<Side>& changed = side(bitness);
        if (status != ERROR_SUCCESS || !changed ||
            (same(changed->before, changed->after) && changed->categories_before == changed->categories_after)) {
            continue;
        }
        written.push_back({bitness, {}});
        status = write_side(bitness, changed->before, changed->after, written.back().made);
        if (status == ERROR_SUCCESS) {
            status = write_categories(root_, bitness, changed->categories_before, changed->categories_after);
        }
    }
    if (written.empty()) {
        return 0;
    }
    if (status == ERROR_SUCCESS && next_id_ != first_id_) {
        status = root_.write(next_id_value, next_id_);
    }
    if (status == ERROR_SUCCESS) {
        status = root_.write(serial_value, serial_ + 1); // last: who sees the new number sees the new catalog
    }
    if (status != ERROR_SUCCESS) {
        for (const Written& one : written) {
            const Side& changed = *side(one.bitness);
            put_back(one.bitness, changed.before, changed.after, one.made);
            write_categories(root_, one.bitness, changed.categories_after, changed.categories_before);
        }
        root_.write(next_id_value, first_id_);
    }
    return winsock_error(status);
}

} // namespace winsock_spi::wine
