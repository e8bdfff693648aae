// Where things are on this machine, without trusting the environment; see system_path.hpp.
#include "system_path.hpp"

#include "nt_registry.hpp"

namespace winsock_spi::spi {

namespace {

bool equal_without_case(std::wstring_view a, std::wstring_view b) {
    return CompareStringOrdinal(a.data(), static_cast<int>(a.size()), b.data(), static_cast<int>(b.size()), TRUE) ==
           CSTR_EQUAL;
}

// The value of one of the variables that Windows itself knows; empty for any other.
std::wstring_view system_variable(std::wstring_view name, std::wstring_view windows) {
    if (equal_without_case(name, L"SystemRoot") || equal_without_case(name, L"windir")) {
        return windows;
    }
    if (equal_without_case(name, L"SystemDrive")) {
        return windows.substr(0, 2);
    }
    return {};
}

} // namespace

bool expand_path(std::wstring_view path, PathText& expanded) {
    PathText windows;
    if (GetSystemWindowsDirectoryW(windows.buffer(), PathText::capacity) >= PathText::capacity) {
        return false;
    }
    windows.finish();

    PathText half;
    while (!path.empty()) {
        const std::size_t end = path.front() == L'%' ? path.find(L'%', 1) : std::wstring_view::npos;
        const std::wstring_view value = end == std::wstring_view::npos
                                            ? std::wstring_view{}
                                            : system_variable(path.substr(1, end - 1), windows.view());
        if (value.empty()) {
            half << path.substr(0, 1);
            path.remove_prefix(1);
        } else {
            half << value;
            path.remove_prefix(end + 1);
        }
    }
    if (!half.whole()) {
        return false;
    }
    const DWORD length = ExpandEnvironmentStringsW(half.c_str(), expanded.buffer(), PathText::capacity);
    expanded.finish();
    return length != 0 && length <= PathText::capacity && expanded.view().find(L'%') == std::wstring_view::npos;
}

bool program_data_folder(PathText& folder) {
    const UniqueHandle key = open_machine_key(L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList");
    PathText value;
    // The last unit stays zero, whether the stored string has its terminator or not.
    constexpr std::size_t room = (PathText::capacity - 1) * sizeof(wchar_t);
    if (!key || (read_value(key.get(), L"ProgramData", REG_EXPAND_SZ, value.buffer(), room) == 0 &&
                 read_value(key.get(), L"ProgramData", REG_SZ, value.buffer(), room) == 0)) {
        return false;
    }
    value.finish();
    return expand_path(value.view(), folder);
}

} // namespace winsock_spi::spi
