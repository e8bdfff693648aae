// A layered IFS provider that is not ours, for the tests: it overrides all 30 functions, writes one line for each call
// into the file that the environment variable SECOND_PROVIDER_LOG names, and changes nothing.
//   <pid> <bits> <call> <error> <socket> <bytes>        "-" where a field does not apply
// Its design is its own: one procedure table for all chains, a map from socket to chain, chains found when first used,
// so that it works with a GUID for each entry (WSPStartup once per chain) and with one GUID (WSPStartup once).
#include "identity.hpp"

#include <windows.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace {

using second::is_layered;
using second::is_own;

struct Chain {
    WSAPROTOCOL_INFOW started{}; // what WSPStartup or WSPSocket brought: this chain's key is its catalog id
    WSAPROTOCOL_INFOW own{};     // our layered entry of that triplet
    WSAPROTOCOL_INFOW below{};   // what the next provider is given
    HMODULE module = nullptr;
    WSPPROC_TABLE table{};
};

struct State {
    std::mutex mutex;
    unsigned startups = 0;
    WSPUPCALLTABLE upcalls{};
    std::vector<std::unique_ptr<Chain>> chains;
    std::unordered_map<SOCKET, Chain*> sockets;
    HANDLE log = INVALID_HANDLE_VALUE;
};

// Never destroyed: calls may come until the very end of the process.
State& state() {
    static State* const instance = new State;
    return *instance;
}

void open_log() {
    wchar_t path[MAX_PATH];
    const DWORD length = GetEnvironmentVariableW(L"SECOND_PROVIDER_LOG", path, MAX_PATH);
    if (length > 0 && length < MAX_PATH) {
        state().log = CreateFileW(path, FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_ALWAYS,
                                  FILE_ATTRIBUTE_NORMAL, nullptr);
    }
}

constexpr long long none = -1;

// One call, one line, written at once: a process may end without WSPCleanup.
void note(const char* call, int error, SOCKET socket = INVALID_SOCKET, long long bytes = none) {
    if (state().log == INVALID_HANDLE_VALUE) {
        return;
    }
    const DWORD last_error = GetLastError();
    char socket_text[24] = "-";
    char bytes_text[24] = "-";
    if (socket != INVALID_SOCKET) {
        std::snprintf(socket_text, sizeof socket_text, "%llu", static_cast<unsigned long long>(socket));
    }
    if (bytes != none) {
        std::snprintf(bytes_text, sizeof bytes_text, "%lld", bytes);
    }
    char line[160];
    const int length = std::snprintf(line, sizeof line, "%lu %u %s %d %s %s\r\n", GetCurrentProcessId(),
                                     static_cast<unsigned>(sizeof(void*) * 8), call, error, socket_text, bytes_text);
    DWORD written = 0;
    WriteFile(state().log, line, static_cast<DWORD>(length), &written, nullptr);
    SetLastError(last_error);
}

// The functions of the catalog are ws2_32's own; a provider is only ever loaded by a process that has it.
template <class Function>
Function ws2_32(const char* name) {
    const HMODULE module = GetModuleHandleW(L"ws2_32.dll");
    const FARPROC function = module == nullptr ? nullptr : GetProcAddress(module, name);
    return reinterpret_cast<Function>(reinterpret_cast<void*>(function));
}

std::vector<WSAPROTOCOL_INFOW> read_catalog() {
    const auto enumerate = ws2_32<decltype(&WSCEnumProtocols)>("WSCEnumProtocols");
    std::vector<WSAPROTOCOL_INFOW> entries;
    DWORD bytes = 0;
    int error = WSAENOBUFS;
    while (enumerate != nullptr && error == WSAENOBUFS) {
        entries.resize(bytes / sizeof(WSAPROTOCOL_INFOW) + 1);
        bytes = static_cast<DWORD>(entries.size() * sizeof(WSAPROTOCOL_INFOW));
        const int count = enumerate(nullptr, entries.data(), &bytes, &error);
        if (count != SOCKET_ERROR) {
            entries.resize(static_cast<std::size_t>(count));
            return entries;
        }
    }
    entries.clear();
    return entries;
}

