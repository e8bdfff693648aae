// What Winsock keeps per thread.
#pragma once

#include "winsock_headers.hpp"

namespace winsock_spi::wine {

struct ThreadState {
    WSATHREADID id{};               // for providers' WPUQueueApc
    int open_type = 0;              // SO_OPENTYPE: how sockets of this thread are made
    FARPROC blocking_hook = nullptr; // Winsock 1.1 only
};

// Of all threads of this process: one TLS slot.
class ThreadStates {
public:
    ThreadStates() noexcept : slot_(TlsAlloc()) {}
    ~ThreadStates();
    ThreadStates(const ThreadStates&) = delete;
    ThreadStates& operator=(const ThreadStates&) = delete;

    // This thread's state, made at first use. nullptr if there is no memory or handle for it.
    ThreadState* current() noexcept;
    // This thread's state if it has one.
    ThreadState* existing() const noexcept;
    // Called when a thread ends.
    void forget_current() noexcept;

private:
    DWORD slot_;
};

} // namespace winsock_spi::wine
