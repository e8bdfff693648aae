// Waiting for sockets that may not be tied to a completion port of this process: one thread per process that sits in
// WSAPoll, and tells whoever armed a socket that it is ready.
// https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsapoll
//
// Not WSAEventSelect: a socket has one event selection, whatever process made it, so two owners would take it from each
// other. Not libuv's uv_poll: it polls exclusively, and the polls of two processes on one socket end each other.
#pragma once

#include "../status.hpp"
#include "../win32.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "unique_socket.hpp"
#include "winsock_api.hpp"

namespace winsock_spi::spi {

class ReadinessSink {
public:
    virtual ~ReadinessSink() = default;
    // On the waiting thread, which holds its lock: must neither wait nor call Readiness. `events` as WSAPoll gave them.
    virtual void ready(std::uint64_t id, short events) noexcept = 0;
};

class Readiness {
public:
    // The process's own, its thread started by the first call. It stays for as long as the process does.
    static Status get(Readiness*& readiness);

    Readiness(const Readiness&) = delete;
    Readiness& operator=(const Readiness&) = delete;

    // A number that no other socket had or will have.
    static std::uint64_t new_id();

    // Tells `sink` once when the socket is ready for one of `events` (POLLRDNORM, POLLWRNORM) or has failed. Arming the
    // same id again replaces the events. Socket and sink must live until they were told, or `disarm` has returned.
    Status arm(std::uint64_t id, SOCKET socket, short events, ReadinessSink& sink);

    // Afterwards the sink is not told, and no poll of ours holds the socket: it may be closed.
    void disarm(std::uint64_t id);

private:
    struct Armed {
        SOCKET socket = INVALID_SOCKET;
        short events = 0;
        bool polled = false; // the poll that is under way looks at it
        ReadinessSink* sink = nullptr;
    };

    Readiness() = default;
    ~Readiness() = default;
    Status start();
    Status open_waker();
    bool wake();
    [[noreturn]] void run();
    void collect();
    void tell(bool failed);
    static DWORD WINAPI thread_main(void* self);

    bool started_ = false;
    const WinsockApi* api_ = nullptr;
    UniqueSocket waker_; // a datagram socket connected to itself: what is sent on it ends a poll
    SRWLOCK lock_ = SRWLOCK_INIT; // of everything below
    CONDITION_VARIABLE round_ended_ = CONDITION_VARIABLE_INIT;
    std::map<std::uint64_t, Armed> armed_;
    std::uint64_t rounds_ = 0;
    bool polling_ = false;
    bool woken_ = false; // something was sent in this round

    // The waiting thread's alone: what it polls, the waker first.
    std::vector<WSAPOLLFD> polls_;
    std::vector<std::uint64_t> ids_;
};

} // namespace winsock_spi::spi
