// The seven extension functions that we wrap, as one table. A program asks for them with
// SIO_GET_EXTENSION_FUNCTION_POINTER and calls them past ws2_32, so what is not wrapped is not seen.
// https://learn.microsoft.com/windows/win32/winsock/winsock-ioctls
#pragma once

#include "spi/win32.hpp"

#include <mswsock.h>

#include <cstddef>

// Name, GUID, pointer type, what it returns when it fails. In the order of core::Call.
#define WINSOCK_SPI_EXTENSIONS(X)                                                                                      \
    X(AcceptEx, WSAID_ACCEPTEX, LPFN_ACCEPTEX, FALSE)                                                                  \
    X(ConnectEx, WSAID_CONNECTEX, LPFN_CONNECTEX, FALSE)                                                               \
    X(DisconnectEx, WSAID_DISCONNECTEX, LPFN_DISCONNECTEX, FALSE)                                                      \
    X(TransmitFile, WSAID_TRANSMITFILE, LPFN_TRANSMITFILE, FALSE)                                                      \
    X(TransmitPackets, WSAID_TRANSMITPACKETS, LPFN_TRANSMITPACKETS, FALSE)                                             \
    X(WSARecvMsg, WSAID_WSARECVMSG, LPFN_WSARECVMSG, SOCKET_ERROR)                                                     \
    X(WSASendMsg, WSAID_WSASENDMSG, LPFN_WSASENDMSG, SOCKET_ERROR)

namespace winsock_spi::lsp {

#define WINSOCK_SPI_COUNT(name, guid, type, failure) +1
inline constexpr std::size_t extension_count = 0 WINSOCK_SPI_EXTENSIONS(WINSOCK_SPI_COUNT);
#undef WINSOCK_SPI_COUNT

} // namespace winsock_spi::lsp
