// A layered IFS provider that overrides all 30 functions, with a GUID of its own for each of its entries.
// Its manners: one table of functions for all chains, made from the types of the SPI; a map from socket to chain; its
// own condition function and buffer arrays in the calls that have some; wrappers of AcceptEx and ConnectEx; lower DLLs
// stay loaded; WSPCleanup counts, because one table cannot tell whose it is.
#include "all30_chains.hpp"
#include "functions.hpp"
#include "identity.hpp"

#include <tuple>
#include <vector>

namespace {

using stranger::Call;
using stranger::count;

using all30::Chain;
using all30::chain_of;
using all30::claim;
using all30::info_for_lower;
using all30::state;

static_assert(sizeof(WSPPROC_TABLE) == 30 * sizeof(void*));

template <typename Result>
constexpr Result failure_of() {
    return static_cast<Result>(SOCKET_ERROR);
}

// A function that is the lower provider's, after the socket has been looked up.
template <Call Id, auto Member, bool Boolean, typename Pointer>
struct Passing;

template <Call Id, auto Member, bool Boolean, typename Result, typename... Rest>
struct Passing<Id, Member, Boolean, Result(WSPAPI*)(SOCKET, Rest...)> {
    static Result WSPAPI call(SOCKET socket, Rest... rest) {
        count(Id);
        Chain* const chain = chain_of(socket);
        if (chain == nullptr) {
            *std::get<sizeof...(Rest) - 1>(std::tuple<Rest...>(rest...)) = WSAENOTSOCK;
            return Boolean ? Result{0} : failure_of<Result>();
        }
        return (chain->lower.table.*Member)(socket, rest...);
    }
};

#define ALL30_PASS(name) &Passing<Call::name, &WSPPROC_TABLE::lp##name, false, decltype(WSPPROC_TABLE::lp##name)>::call
#define ALL30_PASS_BOOL(name)                                                                                          \
    &Passing<Call::name, &WSPPROC_TABLE::lp##name, true, decltype(WSPPROC_TABLE::lp##name)>::call

struct Condition {
    LPCONDITIONPROC function;
    DWORD_PTR data;
};

int CALLBACK own_condition(LPWSABUF caller, LPWSABUF caller_data, LPQOS socket_qos, LPQOS group_qos, LPWSABUF callee,
                           LPWSABUF callee_data, GROUP* group, DWORD_PTR context) {
    const auto* program = reinterpret_cast<const Condition*>(context);
    return program->function(caller, caller_data, socket_qos, group_qos, callee, callee_data, group, program->data);
}

SOCKET WSPAPI accept_socket(SOCKET socket, sockaddr* address, LPINT length, LPCONDITIONPROC condition, DWORD_PTR data,
                            LPINT error) {
    count(Call::WSPAccept);
    Chain* const chain = chain_of(socket);
    if (chain == nullptr) {
        *error = WSAENOTSOCK;
        return INVALID_SOCKET;
    }
    Condition program{condition, data};
    const SOCKET accepted =
        chain->lower.table.lpWSPAccept(socket, address, length, condition == nullptr ? nullptr : own_condition,
                                       condition == nullptr ? 0 : reinterpret_cast<DWORD_PTR>(&program), error);
    return accepted == INVALID_SOCKET ? INVALID_SOCKET : claim(*chain, accepted, error);
}

SOCKET WSPAPI open_socket(int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags,
                          LPINT error) {
    count(Call::WSPSocket);
    Chain* const chain = chain_of(info);
    if (chain == nullptr || info == nullptr) {
        *error = info == nullptr ? WSAEFAULT : WSAEINVALIDPROVIDER;
        return INVALID_SOCKET;
    }
    WSAPROTOCOL_INFOW below = info_for_lower(*chain, *info);
    const SOCKET socket = chain->lower.table.lpWSPSocket(family, type, protocol, &below, group, flags, error);
    return socket == INVALID_SOCKET ? INVALID_SOCKET : claim(*chain, socket, error);
}

SOCKET WSPAPI join_leaf(SOCKET socket, const sockaddr* address, int length, LPWSABUF caller, LPWSABUF callee,
                        LPQOS socket_qos, LPQOS group_qos, DWORD flags, LPINT error) {
    count(Call::WSPJoinLeaf);
    Chain* const chain = chain_of(socket);
    if (chain == nullptr) {
        *error = WSAENOTSOCK;
        return INVALID_SOCKET;
    }
    const SOCKET leaf =
        chain->lower.table.lpWSPJoinLeaf(socket, address, length, caller, callee, socket_qos, group_qos, flags, error);
    return leaf == INVALID_SOCKET || leaf == socket ? leaf : claim(*chain, leaf, error);
}

int WSPAPI close_socket(SOCKET socket, LPINT error) {
    count(Call::WSPCloseSocket);
    Chain* const chain = chain_of(socket);
    if (chain == nullptr) {
        *error = WSAENOTSOCK;
        return SOCKET_ERROR;
    }
    {
        const std::scoped_lock lock(state().mutex);
        state().sockets.erase(socket); // before its value can be another socket's
    }
    const int result = chain->lower.table.lpWSPCloseSocket(socket, error);
    if (result == SOCKET_ERROR && *error == WSAEWOULDBLOCK) {
        const std::scoped_lock lock(state().mutex);
        state().sockets[socket] = chain;
    }
    return result;
}

int WSPAPI get_option(SOCKET socket, int level, int option, char* value, LPINT length, LPINT error) {
    count(Call::WSPGetSockOpt);
    Chain* const chain = chain_of(socket);
    if (chain == nullptr) {
        *error = WSAENOTSOCK;
        return SOCKET_ERROR;
    }
    const int result = chain->lower.table.lpWSPGetSockOpt(socket, level, option, value, length, error);
    if (result == 0 && level == SOL_SOCKET && option == SO_PROTOCOL_INFOW) {
        std::memcpy(value, &chain->standing.own, sizeof chain->standing.own); // the lower one saw to the length
    }
    return result;
}

// Arrays of buffers are the caller's only for the time of the call; what is below gets one of ours.
int WSPAPI send_data(SOCKET socket, LPWSABUF buffers, DWORD number, LPDWORD sent, DWORD flags,
                     LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                     LPINT error) {
    count(Call::WSPSend);
    Chain* const chain = chain_of(socket);
    if (chain == nullptr) {
        *error = WSAENOTSOCK;
        return SOCKET_ERROR;
    }
    std::vector<WSABUF> own(buffers, buffers + number);
    return chain->lower.table.lpWSPSend(socket, own.data(), number, sent, flags, overlapped, routine, thread, error);
}

int WSPAPI select_sockets(int number, fd_set* read, fd_set* write, fd_set* except, const timeval* timeout,
                          LPINT error) {
    count(Call::WSPSelect);
    Chain* chain = nullptr;
    for (const fd_set* set : {read, write, except}) {
        for (u_int index = 0; chain == nullptr && set != nullptr && index < set->fd_count; ++index) {
            chain = chain_of(set->fd_array[index]);
        }
    }
    if (chain == nullptr) {
        *error = read == nullptr && write == nullptr && except == nullptr ? WSAEINVAL : WSAENOTSOCK;
        return SOCKET_ERROR;
    }
    return chain->lower.table.lpWSPSelect(number, read, write, except, timeout, error);
}

BOOL PASCAL FAR own_accept_ex(SOCKET listener, SOCKET socket, PVOID buffer, DWORD data, DWORD local, DWORD remote,
                              LPDWORD received, LPOVERLAPPED overlapped) {
    count(Call::AcceptEx);
    Chain* const chain = chain_of(listener);
    if (chain == nullptr) {
        SetLastError(WSAENOTSOCK);
        return FALSE;
    }
    return chain->accept_ex(listener, socket, buffer, data, local, remote, received, overlapped);
}

BOOL PASCAL FAR own_connect_ex(SOCKET socket, const sockaddr* name, int length, PVOID buffer, DWORD data, LPDWORD sent,
                               LPOVERLAPPED overlapped) {
    count(Call::ConnectEx);
    Chain* const chain = chain_of(socket);
    if (chain == nullptr) {
        SetLastError(WSAENOTSOCK);
        return FALSE;
    }
    return chain->connect_ex(socket, name, length, buffer, data, sent, overlapped);
}

int WSPAPI control(SOCKET socket, DWORD code, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size, LPDWORD returned,
                   LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                   LPINT error) {
    count(Call::WSPIoctl);
    Chain* const chain = chain_of(socket);
    if (chain == nullptr) {
        *error = WSAENOTSOCK;
        return SOCKET_ERROR;
    }
    GUID wanted{};
    const bool extension = code == SIO_GET_EXTENSION_FUNCTION_POINTER && in != nullptr && in_size >= sizeof wanted;
    if (extension) {
        std::memcpy(&wanted, in, sizeof wanted); // before the call: one buffer may serve for both
    }
    const int result = chain->lower.table.lpWSPIoctl(socket, code, in, in_size, out, out_size, returned, overlapped,
                                                     routine, thread, error);
    if (result != 0 || !extension || out_size < sizeof(void*)) {
        return result;
    }
    const GUID accept_ex = WSAID_ACCEPTEX;
    const GUID connect_ex = WSAID_CONNECTEX;
    if (IsEqualGUID(wanted, accept_ex)) {
        const LPFN_ACCEPTEX own = own_accept_ex;
        std::memcpy(&chain->accept_ex, out, sizeof own);
        std::memcpy(out, &own, sizeof own);
    } else if (IsEqualGUID(wanted, connect_ex)) {
        const LPFN_CONNECTEX own = own_connect_ex;
        std::memcpy(&chain->connect_ex, out, sizeof own);
        std::memcpy(out, &own, sizeof own);
    }
    return result;
}

int WSPAPI duplicate_socket(SOCKET socket, DWORD process, LPWSAPROTOCOL_INFOW info, LPINT error) {
    count(Call::WSPDuplicateSocket);
    Chain* const chain = chain_of(socket);
    if (chain == nullptr) {
        *error = WSAENOTSOCK;
        return SOCKET_ERROR;
    }
    const int result = chain->lower.table.lpWSPDuplicateSocket(socket, process, info, error);
    if (result == 0) {
        const DWORD reserved = info->dwProviderReserved;
        *info = chain->standing.own;
        info->dwProviderReserved = reserved;
    }
    return result;
}

int WSPAPI address_to_string(LPSOCKADDR address, DWORD length, LPWSAPROTOCOL_INFOW info, LPWSTR text,
                             LPDWORD text_length, LPINT error) {
    count(Call::WSPAddressToString);
    Chain* const chain = chain_of(info);
    if (chain == nullptr) {
        *error = WSAEINVALIDPROVIDER;
        return SOCKET_ERROR;
    }
    WSAPROTOCOL_INFOW below = info_for_lower(*chain, info != nullptr ? *info : chain->standing.own);
    return chain->lower.table.lpWSPAddressToString(address, length, &below, text, text_length, error);
}

int WSPAPI string_to_address(LPWSTR text, INT family, LPWSAPROTOCOL_INFOW info, LPSOCKADDR address, LPINT length,
                             LPINT error) {
    count(Call::WSPStringToAddress);
    Chain* const chain = chain_of(info);
    if (chain == nullptr) {
        *error = WSAEINVALIDPROVIDER;
        return SOCKET_ERROR;
    }
    WSAPROTOCOL_INFOW below = info_for_lower(*chain, info != nullptr ? *info : chain->standing.own);
    return chain->lower.table.lpWSPStringToAddress(text, family, &below, address, length, error);
}

int WSPAPI cancel_blocking_call(LPINT error) {
    count(Call::WSPCancelBlockingCall);
    Chain* const chain = chain_of(static_cast<const WSAPROTOCOL_INFOW*>(nullptr));
    if (chain == nullptr) {
        *error = WSANOTINITIALISED;
        return SOCKET_ERROR;
    }
    return chain->lower.table.lpWSPCancelBlockingCall(error);
}

int WSPAPI clean_up(LPINT error) {
    count(Call::WSPCleanup);
    std::list<Chain> chains;
    {
        const std::scoped_lock lock(state().mutex);
        if (state().startups == 0) {
            *error = WSANOTINITIALISED;
            return SOCKET_ERROR;
        }
        if (--state().startups == 0) {
            chains.swap(state().chains);
            state().sockets.clear();
        }
    }
    for (Chain& chain : chains) {
        for (unsigned index = 0; index < chain.startups; ++index) {
            int ignored = 0;
            chain.lower.table.lpWSPCleanup(&ignored);
        }
    }
    return 0;
}

constexpr WSPPROC_TABLE functions{
    accept_socket,
    address_to_string,
    ALL30_PASS(WSPAsyncSelect),
    ALL30_PASS(WSPBind),
    cancel_blocking_call,
    clean_up,
    close_socket,
    ALL30_PASS(WSPConnect),
    duplicate_socket,
    ALL30_PASS(WSPEnumNetworkEvents),
    ALL30_PASS(WSPEventSelect),
    ALL30_PASS_BOOL(WSPGetOverlappedResult),
    ALL30_PASS(WSPGetPeerName),
    ALL30_PASS(WSPGetSockName),
    get_option,
    ALL30_PASS_BOOL(WSPGetQOSByName),
    control,
    join_leaf,
    ALL30_PASS(WSPListen),
    ALL30_PASS(WSPRecv),
    ALL30_PASS(WSPRecvDisconnect),
    ALL30_PASS(WSPRecvFrom),
    select_sockets,
    send_data,
    ALL30_PASS(WSPSendDisconnect),
    ALL30_PASS(WSPSendTo),
    ALL30_PASS(WSPSetSockOpt),
    ALL30_PASS(WSPShutdown),
    open_socket,
    string_to_address,
};

} // namespace

