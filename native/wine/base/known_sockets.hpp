// Sockets that Wine's Winsock does not know although they are sockets: inherited ones, and what DuplicateHandle made.
//
// Wine's DLL keeps a list of the sockets it made, and refuses some calls for others. Windows' base provider takes any
// socket handle. Wine's own WSADuplicateSocket has a way to put a handle on the list; that way is used here.
#pragma once

#include "../host/winsock_headers.hpp"

namespace winsock_spi::wine::base {

// Wine's protocol info of a socket, which makes it known if it is not. 0, or a Winsock error: WSAENOTSOCK if the
// handle is no socket.
int wine_info(SOCKET handle, WSAPROTOCOL_INFOW& info) noexcept;

// Whether Wine's Winsock knows the handle; it does not become known by this.
bool is_known(SOCKET handle) noexcept;

} // namespace winsock_spi::wine::base
