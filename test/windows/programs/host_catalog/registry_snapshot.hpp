// Everything below a registry key, to be compared and to be put back exactly.
#pragma once

#include <winsock2.h>
#include <windows.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

inline constexpr wchar_t winsock_parameters[] = L"SYSTEM\\CurrentControlSet\\Services\\WinSock2\\Parameters";
inline constexpr wchar_t protocol_catalog[] =
    L"SYSTEM\\CurrentControlSet\\Services\\WinSock2\\Parameters\\Protocol_Catalog9";

struct RegistryValue {
    DWORD type = 0;
    std::vector<BYTE> data;
    friend bool operator==(const RegistryValue&, const RegistryValue&) = default;
};

struct RegistryTree {
    std::map<std::wstring, RegistryValue> values;
    std::map<std::wstring, RegistryTree> keys;
    friend bool operator==(const RegistryTree&, const RegistryTree&) = default;
};

class Key {
public:
    explicit Key(HKEY parent, const std::wstring& path, bool create = false) {
        if (create) {
            RegCreateKeyExW(parent, path.c_str(), 0, nullptr, 0, KEY_ALL_ACCESS | KEY_WOW64_64KEY, nullptr, &key_,
                            nullptr);
        } else {
            RegOpenKeyExW(parent, path.c_str(), 0, KEY_ALL_ACCESS | KEY_WOW64_64KEY, &key_);
        }
    }
    ~Key() {
        if (key_ != nullptr) {
            RegCloseKey(key_);
        }
    }
    Key(const Key&) = delete;
    Key& operator=(const Key&) = delete;
    HKEY get() const { return key_; }
    bool is_open() const { return key_ != nullptr; }

private:
    HKEY key_ = nullptr;
};

inline RegistryTree read_tree(HKEY key) {
    RegistryTree tree;
    for (DWORD index = 0;; ++index) {
        wchar_t name[512];
        DWORD name_length = 512;
        DWORD type = 0;
        DWORD size = 0;
        if (RegEnumValueW(key, index, name, &name_length, nullptr, &type, nullptr, &size) != ERROR_SUCCESS) {
            break;
        }
        RegistryValue value{type, std::vector<BYTE>(size)};
        RegQueryValueExW(key, name, nullptr, &value.type, value.data.data(), &size);
        tree.values[name] = value;
    }
    for (DWORD index = 0;; ++index) {
        wchar_t name[512];
        DWORD name_length = 512;
        if (RegEnumKeyExW(key, index, name, &name_length, nullptr, nullptr, nullptr, nullptr) != ERROR_SUCCESS) {
            break;
        }
        const Key below(key, name);
        if (below.is_open()) {
            tree.keys[name] = read_tree(below.get());
        }
    }
    return tree;
}

// Only what differs is written: a program that dies here leaves as much as possible in place.
inline void write_tree(HKEY key, const RegistryTree& wanted) {
    const RegistryTree found = read_tree(key);
    for (const auto& [name, value] : found.values) {
        if (!wanted.values.contains(name)) {
            RegDeleteValueW(key, name.c_str());
        }
    }
    for (const auto& [name, below] : found.keys) {
        if (!wanted.keys.contains(name)) {
            RegDeleteTreeW(key, name.c_str());
        }
    }
    for (const auto& [name, value] : wanted.values) {
        const auto now = found.values.find(name);
        if (now == found.values.end() || now->second != value) {
            RegSetValueExW(key, name.c_str(), 0, value.type, value.data.data(), static_cast<DWORD>(value.data.size()));
        }
    }
    for (const auto& [name, below] : wanted.keys) {
        const Key child(key, name, true);
        if (child.is_open()) {
            write_tree(child.get(), below);
        }
    }
}

inline RegistryTree read_parameters() {
    const Key key(HKEY_LOCAL_MACHINE, winsock_parameters);
    return key.is_open() ? read_tree(key.get()) : RegistryTree{};
}

// The same without the two values that every change moves on.
inline RegistryTree without_counters(RegistryTree tree) {
    RegistryTree& catalog = tree.keys[L"Protocol_Catalog9"];
    catalog.values.erase(L"Serial_Access_Num");
    catalog.values.erase(L"Next_Catalog_Entry_ID");
    return tree;
}

inline std::uint32_t catalog_number(const wchar_t* name) {
    const Key key(HKEY_LOCAL_MACHINE, protocol_catalog);
    DWORD value = 0;
    DWORD size = sizeof(value);
    RegQueryValueExW(key.get(), name, nullptr, nullptr, reinterpret_cast<BYTE*>(&value), &size);
    return value;
}

inline void set_catalog_number(const wchar_t* name, std::uint32_t number) {
    const Key key(HKEY_LOCAL_MACHINE, protocol_catalog);
    const DWORD value = number;
    RegSetValueExW(key.get(), name, 0, REG_DWORD, reinterpret_cast<const BYTE*>(&value), sizeof(value));
}

// Puts the Winsock parameters back when it goes, whatever happened. The serial number does not go back: a program that
// has read the catalog in between must see that it has changed.
class ParametersGuard {
public:
    ParametersGuard() : before_(read_parameters()) {}
    ~ParametersGuard() { restore(); }
    ParametersGuard(const ParametersGuard&) = delete;
    ParametersGuard& operator=(const ParametersGuard&) = delete;

    const RegistryTree& before() const { return before_; }

    void restore() {
        serial_ = std::max(serial_, catalog_number(L"Serial_Access_Num"));
        if (read_parameters() == before_) {
            return;
        }
        const Key key(HKEY_LOCAL_MACHINE, winsock_parameters, true);
        write_tree(key.get(), before_);
        set_catalog_number(L"Serial_Access_Num", ++serial_);
    }

private:
    RegistryTree before_;
    std::uint32_t serial_ = 0;
};
