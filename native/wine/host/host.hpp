// The one state of Winsock in this process, and its beginning and end.
#pragma once

#include <atomic>

#include "provider_registry.hpp"
#include "socket_table.hpp"
#include "thread_state.hpp"

namespace winsock_spi::wine {

struct Host {
    std::atomic<unsigned> startups{0}; // WSAStartup calls not yet taken back by WSACleanup
    std::atomic<WORD> version{0};      // the highest major one agreed on; 1.x has blocking hooks
    SRWLOCK startup_lock = SRWLOCK_INIT;
    ProviderRegistry providers;
    SocketTable sockets;
    ThreadStates threads;
};

// Made when the DLL is loaded; at the end of the process it is left as it is, because other threads were stopped
// anywhere inside it.
Host& host() noexcept;

inline bool started() noexcept {
    return host().startups.load(std::memory_order_acquire) != 0;
}

} // namespace winsock_spi::wine
