// Giving a socket to another process, and taking such a gift back.
#pragma once

#include "../status.hpp"
#include "../win32.hpp"
#include "target.hpp"

#include <cstdint>

namespace winsock_spi::spi {

struct SocketExport {
    WSAPROTOCOL_INFOW info;
    std::uint32_t pid = 0;
    std::uint64_t start = 0; // FILETIME of the process's creation
    int bits = 0;            // of the process
};

// WSADuplicateSocketW for a process of either bitness: the info names the provider as that process's own catalog does.
// ERR_NO_PROCESS, ERR_PROCESS_RIGHTS, WSAENOTSOCK, WSAEINVAL (a socket with quality of service cannot be shared).
// https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsaduplicatesocketw
Status duplicate_socket(SOCKET socket, std::uint32_t pid, SocketExport& result);

// The same for many sockets, into a process that is held open meanwhile.
Status duplicate_socket(SOCKET socket, const TargetProcess& target, SocketExport& result);

// Closes the handle that an export has put into its process (dwProviderReserved is its value there). Only while nobody
// can have adopted it: afterwards the same number may be any handle of that process. Fine if that process has ended.
// ERR_PROCESS_RIGHTS; ERR_ALREADY_TAKEN where that process has no such handle any more.
// https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
Status revoke_export(std::uint32_t pid, std::uint64_t start, std::uint32_t handle);

} // namespace winsock_spi::spi
