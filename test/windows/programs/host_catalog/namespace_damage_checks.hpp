// What the functions for namespace providers, categories and chains say of a registry that is damaged or may only be
// read. As with damage_checks.hpp, what Windows makes of damage is not documented.
#pragma once

#include <functional>

#include "category_checks.hpp"
#include "namespace_checks.hpp"
#include "read_only_key.hpp"

inline void check_new_functions_without_rights(Checks& checks, const WinsockDll& dll, const ProviderFiles& files) {
    const NamespaceFunctions names = NamespaceFunctions::own(dll);
    const CategoryFunctions categories = CategoryFunctions::of(dll, false);
    const ChainInstaller install(dll, files, false);
    GUID layer = test_guid(0x700);
    GUID unknown = test_guid(0x701);
    const auto text = const_cast<LPWSTR>(L"no rights");
    std::vector<GUID> ids = namespace_ids(list(names.enumerate));
    checks.section("a namespace catalog that may only be read");
    const std::wstring namespaces = std::wstring(winsock_parameters) + L"\\NameSpace_Catalog5";
    const Unchanged unchanged;
    {
        const ReadOnlyKey closed(namespaces);
        checks.is_true("is listed", !list(names.enumerate).empty());
        checks.equal("WSCInstallNameSpace", last_error_of(names.install(text, text, NS_WINS, 1, &unknown)), WSAEACCES);
        checks.equal("WSCUnInstallNameSpace", last_error_of(names.uninstall(&ids[0])), WSANO_RECOVERY);
        checks.equal("WSCEnableNSProvider", last_error_of(names.enable(&ids[0], FALSE)), WSANO_RECOVERY);
        checks.equal("WSCWriteNameSpaceOrder", names.order(ids.data(), static_cast<DWORD>(ids.size())), WSANO_RECOVERY);
    }
    checks.section("a protocol catalog that may only be read");
    {
        const ReadOnlyKey closed(protocol_catalog);
        if (!files.own().empty()) {
            checks.equal("WSCInstallProviderAndChains", install({.provider = &unknown, .name = L"no rights"}),
                         WSANO_RECOVERY);
        }
        checks.equal("WSCSetProviderInfo", categories.set_to(layer, LSP_PROXY), WSANO_RECOVERY);
        checks.equal("WSCGetProviderInfo still reads", categories.value_of(layer), -1);
    }
    checks.section("parameters that may only be read");
    {
        const ReadOnlyKey closed(winsock_parameters);
        checks.equal("WSCSetApplicationCategory", Applications(dll).set(L"C:\\a.exe", L"", LSP_SYSTEM), WSANO_RECOVERY);
    }
    unchanged.check(checks, "a refused call");
}

inline void check_namespace_damage(Checks& checks, const WinsockDll& dll, ParametersGuard& guard) {
    const NamespaceFunctions names = NamespaceFunctions::own(dll);
    const std::wstring root = std::wstring(winsock_parameters) + L"\\NameSpace_Catalog5";
    const std::wstring first = root + L"\\" + names.entries_key + L"\\000000000001";
    const auto set = [](const std::wstring& path, const wchar_t* name, DWORD type, std::vector<BYTE> data) {
        RegSetValueExW(Key(HKEY_LOCAL_MACHINE, path).get(), name, 0, type, data.data(),
                       static_cast<DWORD>(data.size()));
    };
    const std::pair<const char*, std::function<void()>> damages[] = {
        {"no catalog", [&] { RegDeleteTreeW(HKEY_LOCAL_MACHINE, root.c_str()); }},
        {"no count", [&] { RegDeleteValueW(Key(HKEY_LOCAL_MACHINE, root).get(), names.count_value); }},
        {"four thousand million counted", [&] { set(root, names.count_value, REG_DWORD, {255, 255, 255, 255}); }},
        {"the first key missing", [&] { RegDeleteTreeW(HKEY_LOCAL_MACHINE, first.c_str()); }},
        {"no GUID", [&] { RegDeleteValueW(Key(HKEY_LOCAL_MACHINE, first).get(), L"ProviderId"); }},
        {"a GUID of 15 bytes", [&] { set(first, L"ProviderId", REG_BINARY, std::vector<BYTE>(15)); }},
        {"a name that is a number", [&] { set(first, L"DisplayString", REG_DWORD, {1, 0, 0, 0}); }},
        {"Enabled of two bytes", [&] { set(first, L"Enabled", REG_DWORD, {1, 0}); }},
    };
    GUID id = namespace_ids(list(names.enumerate)).at(0);
    const auto text = const_cast<LPWSTR>(L"damage");
    for (const auto& [name, damage] : damages) {
        checks.section(std::string("damage of the namespace catalog: ") + name);
        damage();
        const Unchanged unchanged;
        int error = 0;
        list(names.enumerate, &error);
        checks.equal("WSAEnumNameSpaceProviders", error, WSANO_RECOVERY);
        GUID unknown = test_guid(0x702);
        checks.equal("WSCInstallNameSpace", last_error_of(names.install(text, text, NS_WINS, 1, &unknown)),
                     WSANO_RECOVERY);
        checks.equal("WSCEnableNSProvider", last_error_of(names.enable(&id, FALSE)), WSANO_RECOVERY);
        checks.equal("WSCUnInstallNameSpace", last_error_of(names.uninstall(&id)), WSANO_RECOVERY);
        checks.equal("WSCWriteNameSpaceOrder", names.order(&id, 1), WSANO_RECOVERY);
        unchanged.check(checks, "a refused call");
        guard.restore();
        list(names.enumerate, &error);
        checks.equal("put right, it works again", error, 0);
    }
    checks.section("odd: a name without its terminator");
    set(first, L"DisplayString", REG_SZ, {'x', 0, 'y', 0});
    checks.is_true("is read to its end", list(names.enumerate).front().name == L"xy");
    guard.restore();
    checks.section("odd: categories that are none");
    set(protocol_catalog, L"nothing", REG_SZ, {});
    const std::wstring categories =
        std::wstring(protocol_catalog) + (sizeof(void*) == 8 ? L"\\Lsp_Categories64" : L"\\Lsp_Categories");
    Key made(HKEY_LOCAL_MACHINE, categories, true);
    set(categories, L"{no GUID}", REG_DWORD, {1, 0, 0, 0});
    set(categories, L"{5B0D5A11-7E57-4CA7-A000-000000000000}", REG_SZ, {'1', 0});
    checks.is_true("are passed over", !enumerate(dll.own()).empty());
    guard.restore();
}

inline void check_new_damage(Checks& checks, const WinsockDll& dll, const ProviderFiles& files,
                             ParametersGuard& guard) {
    WSADATA data;
    dll.get<int(WSAAPI*)(WORD, LPWSADATA)>("WSAStartup")(MAKEWORD(2, 2), &data);
    check_new_functions_without_rights(checks, dll, files);
    check_namespace_damage(checks, dll, guard);
    dll.get<int(WSAAPI*)()>("WSACleanup")();
}
