#include "namespaces.hpp"

#include <cstring>

#include "catalog_items.hpp"
#include "text.hpp"

namespace winsock_spi::spi {
namespace {

using Startup = int(WSAAPI*)(WORD, LPWSADATA);
using Cleanup = int(WSAAPI*)();
using Enumerate = INT(WSAAPI*)(LPDWORD, LPWSANAMESPACE_INFOEXW);
using Install = INT(WSPAPI*)(LPWSTR, LPWSTR, DWORD, DWORD, LPGUID);
using InstallEx = INT(WSPAPI*)(LPWSTR, LPWSTR, DWORD, DWORD, LPGUID, LPBLOB);
using Uninstall = INT(WSPAPI*)(LPGUID);
using Enable = INT(WSPAPI*)(LPGUID, BOOL);
using WriteOrder = int(WSPAPI*)(LPGUID, DWORD);

static_assert(sizeof(GUID) == sizeof(core::Guid));

GUID to_windows(const core::Guid& guid) {
    GUID out;
    std::memcpy(&out, &guid, sizeof(out));
    return out;
}

// A function in the form for the catalog of that bitness; `name` becomes the one that it has.
template <typename Function>
Status find_for(Winsock& winsock, int bits, Function& function, std::string& name) {
    if (Status status = check_reachable(bits); !status.ok()) {
        return status;
    }
    if (bits != own_bits) {
        name += "32";
    }
    return winsock.find(function, name.c_str());
}

// Winsock started for as long as this lives. Starting it loads no provider.
class Started {
public:
    Status start(Winsock& winsock) {
        Startup startup = nullptr;
        if (Status status = winsock.find(startup, "WSAStartup"); !status.ok()) {
            return status;
        }
        if (Status status = winsock.find(cleanup_, "WSACleanup"); !status.ok()) {
            return status;
        }
        WSADATA data;
        if (const int error = startup(MAKEWORD(2, 2), &data); error != 0) {
            cleanup_ = nullptr;
            return system_error(static_cast<std::uint32_t>(error), "WSAStartup");
        }
        return {};
    }
    Started() = default;
    Started(const Started&) = delete;
    Started& operator=(const Started&) = delete;
    ~Started() {
        if (cleanup_ != nullptr) {
            cleanup_();
        }
    }

private:
    Cleanup cleanup_ = nullptr;
};

} // namespace

Status enum_namespaces(Winsock& winsock, int bits, std::vector<NamespaceEntry>& entries) {
    if (Status status = check_reachable(bits); !status.ok()) {
        return status;
    }
    const char* name = bits != own_bits ? "WSCEnumNameSpaceProvidersEx32" : "WSAEnumNameSpaceProvidersExW";
    Enumerate function = nullptr;
    if (Status status = winsock.find(function, name); !status.ok()) {
        return status;
    }
    Started started;
    if (Status status = started.start(winsock); !status.ok()) {
        return status;
    }
    constexpr DWORD most = 16 * 1024 * 1024;
    std::vector<WSANAMESPACE_INFOEXW> buffer(64); // the strings and blobs come behind the entries, in the same buffer
    int count = SOCKET_ERROR;
    for (int attempt = 0; attempt < 8 && count == SOCKET_ERROR; ++attempt) { // it may grow between two calls
        DWORD size = static_cast<DWORD>(buffer.size() * sizeof(buffer[0]));
        count = function(&size, buffer.data());
        if (count == SOCKET_ERROR) {
            const DWORD error = GetLastError();
            if (error != WSAEFAULT || attempt == 7 || size > most) {
                return system_error(error, name);
            }
            buffer.resize(size / sizeof(buffer[0]) + 16);
        }
    }
    entries.clear();
    for (int i = 0; i < count && static_cast<std::size_t>(i) < buffer.size(); ++i) {
        const WSANAMESPACE_INFOEXW& found = buffer[static_cast<std::size_t>(i)];
        NamespaceEntry entry;
        std::memcpy(&entry.provider, &found.NSProviderId, sizeof(entry.provider));
        entry.name = found.lpszIdentifier != nullptr ? found.lpszIdentifier : L"";
        entry.name_space = found.dwNameSpace;
        entry.version = found.dwVersion;
        entry.enabled = found.fActive != FALSE;
        if (found.ProviderSpecific.pBlobData != nullptr) {
            entry.info.assign(found.ProviderSpecific.pBlobData,
                              found.ProviderSpecific.pBlobData + found.ProviderSpecific.cbSize);
        }
        entries.push_back(std::move(entry));
    }
    return {};
}

Status install_namespace(Winsock& winsock, int bits, const NamespaceEntry& entry, bool with_info) {
    std::string name = with_info ? "WSCInstallNameSpaceEx" : "WSCInstallNameSpace";
    std::wstring identifier = entry.name; // both are taken as writable, and only read
    std::wstring path = entry.path;
    GUID guid = to_windows(entry.provider);
    INT result = 0;
    if (with_info) {
        InstallEx function = nullptr;
        if (Status status = find_for(winsock, bits, function, name); !status.ok()) {
            return status;
        }
        std::vector<std::uint8_t> info = entry.info;
        BLOB blob{static_cast<ULONG>(info.size()), info.data()};
        result = function(identifier.data(), path.data(), entry.name_space, entry.version, &guid, &blob);
    } else {
        Install function = nullptr;
        if (Status status = find_for(winsock, bits, function, name); !status.ok()) {
            return status;
        }
        result = function(identifier.data(), path.data(), entry.name_space, entry.version, &guid);
    }
    return result == 0 ? Status{} : last_error(name.c_str(), narrow(entry.name));
}

Status uninstall_namespace(Winsock& winsock, int bits, const core::Guid& provider) {
    std::string name = "WSCUnInstallNameSpace";
    Uninstall function = nullptr;
    if (Status status = find_for(winsock, bits, function, name); !status.ok()) {
        return status;
    }
    GUID guid = to_windows(provider);
    return function(&guid) == 0 ? Status{} : last_error(name.c_str());
}

Status enable_namespace(Winsock& winsock, int bits, const core::Guid& provider, bool enabled) {
    std::string name = "WSCEnableNSProvider";
    Enable function = nullptr;
    if (Status status = find_for(winsock, bits, function, name); !status.ok()) {
        return status;
    }
    GUID guid = to_windows(provider);
    return function(&guid, enabled ? TRUE : FALSE) == 0 ? Status{} : last_error(name.c_str());
}

Status order_namespaces(Winsock& winsock, int bits, const std::vector<core::Guid>& providers) {
    std::string name = "WSCWriteNameSpaceOrder";
    WriteOrder function = nullptr;
    if (Status status = find_for(winsock, bits, function, name); !status.ok()) {
        return status;
    }
    std::vector<GUID> order;
    for (const core::Guid& provider : providers) {
        order.push_back(to_windows(provider));
    }
    // Answers the error itself, not SOCKET_ERROR.
    const int error = function(order.data(), static_cast<DWORD>(order.size()));
    return error == 0 ? Status{} : system_error(static_cast<std::uint32_t>(error), name.c_str());
}

Status read_namespace_catalog(RegistryTree& catalog) {
    return read_tree(std::wstring(winsock_parameters) + L"\\" + namespace_catalog, catalog);
}

Status decode_namespaces(const RegistryTree& catalog, int bits, std::vector<NamespaceEntry>& entries) {
    entries.clear();
    const std::string where = narrow(namespace_catalog) + "\\" + narrow(entries_key(bits));
    const RegistryTree* items = catalog.key(entries_key(bits));
    if (items == nullptr) {
        return own_error("ERR_CATALOG_DAMAGED", where + " is missing in the registry");
    }
    for (const auto& [name, key] : items->keys) {
        NamespaceEntry entry;
        const RegistryValue* id = key.value(L"ProviderId");
        if (id == nullptr || id->data.size() != sizeof(entry.provider)) {
            return own_error("ERR_CATALOG_DAMAGED",
                             "a namespace entry in the registry cannot be read: " + where + "\\" + narrow(name));
        }
        std::memcpy(&entry.provider, id->data.data(), sizeof(entry.provider));
        entry.name = key.text(L"DisplayString");
        entry.path = key.text(L"LibraryPath");
        entry.name_space = key.dword(L"SupportedNameSpace");
        entry.version = key.dword(L"Version");
        entry.enabled = key.dword(L"Enabled") != 0;
        if (const RegistryValue* info = key.value(L"ProviderInfo")) {
            entry.info = info->data;
        }
        entries.push_back(std::move(entry));
    }
    return {};
}

Status write_namespace_catalog(RegistryTree catalog, WritePoints& points) {
    catalog.set_dword(L"Serial_Access_Num", catalog.dword(L"Serial_Access_Num") + 1);
    return write_tree(std::wstring(winsock_parameters) + L"\\" + namespace_catalog, catalog, points);
}

} // namespace winsock_spi::spi
