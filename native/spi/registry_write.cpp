// Making a registry key exactly like a tree.
#include "registry.hpp"

#include <algorithm>

#include "security.hpp"
#include "text.hpp"
#include "write_points.hpp"

namespace winsock_spi::spi {
namespace {

Status error_of(LSTATUS error, const char* syscall, const std::wstring& path) {
    return system_error(static_cast<std::uint32_t>(error), syscall, narrow(path));
}

Status open_or_create(const std::wstring& path, const std::string& security, UniqueKey& key, WritePoints& points) {
    LSTATUS error = RegOpenKeyExW(HKEY_LOCAL_MACHINE, path.c_str(), 0, KEY_READ | KEY_WRITE, key.put());
    if (error != ERROR_FILE_NOT_FOUND) {
        return error == ERROR_SUCCESS ? Status{} : error_of(error, "RegOpenKeyExW", path);
    }
    SecurityAttributes attributes(widen(security).c_str());
    if (!security.empty() && attributes.get() == nullptr) {
        return own_error("ERR_BACKUP_CORRUPT", "the security descriptor of " + narrow(path) + " is not SDDL");
    }
    points.next();
    error = RegCreateKeyExW(HKEY_LOCAL_MACHINE, path.c_str(), 0, nullptr, REG_OPTION_NON_VOLATILE, KEY_READ | KEY_WRITE,
                            security.empty() ? nullptr : attributes.get(), key.put(), nullptr);
    return error == ERROR_SUCCESS ? Status{} : error_of(error, "RegCreateKeyExW", path);
}

Status write_values(HKEY key, const std::wstring& path, const RegistryTree& tree, const RegistryTree& current,
                    WritePoints& points) {
    for (const RegistryValue& value : current.values) {
        if (tree.value(value.name) == nullptr) {
            points.next();
            if (const LSTATUS error = RegDeleteValueW(key, value.name.c_str()); error != ERROR_SUCCESS) {
                return error_of(error, "RegDeleteValueW", path + L"\\" + value.name);
            }
        }
    }
    // Readers look at the serial number to learn that something has changed: it comes last.
    std::vector<const RegistryValue*> ordered;
    for (const RegistryValue& value : tree.values) {
        ordered.push_back(&value);
    }
    std::stable_partition(ordered.begin(), ordered.end(),
                          [](const RegistryValue* value) { return !equal_names(value->name, L"Serial_Access_Num"); });
    for (const RegistryValue* value : ordered) {
        const RegistryValue* old = current.value(value->name);
        if (old != nullptr && old->type == value->type && old->data == value->data) {
            continue;
        }
        points.next();
        const LSTATUS error = RegSetValueExW(key, value->name.c_str(), 0, value->type, value->data.data(),
                                             static_cast<DWORD>(value->data.size()));
        if (error != ERROR_SUCCESS) {
            return error_of(error, "RegSetValueExW", path + L"\\" + value->name);
        }
    }
    return {};
}

Status write_key(const std::wstring& path, const RegistryTree& tree, const RegistryTree& current, WritePoints& points) {
    UniqueKey key;
    if (Status status = open_or_create(path, tree.security, key, points); !status.ok()) {
        return status;
    }
    for (const auto& [name, child] : current.keys) {
        if (tree.key(name) == nullptr) {
            if (Status status = delete_tree(path + L"\\" + name, points); !status.ok()) {
                return status;
            }
        }
    }
    static const RegistryTree nothing;
    for (const auto& [name, child] : tree.keys) {
        if (is_access_key(path, name)) {
            continue;
        }
        const RegistryTree* old = current.key(name);
        Status status = write_key(path + L"\\" + name, child, old != nullptr ? *old : nothing, points);
        if (!status.ok()) {
            return status;
        }
    }
    return write_values(key.get(), path, tree, current, points);
}

} // namespace

Status write_tree(const std::wstring& path, const RegistryTree& tree, WritePoints& points) {
    RegistryTree current;
    if (Status status = read_tree(path, current); !status.ok() && status.number != ERROR_FILE_NOT_FOUND) {
        return status;
    }
    return write_key(path, tree, current, points);
}

Status delete_tree(const std::wstring& path, WritePoints& points) {
    RegistryTree tree;
    if (Status status = read_tree(path, tree); !status.ok()) {
        return status.number == ERROR_FILE_NOT_FOUND ? Status{} : status;
    }
    for (const auto& [name, child] : tree.keys) {
        if (Status status = delete_tree(path + L"\\" + name, points); !status.ok()) {
            return status;
        }
    }
    points.next();
    const LSTATUS error = RegDeleteKeyW(HKEY_LOCAL_MACHINE, path.c_str());
    return error == ERROR_SUCCESS || error == ERROR_FILE_NOT_FOUND ? Status{} : error_of(error, "RegDeleteKeyW", path);
}

Status flush_registry(const std::wstring& path) {
    UniqueKey key;
    LSTATUS error = RegOpenKeyExW(HKEY_LOCAL_MACHINE, path.c_str(), 0, KEY_READ, key.put());
    if (error != ERROR_SUCCESS) {
        return error_of(error, "RegOpenKeyExW", path);
    }
    error = RegFlushKey(key.get());
    return error == ERROR_SUCCESS ? Status{} : error_of(error, "RegFlushKey", path);
}

} // namespace winsock_spi::spi
