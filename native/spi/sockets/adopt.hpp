// Taking a socket that another process has exported to this one.
#pragma once

#include "../status.hpp"
#include "../win32.hpp"

namespace winsock_spi::spi {

// WSASocketW from an info that was made for this process, by anyone. The socket is overlapped and not inheritable.
// ERR_INFO_DAMAGED (no info that Winsock makes), ERR_NO_PROVIDER (this process's catalog lacks its provider),
// ERR_INFO_USED (adopted here before, and still open), ERR_INFO_SPENT (used, revoked, or made for another process).
// https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsasocketw
Status adopt_socket(const WSAPROTOCOL_INFOW& info, SOCKET& socket);

} // namespace winsock_spi::spi
