// A layered IFS provider that starts the provider below twice for each chain, and gives everything back at its last
// WSPCleanup: both starts, both references to the DLL, its tables. It may be started again in the same process.
// Its manners are those of a C program: one GUID for all its entries, so Winsock starts it once, with whichever entry
// came first; the other chains are found and loaded when a socket of theirs is asked for; fixed tables, one lock.
#include "functions.hpp"
#include "twice_chains.hpp"

namespace {

using stranger::Call;
using stranger::count;
using namespace twice;

#define FORWARD_AS(result, name, failure, parameters, arguments)                                                       \
    result WSPAPI name parameters {                                                                                    \
        Chain* chain;                                                                                                  \
        count(Call::name);                                                                                             \
        chain = find_socket(s);                                                                                        \
        if (chain == nullptr) {                                                                                        \
            *e = WSAENOTSOCK;                                                                                          \
            return failure;                                                                                            \
        }                                                                                                              \
        return below(chain)->lp##name arguments;                                                                       \
    }
#define FORWARD(name, parameters, arguments) FORWARD_AS(int, name, SOCKET_ERROR, parameters, arguments)

FORWARD(WSPAsyncSelect, (SOCKET s, HWND w, unsigned m, long v, LPINT e), (s, w, m, v, e))
FORWARD(WSPBind, (SOCKET s, const sockaddr* a, int l, LPINT e), (s, a, l, e))
FORWARD(WSPConnect, (SOCKET s, const sockaddr* a, int l, LPWSABUF d, LPWSABUF f, LPQOS q, LPQOS g, LPINT e),
        (s, a, l, d, f, q, g, e))
FORWARD(WSPEnumNetworkEvents, (SOCKET s, WSAEVENT v, LPWSANETWORKEVENTS n, LPINT e), (s, v, n, e))
FORWARD(WSPEventSelect, (SOCKET s, WSAEVENT v, long n, LPINT e), (s, v, n, e))
FORWARD_AS(BOOL, WSPGetOverlappedResult, FALSE, (SOCKET s, LPWSAOVERLAPPED o, LPDWORD n, BOOL w, LPDWORD f, LPINT e),
           (s, o, n, w, f, e))
FORWARD(WSPGetPeerName, (SOCKET s, sockaddr* a, LPINT l, LPINT e), (s, a, l, e))
FORWARD(WSPGetSockName, (SOCKET s, sockaddr* a, LPINT l, LPINT e), (s, a, l, e))
FORWARD_AS(BOOL, WSPGetQOSByName, FALSE, (SOCKET s, LPWSABUF n, LPQOS q, LPINT e), (s, n, q, e))
FORWARD(WSPIoctl,
        (SOCKET s, DWORD c, LPVOID i, DWORD j, LPVOID o, DWORD p, LPDWORD n, LPWSAOVERLAPPED v,
         LPWSAOVERLAPPED_COMPLETION_ROUTINE r, LPWSATHREADID t, LPINT e),
        (s, c, i, j, o, p, n, v, r, t, e))
FORWARD(WSPListen, (SOCKET s, int b, LPINT e), (s, b, e))
FORWARD(WSPRecv,
        (SOCKET s, LPWSABUF b, DWORD c, LPDWORD n, LPDWORD f, LPWSAOVERLAPPED v, LPWSAOVERLAPPED_COMPLETION_ROUTINE r,
         LPWSATHREADID t, LPINT e),
        (s, b, c, n, f, v, r, t, e))
FORWARD(WSPRecvDisconnect, (SOCKET s, LPWSABUF b, LPINT e), (s, b, e))
FORWARD(WSPRecvFrom,
        (SOCKET s, LPWSABUF b, DWORD c, LPDWORD n, LPDWORD f, sockaddr* a, LPINT l, LPWSAOVERLAPPED v,
         LPWSAOVERLAPPED_COMPLETION_ROUTINE r, LPWSATHREADID t, LPINT e),
        (s, b, c, n, f, a, l, v, r, t, e))
FORWARD(WSPSend,
        (SOCKET s, LPWSABUF b, DWORD c, LPDWORD n, DWORD f, LPWSAOVERLAPPED v, LPWSAOVERLAPPED_COMPLETION_ROUTINE r,
         LPWSATHREADID t, LPINT e),
        (s, b, c, n, f, v, r, t, e))
FORWARD(WSPSendDisconnect, (SOCKET s, LPWSABUF b, LPINT e), (s, b, e))
FORWARD(WSPSendTo,
        (SOCKET s, LPWSABUF b, DWORD c, LPDWORD n, DWORD f, const sockaddr* a, int l, LPWSAOVERLAPPED v,
         LPWSAOVERLAPPED_COMPLETION_ROUTINE r, LPWSATHREADID t, LPINT e),
        (s, b, c, n, f, a, l, v, r, t, e))
FORWARD(WSPSetSockOpt, (SOCKET s, int l, int o, const char* v, int n, LPINT e), (s, l, o, v, n, e))
FORWARD(WSPShutdown, (SOCKET s, int h, LPINT e), (s, h, e))

SOCKET WSPAPI WSPAccept(SOCKET s, sockaddr* a, LPINT l, LPCONDITIONPROC f, DWORD_PTR d, LPINT e) {
    count(Call::WSPAccept);
    Chain* const chain = find_socket(s);
    if (chain == nullptr) {
        *e = WSAENOTSOCK;
        return INVALID_SOCKET;
    }
    const SOCKET made = below(chain)->lpWSPAccept(s, a, l, f, d, e);
    return made == INVALID_SOCKET ? made : hand_up(chain, made, e);
}

SOCKET WSPAPI WSPJoinLeaf(SOCKET s, const sockaddr* a, int l, LPWSABUF c, LPWSABUF d, LPQOS q, LPQOS g, DWORD f,
                          LPINT e) {
    count(Call::WSPJoinLeaf);
    Chain* const chain = find_socket(s);
    if (chain == nullptr) {
        *e = WSAENOTSOCK;
        return INVALID_SOCKET;
    }
    const SOCKET made = below(chain)->lpWSPJoinLeaf(s, a, l, c, d, q, g, f, e);
    return made == INVALID_SOCKET || made == s ? made : hand_up(chain, made, e);
}

SOCKET WSPAPI WSPSocket(int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags,
                        LPINT e) {
    count(Call::WSPSocket);
    Chain* const chain = chain_of_info(info, e);
    if (chain == nullptr) {
        return INVALID_SOCKET;
    }
    WSAPROTOCOL_INFOW base = chain->standing.next; // the base's own, with what a duplicated socket brings
    base.dwProviderReserved = info->dwProviderReserved;
    const SOCKET made =
        below(chain)->lpWSPSocket(family, type, protocol, chain->standing.above_base() ? &base : info, group, flags, e);
    return made == INVALID_SOCKET ? made : hand_up(chain, made, e);
}

int WSPAPI WSPCloseSocket(SOCKET s, LPINT e) {
    count(Call::WSPCloseSocket);
    Chain* const chain = find_socket(s);
    if (chain == nullptr) {
        *e = WSAENOTSOCK;
        return SOCKET_ERROR;
    }
    forget_socket(s);
    const int result = below(chain)->lpWSPCloseSocket(s, e);
    if (result == SOCKET_ERROR && *e == WSAEWOULDBLOCK) {
        remember_socket(s, chain);
    }
    return result;
}

int WSPAPI WSPGetSockOpt(SOCKET s, int level, int option, char* value, LPINT length, LPINT e) {
    count(Call::WSPGetSockOpt);
    const bool who = level == SOL_SOCKET && option == SO_PROTOCOL_INFOW;
    Chain* chain = find_socket(s);
    if (chain == nullptr && who) { // Winsock asks whose a handle is that nobody has told it of
        for (Chain& candidate : chains) {
            WSAPROTOCOL_INFOW info{};
            int size = sizeof info;
            int ignored = 0;
            if (chain == nullptr && candidate.started != 0 &&
                below(&candidate)->lpWSPGetSockOpt(s, level, option, reinterpret_cast<char*>(&info), &size, &ignored) ==
                    0 &&
                stranger::same_triplet(info, candidate.standing.own) && remember_socket(s, &candidate)) {
                chain = &candidate;
            }
        }
    }
    if (chain == nullptr) {
        *e = WSAENOTSOCK;
        return SOCKET_ERROR;
    }
    const int result = below(chain)->lpWSPGetSockOpt(s, level, option, value, length, e);
    if (result == 0 && who) {
        std::memcpy(value, &chain->standing.own, sizeof(WSAPROTOCOL_INFOW));
    }
    return result;
}

int WSPAPI WSPDuplicateSocket(SOCKET s, DWORD process, LPWSAPROTOCOL_INFOW info, LPINT e) {
    count(Call::WSPDuplicateSocket);
    Chain* const chain = find_socket(s);
    if (chain == nullptr) {
        *e = WSAENOTSOCK;
        return SOCKET_ERROR;
    }
    const int result = below(chain)->lpWSPDuplicateSocket(s, process, info, e);
    if (result == 0) {
        const DWORD reserved = info->dwProviderReserved;
        *info = chain->standing.own;
        info->dwProviderReserved = reserved;
    }
    return result;
}

int WSPAPI WSPSelect(int n, fd_set* read, fd_set* write, fd_set* except, const timeval* timeout, LPINT e) {
    count(Call::WSPSelect);
    const fd_set* const first = read != nullptr && read->fd_count > 0     ? read
                                : write != nullptr && write->fd_count > 0 ? write
                                                                          : except;
    Chain* const chain = first == nullptr || first->fd_count == 0 ? nullptr : find_socket(first->fd_array[0]);
    if (chain == nullptr) {
        *e = first == nullptr ? WSAEINVAL : WSAENOTSOCK;
        return SOCKET_ERROR;
    }
    return below(chain)->lpWSPSelect(n, read, write, except, timeout, e);
}

Chain* any_chain() {
    for (Chain& chain : chains) {
        if (chain.started != 0) {
            return &chain;
        }
    }
    return nullptr;
}

int WSPAPI WSPCancelBlockingCall(LPINT e) {
    count(Call::WSPCancelBlockingCall);
    Chain* const chain = any_chain();
    return chain == nullptr ? (*e = WSANOTINITIALISED, SOCKET_ERROR) : below(chain)->lpWSPCancelBlockingCall(e);
}

int WSPAPI WSPAddressToString(LPSOCKADDR a, DWORD l, LPWSAPROTOCOL_INFOW info, LPWSTR text, LPDWORD room, LPINT e) {
    count(Call::WSPAddressToString);
    Chain* const chain = info == nullptr ? any_chain() : chain_of_info(info, e);
    if (chain == nullptr) {
        *e = *e == 0 ? WSAEINVAL : *e;
        return SOCKET_ERROR;
    }
    return below(chain)->lpWSPAddressToString(a, l, chain->standing.above_base() ? &chain->standing.next : info, text,
                                              room, e);
}

int WSPAPI WSPStringToAddress(LPWSTR text, INT family, LPWSAPROTOCOL_INFOW info, LPSOCKADDR a, LPINT l, LPINT e) {
    count(Call::WSPStringToAddress);
    Chain* const chain = info == nullptr ? any_chain() : chain_of_info(info, e);
    if (chain == nullptr) {
        *e = *e == 0 ? WSAEINVAL : *e;
        return SOCKET_ERROR;
    }
    return below(chain)->lpWSPStringToAddress(text, family, chain->standing.above_base() ? &chain->standing.next : info,
                                              a, l, e);
}

int WSPAPI WSPCleanup(LPINT e) {
    count(Call::WSPCleanup);
    EnterCriticalSection(&lock);
    const bool refused = startups == 0;
    const bool last = !refused && --startups == 0;
    if (last) {
        for (Chain& chain : chains) {
            for (unsigned index = 0; chain.started != 0 && index < starts; ++index) {
                int ignored = 0;
                chain.lower[index].table.lpWSPCleanup(&ignored);
                ++lower_cleanups;
                FreeLibrary(chain.lower[index].module);
            }
            chain = Chain{};
        }
        std::free(known);
        known = nullptr;
        known_count = known_room = 0;
        ++unloads;
    }
    LeaveCriticalSection(&lock);
    if (refused) {
        *e = WSANOTINITIALISED;
        return SOCKET_ERROR;
    }
    return 0;
}

} // namespace

