// What we do in each of the 30 functions besides passing the call on. A function not named here is only recorded, by
// one template for all (functions.cpp).
#pragma once

#include "slot.hpp"
#include "spi/provider_functions.hpp"

// always: has work to do whether anybody watches or not.   observed: only while somebody watches.
// decided: also while a policy is in force.   noted: also once interception has noted something about some socket.
#define WINSOCK_SPI_HANDLERS(X)                                                                                        \
    X(WSPAccept, always)                                                                                               \
    X(WSPAsyncSelect, always)                                                                                          \
    X(WSPBind, decided)                                                                                                \
    X(WSPCancelBlockingCall, always)                                                                                   \
    X(WSPCleanup, always)                                                                                              \
    X(WSPCloseSocket, always)                                                                                          \
    X(WSPConnect, always)                                                                                              \
    X(WSPDuplicateSocket, always)                                                                                      \
    X(WSPEnumNetworkEvents, noted)                                                                                     \
    X(WSPEventSelect, always)                                                                                          \
    X(WSPGetPeerName, noted)                                                                                           \
    X(WSPGetSockName, observed)                                                                                        \
    X(WSPGetSockOpt, always)                                                                                           \
    X(WSPIoctl, always)                                                                                                \
    X(WSPJoinLeaf, always)                                                                                             \
    X(WSPListen, decided)                                                                                              \
    X(WSPRecv, noted)                                                                                                  \
    X(WSPRecvFrom, decided)                                                                                            \
    X(WSPSend, noted)                                                                                                  \
    X(WSPSendTo, decided)                                                                                              \
    X(WSPSetSockOpt, decided)                                                                                          \
    X(WSPShutdown, observed)                                                                                           \
    X(WSPSocket, always)

namespace winsock_spi::lsp {

// The type of a handler: the function's own parameters behind the slot it was called through.
template <typename Pointer>
struct HandlerType;
template <typename Result, typename... Parameters>
struct HandlerType<Result(WSPAPI*)(Parameters...)> {
    using type = Result(Slot&, Parameters...);
};

#define WINSOCK_SPI_DECLARE(name, when) HandlerType<decltype(WSPPROC_TABLE::lp##name)>::type on_##name;
WINSOCK_SPI_HANDLERS(WINSOCK_SPI_DECLARE)
#undef WINSOCK_SPI_DECLARE

// The same for the extension functions; the pointer that the lower provider gave comes behind the slot.
template <typename Pointer>
struct ExtensionHandlerType;
template <typename Result, typename... Parameters>
struct ExtensionHandlerType<Result(WSPAPI*)(Parameters...)> {
    using type = Result(const Slot&, Result(WSPAPI*)(Parameters...), Parameters...);
};

#define WINSOCK_SPI_DECLARE(name, guid, pointer, failure) ExtensionHandlerType<pointer>::type on_##name;
WINSOCK_SPI_EXTENSIONS(WINSOCK_SPI_DECLARE)
#undef WINSOCK_SPI_DECLARE

} // namespace winsock_spi::lsp
