#include "system_library.hpp"

#include <string>

#include "text.hpp"

namespace winsock_spi::spi {

Status load_system_library(const wchar_t* name, UniqueModule& library) {
    wchar_t folder[MAX_PATH];
    const UINT length = GetSystemDirectoryW(folder, MAX_PATH);
    if (length == 0 || length >= MAX_PATH) {
        return last_error("GetSystemDirectoryW");
    }
    const std::wstring path = std::wstring(folder, length) + L"\\" + name;
    library.reset(LoadLibraryExW(path.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH));
    return library ? Status{} : last_error("LoadLibraryExW", narrow(name));
}

} // namespace winsock_spi::spi
