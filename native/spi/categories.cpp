#include "categories.hpp"

#include <cstring>

#include "text.hpp"

namespace winsock_spi::spi {
namespace {

using GetInfo = int(WSPAPI*)(LPGUID, WSC_PROVIDER_INFO_TYPE, PBYTE, std::size_t*, DWORD, LPINT);
using SetInfo = int(WSPAPI*)(LPGUID, WSC_PROVIDER_INFO_TYPE, PBYTE, std::size_t, DWORD, LPINT);
using GetApplication = int(WSPAPI*)(LPCWSTR, DWORD, LPCWSTR, DWORD, DWORD*, LPINT);
using SetApplication = int(WSPAPI*)(LPCWSTR, DWORD, LPCWSTR, DWORD, DWORD, DWORD*, LPINT);

constexpr wchar_t path_value[] = L"AppFullPath";
constexpr wchar_t arguments_value[] = L"AppArgs";

GUID to_windows(const core::Guid& guid) {
    GUID out;
    std::memcpy(&out, &guid, sizeof(out));
    return out;
}

// Null means "without": an empty string would be compared with the program's own arguments.
const wchar_t* extra_of(const Application& application) {
    return application.arguments.empty() ? nullptr : application.arguments.c_str();
}

// As the functions of Winsock take it: variables expanded, absolute.
std::wstring full_path(const std::wstring& path) {
    if (path.empty()) {
        return {};
    }
    constexpr DWORD longest = 32768;
    std::vector<wchar_t> expanded(longest);
    const DWORD units = ExpandEnvironmentStringsW(path.c_str(), expanded.data(), longest);
    const std::wstring known = units == 0 || units > longest ? path : std::wstring(expanded.data());
    std::vector<wchar_t> full(longest);
    const DWORD length = GetFullPathNameW(known.c_str(), longest, full.data(), nullptr);
    return length == 0 || length >= longest ? known : std::wstring(full.data(), length);
}

std::wstring trimmed(const std::wstring& text) {
    const std::size_t first = text.find_first_not_of(L" \t");
    return first == std::wstring::npos ? std::wstring() : text.substr(first, text.find_last_not_of(L" \t") - first + 1);
}

std::wstring file_name(const std::wstring& path) {
    return path.substr(path.find_last_of(L"\\/") + 1);
}

} // namespace

Status get_provider_categories(Winsock& winsock, int bits, const core::Guid& provider, std::uint32_t& categories) {
    if (Status status = check_reachable(bits); !status.ok()) {
        return status;
    }
    const char* name = bits != own_bits ? "WSCGetProviderInfo32" : "WSCGetProviderInfo";
    GetInfo function = nullptr;
    if (Status status = winsock.find(function, name); !status.ok()) {
        return status;
    }
    GUID guid = to_windows(provider);
    DWORD value = 0;
    std::size_t size = sizeof(value);
    INT error = 0;
    if (function(&guid, ProviderInfoLspCategories, reinterpret_cast<PBYTE>(&value), &size, 0, &error) != 0) {
        return system_error(static_cast<std::uint32_t>(error), name);
    }
    categories = value;
    return {};
}

Status set_provider_categories(Winsock& winsock, int bits, const core::Guid& provider, std::uint32_t categories) {
    if (Status status = check_reachable(bits); !status.ok()) {
        return status;
    }
    const char* name = bits != own_bits ? "WSCSetProviderInfo32" : "WSCSetProviderInfo";
    SetInfo function = nullptr;
    if (Status status = winsock.find(function, name); !status.ok()) {
        return status;
    }
    GUID guid = to_windows(provider);
    DWORD value = categories;
    INT error = 0;
    if (function(&guid, ProviderInfoLspCategories, reinterpret_cast<PBYTE>(&value), sizeof(value), 0, &error) != 0) {
        return system_error(static_cast<std::uint32_t>(error), name);
    }
    return {};
}

Status get_application_categories(Winsock& winsock, const Application& application,
                                  std::optional<std::uint32_t>& permitted) {
    permitted.reset();
    GetApplication function = nullptr;
    if (Status status = winsock.find(function, "WSCGetApplicationCategory"); !status.ok()) {
        return status;
    }
    DWORD value = 0;
    INT error = 0;
    const int result =
        function(application.program.c_str(), static_cast<DWORD>(application.program.size()), extra_of(application),
                 static_cast<DWORD>(application.arguments.size()), &value, &error);
    if (result != 0) {
        return error == WSASERVICE_NOT_FOUND
                   ? Status{}
                   : system_error(static_cast<std::uint32_t>(error), "WSCGetApplicationCategory");
    }
    permitted = value;
    return {};
}

Status add_application_categories(Winsock& winsock, const Application& application, std::uint32_t permitted) {
    SetApplication function = nullptr;
    if (Status status = winsock.find(function, "WSCSetApplicationCategory"); !status.ok()) {
        return status;
    }
    DWORD before = 0;
    INT error = 0;
    const int result =
        function(application.program.c_str(), static_cast<DWORD>(application.program.size()), extra_of(application),
                 static_cast<DWORD>(application.arguments.size()), permitted, &before, &error);
    return result == 0 ? Status{} : system_error(static_cast<std::uint32_t>(error), "WSCSetApplicationCategory");
}

std::wstring find_application(const RegistryTree& applications, const Application& application) {
    const std::wstring program = full_path(application.program);
    const std::wstring arguments = trimmed(application.arguments);
    for (const auto& [name, key] : applications.keys) {
        const Application found = application_of(key);
        if (key.value(permitted_value) != nullptr && equal_names(found.program, program) &&
            equal_names(found.arguments, arguments)) {
            return name;
        }
    }
    return {};
}

Application application_of(const RegistryTree& key) {
    return {full_path(key.text(path_value)), trimmed(key.text(arguments_value))};
}

bool is_about_file(const RegistryTree& key, const std::wstring& program) {
    return equal_names(file_name(key.text(path_value)), file_name(program));
}

std::wstring applications_path() {
    return std::wstring(winsock_parameters) + L"\\" + application_catalog;
}

Status read_applications(RegistryTree& applications, bool& exists) {
    Status status = read_tree(applications_path(), applications);
    exists = status.ok();
    if (status.number == ERROR_FILE_NOT_FOUND) {
        applications = {};
        return {};
    }
    return status;
}

} // namespace winsock_spi::spi
