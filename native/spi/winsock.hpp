// The catalog functions of ws2_32, found at run time in the system's own folder: this code must load and read the
// registry on machines where Winsock itself is broken. None of these functions loads a provider.
// https://learn.microsoft.com/windows/win32/winsock/service-provider-interface-spi-functions-2
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/packed_catalog_item.hpp"
#include "status.hpp"
#include "system_library.hpp"
#include "unique.hpp"

namespace winsock_spi::spi {

struct CatalogEntry {
    std::wstring path; // as the catalog has it, environment variables not expanded
    core::ProtocolInfo info;
};

// The bitness of the catalog that this process's own Winsock uses.
inline constexpr int own_bits = sizeof(void*) * 8;

class Winsock {
public:
    // Loads ws2_32.dll; later calls of `open` do nothing.
    Status open();

    // Every entry of a catalog, hidden ones included, in catalog order.
    Status enumerate(int bits, std::vector<CatalogEntry>& entries);

    // Appends all entries of one provider to this process's own catalog. WSCInstallProvider cannot reach the other one.
    Status install(const core::Guid& provider, const std::wstring& path, std::span<const core::ProtocolInfo> infos);

    // Replaces path and info of all entries of a provider GUID.
    Status update(int bits, const core::Guid& provider, const std::wstring& path, const core::ProtocolInfo& info);

    Status update(int bits, const core::Guid& provider, const std::wstring& path,
                  const std::vector<core::ProtocolInfo>& infos);

    // Removes all entries of a provider GUID. A GUID that is not there is WSAEFAULT in Windows: ask first.
    Status deinstall(int bits, const core::Guid& provider);

    // Every id of the catalog exactly once.
    Status write_order(int bits, std::vector<std::uint32_t> ids);

    // Any other function of the catalog, for the files that are about one group of them.
    template <typename Function>
    Status find(Function& function, const char* name) {
        if (Status status = open(); !status.ok()) {
            return status;
        }
        return find_function(module_, function, name);
    }

private:
    Status provider_path(int bits, const core::Guid& provider, std::wstring& path);

    UniqueModule module_;
};

// A catalog function that this system does not have, or that cannot reach the catalog from a process of this bitness.
Status check_reachable(int bits);

} // namespace winsock_spi::spi
