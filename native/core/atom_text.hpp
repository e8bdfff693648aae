// Bytes as the text of an atom: atoms are at most 255 UTF-16 units, and two texts that differ only in case are the same
// atom. So each unit carries 14 bits as one of 16,384 Chinese characters (U+4E00 to U+8DFF), which know no case.
//
// The first unit is the number of bytes. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace winsock_spi::core {

inline constexpr std::size_t longest_atom = 255; // units
inline constexpr std::size_t atom_bits = 14;
inline constexpr char16_t first_atom_unit = 0x4E00;
inline constexpr std::size_t most_atom_bytes = (longest_atom - 1) * atom_bits / 8; // 444

// Nothing if it is more than an atom holds, or nothing at all.
inline std::u16string atom_text(std::span<const std::uint8_t> bytes) {
    std::u16string text;
    if (bytes.empty() || bytes.size() > most_atom_bytes) {
        return text;
    }
    text.push_back(static_cast<char16_t>(first_atom_unit + bytes.size()));
    std::uint32_t held = 0;
    std::size_t bits = 0;
    for (const std::uint8_t byte : bytes) {
        held = held << 8 | byte;
        bits += 8;
        if (bits >= atom_bits) {
            bits -= atom_bits;
            text.push_back(static_cast<char16_t>(first_atom_unit + (held >> bits & 0x3FFF)));
            held &= (1u << bits) - 1;
        }
    }
    if (bits > 0) {
        text.push_back(static_cast<char16_t>(first_atom_unit + (held << (atom_bits - bits) & 0x3FFF)));
    }
    return text;
}

// Empty if it is no text that atom_text gives.
inline std::vector<std::uint8_t> atom_bytes(std::u16string_view text) {
    const auto value = [](char16_t unit) { return static_cast<std::uint32_t>(unit) - first_atom_unit; };
    if (text.empty() || text.size() > longest_atom || value(text[0]) == 0 || value(text[0]) > most_atom_bytes) {
        return {};
    }
    const std::size_t size = value(text[0]);
    if (text.size() != 1 + (size * 8 + atom_bits - 1) / atom_bits) {
        return {};
    }
    std::vector<std::uint8_t> bytes;
    std::uint32_t held = 0;
    std::size_t bits = 0;
    for (const char16_t unit : text.substr(1)) {
        if (value(unit) >= 1u << atom_bits) {
            return {};
        }
        held = held << atom_bits | value(unit);
        bits += atom_bits;
        while (bits >= 8 && bytes.size() < size) {
            bits -= 8;
            bytes.push_back(static_cast<std::uint8_t>(held >> bits));
            held &= (1u << bits) - 1;
        }
    }
    return held == 0 ? bytes : std::vector<std::uint8_t>{};
}

} // namespace winsock_spi::core
