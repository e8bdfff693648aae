// WSCInstallProviderAndChains and WSCInstallProviderAndChains64_32: what they make of the catalog, what they refuse.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "install_checks.hpp"

using InstallChains = int(WSPAPI*)(LPGUID, LPWSTR, LPWSTR, DWORD, LPWSAPROTOCOL_INFOW, DWORD, LPDWORD, LPINT);
using InstallChainsBoth = int(WSPAPI*)(LPGUID, LPWSTR, LPWSTR, LPWSTR, DWORD, LPWSAPROTOCOL_INFOW, DWORD, LPDWORD,
                                       LPINT);

// The test provider, of each bitness.
struct ProviderFiles {
    std::wstring x64;
    std::wstring x86;
    const std::wstring& own() const { return sizeof(void*) == 8 ? x64 : x86; }
};

// One call of the function that an installer of this bitness uses: into its own catalog, or into both.
class ChainInstaller {
public:
    ChainInstaller(const WinsockDll& dll, const ProviderFiles& files, bool both)
        : one_(dll.get<InstallChains>("WSCInstallProviderAndChains")),
          both_(both ? dll.get<InstallChainsBoth>("WSCInstallProviderAndChains64_32") : nullptr), files_(files) {}

    bool into_both() const { return both_ != nullptr; }
    std::string name() const { return both_ ? "WSCInstallProviderAndChains64_32" : "WSCInstallProviderAndChains"; }

    struct Request {
        const GUID* provider;
        const wchar_t* name;
        DWORD flags = XP1_IFS_HANDLES;
        const WSAPROTOCOL_INFOW* infos = nullptr;
        DWORD count = 0;
        DWORD* hidden_id = nullptr;
        const wchar_t* path = nullptr; // in place of the provider's
        bool null_path = false;
    };

    int operator()(const Request& request) const {
        const wchar_t* given = request.path != nullptr ? request.path : files_.own().c_str();
        const auto path = const_cast<LPWSTR>(request.null_path ? nullptr : given);
        const auto path32 = const_cast<LPWSTR>(files_.x86.c_str());
        const auto provider = const_cast<GUID*>(request.provider);
        const auto name = const_cast<LPWSTR>(request.name);
        const auto infos = const_cast<LPWSAPROTOCOL_INFOW>(request.infos);
        return both_ ? error_of(both_, provider, path, path32, name, request.flags, infos, request.count,
                                request.hidden_id)
                     : error_of(one_, provider, path, name, request.flags, infos, request.count, request.hidden_id);
    }

    int with_null_error(const GUID* provider) const {
        const auto path = const_cast<LPWSTR>(files_.own().c_str());
        const auto name = const_cast<LPWSTR>(L"no errno");
        return both_ ? both_(const_cast<GUID*>(provider), path, path, name, 0, nullptr, 0, nullptr, nullptr)
                     : one_(const_cast<GUID*>(provider), path, name, 0, nullptr, 0, nullptr, nullptr);
    }

private:
    InstallChains one_;
    InstallChainsBoth both_;
    const ProviderFiles& files_;
};

using TripletKey = std::tuple<int, int, int>;

inline TripletKey triplet_of(const WSAPROTOCOL_INFOW& info) {
    return {info.iAddressFamily, info.iSocketType, info.iProtocol};
}

inline DWORD id_of(const Infos& infos, const GUID& provider) {
    const Infos found = of_provider(infos, provider);
    return found.empty() ? 0 : found.front().dwCatalogEntryId;
}

// Everything that names the hidden entry in the first place of its chain, then the hidden entry: as uninstallers do,
// who know no more than the GUID that they installed with.
inline int remove_layer(const CatalogFunctions& functions, GUID hidden) {
    const Infos infos = enumerate(functions);
    const DWORD hidden_id = id_of(infos, hidden);
    for (const WSAPROTOCOL_INFOW& info : infos) {
        if (info.ProtocolChain.ChainLen > 1 && info.ProtocolChain.ChainEntries[0] == hidden_id) {
            GUID chain = info.ProviderId;
            if (const int error = error_of(functions.deinstall, &chain); error != 0) {
                return error;
            }
        }
    }
    return error_of(functions.deinstall, &hidden);
}

