// Addresses and their text. Pages: "WSAAddressToStringW function (winsock2.h)", "WSAStringToAddressW function
// (winsock2.h)" and their A forms.
#include "overlapped.hpp"

using namespace conformance;

namespace {

std::string narrow(const wchar_t* text) {
    std::string result;
    for (; *text != L'\0'; ++text) {
        result += static_cast<char>(*text);
    }
    return result;
}

struct Text {
    int result;
    std::string text;
    DWORD length;
};

Text wide_text(const Address& address, DWORD room = 80) {
    wchar_t text[80]{};
    Text made{0, "", room};
    made.result = WSAAddressToStringW(const_cast<sockaddr*>(address.get()), static_cast<DWORD>(address.length), nullptr,
                                      text, &made.length);
    made.text = narrow(text);
    return made;
}

Text ansi_text(const Address& address, DWORD room = 80) {
    char text[80]{};
    Text made{0, "", room};
    made.result = WSAAddressToStringA(const_cast<sockaddr*>(address.get()), static_cast<DWORD>(address.length), nullptr,
                                      text, &made.length);
    made.text = text;
    return made;
}

Address v6_of(std::initializer_list<unsigned> groups, std::uint16_t port = 0, ULONG scope = 0) {
    Address address = wildcard(AF_INET6, port);
    std::size_t at = 0;
    for (const unsigned group : groups) {
        address.v6()->sin6_addr.s6_addr[at++] = static_cast<unsigned char>(group >> 8);
        address.v6()->sin6_addr.s6_addr[at++] = static_cast<unsigned char>(group);
    }
    address.v6()->sin6_scope_id = scope;
    return address;
}

struct Parsed {
    int result;
    Address address;
};

Parsed parse(const wchar_t* text, int family, int room = sizeof(sockaddr_storage)) {
    Parsed parsed{0, {}};
    parsed.address.length = room;
    parsed.result =
        WSAStringToAddressW(const_cast<wchar_t*>(text), family, nullptr, parsed.address.get(), &parsed.address.length);
    return parsed;
}

Parsed parse(const char* text, int family) {
    Parsed parsed{0, {}};
    parsed.result =
        WSAStringToAddressA(const_cast<char*>(text), family, nullptr, parsed.address.get(), &parsed.address.length);
    return parsed;
}

} // namespace

CONFORMANCE_CASE("address text", "of addresses") {
    const struct {
        Address address;
        const char* text;
    } cases[] = {
        {loopback(AF_INET), "127.0.0.1"},
        {loopback(AF_INET, 80), "127.0.0.1:80"},
        {wildcard(AF_INET), "0.0.0.0"},
        {wildcard(AF_INET, 65535), "0.0.0.0:65535"},
        {loopback(AF_INET6), "::1"},
        {loopback(AF_INET6, 80), "[::1]:80"},
        {wildcard(AF_INET6), "::"},
        {v6_of({0xfe80, 0, 0, 0, 0, 0, 0, 1}, 0, 7), "fe80::1%7"},
        {v6_of({0xfe80, 0, 0, 0, 0, 0, 0, 1}, 443, 7), "[fe80::1%7]:443"},
        {v6_of({0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xabcd}), "2001:db8::abcd"},
        {v6_of({1, 2, 3, 4, 5, 6, 7, 8}, 9), "[1:2:3:4:5:6:7:8]:9"},
    };
    for (const auto& one : cases) {
        const std::string name = std::string(one.text) + ": ";
        const Text wide = wide_text(one.address);
        succeeds(name + "WSAAddressToStringW", wide.result);
        equal(name + "its text", wide.text, one.text);
        equal(name + "its length with the end", wide.length, static_cast<DWORD>(std::strlen(one.text) + 1));
        const Text ansi = ansi_text(one.address);
        succeeds(name + "WSAAddressToStringA", ansi.result);
        equal(name + "the same text", ansi.text, one.text);
        equal(name + "the same length", ansi.length, wide.length);
    }
}

// Too little room for the text is WSAEFAULT, and the length needed is told.
CONFORMANCE_CASE("address text", "errors of making it") {
    const Address address = loopback(AF_INET, 80);
    const Text exact = wide_text(address, 13);
    succeeds("room for just the text", exact.result);
    equal("is enough", exact.text, "127.0.0.1:80");
    const Text small = wide_text(address, 12);
    fails("one less: WSAEFAULT", small.result, WSAEFAULT);
    equal("and the length needed", small.length, 13u);
    const Text small_ansi = ansi_text(address, 5);
    fails("A: WSAEFAULT", small_ansi.result, WSAEFAULT);
    equal("A: and the length needed", small_ansi.length, 13u);
    wchar_t text[80];
    DWORD length = 80;
    auto* const from = const_cast<sockaddr*>(address.get());
    fails("no address: WSAEFAULT", WSAAddressToStringW(nullptr, sizeof(sockaddr_in), nullptr, text, &length),
          WSAEFAULT);
    fails("no length: WSAEFAULT", WSAAddressToStringW(from, sizeof(sockaddr_in), nullptr, text, nullptr), WSAEFAULT);
    fails("too short an address: WSAEFAULT", WSAAddressToStringW(from, 4, nullptr, text, &length), WSAEFAULT);
    Address strange = address;
    strange.storage.ss_family = 200;
    fails("a family nobody has: WSAEINVAL",
          WSAAddressToStringW(strange.get(), sizeof(sockaddr_in), nullptr, text, &length), WSAEINVAL);
}

