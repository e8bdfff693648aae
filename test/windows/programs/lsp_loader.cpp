// Plays Winsock to the provider DLL, without installing it: gives it an upcall table and a catalog, with the machine's
// real base providers below it, and with a lower provider of this program's own that misbehaves on demand.
//   lsp_loader DLL   every behaviour once: "ok ..." or "not ok ..." lines; exit code 1 if one failed
// It may be run while calls are watched and while they are not: the answers must be the same.
#include <winsock2.h>
#include <ws2spi.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <string>
#include <vector>

#include "nothing.hpp"

#ifndef SIO_BASE_HANDLE
#define SIO_BASE_HANDLE 0x48000022
#endif

namespace {

// --- what this program is to the provider: Winsock, its catalog, and one lower provider ---

constexpr GUID fake_guid{0xFA4E0000, 1, 2, {1, 2, 3, 4, 5, 6, 7, 8}};
constexpr DWORD hidden_id = 900'001;
constexpr DWORD own_id = 900'002;
constexpr DWORD fake_id = 900'900;

struct FakeLower {
    int startup_error = 0;
    WORD version = MAKEWORD(2, 2);
    bool incomplete = false;
    int starts = 0;
    int cleanups = 0;
    int close_error = 0; // what its WSPCloseSocket fails with
    SOCKET next_socket = 4;
    DWORD seen_reserved = 0;
    DWORD seen_entry = 0;
} fake;

struct Upcalls {
    int refuse = 0; // error of the next WPUModifyIFSHandle, 0 = none
    std::vector<std::pair<DWORD, SOCKET>> claims;
} upcalls;

std::vector<WSAPROTOCOL_INFOW> catalog;

bool is_fake(const GUID& guid) {
    return std::memcmp(&guid, &fake_guid, sizeof(guid)) == 0;
}

int WSPAPI get_provider_path(LPGUID guid, WCHAR* path, LPINT length, LPINT error) {
    if (is_fake(*guid)) {
        const DWORD units = GetModuleFileNameW(nullptr, path, static_cast<DWORD>(*length));
        *length = static_cast<int>(units) + 1;
        return 0;
    }
    return WSCGetProviderPath(guid, path, length, error);
}

SOCKET WSPAPI modify_handle(DWORD id, SOCKET socket, LPINT error) {
    if (upcalls.refuse != 0) {
        *error = upcalls.refuse;
        upcalls.refuse = 0;
        return INVALID_SOCKET;
    }
    upcalls.claims.emplace_back(id, socket);
    return socket;
}

WSPUPCALLTABLE upcall_table() {
    WSPUPCALLTABLE table{};
    table.lpWPUGetProviderPath = get_provider_path;
    table.lpWPUModifyIFSHandle = modify_handle;
    return table;
}

// The lower provider's functions succeed and do nothing, but for the few that a test asks about.
SOCKET WSPAPI fake_socket(int, int, int, LPWSAPROTOCOL_INFOW info, GROUP, DWORD, LPINT) {
    fake.seen_reserved = info->dwProviderReserved;
    fake.seen_entry = info->dwCatalogEntryId;
    fake.next_socket += 4;
    return fake.next_socket;
}
int WSPAPI fake_close(SOCKET, LPINT error) {
    if (fake.close_error != 0) {
        *error = fake.close_error;
        return SOCKET_ERROR;
    }
    return 0;
}
int WSPAPI fake_cleanup(LPINT) {
    ++fake.cleanups;
    return 0;
}
int WSPAPI fake_send(SOCKET, LPWSABUF buffers, DWORD, LPDWORD sent, DWORD, LPWSAOVERLAPPED,
                     LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID, LPINT) {
    *sent = buffers[0].len;
    return 0;
}
int WSPAPI fake_recv(SOCKET, LPWSABUF, DWORD, LPDWORD received, LPDWORD, LPWSAOVERLAPPED,
                     LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID, LPINT) {
    *received = 1;
    return 0;
}
int WSPAPI fake_option(SOCKET socket, int, int, char* value, LPINT length, LPINT error) {
    if (socket > fake.next_socket || *length < static_cast<int>(sizeof(WSAPROTOCOL_INFOW))) {
        *error = WSAENOTSOCK;
        return SOCKET_ERROR;
    }
    for (const WSAPROTOCOL_INFOW& entry : catalog) {
        if (entry.dwCatalogEntryId == fake_id) {
            std::memcpy(value, &entry, sizeof(entry));
        }
    }
    *length = sizeof(WSAPROTOCOL_INFOW);
    return 0;
}

// --- reporting ---

int failures = 0;
const char* current = "";
bool current_failed = false;

void check(bool condition, const char* what) {
    if (!condition) {
        std::printf("# %s: not so: %s\n", current, what);
        current_failed = true;
    }
}
#define CHECK(condition) check((condition), #condition)

template <typename Test>
void run(const char* name, Test test) {
    current = name;
    current_failed = false;
    test();
    std::printf("%s %s\n", current_failed ? "not ok" : "ok", name);
    std::fflush(stdout);
    failures += current_failed;
}

// --- the provider ---

LPWSPSTARTUP startup;

struct Chain {
    WSAPROTOCOL_INFOW info{};
    WSPPROC_TABLE functions{};
    int error = 0;

