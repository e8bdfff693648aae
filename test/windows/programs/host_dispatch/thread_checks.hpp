// Several threads at once: completion routines, closing under each other's feet, many sockets.
#pragma once

#include "strange_setup.hpp"

#include <atomic>

namespace threads {

inline DWORD routine_thread = 0;
inline DWORD routine_error = 0;
inline DWORD routine_bytes = 0;
inline LPWSAOVERLAPPED routine_overlapped = nullptr;

inline void CALLBACK routine(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD) {
    routine_thread = GetCurrentThreadId();
    routine_error = error;
    routine_bytes = bytes;
    routine_overlapped = overlapped;
}

// Waits alertably until the routine has run; false after ten seconds.
inline bool wait_for_routine() {
    for (int second = 0; second < 10 && routine_thread == 0; ++second) {
        SleepEx(1000, TRUE);
    }
    return routine_thread != 0;
}

struct Blocked {
    SOCKET socket;
    HANDLE ready;
    int error;
};

inline DWORD WINAPI block_in_recv(void* context) {
    auto& blocked = *static_cast<Blocked*>(context);
    char byte = 0;
    SetEvent(blocked.ready);
    blocked.error = error_after(recv(blocked.socket, &byte, 1, 0));
    return 0;
}

inline std::atomic<int> failures{0};

// Opens, connects, talks and closes, many times.
inline DWORD WINAPI busy(void*) {
    try {
        for (int round = 0; round < 100; ++round) {
            program::Pair pair = program::connected_pair(round % 2 == 0 ? AF_INET : AF_INET6);
            program::send_all(pair.near_end.get(), "ping");
            program::require(program::receive_exactly(pair.far_end.get(), 4) == "ping", "what is sent arrives");
            const program::Socket udp(socket(AF_INET, SOCK_DGRAM, 0));
            program::require(closesocket(static_cast<SOCKET>(0x7FFFFFF4)) == SOCKET_ERROR, "a bad handle fails");
        }
    } catch (const std::exception&) {
        ++failures;
    }
    return 0;
}

} // namespace threads

inline void receive_by_routine(Checks& checks, Strange& strange, const program::Socket& receiver,
                               const program::Socket& sender, const char* name) {
    threads::routine_thread = 0;
    char byte = 0;
    WSABUF buffer{1, &byte};
    WSAOVERLAPPED overlapped{};
    DWORD flags = 0;
    const int result = WSARecv(receiver.get(), &buffer, 1, nullptr, &flags, &overlapped, threads::routine);
    const std::string prefix = std::string(name) + ": ";
    checks.equal(prefix + "the receive is under way", error_after(result), WSA_IO_PENDING);
    checks.equal(prefix + "the provider is told the calling thread", strange.report.thread_of_routine,
                 GetCurrentThreadId());
    program::send_all(sender.get(), "!");
    checks.is_true(prefix + "the routine runs in an alertable wait", threads::wait_for_routine());
    checks.equal(prefix + "in the thread that called", threads::routine_thread, GetCurrentThreadId());
    checks.equal(prefix + "without an error", threads::routine_error, 0u);
    checks.equal(prefix + "with the bytes", threads::routine_bytes, 1u);
    checks.is_true(prefix + "and the program's own structure", threads::routine_overlapped == &overlapped);
    checks.is_true(prefix + "which is done", HasOverlappedIoCompleted(&overlapped));
    checks.equal(prefix + "what was sent is there", byte, '!');
}

inline void check_routines(Checks& checks, Strange& strange) {
    const Winsock winsock;
    checks.section("completion routines");
    checks.equal("the layer can be installed", strange.install_layer(Mode::layer), 0);
    const program::Socket listener(Strange::open(Mode::layer));
    const program::Address any = program::loopback(AF_INET);
    program::check(bind(listener.get(), any.get(), any.length), "bind");
    program::check(listen(listener.get(), 1), "listen");
    const program::Address address = program::local_address(listener.get());
    const program::Socket client(socket(AF_INET, SOCK_STREAM, 0));
    program::check(connect(client.get(), address.get(), address.length), "connect");
    const program::Socket accepted(accept(listener.get(), nullptr, nullptr), "accept");
    receive_by_routine(checks, strange, accepted, client, "passed on by the calling thread");
    const program::Handle done(CreateEventW(nullptr, TRUE, FALSE, nullptr), "event");
    strange.report.worker_may_end = done.get();
    receive_by_routine(checks, strange, accepted, client, "passed on by another thread");
    strange.report.worker_may_end = nullptr;
    SetEvent(done.get());
    checks.equal("the layer can be removed", Strange::remove(Mode::layer), 0);
}

inline void check_threads(Checks& checks) {
    const Winsock winsock;
    checks.section("closing while another thread receives");
    program::Pair pair = program::connected_pair();
    const program::Handle ready(CreateEventW(nullptr, TRUE, FALSE, nullptr), "event");
    threads::Blocked blocked{pair.near_end.get(), ready.get(), 0};
    const program::Handle thread(CreateThread(nullptr, 0, threads::block_in_recv, &blocked, 0, nullptr), "thread");
    WaitForSingleObject(ready.get(), INFINITE);
    checks.equal("closes", error_after(closesocket(pair.near_end.release())), 0);
    checks.equal("the receiving thread comes back", WaitForSingleObject(thread.get(), 10'000),
                 static_cast<DWORD>(WAIT_OBJECT_0));
    checks.is_true("with an error", blocked.error != 0);

    checks.section("four threads with 400 connections");
    DWORD before = 0;
    DWORD after = 0;
    threads::busy(nullptr); // what is made once is made before counting
    GetProcessHandleCount(GetCurrentProcess(), &before);
    HANDLE workers[4];
    for (HANDLE& worker : workers) {
        worker = CreateThread(nullptr, 0, threads::busy, nullptr, 0, nullptr);
    }
    WaitForMultipleObjects(4, workers, TRUE, INFINITE);
    for (const HANDLE worker : workers) {
        CloseHandle(worker);
    }
    GetProcessHandleCount(GetCurrentProcess(), &after);
    checks.equal("none fails", threads::failures.load(), 0);
    checks.equal("no handle is left", after, before);
}
