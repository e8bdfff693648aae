// LSP categories: WSCGet/SetProviderInfo(32), WSCGet/SetApplicationCategory, and which programs get a layered provider
// because of them.
#pragma once

#include "chain_checks.hpp"

using GetProviderInfo = int(WSPAPI*)(LPGUID, WSC_PROVIDER_INFO_TYPE, PBYTE, size_t*, DWORD, LPINT);
using SetProviderInfo = int(WSPAPI*)(LPGUID, WSC_PROVIDER_INFO_TYPE, PBYTE, size_t, DWORD, LPINT);
using GetApplicationCategory = int(WSPAPI*)(LPCWSTR, DWORD, LPCWSTR, DWORD, DWORD*, LPINT);
using SetApplicationCategory = int(WSPAPI*)(LPCWSTR, DWORD, LPCWSTR, DWORD, DWORD, DWORD*, LPINT);

struct CategoryFunctions {
    std::string name;
    GetProviderInfo get;
    SetProviderInfo set;

    static CategoryFunctions of(const WinsockDll& dll, bool other) {
        return {other ? "32" : "", dll.get<GetProviderInfo>(other ? "WSCGetProviderInfo32" : "WSCGetProviderInfo"),
                dll.get<SetProviderInfo>(other ? "WSCSetProviderInfo32" : "WSCSetProviderInfo")};
    }

    int set_to(GUID id, DWORD value) const {
        return error_of(set, &id, ProviderInfoLspCategories, reinterpret_cast<PBYTE>(&value), sizeof(value), 0u);
    }
    // The categories, or -1.
    long long value_of(GUID id) const {
        DWORD value = 0xAAAAAAAA;
        size_t size = sizeof(value);
        const int error = error_of(get, &id, ProviderInfoLspCategories, reinterpret_cast<PBYTE>(&value), &size, 0u);
        return error == 0 && size == sizeof(value) ? static_cast<long long>(value) : -1;
    }
};

inline void check_provider_info(Checks& checks, const CategoryFunctions& functions, GUID layer, GUID base) {
    checks.section("WSCSetProviderInfo" + functions.name);
    checks.equal("no categories to begin with", functions.value_of(layer), 0);
    checks.equal("they are set", functions.set_to(layer, LSP_INSPECTOR | LSP_FIREWALL), 0);
    checks.equal("and there", functions.value_of(layer), LSP_INSPECTOR | LSP_FIREWALL);
    checks.equal("others take their place", functions.set_to(layer, LSP_SYSTEM), 0);
    checks.equal("and are there", functions.value_of(layer), 0x80000000LL);
    checks.equal("none is none", functions.set_to(layer, 0), 0);
    checks.equal("and there", functions.value_of(layer), 0);

    const Unchanged unchanged;
    GUID unknown = test_guid(0x3FF);
    DWORD value = LSP_PROXY;
    const auto info = reinterpret_cast<PBYTE>(&value);
    size_t size = sizeof(value);
    const auto set_error = [&](GUID* id, int type, PBYTE bytes, size_t count) {
        return error_of(functions.set, id, static_cast<WSC_PROVIDER_INFO_TYPE>(type), bytes, count, 0u);
    };
    const auto get_error = [&](GUID* id, int type, PBYTE bytes, size_t* count) {
        return error_of(functions.get, id, static_cast<WSC_PROVIDER_INFO_TYPE>(type), bytes, count, 0u);
    };
    checks.equal("NULL provider", set_error(nullptr, ProviderInfoLspCategories, info, size), WSAEFAULT);
    checks.equal("NULL info", set_error(&layer, ProviderInfoLspCategories, nullptr, size), WSAEFAULT);
    checks.equal("info that cannot be read", set_error(&layer, ProviderInfoLspCategories, bad_pointer<PBYTE>(), size),
                 WSAEFAULT);
    checks.equal("a size of 2", set_error(&layer, ProviderInfoLspCategories, info, 2), WSAEINVAL);
    checks.equal("a size of 0", set_error(&layer, ProviderInfoLspCategories, info, 0), WSAEINVAL);
    checks.equal("a size of 8", set_error(&layer, ProviderInfoLspCategories, info, 8), WSAEINVAL);
    checks.equal("ProviderInfoAudit", set_error(&layer, ProviderInfoAudit, info, size), ERROR_CALL_NOT_IMPLEMENTED);
    checks.equal("no such type", set_error(&layer, 2, info, size), WSAEINVAL);
    checks.equal("an unknown provider", set_error(&unknown, ProviderInfoLspCategories, info, size), WSAEINVAL);
    checks.equal("a base provider", set_error(&base, ProviderInfoLspCategories, info, size), WSAEINVAL);
    checks.equal("NULL lpErrno", functions.set(&layer, ProviderInfoLspCategories, info, size, 0, nullptr),
                 SOCKET_ERROR);

    checks.section("WSCGetProviderInfo" + functions.name);
    checks.equal("NULL provider", get_error(nullptr, ProviderInfoLspCategories, info, &size), WSAEFAULT);
    checks.equal("NULL size", get_error(&layer, ProviderInfoLspCategories, info, nullptr), WSAEFAULT);
    size = 0;
    checks.equal("NULL info", get_error(&layer, ProviderInfoLspCategories, nullptr, &size), WSAEFAULT);
    checks.equal("says the size", size, sizeof(DWORD));
    size = 3;
    checks.equal("a small buffer", get_error(&layer, ProviderInfoLspCategories, info, &size), WSAEFAULT);
    checks.equal("is told the size", size, sizeof(DWORD));
    checks.equal("ProviderInfoAudit", get_error(&layer, ProviderInfoAudit, info, &size), ERROR_CALL_NOT_IMPLEMENTED);
    checks.equal("no such type", get_error(&layer, -1, info, &size), WSAEINVAL);
    checks.equal("an unknown provider", get_error(&unknown, ProviderInfoLspCategories, info, &size),
                 WSAEINVALIDPROVIDER);
    checks.equal("NULL lpErrno", functions.get(&layer, ProviderInfoLspCategories, info, &size, 0, nullptr),
                 SOCKET_ERROR);
    unchanged.check(checks, "a bad argument");
}