    int start(WORD version = MAKEWORD(2, 2)) {
        WSPDATA data{};
        error = startup(version, &data, &info, upcall_table(), &functions);
        if (error == 0) {
            CHECK(data.wVersion == MAKEWORD(2, 2) && data.wHighVersion == MAKEWORD(2, 2));
        }
        return error;
    }
    int cleanup() {
        int code = 0;
        return functions.lpWSPCleanup(&code) == 0 ? 0 : code;
    }
    SOCKET socket(int& code, DWORD reserved = 0) {
        WSAPROTOCOL_INFOW given = info;
        given.dwProviderReserved = reserved;
        return functions.lpWSPSocket(info.iAddressFamily, info.iSocketType, info.iProtocol, &given, 0,
                                     WSA_FLAG_OVERLAPPED, &code);
    }
    SOCKET socket() {
        int code = 0;
        const SOCKET result = socket(code);
        CHECK(result != INVALID_SOCKET);
        return result;
    }
    void close(SOCKET socket) {
        int code = 0;
        CHECK(functions.lpWSPCloseSocket(socket, &code) == 0);
    }
};

// Our layered entry over `base`, as an installation would have it.
Chain chain_over(const WSAPROTOCOL_INFOW& base, DWORD id = own_id) {
    Chain chain;
    chain.info = base;
    chain.info.ProviderId = {0x7C1E5A3D,
                             static_cast<unsigned short>(base.iAddressFamily),
                             static_cast<unsigned short>(base.iSocketType << 8 | base.iProtocol),
                             {0x9B, 0x42, 0xD6, 0xF0, 0x3E, 0x8A, 0x51, 0xC7}};
    chain.info.dwCatalogEntryId = id;
    chain.info.ProtocolChain.ChainLen = 2;
    chain.info.ProtocolChain.ChainEntries[0] = hidden_id;
    chain.info.ProtocolChain.ChainEntries[1] = base.dwCatalogEntryId;
    std::wcscpy(chain.info.szProtocol, L"winsock-spi over a base");
    return chain;
}

WSAPROTOCOL_INFOW real_base(int family, int type) {
    for (const WSAPROTOCOL_INFOW& entry : catalog) {
        if (entry.ProtocolChain.ChainLen == 1 && entry.iAddressFamily == family && entry.iSocketType == type &&
            entry.dwCatalogEntryId != fake_id) {
            return entry;
        }
    }
    std::printf("not ok the catalog has no base entry for %d/%d\n", family, type);
    std::exit(1);
}

WSAPROTOCOL_INFOW fake_base() {
    WSAPROTOCOL_INFOW info = real_base(AF_INET, SOCK_STREAM);
    info.ProviderId = fake_guid;
    info.dwCatalogEntryId = fake_id;
    info.iAddressFamily = 77; // no real base to fall back on
    info.ProtocolChain.ChainEntries[0] = fake_id;
    return info;
}

void read_catalog() {
    catalog.resize(256);
    auto size = static_cast<DWORD>(catalog.size() * sizeof(catalog[0]));
    int error = 0;
    const auto enumerate = reinterpret_cast<LPWSCENUMPROTOCOLS>(
        reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"ws2_32.dll"), "WSCEnumProtocols")));
    const int count = enumerate(nullptr, catalog.data(), &size, &error);
    catalog.resize(count == SOCKET_ERROR ? 0 : static_cast<std::size_t>(count));
    catalog.push_back(fake_base());
}