extern "C" int WSPAPI WSPStartup(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE upcalls,
                                 LPWSPPROC_TABLE table) {
    count(Call::WSPStartup);
    if (version < MAKEWORD(2, 2)) {
        return WSAVERNOTSUPPORTED;
    }
    stranger::Catalog catalog;
    if (stranger::read_catalog(catalog, WSCEnumProtocols) != 0) {
        return WSAEPROVIDERFAILEDINIT;
    }
    Chain chain;
    chain.started = info->dwCatalogEntryId;
    chain.standing = stranger::find_standing(catalog, *info, stranger::all30_guid);
    if (!chain.standing.found) {
        return WSAEINVALIDPROVIDER;
    }
    const int error = stranger::start_lower(upcalls, chain.standing.next, info_for_lower(chain, *info), chain.lower);
    if (error != 0) {
        return error;
    }
    {
        const std::scoped_lock lock(state().mutex);
        state().upcalls = upcalls;
        ++state().startups;
        Chain* known = nullptr;
        for (Chain& other : state().chains) {
            known = other.started == chain.started ? &other : known;
        }
        if (known == nullptr) {
            known = &state().chains.emplace_back(chain);
        }
        ++known->startups;
    }
    *table = functions;
    data->wVersion = MAKEWORD(2, 2);
    data->wHighVersion = MAKEWORD(2, 2);
    lstrcpynW(data->szDescription, L"Stranger that overrides all", WSPDESCRIPTION_LEN);
    return 0;
}

BOOL WINAPI DllMain(HINSTANCE, DWORD reason, LPVOID) {
    if (reason == DLL_PROCESS_DETACH) {
        stranger::write_report("all30");
    }
    return TRUE;
}
