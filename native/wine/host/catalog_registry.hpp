// Where Windows keeps the protocol catalog in the registry, and the few registry operations the catalog needs.
//
//   HKLM\SYSTEM\CurrentControlSet\Services\WinSock2\Parameters\Protocol_Catalog9
//     Num_Catalog_Entries, Num_Catalog_Entries64, Next_Catalog_Entry_ID, Serial_Access_Num   REG_DWORD
//     Catalog_Entries\000000000001...    32-bit programs      PackedCatalogItem   REG_BINARY, 888 bytes
//     Catalog_Entries64\000000000001...  64-bit programs
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "catalog.hpp"

namespace winsock_spi::wine {

inline constexpr wchar_t winsock_parameters[] = L"SYSTEM\\CurrentControlSet\\Services\\WinSock2\\Parameters";
inline constexpr wchar_t protocol_catalog[] =
    L"SYSTEM\\CurrentControlSet\\Services\\WinSock2\\Parameters\\Protocol_Catalog9";
inline constexpr wchar_t serial_value[] = L"Serial_Access_Num";
inline constexpr wchar_t next_id_value[] = L"Next_Catalog_Entry_ID";
inline constexpr wchar_t item_value[] = L"PackedCatalogItem";

// The first id Windows gives.
inline constexpr std::uint32_t first_catalog_entry_id = 1001;

constexpr const wchar_t* entries_key_name(Bitness bitness) noexcept {
    return bitness == Bitness::bits64 ? L"Catalog_Entries64" : L"Catalog_Entries";
}

constexpr const wchar_t* entry_count_name(Bitness bitness) noexcept {
    return bitness == Bitness::bits64 ? L"Num_Catalog_Entries64" : L"Num_Catalog_Entries";
}

// "000000000001" for index 0.
std::wstring entry_key_name(std::size_t index);

// A registry error as the WSC functions report it: WSA_NOT_ENOUGH_MEMORY, else WSANO_RECOVERY ("the user lacks the
// privileges, or a failure occurred when opening or writing a catalog entry"); 0 stays 0.
int winsock_error(LSTATUS status) noexcept;

// A value with its type and bytes as they are.
struct RegistryValue {
    std::wstring name;
    DWORD type;
    std::vector<BYTE> data;

    friend bool operator==(const RegistryValue&, const RegistryValue&) = default;
};

// An open registry key. Functions return a Win32 error code (ERROR_SUCCESS = 0).
class RegistryKey {
public:
    RegistryKey() = default;
    ~RegistryKey() { close(); }
    RegistryKey(RegistryKey&& other) noexcept : key_(other.key_) { other.key_ = nullptr; }
    RegistryKey& operator=(RegistryKey&& other) noexcept;
    RegistryKey(const RegistryKey&) = delete;
    RegistryKey& operator=(const RegistryKey&) = delete;

    // `access` is KEY_READ or KEY_READ | KEY_WRITE. The 64-bit view is always meant: System is not redirected under
    // WOW64 today, and must not be read elsewhere if that changes.
    LSTATUS open(HKEY parent, const wchar_t* path, REGSAM access) noexcept;
    LSTATUS create(HKEY parent, const wchar_t* path, bool& made) noexcept;
    void close() noexcept;

    bool is_open() const noexcept { return key_ != nullptr; }
    HKEY get() const noexcept { return key_; }

    // Anything but a REG_DWORD of 4 bytes is ERROR_INVALID_DATA.
    LSTATUS read(const wchar_t* name, std::uint32_t& value) const noexcept;
    LSTATUS read(const wchar_t* name, core::PackedCatalogItem& item) const noexcept;
    LSTATUS write(const wchar_t* name, std::uint32_t value) const noexcept;
    LSTATUS write(const wchar_t* name, const wchar_t* text) const noexcept;
    LSTATUS write(const wchar_t* name, const void* bytes, std::size_t size) const noexcept;
    // A text value; environment strings in it stay as they are. ERROR_INVALID_DATA for other types.
    LSTATUS read(const wchar_t* name, std::wstring& text) const;
    LSTATUS read_all(std::vector<RegistryValue>& values) const;
    LSTATUS write(const RegistryValue& value) const noexcept;
    LSTATUS remove_value(const wchar_t* name) const noexcept;
    // Names of the key's values or subkeys.
    LSTATUS list_values(std::vector<std::wstring>& names) const;
    LSTATUS list_keys(std::vector<std::wstring>& names) const;
    // With everything below it.
    LSTATUS remove(const wchar_t* subkey) const noexcept;

private:
    HKEY key_ = nullptr;
};

// All items of a bitness, in catalog order, each checked. `root` is the Protocol_Catalog9 key.
// Keys above the counted ones are not read, as on Windows: a writer that died while adding leaves such keys behind,
// and the catalog is whole without them.
LSTATUS read_items(const RegistryKey& root, Bitness bitness, std::vector<core::PackedCatalogItem>& items);

// One at a time over all processes of the machine: writers always, readers while they read a whole catalog (a reader
// that cannot have it in time reads without; what it reads is checked anyway).
class CatalogLock {
public:
    CatalogLock() = default;
    ~CatalogLock();
    CatalogLock(const CatalogLock&) = delete;
    CatalogLock& operator=(const CatalogLock&) = delete;

    // Win32 error code; ERROR_TIMEOUT after three minutes, the time that Windows gives a catalog writer.
    LSTATUS acquire() noexcept;

private:
    HANDLE mutex_ = nullptr;
};

} // namespace winsock_spi::wine