// The chains in `after` that are not in `before` stand first, one over the topmost entry of each triplet.
inline void check_chains(Checks& checks, const Infos& before, const Infos& after, const GUID& hidden,
                         const std::wstring& name, const std::set<TripletKey>& wanted) {
    const Infos own = of_provider(after, hidden);
    checks.equal("one hidden entry has the provider's GUID", own.size(), 1u);
    if (own.size() != 1) {
        return;
    }
    checks.is_true("the hidden entry has an empty chain, PFL_HIDDEN, the name, the flags given",
                   own[0].ProtocolChain.ChainLen == 0 && (own[0].dwProviderFlags & PFL_HIDDEN) != 0 &&
                       own[0].szProtocol == name && own[0].dwServiceFlags1 == XP1_IFS_HANDLES);
    std::map<TripletKey, const WSAPROTOCOL_INFOW*> topmost;
    for (const WSAPROTOCOL_INFOW& info : before) {
        if (info.ProtocolChain.ChainLen != 0) {
            topmost.emplace(triplet_of(info), &info);
        }
    }
    std::set<TripletKey> found;
    std::set<std::string> guids;
    bool right = after.size() >= wanted.size();
    for (std::size_t index = 0; right && index < wanted.size(); ++index) {
        const WSAPROTOCOL_INFOW& chain = after[index];
        const WSAPROTOCOL_INFOW& below = *topmost.at(triplet_of(chain));
        found.insert(triplet_of(chain));
        guids.insert(std::string(reinterpret_cast<const char*>(&chain.ProviderId), sizeof(GUID)));
        const WSAPROTOCOLCHAIN& ids = chain.ProtocolChain;
        right = ids.ChainLen == below.ProtocolChain.ChainLen + 1 && ids.ChainEntries[0] == own[0].dwCatalogEntryId &&
                ids.ChainEntries[1] == below.dwCatalogEntryId && (chain.dwServiceFlags1 & XP1_IFS_HANDLES) != 0 &&
                chain.iMaxSockAddr == below.iMaxSockAddr && chain.dwMessageSize == below.dwMessageSize &&
                chain.iProtocolMaxOffset == below.iProtocolMaxOffset && std::wcsstr(chain.szProtocol, name.c_str()) &&
                !same_guid(chain.ProviderId, below.ProviderId);
    }
    checks.is_true("the chains stand first, each over the topmost entry of its triplet, with its properties", right);
    checks.is_true("one for each triplet", found == wanted);
    checks.equal("each with a GUID of its own", guids.size(), wanted.size());
    checks.equal("and nothing else came", after.size(), before.size() + wanted.size() + 1);
    bool kept = after.size() == before.size() + wanted.size() + 1;
    for (std::size_t index = 0; kept && index < before.size(); ++index) {
        kept = std::memcmp(&before[index], &after[index + wanted.size()], sizeof(before[0])) == 0;
    }
    checks.is_true("the others stay as they are, in their order", kept);
}

inline std::set<TripletKey> base_triplets(const Infos& infos) {
    std::set<TripletKey> triplets;
    for (const WSAPROTOCOL_INFOW& info : infos) {
        if (info.ProtocolChain.ChainLen == BASE_PROTOCOL) {
            triplets.insert(triplet_of(info));
        }
    }
    return triplets;
}

