// WSCEnumProtocols(32) and WSCGetProviderPath(32) as their pages describe them, and the catalog of a fresh system.
#pragma once

#include <algorithm>
#include <cstddef>

#include "catalog_api.hpp"
#include "checks.hpp"

struct BaseEntry {
    const wchar_t* name;
    int family;
    int type;
    int protocol;
    int max_offset;
    DWORD flags;
    DWORD provider_flags;
};

inline constexpr BaseEntry base_entries[] = {
    {L"MSAFD Tcpip [TCP/IP]", AF_INET, SOCK_STREAM, 6, 0, 0x20066, 0x8},
    {L"MSAFD Tcpip [UDP/IP]", AF_INET, SOCK_DGRAM, 17, 0, 0x20609, 0x8},
    {L"MSAFD Tcpip [RAW/IP]", AF_INET, SOCK_RAW, 0, 255, 0x20609, 0xC},
    {L"MSAFD Tcpip [TCP/IPv6]", AF_INET6, SOCK_STREAM, 6, 0, 0x20066, 0x8},
    {L"MSAFD Tcpip [UDP/IPv6]", AF_INET6, SOCK_DGRAM, 17, 0, 0x20609, 0x8},
    {L"MSAFD Tcpip [RAW/IPv6]", AF_INET6, SOCK_RAW, 0, 255, 0x20609, 0xC},
};

inline void check_base_entries(Checks& checks, const Infos& infos) {
    for (const BaseEntry& wanted : base_entries) {
        const WSAPROTOCOL_INFOW* found = nullptr;
        for (const WSAPROTOCOL_INFOW& info : infos) {
            found = found == nullptr && std::wcscmp(info.szProtocol, wanted.name) == 0 ? &info : found;
        }
        const std::wstring wide = wanted.name;
        std::string name;
        for (const wchar_t unit : wide) {
            name += static_cast<char>(unit);
        }
        checks.is_true(name + " is there as a base entry", found != nullptr && found->ProtocolChain.ChainLen == 1);
        if (found != nullptr) {
            checks.is_true(name + " has its triplet",
                           found->iAddressFamily == wanted.family && found->iSocketType == wanted.type &&
                               found->iProtocol == wanted.protocol && found->iProtocolMaxOffset == wanted.max_offset);
            checks.equal(name + " has its service flags", found->dwServiceFlags1, wanted.flags);
            checks.equal(name + " has its provider flags", found->dwProviderFlags, wanted.provider_flags);
            const int address_size = wanted.family == AF_INET ? 16 : 28;
            checks.is_true(name + " has its address size",
                           found->iMaxSockAddr == address_size && found->iMinSockAddr == address_size);
        }
    }
}

inline void check_enumeration(Checks& checks, const CatalogFunctions& functions) {
    checks.section(std::string("WSCEnumProtocols, catalog ") + functions.name);
    DWORD size = 0;
    int error = -1;
    checks.equal("no room is an error", functions.enumerate(nullptr, nullptr, &size, &error), SOCKET_ERROR);
    checks.equal("no room is WSAENOBUFS", error, WSAENOBUFS);
    checks.is_true("the size needed is a number of entries", size != 0 && size % sizeof(WSAPROTOCOL_INFOW) == 0);
    const DWORD needed = size;
    const int count = static_cast<int>(needed / sizeof(WSAPROTOCOL_INFOW));

    Infos infos(static_cast<std::size_t>(count) + 1);
    error = -1;
    checks.equal("the exact size is enough", functions.enumerate(nullptr, infos.data(), &size, &error), count);
    checks.equal("the size stays", size, needed);
    size = needed - 1;
    checks.equal("one byte less is WSAENOBUFS", error_of(functions.enumerate, nullptr, infos.data(), &size),
                 WSAENOBUFS);
    checks.equal("and says the size again", size, needed);
    size = needed + 100;
    checks.equal("more room is fine", functions.enumerate(nullptr, infos.data(), &size, &error), count);
    infos.pop_back();
    check_base_entries(checks, infos);

    std::vector<DWORD> ids = ids_of(infos);
    std::sort(ids.begin(), ids.end());
    checks.is_true("ids are unique", std::adjacent_find(ids.begin(), ids.end()) == ids.end());
    checks.is_true("ids begin at 1001", !ids.empty() && ids.front() >= 1001);

    size = needed;
    checks.equal("NULL buffer", error_of(functions.enumerate, nullptr, nullptr, &size), WSAENOBUFS);
    checks.equal("buffer that cannot be written",
                 error_of(functions.enumerate, nullptr, bad_pointer<LPWSAPROTOCOL_INFOW>(), &size), WSAEFAULT);
    checks.equal("NULL length", error_of(functions.enumerate, nullptr, infos.data(), nullptr), WSAEFAULT);
    checks.equal("NULL lpErrno", functions.enumerate(nullptr, infos.data(), &size, nullptr), SOCKET_ERROR);
    checks.equal("filter that cannot be read", error_of(functions.enumerate, bad_pointer<LPINT>(), infos.data(), &size),
                 WSAEFAULT);

    int only_tcp[] = {IPPROTO_TCP, 0};
    size = needed;
    const int tcp = functions.enumerate(only_tcp, infos.data(), &size, &error);
    bool all_tcp = tcp >= 2;
    for (int index = 0; index < tcp; ++index) {
        all_tcp = all_tcp && infos[static_cast<std::size_t>(index)].iProtocol == IPPROTO_TCP;
    }
    checks.is_true("a filter gives only its protocols", all_tcp);
    checks.equal("and the size they need", size, static_cast<DWORD>(tcp) * sizeof(WSAPROTOCOL_INFOW));
    int two[] = {IPPROTO_UDP, IPPROTO_TCP, 0};
    size = needed;
    const int both = functions.enumerate(two, infos.data(), &size, &error);
    checks.is_true("a filter of two gives both", both >= 4 && both < count);
    checks.equal("in catalog order", infos[0].iProtocol, static_cast<int>(IPPROTO_TCP));
    int none[] = {199, 0};
    checks.equal("a filter that nothing passes gives nothing", functions.enumerate(none, infos.data(), &size, &error),
                 0);
}

