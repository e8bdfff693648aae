// Namespace providers: enumeration in its four forms, installing, removing, enabling, ordering, in both catalogs.
#pragma once

#include <algorithm>
#include <iterator>

#include "install_checks.hpp"

using InstallNameSpace = INT(WSPAPI*)(LPWSTR, LPWSTR, DWORD, DWORD, LPGUID);
using InstallNameSpaceEx = INT(WSPAPI*)(LPWSTR, LPWSTR, DWORD, DWORD, LPGUID, LPBLOB);
using UnInstallNameSpace = INT(WSPAPI*)(LPGUID);
using EnableNSProvider = INT(WSPAPI*)(LPGUID, BOOL);
using WriteNameSpaceOrder = int(WSPAPI*)(LPGUID, DWORD);
template <class Info>
using EnumNameSpaces = INT(WSAAPI*)(LPDWORD, Info*);

struct NamespaceFunctions {
    std::string name;
    EnumNameSpaces<WSANAMESPACE_INFOW> enumerate;
    EnumNameSpaces<WSANAMESPACE_INFOEXW> enumerate_ex;
    InstallNameSpace install;
    InstallNameSpaceEx install_ex;
    UnInstallNameSpace uninstall;
    EnableNSProvider enable;
    WriteNameSpaceOrder order;
    const wchar_t* entries_key;
    const wchar_t* count_value;

    static NamespaceFunctions own(const WinsockDll& dll) {
        const bool is64 = sizeof(void*) == 8;
        return {is64 ? "64" : "32",
                dll.get<EnumNameSpaces<WSANAMESPACE_INFOW>>("WSAEnumNameSpaceProvidersW"),
                dll.get<EnumNameSpaces<WSANAMESPACE_INFOEXW>>("WSAEnumNameSpaceProvidersExW"),
                dll.get<InstallNameSpace>("WSCInstallNameSpace"),
                dll.get<InstallNameSpaceEx>("WSCInstallNameSpaceEx"),
                dll.get<UnInstallNameSpace>("WSCUnInstallNameSpace"),
                dll.get<EnableNSProvider>("WSCEnableNSProvider"),
                dll.get<WriteNameSpaceOrder>("WSCWriteNameSpaceOrder"),
                is64 ? L"Catalog_Entries64" : L"Catalog_Entries",
                is64 ? L"Num_Catalog_Entries64" : L"Num_Catalog_Entries"};
    }
    static NamespaceFunctions other(const WinsockDll& dll) {
        return {"32 from 64",
                dll.get<EnumNameSpaces<WSANAMESPACE_INFOW>>("WSCEnumNameSpaceProviders32"),
                dll.get<EnumNameSpaces<WSANAMESPACE_INFOEXW>>("WSCEnumNameSpaceProvidersEx32"),
                dll.get<InstallNameSpace>("WSCInstallNameSpace32"),
                dll.get<InstallNameSpaceEx>("WSCInstallNameSpaceEx32"),
                dll.get<UnInstallNameSpace>("WSCUnInstallNameSpace32"),
                dll.get<EnableNSProvider>("WSCEnableNSProvider32"),
                dll.get<WriteNameSpaceOrder>("WSCWriteNameSpaceOrder32"),
                L"Catalog_Entries",
                L"Num_Catalog_Entries"};
    }
    bool complete() const { return enumerate && enumerate_ex && install && install_ex && uninstall && enable && order; }
};

// 0, or the thread's last error.
inline int last_error_of(INT result) {
    return result == SOCKET_ERROR ? static_cast<int>(GetLastError()) : result;
}

struct Namespace {
    GUID id;
    DWORD name_space;
    bool active;
    DWORD version;
    std::wstring name;
    std::vector<BYTE> blob;
};
using Namespaces = std::vector<Namespace>;

inline Namespace plain(const WSANAMESPACE_INFOW& info) {
    return {info.NSProviderId, info.dwNameSpace, info.fActive != FALSE, info.dwVersion, info.lpszIdentifier, {}};
}
inline Namespace plain(const WSANAMESPACE_INFOEXW& info) {
    const BYTE* bytes = info.ProviderSpecific.pBlobData;
    return {info.NSProviderId, info.dwNameSpace,    info.fActive != FALSE,
            info.dwVersion,    info.lpszIdentifier, std::vector<BYTE>(bytes, bytes + info.ProviderSpecific.cbSize)};
}

