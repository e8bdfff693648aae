// WSPDuplicateSocket: the info that another process gets must name our entry as it stands in the catalog of that
// process's bitness, since the two catalogs number their entries independently.
#include "core/packed_catalog_item.hpp"
#include "handlers.hpp"
#include "recording.hpp"
#include "spi/guarded.hpp"
#include "spi/last_error.hpp"
#include "spi/nt_registry.hpp"
#include "spi/process_bits.hpp"
#include "spi/wide_text.hpp"

namespace winsock_spi::lsp {

using core::Call;

namespace {

constexpr int own_bits = sizeof(void*) * 8;

// 32 or 64; 0 when the process cannot be asked.
int bits_of(DWORD pid) {
    if (pid == GetCurrentProcessId()) {
        return own_bits;
    }
    const spi::UniqueHandle target(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
    return target ? spi::process_bits(target.get()) : 0;
}

// The entry of this GUID in the catalog of the other bitness, from the registry: Winsock's functions for it exist in
// 64-bit processes only.
bool find_in_other_catalog(const core::Guid& provider, core::ProtocolInfo& found) {
    constexpr std::wstring_view entries = own_bits == 64 ? L"Catalog_Entries" : L"Catalog_Entries64";
    constexpr unsigned long most_entries = 10'000; // far more than any catalog has: a damaged one must not hold us
    const spi::UniqueHandle parent =
        spi::open_machine_key(L"SYSTEM\\CurrentControlSet\\Services\\WinSock2\\Parameters\\Protocol_Catalog9");
    const spi::UniqueHandle catalog = parent ? spi::open_key(parent.get(), entries) : spi::UniqueHandle();
    for (unsigned long number = 1; catalog && number <= most_entries; ++number) {
        spi::WideText<16> name;
        name.append_decimal(number, 12);
        const spi::UniqueHandle entry = spi::open_key(catalog.get(), name.view());
        if (!entry) {
            break; // they are numbered without gaps
        }
        core::PackedCatalogItem item;
        const std::size_t size = spi::read_value(entry.get(), L"PackedCatalogItem", REG_BINARY, &item, sizeof(item));
        if (size == sizeof(item) && core::check_item(item) == core::ItemFault::none &&
            item.info.provider_id == provider) {
            found = item.info;
            return true;
        }
    }
    return false;
}

bool find_in_own_catalog(const Slot& slot, core::ProtocolInfo& found) {
    spi::CatalogArray catalog;
    if (spi::read_catalog(upcalls_of(slot), catalog) != 0) {
        return false;
    }
    const core::ProtocolInfo* const entry = core::find_entry(catalog.view(), slot.own.provider_id);
    if (entry != nullptr) {
        found = *entry;
    }
    return entry != nullptr;
}

// What the lower provider has written becomes our entry; its reserved field, by which the target's lower provider finds
// the socket again, stays. Where the target's catalog has no entry of ours, or nobody can tell, the lower provider's
// info stays as it is: the socket works, without us.
void name_our_entry(const Slot& slot, DWORD pid, WSAPROTOCOL_INFOW* info) {
    const spi::LastErrorKeeper keeper;
    const int bits = bits_of(pid);
    core::ProtocolInfo own;
    if (bits == 0 ||
        !(bits == own_bits ? find_in_own_catalog(slot, own) : find_in_other_catalog(slot.own.provider_id, own))) {
        return;
    }
    DWORD reserved = 0;
    if (spi::guarded_read(reserved, &info->dwProviderReserved)) {
        own.provider_reserved = reserved;
        spi::guarded_write(info, own);
    }
}

} // namespace

int on_WSPDuplicateSocket(Slot& slot, SOCKET socket, DWORD pid, LPWSAPROTOCOL_INFOW info, LPINT error) {
    Recording recording(Call::WSPDuplicateSocket, socket);
    const int result = slot.lower.lpWSPDuplicateSocket(socket, pid, info, error);
    recording.returned(result == SOCKET_ERROR, error);
    if (result != SOCKET_ERROR && !slot.in_place_of_base) { // the base provider's own entry leads to us
        name_our_entry(slot, pid, info);
    }
    if (recording.active()) {
        recording.add_cached_addresses(process.sockets.find(socket));
    }
    return result;
}

} // namespace winsock_spi::lsp
