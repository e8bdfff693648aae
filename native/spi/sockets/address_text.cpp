#include "address_text.hpp"

namespace winsock_spi::spi {
namespace {

constexpr std::uint16_t swap_bytes(std::uint16_t value) {
    return static_cast<std::uint16_t>((value >> 8) | (value << 8));
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

// ntdll's parsers: they are in every process, ask no provider, and know every notation that addresses have.
template <typename Parse>
Parse find_parser(const char* name) {
    return reinterpret_cast<Parse>(reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"ntdll.dll"), name)));
}

bool parse_ipv4(const std::wstring& text, in_addr& out) {
    using Parse = LONG(NTAPI*)(const wchar_t*, BOOLEAN strict, const wchar_t** end, in_addr*);
    static const auto parse = find_parser<Parse>("RtlIpv4StringToAddressW");
    const wchar_t* end = nullptr;
    return parse != nullptr && parse(text.c_str(), TRUE, &end, &out) == 0 && end == text.c_str() + text.size();
}

bool parse_ipv6(const std::wstring& text, in6_addr& out) {
    using Parse = LONG(NTAPI*)(const wchar_t*, const wchar_t** end, in6_addr*);
    static const auto parse = find_parser<Parse>("RtlIpv6StringToAddressW");
    const wchar_t* end = nullptr;
    return parse != nullptr && parse(text.c_str(), &end, &out) == 0 && end == text.c_str() + text.size();
}

} // namespace

Status parse_address(const std::wstring& address, int family, std::uint16_t port, AnyAddress& out, int& length) {
    out = {};
    if (family == 4) {
        out.v4.sin_family = AF_INET;
        out.v4.sin_port = swap_bytes(port);
        length = sizeof(out.v4);
        return parse_ipv4(address, out.v4.sin_addr) ? Status{} : system_error(WSAEINVAL, "RtlIpv4StringToAddressW");
    }
    const std::size_t percent = address.find(L'%');
    std::uint64_t scope = 0;
    out.v6.sin6_family = AF_INET6;
    out.v6.sin6_port = swap_bytes(port);
    length = sizeof(out.v6);
    if (!parse_ipv6(address.substr(0, percent), out.v6.sin6_addr) ||
        (percent != std::wstring::npos && !parse_number(address.substr(percent + 1), 0xFFFF'FFFF, scope))) {
        return system_error(WSAEINVAL, "RtlIpv6StringToAddressW");
    }
    out.v6.sin6_scope_id = static_cast<ULONG>(scope);
    return {};
}

} // namespace winsock_spi::spi
