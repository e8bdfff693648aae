#include "address_text.hpp"

#include <array>
#include <cstddef>

namespace winsock_spi::spi {
namespace {

constexpr std::uint16_t swap_bytes(std::uint16_t value) {
    return static_cast<std::uint16_t>((value >> 8) | (value << 8));
}

std::string dotted(const std::uint8_t* bytes) {
    std::string text = std::to_string(bytes[0]);
    for (int index = 1; index < 4; ++index) {
        text += '.';
        text += std::to_string(bytes[index]);
    }
    return text;
}

void append_hex(std::string& text, unsigned value) {
    bool started = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
        const unsigned digit = (value >> shift) & 0xF;
        started = started || digit != 0 || shift == 0;
        if (started) {
            text += "0123456789abcdef"[digit];
        }
    }
}

struct Run {
    std::size_t start = 8;
    std::size_t length = 1; // a single zero group is not shortened
};

// RFC 5952: the longest run of zero groups, the first of equals.
Run longest_zeros(const std::array<unsigned, 8>& groups) {
    Run best;
    for (std::size_t start = 0; start < groups.size(); ++start) {
        std::size_t length = 0;
        while (start + length < groups.size() && groups[start + length] == 0) {
            ++length;
        }
        if (length > best.length) {
            best = {start, length};
        }
        start += length;
    }
    return best;
}

std::string ipv6_text(const std::uint8_t* bytes) {
    std::array<unsigned, 8> groups{};
    for (std::size_t index = 0; index < groups.size(); ++index) {
        groups[index] = static_cast<unsigned>(bytes[2 * index]) << 8 | bytes[2 * index + 1];
    }
    const Run zeros = longest_zeros(groups);
    // ::a.b.c.d and ::ffff:a.b.c.d are written with the IPv4 address that they hold.
    const bool compatible = zeros.start == 0 && zeros.length == 6;
    const bool mapped = zeros.start == 0 && zeros.length == 5 && groups[5] == 0xFFFF;
    if (compatible || mapped) {
        return (mapped ? "::ffff:" : "::") + dotted(bytes + 12);
    }
    std::string text;
    for (std::size_t index = 0; index < groups.size();) {
        if (index == zeros.start) {
            text += "::";
            index += zeros.length;
            continue;
        }
        if (!text.empty() && text.back() != ':') {
            text += ':';
        }
        append_hex(text, groups[index]);
        ++index;
    }
    return text;
}

// The text of a whole number without sign; false if it is none or too large.
bool parse_number(const std::wstring& text, std::uint64_t most, std::uint64_t& value) {
    value = 0;
    for (const wchar_t letter : text) {
        if (letter < L'0' || letter > L'9') {
            return false;
        }
        value = value * 10 + static_cast<std::uint64_t>(letter - L'0');
        if (value > most) {
            return false;
        }
    }
    return !text.empty();
}

bool parse_ipv4(const std::wstring& text, in_addr& out) {
    std::array<std::uint8_t, 4> bytes{};
    std::size_t start = 0;
    for (std::size_t index = 0; index < bytes.size(); ++index) {
        const std::size_t dot = text.find(L'.', start);
        const bool last = index + 1 == bytes.size();
        if (last != (dot == std::wstring::npos)) {
            return false;
        }
        std::uint64_t value = 0;
        if (!parse_number(text.substr(start, last ? std::wstring::npos : dot - start), 255, value)) {
            return false;
        }
        bytes[index] = static_cast<std::uint8_t>(value);
        start = dot + 1;
    }
    out.S_un.S_un_b.s_b1 = bytes[0];
    out.S_un.S_un_b.s_b2 = bytes[1];
    out.S_un.S_un_b.s_b3 = bytes[2];
    out.S_un.S_un_b.s_b4 = bytes[3];
    return true;
}

// ntdll's parser: it is in every process, and knows every notation that IPv6 has.
bool parse_ipv6(const std::wstring& text, in6_addr& out) {
    using Parse = LONG(NTAPI*)(const wchar_t*, const wchar_t**, in6_addr*);
    static const auto parse = reinterpret_cast<Parse>(reinterpret_cast<void*>(
        GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "RtlIpv6StringToAddressW")));
    const wchar_t* end = nullptr;
    return parse != nullptr && parse(text.c_str(), &end, &out) == 0 && end == text.c_str() + text.size();
}

} // namespace

AddressText to_text(const AnyAddress& address) {
    AddressText out;
    if (address.any.sa_family == AF_INET) {
        out.family = 4;
        out.port = swap_bytes(address.v4.sin_port);
        out.address = dotted(reinterpret_cast<const std::uint8_t*>(&address.v4.sin_addr));
    } else if (address.any.sa_family == AF_INET6) {
        out.family = 6;
        out.port = swap_bytes(address.v6.sin6_port);
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(&address.v6.sin6_addr);
        out.address = ipv6_text(bytes);
        const bool link_local = bytes[0] == 0xFE && (bytes[1] & 0xC0) == 0x80;
        if (link_local && address.v6.sin6_scope_id != 0) {
            out.address += '%' + std::to_string(address.v6.sin6_scope_id);
        }
    }
    return out;
}

Status parse_address(const std::wstring& address, int family, std::uint16_t port, AnyAddress& out, int& length) {
    out = {};
    if (family == 4) {
        out.v4.sin_family = AF_INET;
        out.v4.sin_port = swap_bytes(port);
        length = sizeof(out.v4);
        return parse_ipv4(address, out.v4.sin_addr) ? Status{} : system_error(WSAEINVAL, "inet_pton");
    }
    const std::size_t percent = address.find(L'%');
    std::uint64_t scope = 0;
    out.v6.sin6_family = AF_INET6;
    out.v6.sin6_port = swap_bytes(port);
    length = sizeof(out.v6);
    if (!parse_ipv6(address.substr(0, percent), out.v6.sin6_addr) ||
        (percent != std::wstring::npos && !parse_number(address.substr(percent + 1), 0xFFFF'FFFF, scope))) {
        return system_error(WSAEINVAL, "inet_pton");
    }
    out.v6.sin6_scope_id = static_cast<ULONG>(scope);
    return {};
}

} // namespace winsock_spi::spi
