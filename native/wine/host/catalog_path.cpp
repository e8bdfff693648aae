// From the path in the catalog to the file that LoadLibrary is asked for.
#include <cwchar>

#include "catalog.hpp"

namespace winsock_spi::wine {

namespace {

std::wstring expand(const std::wstring& text) {
    const DWORD units = ExpandEnvironmentStringsW(text.c_str(), nullptr, 0);
    if (units == 0) {
        return text;
    }
    std::wstring expanded(units, L'\0');
    const DWORD written = ExpandEnvironmentStringsW(text.c_str(), expanded.data(), units);
    if (written == 0 || written > units) {
        return text;
    }
    expanded.resize(written - 1);
    return expanded;
}

// The Windows folder, with a backslash at its end.
std::wstring windows_folder() {
    wchar_t folder[MAX_PATH];
    const UINT length = GetSystemWindowsDirectoryW(folder, MAX_PATH);
    if (length == 0 || length >= MAX_PATH) {
        return {};
    }
    std::wstring result(folder, length);
    if (result.back() != L'\\') {
        result += L'\\';
    }
    return result;
}

bool begins_with(const std::wstring& text, const std::wstring& start) {
    return text.size() >= start.size() && _wcsnicmp(text.c_str(), start.c_str(), start.size()) == 0;
}

} // namespace

std::wstring expand_provider_path(std::wstring_view stored, Bitness bitness) {
    std::wstring path = expand(std::wstring(stored));
    if (bitness == native_bitness) {
        return path;
    }
    const std::wstring windows = windows_folder();
    const std::wstring system = windows + L"system32\\";
    if (!windows.empty() && begins_with(path, system)) {
        const wchar_t* own_name = bitness == Bitness::bits32 ? L"SysWOW64\\" : L"Sysnative\\";
        path = windows + own_name + path.substr(system.size());
    }
    return path;
}

} // namespace winsock_spi::wine