const WSAPROTOCOL_INFOW* find_id(const std::vector<WSAPROTOCOL_INFOW>& catalog, DWORD id) {
    for (const WSAPROTOCOL_INFOW& entry : catalog) {
        if (entry.dwCatalogEntryId == id) {
            return &entry;
        }
    }
    return nullptr;
}

// Our own layered entry of a triplet.
const WSAPROTOCOL_INFOW* find_own(const std::vector<WSAPROTOCOL_INFOW>& catalog, const WSAPROTOCOL_INFOW& like) {
    for (const WSAPROTOCOL_INFOW& entry : catalog) {
        if (is_layered(entry) && is_own(entry.ProviderId) &&
            second::same_triplet(entry, like.iAddressFamily, like.iSocketType, like.iProtocol)) {
            return &entry;
        }
    }
    return nullptr;
}

int load_below(Chain& chain, const WSAPROTOCOL_INFOW& next) {
    wchar_t path[MAX_PATH];
    int path_length = MAX_PATH;
    int error = 0;
    GUID provider = next.ProviderId;
    if (state().upcalls.lpWPUGetProviderPath(&provider, path, &path_length, &error) != 0) {
        return error;
    }
    wchar_t expanded[MAX_PATH];
    const DWORD length = ExpandEnvironmentStringsW(path, expanded, MAX_PATH);
    if (length == 0 || length > MAX_PATH) {
        return WSAEPROVIDERFAILEDINIT;
    }
    chain.module = LoadLibraryW(expanded);
    if (chain.module == nullptr) {
        return WSAEPROVIDERFAILEDINIT;
    }
    const auto startup =
        reinterpret_cast<LPWSPSTARTUP>(reinterpret_cast<void*>(GetProcAddress(chain.module, "WSPStartup")));
    if (startup == nullptr) {
        return WSAEPROVIDERFAILEDINIT;
    }
    WSPDATA data{};
    error = startup(MAKEWORD(2, 2), &data, &chain.below, state().upcalls, &chain.table);
    if (error != 0) {
        return error;
    }
    static_assert(sizeof(WSPPROC_TABLE) == 30 * sizeof(void*));
    void* entries[30];
    std::memcpy(entries, &chain.table, sizeof entries);
    for (const void* entry : entries) {
        if (entry == nullptr) {
            return WSAEINVALIDPROCTABLE;
        }
    }
    return 0;
}

// Finds what stands below us in the chain of `info`, which is our own entry or that of a provider above us.
int make_chain(const WSAPROTOCOL_INFOW& info, Chain& chain) {
    const std::vector<WSAPROTOCOL_INFOW> catalog = read_catalog();
    const WSAPROTOCOL_INFOW* own = find_own(catalog, info);
    if (own == nullptr) {
        return WSAEINVALIDPROVIDER;
    }
    // Someone above may hand down an entry that does not name us: then our own entry's chain is the one that counts.
    const WSAPROTOCOL_INFOW* candidates[] = {&info, own};
    for (const WSAPROTOCOL_INFOW* candidate : candidates) {
        const WSAPROTOCOLCHAIN& ids = candidate->ProtocolChain;
        for (int position = 0; position + 1 < ids.ChainLen && position + 1 < MAX_PROTOCOL_CHAIN; ++position) {
            const WSAPROTOCOL_INFOW* at = find_id(catalog, ids.ChainEntries[position]);
            const WSAPROTOCOL_INFOW* next = find_id(catalog, ids.ChainEntries[position + 1]);
            if (at == nullptr || next == nullptr || !is_own(at->ProviderId) || is_own(next->ProviderId)) {
                continue;
            }
            chain.started = info;
            chain.own = *own;
            chain.below = next->ProtocolChain.ChainLen == BASE_PROTOCOL ? *next : *candidate;
            return load_below(chain, *next);
        }
    }
    return WSAEINVALIDPROVIDER;
}

