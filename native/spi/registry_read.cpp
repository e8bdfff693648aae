// Reading the registry into a RegistryTree, and comparing trees.
#include "registry.hpp"

#include <sddl.h>

#include <algorithm>
#include <cstring>

#include "text.hpp"

namespace winsock_spi::spi {
namespace {

constexpr unsigned max_depth = 16;                  // Winsock's own keys are four deep
constexpr std::size_t max_value_size = 1024 * 1024; // the registry's own advice for the size of one value
constexpr std::size_t max_keys = 65536;

template <typename Items>
auto find_value(Items& values, std::wstring_view name) -> decltype(&values[0]) {
    for (auto& value : values) {
        if (equal_names(value.name, name)) {
            return &value;
        }
    }
    return nullptr;
}

template <typename Items>
auto find_key(Items& keys, std::wstring_view name) -> decltype(&keys[0].tree) {
    for (auto& [key, tree] : keys) {
        if (equal_names(key, name)) {
            return &tree;
        }
    }
    return nullptr;
}

Status read_values(HKEY key, const std::wstring& path, RegistryTree& tree) {
    std::vector<wchar_t> name(16384); // the longest value name is 16383 units
    std::vector<std::uint8_t> data(4096);
    for (DWORD index = 0;;) {
        DWORD name_length = static_cast<DWORD>(name.size());
        DWORD size = static_cast<DWORD>(data.size());
        DWORD type = 0;
        const LSTATUS error = RegEnumValueW(key, index, name.data(), &name_length, nullptr, &type, data.data(), &size);
        if (error == ERROR_NO_MORE_ITEMS) {
            return {};
        }
        if (error == ERROR_MORE_DATA && data.size() < max_value_size) {
            data.resize(std::min(std::max<std::size_t>(size, data.size() * 2), max_value_size));
            continue;
        }
        if (error != ERROR_SUCCESS) {
            return system_error(static_cast<std::uint32_t>(error), "RegEnumValueW", narrow(path));
        }
        tree.values.push_back({std::wstring(name.data(), name_length), type, {data.begin(), data.begin() + size}});
        ++index;
    }
}

// The security descriptor tells who could have changed the catalog; a key whose descriptor may not be read is still
// worth reading.
std::string read_security(HKEY key) {
    constexpr SECURITY_INFORMATION parts =
        OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    DWORD size = 0;
    if (RegGetKeySecurity(key, parts, nullptr, &size) != ERROR_INSUFFICIENT_BUFFER || size > 65536) {
        return {};
    }
    std::vector<std::uint8_t> descriptor(size);
    if (RegGetKeySecurity(key, parts, descriptor.data(), &size) != ERROR_SUCCESS) {
        return {};
    }
    wchar_t* text = nullptr;
    if (!ConvertSecurityDescriptorToStringSecurityDescriptorW(descriptor.data(), SDDL_REVISION_1, parts, &text,
                                                              nullptr)) {
        return {};
    }
    const UniqueLocal owner(text);
    return narrow(text);
}

Status read_key(HKEY parent, const std::wstring& name, const std::wstring& path, unsigned depth, RegistryTree& tree) {
    if (depth > max_depth) {
        return own_error("ERR_REGISTRY_TOO_DEEP", "the registry below " + narrow(path) + " is nested too deeply");
    }
    UniqueKey key;
    const LSTATUS error = RegOpenKeyExW(parent, name.c_str(), REG_OPTION_OPEN_LINK, KEY_READ, key.put());
    if (error != ERROR_SUCCESS) {
        return system_error(static_cast<std::uint32_t>(error), "RegOpenKeyExW", narrow(path));
    }
    if (Status status = read_values(key.get(), path, tree); !status.ok()) {
        return status;
    }
    tree.security = read_security(key.get());
    wchar_t child[256]; // the longest key name is 255 units
    for (DWORD index = 0;; ++index) {
        DWORD length = static_cast<DWORD>(std::size(child));
        const LSTATUS next = RegEnumKeyExW(key.get(), index, child, &length, nullptr, nullptr, nullptr, nullptr);
        if (next == ERROR_NO_MORE_ITEMS) {
            return {};
        }
        if (next != ERROR_SUCCESS) {
            return system_error(static_cast<std::uint32_t>(next), "RegEnumKeyExW", narrow(path));
        }
        if (index >= max_keys) {
            return own_error("ERR_REGISTRY_TOO_LARGE", narrow(path) + " has too many keys");
        }
        if (is_access_key(path, std::wstring_view(child, length))) {
            continue;
        }
        tree.keys.push_back({std::wstring(child, length), {}});
        Status status =
            read_key(key.get(), tree.keys.back().name, path + L"\\" + child, depth + 1, tree.keys.back().tree);
        if (!status.ok()) {
            if (status.number == ERROR_FILE_NOT_FOUND) { // deleted between the two calls
                tree.keys.pop_back();
                continue;
            }
            return status;
        }
    }
}

} // namespace

const RegistryValue* RegistryTree::value(std::wstring_view name) const {
    return find_value(values, name);
}
const RegistryTree* RegistryTree::key(std::wstring_view name) const {
    return find_key(keys, name);
}
RegistryValue* RegistryTree::value(std::wstring_view name) {
    return find_value(values, name);
}
RegistryTree* RegistryTree::key(std::wstring_view name) {
    return find_key(keys, name);
}

std::uint32_t RegistryTree::dword(std::wstring_view name, std::uint32_t missing) const {
    const RegistryValue* found = value(name);
    if (found == nullptr || found->type != REG_DWORD || found->data.size() != 4) {
        return missing;
    }
    return found->data[0] | static_cast<std::uint32_t>(found->data[1]) << 8 |
           static_cast<std::uint32_t>(found->data[2]) << 16 | static_cast<std::uint32_t>(found->data[3]) << 24;
}

void RegistryTree::set_dword(std::wstring_view name, std::uint32_t number) {
    RegistryValue* found = value(name);
    if (found == nullptr) {
        values.push_back({std::wstring(name), REG_DWORD, {}});
        found = &values.back();
    }
    found->type = REG_DWORD;
    found->data = {static_cast<std::uint8_t>(number), static_cast<std::uint8_t>(number >> 8),
                   static_cast<std::uint8_t>(number >> 16), static_cast<std::uint8_t>(number >> 24)};
}

std::wstring RegistryTree::text(std::wstring_view name) const {
    const RegistryValue* found = value(name);
    if (found == nullptr || (found->type != REG_SZ && found->type != REG_EXPAND_SZ)) {
        return {};
    }
    std::wstring text(found->data.size() / sizeof(wchar_t), L'\0');
    std::memcpy(text.data(), found->data.data(), text.size() * sizeof(wchar_t));
    return text.substr(0, text.find(L'\0'));
}

bool same_contents(const RegistryTree& a, const RegistryTree& b) {
    if (a.values.size() != b.values.size() || a.keys.size() != b.keys.size()) {
        return false;
    }
    for (const RegistryValue& value : a.values) {
        const RegistryValue* other = b.value(value.name);
        if (other == nullptr || other->type != value.type || other->data != value.data) {
            return false;
        }
    }
    for (const auto& [name, tree] : a.keys) {
        const RegistryTree* other = b.key(name);
        if (other == nullptr || !same_contents(tree, *other)) {
            return false;
        }
    }
    return true;
}

bool is_access_key(std::wstring_view parent_path, std::wstring_view name) {
    const std::wstring_view parent = parent_path.substr(parent_path.find_last_of(L'\\') + 1);
    return name.size() == 8 && name.find_first_not_of(L"0123456789ABCDEFabcdef") == std::wstring_view::npos &&
           (equal_names(parent, L"Protocol_Catalog9") || equal_names(parent, L"NameSpace_Catalog5"));
}

Status read_tree(const std::wstring& path, RegistryTree& tree) {
    return read_key(HKEY_LOCAL_MACHINE, path, L"HKLM\\" + path, 0, tree);
}

} // namespace winsock_spi::spi