class Applications {
public:
    explicit Applications(const WinsockDll& dll)
        : get_(dll.get<GetApplicationCategory>("WSCGetApplicationCategory")),
          set_(dll.get<SetApplicationCategory>("WSCSetApplicationCategory")) {}

    int set(const std::wstring& path, const std::wstring& extra, DWORD permitted, DWORD* before = nullptr) const {
        return error_of(set_, path.c_str(), static_cast<DWORD>(path.size()), extra.empty() ? nullptr : extra.c_str(),
                        static_cast<DWORD>(extra.size()), permitted, before);
    }
    int get(const std::wstring& path, const std::wstring& extra, DWORD* permitted) const {
        return error_of(get_, path.c_str(), static_cast<DWORD>(path.size()), extra.empty() ? nullptr : extra.c_str(),
                        static_cast<DWORD>(extra.size()), permitted);
    }
    GetApplicationCategory raw_get() const { return get_; }
    SetApplicationCategory raw_set() const { return set_; }

private:
    GetApplicationCategory get_;
    SetApplicationCategory set_;
};

inline void check_application_category(Checks& checks, const WinsockDll& dll) {
    const Applications applications(dll);
    checks.section("WSCSetApplicationCategory");
    const std::wstring path = L"%SystemRoot%\\system32\\no such program.exe";
    const std::wstring extra = L"-k one";
    DWORD permitted = 0;
    DWORD before = 77;
    checks.equal("an application that nobody set", applications.get(path, L"", &permitted), WSASERVICE_NOT_FOUND);
    checks.equal("it is set", applications.set(path, L"", LSP_SYSTEM, &before), 0);
    checks.equal("there was nothing before", before, 0u);
    checks.equal("it is found", applications.get(path, L"", &permitted), 0);
    checks.equal("as it was set", permitted, 0x80000000u);
    checks.equal("setting again adds", applications.set(path, L"", LSP_REDIRECTOR, &before), 0);
    checks.equal("and says what was there", before, 0x80000000u);
    checks.equal("both are found", applications.get(path, L"", &permitted) == 0 ? permitted : 0,
                 static_cast<DWORD>(LSP_SYSTEM | LSP_REDIRECTOR));
    checks.equal("with arguments it is another application", applications.get(path, extra, &permitted),
                 WSASERVICE_NOT_FOUND);
    checks.equal("which is set by itself", applications.set(path, extra, LSP_PROXY), 0);
    checks.equal("and found", applications.get(path, extra, &permitted) == 0 ? permitted : 0, unsigned{LSP_PROXY});
    wchar_t expanded[MAX_PATH];
    ExpandEnvironmentStringsW(path.c_str(), expanded, MAX_PATH);
    CharUpperW(expanded);
    checks.equal("by its expanded path in another case too",
                 applications.get(expanded, extra, &permitted) == 0 ? permitted : 0, unsigned{LSP_PROXY});
    const RegistryTree tree = read_parameters();
    const auto catalog = tree.keys.find(L"AppId_Catalog");
    checks.is_true("the registry has AppId_Catalog with two keys of eight hexadecimal digits",
                   catalog != tree.keys.end() && catalog->second.keys.size() == 2 &&
                       catalog->second.keys.begin()->first.size() == 8);
    for (const auto& [name, key] : catalog->second.keys) {
        checks.is_true("with the values that Windows has",
                       key.values.contains(L"AppFullPath") && key.values.contains(L"PermittedLspCategories") &&
                           key.values.at(L"PermittedLspCategories").type == REG_DWORD);
    }

    const Unchanged unchanged;
    int error = 0;
    const auto set = applications.raw_set();
    const auto get = applications.raw_get();
    const auto units = static_cast<DWORD>(path.size());
    checks.equal("NULL path", error_of(set, LPCWSTR{nullptr}, 5u, LPCWSTR{nullptr}, 0u, 0u, LPDWORD{nullptr}),
                 WSAEFAULT);
    checks.equal("a path that cannot be read",
                 error_of(set, bad_pointer<LPCWSTR>(), 5u, LPCWSTR{nullptr}, 0u, 0u, LPDWORD{nullptr}), WSAEFAULT);
    checks.equal("a path of 0", error_of(set, path.c_str(), 0u, LPCWSTR{nullptr}, 0u, 0u, LPDWORD{nullptr}), WSAEINVAL);
    checks.equal("a path of 260", applications.set(std::wstring(260, L'p'), L"", 0), WSAEINVAL);
    checks.equal("NULL arguments with a length",
                 error_of(set, path.c_str(), units, LPCWSTR{nullptr}, 3u, 0u, LPDWORD{nullptr}), WSAEFAULT);
    checks.equal("a place for the old ones that cannot be written",
                 error_of(set, path.c_str(), units, LPCWSTR{nullptr}, 0u, 0u, bad_pointer<LPDWORD>()), WSAEFAULT);
    checks.equal("NULL lpErrno", set(path.c_str(), units, nullptr, 0, 0, nullptr, nullptr), SOCKET_ERROR);
    checks.section("WSCGetApplicationCategory");
    checks.equal("NULL path", error_of(get, LPCWSTR{nullptr}, 5u, LPCWSTR{nullptr}, 0u, &permitted), WSAEFAULT);
    checks.equal("a path of 0", error_of(get, path.c_str(), 0u, LPCWSTR{nullptr}, 0u, &permitted), WSAEINVAL);
    checks.equal("NULL result", get(path.c_str(), units, nullptr, 0, nullptr, &error) == 0 ? 0 : error, WSAEFAULT);
    checks.equal("NULL lpErrno", get(path.c_str(), units, nullptr, 0, &permitted, nullptr), SOCKET_ERROR);
    unchanged.check(checks, "a bad argument");
}