inline void check_chain_install(Checks& checks, const WinsockDll& dll, const ChainInstaller& install) {
    std::vector<CatalogFunctions> catalogs = {dll.own()};
    if (install.into_both()) {
        catalogs.push_back(dll.other());
    }
    checks.section(install.name() + ", no list");
    const RegistryTree start = read_parameters();
    const GUID first = test_guid(0x300);
    std::vector<Infos> before;
    for (const CatalogFunctions& catalog : catalogs) {
        before.push_back(enumerate(catalog));
    }
    DWORD hidden_id = 0;
    checks.equal("it is installed", install({.provider = &first, .name = L"first layer", .hidden_id = &hidden_id}), 0);
    checks.equal("the id is the hidden entry's", hidden_id, id_of(enumerate(catalogs[0]), first));
    for (std::size_t index = 0; index < catalogs.size(); ++index) {
        checks.section(install.name() + ", no list, catalog " + catalogs[index].name);
        const Infos after = enumerate(catalogs[index]);
        check_chains(checks, before[index], after, first, L"first layer", base_triplets(before[index]));
        checks.equal("the keys are 1 to count", counted_keys(catalogs[index]), static_cast<int>(after.size()));
        before[index] = after;
    }

    checks.section(install.name() + ", a second one over it");
    const GUID second = test_guid(0x301);
    // Twice the same, and with members that are not looked at.
    const WSAPROTOCOL_INFOW tcp = make_info(L"not looked at", {1, 2, 3});
    const WSAPROTOCOL_INFOW list[] = {tcp, tcp};
    checks.equal("it is installed", install({.provider = &second, .name = L"second layer", .infos = list, .count = 2}),
                 0);
    for (std::size_t index = 0; index < catalogs.size(); ++index) {
        checks.section(install.name() + ", a list, catalog " + catalogs[index].name);
        check_chains(checks, before[index], enumerate(catalogs[index]), second, L"second layer", {triplet_of(tcp)});
    }

    checks.section(install.name() + ", what is there already");
    {
        const Unchanged unchanged;
        const GUID third = test_guid(0x302);
        checks.equal("the same GUID", install({.provider = &first, .name = L"other name"}), WSAEINVAL);
        checks.equal("the GUID of a base provider",
                     install({.provider = &before[0].back().ProviderId, .name = L"other name"}), WSAEINVAL);
        checks.equal("the same name", install({.provider = &third, .name = L"second layer"}), WSAEINVAL);
        unchanged.check(checks, "a refused install");
    }

    checks.section(install.name() + ", chains of seven");
    GUID fill{};
    unsigned layers = 0;
    int error = 0;
    for (; error == 0 && layers < 10; ++layers) {
        fill = test_guid(0x310 + layers);
        error = install(
            {.provider = &fill, .name = (L"layer " + std::to_wstring(layers)).c_str(), .infos = &tcp, .count = 1});
    }
    checks.equal("the eighth is WSANO_RECOVERY", error, WSANO_RECOVERY);
    checks.equal("after four more", layers, 5u);
    checks.equal("the longest chain has seven", enumerate(catalogs[0]).front().ProtocolChain.ChainLen, 7);

    checks.section(install.name() + ", removal");
    for (const CatalogFunctions& catalog : catalogs) {
        bool removed = true;
        for (unsigned layer = 0; layer + 1 < layers; ++layer) {
            removed = removed && remove_layer(catalog, test_guid(0x310 + layer)) == 0;
        }
        removed = removed && remove_layer(catalog, second) == 0 && remove_layer(catalog, first) == 0;
        checks.is_true(std::string("by WSCDeinstallProvider, catalog ") + catalog.name, removed);
    }
    checks.is_true("the registry is as it was, but for serial number and next id",
                   without_counters(read_parameters()) == without_counters(start));
}

inline void check_chain_arguments(Checks& checks, const ChainInstaller& install) {
    checks.section("arguments of " + install.name());
    const Unchanged unchanged;
    const GUID id = test_guid(0x320);
    const WSAPROTOCOL_INFOW tcp = make_info(L"tcp", {});
    WSAPROTOCOL_INFOW none = tcp;
    none.iProtocol = 199;
    const WSAPROTOCOL_INFOW second_unknown[] = {tcp, none};
    const std::wstring long_name(256, L'n');
    const std::wstring long_path(260, L'p');
    checks.equal("NULL provider", install({.provider = nullptr, .name = L"layer"}), WSAEINVAL);
    checks.equal("provider that cannot be read", install({.provider = bad_pointer<GUID*>(), .name = L"layer"}),
                 WSAEFAULT);
    checks.equal("NULL path", install({.provider = &id, .name = L"layer", .null_path = true}), WSAEINVAL);
    checks.equal("path that cannot be read",
                 install({.provider = &id, .name = L"layer", .path = bad_pointer<wchar_t*>()}), WSAEFAULT);
    checks.equal("empty path", install({.provider = &id, .name = L"layer", .path = L""}), WSAEINVAL);
    checks.equal("path of 260", install({.provider = &id, .name = L"layer", .path = long_path.c_str()}), WSAEINVAL);
    checks.equal("path of no file", install({.provider = &id, .name = L"layer", .path = L"Z:\\none\\none.dll"}),
                 WSAEINVAL);
    checks.equal("NULL name", install({.provider = &id, .name = nullptr}), WSAEINVAL);
    checks.equal("name that cannot be read", install({.provider = &id, .name = bad_pointer<wchar_t*>()}), WSAEFAULT);
    checks.equal("empty name", install({.provider = &id, .name = L""}), WSAEINVAL);
    checks.equal("name of 256", install({.provider = &id, .name = long_name.c_str()}), WSAEINVAL);
    checks.equal("a list of none", install({.provider = &id, .name = L"layer", .infos = &tcp, .count = 0}), WSAEINVAL);
    checks.equal("a list that cannot be read",
                 install({.provider = &id, .name = L"layer", .infos = bad_pointer<WSAPROTOCOL_INFOW*>(), .count = 1}),
                 WSAEFAULT);
    checks.equal("a list longer than memory",
                 install({.provider = &id, .name = L"layer", .infos = &tcp, .count = 0xFFFFFFFF}), WSAEFAULT);
    checks.equal("a triplet that nobody serves",
                 install({.provider = &id, .name = L"layer", .infos = &none, .count = 1}), WSAEINVAL);
    checks.equal("the second one of two",
                 install({.provider = &id, .name = L"layer", .infos = second_unknown, .count = 2}), WSAEINVAL);
    checks.equal("an id that cannot be written",
                 install({.provider = &id, .name = L"layer", .hidden_id = bad_pointer<DWORD*>()}), WSAEFAULT);
    checks.equal("NULL lpErrno", install.with_null_error(&id), SOCKET_ERROR);
    unchanged.check(checks, "a bad argument");
}

