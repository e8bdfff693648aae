// The catalog of namespace providers in the registry, which name resolution goes by on Windows:
//   HKLM\SYSTEM\CurrentControlSet\Services\WinSock2\Parameters\NameSpace_Catalog5
//     Num_Catalog_Entries, Num_Catalog_Entries64, Serial_Access_Num   REG_DWORD
//     Catalog_Entries\000000000001...    32-bit programs
//     Catalog_Entries64\000000000001...  64-bit programs: DisplayString, LibraryPath, ProviderId, SupportedNameSpace,
//                                        Version, Enabled, StoresServiceClassInfo, ProviderInfo
// Here it is kept and listed; names are resolved by Wine, which asks no namespace provider.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog_registry.hpp"

namespace winsock_spi::wine {

inline constexpr wchar_t namespace_catalog[] =
    L"SYSTEM\\CurrentControlSet\\Services\\WinSock2\\Parameters\\NameSpace_Catalog5";

struct NamespaceEntry {
    core::Guid provider_id;
    std::wstring name; // a reference to a resource is resolved where it can be
    std::uint32_t name_space;
    std::uint32_t version;
    bool enabled;
    std::vector<BYTE> provider_info;
    std::vector<RegistryValue> values; // all there is in its key, so that moving an entry does not change it
};

using NamespaceEntries = std::vector<NamespaceEntry>;

NamespaceEntry make_namespace_entry(const core::Guid& provider_id, const std::wstring& name, const std::wstring& path,
                                    std::uint32_t name_space, std::uint32_t version,
                                    const std::vector<BYTE>* provider_info);
void set_enabled(NamespaceEntry& entry, bool enabled);

// The entries of a bitness, in catalog order. 0 or a Winsock error: WSANO_RECOVERY (missing or damaged),
// WSA_NOT_ENOUGH_MEMORY.
int read_namespaces(Bitness bitness, NamespaceEntries& entries);

// Changes one bitness: all or nothing, one writer at a time on the machine. Functions return a Win32 error code.
class NamespaceTransaction {
public:
    explicit NamespaceTransaction(Bitness bitness) : bitness_(bitness) {}
    // Takes the lock and reads the entries, to be changed in place.
    LSTATUS begin(NamespaceEntries*& entries);
    // Makes an empty catalog for both bitnesses where there is none, with the lock of begin(). For the seed only.
    static LSTATUS make_empty();
    // Writes what has changed and moves the serial number on. Without changes it writes nothing.
    LSTATUS commit();

private:
    LSTATUS write(const NamespaceEntries& from, const NamespaceEntries& to);

    Bitness bitness_;
    CatalogLock lock_;
    RegistryKey root_;
    std::uint32_t serial_ = 0;
    NamespaceEntries before_;
    NamespaceEntries after_;
};

} // namespace winsock_spi::wine
