// The functions of ws2_32 that work on sockets, found at run time like those of the catalog (winsock.hpp): the addon
// must load where Winsock itself is broken.
#pragma once

#include "../status.hpp"
#include "../win32.hpp"

#include <ws2tcpip.h>

namespace winsock_spi::spi {

#define WINSOCK_SPI_SOCKET_FUNCTIONS(function)                                                                         \
    function(WSASocketW) function(WSADuplicateSocketW) function(WSAIoctl) function(WSAPoll) function(WSARecvFrom)      \
        function(WSASendTo) function(WSAStringToAddressW) function(WSAGetLastError) function(accept) function(bind)    \
            function(closesocket) function(connect) function(getpeername) function(getsockname) function(getsockopt)   \
                function(ioctlsocket) function(listen) function(recv) function(recvfrom) function(select)              \
                    function(send) function(sendto) function(setsockopt) function(shutdown)

struct WinsockApi {
#define WINSOCK_SPI_MEMBER(name) decltype(&::name) name = nullptr;
    WINSOCK_SPI_SOCKET_FUNCTIONS(WINSOCK_SPI_MEMBER)
#undef WINSOCK_SPI_MEMBER
};

// The functions, after WSAStartup(2.2). Loaded once per process and never let go: sockets outlive whoever asks. From
// the second call on it costs one load of a pointer.
Status winsock_api(const WinsockApi*& api);

} // namespace winsock_spi::spi
