// The Windows GUID structure, so that a GUID can be compared without windows.h.
#pragma once

#include <array>
#include <cstdint>

namespace winsock_spi::core {

struct Guid {
    std::uint32_t data1;
    std::uint16_t data2;
    std::uint16_t data3;
    std::array<std::uint8_t, 8> data4;

    friend constexpr bool operator==(const Guid&, const Guid&) = default;
};
static_assert(sizeof(Guid) == 16);

} // namespace winsock_spi::core
