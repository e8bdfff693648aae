// Loading and unloading one provider DLL.
#include "provider.hpp"

#include <array>
#include <new>

#include "../wine_dll.hpp"

namespace winsock_spi::wine {

namespace {

constexpr WORD spi_version = MAKEWORD(2, 2);
constexpr std::size_t function_count = sizeof(WSPPROC_TABLE) / sizeof(FARPROC);
static_assert(function_count == 30);

bool has_all_functions(const WSPPROC_TABLE& table) noexcept {
    std::array<void*, function_count> functions;
    std::memcpy(functions.data(), &table, sizeof table);
    for (const void* function : functions) {
        if (function == nullptr) {
            return false;
        }
    }
    return true;
}

} // namespace

int Provider::load(const CatalogEntry& entry, std::shared_ptr<const Provider>& result) noexcept {
    try {
        // LOAD_WITH_ALTERED_SEARCH_PATH: what the provider imports may lie beside it, not beside the program.
        const std::wstring path = expand_provider_path(entry.path, native_bitness);
        spi::UniqueModule module(LoadLibraryExW(path.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH));
        if (!module) {
            return WSAEPROVIDERFAILEDINIT;
        }
        const auto start = function_cast<LPWSPSTARTUP>(GetProcAddress(module.get(), "WSPStartup"));
        if (start == nullptr) {
            return WSAEPROVIDERFAILEDINIT;
        }
        WSPDATA data{};
        WSPPROC_TABLE table{};
        WSAPROTOCOL_INFOW info = entry.info; // a copy: a provider may write to it
        if (start(spi_version, &data, &info, upcall_table(), &table) != 0) {
            return WSAEPROVIDERFAILEDINIT;
        }
        int error = 0;
        if (data.wVersion != spi_version) {
            error = WSAEINVALIDPROVIDER;
        } else if (!has_all_functions(table)) {
            error = WSAEINVALIDPROCTABLE;
        }
        if (error != 0) {
            // It did start, so it is told to stop; a table with holes may lack even that.
            int ignored = 0;
            if (table.lpWSPCleanup != nullptr) {
                table.lpWSPCleanup(&ignored);
            }
            return error;
        }
        result = std::shared_ptr<const Provider>(new Provider(std::move(module), table));
        return 0;
    } catch (const std::bad_alloc&) {
        return WSA_NOT_ENOUGH_MEMORY;
    }
}

Provider::~Provider() {
    // By now nobody calls in, and what WSPCleanup answers changes nothing.
    int ignored = 0;
    table_.lpWSPCleanup(&ignored);
}

} // namespace winsock_spi::wine