template <class Info>
Namespaces list(EnumNameSpaces<Info> function, int* error = nullptr) {
    DWORD size = 0;
    std::vector<Info> buffer;
    INT count = SOCKET_ERROR;
    int code = WSAEFAULT;
    for (int attempt = 0; attempt < 5 && code == WSAEFAULT; ++attempt) {
        buffer.resize(size / sizeof(Info) + 1);
        count = function(&size, buffer.data());
        code = count == SOCKET_ERROR ? static_cast<int>(GetLastError()) : 0;
    }
    Namespaces found;
    for (INT index = 0; index < count; ++index) {
        found.push_back(plain(buffer[static_cast<std::size_t>(index)]));
    }
    if (error != nullptr) {
        *error = code;
    }
    return found;
}

inline const Namespace* find_namespace(const Namespaces& list, const GUID& id) {
    const auto found =
        std::find_if(list.begin(), list.end(), [&](const Namespace& one) { return same_guid(one.id, id); });
    return found != list.end() ? &*found : nullptr;
}

inline std::vector<GUID> namespace_ids(const Namespaces& list) {
    std::vector<GUID> ids;
    for (const Namespace& one : list) {
        ids.push_back(one.id);
    }
    return ids;
}

inline bool same_ids(const std::vector<GUID>& left, const std::vector<GUID>& right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), same_guid);
}

inline RegistryTree without_namespace_serial(RegistryTree tree) {
    tree = without_counters(std::move(tree));
    tree.keys[L"NameSpace_Catalog5"].values.erase(L"Serial_Access_Num");
    return tree;
}

inline bool namespace_keys_are_counted(const NamespaceFunctions& functions, std::size_t count) {
    const RegistryTree catalog = read_parameters().keys.at(L"NameSpace_Catalog5");
    const RegistryTree& entries = catalog.keys.at(functions.entries_key);
    DWORD counted = 0;
    std::memcpy(&counted, catalog.values.at(functions.count_value).data.data(), sizeof(counted));
    unsigned number = 0;
    for (const auto& [name, entry] : entries.keys) {
        wchar_t expected[16];
        swprintf(expected, 16, L"%012u", ++number);
        if (name != expected || !entry.values.contains(L"ProviderId") || !entry.values.contains(L"LibraryPath")) {
            return false;
        }
    }
    return counted == count && number == count;
}

inline DWORD namespace_serial() {
    DWORD serial = 0;
    const RegistryTree catalog = read_parameters().keys.at(L"NameSpace_Catalog5");
    std::memcpy(&serial, catalog.values.at(L"Serial_Access_Num").data.data(), sizeof(serial));
    return serial;
}

inline void check_namespace_list(Checks& checks, const WinsockDll& dll, const NamespaceFunctions& functions) {
    checks.section("namespace providers are listed, catalog " + functions.name);
    const Namespaces found = list(functions.enumerate);
    const GUID tcpip{0x22059D40, 0x7E9E, 0x11CF, {0xAE, 0x5A, 0x00, 0xAA, 0x00, 0xA7, 0x11, 0x2B}};
    const Namespace* dns = find_namespace(found, tcpip);
    checks.is_true("DNS is among them, active", dns != nullptr && dns->name_space == NS_DNS && dns->active);
    const Namespaces extended = list(functions.enumerate_ex);
    checks.is_true("Ex lists the same", same_ids(namespace_ids(found), namespace_ids(extended)));
    bool same = found.size() == extended.size();
    for (std::size_t index = 0; same && index < found.size(); ++index) {
        same = found[index].name == extended[index].name && found[index].name_space == extended[index].name_space;
    }
    checks.is_true("with the same names and numbers", same);

    DWORD size = 0;
    checks.equal("no room is WSAEFAULT", last_error_of(functions.enumerate(&size, nullptr)), WSAEFAULT);
    const DWORD needed = size;
    checks.is_true("and the size needed is told", needed > found.size() * sizeof(WSANAMESPACE_INFOW));
    std::vector<BYTE> buffer(needed + 16, BYTE{0xCC});
    const auto room = reinterpret_cast<LPWSANAMESPACE_INFOW>(buffer.data());
    checks.equal("the exact size is enough", functions.enumerate(&size, room), static_cast<INT>(found.size()));
    checks.is_true("names lie in the buffer",
                   reinterpret_cast<BYTE*>(room[0].lpszIdentifier) > buffer.data() &&
                       reinterpret_cast<BYTE*>(room[0].lpszIdentifier) < buffer.data() + needed);
    checks.is_true("and nothing behind it is touched",
                   std::all_of(buffer.begin() + needed, buffer.end(), [](BYTE byte) { return byte == 0xCC; }));
    size = needed - 1;
    checks.equal("one byte less is WSAEFAULT", last_error_of(functions.enumerate(&size, room)), WSAEFAULT);
    checks.equal("and the size is told again", size, needed);
    checks.equal("NULL buffer", last_error_of(functions.enumerate(&size, nullptr)), WSAEFAULT);
    checks.equal("NULL size", last_error_of(functions.enumerate(nullptr, room)), WSAEFAULT);
    checks.equal("a buffer that cannot be written",
                 last_error_of(functions.enumerate(&size, bad_pointer<LPWSANAMESPACE_INFOW>())), WSAEFAULT);

    if (functions.name != "32 from 64") {
        const auto ansi = dll.get<EnumNameSpaces<WSANAMESPACE_INFOA>>("WSAEnumNameSpaceProvidersA");
        const auto ansi_ex = dll.get<EnumNameSpaces<WSANAMESPACE_INFOEXA>>("WSAEnumNameSpaceProvidersExA");
        std::vector<BYTE> narrow(needed + found.size() * 32);
        size = static_cast<DWORD>(narrow.size());
        const auto infos = reinterpret_cast<LPWSANAMESPACE_INFOA>(narrow.data());
        bool equal = ansi(&size, infos) == static_cast<INT>(found.size());
        for (std::size_t index = 0; equal && index < found.size(); ++index) {
            const std::string name = infos[index].lpszIdentifier;
            equal = std::equal(name.begin(), name.end(), found[index].name.begin(), found[index].name.end()) &&
                    same_guid(infos[index].NSProviderId, found[index].id);
        }
        checks.is_true("A lists the same, names in ANSI", equal);
        size = static_cast<DWORD>(narrow.size());
        const auto infos_ex = reinterpret_cast<LPWSANAMESPACE_INFOEXA>(narrow.data());
        equal = ansi_ex(&size, infos_ex) == static_cast<INT>(found.size());
        for (std::size_t index = 0; equal && index < found.size(); ++index) {
            const std::string name = infos_ex[index].lpszIdentifier;
            equal = std::equal(name.begin(), name.end(), found[index].name.begin(), found[index].name.end());
        }
        checks.is_true("ExA likewise", equal);
    }
}