inline void check_provider_path(Checks& checks, const CatalogFunctions& functions) {
    checks.section(std::string("WSCGetProviderPath, catalog ") + functions.name);
    const Infos infos = enumerate(functions);
    if (infos.empty()) {
        checks.is_true("the catalog can be read", false);
        return;
    }
    GUID id = infos.front().ProviderId;
    wchar_t path[MAX_PATH] = L"";
    int length = MAX_PATH;
    checks.equal("a known provider", error_of(functions.path, &id, path, &length), 0);
    checks.is_true("environment strings are not expanded", path[0] == L'%');
    checks.equal("the length counts the terminator", length, static_cast<int>(std::wcslen(path)) + 1);
    const int needed = length;
    checks.equal("the exact length is enough", error_of(functions.path, &id, path, &length), 0);
    length = needed - 1;
    checks.equal("a short buffer", error_of(functions.path, &id, path, &length), WSAEFAULT);
    checks.equal("a short buffer is told the length", length, needed);
    length = -1;
    checks.equal("a negative length", error_of(functions.path, &id, path, &length), WSAEFAULT);
    length = MAX_PATH;
    GUID unknown = test_guid(999);
    checks.equal("an unknown provider", error_of(functions.path, &unknown, path, &length), WSAEINVAL);
    checks.equal("NULL provider", error_of(functions.path, nullptr, path, &length), WSAEFAULT);
    checks.equal("NULL path", error_of(functions.path, &id, nullptr, &length), WSAEFAULT);
    checks.equal("NULL length", error_of(functions.path, &id, path, nullptr), WSAEFAULT);
    checks.equal("NULL lpErrno", functions.path(&id, path, &length, nullptr), SOCKET_ERROR);
}

