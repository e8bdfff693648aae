// WSCInstallProvider, WSCInstallProvider64_32, WSCUpdateProvider(32), WSCDeinstallProvider(32): results, errors, and
// what they do to the registry. Each function given a catalog leaves it as it was.
#pragma once

#include <initializer_list>

#include "catalog_api.hpp"
#include "checks.hpp"
#include "registry_snapshot.hpp"

inline const wchar_t* const test_path = L"%ProgramFiles%\\winsock test\\provider.dll";

// How many entries the registry counts, and how many keys it has; -1 if the keys are not 1..count.
inline int counted_keys(const CatalogFunctions& functions) {
    const RegistryTree tree = read_parameters();
    const RegistryTree& catalog = tree.keys.at(L"Protocol_Catalog9");
    const RegistryTree& entries = catalog.keys.at(functions.entries_key);
    const std::uint32_t count = catalog_number(functions.count_value);
    if (entries.keys.size() != count) {
        return -1;
    }
    std::uint32_t number = 0;
    for (const auto& [name, entry] : entries.keys) { // the map is in the order of the names
        wchar_t expected[16];
        swprintf(expected, 16, L"%012u", ++number);
        if (name != expected || entry.values.size() != 1 || !entry.values.contains(L"PackedCatalogItem") ||
            entry.values.at(L"PackedCatalogItem").type != REG_BINARY ||
            entry.values.at(L"PackedCatalogItem").data.size() != 888) {
            return -1;
        }
    }
    return static_cast<int>(count);
}

// Nothing below the parameters has changed, the serial number included.
class Unchanged {
public:
    Unchanged() : before_(read_parameters()) {}
    void check(Checks& checks, const std::string& name) const {
        checks.is_true(name + " changes nothing", read_parameters() == before_);
    }

private:
    RegistryTree before_;
};

