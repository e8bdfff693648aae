// The protocol catalog as this process sees it: an immutable snapshot read from the registry, and the questions that
// Winsock asks of it. Writing is in catalog_writer.hpp.
//
// Registry contents are hostile: other programs, restored backups and half-finished writers leave anything there.
// A catalog that cannot be read whole is an error (WSANO_RECOVERY), never a part of a catalog.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../../core/packed_catalog_item.hpp"
#include "../../core/triplet.hpp"
#include "winsock_headers.hpp"

namespace winsock_spi::wine {

// A 64-bit Windows has two catalogs: one for 64-bit programs, one for 32-bit programs.
enum class Bitness { bits32, bits64 };

inline constexpr Bitness native_bitness = sizeof(void*) == 8 ? Bitness::bits64 : Bitness::bits32;

struct CatalogEntry {
    std::wstring path;             // as stored: %SystemRoot% and the like not expanded
    WSAPROTOCOL_INFOW info;        // checked: 0 <= ChainLen <= 7, name terminated
    core::PackedCatalogItem item;  // the registry's bytes, so that moving an entry does not change it

    // Only stands for a layered provider in protocol chains: no program can open a socket with it, the host never
    // loads it as the top of a chain.
    bool stands_for_provider() const noexcept { return info.ProtocolChain.ChainLen == 0; }
    // Left out of WSAEnumProtocols.
    bool hidden() const noexcept { return stands_for_provider() || (info.dwProviderFlags & PFL_HIDDEN) != 0; }
    bool ifs() const noexcept { return (info.dwServiceFlags1 & XP1_IFS_HANDLES) != 0; }
};

// LSP categories of one layered provider (lsp_categories.hpp).
struct ProviderCategories {
    core::Guid provider_id;
    std::uint32_t categories;

    friend bool operator==(const ProviderCategories&, const ProviderCategories&) = default;
};

class Catalog {
public:
    // Reads the catalog of a bitness. 0, or a Winsock error: WSANO_RECOVERY (missing or damaged),
    // WSA_NOT_ENOUGH_MEMORY.
    static int read(Bitness bitness, std::shared_ptr<const Catalog>& result) noexcept;

    // A catalog that is not (yet) in the registry.
    static std::shared_ptr<const Catalog> of(Bitness bitness, std::uint32_t serial,
                                             const std::vector<core::PackedCatalogItem>& items,
                                             std::vector<ProviderCategories> categories);

    Bitness bitness() const noexcept { return bitness_; }
    std::uint32_t serial() const noexcept { return serial_; }
    // In catalog order. Entries stay where they are for the life of the snapshot.
    const std::vector<CatalogEntry>& entries() const noexcept { return entries_; }

    const CatalogEntry* find(DWORD catalog_entry_id) const noexcept;
    // First entry of a provider.
    const CatalogEntry* find(const GUID& provider_id) const noexcept;
    // First entry in catalog order that serves the triplet; with `after` (not 0): the first one behind that entry, as
    // when a provider answered WSAEINPROGRESS. On nullptr `error` says how far the search came:
    // WSAEAFNOSUPPORT, WSAESOCKTNOSUPPORT or WSAEPROTONOSUPPORT.
    const CatalogEntry* find(const core::Triplet& triplet, DWORD after, int& error) const noexcept;

    // Whether a program with these permitted LSP categories (empty: without any) may use the entry: every layered
    // provider of its chain must be permitted.
    bool permits(const CatalogEntry& entry, std::optional<std::uint32_t> permitted) const noexcept;
    // The catalog as such a program has it: without the chains it may not use.
    static std::shared_ptr<const Catalog> for_program(std::shared_ptr<const Catalog> catalog,
                                                      std::optional<std::uint32_t> permitted);

private:
    Catalog(Bitness bitness, std::uint32_t serial) : bitness_(bitness), serial_(serial) {}
    std::uint32_t layer_categories(DWORD catalog_entry_id) const noexcept;

    Bitness bitness_;
    std::uint32_t serial_;
    std::vector<CatalogEntry> entries_;
    std::vector<ProviderCategories> categories_;
};

// While one exists, this thread reads that catalog instead of the registry's: a provider is tried out at its
// installation before anybody else can see it, and finds itself in the catalog as it will.
class CatalogPreview {
public:
    explicit CatalogPreview(std::shared_ptr<const Catalog> catalog) noexcept;
    ~CatalogPreview();
    CatalogPreview(const CatalogPreview&) = delete;
    CatalogPreview& operator=(const CatalogPreview&) = delete;

    // This thread's, or empty.
    static std::shared_ptr<const Catalog> current() noexcept;
};

// The catalog of this process's bitness without the chains that its LSP categories keep it from using, read from the
// registry. 0 or a Winsock error.
int read_for_this_program(std::shared_ptr<const Catalog>& result) noexcept;

// Serial_Access_Num: it changes with every change of either catalog. 0 or a Winsock error.
int read_catalog_serial(std::uint32_t& serial) noexcept;

// The snapshot of this process's own bitness, read again when the serial number has changed. Thread-safe.
// Snapshots handed out stay valid for their holders.
class CatalogCache {
public:
    CatalogCache() noexcept;
    ~CatalogCache();
    CatalogCache(const CatalogCache&) = delete;
    CatalogCache& operator=(const CatalogCache&) = delete;

    // One registry query when nothing has changed. 0 or a Winsock error; on an error the last good snapshot is not
    // used silently: `result` is empty.
    int current(std::shared_ptr<const Catalog>& result) noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

// A stored path as LoadLibrary wants it: environment strings expanded; for a catalog of the other bitness the system
// folder is named as this process must name it (32-bit files in SysWOW64, 64-bit files in Sysnative).
std::wstring expand_provider_path(std::wstring_view stored, Bitness bitness);

// WPUGetProviderPath of the upcall table, and what WSCGetProviderPath(32) does: Winsock error in *error, 0 or
// SOCKET_ERROR returned.
int WSPAPI provider_path(LPGUID provider_id, WCHAR* path, LPINT path_length, LPINT error) noexcept;

// Given by the start-up part of the host: whether this process has called WSAStartup successfully. WSAEnumProtocols
// asks it; the WSC functions work without.
bool winsock_started() noexcept;

} // namespace winsock_spi::wine
