// The registry below WinSock2\Parameters as a tree: read it whole, make a key exactly like a tree again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "status.hpp"
#include "unique.hpp"

namespace winsock_spi::spi {

// Below HKEY_LOCAL_MACHINE. HKLM\SYSTEM is one and the same for 32-bit and 64-bit programs.
inline constexpr wchar_t winsock_parameters[] = L"SYSTEM\\CurrentControlSet\\Services\\WinSock2\\Parameters";

struct RegistryValue {
    std::wstring name; // empty = the key's default value
    std::uint32_t type = 0; // REG_*
    std::vector<std::uint8_t> data;

    friend bool operator==(const RegistryValue&, const RegistryValue&) = default;
};

struct RegistrySubkey;

struct RegistryTree {
    std::vector<RegistryValue> values;
    std::vector<RegistrySubkey> keys; // in the registry's order, which is by name
    std::string security;             // SDDL of owner, group and DACL; empty = not known

    const RegistryValue* value(std::wstring_view name) const;
    const RegistryTree* key(std::wstring_view name) const;
    RegistryValue* value(std::wstring_view name);
    RegistryTree* key(std::wstring_view name);
    // The REG_DWORD of that name; `missing` where there is none.
    std::uint32_t dword(std::wstring_view name, std::uint32_t missing = 0) const;
    void set_dword(std::wstring_view name, std::uint32_t number);
    // The REG_SZ or REG_EXPAND_SZ of that name up to its NUL, if it has one; empty where there is none.
    std::wstring text(std::wstring_view name) const;
};

struct RegistrySubkey {
    std::wstring name;
    RegistryTree tree;
};

// Equal in every value and key, whatever their order; security is not compared.
bool same_contents(const RegistryTree& a, const RegistryTree& b);

// While Winsock changes a catalog it keeps a volatile key below it, named by the serial number in 8 hexadecimal digits.
// Such a key is a lock and no contents: reading leaves it out, writing leaves it alone.

// Reads a key of HKLM and everything below it. A key that is not there: ERROR_FILE_NOT_FOUND.
Status read_tree(const std::wstring& path, RegistryTree& tree);

class WritePoints;
bool is_access_key(std::wstring_view parent_path, std::wstring_view name);

// Makes the key of HKLM exactly like the tree: what differs is written, what the tree does not have is deleted. Keys
// that exist keep their security; new ones get the tree's, or inherit where it says none. Nothing is written where
// nothing differs.
Status write_tree(const std::wstring& path, const RegistryTree& tree, WritePoints& points);

// Deletes a key of HKLM and everything below it; not being there is fine.
Status delete_tree(const std::wstring& path, WritePoints& points);

// Has what was changed below a key of HKLM on the disk before it returns.
Status flush_registry(const std::wstring& path);

} // namespace winsock_spi::spi