inline void check_install(Checks& checks, const WinsockDll& dll) {
    const CatalogFunctions own = dll.own();
    checks.section(std::string("WSCInstallProvider, catalog ") + own.name);
    const RegistryTree start = read_parameters();
    const Infos before = enumerate(own);
    const std::uint32_t serial = catalog_number(L"Serial_Access_Num");
    const std::uint32_t next_id = catalog_number(L"Next_Catalog_Entry_ID");

    GUID hidden = test_guid(1);
    WSAPROTOCOL_INFOW given = make_info(L"test hidden", {});
    const WSAPROTOCOL_INFOW kept = given;
    checks.equal("a hidden entry", error_of(dll.install(), &hidden, test_path, &given, 1), 0);
    checks.is_true("the caller's array is not written to", std::memcmp(&given, &kept, sizeof(given)) == 0);
    Infos after = enumerate(own);
    checks.equal("is one more", after.size(), before.size() + 1);
    const WSAPROTOCOL_INFOW& made = after.back();
    WSAPROTOCOL_INFOW expected = given;
    expected.ProviderId = hidden;
    expected.dwCatalogEntryId = made.dwCatalogEntryId;
    checks.is_true("is the last one, with the provider's GUID and the fields as given",
                   std::memcmp(&made, &expected, sizeof(made)) == 0);
    checks.equal("has the next free id", made.dwCatalogEntryId, next_id);
    checks.equal("and the next free id moves on", catalog_number(L"Next_Catalog_Entry_ID"), next_id + 1);
    checks.equal("the serial number moves by one", catalog_number(L"Serial_Access_Num"), serial + 1);
    checks.equal("the keys are 1 to count", counted_keys(own), static_cast<int>(after.size()));
    checks.is_true("the path is stored as given", path_of(own, hidden) == test_path);
    RegistryTree now = read_parameters();
    const wchar_t* other =
        std::wcscmp(own.entries_key, L"Catalog_Entries") == 0 ? L"Catalog_Entries64" : L"Catalog_Entries";
    checks.is_true("the other bitness is as it was",
                   now.keys[L"Protocol_Catalog9"].keys[other] == start.keys.at(L"Protocol_Catalog9").keys.at(other));

    {
        const Unchanged unchanged;
        checks.equal("the same GUID again", error_of(dll.install(), &hidden, test_path, &given, 1), WSANO_RECOVERY);
        unchanged.check(checks, "the same GUID again");
    }

    GUID many = test_guid(2);
    const DWORD hidden_id = made.dwCatalogEntryId;
    const std::vector<WSAPROTOCOL_INFOW> three = {make_info(L"test one", {hidden_id, 1001}),
                                                  make_info(L"test two", {hidden_id, 1002}),
                                                  make_info(L"test three", {hidden_id, 1, 2, 3, 4, 5, 6})};
    checks.equal("three entries at once", error_of(dll.install(), &many, test_path, three.data(), 3), 0);
    const Infos found = of_provider(enumerate(own), many);
    checks.equal("are three", found.size(), 3u);
    if (found.size() == 3) {
        checks.is_true("in the given order", std::wcscmp(found[0].szProtocol, L"test one") == 0 &&
                                                 std::wcscmp(found[2].szProtocol, L"test three") == 0);
        checks.is_true("with consecutive ids", found[1].dwCatalogEntryId == found[0].dwCatalogEntryId + 1 &&
                                                   found[2].dwCatalogEntryId == found[0].dwCatalogEntryId + 2);
        checks.equal("a chain of seven is kept", found[2].ProtocolChain.ChainLen, 7);
        checks.equal("to its last entry", found[2].ProtocolChain.ChainEntries[6], 6u);
    }

    checks.section(std::string("WSCDeinstallProvider, catalog ") + own.name);
    checks.equal("the first provider goes", error_of(own.deinstall, &hidden), 0);
    after = enumerate(own);
    checks.equal("with its one entry", after.size(), before.size() + 3);
    checks.equal("the keys are renumbered", counted_keys(own), static_cast<int>(after.size()));
    checks.is_true("those behind it move up in order", std::wcscmp(after[before.size()].szProtocol, L"test one") == 0 &&
                                                           std::wcscmp(after.back().szProtocol, L"test three") == 0);
    {
        const Unchanged unchanged;
        checks.equal("a provider that is not there", error_of(own.deinstall, &hidden), WSAEINVAL);
        unchanged.check(checks, "a provider that is not there");
        checks.equal("NULL provider", error_of(own.deinstall, nullptr), WSAEFAULT);
        checks.equal("NULL lpErrno", own.deinstall(&many, nullptr), SOCKET_ERROR);
        unchanged.check(checks, "a bad argument");
    }
    checks.equal("the second provider goes with all its entries", error_of(own.deinstall, &many), 0);
    checks.is_true("the registry is as it was, but for serial number and next id",
                   without_counters(read_parameters()) == without_counters(start));
}