// WSAEnumProtocols: what programs see. It leaves out hidden entries, so one is installed for it.
inline void check_program_view(Checks& checks, const WinsockDll& dll) {
    checks.section("WSAEnumProtocols");
    const CatalogFunctions own = dll.own();
    const auto wide = dll.get<int(WSAAPI*)(LPINT, LPWSAPROTOCOL_INFOW, LPDWORD)>("WSAEnumProtocolsW");
    const auto ansi = dll.get<int(WSAAPI*)(LPINT, LPWSAPROTOCOL_INFOA, LPDWORD)>("WSAEnumProtocolsA");
    const auto startup = dll.get<int(WSAAPI*)(WORD, LPWSADATA)>("WSAStartup");
    const auto cleanup = dll.get<int(WSAAPI*)()>("WSACleanup");
    const auto last_error = dll.get<int(WSAAPI*)()>("WSAGetLastError");

    DWORD size = 0;
    checks.equal("before WSAStartup it fails", wide(nullptr, nullptr, &size), SOCKET_ERROR);
    checks.equal("with WSANOTINITIALISED", last_error(), WSANOTINITIALISED);
    checks.equal("A likewise", ansi(nullptr, nullptr, &size), SOCKET_ERROR);
    checks.equal("A with WSANOTINITIALISED", last_error(), WSANOTINITIALISED);

    GUID hidden = test_guid(70);
    GUID chain = test_guid(71);
    const WSAPROTOCOL_INFOW hidden_info = make_info(L"hidden from programs", {});
    checks.equal("a hidden entry is installed", error_of(dll.install(), &hidden, L"Z:\\none.dll", &hidden_info, 1), 0);
    const Infos with_hidden = of_provider(enumerate(own), hidden);
    const DWORD hidden_id = with_hidden.empty() ? 0 : with_hidden.front().dwCatalogEntryId;
    const WSAPROTOCOL_INFOW chain_info = make_info(L"a chain for programs \x00FC", {hidden_id, 1001});
    checks.equal("and a chain", error_of(dll.install(), &chain, L"Z:\\none.dll", &chain_info, 1), 0);

    Infos expected;
    for (const WSAPROTOCOL_INFOW& info : enumerate(own)) {
        if ((info.dwProviderFlags & PFL_HIDDEN) == 0 && info.ProtocolChain.ChainLen != 0) {
            expected.push_back(info);
        }
    }
    WSADATA data;
    checks.equal("WSAStartup", startup(MAKEWORD(2, 2), &data), 0);
    checks.equal("no room is an error", wide(nullptr, nullptr, &size), SOCKET_ERROR);
    checks.equal("no room is WSAENOBUFS", last_error(), WSAENOBUFS);
    checks.equal("the size is that of the visible entries", size, expected.size() * sizeof(WSAPROTOCOL_INFOW));
    Infos infos(std::max<std::size_t>(expected.size(), size / sizeof(WSAPROTOCOL_INFOW)));
    checks.equal("the visible entries are counted", wide(nullptr, infos.data(), &size),
                 static_cast<int>(expected.size()));
    checks.is_true("and are those of WSCEnumProtocols, in order",
                   std::memcmp(infos.data(), expected.data(), expected.size() * sizeof(infos[0])) == 0);
    checks.is_true("the hidden entry is not among them", of_provider(infos, hidden).empty());
    checks.equal("the chain is", of_provider(infos, chain).size(), 1u);
    size -= 1;
    checks.equal("one byte less is an error", wide(nullptr, infos.data(), &size), SOCKET_ERROR);
    checks.equal("one byte less is WSAENOBUFS", last_error(), WSAENOBUFS);
    wide(nullptr, nullptr, &size);
    checks.equal("NULL buffer with enough length is WSAENOBUFS", last_error(), WSAENOBUFS);
    checks.equal("NULL length is an error", wide(nullptr, infos.data(), nullptr), SOCKET_ERROR);
    checks.equal("NULL length is WSAEFAULT", last_error(), WSAEFAULT);
    int only_udp[] = {IPPROTO_UDP, 0};
    const auto udp = std::count_if(expected.begin(), expected.end(),
                                   [](const WSAPROTOCOL_INFOW& info) { return info.iProtocol == IPPROTO_UDP; });
    checks.equal("a filter gives only its protocols", wide(only_udp, infos.data(), &size), udp);

    size = 0;
    ansi(nullptr, nullptr, &size);
    std::vector<WSAPROTOCOL_INFOA> narrow(std::max<std::size_t>(expected.size(), size / sizeof(WSAPROTOCOL_INFOA)));
    checks.equal("A needs the size of its own structure", size, expected.size() * sizeof(WSAPROTOCOL_INFOA));
    checks.equal("A counts the same", ansi(nullptr, narrow.data(), &size), static_cast<int>(expected.size()));
    bool same = true;
    for (std::size_t index = 0; index < expected.size(); ++index) {
        char name[WSAPROTOCOL_LEN + 1] = "";
        WideCharToMultiByte(CP_ACP, 0, expected[index].szProtocol, -1, name, sizeof(name), nullptr, nullptr);
        same = same && std::strcmp(name, narrow[index].szProtocol) == 0 &&
               std::memcmp(&expected[index], &narrow[index], offsetof(WSAPROTOCOL_INFOA, szProtocol)) == 0;
    }
    checks.is_true("A has the same entries, names in ANSI", same);
    checks.equal("WSACleanup", cleanup(), 0);
    checks.equal("after it, it fails again", wide(nullptr, infos.data(), &size), SOCKET_ERROR);
    checks.equal("with WSANOTINITIALISED again", last_error(), WSANOTINITIALISED);
    checks.equal("the chain goes", error_of(own.deinstall, &chain), 0);
    checks.equal("the hidden entry goes", error_of(own.deinstall, &hidden), 0);
}
