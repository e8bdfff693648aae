#include "guid_text.hpp"

#include <cstddef>

namespace winsock_spi::core {
namespace {

void append_hex(std::string& out, std::uint32_t value, int digits) {
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
        out += "0123456789ABCDEF"[value >> shift & 0xF];
    }
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char upper = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    return upper >= 'A' && upper <= 'F' ? upper - 'A' + 10 : -1;
}

} // namespace

std::string format_guid(const Guid& guid) {
    std::string out = "{";
    append_hex(out, guid.data1, 8);
    out += '-';
    append_hex(out, guid.data2, 4);
    out += '-';
    append_hex(out, guid.data3, 4);
    out += '-';
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == 2) {
            out += '-';
        }
        append_hex(out, guid.data4[i], 2);
    }
    return out + "}";
}

std::optional<Guid> parse_guid(std::string_view text) {
    constexpr std::string_view form = "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}";
    if (text.size() != form.size()) {
        return std::nullopt;
    }
    std::array<std::uint32_t, 32> digits{};
    std::size_t count = 0;
    for (std::size_t i = 0; i < form.size(); ++i) {
        if (form[i] != 'x') {
            if (text[i] != form[i]) {
                return std::nullopt;
            }
            continue;
        }
        const int value = hex_value(text[i]);
        if (value < 0) {
            return std::nullopt;
        }
        digits[count++] = static_cast<std::uint32_t>(value);
    }
    const auto number = [&](std::size_t from, std::size_t length) {
        std::uint32_t value = 0;
        for (std::size_t i = from; i < from + length; ++i) {
            value = value << 4 | digits[i];
        }
        return value;
    };
    Guid guid{number(0, 8), static_cast<std::uint16_t>(number(8, 4)), static_cast<std::uint16_t>(number(12, 4)), {}};
    for (std::size_t i = 0; i < 8; ++i) {
        guid.data4[i] = static_cast<std::uint8_t>(number(16 + 2 * i, 2));
    }
    return guid;
}

} // namespace winsock_spi::core
