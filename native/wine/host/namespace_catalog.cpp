// Reading and changing the catalog of namespace providers.
#include "namespace_catalog.hpp"

#include <algorithm>
#include <cstring>

namespace winsock_spi::wine {

namespace {

constexpr wchar_t name_value[] = L"DisplayString";
constexpr wchar_t path_value[] = L"LibraryPath";
constexpr wchar_t id_value[] = L"ProviderId";
constexpr wchar_t name_space_value[] = L"SupportedNameSpace";
constexpr wchar_t version_value[] = L"Version";
constexpr wchar_t enabled_value[] = L"Enabled";
constexpr wchar_t classes_value[] = L"StoresServiceClassInfo";
constexpr wchar_t info_value[] = L"ProviderInfo";

RegistryValue number(const wchar_t* name, std::uint32_t value) {
    RegistryValue made{name, REG_DWORD, std::vector<BYTE>(sizeof(value))};
    std::memcpy(made.data.data(), &value, sizeof(value));
    return made;
}

RegistryValue text(const wchar_t* name, const std::wstring& value) {
    const auto* bytes = reinterpret_cast<const BYTE*>(value.c_str());
    return {name, REG_SZ, std::vector<BYTE>(bytes, bytes + (value.size() + 1) * sizeof(wchar_t))};
}

RegistryValue binary(const wchar_t* name, const void* data, std::size_t size) {
    const auto* bytes = static_cast<const BYTE*>(data);
    return {name, REG_BINARY, std::vector<BYTE>(bytes, bytes + size)};
}

// "@DLL,-NUMBER" names a string in a DLL.
std::wstring display_name(const RegistryKey& key, const std::wstring& stored) {
    constexpr std::size_t longest = 512;
    if (!stored.starts_with(L'@')) {
        return stored;
    }
    wchar_t resolved[longest];
    const LSTATUS status = RegLoadMUIStringW(key.get(), name_value, resolved, sizeof(resolved), nullptr, 0, nullptr);
    return status == ERROR_SUCCESS ? std::wstring(resolved, wcsnlen(resolved, longest)) : stored;
}

LSTATUS read_entry(const RegistryKey& key, NamespaceEntry& entry) {
    LSTATUS status = key.read_all(entry.values);
    const auto next = [&](auto&&... arguments) {
        if (status == ERROR_SUCCESS) {
            status = key.read(arguments...);
        }
    };
    std::wstring stored;
    std::uint32_t enabled = 0;
    next(name_value, stored);
    next(name_space_value, entry.name_space);
    next(version_value, entry.version);
    next(enabled_value, enabled);
    if (status != ERROR_SUCCESS) {
        return status;
    }
    entry.enabled = enabled != 0;
    entry.name = display_name(key, stored);
    bool has_id = false;
    for (const RegistryValue& value : entry.values) {
        if (value.name == id_value && value.type == REG_BINARY && value.data.size() == sizeof(entry.provider_id)) {
            std::memcpy(&entry.provider_id, value.data.data(), sizeof(entry.provider_id));
            has_id = true;
        } else if (value.name == info_value && value.type == REG_BINARY) {
            entry.provider_info = value.data;
        }
    }
    return has_id ? ERROR_SUCCESS : ERROR_INVALID_DATA;
}

LSTATUS read_entries(const RegistryKey& root, Bitness bitness, NamespaceEntries& entries) {
    entries.clear();
    std::uint32_t count = 0;
    RegistryKey parent;
    LSTATUS status = root.read(entry_count_name(bitness), count);
    if (status == ERROR_SUCCESS) {
        status = parent.open(root.get(), entries_key_name(bitness), KEY_READ);
    }
    for (std::uint32_t index = 0; status == ERROR_SUCCESS && index < count; ++index) {
        RegistryKey key;
        NamespaceEntry entry{};
        status = key.open(parent.get(), entry_key_name(index).c_str(), KEY_READ);
        if (status == ERROR_SUCCESS) {
            status = read_entry(key, entry);
        }
        entries.push_back(std::move(entry));
    }
    return status;
}

LSTATUS write_entry(const RegistryKey& parent, std::size_t index, const NamespaceEntry& entry) {
    RegistryKey key;
    bool made = false;
    LSTATUS status = key.create(parent.get(), entry_key_name(index).c_str(), made);
    std::vector<std::wstring> stale;
    if (status == ERROR_SUCCESS && !made) {
        status = key.list_values(stale);
    }
    for (const RegistryValue& value : entry.values) {
        if (status == ERROR_SUCCESS) {
            status = key.write(value);
        }
        std::erase(stale, value.name);
    }
    for (const std::wstring& name : stale) {
        if (status == ERROR_SUCCESS) {
            status = key.remove_value(name.c_str());
        }
    }
    return status;
}

} // namespace

NamespaceEntry make_namespace_entry(const core::Guid& provider_id, const std::wstring& name, const std::wstring& path,
                                    std::uint32_t name_space, std::uint32_t version,
                                    const std::vector<BYTE>* provider_info) {
    NamespaceEntry entry{provider_id, name, name_space, version, true, {}, {}};
    entry.values = {text(name_value, name),        number(enabled_value, 1),
                    text(path_value, path),        binary(id_value, &provider_id, sizeof(provider_id)),
                    number(classes_value, 0),      number(name_space_value, name_space),
                    number(version_value, version)};
    if (provider_info != nullptr) {
        entry.provider_info = *provider_info;
        entry.values.push_back(binary(info_value, provider_info->data(), provider_info->size()));
    }
    return entry;
}

void set_enabled(NamespaceEntry& entry, bool enabled) {
    entry.enabled = enabled;
    for (RegistryValue& value : entry.values) {
        if (value.name == enabled_value) {
            value = number(enabled_value, enabled ? 1 : 0);
        }
    }
}

int read_namespaces(Bitness bitness, NamespaceEntries& entries) {
    CatalogLock lock;
    lock.acquire(); // without it too: what is read is checked
    RegistryKey root;
    LSTATUS status = root.open(HKEY_LOCAL_MACHINE, namespace_catalog, KEY_READ);
    if (status == ERROR_SUCCESS) {
        status = read_entries(root, bitness, entries);
    }
    return winsock_error(status);
}

LSTATUS NamespaceTransaction::make_empty() {
    RegistryKey root;
    bool made = false;
    LSTATUS status = root.create(HKEY_LOCAL_MACHINE, namespace_catalog, made);
    for (const Bitness bitness : {Bitness::bits32, Bitness::bits64}) {
        RegistryKey entries;
        if (status == ERROR_SUCCESS) {
            status = entries.create(root.get(), entries_key_name(bitness), made);
        }
        if (status == ERROR_SUCCESS) {
            status = root.write(entry_count_name(bitness), std::uint32_t{0});
        }
    }
    return status == ERROR_SUCCESS ? root.write(serial_value, std::uint32_t{0}) : status;
}

LSTATUS NamespaceTransaction::begin(NamespaceEntries*& entries) {
    LSTATUS status = lock_.acquire();
    if (status == ERROR_SUCCESS) {
        status = root_.open(HKEY_LOCAL_MACHINE, namespace_catalog, KEY_READ | KEY_WRITE);
    }
    if (status == ERROR_SUCCESS) {
        status = root_.read(serial_value, serial_);
    }
    if (status == ERROR_SUCCESS) {
        status = read_entries(root_, bitness_, before_);
    }
    after_ = before_;
    entries = &after_;
    return status;
}

// Entries before the count that includes them, and keys deleted after the count that no longer does: every state in
// between is a readable catalog.
LSTATUS NamespaceTransaction::write(const NamespaceEntries& from, const NamespaceEntries& to) {
    RegistryKey parent;
    LSTATUS status = parent.open(root_.get(), entries_key_name(bitness_), KEY_READ | KEY_WRITE);
    for (std::size_t index = 0; status == ERROR_SUCCESS && index < to.size(); ++index) {
        if (index >= from.size() || from[index].values != to[index].values) {
            status = write_entry(parent, index, to[index]);
        }
    }
    if (status == ERROR_SUCCESS && from.size() != to.size()) {
        status = root_.write(entry_count_name(bitness_), static_cast<std::uint32_t>(to.size()));
    }
    for (std::size_t index = from.size(); status == ERROR_SUCCESS && index > to.size(); --index) {
        status = parent.remove(entry_key_name(index - 1).c_str());
        status = status == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS : status;
    }
    return status;
}

LSTATUS NamespaceTransaction::commit() {
    const bool same = std::equal(before_.begin(), before_.end(), after_.begin(), after_.end(),
                                 [](const auto& left, const auto& right) { return left.values == right.values; });
    if (same) {
        return ERROR_SUCCESS;
    }
    LSTATUS status = write(before_, after_);
    if (status == ERROR_SUCCESS) {
        status = root_.write(serial_value, serial_ + 1); // last: who sees the new number sees the new catalog
    }
    if (status != ERROR_SUCCESS) {
        write(after_, before_); // its errors too would be told by `status`
    }
    return status;
}

} // namespace winsock_spi::wine