// Runs `PROGRAM ARGUMENTS`, which is this program with the word `socket` (see show_socket), and gives its exit code.
inline DWORD run_program(const std::wstring& program, const std::wstring& arguments) {
    std::wstring command = L"\"" + program + L"\" " + arguments;
    STARTUPINFOW startup{};
    startup.cb = sizeof(startup);
    PROCESS_INFORMATION process{};
    if (!CreateProcessW(program.c_str(), command.data(), nullptr, nullptr, FALSE, 0, nullptr, nullptr, &startup,
                        &process)) {
        return 0xFFFFFFFF;
    }
    CloseHandle(process.hThread);
    DWORD code = 1;
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    CloseHandle(process.hProcess);
    return code;
}

// Whether a program may open a socket by the id of the first chain for TCP in the whole catalog, or of none if there is
// none: 0, or the error.
inline int error_by_id_of_chain() {
    for (const WSAPROTOCOL_INFOW& info : enumerate(WinsockDll{GetModuleHandleW(L"ws2_32.dll")}.own())) {
        if (info.ProtocolChain.ChainLen > 1 && info.iProtocol == IPPROTO_TCP) {
            WSAPROTOCOL_INFOW copy = info;
            const SOCKET socket = WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &copy, 0, 0);
            const int error = socket == INVALID_SOCKET ? WSAGetLastError() : 0;
            closesocket(socket);
            return error;
        }
    }
    return WSAEINVAL;
}

