// The catalog functions of a Winsock DLL, looked up by name, and values for them.
#pragma once

#include <winsock2.h>
#include <ws2spi.h>
#include <windows.h>

#include <cstdint>
#include <cstring>
#include <cwchar>
#include <string>
#include <vector>

using EnumProtocols = int(WSPAPI*)(LPINT, LPWSAPROTOCOL_INFOW, LPDWORD, LPINT);
using GetProviderPath = int(WSPAPI*)(LPGUID, WCHAR*, LPINT, LPINT);
using InstallProvider = int(WSPAPI*)(LPGUID, const WCHAR*, const WSAPROTOCOL_INFOW*, DWORD, LPINT);
using DeinstallProvider = int(WSPAPI*)(LPGUID, LPINT);
using WriteProviderOrder = int(WSPAPI*)(LPDWORD, DWORD);

// The functions that work on one catalog.
struct CatalogFunctions {
    const char* name;              // "64" or "32": the catalog they work on
    EnumProtocols enumerate;
    GetProviderPath path;
    InstallProvider update;
    DeinstallProvider deinstall;
    WriteProviderOrder order;
    const wchar_t* entries_key;
    const wchar_t* count_value;
};

struct WinsockDll {
    HMODULE module;

    template <class Function>
    Function get(const char* name) const {
        return reinterpret_cast<Function>(reinterpret_cast<void*>(GetProcAddress(module, name)));
    }
    InstallProvider install() const { return get<InstallProvider>("WSCInstallProvider"); }
    // In the 64-bit DLL only.
    InstallProvider install_both() const { return get<InstallProvider>("WSCInstallProvider64_32"); }

    CatalogFunctions own() const {
        const bool is64 = sizeof(void*) == 8;
        return {is64 ? "64" : "32",
                get<EnumProtocols>("WSCEnumProtocols"),
                get<GetProviderPath>("WSCGetProviderPath"),
                get<InstallProvider>("WSCUpdateProvider"),
                get<DeinstallProvider>("WSCDeinstallProvider"),
                get<WriteProviderOrder>("WSCWriteProviderOrder"),
                is64 ? L"Catalog_Entries64" : L"Catalog_Entries",
                is64 ? L"Num_Catalog_Entries64" : L"Num_Catalog_Entries"};
    }
    CatalogFunctions other() const {
        return {"32",
                get<EnumProtocols>("WSCEnumProtocols32"),
                get<GetProviderPath>("WSCGetProviderPath32"),
                get<InstallProvider>("WSCUpdateProvider32"),
                get<DeinstallProvider>("WSCDeinstallProvider32"),
                get<WriteProviderOrder>("WSCWriteProviderOrder32"),
                L"Catalog_Entries",
                L"Num_Catalog_Entries"};
    }
};

using Infos = std::vector<WSAPROTOCOL_INFOW>;

inline bool same_guid(const GUID& left, const GUID& right) {
    return std::memcmp(&left, &right, sizeof(GUID)) == 0;
}

// All entries of a catalog, or the error.
inline Infos enumerate(const CatalogFunctions& functions, int* error = nullptr) {
    DWORD size = 0;
    int code = 0;
    Infos infos;
    // The catalog may grow between the two calls when other processes write.
    for (;;) {
        infos.resize(size / sizeof(WSAPROTOCOL_INFOW));
        code = 0;
        const int count = functions.enumerate(nullptr, infos.data(), &size, &code);
        if (count >= 0) {
            infos.resize(static_cast<std::size_t>(count));
            break;
        }
        if (code != WSAENOBUFS) {
            infos.clear();
            break;
        }
    }
    if (error != nullptr) {
        *error = code;
    }
    return infos;
}

inline Infos of_provider(const Infos& infos, const GUID& id) {
    Infos found;
    for (const WSAPROTOCOL_INFOW& info : infos) {
        if (same_guid(info.ProviderId, id)) {
            found.push_back(info);
        }
    }
    return found;
}

inline std::vector<DWORD> ids_of(const Infos& infos) {
    std::vector<DWORD> ids;
    for (const WSAPROTOCOL_INFOW& info : infos) {
        ids.push_back(info.dwCatalogEntryId);
    }
    return ids;
}

// GUIDs of this test's providers: they differ in the last byte.
inline GUID test_guid(unsigned number) {
    GUID guid{0x5B0D5A11, 0x7E57, 0x4CA7, {0xA0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}};
    guid.Data4[6] = static_cast<unsigned char>(number >> 8);
    guid.Data4[7] = static_cast<unsigned char>(number);
    return guid;
}

inline void set_name(WSAPROTOCOL_INFOW& info, const wchar_t* name) {
    std::memset(info.szProtocol, 0, sizeof(info.szProtocol));
    std::memcpy(info.szProtocol, name, std::wcslen(name) * sizeof(wchar_t));
}

// An address that no program can read or write.
template <class Pointer>
Pointer bad_pointer() {
    return reinterpret_cast<Pointer>(std::uintptr_t{16});
}

// An entry as an installer fills it in.
inline WSAPROTOCOL_INFOW make_info(const wchar_t* name, std::vector<DWORD> chain) {
    WSAPROTOCOL_INFOW info{};
    info.dwServiceFlags1 = XP1_GUARANTEED_DELIVERY | XP1_GUARANTEED_ORDER | XP1_IFS_HANDLES;
    info.dwProviderFlags = chain.empty() ? PFL_HIDDEN : PFL_MATCHES_PROTOCOL_ZERO;
    info.ProtocolChain.ChainLen = static_cast<int>(chain.size());
    for (std::size_t index = 0; index < chain.size() && index < MAX_PROTOCOL_CHAIN; ++index) {
        info.ProtocolChain.ChainEntries[index] = chain[index];
    }
    info.iVersion = 2;
    info.iAddressFamily = AF_INET;
    info.iMaxSockAddr = 16;
    info.iMinSockAddr = 16;
    info.iSocketType = SOCK_STREAM;
    info.iProtocol = IPPROTO_TCP;
    info.dwMessageSize = 0x12345678;
    info.dwCatalogEntryId = 0xDEADBEEF; // the host's to give
    set_name(info, name);
    return info;
}

// Runs a WSC function and gives its error, 0 for success.
template <class Function, class... Arguments>
int error_of(Function function, Arguments... arguments) {
    int error = -1;
    const int result = function(arguments..., &error);
    return result == 0 ? 0 : error;
}

inline std::wstring path_of(const CatalogFunctions& functions, GUID id) {
    wchar_t path[MAX_PATH] = L"";
    int length = MAX_PATH;
    return error_of(functions.path, &id, path, &length) == 0 ? path : L"";
}
