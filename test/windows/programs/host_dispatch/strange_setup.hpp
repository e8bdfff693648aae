// Puts the strange provider's modes into the catalog of this program's own bitness, and reads what they report.
#pragma once

#include "../host_catalog/catalog_api.hpp"
#include "../host_catalog/checks.hpp"
#include "../common.hpp"
#include "../../providers/host_strange.hpp"

using strange::Mode;
using strange::Report;

// WSAStartup that a group of checks takes back.
using program::Winsock;

class Strange {
public:
    explicit Strange(std::wstring dll) : dll_(std::move(dll)) {
        wchar_t address[32];
        std::swprintf(address, 32, L"%llx", static_cast<unsigned long long>(reinterpret_cast<UINT_PTR>(&report)));
        SetEnvironmentVariableW(L"STRANGE_REPORT", address);
    }

    const std::wstring& dll() const { return dll_; }
    std::wstring dll_name() const { return dll_.substr(dll_.find_last_of(L'\\') + 1); }
    bool loaded() const { return GetModuleHandleW(dll_name().c_str()) != nullptr; }

    static WSAPROTOCOL_INFOW info_of(Mode mode, bool ifs = true) {
        WSAPROTOCOL_INFOW info{};
        info.dwServiceFlags1 = XP1_GUARANTEED_DELIVERY | XP1_GUARANTEED_ORDER | (ifs ? XP1_IFS_HANDLES : 0u);
        info.ProviderId = strange::guid_of(mode);
        info.iVersion = 2;
        info.iAddressFamily = strange::family;
        info.iSocketType = strange::type;
        info.iProtocol = strange::protocol_of(mode);
        info.iMaxSockAddr = sizeof(sockaddr_in);
        info.iMinSockAddr = sizeof(sockaddr_in);
        info.ProtocolChain.ChainLen = BASE_PROTOCOL;
        set_name(info, L"host strange");
        return info;
    }

    // The entries' error, or 0.
    static int install(Mode mode, const std::wstring& path, std::vector<WSAPROTOCOL_INFOW> infos) {
        GUID id = strange::guid_of(mode);
        int error = 0;
        WSCInstallProvider(&id, path.c_str(), infos.data(), static_cast<DWORD>(infos.size()), &error);
        return error;
    }
    int install(Mode mode, bool ifs = true) const { return install(mode, dll_, {info_of(mode, ifs)}); }

    // A hidden entry and a layered one over the first base entry of TCP.
    int install_layer(Mode mode) const {
        GUID hidden_id = strange::guid_of(mode);
        hidden_id.Data4[0] = 0x91;
        WSAPROTOCOL_INFOW hidden = info_of(mode);
        hidden.ProviderId = hidden_id;
        hidden.ProtocolChain.ChainLen = LAYERED_PROTOCOL;
        hidden.dwProviderFlags = PFL_HIDDEN;
        int error = 0;
        if (WSCInstallProvider(&hidden_id, dll_.c_str(), &hidden, 1, &error) != 0) {
            return error;
        }
        WSAPROTOCOL_INFOW layered = info_of(mode);
        layered.ProtocolChain.ChainLen = 2;
        layered.ProtocolChain.ChainEntries[0] = id_of_provider(hidden_id);
        layered.ProtocolChain.ChainEntries[1] = base_tcp_id();
        return install(mode, dll_, {layered});
    }

    static int remove(Mode mode) {
        GUID id = strange::guid_of(mode);
        int error = 0;
        WSCDeinstallProvider(&id, &error);
        GUID hidden_id = id;
        hidden_id.Data4[0] = 0x91;
        int ignored = 0;
        WSCDeinstallProvider(&hidden_id, &ignored);
        return error;
    }

    static std::vector<WSAPROTOCOL_INFOW> catalog() {
        const WinsockDll dll{GetModuleHandleW(L"ws2_32.dll")};
        return enumerate(dll.own());
    }

    static DWORD id_of_provider(const GUID& provider) {
        for (const WSAPROTOCOL_INFOW& info : catalog()) {
            if (same_guid(info.ProviderId, provider)) {
                return info.dwCatalogEntryId;
            }
        }
        return 0;
    }
    static DWORD id_of(Mode mode) { return id_of_provider(strange::guid_of(mode)); }

    static DWORD base_tcp_id() {
        for (const WSAPROTOCOL_INFOW& info : catalog()) {
            if (info.ProtocolChain.ChainLen == BASE_PROTOCOL && info.iAddressFamily == AF_INET &&
                info.iSocketType == SOCK_STREAM) {
                return info.dwCatalogEntryId;
            }
        }
        return 0;
    }

    static SOCKET open(Mode mode) {
        return WSASocketW(strange::family, strange::type, strange::protocol_of(mode), nullptr, 0, WSA_FLAG_OVERLAPPED);
    }
    static int error_of_open(Mode mode) {
        const SOCKET socket = open(mode);
        if (socket == INVALID_SOCKET) {
            return WSAGetLastError();
        }
        closesocket(socket);
        return 0;
    }

    long calls(Mode mode, strange::Call call) const { return report.calls[static_cast<int>(mode)][call]; }

    // How often a call of the provider's is made meanwhile.
    template <class Body>
    long counted(Mode mode, strange::Call call, Body body) const {
        const long before = calls(mode, call);
        body();
        return calls(mode, call) - before;
    }

    Report report{};

private:
    std::wstring dll_;
};

// 0 if the call succeeded, else its Winsock error.
inline int error_after(int result) {
    return result == SOCKET_ERROR ? WSAGetLastError() : 0;
}
inline int error_after_handle(SOCKET result) {
    return result == INVALID_SOCKET ? WSAGetLastError() : 0;
}
