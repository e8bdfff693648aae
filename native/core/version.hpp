// The version of the provider, as start records tell it. package.json is the only place where it is written: CMake and
// binding.gyp pass it on.
#pragma once

#include <cstdint>

#if !defined(WINSOCK_SPI_VERSION_MAJOR) || !defined(WINSOCK_SPI_VERSION_MINOR) || !defined(WINSOCK_SPI_VERSION_PATCH)
#error "the build passes the version of package.json: see cmake/version.cmake and binding.gyp"
#endif

namespace winsock_spi::core {

static_assert(WINSOCK_SPI_VERSION_MAJOR < 0x10000 && WINSOCK_SPI_VERSION_MINOR < 0x100 &&
              WINSOCK_SPI_VERSION_PATCH < 0x100);

// 0 is no version: the header of a ring whose writer told none.
inline constexpr std::uint32_t provider_version = std::uint32_t{WINSOCK_SPI_VERSION_MAJOR} << 16 |
                                                  std::uint32_t{WINSOCK_SPI_VERSION_MINOR} << 8 |
                                                  std::uint32_t{WINSOCK_SPI_VERSION_PATCH};

} // namespace winsock_spi::core
