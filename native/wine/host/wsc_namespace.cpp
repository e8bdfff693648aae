// Namespace providers in the catalog API: WSAEnumNameSpaceProviders(Ex)A/W, WSCEnumNameSpaceProviders(Ex)32,
// WSCInstallNameSpace(Ex)(32), WSCUnInstallNameSpace(32), WSCEnableNSProvider(32), WSCWriteNameSpaceOrder(32).
#include <algorithm>
#include <limits>
#include <span>

#include "catalog.hpp"
#include "namespace_catalog.hpp"
#include "reorder.hpp"
#include "wsc_arguments.hpp"

#include <sporder.h> // leans on ws2spi.h

namespace winsock_spi::wine {

namespace {

std::string to_ansi(const std::wstring& text) {
    const int size = WideCharToMultiByte(CP_ACP, 0, text.c_str(), -1, nullptr, 0, nullptr, nullptr);
    std::string bytes(static_cast<std::size_t>(std::max(size, 1)), '\0');
    WideCharToMultiByte(CP_ACP, 0, text.c_str(), -1, bytes.data(), size, nullptr, nullptr);
    bytes.pop_back();
    return bytes;
}

// What the four structures differ in.
void name_for(const WSANAMESPACE_INFOA&, const std::wstring& name, std::string& text) {
    text = to_ansi(name);
}
void name_for(const WSANAMESPACE_INFOEXA&, const std::wstring& name, std::string& text) {
    text = to_ansi(name);
}
void name_for(const WSANAMESPACE_INFOW&, const std::wstring& name, std::wstring& text) {
    text = name;
}
void name_for(const WSANAMESPACE_INFOEXW&, const std::wstring& name, std::wstring& text) {
    text = name;
}

template <class Info>
constexpr bool has_blob = std::is_same_v<Info, WSANAMESPACE_INFOEXA> || std::is_same_v<Info, WSANAMESPACE_INFOEXW>;

// The structures at the head of the buffer, behind them what they point to: blobs first, for their alignment.
template <class Info>
int fill(const NamespaceEntries& entries, Info* buffer, DWORD* size) {
    using Unit = std::remove_pointer_t<decltype(Info::lpszIdentifier)>;
    constexpr std::size_t alignment = 8;
    const auto aligned = [](std::size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; };
    std::vector<std::basic_string<Unit>> names(entries.size());
    std::size_t needed = aligned(entries.size() * sizeof(Info));
    for (std::size_t index = 0; index < entries.size(); ++index) {
        name_for(Info{}, entries[index].name, names[index]);
        needed += (names[index].size() + 1) * sizeof(Unit);
        if constexpr (has_blob<Info>) {
            needed += aligned(entries[index].provider_info.size());
        }
    }
    if (*size < needed || !writable(buffer, needed)) {
        *size = static_cast<DWORD>(needed);
        return WSAEFAULT;
    }
    BYTE* place = reinterpret_cast<BYTE*>(buffer) + aligned(entries.size() * sizeof(Info));
    for (std::size_t index = 0; index < entries.size(); ++index) {
        const NamespaceEntry& entry = entries[index];
        Info info{};
        std::memcpy(&info.NSProviderId, &entry.provider_id, sizeof(info.NSProviderId));
        info.dwNameSpace = entry.name_space;
        info.fActive = entry.enabled;
        info.dwVersion = entry.version;
        if constexpr (has_blob<Info>) {
            info.ProviderSpecific.cbSize = static_cast<ULONG>(entry.provider_info.size());
            info.ProviderSpecific.pBlobData = entry.provider_info.empty() ? nullptr : place;
            std::copy(entry.provider_info.begin(), entry.provider_info.end(), place);
            place += aligned(entry.provider_info.size());
        }
        buffer[index] = info;
    }
    for (std::size_t index = 0; index < entries.size(); ++index) {
        const std::size_t bytes = (names[index].size() + 1) * sizeof(Unit);
        std::memcpy(place, names[index].c_str(), bytes);
        buffer[index].lpszIdentifier = reinterpret_cast<Unit*>(place);
        place += bytes;
    }
    return 0;
}

// For functions that report through WSAGetLastError. `function` returns 0 or a Winsock error.
template <class Function>
INT with_last_error(Function&& function) noexcept {
    int error = 0;
    if (with_errno(&error, function) == 0) {
        return 0;
    }
    SetLastError(static_cast<DWORD>(error));
    return SOCKET_ERROR;
}

template <class Info>
INT enumerate(Bitness bitness, LPDWORD size, Info* buffer) noexcept {
    INT count = 0;
    const INT result = with_last_error([&] {
        if (!winsock_started()) {
            return WSANOTINITIALISED;
        }
        if (!writable(size, sizeof(*size))) {
            return WSAEFAULT;
        }
        NamespaceEntries entries;
        int error = read_namespaces(bitness, entries);
        if (error == 0) {
            error = fill(entries, buffer, size);
        }
        count = static_cast<INT>(entries.size());
        return error;
    });
    return result == 0 ? count : result;
}

auto find(NamespaceEntries& entries, const core::Guid& provider_id) {
    return std::find_if(entries.begin(), entries.end(),
                        [&](const NamespaceEntry& entry) { return entry.provider_id == provider_id; });
}

bool read_text(const WCHAR* text, std::size_t limit, std::wstring& result) {
    if (!readable_string(text, limit)) {
        return false;
    }
    result.assign(text, wcsnlen(text, limit + 1));
    return !result.empty() && result.size() <= limit;
}

// The pages name WSAEINVAL for every bad argument.
int install(Bitness bitness, const WCHAR* name, const WCHAR* path, DWORD name_space, DWORD version, const GUID* id,
            const BLOB* info) {
    constexpr std::size_t longest_name = 255;
    std::wstring identifier;
    std::wstring file;
    if (!readable(id, sizeof(*id)) || !read_text(name, longest_name, identifier) ||
        !read_text(path, MAX_PATH - 1, file)) {
        return WSAEINVAL;
    }
    std::vector<BYTE> blob;
    if (info != nullptr) {
        if (!readable(info, sizeof(*info)) || (info->cbSize != 0 && !readable(info->pBlobData, info->cbSize))) {
            return WSAEINVAL;
        }
        blob.assign(info->pBlobData, info->pBlobData + info->cbSize);
    }
    NamespaceTransaction transaction(bitness);
    NamespaceEntries* entries = nullptr;
    LSTATUS status = transaction.begin(entries);
    if (status == ERROR_SUCCESS) {
        const core::Guid provider_id = to_core(*id);
        if (find(*entries, provider_id) != entries->end()) {
            return WSANO_RECOVERY; // documented: "the provider is already installed"
        }
        entries->push_back(make_namespace_entry(provider_id, identifier, file, name_space, version,
                                                info != nullptr ? &blob : nullptr));
        status = transaction.commit();
    }
    return status == ERROR_ACCESS_DENIED ? WSAEACCES : winsock_error(status);
}

// Finds the provider and lets `change` work on it.
template <class Change>
int change_one(Bitness bitness, const GUID* id, Change&& change) {
    if (!readable(id, sizeof(*id))) {
        return WSAEFAULT;
    }
    NamespaceTransaction transaction(bitness);
    NamespaceEntries* entries = nullptr;
    LSTATUS status = transaction.begin(entries);
    if (status == ERROR_SUCCESS) {
        const auto entry = find(*entries, to_core(*id));
        if (entry == entries->end()) {
            return WSAEINVAL;
        }
        change(*entries, entry);
        status = transaction.commit();
    }
    return winsock_error(status);
}

int uninstall(Bitness bitness, const GUID* id) {
    return change_one(bitness, id, [](NamespaceEntries& entries, auto entry) { entries.erase(entry); });
}

int enable(Bitness bitness, const GUID* id, bool enabled) {
    return change_one(bitness, id, [&](NamespaceEntries&, auto entry) { set_enabled(*entry, enabled); });
}

int write_order(Bitness bitness, const GUID* ids, DWORD count) {
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(*ids) ||
        !readable(ids, static_cast<std::size_t>(count) * sizeof(*ids))) {
        return WSAEFAULT;
    }
    NamespaceTransaction transaction(bitness);
    NamespaceEntries* entries = nullptr;
    LSTATUS status = transaction.begin(entries);
    if (status != ERROR_SUCCESS) {
        return winsock_error(status);
    }
    const bool complete = reorder(*entries, std::span(ids, count),
                                  [](const auto& entry, const GUID& id) { return entry.provider_id == to_core(id); });
    if (!complete) {
        return WSAEINVAL;
    }
    status = transaction.commit();
    return winsock_error(status);
}

// Unlike the others these return the error itself.
int write_order_safely(Bitness bitness, const GUID* ids, DWORD count) noexcept {
    int error = 0;
    with_errno(&error, [&] { return write_order(bitness, ids, count); });
    return error;
}

} // namespace

} // namespace winsock_spi::wine

