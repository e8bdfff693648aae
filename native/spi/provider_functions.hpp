// The 30 functions of a service provider in the order of WSPPROC_TABLE, as one table: name, and what the function
// returns when it fails. Everything that treats all of them alike is generated from it.
// https://learn.microsoft.com/windows/win32/api/ws2spi/ns-ws2spi-wspproc_table
#pragma once

#include "win32.hpp"

#include <array>
#include <cstddef>
#include <cstring>

#define WINSOCK_SPI_PROVIDER_FUNCTIONS(X)                                                                              \
    X(WSPAccept, INVALID_SOCKET)                                                                                       \
    X(WSPAddressToString, SOCKET_ERROR)                                                                                \
    X(WSPAsyncSelect, SOCKET_ERROR)                                                                                    \
    X(WSPBind, SOCKET_ERROR)                                                                                           \
    X(WSPCancelBlockingCall, SOCKET_ERROR)                                                                             \
    X(WSPCleanup, SOCKET_ERROR)                                                                                        \
    X(WSPCloseSocket, SOCKET_ERROR)                                                                                    \
    X(WSPConnect, SOCKET_ERROR)                                                                                        \
    X(WSPDuplicateSocket, SOCKET_ERROR)                                                                                \
    X(WSPEnumNetworkEvents, SOCKET_ERROR)                                                                              \
    X(WSPEventSelect, SOCKET_ERROR)                                                                                    \
    X(WSPGetOverlappedResult, FALSE)                                                                                   \
    X(WSPGetPeerName, SOCKET_ERROR)                                                                                    \
    X(WSPGetSockName, SOCKET_ERROR)                                                                                    \
    X(WSPGetSockOpt, SOCKET_ERROR)                                                                                     \
    X(WSPGetQOSByName, FALSE)                                                                                          \
    X(WSPIoctl, SOCKET_ERROR)                                                                                          \
    X(WSPJoinLeaf, INVALID_SOCKET)                                                                                     \
    X(WSPListen, SOCKET_ERROR)                                                                                         \
    X(WSPRecv, SOCKET_ERROR)                                                                                           \
    X(WSPRecvDisconnect, SOCKET_ERROR)                                                                                 \
    X(WSPRecvFrom, SOCKET_ERROR)                                                                                       \
    X(WSPSelect, SOCKET_ERROR)                                                                                         \
    X(WSPSend, SOCKET_ERROR)                                                                                           \
    X(WSPSendDisconnect, SOCKET_ERROR)                                                                                 \
    X(WSPSendTo, SOCKET_ERROR)                                                                                         \
    X(WSPSetSockOpt, SOCKET_ERROR)                                                                                     \
    X(WSPShutdown, SOCKET_ERROR)                                                                                       \
    X(WSPSocket, INVALID_SOCKET)                                                                                       \
    X(WSPStringToAddress, SOCKET_ERROR)

namespace winsock_spi::spi {

inline constexpr std::size_t provider_function_count = 30;
static_assert(sizeof(WSPPROC_TABLE) == provider_function_count * sizeof(void*));
#define WINSOCK_SPI_COUNT(name, failure) +1
static_assert(0 WINSOCK_SPI_PROVIDER_FUNCTIONS(WINSOCK_SPI_COUNT) == provider_function_count);
#undef WINSOCK_SPI_COUNT

// Whether no function of the table is missing: what ws2_32 demands of every provider (else WSAEINVALIDPROCTABLE).
inline bool is_complete(const WSPPROC_TABLE& table) {
    std::array<void*, provider_function_count> functions;
    std::memcpy(functions.data(), &table, sizeof(table));
    for (const void* const function : functions) {
        if (function == nullptr) {
            return false;
        }
    }
    return true;
}

} // namespace winsock_spi::spi
