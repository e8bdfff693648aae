// Which catalog entries lead to this DLL, and which of them a socket belongs to.
#include "entries.hpp"

#include <algorithm>
#include <cwchar>
#include <new>
#include <vector>

#include "base.hpp"
#include "../host/lock_guards.hpp"
#include "known_sockets.hpp"

namespace winsock_spi::wine::base {

namespace {

SRWLOCK lock = SRWLOCK_INIT;
std::vector<WSAPROTOCOL_INFOW>* entries = nullptr; // made at first use, kept: programs end without unloading us
std::vector<GUID>* started = nullptr; // providers as which we were started, wherever their entries lead

const wchar_t* file_name(const wchar_t* path) noexcept {
    const wchar_t* last = std::wcsrchr(path, L'\\');
    return last != nullptr ? last + 1 : path;
}

// The module that an address belongs to.
HMODULE module_of(const void* address) noexcept {
    HMODULE module = nullptr;
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                       static_cast<LPCWSTR>(address), &module);
    return module;
}

bool was_started_for(const GUID& provider) noexcept {
    const ExclusiveLock guard(lock);
    return started != nullptr &&
           std::any_of(started->begin(), started->end(), [&](const GUID& id) { return IsEqualGUID(id, provider); });
}

// By name: the catalog's path is written with environment strings, and 32-bit programs see the folder redirected. A
// base provider whose entries lead to somebody who loads it in turn is one for these entries all the same.
bool leads_here(WSAPROTOCOL_INFOW& info, const wchar_t* own_name) noexcept {
    WCHAR path[MAX_PATH];
    INT length = MAX_PATH;
    int ignored = 0;
    if (info.ProtocolChain.ChainLen != BASE_PROTOCOL) {
        return false;
    }
    return was_started_for(info.ProviderId) ||
           (upcalls().lpWPUGetProviderPath(&info.ProviderId, path, &length, &ignored) == 0 &&
            _wcsicmp(file_name(path), own_name) == 0);
}

std::vector<WSAPROTOCOL_INFOW> read_entries() {
    // The catalog is that of the Winsock that started us: its DLL has the name of Wine's, so it is found by the
    // address of a function it gave.
    const HMODULE winsock = module_of(reinterpret_cast<const void*>(upcalls().lpWPUModifyIFSHandle));
    const auto enumerate =
        function_cast<LPWSCENUMPROTOCOLS>(winsock != nullptr ? GetProcAddress(winsock, "WSCEnumProtocols") : nullptr);
    WCHAR own_path[MAX_PATH];
    const HMODULE self = module_of(reinterpret_cast<const void*>(&remember_entries));
    const DWORD own_length = GetModuleFileNameW(self, own_path, MAX_PATH);
    if (enumerate == nullptr || own_length == 0 || own_length == MAX_PATH) {
        return {};
    }
    std::vector<WSAPROTOCOL_INFOW> all;
    DWORD size = 0;
    int error = WSAENOBUFS;
    int count = 0;
    while (error == WSAENOBUFS) {
        all.resize(size / sizeof(WSAPROTOCOL_INFOW));
        error = 0;
        count = enumerate(nullptr, all.empty() ? nullptr : all.data(), &size, &error);
        if (count != SOCKET_ERROR) {
            break;
        }
    }
    std::vector<WSAPROTOCOL_INFOW> own;
    for (int index = 0; index < count; ++index) {
        WSAPROTOCOL_INFOW& info = all[static_cast<std::size_t>(index)];
        if (leads_here(info, file_name(own_path))) {
            own.push_back(info);
        }
    }
    return own;
}

bool find_entry(const WSAPROTOCOL_INFOW& socket, WSAPROTOCOL_INFOW& entry) noexcept {
    const ExclusiveLock guard(lock);
    if (entries == nullptr) {
        return false;
    }
    for (const WSAPROTOCOL_INFOW& candidate : *entries) {
        if (candidate.iAddressFamily == socket.iAddressFamily && candidate.iSocketType == socket.iSocketType &&
            socket.iProtocol >= candidate.iProtocol &&
            socket.iProtocol <= candidate.iProtocol + candidate.iProtocolMaxOffset) {
            entry = candidate;
            return true;
        }
    }
    return false;
}

} // namespace

void remember_provider(const WSAPROTOCOL_INFOW& info) noexcept {
    if (info.ProtocolChain.ChainLen != BASE_PROTOCOL || was_started_for(info.ProviderId)) {
        return;
    }
    try {
        const ExclusiveLock guard(lock);
        if (started == nullptr) {
            started = new std::vector<GUID>;
        }
        started->push_back(info.ProviderId);
    } catch (const std::bad_alloc&) {
        // Without memory it is known by its path only.
    }
}

void remember_entries() noexcept {
    try {
        std::vector<WSAPROTOCOL_INFOW> own = read_entries(); // outside the lock: it calls Winsock
        const ExclusiveLock guard(lock);
        if (entries == nullptr) {
            entries = new std::vector<WSAPROTOCOL_INFOW>;
        }
        entries->swap(own);
    } catch (const std::bad_alloc&) {
        // Without memory the list stays as it was.
    }
}

int entry_of_socket(SOCKET handle, WSAPROTOCOL_INFOW& entry) noexcept {
    WSAPROTOCOL_INFOW info{};
    const int error = wine_info(handle, info);
    if (error != 0) {
        return error;
    }
    if (find_entry(info, entry)) {
        return 0;
    }
    remember_entries();
    return find_entry(info, entry) ? 0 : WSAENOPROTOOPT;
}

} // namespace winsock_spi::wine::base
