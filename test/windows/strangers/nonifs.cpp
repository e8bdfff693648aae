// A layered provider whose sockets are no file handles: it gives programs handles of WPUCreateSocketHandle, each with a
// socket of the provider below behind it, and turns one into the other in every call. One GUID for all its entries.
// Not done, as many of its kind: extension functions, WSAAsyncSelect (both WSAEOPNOTSUPP), ReadFile and WriteFile.
#include "functions.hpp"
#include "nonifs_overlapped.hpp"

#include <mswsock.h>

#include <tuple>
#include <vector>

namespace {

using nonifs::BehindPointer;
using nonifs::Chain;
using nonifs::Operation;
using nonifs::sockets;
using stranger::Call;
using stranger::count;

std::atomic<unsigned> startups{0};

template <typename Result>
Result refuse(Result failure, int code, LPINT error) {
    *error = code;
    return failure;
}

// A function that is the lower provider's with the lower provider's socket.
template <Call Id, auto Member, bool Boolean, typename Pointer>
struct Passing;

template <Call Id, auto Member, bool Boolean, typename Result, typename... Rest>
struct Passing<Id, Member, Boolean, Result(WSPAPI*)(SOCKET, Rest...)> {
    static Result WSPAPI call(SOCKET socket, Rest... rest) {
        count(Id);
        const BehindPointer behind = sockets().find(socket);
        if (!behind) {
            return refuse(Boolean ? Result{FALSE} : Result{SOCKET_ERROR}, WSAENOTSOCK,
                          std::get<sizeof...(Rest) - 1>(std::tuple<Rest...>(rest...)));
        }
        return (behind->chain->lower.table.*Member)(behind->lower, rest...);
    }
};

#define NONIFS_PASS(name) &Passing<Call::name, &WSPPROC_TABLE::lp##name, false, decltype(WSPPROC_TABLE::lp##name)>::call

SOCKET WSPAPI open_socket(int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags,
                          LPINT error) {
    count(Call::WSPSocket);
    Chain* const chain = info == nullptr ? nullptr : sockets().chain_of(*info, *error);
    if (chain == nullptr) {
        return refuse(INVALID_SOCKET, info == nullptr ? WSAEFAULT : *error, error);
    }
    WSAPROTOCOL_INFOW below = chain->standing.above_base() ? chain->standing.next : *info;
    below.dwProviderReserved = info->dwProviderReserved;
    const SOCKET made = chain->lower.table.lpWSPSocket(family, type, protocol, &below, group, flags, error);
    return made == INVALID_SOCKET ? made : sockets().make(*chain, made, error);
}

SOCKET WSPAPI accept_socket(SOCKET socket, sockaddr* address, LPINT length, LPCONDITIONPROC condition, DWORD_PTR data,
                            LPINT error) {
    count(Call::WSPAccept);
    const BehindPointer behind = sockets().find(socket);
    if (!behind) {
        return refuse(INVALID_SOCKET, WSAENOTSOCK, error);
    }
    const SOCKET made = behind->chain->lower.table.lpWSPAccept(behind->lower, address, length, condition, data, error);
    return made == INVALID_SOCKET ? made : sockets().make(*behind->chain, made, error);
}

SOCKET WSPAPI join_leaf(SOCKET socket, const sockaddr* address, int length, LPWSABUF caller, LPWSABUF callee,
                        LPQOS socket_qos, LPQOS group_qos, DWORD flags, LPINT error) {
    count(Call::WSPJoinLeaf);
    const BehindPointer behind = sockets().find(socket);
    if (!behind) {
        return refuse(INVALID_SOCKET, WSAENOTSOCK, error);
    }
    const SOCKET leaf = behind->chain->lower.table.lpWSPJoinLeaf(behind->lower, address, length, caller, callee,
                                                                 socket_qos, group_qos, flags, error);
    if (leaf == INVALID_SOCKET || leaf == behind->lower) {
        return leaf == INVALID_SOCKET ? leaf : socket;
    }
    return sockets().make(*behind->chain, leaf, error);
}

int WSPAPI close_socket(SOCKET socket, LPINT error) {
    count(Call::WSPCloseSocket);
    const BehindPointer behind = sockets().find(socket);
    if (!behind) {
        return refuse(SOCKET_ERROR, WSAENOTSOCK, error);
    }
    const int result = behind->chain->lower.table.lpWSPCloseSocket(behind->lower, error);
    if (result == 0) {
        sockets().remove(socket);
    }
    return result;
}

int WSPAPI get_option(SOCKET socket, int level, int option, char* value, LPINT length, LPINT error) {
    count(Call::WSPGetSockOpt);
    const BehindPointer behind = sockets().find(socket);
    if (!behind) {
        return refuse(SOCKET_ERROR, WSAENOTSOCK, error);
    }
    const int result = behind->chain->lower.table.lpWSPGetSockOpt(behind->lower, level, option, value, length, error);
    if (result == 0 && level == SOL_SOCKET && option == SO_PROTOCOL_INFOW) {
        std::memcpy(value, &behind->chain->standing.own, sizeof(WSAPROTOCOL_INFOW));
    }
    return result;
}

int WSPAPI async_select(SOCKET, HWND, unsigned, long, LPINT error) {
    count(Call::WSPAsyncSelect);
    return refuse(SOCKET_ERROR, WSAEOPNOTSUPP, error); // the message would name the lower provider's socket
}

BOOL WSPAPI overlapped_result(SOCKET socket, LPWSAOVERLAPPED overlapped, LPDWORD bytes, BOOL wait, LPDWORD flags,
                              LPINT error) {
    count(Call::WSPGetOverlappedResult);
    if (!sockets().find(socket)) {
        return refuse(FALSE, WSAENOTSOCK, error);
    }
    return Operation::result(*overlapped, bytes, wait, flags, error);
}

int WSPAPI receive(SOCKET socket, LPWSABUF buffers, DWORD number, LPDWORD bytes, LPDWORD flags,
                   LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                   LPINT error) {
    count(Call::WSPRecv);
    const BehindPointer behind = sockets().find(socket);
    if (!behind) {
        return refuse(SOCKET_ERROR, WSAENOTSOCK, error);
    }
    const auto lower = behind->chain->lower.table.lpWSPRecv;
    if (overlapped == nullptr) {
        return lower(behind->lower, buffers, number, bytes, flags, nullptr, nullptr, nullptr, error);
    }
    return Operation::run(behind, overlapped, routine, thread, *flags, error,
                          [&](LPWSAOVERLAPPED own, LPDWORD own_flags, LPDWORD own_bytes) {
                              return lower(behind->lower, buffers, number, own_bytes, own_flags, own, nullptr, thread,
                                           error);
                          });
}

int WSPAPI receive_from(SOCKET socket, LPWSABUF buffers, DWORD number, LPDWORD bytes, LPDWORD flags, sockaddr* from,
                        LPINT from_length, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                        LPWSATHREADID thread, LPINT error) {
    count(Call::WSPRecvFrom);
    const BehindPointer behind = sockets().find(socket);
    if (!behind) {
        return refuse(SOCKET_ERROR, WSAENOTSOCK, error);
    }
    const auto lower = behind->chain->lower.table.lpWSPRecvFrom;
    if (overlapped == nullptr) {
        return lower(behind->lower, buffers, number, bytes, flags, from, from_length, nullptr, nullptr, nullptr, error);
    }
    return Operation::run(behind, overlapped, routine, thread, *flags, error,
                          [&](LPWSAOVERLAPPED own, LPDWORD own_flags, LPDWORD own_bytes) {
                              return lower(behind->lower, buffers, number, own_bytes, own_flags, from, from_length, own,
                                           nullptr, thread, error);
                          });
}

int WSPAPI send_data(SOCKET socket, LPWSABUF buffers, DWORD number, LPDWORD bytes, DWORD flags,
                     LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                     LPINT error) {
    count(Call::WSPSend);
    const BehindPointer behind = sockets().find(socket);
    if (!behind) {
        return refuse(SOCKET_ERROR, WSAENOTSOCK, error);
    }
    const auto lower = behind->chain->lower.table.lpWSPSend;
    if (overlapped == nullptr) {
        return lower(behind->lower, buffers, number, bytes, flags, nullptr, nullptr, nullptr, error);
    }
    return Operation::run(
        behind, overlapped, routine, thread, 0, error, [&](LPWSAOVERLAPPED own, LPDWORD, LPDWORD own_bytes) {
            return lower(behind->lower, buffers, number, own_bytes, flags, own, nullptr, thread, error);
        });
}

int WSPAPI send_data_to(SOCKET socket, LPWSABUF buffers, DWORD number, LPDWORD bytes, DWORD flags, const sockaddr* to,
                        int to_length, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                        LPWSATHREADID thread, LPINT error) {
    count(Call::WSPSendTo);
    const BehindPointer behind = sockets().find(socket);
    if (!behind) {
        return refuse(SOCKET_ERROR, WSAENOTSOCK, error);
    }
    const auto lower = behind->chain->lower.table.lpWSPSendTo;
    if (overlapped == nullptr) {
        return lower(behind->lower, buffers, number, bytes, flags, to, to_length, nullptr, nullptr, nullptr, error);
    }
    return Operation::run(
        behind, overlapped, routine, thread, 0, error, [&](LPWSAOVERLAPPED own, LPDWORD, LPDWORD own_bytes) {
            return lower(behind->lower, buffers, number, own_bytes, flags, to, to_length, own, nullptr, thread, error);
        });
}

// A set of the program's as one of the provider's below; sockets that are not ours stay as they are.
class MappedSet {
public:
    explicit MappedSet(fd_set* program) : program_(program) {
        if (program == nullptr) {
            return;
        }
        // As long as the program's, which may be longer than FD_SETSIZE here.
        storage_.resize(program->fd_count + 2);
        lower()->fd_count = program->fd_count;
        for (u_int index = 0; index < program->fd_count; ++index) {
            const BehindPointer behind = sockets().find(program->fd_array[index]);
            lower()->fd_array[index] = behind ? behind->lower : program->fd_array[index];
            first_ = first_ == nullptr && behind ? behind->chain : first_;
            pairs_.emplace_back(lower()->fd_array[index], program->fd_array[index]);
        }
    }

