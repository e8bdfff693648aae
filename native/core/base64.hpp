// Base64 (RFC 4648, with padding) for bytes in JSON. Decoding is strict: what does not encode back to the same text is
// refused.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace winsock_spi::core {

std::string encode_base64(std::span<const std::uint8_t> bytes);
std::optional<std::vector<std::uint8_t>> decode_base64(std::string_view text);

} // namespace winsock_spi::core