inline void check_namespace_changes(Checks& checks, const NamespaceFunctions& functions) {
    checks.section("namespace providers are changed, catalog " + functions.name);
    const RegistryTree start = read_parameters();
    const Namespaces before = list(functions.enumerate);
    const DWORD serial = namespace_serial();
    GUID id = test_guid(0x500);
    const auto name = const_cast<LPWSTR>(L"test namespace \x00FC");
    const auto path = const_cast<LPWSTR>(L"%ProgramFiles%\\test\\names.dll");
    checks.equal("one is installed", functions.install(name, path, NS_WINS, 7, &id), 0);
    Namespaces after = list(functions.enumerate);
    checks.equal("it is one more", after.size(), before.size() + 1);
    const Namespace& made = after.back();
    checks.is_true("the last one, active, as it was given", same_guid(made.id, id) && made.active &&
                                                                made.name == name && made.name_space == NS_WINS &&
                                                                made.version == 7);
    checks.is_true("the keys are 1 to count", namespace_keys_are_counted(functions, after.size()));
    checks.equal("the serial number moves by one", namespace_serial(), serial + 1);
    const Namespaces without_blob = list(functions.enumerate_ex);
    checks.is_true("it has no blob", without_blob.back().blob.empty());

    GUID with_blob = test_guid(0x501);
    BYTE bytes[] = {1, 2, 3, 4, 5};
    BLOB blob{sizeof(bytes), bytes};
    checks.equal("one with a blob", functions.install_ex(name, path, NS_EMAIL, 1, &with_blob, &blob), 0);
    const Namespaces extended = list(functions.enumerate_ex);
    checks.is_true("which Ex gives back",
                   extended.back().blob == std::vector<BYTE>(std::begin(bytes), std::end(bytes)));

    checks.equal("one is disabled", functions.enable(&id, FALSE), 0);
    after = list(functions.enumerate);
    checks.is_true("it is listed as not active, in its place",
                   same_guid(after[before.size()].id, id) && !after[before.size()].active);
    const DWORD enabled_serial = namespace_serial();
    checks.equal("again", functions.enable(&id, FALSE), 0);
    checks.equal("is no change", namespace_serial(), enabled_serial);
    checks.equal("one is enabled", functions.enable(&id, TRUE), 0);
    checks.is_true("it is active", find_namespace(list(functions.enumerate), id)->active);

    std::vector<GUID> ids = namespace_ids(after);
    std::reverse(ids.begin(), ids.end());
    const DWORD count = static_cast<DWORD>(ids.size());
    checks.equal("the reverse order", functions.order(ids.data(), count), 0);
    checks.is_true("is the order", same_ids(namespace_ids(list(functions.enumerate)), ids));
    checks.is_true("the blob goes with its provider", list(functions.enumerate_ex).front().blob.size() == 5);
    {
        const Unchanged unchanged;
        std::vector<GUID> wrong = ids;
        wrong[0] = wrong[1];
        checks.equal("one twice", functions.order(wrong.data(), count), WSAEINVAL);
        wrong[0] = test_guid(0x5FF);
        checks.equal("one unknown", functions.order(wrong.data(), count), WSAEINVAL);
        checks.equal("one missing", functions.order(ids.data(), count - 1), WSAEINVAL);
        checks.equal("none", functions.order(ids.data(), 0), WSAEINVAL);
        checks.equal("NULL", functions.order(nullptr, count), WSAEFAULT);
        checks.equal("a list that cannot be read", functions.order(bad_pointer<LPGUID>(), count), WSAEFAULT);
        checks.equal("more than memory holds", functions.order(ids.data(), 0xFFFFFFFF), WSAEFAULT);
        unchanged.check(checks, "a refused order");
    }
    std::reverse(ids.begin(), ids.end());
    checks.equal("the old order", functions.order(ids.data(), count), 0);

    {
        const Unchanged unchanged;
        GUID unknown = test_guid(0x5FE);
        const std::wstring long_path(260, L'p');
        const auto install_error = [&](LPWSTR identifier, LPWSTR file, LPGUID guid) {
            return last_error_of(functions.install(identifier, file, NS_WINS, 1, guid));
        };
        checks.equal("the same GUID again", install_error(name, path, &id), WSANO_RECOVERY);
        checks.equal("NULL name", install_error(nullptr, path, &unknown), WSAEINVAL);
        checks.equal("empty name", install_error(const_cast<LPWSTR>(L""), path, &unknown), WSAEINVAL);
        checks.equal("name that cannot be read", install_error(bad_pointer<LPWSTR>(), path, &unknown), WSAEINVAL);
        checks.equal("NULL path", install_error(name, nullptr, &unknown), WSAEINVAL);
        checks.equal("path of 260", install_error(name, const_cast<LPWSTR>(long_path.c_str()), &unknown), WSAEINVAL);
        checks.equal("NULL GUID", install_error(name, path, nullptr), WSAEINVAL);
        BLOB bad_blob{8, bad_pointer<BYTE*>()};
        checks.equal("a blob that cannot be read",
                     last_error_of(functions.install_ex(name, path, NS_WINS, 1, &unknown, &bad_blob)), WSAEINVAL);
        checks.equal("removing one that is not there", last_error_of(functions.uninstall(&unknown)), WSAEINVAL);
        checks.equal("removing NULL", last_error_of(functions.uninstall(nullptr)), WSAEFAULT);
        checks.equal("removing what cannot be read", last_error_of(functions.uninstall(bad_pointer<LPGUID>())),
                     WSAEFAULT);
        checks.equal("enabling one that is not there", last_error_of(functions.enable(&unknown, TRUE)), WSAEINVAL);
        checks.equal("enabling NULL", last_error_of(functions.enable(nullptr, TRUE)), WSAEFAULT);
        unchanged.check(checks, "a bad argument");
    }
    checks.equal("the first goes", functions.uninstall(&id), 0);
    checks.is_true("the one behind it moves up", same_guid(list(functions.enumerate).back().id, with_blob) &&
                                                     namespace_keys_are_counted(functions, before.size() + 1));
    checks.equal("it goes too", functions.uninstall(&with_blob), 0);
    checks.is_true("the registry is as it was, but for the serial number",
                   without_namespace_serial(read_parameters()) == without_namespace_serial(start));
}

inline void check_namespaces(Checks& checks, const WinsockDll& dll) {
    const NamespaceFunctions own = NamespaceFunctions::own(dll);
    const NamespaceFunctions other = NamespaceFunctions::other(dll);
    const bool is64 = sizeof(void*) == 8;
    checks.section("namespace providers");
    checks.is_true("all functions are there", own.complete());
    checks.equal("those for the 32-bit catalog in the 64-bit DLL only", other.complete(), is64);
    DWORD size = 0;
    checks.equal("listing before WSAStartup", last_error_of(own.enumerate(&size, nullptr)), WSANOTINITIALISED);
    checks.equal("Ex likewise", last_error_of(own.enumerate_ex(&size, nullptr)), WSANOTINITIALISED);
    WSADATA data;
    dll.get<int(WSAAPI*)(WORD, LPWSADATA)>("WSAStartup")(MAKEWORD(2, 2), &data);
    check_namespace_list(checks, dll, own);
    check_namespace_changes(checks, own);
    if (is64) {
        check_namespace_list(checks, dll, other);
        check_namespace_changes(checks, other);
    }
    dll.get<int(WSAAPI*)()>("WSACleanup")();
}
