// SHA-256 (FIPS 180-4): what was copied is what was meant, and a backup file is as it was written.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace winsock_spi::core {

class Sha256 {
public:
    void update(std::span<const std::uint8_t> bytes);
    // The hash; the object must not be used after it.
    std::array<std::uint8_t, 32> finish();

private:
    void block(const std::uint8_t* bytes);

    std::array<std::uint32_t, 8> state_{0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                                        0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};
    std::array<std::uint8_t, 64> buffer_{};
    std::size_t buffered_ = 0;
    std::uint64_t length_ = 0;
};

// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::span<const std::uint8_t> bytes);
std::string sha256_hex(std::string_view text);

} // namespace winsock_spi::core
