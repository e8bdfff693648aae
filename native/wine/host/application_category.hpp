// Which LSP categories a program permits. Windows keeps them below WinSock2\Parameters:
//   AppId_Catalog\XXXXXXXX   AppFullPath REG_SZ, AppArgs REG_SZ (only if it tells instances apart),
//                            PermittedLspCategories REG_DWORD
// XXXXXXXX is a hash of path and arguments whose algorithm is not documented. So entries are found by what they say,
// whatever they are called, and new ones get a name by a hash of our own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "winsock_headers.hpp"

namespace winsock_spi::wine {

struct Application {
    std::wstring path; // environment strings expanded, absolute
    std::wstring arguments;
};

// An application as the functions of the catalog API name it.
Application make_application(std::wstring_view path, std::wstring_view arguments);

// WSCGetApplicationCategory, WSCSetApplicationCategory. 0 or a Winsock error: WSASERVICE_NOT_FOUND (get),
// WSANO_RECOVERY.
int get_application_categories(const Application& application, std::uint32_t& permitted);
// Categories that the application has already are kept; `before` is empty if it had none.
int add_application_categories(const Application& application, std::uint32_t permitted,
                               std::optional<std::uint32_t>& before);

// What this process permits: decided by the first call, which WSAStartup makes, for the life of the process. Empty: it
// has no categories and takes every provider. An entry with the process's arguments counts before one without any.
std::optional<std::uint32_t> this_programs_categories() noexcept;

} // namespace winsock_spi::wine