// What a program sees: exit code 10 for a TCP socket of a base provider, plus 1 for each layer above it; 100 more if
// WSAEnumProtocols names a chain for TCP, and then the first chain for TCP can be opened by its id, else not.
inline int show_socket() {
    WSADATA data;
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        return 1;
    }
    const SOCKET socket = ::socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    WSAPROTOCOL_INFOW info{};
    int length = sizeof(info);
    if (socket == INVALID_SOCKET ||
        getsockopt(socket, SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &length) != 0) {
        return 2;
    }
    int only_tcp[] = {IPPROTO_TCP, 0};
    Infos infos(100);
    DWORD size = static_cast<DWORD>(infos.size() * sizeof(infos[0]));
    const int count = WSAEnumProtocolsW(only_tcp, infos.data(), &size);
    bool chain = false;
    for (int index = 0; index < count; ++index) {
        chain = chain || infos[static_cast<std::size_t>(index)].ProtocolChain.ChainLen > 1;
    }
    // Of two chains the first may be closed to this program and the second open; that says nothing here.
    const bool first_is_own = info.ProtocolChain.ChainLen == 3 || !chain;
    if (first_is_own && error_by_id_of_chain() != (chain ? 0 : WSAEINVAL)) {
        return 3;
    }
    return 9 + info.ProtocolChain.ChainLen + (chain ? 100 : 0);
}

