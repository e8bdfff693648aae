// LSP categories: what kind of thing a layered provider does, and which kinds a program lets in. Windows keeps those of
// programs in AppId_Catalog below WinSock2\Parameters, in keys whose names are a hash that is not documented: so an
// entry is made by Winsock's function and found by what it says. Where those of providers are kept is not documented.
// https://learn.microsoft.com/windows/win32/winsock/categorizing-layered-service-providers-and-applications
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/guid.hpp"
#include "registry.hpp"
#include "winsock.hpp"

namespace winsock_spi::spi {

inline constexpr wchar_t application_catalog[] = L"AppId_Catalog";

// 0 = uncategorised. A base provider has none: WSAEINVALIDPROVIDER.
Status get_provider_categories(Winsock& winsock, int bits, const core::Guid& provider, std::uint32_t& categories);
Status set_provider_categories(Winsock& winsock, int bits, const core::Guid& provider, std::uint32_t categories);

struct Application {
    std::wstring program; // full path
    std::wstring arguments; // empty: whatever they are
};

// Empty where the program has no categories.
Status get_application_categories(Winsock& winsock, const Application& application,
                                  std::optional<std::uint32_t>& permitted);
// Those that the program has already stay; Winsock has no function that takes any away.
Status add_application_categories(Winsock& winsock, const Application& application, std::uint32_t permitted);

// The name of the key in which this program's categories stand, in a tree of AppId_Catalog; empty where there is none.
std::wstring find_application(const RegistryTree& applications, const Application& application);
// Whom a key of AppId_Catalog is about; without a program where it is damaged.
Application application_of(const RegistryTree& key);
// Whether a key of AppId_Catalog is about a file of this name, wherever that lies.
bool is_about_file(const RegistryTree& key, const std::wstring& program);

// AppId_Catalog as it stands. `exists` is false, and the tree empty, where no program has ever been given categories.
Status read_applications(RegistryTree& applications, bool& exists);
std::wstring applications_path();

// A value of our own in an entry that an installation of ours has made, which an uninstallation takes away again. What
// Winsock reads of an entry it reads by name.
inline constexpr wchar_t made_by_value[] = L"winsock-spi";
inline constexpr wchar_t permitted_value[] = L"PermittedLspCategories";

} // namespace winsock_spi::spi