Chain* chain_of_entry(const WSAPROTOCOL_INFOW& info, int& error) {
    {
        const std::scoped_lock lock(state().mutex);
        for (const auto& chain : state().chains) {
            if (chain->started.dwCatalogEntryId == info.dwCatalogEntryId) {
                return chain.get();
            }
        }
    }
    auto made = std::make_unique<Chain>(); // without the lock: this loads a DLL
    error = make_chain(info, *made);
    if (error != 0) {
        if (made->module != nullptr) {
            FreeLibrary(made->module);
        }
        return nullptr;
    }
    const std::scoped_lock lock(state().mutex);
    state().chains.push_back(std::move(made));
    return state().chains.back().get();
}

std::vector<Chain*> all_chains() {
    const std::scoped_lock lock(state().mutex);
    std::vector<Chain*> chains;
    for (const auto& chain : state().chains) {
        chains.push_back(chain.get());
    }
    return chains;
}

Chain* chain_of_socket(SOCKET socket) {
    const std::scoped_lock lock(state().mutex);
    const auto found = state().sockets.find(socket);
    return found == state().sockets.end() ? nullptr : found->second;
}

void own_socket(SOCKET socket, Chain* chain) {
    const std::scoped_lock lock(state().mutex);
    state().sockets[socket] = chain;
}

// One chain for each layered entry of ours, whether Winsock has asked for it or not.
std::vector<Chain*> chains_of_all_entries() {
    for (const WSAPROTOCOL_INFOW& entry : read_catalog()) {
        bool started = false;
        for (const Chain* chain : all_chains()) {
            started |= second::same_triplet(chain->own, entry.iAddressFamily, entry.iSocketType, entry.iProtocol);
        }
        if (!started && is_layered(entry) && is_own(entry.ProviderId)) {
            int error = 0;
            chain_of_entry(entry, error);
        }
    }
    return all_chains();
}

// A handle that did not come through us (inherited): the chain whose next provider knows it.
Chain* adopt(SOCKET socket) {
    for (Chain* chain : chains_of_all_entries()) {
        WSAPROTOCOL_INFOW info{};
        int length = sizeof info;
        int error = 0;
        if (chain->table.lpWSPGetSockOpt(socket, SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &length,
                                         &error) == 0 &&
            second::same_triplet(info, chain->own.iAddressFamily, chain->own.iSocketType, chain->own.iProtocol)) {
            own_socket(socket, chain);
            return chain;
        }
    }
    return nullptr;
}

// A new handle from below becomes ours in the eyes of Winsock. Not where our entry is not IFS: such handles cannot be
// claimed, so who is above gets the one from below; Winsock's own calls on it go there. (A provider that is not IFS
// would make handles of its own.)
SOCKET claim(Chain& chain, SOCKET socket, LPINT error_out) {
    if ((chain.own.dwServiceFlags1 & XP1_IFS_HANDLES) == 0) {
        own_socket(socket, &chain);
        return socket;
    }
    int error = 0;
    const SOCKET claimed = state().upcalls.lpWPUModifyIFSHandle(chain.own.dwCatalogEntryId, socket, &error);
    if (claimed == INVALID_SOCKET) {
        int ignored = 0;
        chain.table.lpWSPCloseSocket(socket, &ignored);
        *error_out = error;
        return INVALID_SOCKET;
    }
    own_socket(claimed, &chain);
    return claimed;
}