inline void check_programs(Checks& checks, const WinsockDll& dll, const ProviderFiles& files) {
    constexpr DWORD bare = 10; // no layer, none listed
    constexpr DWORD layered = 111; // one layer
    constexpr DWORD layered2 = 112; // two
    const Applications applications(dll);
    const CatalogFunctions own = dll.own();
    const CategoryFunctions categories = CategoryFunctions::of(dll, false);
    const ChainInstaller install(dll, files, false);
    wchar_t self[MAX_PATH];
    GetModuleFileNameW(nullptr, self, MAX_PATH);
    wchar_t folder[MAX_PATH];
    GetTempPathW(MAX_PATH, folder);
    const std::wstring copy =
        std::wstring(folder) + L"host catalog copy " + std::to_wstring(GetCurrentProcessId()) + L".exe";
    CopyFileW(self, copy.c_str(), FALSE);

    checks.section("programs and LSP categories");
    const GUID first = test_guid(0x360);
    checks.equal("without a layer", run_program(self, L"socket"), bare);
    checks.equal("a layer is installed", install({.provider = &first, .name = L"categorized"}), 0);
    checks.equal("programs have it", run_program(self, L"socket"), layered);
    checks.equal("and the other program", run_program(copy, L"socket"), layered);

    checks.equal("one program takes LSP_SYSTEM alone", applications.set(copy, L"", LSP_SYSTEM), 0);
    checks.equal("it goes without the layer", run_program(copy, L"socket"), bare);
    checks.equal("whatever its arguments", run_program(copy, L"socket and more"), bare);
    checks.equal("others keep it", run_program(self, L"socket"), layered);
    checks.equal("a program is told apart by arguments", applications.set(self, L"socket two", LSP_FIREWALL), 0);
    checks.equal("with these it goes without", run_program(self, L"socket two"), bare);
    checks.equal("spaces around them do not count", run_program(self, L"  socket two "), bare);
    checks.equal("with others it has the layer", run_program(self, L"socket three"), layered);

    // Both have categories: see the table of Microsoft's page on categorizing.
    struct Case {
        DWORD provider;
        bool system_program; // permits LSP_SYSTEM
        bool firewall_program; // permits LSP_FIREWALL
    };
    for (const Case& one : {Case{LSP_SYSTEM, true, false}, Case{LSP_FIREWALL, false, true},
                            Case{LSP_FIREWALL | LSP_INSPECTOR, false, false},
                            Case{LSP_SYSTEM | LSP_FIREWALL, false, false}, Case{LSP_INSPECTOR, false, false}}) {
        checks.section("a provider with categories " + std::to_string(one.provider));
        checks.equal("are set", categories.set_to(first, one.provider), 0);
        checks.equal("a program that permits LSP_SYSTEM", run_program(copy, L"socket"),
                     one.system_program ? layered : bare);
        checks.equal("a program that permits LSP_FIREWALL", run_program(self, L"socket two"),
                     one.firewall_program ? layered : bare);
        checks.equal("a program without categories", run_program(self, L"socket"), layered);
    }
    checks.section("a program that permits LSP_SYSTEM and LSP_FIREWALL");
    checks.equal("has both", applications.set(copy, L"", LSP_FIREWALL), 0);
    for (const auto& [provider, outcome] : {std::pair{DWORD{LSP_FIREWALL}, bare}, std::pair{DWORD{LSP_SYSTEM}, layered},
                                            std::pair{DWORD{LSP_SYSTEM | LSP_FIREWALL}, layered}}) {
        categories.set_to(first, provider);
        checks.equal("a provider with categories " + std::to_string(provider), run_program(copy, L"socket"), outcome);
    }

    checks.section("a chain of two layers");
    const GUID second = test_guid(0x361);
    checks.equal("a second layer", install({.provider = &second, .name = L"uncategorized"}), 0);
    checks.equal("programs have both", run_program(self, L"socket"), layered2);
    checks.equal("who may not have the upper one gets the chain below it", run_program(copy, L"socket"), layered);
    checks.equal("categories of the upper one", categories.set_to(second, LSP_SYSTEM), 0);
    checks.equal("let it in", run_program(copy, L"socket"), layered2);
    checks.equal("the lower one's categories gone", categories.set_to(first, 0), 0);
    checks.equal("neither chain is for this program", run_program(copy, L"socket"), bare);
    checks.equal("a program without categories has both", run_program(self, L"socket"), layered2);
    checks.equal("the upper goes", remove_layer(own, second), 0);
    checks.equal("and its categories with it", categories.value_of(second), -1);
    checks.equal("the lower goes", remove_layer(own, first), 0);
    DeleteFileW(copy.c_str());
}

inline void check_categories(Checks& checks, const WinsockDll& dll, const ProviderFiles& files,
                             ParametersGuard& guard) {
    const CatalogFunctions own = dll.own();
    const bool both = sizeof(void*) == 8;
    const CategoryFunctions other = CategoryFunctions::of(dll, true);
    checks.section("categories");
    checks.equal("functions for the 32-bit catalog are in the 64-bit DLL only",
                 other.get != nullptr && other.set != nullptr, both);
    const RegistryTree start = read_parameters();
    const GUID layer = test_guid(0x370);
    const GUID base = enumerate(own).back().ProviderId;
    const ChainInstaller install(dll, files, both);
    checks.equal("a layer", install({.provider = &layer, .name = L"layer"}), 0);
    check_provider_info(checks, CategoryFunctions::of(dll, false), layer, base);
    if (both) {
        check_provider_info(checks, other, layer, base);
        checks.equal("each catalog has its own", other.set_to(layer, LSP_PROXY), 0);
        checks.equal("not the other's", CategoryFunctions::of(dll, false).value_of(layer), 0);
        checks.equal("the layer goes from the 32-bit catalog", remove_layer(dll.other(), layer), 0);
    }
    checks.equal("the layer goes", remove_layer(own, layer), 0);
    checks.is_true("and nothing is left", without_counters(read_parameters()) == without_counters(start));
    check_application_category(checks, dll);
    guard.restore();
    check_programs(checks, dll, files);
    guard.restore();
}