sockaddr_in loopback(unsigned short port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// A listener on a port that the system chose.
SOCKET listener(Chain& chain, sockaddr_in& address) {
    const SOCKET socket = chain.socket();
    address = loopback(0);
    int code = 0;
    int length = sizeof(address);
    CHECK(chain.functions.lpWSPBind(socket, reinterpret_cast<sockaddr*>(&address), length, &code) == 0);
    CHECK(chain.functions.lpWSPListen(socket, 5, &code) == 0);
    CHECK(chain.functions.lpWSPGetSockName(socket, reinterpret_cast<sockaddr*>(&address), &length, &code) == 0);
    return socket;
}

template <typename Pointer>
Pointer extension(Chain& chain, SOCKET socket, GUID guid) {
    Pointer pointer = nullptr;
    DWORD bytes = 0;
    int code = 0;
    CHECK(chain.functions.lpWSPIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof(guid), &pointer,
                                     sizeof(pointer), &bytes, nullptr, nullptr, nullptr, &code) == 0);
    return pointer;
}

int option(Chain& chain, SOCKET socket, int name, void* value, int& length) {
    int code = 0;
    return chain.functions.lpWSPGetSockOpt(socket, SOL_SOCKET, name, static_cast<char*>(value), &length, &code) == 0
               ? 0
               : code;
}

void test_startup() {
    run("versions below 2.2 are refused, later ones get 2.2", [] {
        Chain chain = chain_over(real_base(AF_INET, SOCK_STREAM));
        CHECK(chain.start(MAKEWORD(1, 1)) == WSAVERNOTSUPPORTED);
        CHECK(chain.start(MAKEWORD(2, 1)) == WSAVERNOTSUPPORTED);
        CHECK(chain.start(MAKEWORD(3, 0)) == 0);
        CHECK(chain.cleanup() == 0);
    });
    run("missing parameters are WSAEFAULT", [] {
        Chain chain = chain_over(real_base(AF_INET, SOCK_STREAM));
        WSPDATA data{};
        CHECK(startup(MAKEWORD(2, 2), nullptr, &chain.info, upcall_table(), &chain.functions) == WSAEFAULT);
        CHECK(startup(MAKEWORD(2, 2), &data, nullptr, upcall_table(), &chain.functions) == WSAEFAULT);
        CHECK(startup(MAKEWORD(2, 2), &data, &chain.info, upcall_table(), nullptr) == WSAEFAULT);
    });
    run("WSPStartup keeps the thread's last error", [] {
        Chain chain = chain_over(real_base(AF_INET, SOCK_STREAM));
        SetLastError(4711);
        CHECK(chain.start() == 0 && GetLastError() == 4711);
        chain.cleanup();
    });
    run("the second start of a chain shares its functions, and the last cleanup ends them", [] {
        Chain first = chain_over(real_base(AF_INET, SOCK_STREAM));
        Chain second = first;
        CHECK(first.start() == 0 && second.start() == 0);
        CHECK(std::memcmp(&first.functions, &second.functions, sizeof(first.functions)) == 0);
        CHECK(first.cleanup() == 0);
        second.close(second.socket());
        CHECK(second.cleanup() == 0);
        int code = 0;
        CHECK(second.socket(code) == INVALID_SOCKET && code == WSANOTINITIALISED);
        CHECK(second.cleanup() == WSANOTINITIALISED);
        CHECK(second.start() == 0);
        second.close(second.socket());
        CHECK(second.cleanup() == 0);
    });
    run("a removed entry below falls back on the base of the same triplet", [] {
        Chain chain = chain_over(real_base(AF_INET, SOCK_STREAM));
        chain.info.ProtocolChain.ChainEntries[1] = 123'456;
        CHECK(chain.start() == 0);
        chain.close(chain.socket());
        CHECK(chain.cleanup() == 0);
    });
    run("nothing at all below is WSAEPROVIDERFAILEDINIT", [] {
        Chain chain = chain_over(real_base(AF_INET, SOCK_STREAM));
        chain.info.ProtocolChain.ChainEntries[1] = 123'456;
        chain.info.iAddressFamily = 99;
        CHECK(chain.start() == WSAEPROVIDERFAILEDINIT);
    });
}