inline void check_install_arguments(Checks& checks, const char* name, InstallProvider function, GUID id,
                                    const WSAPROTOCOL_INFOW& good) {
    checks.section(name);
    const Unchanged unchanged;
    const auto error = [&](const GUID* provider, const wchar_t* path, const WSAPROTOCOL_INFOW* infos, DWORD count) {
        return error_of(function, const_cast<GUID*>(provider), path, infos, count);
    };
    checks.equal("NULL provider", error(nullptr, test_path, &good, 1), WSAEFAULT);
    checks.equal("NULL path", error(&id, nullptr, &good, 1), WSAEFAULT);
    checks.equal("NULL list", error(&id, test_path, nullptr, 1), WSAEFAULT);
    checks.equal("list that cannot be read", error(&id, test_path, bad_pointer<WSAPROTOCOL_INFOW*>(), 1), WSAEFAULT);
    checks.equal("path that cannot be read", error(&id, bad_pointer<wchar_t*>(), &good, 1), WSAEFAULT);
    checks.equal("more entries than memory holds", error(&id, test_path, &good, 0xFFFFFFFF), WSAEFAULT);
    checks.equal("no entries", error(&id, test_path, &good, 0), WSAEINVAL);
    checks.equal("empty path", error(&id, L"", &good, 1), WSAEINVAL);
    checks.equal("path of 260", error(&id, std::wstring(260, L'x').c_str(), &good, 1), WSAEINVAL);
    checks.equal("path of 30000", error(&id, std::wstring(30000, L'x').c_str(), &good, 1), WSAEINVAL);
    if (GetACP() != CP_UTF8) {
        checks.equal("path that ANSI cannot say", error(&id, L"C:\\\x4E2D\\\x6587.dll", &good, 1), WSAEINVAL);
    }
    WSAPROTOCOL_INFOW bad = good;
    for (const int length : {8, -1, 0x7FFFFFFF}) {
        bad.ProtocolChain.ChainLen = length;
        checks.equal("ChainLen " + std::to_string(length), error(&id, test_path, &bad, 1), WSAEINVAL);
    }
    bad = good;
    for (wchar_t& unit : bad.szProtocol) {
        unit = L'x';
    }
    checks.equal("name without end", error(&id, test_path, &bad, 1), WSAEINVAL);
    const WSAPROTOCOL_INFOW second_bad[] = {good, bad};
    checks.equal("second entry bad", error(&id, test_path, second_bad, 2), WSAEINVAL);
    checks.equal("NULL lpErrno", function(&id, test_path, &good, 1, nullptr), SOCKET_ERROR);
    unchanged.check(checks, "a bad argument");
}

inline void check_long_path(Checks& checks, const WinsockDll& dll) {
    const CatalogFunctions own = dll.own();
    checks.section("paths");
    GUID id = test_guid(3);
    const std::wstring longest(259, L'p');
    const WSAPROTOCOL_INFOW info = make_info(L"long path", {});
    checks.equal("a path of 259 is installed", error_of(dll.install(), &id, longest.c_str(), &info, 1), 0);
    checks.is_true("and read back", path_of(own, id) == longest);
    checks.equal("and removed", error_of(own.deinstall, &id), 0);
}

inline void check_update(Checks& checks, const CatalogFunctions& functions, InstallProvider install) {
    checks.section(std::string("WSCUpdateProvider, catalog ") + functions.name);
    GUID id = test_guid(4);
    const WSAPROTOCOL_INFOW two[] = {make_info(L"first", {1001, 1002}), make_info(L"second", {1001, 1002})};
    checks.equal("two entries to begin with", error_of(install, &id, test_path, two, 2), 0);
    const Infos before = enumerate(functions);
    Infos own = of_provider(before, id);
    if (own.size() != 2) {
        checks.is_true("they are there", false);
        return;
    }
    const std::uint32_t serial = catalog_number(L"Serial_Access_Num");
    WSAPROTOCOL_INFOW changed = own[1];
    changed.ProviderId = test_guid(50); // the GUID of the call counts
    changed.ProtocolChain = {3, {9, 8, 7, 0, 0, 0, 0}};
    set_name(changed, L"renamed");
    checks.equal("the second entry is changed", error_of(functions.update, &id, L"D:\\new.dll", &changed, 1), 0);
    const Infos after = enumerate(functions);
    checks.is_true("ids and order stay", ids_of(after) == ids_of(before));
    own = of_provider(after, id);
    checks.is_true("the entry is as given", own.size() == 2 && own[1].ProtocolChain.ChainLen == 3 &&
                                                own[1].ProtocolChain.ChainEntries[2] == 7 &&
                                                std::wcscmp(own[1].szProtocol, L"renamed") == 0);
    checks.is_true("the other entry is as it was", std::wcscmp(own[0].szProtocol, L"first") == 0);
    checks.is_true("the provider has the new path", path_of(functions, id) == L"D:\\new.dll");
    checks.equal("the serial number moves by one", catalog_number(L"Serial_Access_Num"), serial + 1);

    {
        const Unchanged unchanged;
        GUID unknown = test_guid(5);
        checks.equal("an unknown provider", error_of(functions.update, &unknown, test_path, &changed, 1), WSAEINVAL);
        WSAPROTOCOL_INFOW foreign = changed;
        foreign.dwCatalogEntryId = 1001;
        checks.equal("an id of another provider", error_of(functions.update, &id, test_path, &foreign, 1), WSAEINVAL);
        const WSAPROTOCOL_INFOW twice[] = {changed, changed};
        checks.equal("the same id twice", error_of(functions.update, &id, test_path, twice, 2), WSAEINVAL);
        const WSAPROTOCOL_INFOW too_many[] = {own[0], own[1], own[1]};
        checks.equal("more entries than it has", error_of(functions.update, &id, test_path, too_many, 3), WSAEINVAL);
        unchanged.check(checks, "a refused update");
    }
    check_install_arguments(checks, "arguments of WSCUpdateProvider", functions.update, id, changed);
    checks.section(std::string("WSCUpdateProvider, catalog ") + functions.name);
    checks.equal("the provider goes", error_of(functions.deinstall, &id), 0);

    GUID single = test_guid(6);
    checks.equal("a provider with one entry", error_of(install, &single, test_path, two, 1), 0);
    WSAPROTOCOL_INFOW no_id = two[1];
    checks.equal("is changed without naming its id", error_of(functions.update, &single, test_path, &no_id, 1), 0);
    own = of_provider(enumerate(functions), single);
    checks.is_true("and keeps its id", own.size() == 1 &&
                                           own[0].dwCatalogEntryId + 1 == catalog_number(L"Next_Catalog_Entry_ID") &&
                                           std::wcscmp(own[0].szProtocol, L"second") == 0);
    checks.equal("it goes too", error_of(functions.deinstall, &single), 0);
}

