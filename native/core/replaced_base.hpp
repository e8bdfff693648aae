// Where an installation by the replace-base method writes down which DLL each base provider had before, and how that is
// read: used by the provider in every process, and by rescue. Hostile content is bounded: whatever a text holds, the
// result is a part of it or nothing. lib/provider/replaced.ts holds the same names (a unit test compares the files).
#pragma once

#include <cstddef>
#include <string_view>

namespace winsock_spi::core {

// Below WinSock2\Parameters: a key per catalog, in it a REG_EXPAND_SZ per provider, by its GUID in braces.
inline constexpr std::wstring_view replaced_root = L"winsock-spi";
inline constexpr std::wstring_view replaced_key_64 = L"winsock-spi\\replaced64";
inline constexpr std::wstring_view replaced_key_32 = L"winsock-spi\\replaced32";
// Beside our DLL: UTF-16 with a byte order mark, a line per provider: its GUID in braces, a space, the path.
inline constexpr std::wstring_view replaced_file = L"replaced-base.txt";
inline constexpr std::size_t replaced_file_most = 16'384; // units that are read of it
// Our DLL: a base entry that leads to a file of this name is one that we stand in the place of.
inline constexpr std::wstring_view provider_file = L"winsock_spi_lsp.dll";

constexpr wchar_t lower_ascii(wchar_t unit) {
    return unit >= L'A' && unit <= L'Z' ? static_cast<wchar_t>(unit - L'A' + L'a') : unit;
}

constexpr bool equal_ascii_names(std::wstring_view a, std::wstring_view b) {
    if (a.size() != b.size()) {
        return false;
    }
    for (std::size_t index = 0; index < a.size(); ++index) {
        if (lower_ascii(a[index]) != lower_ascii(b[index])) {
            return false;
        }
    }
    return true;
}

// Parts of a text that is long enough; `substr` could throw, and the provider has no exceptions. Nor does it have the
// search functions of text, which some C++ libraries do not keep in their headers: hence the loops.
constexpr std::wstring_view first_of(std::wstring_view text, std::size_t count) {
    return {text.data(), count};
}
constexpr std::wstring_view behind(std::wstring_view text, std::size_t count) {
    return {text.data() + count, text.size() - count};
}

constexpr std::wstring_view file_name(std::wstring_view path) {
    std::size_t start = path.size();
    while (start > 0 && path[start - 1] != L'\\') {
        --start;
    }
    return behind(path, start);
}

// What the file says of a provider; empty where it says nothing.
constexpr std::wstring_view original_in(std::wstring_view text, std::wstring_view guid) {
    if (!text.empty() && text.front() == L'\uFEFF') {
        text = behind(text, 1);
    }
    while (!text.empty()) {
        std::size_t end = 0;
        while (end < text.size() && text[end] != L'\r' && text[end] != L'\n') {
            ++end;
        }
        const std::wstring_view line = first_of(text, end);
        text = behind(text, end == text.size() ? end : end + 1);
        if (line.size() > guid.size() + 1 && line[guid.size()] == L' ' &&
            equal_ascii_names(first_of(line, guid.size()), guid)) {
            return behind(line, guid.size() + 1);
        }
    }
    return {};
}

// Whether an expanded path can be that of a base provider: a file on a drive, given in full, and not ourselves. Only
// administrators can write where it is saved, as they can the catalog; but a damaged one must not make programs load
// something from a folder that anybody can write.
constexpr bool is_usable_original(std::wstring_view path, std::wstring_view own_name) {
    const wchar_t drive = path.empty() ? L'\0' : lower_ascii(path[0]);
    for (const wchar_t unit : path) {
        if (unit == L'\0') {
            return false;
        }
    }
    return path.size() > 3 && drive >= L'a' && drive <= L'z' && path[1] == L':' && path[2] == L'\\' &&
           !file_name(path).empty() && !equal_ascii_names(file_name(path), own_name);
}

} // namespace winsock_spi::core