// The DLL is loaded, started and looked at before anything is written.
inline void check_provider_is_tried(Checks& checks, const WinsockDll& dll, const ChainInstaller& install,
                                    const ProviderFiles& files) {
    checks.section(install.name() + " tries the provider");
    const CatalogFunctions own = dll.own();
    const std::wstring folder = files.own().substr(0, files.own().find_last_of(L'\\') + 1);
    const GUID id = test_guid(0x330);
    const WSAPROTOCOL_INFOW tcp = make_info(L"tcp", {});
    {
        const Unchanged unchanged;
        const auto error_with = [&](const std::wstring& path) {
            return install({.provider = &id, .name = L"broken", .infos = &tcp, .count = 1, .path = path.c_str()});
        };
        checks.equal("WSPStartup fails", error_with(folder + L"fail_startup.dll"), WSAEINVALIDPROCTABLE);
        checks.equal("a function is missing", error_with(folder + L"null_entry.dll"), WSAEINVALIDPROCTABLE);
        checks.equal("no WSPStartup", error_with(L"%SystemRoot%\\system32\\kernel32.dll"), WSAEINVALIDPROCTABLE);
        checks.equal("a program is no DLL", error_with(L"%SystemRoot%\\system32\\cmd.exe"), WSAEINVALIDPROCTABLE);
        checks.equal("a DLL of the other bitness", error_with(sizeof(void*) == 8 ? files.x86 : files.x64),
                     WSAEINVALIDPROCTABLE);
        unchanged.check(checks, "a provider that is no good");
        checks.is_true("and it is unloaded", GetModuleHandleW(L"null_entry.dll") == nullptr);
    }
    // Without IFS handles all extension functions are asked for; the numbers begin their GUIDs.
    for (const wchar_t* lacks : {L"b5367df1", L"25a207b9", L"7fda2e11", L"b5367df0", L"d9689da0"}) {
        const Unchanged unchanged;
        SetEnvironmentVariableW(L"CHAIN_PROVIDER_LACKS", lacks);
        std::string name = "without IFS handles and without extension function ";
        for (const wchar_t* unit = lacks; *unit != 0; ++unit) {
            name += static_cast<char>(*unit);
        }
        checks.equal(name, install({.provider = &id, .name = L"non-IFS", .flags = 0, .infos = &tcp, .count = 1}),
                     WSAEINVALIDPROCTABLE);
        unchanged.check(checks, name);
    }
    SetEnvironmentVariableW(L"CHAIN_PROVIDER_LACKS", L"f689d7c8"); // WSARecvMsg, of datagram sockets
    WSAPROTOCOL_INFOW udp = tcp;
    udp.iSocketType = SOCK_DGRAM;
    udp.iProtocol = IPPROTO_UDP;
    const WSAPROTOCOL_INFOW both[] = {tcp, udp};
    checks.equal("WSARecvMsg is asked for where there are datagrams",
                 install({.provider = &id, .name = L"non-IFS", .flags = 0, .infos = both, .count = 2}),
                 WSAEINVALIDPROCTABLE);
    SetEnvironmentVariableW(L"CHAIN_PROVIDER_LACKS", nullptr);
    checks.equal("with all of them it is installed",
                 install({.provider = &id, .name = L"non-IFS", .flags = 0, .infos = both, .count = 2}), 0);
    const Infos after = enumerate(own);
    checks.is_true("and its entries have no XP1_IFS_HANDLES", (after[0].dwServiceFlags1 & XP1_IFS_HANDLES) == 0 &&
                                                                  (after[1].dwServiceFlags1 & XP1_IFS_HANDLES) == 0);
    const GUID over = test_guid(0x331);
    checks.equal("a provider with IFS handles cannot go over it",
                 install({.provider = &over, .name = L"over", .infos = &tcp, .count = 1}), WSAEINVAL);
    checks.equal("it goes", remove_layer(own, id), 0);
    if (install.into_both()) {
        checks.equal("from the other catalog too", remove_layer(dll.other(), id), 0);
    }
}