using namespace winsock_spi::wine;

extern "C" {

INT WSAAPI WSAEnumNameSpaceProvidersA(LPDWORD size, LPWSANAMESPACE_INFOA buffer) {
    return enumerate(native_bitness, size, buffer);
}

INT WSAAPI WSAEnumNameSpaceProvidersW(LPDWORD size, LPWSANAMESPACE_INFOW buffer) {
    return enumerate(native_bitness, size, buffer);
}

INT WSAAPI WSAEnumNameSpaceProvidersExA(LPDWORD size, LPWSANAMESPACE_INFOEXA buffer) {
    return enumerate(native_bitness, size, buffer);
}

INT WSAAPI WSAEnumNameSpaceProvidersExW(LPDWORD size, LPWSANAMESPACE_INFOEXW buffer) {
    return enumerate(native_bitness, size, buffer);
}

INT WSPAPI WSCInstallNameSpace(LPWSTR name, LPWSTR path, DWORD name_space, DWORD version, LPGUID id) {
    return with_last_error([&] { return install(native_bitness, name, path, name_space, version, id, nullptr); });
}

INT WSPAPI WSCInstallNameSpaceEx(LPWSTR name, LPWSTR path, DWORD name_space, DWORD version, LPGUID id, LPBLOB info) {
    return with_last_error([&] { return install(native_bitness, name, path, name_space, version, id, info); });
}

INT WSPAPI WSCUnInstallNameSpace(LPGUID id) {
    return with_last_error([&] { return uninstall(native_bitness, id); });
}

INT WSPAPI WSCEnableNSProvider(LPGUID id, BOOL enabled) {
    return with_last_error([&] { return enable(native_bitness, id, enabled != FALSE); });
}

int WSPAPI WSCWriteNameSpaceOrder(LPGUID ids, DWORD count) {
    return write_order_safely(native_bitness, ids, count);
}

#ifdef _WIN64
INT WSAAPI WSCEnumNameSpaceProviders32(LPDWORD size, LPWSANAMESPACE_INFOW buffer) {
    return enumerate(Bitness::bits32, size, buffer);
}

INT WSPAPI WSCEnumNameSpaceProvidersEx32(LPDWORD size, LPWSANAMESPACE_INFOEXW buffer) {
    return enumerate(Bitness::bits32, size, buffer);
}

INT WSPAPI WSCInstallNameSpace32(LPWSTR name, LPWSTR path, DWORD name_space, DWORD version, LPGUID id) {
    return with_last_error([&] { return install(Bitness::bits32, name, path, name_space, version, id, nullptr); });
}

INT WSPAPI WSCInstallNameSpaceEx32(LPWSTR name, LPWSTR path, DWORD name_space, DWORD version, LPGUID id, LPBLOB info) {
    return with_last_error([&] { return install(Bitness::bits32, name, path, name_space, version, id, info); });
}

INT WSPAPI WSCUnInstallNameSpace32(LPGUID id) {
    return with_last_error([&] { return uninstall(Bitness::bits32, id); });
}

INT WSPAPI WSCEnableNSProvider32(LPGUID id, BOOL enabled) {
    return with_last_error([&] { return enable(Bitness::bits32, id, enabled != FALSE); });
}

int WSPAPI WSCWriteNameSpaceOrder32(LPGUID ids, DWORD count) {
    return write_order_safely(Bitness::bits32, ids, count);
}
#endif

} // extern "C"
