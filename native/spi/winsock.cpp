#include "winsock.hpp"

#include <cstring>

namespace winsock_spi::spi {
namespace {

using Enumerate = int(WSPAPI*)(LPINT, LPWSAPROTOCOL_INFOW, LPDWORD, LPINT);
using ProviderPath = int(WSPAPI*)(LPGUID, WCHAR*, LPINT, LPINT);
using InstallOrUpdate = int(WSPAPI*)(LPGUID, const WCHAR*, LPWSAPROTOCOL_INFOW, DWORD, LPINT);
using Deinstall = int(WSPAPI*)(LPGUID, LPINT);
using WriteOrder = int(WSPAPI*)(LPDWORD, DWORD);

static_assert(sizeof(WSAPROTOCOL_INFOW) == sizeof(core::ProtocolInfo));
static_assert(sizeof(GUID) == sizeof(core::Guid));

GUID to_windows(const core::Guid& guid) {
    GUID out;
    std::memcpy(&out, &guid, sizeof(out));
    return out;
}

WSAPROTOCOL_INFOW to_windows(const core::ProtocolInfo& info) {
    WSAPROTOCOL_INFOW out;
    std::memcpy(&out, &info, sizeof(out));
    return out;
}

} // namespace

Status check_reachable(int bits) {
    if (own_bits == 32 && bits == 64) {
        return own_error("ERR_OTHER_BITNESS", "a 32-bit process cannot change the 64-bit catalog");
    }
    return {};
}

Status Winsock::open() {
    if (module_) {
        return {};
    }
    return load_system_library(L"ws2_32.dll", module_);
}

Status Winsock::provider_path(int bits, const core::Guid& provider, std::wstring& path) {
    const bool other = bits != own_bits;
    const char* name = other ? "WSCGetProviderPath32" : "WSCGetProviderPath";
    ProviderPath function = nullptr;
    if (Status status = find(function, name); !status.ok()) {
        return status;
    }
    GUID guid = to_windows(provider);
    wchar_t buffer[MAX_PATH];
    INT length = MAX_PATH;
    INT error = 0;
    if (function(&guid, buffer, &length, &error) == SOCKET_ERROR) {
        return system_error(static_cast<std::uint32_t>(error), name);
    }
    buffer[MAX_PATH - 1] = L'\0';
    path = buffer;
    return {};
}

Status Winsock::enumerate(int bits, std::vector<CatalogEntry>& entries) {
    if (Status status = check_reachable(bits); !status.ok()) {
        return status;
    }
    const bool other = bits != own_bits;
    const char* name = other ? "WSCEnumProtocols32" : "WSCEnumProtocols";
    Enumerate function = nullptr;
    if (Status status = find(function, name); !status.ok()) {
        return status;
    }
    std::vector<WSAPROTOCOL_INFOW> infos(32);
    int count = SOCKET_ERROR;
    // The catalog may grow between two calls; it does not do so for ever.
    for (int attempt = 0; attempt < 8 && count == SOCKET_ERROR; ++attempt) {
        DWORD size = static_cast<DWORD>(infos.size() * sizeof(WSAPROTOCOL_INFOW));
        INT error = 0;
        count = function(nullptr, infos.data(), &size, &error);
        if (count == SOCKET_ERROR) {
            if (error != WSAENOBUFS || attempt == 7) {
                return system_error(static_cast<std::uint32_t>(error), name);
            }
            infos.resize(size / sizeof(WSAPROTOCOL_INFOW) + 8);
        }
    }
    entries.clear();
    for (int i = 0; i < count && static_cast<std::size_t>(i) < infos.size(); ++i) {
        CatalogEntry entry;
        std::memcpy(&entry.info, &infos[static_cast<std::size_t>(i)], sizeof(entry.info));
        if (Status status = provider_path(bits, entry.info.provider_id, entry.path); !status.ok()) {
            return status;
        }
        entries.push_back(entry);
    }
    return {};
}

Status Winsock::install(const core::Guid& provider, const std::wstring& path,
                        std::span<const core::ProtocolInfo> infos) {
    InstallOrUpdate function = nullptr;
    if (Status status = find(function, "WSCInstallProvider"); !status.ok()) {
        return status;
    }
    GUID guid = to_windows(provider);
    std::vector<WSAPROTOCOL_INFOW> entries;
    for (const core::ProtocolInfo& info : infos) {
        entries.push_back(to_windows(info));
    }
    INT error = 0;
    if (function(&guid, path.c_str(), entries.data(), static_cast<DWORD>(entries.size()), &error) == SOCKET_ERROR) {
        return system_error(static_cast<std::uint32_t>(error), "WSCInstallProvider");
    }
    return {};
}

Status Winsock::update(int bits, const core::Guid& provider, const std::wstring& path, const core::ProtocolInfo& info) {
    return update(bits, provider, path, std::vector<core::ProtocolInfo>{info});
}

Status Winsock::update(int bits, const core::Guid& provider, const std::wstring& path,
                       const std::vector<core::ProtocolInfo>& infos) {
    if (Status status = check_reachable(bits); !status.ok()) {
        return status;
    }
    const char* name = bits != own_bits ? "WSCUpdateProvider32" : "WSCUpdateProvider";
    InstallOrUpdate function = nullptr;
    if (Status status = find(function, name); !status.ok()) {
        return status;
    }
    GUID guid = to_windows(provider);
    std::vector<WSAPROTOCOL_INFOW> entries;
    for (const core::ProtocolInfo& info : infos) {
        entries.push_back(to_windows(info));
    }
    INT error = 0;
    const auto count = static_cast<DWORD>(entries.size());
    if (function(&guid, path.c_str(), entries.data(), count, &error) == SOCKET_ERROR) {
        return system_error(static_cast<std::uint32_t>(error), name);
    }
    return {};
}

Status Winsock::deinstall(int bits, const core::Guid& provider) {
    if (Status status = check_reachable(bits); !status.ok()) {
        return status;
    }
    const char* name = bits != own_bits ? "WSCDeinstallProvider32" : "WSCDeinstallProvider";
    Deinstall function = nullptr;
    if (Status status = find(function, name); !status.ok()) {
        return status;
    }
    GUID guid = to_windows(provider);
    INT error = 0;
    if (function(&guid, &error) == SOCKET_ERROR) {
        return system_error(static_cast<std::uint32_t>(error), name);
    }
    return {};
}

Status Winsock::write_order(int bits, std::vector<std::uint32_t> ids) {
    if (Status status = check_reachable(bits); !status.ok()) {
        return status;
    }
    const char* name = bits != own_bits ? "WSCWriteProviderOrder32" : "WSCWriteProviderOrder";
    WriteOrder function = nullptr;
    if (Status status = find(function, name); !status.ok()) {
        return status;
    }
    static_assert(sizeof(DWORD) == sizeof(std::uint32_t));
    std::vector<DWORD> order(ids.begin(), ids.end());
    // Answers the error itself, not SOCKET_ERROR.
    const int error = function(order.data(), static_cast<DWORD>(order.size()));
    return error == 0 ? Status{} : system_error(static_cast<std::uint32_t>(error), name);
}

} // namespace winsock_spi::spi
