// LSP categories in the catalog API: WSCGetProviderInfo(32), WSCSetProviderInfo(32), WSCGetApplicationCategory,
// WSCSetApplicationCategory. What comes of them is Catalog::permits.
#include <algorithm>

#include "application_category.hpp"
#include "catalog_writer.hpp"
#include "wsc_arguments.hpp"

namespace winsock_spi::wine {

namespace {

enum class Known { no, base, layered };

Known look_up(const Items& items, const core::Guid& provider_id) noexcept {
    Known known = Known::no;
    for (const core::PackedCatalogItem& item : items) {
        if (item.info.provider_id == provider_id) {
            known = item.info.chain_length == BASE_PROTOCOL && known != Known::layered ? Known::base : Known::layered;
        }
    }
    return known;
}

int check_type(WSC_PROVIDER_INFO_TYPE type) noexcept {
    switch (type) {
    case ProviderInfoLspCategories: return 0;
    case ProviderInfoAudit: return ERROR_CALL_NOT_IMPLEMENTED;
    default: return WSAEINVAL;
    }
}

int get_provider_info(Bitness bitness, const GUID* provider_id, WSC_PROVIDER_INFO_TYPE type, BYTE* info,
                      std::size_t* size) {
    if (!readable(provider_id, sizeof(GUID)) || !writable(size, sizeof(*size))) {
        return WSAEFAULT;
    }
    int error = check_type(type);
    if (error != 0) {
        return error;
    }
    RegistryKey root;
    Items items;
    LspCategories categories;
    LSTATUS status = root.open(HKEY_LOCAL_MACHINE, protocol_catalog, KEY_READ);
    {
        CatalogLock lock;
        lock.acquire(); // without it too: what is read is checked
        if (status == ERROR_SUCCESS) {
            status = read_items(root, bitness, items);
        }
        if (status == ERROR_SUCCESS) {
            status = read_categories(root, bitness, categories);
        }
    }
    error = winsock_error(status);
    if (error != 0) {
        return error;
    }
    const core::Guid id = to_core(*provider_id);
    if (look_up(items, id) != Known::layered) {
        return WSAEINVALIDPROVIDER;
    }
    const bool enough = *size >= sizeof(DWORD);
    *size = sizeof(DWORD);
    if (!enough || !writable(info, sizeof(DWORD))) {
        return WSAEFAULT;
    }
    const DWORD value = categories_of(categories, id);
    std::memcpy(info, &value, sizeof(value));
    return 0;
}

int set_provider_info(Bitness bitness, const GUID* provider_id, WSC_PROVIDER_INFO_TYPE type, const BYTE* info,
                      std::size_t size) {
    if (!readable(provider_id, sizeof(GUID))) {
        return WSAEFAULT;
    }
    int error = check_type(type);
    if (error != 0) {
        return error;
    }
    if (!readable(info, std::min(size, sizeof(DWORD)))) {
        return WSAEFAULT;
    }
    if (size != sizeof(DWORD)) {
        return WSAEINVAL;
    }
    DWORD value = 0;
    std::memcpy(&value, info, sizeof(value));
    CatalogTransaction transaction;
    Items* items = nullptr;
    LspCategories* categories = nullptr;
    error = transaction.begin();
    if (error == 0) {
        error = transaction.load(bitness, items);
    }
    if (error == 0) {
        error = transaction.load(bitness, categories);
    }
    if (error != 0) {
        return error;
    }
    const core::Guid id = to_core(*provider_id);
    if (look_up(*items, id) != Known::layered) {
        return WSAEINVAL;
    }
    set_categories(*categories, id, value);
    return transaction.commit();
}

// A string by pointer and length; without a terminator in between.
int read_counted(const WCHAR* text, DWORD length, std::wstring& result) {
    if (text == nullptr && length == 0) {
        return 0;
    }
    constexpr DWORD longest_command_line = 32767;
    if (length > longest_command_line) {
        return WSAEINVAL;
    }
    if (!readable(text, length * sizeof(WCHAR))) {
        return WSAEFAULT;
    }
    result.assign(text, length);
    return result.find(L'\0') == std::wstring::npos ? 0 : WSAEINVAL;
}

int read_application(const WCHAR* path, DWORD path_length, const WCHAR* extra, DWORD extra_length,
                     Application& application) {
    if (path == nullptr) {
        return WSAEFAULT;
    }
    std::wstring file;
    std::wstring arguments;
    int error = path_length == 0 || path_length >= MAX_PATH ? WSAEINVAL : read_counted(path, path_length, file);
    if (error == 0) {
        error = read_counted(extra, extra_length, arguments);
    }
    if (error == 0) {
        application = make_application(file, arguments);
    }
    return error;
}

} // namespace

} // namespace winsock_spi::wine

using namespace winsock_spi::wine;

extern "C" {

int WSPAPI WSCGetProviderInfo(LPGUID provider_id, WSC_PROVIDER_INFO_TYPE type, PBYTE info, size_t* size, DWORD,
                              LPINT error) {
    return with_errno(error, [&] { return get_provider_info(native_bitness, provider_id, type, info, size); });
}

int WSPAPI WSCSetProviderInfo(LPGUID provider_id, WSC_PROVIDER_INFO_TYPE type, PBYTE info, size_t size, DWORD,
                              LPINT error) {
    return with_errno(error, [&] { return set_provider_info(native_bitness, provider_id, type, info, size); });
}

int WSPAPI WSCGetApplicationCategory(LPCWSTR path, DWORD path_length, LPCWSTR extra, DWORD extra_length,
                                     DWORD* permitted, LPINT error) {
    return with_errno(error, [&] {
        Application application;
        int code = writable(permitted, sizeof(*permitted)) ? 0 : WSAEFAULT;
        if (code == 0) {
            code = read_application(path, path_length, extra, extra_length, application);
        }
        std::uint32_t found = 0;
        if (code == 0) {
            code = get_application_categories(application, found);
        }
        if (code == 0) {
            *permitted = found;
        }
        return code;
    });
}

int WSPAPI WSCSetApplicationCategory(LPCWSTR path, DWORD path_length, LPCWSTR extra, DWORD extra_length,
                                     DWORD permitted, DWORD* before, LPINT error) {
    return with_errno(error, [&] {
        Application application;
        int code = before == nullptr || writable(before, sizeof(*before)) ? 0 : WSAEFAULT;
        if (code == 0) {
            code = read_application(path, path_length, extra, extra_length, application);
        }
        std::optional<std::uint32_t> found;
        if (code == 0) {
            code = add_application_categories(application, permitted, found);
        }
        if (code == 0 && before != nullptr) {
            *before = found.value_or(0);
        }
        return code;
    });
}

#ifdef _WIN64
int WSPAPI WSCGetProviderInfo32(LPGUID provider_id, WSC_PROVIDER_INFO_TYPE type, PBYTE info, size_t* size, DWORD,
                                LPINT error) {
    return with_errno(error, [&] { return get_provider_info(Bitness::bits32, provider_id, type, info, size); });
}

int WSPAPI WSCSetProviderInfo32(LPGUID provider_id, WSC_PROVIDER_INFO_TYPE type, PBYTE info, size_t size, DWORD,
                                LPINT error) {
    return with_errno(error, [&] { return set_provider_info(Bitness::bits32, provider_id, type, info, size); });
}
#endif

} // extern "C"