// The installer's second path may be left out for DLLs in the system folder only.
inline void check_system_path(Checks& checks, const WinsockDll& dll, const ProviderFiles& files) {
    const auto install = dll.get<InstallChainsBoth>("WSCInstallProviderAndChains64_32");
    if (install == nullptr) {
        return;
    }
    checks.section("WSCInstallProviderAndChains64_32 without a 32-bit path");
    GUID id = test_guid(0x340);
    const auto name = const_cast<LPWSTR>(L"in the system folder");
    const auto error_with = [&](const wchar_t* path) {
        return error_of(install, &id, const_cast<LPWSTR>(path), LPWSTR{nullptr}, name, DWORD{XP1_IFS_HANDLES},
                        LPWSAPROTOCOL_INFOW{nullptr}, 0u, LPDWORD{nullptr});
    };
    wchar_t windows[MAX_PATH];
    GetSystemWindowsDirectoryW(windows, MAX_PATH);
    const std::wstring in64 = std::wstring(windows) + L"\\system32\\host_catalog_chain.dll";
    const std::wstring in32 = std::wstring(windows) + L"\\SysWOW64\\host_catalog_chain.dll";
    {
        const Unchanged unchanged;
        checks.equal("a path elsewhere", error_with(files.x64.c_str()), WSAEINVAL);
        checks.equal("a folder below the system folder", error_with(L"%windir%\\system32\\drivers\\x.dll"), WSAEINVAL);
        checks.equal("no such file", error_with(L"%windir%\\system32\\host_catalog_chain.dll"), WSAEINVAL);
        CopyFileW(files.x64.c_str(), in64.c_str(), FALSE);
        checks.equal("the 32-bit one missing", error_with(L"%windir%\\system32\\host_catalog_chain.dll"), WSAEINVAL);
        CopyFileW(files.x64.c_str(), in32.c_str(), FALSE);
        checks.equal("a 64-bit one in its place", error_with(L"%windir%\\system32\\host_catalog_chain.dll"),
                     WSAEINVALIDPROCTABLE);
        unchanged.check(checks, "a refused path");
    }
    CopyFileW(files.x86.c_str(), in32.c_str(), FALSE);
    checks.equal("both there", error_with(L"%windir%\\system32\\host_catalog_chain.dll"), 0);
    checks.is_true("the path is stored as given in both",
                   path_of(dll.own(), id) == L"%windir%\\system32\\host_catalog_chain.dll" &&
                       path_of(dll.other(), id) == path_of(dll.own(), id));
    checks.equal("it goes", remove_layer(dll.own(), id), 0);
    checks.equal("from the other catalog too", remove_layer(dll.other(), id), 0);
    DeleteFileW(in64.c_str());
    DeleteFileW(in32.c_str());
}

// Another installation is in progress while this program's own mutex of that name exists, as another process's does.
inline void check_chain_progress(Checks& checks, const ChainInstaller& install) {
    checks.section(install.name() + " while another is in progress");
    const Unchanged unchanged;
    const HANDLE other = CreateMutexW(nullptr, FALSE, L"Global\\WinSock2-WSCInstallProviderAndChains");
    const GUID id = test_guid(0x350);
    checks.equal("it is WSAEINPROGRESS", install({.provider = &id, .name = L"late"}), WSAEINPROGRESS);
    CloseHandle(other);
    unchanged.check(checks, "the late one");
}

inline void check_chain_functions(Checks& checks, const WinsockDll& dll, const ProviderFiles& files, bool is_wine) {
    checks.section("WSCInstallProviderAndChains");
    const bool is64 = sizeof(void*) == 8;
    checks.is_true("is there", dll.get<InstallChains>("WSCInstallProviderAndChains") != nullptr);
    checks.equal("and with 64_32 in the 64-bit DLL only",
                 dll.get<InstallChainsBoth>("WSCInstallProviderAndChains64_32") != nullptr, is64);
    for (const bool both : {false, true}) {
        if (both && !is64) {
            continue;
        }
        const ChainInstaller install(dll, files, both);
        check_chain_install(checks, dll, install);
        check_chain_arguments(checks, install);
        check_provider_is_tried(checks, dll, install, files);
        if (is_wine) { // how Windows keeps two installations apart is its own affair
            check_chain_progress(checks, install);
        }
    }
    check_system_path(checks, dll, files);
}