// Every function that takes a socket first and answers 0 or SOCKET_ERROR.
#define FORWARD(name, parameters, arguments, bytes)                                                                    \
    int WSPAPI name parameters {                                                                                       \
        Chain* const chain = chain_of_socket(s);                                                                       \
        if (chain == nullptr) {                                                                                        \
            note(#name, WSAENOTSOCK, s);                                                                               \
            *lpErrno = WSAENOTSOCK;                                                                                    \
            return SOCKET_ERROR;                                                                                       \
        }                                                                                                              \
        const int result = chain->table.lp##name arguments;                                                            \
        const bool done = result != SOCKET_ERROR;                                                                      \
        note(#name, done ? 0 : *lpErrno, s, done ? static_cast<long long>(bytes) : none);                              \
        return result;                                                                                                 \
    }

FORWARD(WSPAsyncSelect, (SOCKET s, HWND window, unsigned message, long events, LPINT lpErrno),
        (s, window, message, events, lpErrno), none)
FORWARD(WSPBind, (SOCKET s, const sockaddr* address, int length, LPINT lpErrno), (s, address, length, lpErrno), none)
FORWARD(WSPConnect,
        (SOCKET s, const sockaddr* address, int length, LPWSABUF caller, LPWSABUF callee, LPQOS sqos, LPQOS gqos,
         LPINT lpErrno),
        (s, address, length, caller, callee, sqos, gqos, lpErrno), none)
FORWARD(WSPEnumNetworkEvents, (SOCKET s, WSAEVENT event, LPWSANETWORKEVENTS events, LPINT lpErrno),
        (s, event, events, lpErrno), none)
FORWARD(WSPEventSelect, (SOCKET s, WSAEVENT event, long events, LPINT lpErrno), (s, event, events, lpErrno), none)
FORWARD(WSPGetPeerName, (SOCKET s, sockaddr* name, LPINT length, LPINT lpErrno), (s, name, length, lpErrno), none)
FORWARD(WSPGetSockName, (SOCKET s, sockaddr* name, LPINT length, LPINT lpErrno), (s, name, length, lpErrno), none)
FORWARD(WSPIoctl,
        (SOCKET s, DWORD code, LPVOID in, DWORD in_bytes, LPVOID out, DWORD out_bytes, LPDWORD returned,
         LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT lpErrno),
        (s, code, in, in_bytes, out, out_bytes, returned, overlapped, routine, thread, lpErrno), none)
FORWARD(WSPListen, (SOCKET s, int backlog, LPINT lpErrno), (s, backlog, lpErrno), none)
FORWARD(WSPRecv,
        (SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags, LPWSAOVERLAPPED overlapped,
         LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT lpErrno),
        (s, buffers, count, received, flags, overlapped, routine, thread, lpErrno), received == nullptr ? 0 : *received)
FORWARD(WSPRecvDisconnect, (SOCKET s, LPWSABUF data, LPINT lpErrno), (s, data, lpErrno), none)
FORWARD(WSPRecvFrom,
        (SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags, sockaddr* from, LPINT from_length,
         LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT lpErrno),
        (s, buffers, count, received, flags, from, from_length, overlapped, routine, thread, lpErrno),
        received == nullptr ? 0 : *received)
FORWARD(WSPSend,
        (SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags, LPWSAOVERLAPPED overlapped,
         LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT lpErrno),
        (s, buffers, count, sent, flags, overlapped, routine, thread, lpErrno), sent == nullptr ? 0 : *sent)
FORWARD(WSPSendDisconnect, (SOCKET s, LPWSABUF data, LPINT lpErrno), (s, data, lpErrno), none)
FORWARD(WSPSendTo,
        (SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags, const sockaddr* to, int to_length,
         LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT lpErrno),
        (s, buffers, count, sent, flags, to, to_length, overlapped, routine, thread, lpErrno),
        sent == nullptr ? 0 : *sent)
FORWARD(WSPSetSockOpt, (SOCKET s, int level, int option, const char* value, int length, LPINT lpErrno),
        (s, level, option, value, length, lpErrno), none)
FORWARD(WSPShutdown, (SOCKET s, int how, LPINT lpErrno), (s, how, lpErrno), none)
#undef FORWARD

SOCKET WSPAPI WSPAccept(SOCKET s, sockaddr* address, LPINT length, LPCONDITIONPROC condition, DWORD_PTR data,
                        LPINT lpErrno) {
    Chain* const chain = chain_of_socket(s);
    if (chain == nullptr) {
        *lpErrno = WSAENOTSOCK;
        return INVALID_SOCKET;
    }
    SOCKET accepted = chain->table.lpWSPAccept(s, address, length, condition, data, lpErrno);
    if (accepted != INVALID_SOCKET) {
        accepted = claim(*chain, accepted, lpErrno);
    }
    note("WSPAccept", accepted == INVALID_SOCKET ? *lpErrno : 0, accepted);
    return accepted;
}

SOCKET WSPAPI WSPJoinLeaf(SOCKET s, const sockaddr* address, int length, LPWSABUF caller, LPWSABUF callee, LPQOS sqos,
                          LPQOS gqos, DWORD flags, LPINT lpErrno) {
    Chain* const chain = chain_of_socket(s);
    if (chain == nullptr) {
        *lpErrno = WSAENOTSOCK;
        return INVALID_SOCKET;
    }
    SOCKET leaf = chain->table.lpWSPJoinLeaf(s, address, length, caller, callee, sqos, gqos, flags, lpErrno);
    if (leaf != INVALID_SOCKET && leaf != s) {
        leaf = claim(*chain, leaf, lpErrno);
    }
    note("WSPJoinLeaf", leaf == INVALID_SOCKET ? *lpErrno : 0, leaf);
    return leaf;
}

SOCKET WSPAPI WSPSocket(int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags,
                        LPINT lpErrno) {
    int error = WSAEINVALIDPROVIDER;
    Chain* chain = nullptr;
    if (info != nullptr) {
        chain = chain_of_entry(*info, error);
    } else {
        const std::vector<Chain*> chains = all_chains();
        chain = chains.empty() ? nullptr : chains.front();
    }
    SOCKET socket = INVALID_SOCKET;
    if (chain == nullptr) {
        *lpErrno = error;
    } else {
        WSAPROTOCOL_INFOW below = chain->below;
        if (info != nullptr) {
            below.dwProviderReserved = info->dwProviderReserved; // not 0: the other end of WSPDuplicateSocket
        }
        socket = chain->table.lpWSPSocket(family, type, protocol, &below, group, flags, lpErrno);
        if (socket != INVALID_SOCKET) {
            socket = claim(*chain, socket, lpErrno);
        }
    }
    note("WSPSocket", socket == INVALID_SOCKET ? *lpErrno : 0, socket);
    return socket;
}

int WSPAPI WSPCloseSocket(SOCKET s, LPINT lpErrno) {
    Chain* const chain = chain_of_socket(s);
    if (chain == nullptr) {
        *lpErrno = WSAENOTSOCK;
        return SOCKET_ERROR;
    }
    {
        // Before the handle can come back as another socket's.
        const std::scoped_lock lock(state().mutex);
        state().sockets.erase(s);
    }
    const int result = chain->table.lpWSPCloseSocket(s, lpErrno);
    if (result == SOCKET_ERROR && *lpErrno == WSAEWOULDBLOCK) {
        own_socket(s, chain);
    }
    note("WSPCloseSocket", result == SOCKET_ERROR ? *lpErrno : 0, s);
    return result;
}

int WSPAPI WSPGetSockOpt(SOCKET s, int level, int option, char* value, LPINT length, LPINT lpErrno) {
    Chain* chain = chain_of_socket(s);
    const bool probe = level == SOL_SOCKET && option == SO_PROTOCOL_INFOW;
    if (chain == nullptr && probe) {
        chain = adopt(s);
    }
    int result = SOCKET_ERROR;
    if (chain == nullptr) {
        *lpErrno = WSAENOTSOCK;
    } else {
        result = chain->table.lpWSPGetSockOpt(s, level, option, value, length, lpErrno);
        if (result == 0 && probe) {
            std::memcpy(value, &chain->own, sizeof chain->own); // the lower provider has checked the length
        }
    }
    note("WSPGetSockOpt", result == SOCKET_ERROR ? *lpErrno : 0, s);
    return result;
}

bool same_bitness(DWORD pid) {
    const HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    BOOL theirs = FALSE;
    BOOL ours = FALSE;
    const bool known =
        process != nullptr && IsWow64Process(process, &theirs) && IsWow64Process(GetCurrentProcess(), &ours);
    if (process != nullptr) {
        CloseHandle(process);
    }
    return known && theirs == ours;
}

int WSPAPI WSPDuplicateSocket(SOCKET s, DWORD pid, LPWSAPROTOCOL_INFOW info, LPINT lpErrno) {
    Chain* const chain = chain_of_socket(s);
    if (chain == nullptr) {
        *lpErrno = WSAENOTSOCK;
        return SOCKET_ERROR;
    }
    const int result = chain->table.lpWSPDuplicateSocket(s, pid, info, lpErrno);
    if (result == 0 && same_bitness(pid)) {
        const DWORD reserved = info->dwProviderReserved;
        *info = chain->own;
        info->dwProviderReserved = reserved;
    } // else what the next provider says: our ids mean nothing in the other catalog
    note("WSPDuplicateSocket", result == SOCKET_ERROR ? *lpErrno : 0, s);
    return result;
}

BOOL WSPAPI WSPGetOverlappedResult(SOCKET s, LPWSAOVERLAPPED overlapped, LPDWORD transfer, BOOL wait, LPDWORD flags,
                                   LPINT lpErrno) {
    Chain* const chain = chain_of_socket(s);
    if (chain == nullptr) {
        *lpErrno = WSAENOTSOCK;
        return FALSE;
    }
    const BOOL result = chain->table.lpWSPGetOverlappedResult(s, overlapped, transfer, wait, flags, lpErrno);
    note("WSPGetOverlappedResult", result ? 0 : *lpErrno, s);
    return result;
}

BOOL WSPAPI WSPGetQOSByName(SOCKET s, LPWSABUF name, LPQOS qos, LPINT lpErrno) {
    Chain* const chain = chain_of_socket(s);
    if (chain == nullptr) {
        *lpErrno = WSAENOTSOCK;
        return FALSE;
    }
    const BOOL result = chain->table.lpWSPGetQOSByName(s, name, qos, lpErrno);
    note("WSPGetQOSByName", result ? 0 : *lpErrno, s);
    return result;
}

int WSPAPI WSPSelect(int count, fd_set* read, fd_set* write, fd_set* except, const timeval* timeout, LPINT lpErrno) {
    Chain* chain = nullptr;
    for (const fd_set* set : {read, write, except}) {
        for (u_int index = 0; chain == nullptr && set != nullptr && index < set->fd_count; ++index) {
            chain = chain_of_socket(set->fd_array[index]);
        }
    }
    if (chain == nullptr) {
        *lpErrno = read == nullptr && write == nullptr && except == nullptr ? WSAEINVAL : WSAENOTSOCK;
        note("WSPSelect", *lpErrno);
        return SOCKET_ERROR;
    }
    const int result = chain->table.lpWSPSelect(count, read, write, except, timeout, lpErrno);
    note("WSPSelect", result == SOCKET_ERROR ? *lpErrno : 0);
    return result;
}

int WSPAPI WSPCancelBlockingCall(LPINT lpErrno) {
    const std::vector<Chain*> chains = all_chains();
    if (chains.empty()) {
        *lpErrno = WSANOTINITIALISED;
        return SOCKET_ERROR;
    }
    const int result = chains.front()->table.lpWSPCancelBlockingCall(lpErrno);
    note("WSPCancelBlockingCall", result == SOCKET_ERROR ? *lpErrno : 0);
    return result;
}

Chain* chain_for_address(LPWSAPROTOCOL_INFOW info, LPINT lpErrno) {
    int error = WSAEINVALIDPROVIDER;
    Chain* chain = nullptr;
    if (info != nullptr) {
        chain = chain_of_entry(*info, error);
    } else {
        const std::vector<Chain*> chains = all_chains();
        chain = chains.empty() ? nullptr : chains.front();
    }
    if (chain == nullptr) {
        *lpErrno = error;
    }
    return chain;
}

int WSPAPI WSPAddressToString(LPSOCKADDR address, DWORD length, LPWSAPROTOCOL_INFOW info, LPWSTR text,
                              LPDWORD text_length, LPINT lpErrno) {
    Chain* const chain = chain_for_address(info, lpErrno);
    const int result = chain == nullptr ? SOCKET_ERROR
                                        : chain->table.lpWSPAddressToString(address, length, &chain->below, text,
                                                                            text_length, lpErrno);
    note("WSPAddressToString", result == SOCKET_ERROR ? *lpErrno : 0);
    return result;
}

int WSPAPI WSPStringToAddress(LPWSTR text, INT family, LPWSAPROTOCOL_INFOW info, LPSOCKADDR address, LPINT length,
                              LPINT lpErrno) {
    Chain* const chain = chain_for_address(info, lpErrno);
    const int result = chain == nullptr
                           ? SOCKET_ERROR
                           : chain->table.lpWSPStringToAddress(text, family, &chain->below, address, length, lpErrno);
    note("WSPStringToAddress", result == SOCKET_ERROR ? *lpErrno : 0);
    return result;
}

int WSPAPI WSPCleanup(LPINT lpErrno) {
    std::vector<std::unique_ptr<Chain>> chains;
    {
        const std::scoped_lock lock(state().mutex);
        if (state().startups == 0) {
            *lpErrno = WSANOTINITIALISED;
            return SOCKET_ERROR;
        }
        if (--state().startups == 0) {
            chains.swap(state().chains);
            state().sockets.clear();
        }
    }
    note("WSPCleanup", 0);
    for (const auto& chain : chains) {
        int ignored = 0;
        chain->table.lpWSPCleanup(&ignored);
        FreeLibrary(chain->module);
    }
    return 0;
}

constexpr WSPPROC_TABLE procedures{
    WSPAccept,
    WSPAddressToString,
    WSPAsyncSelect,
    WSPBind,
    WSPCancelBlockingCall,
    WSPCleanup,
    WSPCloseSocket,
    WSPConnect,
    WSPDuplicateSocket,
    WSPEnumNetworkEvents,
    WSPEventSelect,
    WSPGetOverlappedResult,
    WSPGetPeerName,
    WSPGetSockName,
    WSPGetSockOpt,
    WSPGetQOSByName,
    WSPIoctl,
    WSPJoinLeaf,
    WSPListen,
    WSPRecv,
    WSPRecvDisconnect,
    WSPRecvFrom,
    WSPSelect,
    WSPSend,
    WSPSendDisconnect,
    WSPSendTo,
    WSPSetSockOpt,
    WSPShutdown,
    WSPSocket,
    WSPStringToAddress,
};

} // namespace

// The header declares it without an export; the .def file exports it under its plain name.
extern "C" int WSPAPI WSPStartup(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE upcalls,
                                 LPWSPPROC_TABLE table) {
    if (LOBYTE(version) < 2 || (LOBYTE(version) == 2 && HIBYTE(version) < 2)) {
        return WSAVERNOTSUPPORTED;
    }
    {
        const std::scoped_lock lock(state().mutex);
        state().upcalls = upcalls;
        if (state().log == INVALID_HANDLE_VALUE) {
            open_log();
        }
    }
    int error = 0;
    if (chain_of_entry(*info, error) == nullptr) {
        note("WSPStartup", error);
        return error;
    }
    {
        const std::scoped_lock lock(state().mutex);
        ++state().startups;
    }
    data->wVersion = MAKEWORD(2, 2);
    data->wHighVersion = MAKEWORD(2, 2);
    *table = procedures;
    note("WSPStartup", 0);
    return 0;
}
