// The owner of a SOCKET.
#pragma once

#include "../unique.hpp"

#include "winsock_api.hpp"

namespace winsock_spi::spi {

struct SocketTraits {
    using type = SOCKET;
    static type invalid() { return INVALID_SOCKET; }
    static void close(type value) {
        const WinsockApi* api = nullptr;
        if (winsock_api(api).ok()) { // it was, when the socket was made
            api->closesocket(value);
        }
    }
};

using UniqueSocket = Unique<SocketTraits>;

} // namespace winsock_spi::spi