void test_bad_lower() {
    run("what the lower provider does wrong is the error that Winsock knows for it, and it is cleaned up", [] {
        Chain chain = chain_over(fake_base());
        fake = {};
        fake.startup_error = WSASYSNOTREADY;
        CHECK(chain.start() == WSAEPROVIDERFAILEDINIT && fake.cleanups == 0);
        fake.startup_error = WSAEINVALIDPROCTABLE;
        CHECK(chain.start() == WSAEINVALIDPROCTABLE);
        fake = {};
        fake.version = MAKEWORD(2, 0);
        CHECK(chain.start() == WSAEINVALIDPROVIDER && fake.cleanups == 1);
        fake = {};
        fake.incomplete = true;
        CHECK(chain.start() == WSAEINVALIDPROCTABLE && fake.cleanups == 1);
    });
    run("each start of ours starts the lower provider once, each cleanup cleans it once", [] {
        Chain chain = chain_over(fake_base());
        fake = {};
        CHECK(chain.start() == 0 && chain.start() == 0 && fake.starts == 2);
        CHECK(chain.cleanup() == 0 && fake.cleanups == 1);
        CHECK(chain.cleanup() == 0 && fake.cleanups == 2);
    });
    run("a base provider is given its own entry, and the reserved field of a duplicate", [] {
        Chain chain = chain_over(fake_base());
        fake = {};
        CHECK(chain.start() == 0);
        int code = 0;
        const SOCKET plain = chain.socket(code);
        CHECK(fake.seen_entry == fake_id && fake.seen_reserved == 0);
        const SOCKET duplicate = chain.socket(code, 4242);
        CHECK(fake.seen_entry == fake_id && fake.seen_reserved == 4242);
        chain.close(plain);
        chain.close(duplicate);
        chain.cleanup();
    });
    run("a close that would block leaves the socket open and known", [] {
        Chain chain = chain_over(fake_base());
        fake = {};
        CHECK(chain.start() == 0);
        const SOCKET socket = chain.socket();
        fake.close_error = WSAEWOULDBLOCK;
        int code = 0;
        CHECK(chain.functions.lpWSPCloseSocket(socket, &code) == SOCKET_ERROR && code == WSAEWOULDBLOCK);
        WSAPROTOCOL_INFOW answer{};
        int length = sizeof(answer);
        CHECK(option(chain, socket, SO_PROTOCOL_INFOW, &answer, length) == 0 && answer.dwCatalogEntryId == own_id);
        fake.close_error = 0;
        chain.close(socket);
        chain.cleanup();
    });
    run("more chains than there are places: the lower provider directly, and the network works", [] {
        fake = {};
        std::vector<Chain> chains;
        for (DWORD index = 0; index < 40; ++index) {
            chains.push_back(chain_over(fake_base(), 910'000 + index));
            CHECK(chains.back().start() == 0);
        }
        CHECK(chains.front().functions.lpWSPSend != fake_send);
        CHECK(chains.back().functions.lpWSPSend == fake_send);
        CHECK(chains.back().socket() != INVALID_SOCKET);
        for (Chain& chain : chains) {
            CHECK(chain.cleanup() == 0);
        }
        CHECK(fake.starts == 40 && fake.cleanups == 40);
    });
}

void test_sockets() {
    run("a new socket is claimed by our entry", [] {
        Chain chain = chain_over(real_base(AF_INET, SOCK_STREAM));
        CHECK(chain.start() == 0);
        upcalls.claims.clear();
        const SOCKET socket = chain.socket();
        CHECK(!upcalls.claims.empty() && upcalls.claims.back() == std::make_pair(own_id, socket));
        chain.close(socket);
        chain.cleanup();
    });
    run("a refused claim closes the lower socket and says why", [] {
        Chain chain = chain_over(fake_base());
        fake = {};
        CHECK(chain.start() == 0);
        upcalls.refuse = WSAENOBUFS;
        int code = 0;
        CHECK(chain.socket(code) == INVALID_SOCKET && code == WSAENOBUFS);
        chain.cleanup();
    });
    run("a socket whose entry has gone from Winsock's catalog is given to the program unclaimed", [] {
        Chain chain = chain_over(fake_base());
        fake = {};
        CHECK(chain.start() == 0);
        upcalls.refuse = WSAEINVAL;
        int code = 0;
        const SOCKET socket = chain.socket(code);
        CHECK(socket != INVALID_SOCKET && code == 0);
        chain.close(socket);
        chain.cleanup();
    });
    run("SO_PROTOCOL_INFO tells our entry, and the size that it needs where a buffer is too small", [] {
        Chain chain = chain_over(real_base(AF_INET, SOCK_STREAM));
        CHECK(chain.start() == 0);
        const SOCKET socket = chain.socket();
        char buffer[1000];
        int length = sizeof(buffer);
        CHECK(option(chain, socket, SO_PROTOCOL_INFOW, buffer, length) == 0 && length == sizeof(buffer));
        CHECK(std::memcmp(buffer, &chain.info, 628) == 0);
        length = sizeof(buffer);
        CHECK(option(chain, socket, SO_PROTOCOL_INFOA, buffer, length) == 0 && length == sizeof(buffer));
        WSAPROTOCOL_INFOA ansi;
        std::memcpy(&ansi, buffer, sizeof(ansi));
        CHECK(std::strcmp(ansi.szProtocol, "winsock-spi over a base") == 0 && ansi.dwCatalogEntryId == own_id);
        length = 627;
        CHECK(option(chain, socket, SO_PROTOCOL_INFOW, buffer, length) == WSAEFAULT && length == 628);
        length = 371;
        CHECK(option(chain, socket, SO_PROTOCOL_INFOA, buffer, length) == WSAEFAULT && length == 372);
        length = sizeof(buffer);
        CHECK(option(chain, socket, SO_PROTOCOL_INFOW, reinterpret_cast<void*>(16), length) == WSAEFAULT);
        chain.close(socket);
        length = sizeof(buffer);
        CHECK(option(chain, socket, SO_PROTOCOL_INFOW, buffer, length) == WSAENOTSOCK);
        chain.cleanup();
    });
    run("an unknown socket is ours exactly if the lower provider calls it one of its own", [] {
        Chain tcp = chain_over(real_base(AF_INET, SOCK_STREAM), own_id);
        Chain udp = chain_over(real_base(AF_INET, SOCK_DGRAM), own_id + 1);
        CHECK(tcp.start() == 0 && udp.start() == 0);
        const SOCKET of_udp = udp.socket();
        WSAPROTOCOL_INFOW answer{};
        int length = sizeof(answer);
        CHECK(option(tcp, of_udp, SO_PROTOCOL_INFOW, &answer, length) == WSAENOTSOCK);
        length = sizeof(answer);
        CHECK(option(tcp, 0xFFFF0, SO_PROTOCOL_INFOW, &answer, length) == WSAENOTSOCK);
        // A second life of the DLL's tables is as good as another process: forget all, then ask.
        udp.cleanup();
        CHECK(udp.start() == 0);
        length = sizeof(answer);
        CHECK(option(udp, of_udp, SO_PROTOCOL_INFOW, &answer, length) == 0 && answer.dwCatalogEntryId == own_id + 1);
        udp.close(of_udp);
        tcp.cleanup();
        udp.cleanup();
    });
    run("SIO_BASE_HANDLE is the socket itself", [] {
        Chain chain = chain_over(real_base(AF_INET, SOCK_STREAM));
        CHECK(chain.start() == 0);
        const SOCKET socket = chain.socket();
        SOCKET base = 0;
        DWORD bytes = 0;
        int code = 0;
        CHECK(chain.functions.lpWSPIoctl(socket, SIO_BASE_HANDLE, nullptr, 0, &base, sizeof(base), &bytes, nullptr,
                                         nullptr, nullptr, &code) == 0);
        CHECK(base == socket);
        chain.close(socket);
        chain.cleanup();
    });
}

void test_calls() {
    run("connect, accept, send, receive, shut down", [] {
        Chain chain = chain_over(real_base(AF_INET, SOCK_STREAM));
        CHECK(chain.start() == 0);
        sockaddr_in address;
        const SOCKET server = listener(chain, address);
        const SOCKET client = chain.socket();
        int code = 0;
        CHECK(chain.functions.lpWSPConnect(client, reinterpret_cast<sockaddr*>(&address), sizeof(address), nullptr,
                                           nullptr, nullptr, nullptr, &code) == 0);
        const SOCKET accepted = chain.functions.lpWSPAccept(server, nullptr, nullptr, nullptr, 0, &code);
        CHECK(accepted != INVALID_SOCKET && upcalls.claims.back() == std::make_pair(own_id, accepted));
        char text[] = "hello";
        WSABUF buffer{5, text};
        DWORD bytes = 0;
        WSATHREADID thread{};
        CHECK(chain.functions.lpWSPSend(client, &buffer, 1, &bytes, 0, nullptr, nullptr, &thread, &code) == 0);
        CHECK(bytes == 5);
        char got[16] = {};
        WSABUF room{sizeof(got), got};
        DWORD flags = MSG_PEEK;
        CHECK(chain.functions.lpWSPRecv(accepted, &room, 1, &bytes, &flags, nullptr, nullptr, &thread, &code) == 0);
        flags = 0;
        CHECK(chain.functions.lpWSPRecv(accepted, &room, 1, &bytes, &flags, nullptr, nullptr, &thread, &code) == 0);
        CHECK(bytes == 5 && std::strcmp(got, "hello") == 0);
        CHECK(chain.functions.lpWSPShutdown(client, SD_BOTH, &code) == 0);
        chain.close(client);
        chain.close(accepted);
        chain.close(server);
        chain.cleanup();
    });
    run("bad pointers are errors of the call, not crashes of the program", [] {
        Chain chain = chain_over(fake_base());
        fake = {};
        CHECK(chain.start() == 0);
        const SOCKET socket = chain.socket();
        int code = 0;
        auto* const nowhere = reinterpret_cast<sockaddr*>(16);
        CHECK(chain.functions.lpWSPConnect(socket, nowhere, 16, nullptr, nullptr, nullptr, nullptr, &code) == 0);
        CHECK(chain.functions.lpWSPBind(socket, nowhere, 16, &code) == 0);
        char text[1];
        WSABUF buffer{1, text};
        DWORD bytes = 0;
        CHECK(chain.functions.lpWSPRecv(socket, &buffer, 1, &bytes, reinterpret_cast<DWORD*>(8), nullptr, nullptr,
                                        nullptr, &code) == 0);
        CHECK(chain.functions.lpWSPRecv(socket, reinterpret_cast<WSABUF*>(32), 3, &bytes, nullptr, nullptr, nullptr,
                                        nullptr, &code) == 0);
        CHECK(chain.functions.lpWSPIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, nowhere, 16, nowhere, 16, &bytes,
                                         nullptr, nullptr, nullptr, &code) == 0);
        chain.close(socket);
        chain.cleanup();
    });
    run("one extension pointer serves the sockets of every chain", [] {
        Chain tcp = chain_over(real_base(AF_INET, SOCK_STREAM), own_id);
        Chain tcp6 = chain_over(real_base(AF_INET6, SOCK_STREAM), own_id + 1);
        CHECK(tcp.start() == 0 && tcp6.start() == 0);
        const SOCKET asked = tcp6.socket();
        const auto connect_ex = extension<LPFN_CONNECTEX>(tcp6, asked, WSAID_CONNECTEX);
        sockaddr_in address;
        const SOCKET server = listener(tcp, address);
        const SOCKET client = tcp.socket();
        sockaddr_in any{};
        any.sin_family = AF_INET;
        int code = 0;
        CHECK(tcp.functions.lpWSPBind(client, reinterpret_cast<sockaddr*>(&any), sizeof(any), &code) == 0);
        OVERLAPPED overlapped{};
        overlapped.hEvent = CreateEventW(nullptr, TRUE, FALSE, nullptr);
        const BOOL done = connect_ex(client, reinterpret_cast<sockaddr*>(&address), sizeof(address), nullptr, 0,
                                     nullptr, &overlapped);
        CHECK(done || GetLastError() == ERROR_IO_PENDING);
        CHECK(WaitForSingleObject(overlapped.hEvent, 10'000) == WAIT_OBJECT_0 && overlapped.Internal == 0);
        CloseHandle(overlapped.hEvent);
        tcp.close(client);
        tcp.close(server);
        tcp6.close(asked);
        tcp.cleanup();
        tcp6.cleanup();
        CHECK(!connect_ex(client, reinterpret_cast<sockaddr*>(&address), sizeof(address), nullptr, 0, nullptr,
                          &overlapped));
        CHECK(GetLastError() == WSANOTINITIALISED);
    });
    run("functions that we do not wrap are the lower provider's own", [] {
        Chain chain = chain_over(real_base(AF_INET, SOCK_STREAM));
        CHECK(chain.start() == 0);
        const SOCKET socket = chain.socket();
        const auto ours = extension<void*>(chain, socket, WSAID_GETACCEPTEXSOCKADDRS);
        HMODULE module = nullptr;
        GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                           static_cast<LPCWSTR>(ours), &module);
        CHECK(module != GetModuleHandleW(L"winsock_spi_lsp.dll"));
        chain.close(socket);
        chain.cleanup();
    });
}

} // namespace

// The provider finds these two in the module of our upcalls, as it finds ws2_32's; the second as a lower provider.
#if defined(_MSC_VER) && defined(_M_IX86)
#pragma comment(linker, "/EXPORT:WSCEnumProtocols=_WSCEnumProtocols@16")
#pragma comment(linker, "/EXPORT:WSPStartup=_WSPStartup@76")
#define EXPORTED
#else
#define EXPORTED __declspec(dllexport)
#endif

extern "C" EXPORTED int WSPAPI WSCEnumProtocols(LPINT, LPWSAPROTOCOL_INFOW buffer, LPDWORD size, LPINT error) {
    const auto needed = static_cast<DWORD>(catalog.size() * sizeof(catalog[0]));
    if (*size < needed) {
        *size = needed;
        *error = WSAENOBUFS;
        return SOCKET_ERROR;
    }
    std::memcpy(buffer, catalog.data(), needed);
    return static_cast<int>(catalog.size());
}

extern "C" EXPORTED int WSPAPI WSPStartup(WORD, LPWSPDATA data, LPWSAPROTOCOL_INFOW, WSPUPCALLTABLE,
                                          LPWSPPROC_TABLE table) {
    if (fake.startup_error != 0) {
        return fake.startup_error;
    }
    ++fake.starts;
    data->wVersion = fake.version;
    data->wHighVersion = fake.version;
    program::fill_with_nothing(*table);
    table->lpWSPCleanup = fake_cleanup;
    table->lpWSPCloseSocket = fake_close;
    table->lpWSPGetSockOpt = fake_option;
    table->lpWSPRecv = fake_recv;
    table->lpWSPSend = fake_send;
    table->lpWSPSocket = fake_socket;
    if (fake.incomplete) {
        table->lpWSPSelect = nullptr;
    }
    return 0;
}

int wmain(int count, wchar_t** arguments) {
    WSADATA data;
    if (count < 2 || WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        std::printf("usage: lsp_loader DLL\n");
        return 64;
    }
    const HMODULE module = LoadLibraryW(arguments[1]);
    startup = reinterpret_cast<LPWSPSTARTUP>(
        reinterpret_cast<void*>(module == nullptr ? nullptr : GetProcAddress(module, "WSPStartup")));
    if (startup == nullptr) {
        std::printf("not ok the DLL loads and exports WSPStartup: %lu\n", GetLastError());
        return 1;
    }
    read_catalog();
    test_startup();
    test_bad_lower();
    test_sockets();
    test_calls();
    return failures == 0 ? 0 : 1;
}
