// The version of the provider, as start records and catalog tools tell it. The same as in package.json.
#pragma once

#include <cstdint>

namespace winsock_spi::core {

inline constexpr std::uint32_t provider_version = 0u << 16 | 1u << 8 | 0u; // major, minor, patch

} // namespace winsock_spi::core
