// Reading functions of the catalog API: WSCEnumProtocols(32), WSAEnumProtocolsA/W, WSCGetProviderPath(32).
//
// The WSC functions need no WSAStartup, load no provider and see every entry; WSAEnumProtocols leaves out what
// programs cannot use: entries with PFL_HIDDEN, entries with an empty chain, and chains that the program's LSP
// categories keep it from loading.
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "catalog.hpp"
#include "wsc_arguments.hpp"

namespace winsock_spi::wine {

namespace {

enum class Audience { providers, programs };

// lpiProtocols: NULL for all, else numbers up to a 0.
int read_filter(const INT* protocols, std::vector<INT>& filter) {
    for (; protocols != nullptr; ++protocols) {
        if (!readable(protocols, sizeof(*protocols))) {
            return WSAEFAULT;
        }
        if (*protocols == 0) {
            break;
        }
        filter.push_back(*protocols);
    }
    return 0;
}

void store(const WSAPROTOCOL_INFOW& info, WSAPROTOCOL_INFOW& place) {
    place = info;
}

void store(const WSAPROTOCOL_INFOW& info, WSAPROTOCOL_INFOA& place) {
    // The two differ in the name alone, which is last.
    std::memcpy(&place, &info, offsetof(WSAPROTOCOL_INFOA, szProtocol));
    std::memset(place.szProtocol, 0, sizeof(place.szProtocol));
    char name[(WSAPROTOCOL_LEN + 1) * 4]; // up to four bytes a unit in any code page
    const int length = WideCharToMultiByte(CP_ACP, 0, info.szProtocol, -1, name, sizeof(name), nullptr, nullptr);
    if (length > 1) {
        std::memcpy(place.szProtocol, name, static_cast<std::size_t>(std::min(length - 1, WSAPROTOCOL_LEN)));
    }
}

template <class Info>
int enumerate(Bitness bitness, Audience audience, const INT* protocols, Info* buffer, LPDWORD buffer_size, int& count) {
    if (!writable(buffer_size, sizeof(*buffer_size))) {
        return WSAEFAULT;
    }
    std::vector<INT> filter;
    int error = read_filter(protocols, filter);
    if (error != 0) {
        return error;
    }
    std::shared_ptr<const Catalog> catalog;
    error = audience == Audience::programs ? read_for_this_program(catalog) : Catalog::read(bitness, catalog);
    if (error != 0) {
        return error;
    }
    std::vector<const CatalogEntry*> chosen;
    for (const CatalogEntry& entry : catalog->entries()) {
        if (audience == Audience::programs && entry.hidden()) {
            continue;
        }
        if (protocols == nullptr || std::find(filter.begin(), filter.end(), entry.info.iProtocol) != filter.end()) {
            chosen.push_back(&entry);
        }
    }
    const std::size_t needed = chosen.size() * sizeof(Info);
    const bool enough = *buffer_size >= needed && (buffer != nullptr || needed == 0);
    *buffer_size = static_cast<DWORD>(needed);
    if (!enough) {
        return WSAENOBUFS;
    }
    if (needed != 0 && !writable(buffer, needed)) {
        return WSAEFAULT;
    }
    for (std::size_t index = 0; index < chosen.size(); ++index) {
        store(chosen[index]->info, buffer[index]);
    }
    count = static_cast<int>(chosen.size());
    return 0;
}

int enumerate_for_providers(Bitness bitness, LPINT protocols, LPWSAPROTOCOL_INFOW buffer, LPDWORD buffer_size,
                            LPINT error) noexcept {
    int count = 0;
    const int outcome = with_errno(
        error, [&] { return enumerate(bitness, Audience::providers, protocols, buffer, buffer_size, count); });
    return outcome == 0 ? count : SOCKET_ERROR;
}

template <class Info>
int enumerate_for_programs(LPINT protocols, Info* buffer, LPDWORD buffer_size) noexcept {
    int error = WSANOTINITIALISED;
    int count = 0;
    if (winsock_started()) {
        with_errno(&error, [&] {
            error = 0;
            return enumerate(native_bitness, Audience::programs, protocols, buffer, buffer_size, count);
        });
    }
    if (error == 0) {
        return count;
    }
    SetLastError(static_cast<DWORD>(error));
    return SOCKET_ERROR;
}

int find_path(Bitness bitness, LPGUID provider_id, WCHAR* path, LPINT path_length) {
    if (!readable(provider_id, sizeof(*provider_id)) || !writable(path_length, sizeof(*path_length))) {
        return WSAEFAULT;
    }
    std::shared_ptr<const Catalog> catalog;
    const int error = Catalog::read(bitness, catalog);
    if (error != 0) {
        return error;
    }
    const CatalogEntry* entry = catalog->find(*provider_id);
    if (entry == nullptr) {
        return WSAEINVAL;
    }
    const int needed = static_cast<int>(entry->path.size()) + 1;
    const bool enough = *path_length >= needed;
    *path_length = needed;
    if (!enough || !writable(path, static_cast<std::size_t>(needed) * sizeof(WCHAR))) {
        return WSAEFAULT;
    }
    std::copy_n(entry->path.c_str(), needed, path);
    return 0;
}

} // namespace

int WSPAPI provider_path(LPGUID provider_id, WCHAR* path, LPINT path_length, LPINT error) noexcept {
    return with_errno(error, [&] { return find_path(native_bitness, provider_id, path, path_length); });
}

} // namespace winsock_spi::wine

using namespace winsock_spi::wine;

extern "C" {

int WSPAPI WSCEnumProtocols(LPINT protocols, LPWSAPROTOCOL_INFOW buffer, LPDWORD buffer_size, LPINT error) {
    return enumerate_for_providers(native_bitness, protocols, buffer, buffer_size, error);
}

int WSPAPI WSCGetProviderPath(LPGUID provider_id, WCHAR* path, LPINT path_length, LPINT error) {
    return provider_path(provider_id, path, path_length, error);
}

int WSAAPI WSAEnumProtocolsW(LPINT protocols, LPWSAPROTOCOL_INFOW buffer, LPDWORD buffer_size) {
    return enumerate_for_programs(protocols, buffer, buffer_size);
}

int WSAAPI WSAEnumProtocolsA(LPINT protocols, LPWSAPROTOCOL_INFOA buffer, LPDWORD buffer_size) {
    return enumerate_for_programs(protocols, buffer, buffer_size);
}

#ifdef _WIN64
int WSPAPI WSCEnumProtocols32(LPINT protocols, LPWSAPROTOCOL_INFOW buffer, LPDWORD buffer_size, LPINT error) {
    return enumerate_for_providers(Bitness::bits32, protocols, buffer, buffer_size, error);
}

int WSPAPI WSCGetProviderPath32(LPGUID provider_id, WCHAR* path, LPINT path_length, LPINT error) {
    return with_errno(error, [&] { return find_path(Bitness::bits32, provider_id, path, path_length); });
}
#endif

} // extern "C"