extern "C" int WSPAPI WSPStartup(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE table_up,
                                 LPWSPPROC_TABLE table) {
    count(Call::WSPStartup);
    if (LOBYTE(version) < 2 || (LOBYTE(version) == 2 && HIBYTE(version) < 2)) {
        return WSAVERNOTSUPPORTED;
    }
    EnterCriticalSection(&lock);
    upcalls = table_up;
    int error = 0;
    if (chain_of_info(info, &error) != nullptr) {
        ++startups;
    }
    LeaveCriticalSection(&lock);
    if (error != 0) {
        return error;
    }
#define TWICE_SET(name) table->lp##name = name;
    STRANGER_FUNCTIONS(TWICE_SET)
#undef TWICE_SET
    std::memset(data, 0, sizeof *data);
    data->wVersion = data->wHighVersion = MAKEWORD(2, 2);
    return 0;
}

BOOL WINAPI DllMain(HINSTANCE, DWORD reason, LPVOID) {
    if (reason == DLL_PROCESS_ATTACH) {
        InitializeCriticalSection(&lock);
    } else if (reason == DLL_PROCESS_DETACH) {
        char more[120];
        std::snprintf(more, sizeof more, ",\"lowerStartups\":%u,\"lowerCleanups\":%u,\"unloads\":%u", lower_startups,
                      lower_cleanups, unloads);
        stranger::write_report("twice", more);
    }
    return TRUE;
}
