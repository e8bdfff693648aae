// Addresses to text and back: done by the provider of the address family.
#include <string>

#include "dispatch.hpp"

using namespace winsock_spi::wine;

namespace {

// The entry that the caller names, else the first in the catalog of that address family.
int find_entry(const WSAPROTOCOL_INFOW* info, int family, EntryPointer& entry, ProviderPointer& provider) noexcept {
    if (!started()) {
        return WSANOTINITIALISED;
    }
    Host& state = host();
    if (info != nullptr) {
        entry = state.providers.find(info->dwCatalogEntryId);
    } else {
        std::shared_ptr<const Catalog> catalog;
        const int error = state.providers.refresh(catalog);
        if (error != 0) {
            return error;
        }
        for (const CatalogEntry& candidate : catalog->entries()) {
            if (!candidate.stands_for_provider() && candidate.info.iAddressFamily == family) {
                entry = EntryPointer(catalog, &candidate);
                break;
            }
        }
    }
    if (!entry || entry->stands_for_provider()) {
        return WSAEINVAL;
    }
    return state.providers.load(*entry, provider);
}

std::wstring to_wide(const char* text) {
    const int units = MultiByteToWideChar(CP_ACP, 0, text, -1, nullptr, 0);
    std::wstring wide(units > 0 ? static_cast<std::size_t>(units) : 1, L'\0');
    MultiByteToWideChar(CP_ACP, 0, text, -1, wide.data(), units);
    return wide;
}

// A info carries all that matters in the fields both forms share.
WSAPROTOCOL_INFOW* id_only(const WSAPROTOCOL_INFOA* info, WSAPROTOCOL_INFOW& wide) noexcept {
    if (info == nullptr) {
        return nullptr;
    }
    wide.dwCatalogEntryId = info->dwCatalogEntryId;
    wide.ProviderId = info->ProviderId;
    wide.iAddressFamily = info->iAddressFamily;
    wide.iSocketType = info->iSocketType;
    wide.iProtocol = info->iProtocol;
    return &wide;
}

} // namespace

extern "C" {

INT WSAAPI WSAAddressToStringW(LPSOCKADDR address, DWORD length, LPWSAPROTOCOL_INFOW info, LPWSTR text,
                               LPDWORD text_length) {
    if (address == nullptr || length < sizeof address->sa_family) {
        return fail(WSAEFAULT);
    }
    EntryPointer entry;
    ProviderPointer provider;
    int error = find_entry(info, address->sa_family, entry, provider);
    if (error != 0) {
        return fail(error);
    }
    WSAPROTOCOL_INFOW entry_info = entry->info;
    const int result = provider->table().lpWSPAddressToString(address, length, info != nullptr ? info : &entry_info,
                                                              text, text_length, &error);
    return result == 0 ? 0 : fail(reason(error));
}

INT WSAAPI WSAAddressToStringA(LPSOCKADDR address, DWORD length, LPWSAPROTOCOL_INFOA info, LPSTR text,
                               LPDWORD text_length) {
    if (text_length == nullptr) {
        return fail(WSAEFAULT);
    }
    // Longer than the text of any address: IPv6 with scope and port has 65 units.
    WCHAR wide[256];
    DWORD wide_length = 256;
    WSAPROTOCOL_INFOW wide_info{};
    if (WSAAddressToStringW(address, length, id_only(info, wide_info), wide, &wide_length) != 0) {
        return SOCKET_ERROR;
    }
    const int needed = WideCharToMultiByte(CP_ACP, 0, wide, -1, nullptr, 0, nullptr, nullptr);
    const DWORD room = *text_length;
    *text_length = static_cast<DWORD>(needed);
    if (text == nullptr || room < static_cast<DWORD>(needed)) {
        return fail(WSAEFAULT);
    }
    WideCharToMultiByte(CP_ACP, 0, wide, -1, text, needed, nullptr, nullptr);
    return 0;
}

INT WSAAPI WSAStringToAddressW(LPWSTR text, INT family, LPWSAPROTOCOL_INFOW info, LPSOCKADDR address, LPINT length) {
    EntryPointer entry;
    ProviderPointer provider;
    int error = find_entry(info, family, entry, provider);
    if (error != 0) {
        return fail(error);
    }
    WSAPROTOCOL_INFOW entry_info = entry->info;
    const int result = provider->table().lpWSPStringToAddress(text, family, info != nullptr ? info : &entry_info,
                                                              address, length, &error);
    return result == 0 ? 0 : fail(reason(error));
}

INT WSAAPI WSAStringToAddressA(LPSTR text, INT family, LPWSAPROTOCOL_INFOA info, LPSOCKADDR address, LPINT length) {
    try {
        WSAPROTOCOL_INFOW wide_info{};
        std::wstring wide = text != nullptr ? to_wide(text) : std::wstring();
        return WSAStringToAddressW(text != nullptr ? wide.data() : nullptr, family, id_only(info, wide_info), address,
                                   length);
    } catch (const std::bad_alloc&) {
        return fail(WSA_NOT_ENOUGH_MEMORY);
    }
}

} // extern "C"
