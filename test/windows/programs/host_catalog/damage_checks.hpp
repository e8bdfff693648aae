// Registry contents that no writer of ours leaves: the host answers WSANO_RECOVERY, reads nothing it should not, and
// writes nothing. What real Windows does with each of these is not documented, so these run against our host only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>

#include "install_checks.hpp"
#include "read_only_key.hpp"

class Damage {
public:
    Damage(Checks& checks, const WinsockDll& dll, ParametersGuard& guard)
        : checks_(checks), dll_(dll), functions_(dll.own()), guard_(guard) {}

    // Every function refuses, and leaves the damage as it is.
    void refused(const std::string& name, const std::function<void()>& damage) {
        checks_.section("damage: " + name);
        damage();
        const Unchanged unchanged;
        int error = 0;
        enumerate(functions_, &error);
        checks_.equal("WSCEnumProtocols", error, WSANO_RECOVERY);
        wchar_t path[MAX_PATH];
        int length = MAX_PATH;
        GUID base = base_;
        checks_.equal("WSCGetProviderPath", error_of(functions_.path, &base, path, &length), WSANO_RECOVERY);
        GUID id = test_guid(20);
        const WSAPROTOCOL_INFOW info = make_info(L"damage", {});
        checks_.equal("WSCInstallProvider", error_of(dll_.install(), &id, test_path, &info, 1), WSANO_RECOVERY);
        checks_.equal("WSCUpdateProvider", error_of(functions_.update, &base, test_path, &info, 1), WSANO_RECOVERY);
        checks_.equal("WSCDeinstallProvider", error_of(functions_.deinstall, &base), WSANO_RECOVERY);
        DWORD order[] = {1001};
        checks_.equal("WSCWriteProviderOrder", functions_.order(order, 1), WSANO_RECOVERY);
        unchanged.check(checks_, "a refused call");
        guard_.restore();
        enumerate(functions_, &error);
        checks_.equal("put right, it works again", error, 0);
    }

    // Catalog_Entries*\0000000000NN
    std::wstring entry_key(unsigned number) const {
        wchar_t name[16];
        swprintf(name, 16, L"%012u", number);
        return std::wstring(protocol_catalog) + L"\\" + functions_.entries_key + L"\\" + name;
    }

    void change_item(const std::function<void(std::vector<BYTE>&)>& change, DWORD type = REG_BINARY) const {
        const Key key(HKEY_LOCAL_MACHINE, entry_key(2));
        std::vector<BYTE> item(888);
        DWORD size = 888;
        RegQueryValueExW(key.get(), L"PackedCatalogItem", nullptr, nullptr, item.data(), &size);
        change(item);
        RegSetValueExW(key.get(), L"PackedCatalogItem", 0, type, item.data(), static_cast<DWORD>(item.size()));
    }

    void refused_item(const std::string& name, const std::function<void(std::vector<BYTE>&)>& change) {
        refused(name, [&] { change_item(change); });
    }

    void refused_chain_length(int length) {
        refused_item("ChainLen " + std::to_string(length), [&](std::vector<BYTE>& item) {
            std::memcpy(item.data() + 260 + offsetof(WSAPROTOCOL_INFOW, ProtocolChain), &length, sizeof(length));
        });
    }

    void set_value(const wchar_t* name, DWORD type, const std::vector<BYTE>& data) const {
        const Key key(HKEY_LOCAL_MACHINE, protocol_catalog);
        RegSetValueExW(key.get(), name, 0, type, data.data(), static_cast<DWORD>(data.size()));
    }

    void delete_value(const wchar_t* name) const {
        const Key key(HKEY_LOCAL_MACHINE, protocol_catalog);
        RegDeleteValueW(key.get(), name);
    }

    void delete_entry(unsigned number) const { RegDeleteTreeW(HKEY_LOCAL_MACHINE, entry_key(number).c_str()); }

private:
    Checks& checks_;
    const WinsockDll& dll_;
    CatalogFunctions functions_;
    ParametersGuard& guard_;
    GUID base_ = enumerate(functions_).at(0).ProviderId;
};