CONFORMANCE_CASE("address text", "to addresses") {
    const struct {
        const char* text;
        Address address;
    } cases[] = {
        {"127.0.0.1", loopback(AF_INET)},
        {"127.0.0.1:80", loopback(AF_INET, 80)},
        {"0.0.0.0:65535", wildcard(AF_INET, 65535)},
        {"::1", loopback(AF_INET6)},
        {"[::1]:80", loopback(AF_INET6, 80)},
        {"::", wildcard(AF_INET6)},
        {"fe80::1%7", v6_of({0xfe80, 0, 0, 0, 0, 0, 0, 1}, 0, 7)},
        {"2001:DB8::ABCD", v6_of({0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xabcd})},
        {"[1:2:3:4:5:6:7:8]:9", v6_of({1, 2, 3, 4, 5, 6, 7, 8}, 9)},
    };
    for (const auto& one : cases) {
        const std::string name = std::string(one.text) + ": ";
        const std::wstring wide(one.text, one.text + std::strlen(one.text));
        const int family = one.address.family();
        const Parsed parsed = parse(wide.c_str(), family);
        succeeds(name + "WSAStringToAddressW", parsed.result);
        equal(name + "the length", parsed.address.length, address_length(family));
        is(name + "the address", same(parsed.address, one.address));
        const Parsed ansi = parse(one.text, family);
        succeeds(name + "WSAStringToAddressA", ansi.result);
        is(name + "the same address", same(ansi.address, one.address));
    }
}

// What is no address of the family is WSAEINVAL; too little room for the address is WSAEFAULT.
CONFORMANCE_CASE("address text", "errors of reading it") {
    const std::pair<const wchar_t*, int> wrong[] = {
        {L"nonsense", AF_INET},   {L"127.0.0.1:65536", AF_INET}, {L"127.0.0.1:x", AF_INET},
        {L"::1", AF_INET},        {L"256.0.0.1", AF_INET},       {L"", AF_INET},
        {L"127.0.0.1", AF_INET6}, {L"[::1", AF_INET6},           {L"1:2:3:4:5:6:7:8:9", AF_INET6},
        {L"gggg::1", AF_INET6},
    };
    for (const auto& [text, family] : wrong) {
        fails("\"" + narrow(text) + "\" as " + family_name(family) + ": WSAEINVAL", parse(text, family).result,
              WSAEINVAL);
    }
    const Parsed small = parse(L"127.0.0.1", AF_INET, 4);
    fails("too little room for IPv4: WSAEFAULT", small.result, WSAEFAULT);
    equal("and the length needed", small.address.length, address_length(AF_INET));
    const Parsed small6 = parse(L"::1", AF_INET6, 16);
    fails("too little room for IPv6: WSAEFAULT", small6.result, WSAEFAULT);
    equal("and the length that needs", small6.address.length, address_length(AF_INET6));
    fails("no text: WSAEINVAL", parse(static_cast<const wchar_t*>(nullptr), AF_INET).result, WSAEINVAL);
    fails("a family nobody has: WSAEINVAL", parse(L"127.0.0.1", 200).result, WSAEINVAL);
}

// With protocol information: the provider of that entry does it.
CONFORMANCE_CASE("address text", "by the entry of a socket") {
    const Socket socket = tcp();
    WSAPROTOCOL_INFOW info{};
    require("its entry", get_option(socket.get(), SOL_SOCKET, SO_PROTOCOL_INFOW, info) == 0);
    const Address address = loopback(AF_INET, 1234);
    wchar_t text[80];
    DWORD length = 80;
    succeeds("WSAAddressToStringW",
             WSAAddressToStringW(const_cast<sockaddr*>(address.get()), sizeof(sockaddr_in), &info, text, &length));
    equal("the text", narrow(text), "127.0.0.1:1234");
    Address back;
    succeeds("WSAStringToAddressW", WSAStringToAddressW(text, AF_INET, &info, back.get(), &back.length));
    is("and back", same(back, address));
}
