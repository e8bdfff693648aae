// The sockets that a process has, by looking at its handles. The system's tables of connections would not do: they know
// who made a socket, not who got it since.
#pragma once

#include "describe.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace winsock_spi::spi {

struct ListedSocket {
    std::uint32_t handle = 0; // its value in that process
    SocketDescription description;
};

struct SocketList {
    std::vector<ListedSocket> sockets;
    std::uint32_t skipped = 0; // handles that could not be asked: a file or pipe on which somebody waits answers nobody
};

// Starts a thread that may outlive its starter: the questions to a handle may take for ever.
using StartThread = std::function<Status(std::function<void()> work)>;

// ERR_NO_PROCESS, ERR_PROCESS_RIGHTS.
Status list_sockets(std::uint32_t pid, const StartThread& start_thread, SocketList& list);

} // namespace winsock_spi::spi