// The x64 DLL installs in both catalogs at once, and reaches the 32-bit one by functions of its own.
inline void check_both_catalogs(Checks& checks, const WinsockDll& dll) {
    const CatalogFunctions own = dll.own();
    const CatalogFunctions other = dll.other();
    checks.section("WSCInstallProvider64_32");
    const RegistryTree start = read_parameters();
    GUID id = test_guid(7);
    const WSAPROTOCOL_INFOW two[] = {make_info(L"both one", {}), make_info(L"both two", {1001, 1002})};
    checks.equal("an install in both", error_of(dll.install_both(), &id, test_path, two, 2), 0);
    const Infos in64 = of_provider(enumerate(own), id);
    const Infos in32 = of_provider(enumerate(other), id);
    checks.equal("gives the 64-bit catalog its entries", in64.size(), 2u);
    checks.is_true("and the 32-bit one the same, ids too", ids_of(in64) == ids_of(in32));
    checks.is_true("with the same path", path_of(own, id) == test_path && path_of(other, id) == test_path);
    checks.equal("the 64-bit keys are 1 to count", counted_keys(own), static_cast<int>(enumerate(own).size()));
    checks.equal("the 32-bit keys are 1 to count", counted_keys(other), static_cast<int>(enumerate(other).size()));
    {
        const Unchanged unchanged;
        checks.equal("again", error_of(dll.install_both(), &id, test_path, two, 2), WSANO_RECOVERY);
        unchanged.check(checks, "again");
    }
    checks.equal("WSCDeinstallProvider takes the 64-bit ones", error_of(own.deinstall, &id), 0);
    checks.equal("and leaves the 32-bit ones", of_provider(enumerate(other), id).size(), 2u);
    {
        const Unchanged unchanged;
        checks.equal("half there, it is refused", error_of(dll.install_both(), &id, test_path, two, 2), WSANO_RECOVERY);
        unchanged.check(checks, "half there, it");
    }
    checks.equal("WSCDeinstallProvider32 takes the others", error_of(other.deinstall, &id), 0);
    checks.equal("and no more", error_of(other.deinstall, &id), WSAEINVAL);
    checks.is_true("the registry is as it was, but for serial number and next id",
                   without_counters(read_parameters()) == without_counters(start));
}
