// The catalog as the running Winsock sees it, and loading the provider below; see provider_loader.hpp.
#include "provider_loader.hpp"

#include <bit>

#include "system_path.hpp"

namespace winsock_spi::spi {

namespace {

constexpr WORD spi_version = MAKEWORD(2, 2);

// A function of the ws2_32 that started us. Asked for by the address of an upcall, since a process may hold more than
// one module of that name; by name only where a provider above us gave upcalls of its own.
template <typename Function>
Function host_function(const WSPUPCALLTABLE& upcalls, const char* name) {
    HMODULE module = nullptr;
    constexpr DWORD flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    FARPROC function = nullptr;
    if (GetModuleHandleExW(flags, std::bit_cast<LPCWSTR>(upcalls.lpWPUGetProviderPath), &module)) {
        function = GetProcAddress(module, name);
    }
    if (function == nullptr) {
        module = GetModuleHandleW(L"ws2_32.dll");
        function = module == nullptr ? nullptr : GetProcAddress(module, name);
    }
    return std::bit_cast<Function>(function);
}

UniqueModule load_module(const PathText& path) {
    // With a full path the DLL's own folder is searched for what it needs; the flag is undefined for bare names.
    const bool full = path.view().find(L'\\') != std::wstring_view::npos;
    return UniqueModule(LoadLibraryExW(path.c_str(), nullptr, full ? LOAD_WITH_ALTERED_SEARCH_PATH : 0));
}

} // namespace

bool provider_path(const WSPUPCALLTABLE& upcalls, const core::Guid& provider, PathText& path) {
    GUID guid = std::bit_cast<GUID>(provider);
    PathText raw;
    int length = static_cast<int>(PathText::capacity);
    int error = 0;
    int result = upcalls.lpWPUGetProviderPath(&guid, raw.buffer(), &length, &error);
    if (result != 0) {
        const auto get_path = host_function<LPWSCGETPROVIDERPATH>(upcalls, "WSCGetProviderPath");
        length = static_cast<int>(PathText::capacity);
        result = get_path == nullptr ? SOCKET_ERROR : get_path(&guid, raw.buffer(), &length, &error);
    }
    raw.finish();
    return result == 0 && raw.length() != 0 && expand_path(raw.view(), path);
}

core::ProtocolInfo to_core(const WSAPROTOCOL_INFOW& info) {
    return std::bit_cast<core::ProtocolInfo>(info);
}

WSAPROTOCOL_INFOW to_winsock(const core::ProtocolInfo& info) {
    return std::bit_cast<WSAPROTOCOL_INFOW>(info);
}

int read_catalog(const WSPUPCALLTABLE& upcalls, CatalogArray& catalog) {
    const auto enumerate = host_function<LPWSCENUMPROTOCOLS>(upcalls, "WSCEnumProtocols");
    if (enumerate == nullptr) {
        return WSASYSNOTREADY;
    }
    // The catalog may grow between asking for the size and reading.
    constexpr int attempts = 5;
    std::size_t count = 32;
    int error = WSAENOBUFS;
    for (int attempt = 0; attempt < attempts && error == WSAENOBUFS; ++attempt) {
        if (!catalog.allocate(count)) {
            return WSA_NOT_ENOUGH_MEMORY;
        }
        auto size = static_cast<DWORD>(count * sizeof(core::ProtocolInfo));
        error = 0;
        const int found = enumerate(nullptr, reinterpret_cast<WSAPROTOCOL_INFOW*>(catalog.data()), &size, &error);
        if (found != SOCKET_ERROR) {
            catalog.shrink(static_cast<std::size_t>(found));
            return 0;
        }
        count = size / sizeof(core::ProtocolInfo) + 4;
    }
    return error == 0 ? WSASYSCALLFAILURE : error;
}

int load_provider(const WSPUPCALLTABLE& upcalls, const core::ProtocolInfo& provider, const core::ProtocolInfo& started,
                  LoadedProvider& loaded) {
    PathText path;
    return provider_path(upcalls, provider.provider_id, path) ? load_provider_at(upcalls, path, started, loaded)
                                                              : WSAEPROVIDERFAILEDINIT;
}

int load_provider_at(const WSPUPCALLTABLE& upcalls, const PathText& path, const core::ProtocolInfo& started,
                     LoadedProvider& loaded) {
    UniqueModule module = load_module(path);
    const auto startup = module ? std::bit_cast<LPWSPSTARTUP>(GetProcAddress(module.get(), "WSPStartup")) : nullptr;
    if (startup == nullptr) {
        return WSAEPROVIDERFAILEDINIT;
    }
    WSPDATA data{};
    WSAPROTOCOL_INFOW info = to_winsock(started);
    loaded.functions = {};
    const int error = startup(spi_version, &data, &info, upcalls, &loaded.functions);
    if (error != 0) {
        // A layered provider below may have found one of these itself.
        return error == WSAEINVALIDPROCTABLE || error == WSAEINVALIDPROVIDER ? error : WSAEPROVIDERFAILEDINIT;
    }
    int fault = 0;
    if (data.wVersion != spi_version) {
        fault = WSAEINVALIDPROVIDER;
    } else if (!is_complete(loaded.functions)) {
        fault = WSAEINVALIDPROCTABLE;
    }
    if (fault != 0) {
        int ignored = 0;
        if (loaded.functions.lpWSPCleanup != nullptr) {
            loaded.functions.lpWSPCleanup(&ignored);
        }
        return fault;
    }
    loaded.module = std::move(module);
    return 0;
}

} // namespace winsock_spi::spi
