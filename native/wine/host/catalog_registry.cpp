// The catalog's registry operations.
#include "catalog_registry.hpp"

#include <cwchar>

namespace winsock_spi::wine {

namespace {

// Visible to every session, because the catalog is the machine's.
constexpr wchar_t lock_name[] = L"Global\\WinSock2-Protocol_Catalog9";
constexpr DWORD lock_patience_ms = 180'000;
constexpr std::size_t longest_value_name = 16383;

} // namespace

std::wstring entry_key_name(std::size_t index) {
    wchar_t name[24];
    swprintf(name, sizeof(name) / sizeof(name[0]), L"%012lu", static_cast<unsigned long>(index + 1));
    return name;
}

int winsock_error(LSTATUS status) noexcept {
    switch (status) {
    case ERROR_SUCCESS: return 0;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY: return WSA_NOT_ENOUGH_MEMORY;
    default: return WSANO_RECOVERY;
    }
}

RegistryKey& RegistryKey::operator=(RegistryKey&& other) noexcept {
    if (this != &other) {
        close();
        key_ = other.key_;
        other.key_ = nullptr;
    }
    return *this;
}

void RegistryKey::close() noexcept {
    if (key_ != nullptr) {
        RegCloseKey(key_);
        key_ = nullptr;
    }
}

LSTATUS RegistryKey::open(HKEY parent, const wchar_t* path, REGSAM access) noexcept {
    close();
    return RegOpenKeyExW(parent, path, 0, access | KEY_WOW64_64KEY, &key_);
}

LSTATUS RegistryKey::create(HKEY parent, const wchar_t* path, bool& made) noexcept {
    close();
    DWORD disposition = 0;
    const LSTATUS status = RegCreateKeyExW(parent, path, 0, nullptr, REG_OPTION_NON_VOLATILE,
                                           KEY_READ | KEY_WRITE | KEY_WOW64_64KEY, nullptr, &key_, &disposition);
    made = status == ERROR_SUCCESS && disposition == REG_CREATED_NEW_KEY;
    return status;
}

LSTATUS RegistryKey::read(const wchar_t* name, std::uint32_t& value) const noexcept {
    DWORD type = 0;
    DWORD data = 0;
    DWORD size = sizeof(data);
    const LSTATUS status = RegQueryValueExW(key_, name, nullptr, &type, reinterpret_cast<BYTE*>(&data), &size);
    if (status == ERROR_MORE_DATA || (status == ERROR_SUCCESS && (type != REG_DWORD || size != sizeof(data)))) {
        return ERROR_INVALID_DATA;
    }
    if (status == ERROR_SUCCESS) {
        value = data;
    }
    return status;
}

LSTATUS RegistryKey::read(const wchar_t* name, core::PackedCatalogItem& item) const noexcept {
    BYTE bytes[sizeof(core::PackedCatalogItem)];
    DWORD type = 0;
    DWORD size = sizeof(bytes);
    const LSTATUS status = RegQueryValueExW(key_, name, nullptr, &type, bytes, &size);
    if (status == ERROR_MORE_DATA) {
        return ERROR_INVALID_DATA;
    }
    if (status != ERROR_SUCCESS) {
        return status;
    }
    if (type != REG_BINARY || core::decode_item(bytes, size, item) != core::ItemFault::none) {
        return ERROR_INVALID_DATA;
    }
    return ERROR_SUCCESS;
}

LSTATUS RegistryKey::write(const wchar_t* name, std::uint32_t value) const noexcept {
    const DWORD data = value;
    return RegSetValueExW(key_, name, 0, REG_DWORD, reinterpret_cast<const BYTE*>(&data), sizeof(data));
}

LSTATUS RegistryKey::write(const wchar_t* name, const wchar_t* text) const noexcept {
    const std::size_t size = (std::wcslen(text) + 1) * sizeof(wchar_t);
    return RegSetValueExW(key_, name, 0, REG_SZ, reinterpret_cast<const BYTE*>(text), static_cast<DWORD>(size));
}

LSTATUS RegistryKey::write(const wchar_t* name, const void* bytes, std::size_t size) const noexcept {
    return RegSetValueExW(key_, name, 0, REG_BINARY, static_cast<const BYTE*>(bytes), static_cast<DWORD>(size));
}

LSTATUS RegistryKey::read(const wchar_t* name, std::wstring& text) const {
    DWORD type = 0;
    DWORD size = 0;
    LSTATUS status = RegQueryValueExW(key_, name, nullptr, &type, nullptr, &size);
    std::wstring read;
    while (status == ERROR_SUCCESS && (type == REG_SZ || type == REG_EXPAND_SZ)) {
        read.assign(size / sizeof(wchar_t) + 1, L'\0');
        size = static_cast<DWORD>(read.size() * sizeof(wchar_t));
        status = RegQueryValueExW(key_, name, nullptr, &type, reinterpret_cast<BYTE*>(read.data()), &size);
        if (status == ERROR_SUCCESS) {
            text.assign(read, 0, wcsnlen(read.c_str(), size / sizeof(wchar_t)));
            return ERROR_SUCCESS;
        }
        if (status == ERROR_MORE_DATA) {
            status = ERROR_SUCCESS; // it has grown meanwhile
        }
    }
    return status == ERROR_SUCCESS ? ERROR_INVALID_DATA : status;
}

LSTATUS RegistryKey::read_all(std::vector<RegistryValue>& values) const {
    values.clear();
    std::vector<std::wstring> names;
    LSTATUS status = list_values(names);
    for (const std::wstring& name : names) {
        RegistryValue value{name, 0, {}};
        do {
            DWORD size = static_cast<DWORD>(value.data.size());
            status = RegQueryValueExW(key_, name.c_str(), nullptr, &value.type,
                                      value.data.empty() ? nullptr : value.data.data(), &size);
            if (status == ERROR_SUCCESS && value.data.empty() && size != 0) {
                status = ERROR_MORE_DATA; // asked without room, for the size
            }
            value.data.resize(size);
        } while (status == ERROR_MORE_DATA);
        if (status != ERROR_SUCCESS) {
            return status;
        }
        values.push_back(std::move(value));
    }
    return status;
}

LSTATUS RegistryKey::write(const RegistryValue& value) const noexcept {
    return RegSetValueExW(key_, value.name.c_str(), 0, value.type, value.data.data(),
                          static_cast<DWORD>(value.data.size()));
}

LSTATUS RegistryKey::remove_value(const wchar_t* name) const noexcept {
    return RegDeleteValueW(key_, name);
}

LSTATUS RegistryKey::list_values(std::vector<std::wstring>& names) const {
    names.clear();
    std::wstring name(longest_value_name + 1, L'\0');
    for (DWORD index = 0;; ++index) {
        DWORD length = static_cast<DWORD>(name.size());
        const LSTATUS status = RegEnumValueW(key_, index, name.data(), &length, nullptr, nullptr, nullptr, nullptr);
        if (status != ERROR_SUCCESS) {
            return status == ERROR_NO_MORE_ITEMS ? ERROR_SUCCESS : status;
        }
        names.emplace_back(name, 0, length);
    }
}

LSTATUS RegistryKey::list_keys(std::vector<std::wstring>& names) const {
    names.clear();
    wchar_t name[256]; // the longest name of a key is 255
    for (DWORD index = 0;; ++index) {
        DWORD length = 256;
        const LSTATUS status = RegEnumKeyExW(key_, index, name, &length, nullptr, nullptr, nullptr, nullptr);
        if (status != ERROR_SUCCESS) {
            return status == ERROR_NO_MORE_ITEMS ? ERROR_SUCCESS : status;
        }
        names.emplace_back(name, length);
    }
}

LSTATUS RegistryKey::remove(const wchar_t* subkey) const noexcept {
    return RegDeleteTreeW(key_, subkey);
}

LSTATUS read_items(const RegistryKey& root, Bitness bitness, std::vector<core::PackedCatalogItem>& items) {
    items.clear();
    std::uint32_t count = 0;
    LSTATUS status = root.read(entry_count_name(bitness), count);
    if (status != ERROR_SUCCESS) {
        return status;
    }
    RegistryKey entries;
    status = entries.open(root.get(), entries_key_name(bitness), KEY_READ);
    if (status != ERROR_SUCCESS) {
        return status;
    }
    // Nothing is reserved from `count`: it may be any number, and the first missing key ends the reading.
    for (std::uint32_t index = 0; index < count; ++index) {
        RegistryKey entry;
        status = entry.open(entries.get(), entry_key_name(index).c_str(), KEY_READ);
        if (status != ERROR_SUCCESS) {
            return status;
        }
        core::PackedCatalogItem item;
        status = entry.read(item_value, item);
        if (status != ERROR_SUCCESS) {
            return status;
        }
        items.push_back(item);
    }
    return ERROR_SUCCESS;
}

CatalogLock::~CatalogLock() {
    if (mutex_ != nullptr) {
        ReleaseMutex(mutex_);
        CloseHandle(mutex_);
    }
}

LSTATUS CatalogLock::acquire() noexcept {
    const HANDLE mutex = CreateMutexW(nullptr, FALSE, lock_name);
    if (mutex == nullptr) {
        return static_cast<LSTATUS>(GetLastError());
    }
    const DWORD outcome = WaitForSingleObject(mutex, lock_patience_ms);
    // Abandoned: the writer died. Every state that a writer passes through can be read, so going on is right.
    if (outcome == WAIT_OBJECT_0 || outcome == WAIT_ABANDONED) {
        mutex_ = mutex;
        return ERROR_SUCCESS;
    }
    const LSTATUS status = outcome == WAIT_TIMEOUT ? ERROR_TIMEOUT : static_cast<LSTATUS>(GetLastError());
    CloseHandle(mutex);
    return status;
}

} // namespace winsock_spi::wine