    fd_set* lower() { return program_ == nullptr ? nullptr : reinterpret_cast<fd_set*>(storage_.data()); }
    Chain* first() const { return first_; }

    void back() {
        if (program_ == nullptr) {
            return;
        }
        program_->fd_count = lower()->fd_count;
        for (u_int index = 0; index < program_->fd_count; ++index) {
            for (const auto& [below, above] : pairs_) {
                if (below == lower()->fd_array[index]) {
                    program_->fd_array[index] = above;
                }
            }
        }
    }

private:
    fd_set* program_;
    std::vector<SOCKET> storage_; // a count, as wide as a socket, and sockets
    std::vector<std::pair<SOCKET, SOCKET>> pairs_;
    Chain* first_ = nullptr;
};

int WSPAPI select_sockets(int number, fd_set* read, fd_set* write, fd_set* except, const timeval* timeout,
                          LPINT error) {
    count(Call::WSPSelect);
    MappedSet sets[] = {MappedSet(read), MappedSet(write), MappedSet(except)};
    Chain* chain = nullptr;
    for (const MappedSet& set : sets) {
        chain = chain != nullptr ? chain : set.first();
    }
    if (chain == nullptr) {
        return refuse(SOCKET_ERROR, read == nullptr && write == nullptr && except == nullptr ? WSAEINVAL : WSAENOTSOCK,
                      error);
    }
    const int result =
        chain->lower.table.lpWSPSelect(number, sets[0].lower(), sets[1].lower(), sets[2].lower(), timeout, error);
    if (result != SOCKET_ERROR) {
        for (MappedSet& set : sets) {
            set.back();
        }
    }
    return result;
}

int WSPAPI control(SOCKET socket, DWORD code, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size, LPDWORD returned,
                   LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID, LPINT error) {
    count(Call::WSPIoctl);
    const BehindPointer behind = sockets().find(socket);
    if (!behind) {
        return refuse(SOCKET_ERROR, WSAENOTSOCK, error);
    }
    if (code == SIO_GET_EXTENSION_FUNCTION_POINTER || overlapped != nullptr) {
        return refuse(SOCKET_ERROR, WSAEOPNOTSUPP, error); // the function would get our handle
    }
    return behind->chain->lower.table.lpWSPIoctl(behind->lower, code, in, in_size, out, out_size, returned, nullptr,
                                                 nullptr, nullptr, error);
}

int WSPAPI duplicate_socket(SOCKET socket, DWORD process, LPWSAPROTOCOL_INFOW info, LPINT error) {
    count(Call::WSPDuplicateSocket);
    const BehindPointer behind = sockets().find(socket);
    if (!behind) {
        return refuse(SOCKET_ERROR, WSAENOTSOCK, error);
    }
    const int result = behind->chain->lower.table.lpWSPDuplicateSocket(behind->lower, process, info, error);
    if (result == 0) {
        const DWORD reserved = info->dwProviderReserved;
        *info = behind->chain->standing.own;
        info->dwProviderReserved = reserved;
    }
    return result;
}

Chain* chain_for(const WSAPROTOCOL_INFOW* info, LPINT error) {
    Chain* const chain = info == nullptr ? sockets().any_chain() : sockets().chain_of(*info, *error);
    if (chain == nullptr && *error == 0) {
        *error = WSAEINVAL;
    }
    return chain;
}

int WSPAPI address_to_string(LPSOCKADDR address, DWORD length, LPWSAPROTOCOL_INFOW info, LPWSTR text, LPDWORD room,
                             LPINT error) {
    count(Call::WSPAddressToString);
    Chain* const chain = chain_for(info, error);
    if (chain == nullptr) {
        return SOCKET_ERROR;
    }
    return chain->lower.table.lpWSPAddressToString(
        address, length, chain->standing.above_base() ? &chain->standing.next : info, text, room, error);
}

int WSPAPI string_to_address(LPWSTR text, INT family, LPWSAPROTOCOL_INFOW info, LPSOCKADDR address, LPINT length,
                             LPINT error) {
    count(Call::WSPStringToAddress);
    Chain* const chain = chain_for(info, error);
    if (chain == nullptr) {
        return SOCKET_ERROR;
    }
    return chain->lower.table.lpWSPStringToAddress(
        text, family, chain->standing.above_base() ? &chain->standing.next : info, address, length, error);
}

int WSPAPI cancel_blocking_call(LPINT error) {
    count(Call::WSPCancelBlockingCall);
    Chain* const chain = sockets().any_chain();
    return chain == nullptr ? refuse(SOCKET_ERROR, WSANOTINITIALISED, error)
                            : chain->lower.table.lpWSPCancelBlockingCall(error);
}

int WSPAPI clean_up(LPINT error) {
    count(Call::WSPCleanup);
    unsigned number = startups.load();
    while (number != 0 && !startups.compare_exchange_weak(number, number - 1)) {
    }
    if (number == 0) {
        return refuse(SOCKET_ERROR, WSANOTINITIALISED, error);
    }
    if (number == 1) {
        sockets().clear();
    }
    return 0;
}

constexpr WSPPROC_TABLE functions{
    accept_socket,
    address_to_string,
    async_select,
    NONIFS_PASS(WSPBind),
    cancel_blocking_call,
    clean_up,
    close_socket,
    NONIFS_PASS(WSPConnect),
    duplicate_socket,
    NONIFS_PASS(WSPEnumNetworkEvents),
    NONIFS_PASS(WSPEventSelect),
    overlapped_result,
    NONIFS_PASS(WSPGetPeerName),
    NONIFS_PASS(WSPGetSockName),
    get_option,
    &Passing<Call::WSPGetQOSByName, &WSPPROC_TABLE::lpWSPGetQOSByName, true,
             decltype(WSPPROC_TABLE::lpWSPGetQOSByName)>::call,
    control,
    join_leaf,
    NONIFS_PASS(WSPListen),
    receive,
    NONIFS_PASS(WSPRecvDisconnect),
    receive_from,
    select_sockets,
    send_data,
    NONIFS_PASS(WSPSendDisconnect),
    send_data_to,
    NONIFS_PASS(WSPSetSockOpt),
    NONIFS_PASS(WSPShutdown),
    open_socket,
    string_to_address,
};

} // namespace

extern "C" int WSPAPI WSPStartup(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE upcalls,
                                 LPWSPPROC_TABLE table) {
    count(Call::WSPStartup);
    if (LOBYTE(version) < 2) {
        return WSAVERNOTSUPPORTED;
    }
    sockets().upcalls = upcalls;
    int error = 0;
    if (sockets().chain_of(*info, error) == nullptr) {
        return error;
    }
    startups.fetch_add(1);
    *table = functions;
    data->wVersion = MAKEWORD(2, 2);
    data->wHighVersion = MAKEWORD(2, 2);
    return 0;
}

BOOL WINAPI DllMain(HINSTANCE, DWORD reason, LPVOID) {
    if (reason == DLL_PROCESS_DETACH) {
        stranger::write_report("nonifs");
    }
    return TRUE;
}