// Odd, but whole: Windows reads as many entries as it counts.
inline void check_odd_but_whole(Checks& checks, const WinsockDll& dll, ParametersGuard& guard, const Damage& damage) {
    const CatalogFunctions own = dll.own();
    const WSAPROTOCOL_INFOW info = make_info(L"odd", {});
    GUID id = test_guid(21);
    const std::size_t count = enumerate(own).size();

    checks.section("odd: keys above the counted ones, as a writer leaves them that died");
    set_catalog_number(own.count_value, static_cast<std::uint32_t>(count - 1));
    checks.equal("the counted ones are read", enumerate(own).size(), count - 1);
    checks.equal("an install takes the place", error_of(dll.install(), &id, test_path, &info, 1), 0);
    checks.equal("and the keys are 1 to count", counted_keys(own), static_cast<int>(count));
    guard.restore();

    for (const std::uint32_t number : {0u, 1u, 1001u, 1006u}) {
        checks.section("odd: Next_Catalog_Entry_ID " + std::to_string(number));
        set_catalog_number(L"Next_Catalog_Entry_ID", number);
        const std::vector<DWORD> before = ids_of(enumerate(own));
        checks.equal("an install works", error_of(dll.install(), &id, test_path, &info, 1), 0);
        const DWORD given = enumerate(own).back().dwCatalogEntryId;
        checks.is_true("and gets an id that nobody has",
                       given >= 1001 && std::find(before.begin(), before.end(), given) == before.end());
        guard.restore();
    }

    checks.section("odd: an empty path");
    damage.change_item([](std::vector<BYTE>& item) { std::fill_n(item.begin(), 260, BYTE{0}); });
    checks.equal("is that provider's trouble, not the catalog's", enumerate(own).size(), count);
    guard.restore();

    checks.section("odd: bytes behind the path's end");
    damage.change_item([](std::vector<BYTE>& item) { std::fill(item.begin() + 100, item.begin() + 260, BYTE{0xAA}); });
    const RegistryTree before = read_parameters();
    std::vector<DWORD> ids = ids_of(enumerate(own));
    std::swap(ids.front(), ids.back());
    own.order(ids.data(), static_cast<DWORD>(ids.size()));
    std::swap(ids.front(), ids.back());
    own.order(ids.data(), static_cast<DWORD>(ids.size()));
    checks.is_true("stay through a reorder and back", without_counters(read_parameters()) == without_counters(before));
    guard.restore();
}

// Somebody else's key stands where the third of three entries is to go, and its DACL lets nobody in.
inline void check_failure_in_the_middle(Checks& checks, const WinsockDll& dll, ParametersGuard& guard,
                                        const Damage& damage) {
    const CatalogFunctions own = dll.own();
    checks.section("a write that fails in the middle");
    const std::wstring third = damage.entry_key(static_cast<unsigned>(enumerate(own).size()) + 3);
    {
        const Key closed(HKEY_LOCAL_MACHINE, third, true);
        SECURITY_DESCRIPTOR nobody;
        ACL empty;
        InitializeSecurityDescriptor(&nobody, SECURITY_DESCRIPTOR_REVISION);
        InitializeAcl(&empty, sizeof(empty), ACL_REVISION);
        SetSecurityDescriptorDacl(&nobody, TRUE, &empty, FALSE);
        checks.equal("the key is closed", RegSetKeySecurity(closed.get(), DACL_SECURITY_INFORMATION, &nobody),
                     ERROR_SUCCESS);
        checks.is_true("to us too", !Key(HKEY_LOCAL_MACHINE, third).is_open());
        const Unchanged unchanged;
        GUID id = test_guid(22);
        const WSAPROTOCOL_INFOW three[] = {make_info(L"one", {}), make_info(L"two", {}), make_info(L"three", {})};
        checks.equal("WSCInstallProvider", error_of(dll.install(), &id, test_path, three, 3), WSANO_RECOVERY);
        unchanged.check(checks, "the failed install");
        if (dll.install_both() != nullptr) {
            checks.equal("WSCInstallProvider64_32", error_of(dll.install_both(), &id, test_path, three, 3),
                         WSANO_RECOVERY);
            unchanged.check(checks, "the failed install in both");
        }
        SetSecurityDescriptorDacl(&nobody, TRUE, nullptr, FALSE);
        RegSetKeySecurity(closed.get(), DACL_SECURITY_INFORMATION, &nobody);
    }
    guard.restore();
    checks.equal(
        "with the key gone it works",
        [&] {
            GUID id = test_guid(22);
            const WSAPROTOCOL_INFOW three[] = {make_info(L"one", {}), make_info(L"two", {}), make_info(L"three", {})};
            return error_of(dll.install(), &id, test_path, three, 3);
        }(),
        0);
    guard.restore();
}

