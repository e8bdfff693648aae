// A table of provider functions that all succeed and do nothing, for base providers that a program brings itself.
#pragma once

#include <winsock2.h>
#include <ws2spi.h>

#include <type_traits>

namespace program {

template <typename Pointer>
struct Nothing;

template <typename Result, typename... Parameters>
struct Nothing<Result(WSPAPI*)(Parameters...)> {
    static Result WSPAPI call(Parameters...) { return 0; }
};

inline void fill_with_nothing(WSPPROC_TABLE& table) {
    const auto fill = [](auto&... functions) { ((functions = Nothing<std::decay_t<decltype(functions)>>::call), ...); };
    fill(table.lpWSPAccept, table.lpWSPAddressToString, table.lpWSPAsyncSelect, table.lpWSPBind,
         table.lpWSPCancelBlockingCall, table.lpWSPCleanup, table.lpWSPCloseSocket, table.lpWSPConnect,
         table.lpWSPDuplicateSocket, table.lpWSPEnumNetworkEvents, table.lpWSPEventSelect,
         table.lpWSPGetOverlappedResult, table.lpWSPGetPeerName, table.lpWSPGetSockName, table.lpWSPGetSockOpt,
         table.lpWSPGetQOSByName, table.lpWSPIoctl, table.lpWSPJoinLeaf, table.lpWSPListen, table.lpWSPRecv,
         table.lpWSPRecvDisconnect, table.lpWSPRecvFrom, table.lpWSPSelect, table.lpWSPSend, table.lpWSPSendDisconnect,
         table.lpWSPSendTo, table.lpWSPSetSockOpt, table.lpWSPShutdown, table.lpWSPSocket, table.lpWSPStringToAddress);
}

} // namespace program