// What a program without administrator rights meets: it may read the catalog and not write it.
inline void check_without_rights(Checks& checks, const WinsockDll& dll) {
    const CatalogFunctions own = dll.own();
    checks.section("a catalog that may only be read");
    const Unchanged unchanged;
    {
        const ReadOnlyKey catalog(protocol_catalog);
        checks.equal("its security is kept", catalog.kept(), ERROR_SUCCESS);
        checks.is_true("reading works", !enumerate(own).empty());
        GUID id = test_guid(24);
        GUID base = enumerate(own).at(0).ProviderId;
        const WSAPROTOCOL_INFOW info = make_info(L"no rights", {});
        checks.equal("WSCInstallProvider", error_of(dll.install(), &id, test_path, &info, 1), WSANO_RECOVERY);
        checks.equal("WSCUpdateProvider", error_of(own.update, &base, test_path, &info, 1), WSANO_RECOVERY);
        checks.equal("WSCDeinstallProvider", error_of(own.deinstall, &base), WSANO_RECOVERY);
        std::vector<DWORD> ids = ids_of(enumerate(own));
        checks.equal("WSCWriteProviderOrder", own.order(ids.data(), static_cast<DWORD>(ids.size())), WSANO_RECOVERY);
    }
    unchanged.check(checks, "a refused call");
}

inline void check_damage(Checks& checks, const WinsockDll& dll, ParametersGuard& guard) {
    const CatalogFunctions own = dll.own();
    Damage damage(checks, dll, guard);
    damage.refused_item("an item of 887 bytes", [](std::vector<BYTE>& item) { item.resize(887); });
    damage.refused_item("an item of 889 bytes", [](std::vector<BYTE>& item) { item.resize(889); });
    damage.refused_item("an item of 64 KiB", [](std::vector<BYTE>& item) { item.resize(65536, 1); });
    damage.refused_item("an empty item", [](std::vector<BYTE>& item) { item.clear(); });
    damage.refused("an item that is a string", [&] { damage.change_item([](std::vector<BYTE>&) {}, REG_SZ); });
    damage.refused_item("a path without end",
                        [](std::vector<BYTE>& item) { std::fill_n(item.begin(), 260, BYTE{'x'}); });
    damage.refused_item("a name without end",
                        [](std::vector<BYTE>& item) { std::fill(item.end() - 512, item.end(), BYTE{'x'}); });
    for (const int length : {8, 100, -1, 0x7FFFFFFF, static_cast<int>(0x80000000)}) {
        damage.refused_chain_length(length);
    }
    damage.refused("an entry without item", [&] {
        const Key key(HKEY_LOCAL_MACHINE, damage.entry_key(2));
        RegDeleteValueW(key.get(), L"PackedCatalogItem");
    });
    damage.refused("the first key missing", [&] { damage.delete_entry(1); });
    damage.refused("a key missing in the middle", [&] { damage.delete_entry(3); });
    damage.refused("the last key missing",
                   [&] { damage.delete_entry(static_cast<unsigned>(catalog_number(own.count_value))); });
    damage.refused("one counted too many",
                   [&] { set_catalog_number(own.count_value, catalog_number(own.count_value) + 1); });
    damage.refused("four thousand million counted", [&] { set_catalog_number(own.count_value, 0xFFFFFFFF); });
    damage.refused("no count", [&] { damage.delete_value(own.count_value); });
    damage.refused("a count that is a string", [&] { damage.set_value(own.count_value, REG_SZ, {6, 0, 0, 0}); });
    damage.refused("a count of two bytes", [&] { damage.set_value(own.count_value, REG_DWORD, {6, 0}); });
    damage.refused("a count of eight bytes",
                   [&] { damage.set_value(own.count_value, REG_DWORD, {6, 0, 0, 0, 0, 0, 0, 0}); });
    damage.refused("no serial number", [&] { damage.delete_value(L"Serial_Access_Num"); });
    damage.refused("a serial number that is binary",
                   [&] { damage.set_value(L"Serial_Access_Num", REG_BINARY, {1, 0, 0, 0}); });
    damage.refused("no entries key", [&] {
        const Key key(HKEY_LOCAL_MACHINE, protocol_catalog);
        RegDeleteTreeW(key.get(), own.entries_key);
    });
    damage.refused("no catalog", [&] { RegDeleteTreeW(HKEY_LOCAL_MACHINE, protocol_catalog); });

    checks.section("damage in the other bitness");
    const wchar_t* other =
        std::wcscmp(own.count_value, L"Num_Catalog_Entries") == 0 ? L"Num_Catalog_Entries64" : L"Num_Catalog_Entries";
    damage.delete_value(other);
    checks.is_true("does not matter here", !enumerate(own).empty());
    guard.restore();

    checks.section("damage: no next id");
    damage.delete_value(L"Next_Catalog_Entry_ID");
    GUID id = test_guid(23);
    const WSAPROTOCOL_INFOW info = make_info(L"no next id", {});
    checks.is_true("the catalog can be read", !enumerate(own).empty());
    checks.equal("and not be added to", error_of(dll.install(), &id, test_path, &info, 1), WSANO_RECOVERY);
    guard.restore();

    check_odd_but_whole(checks, dll, guard, damage);
    check_failure_in_the_middle(checks, dll, guard, damage);
    check_without_rights(checks, dll);
}
