// Blocking hooks: Winsock 1.1 only. A program that speaks 2.x is told so.
#include "dispatch.hpp"

using namespace winsock_spi::wine;

namespace {

// 0 if this process may use the Winsock 1.1 functions.
int check_old_program() noexcept {
    if (!started()) {
        return WSANOTINITIALISED;
    }
    return LOBYTE(host().version.load(std::memory_order_relaxed)) == 1 ? 0 : WSAEOPNOTSUPP;
}

} // namespace

extern "C" {

FARPROC WSAAPI WSASetBlockingHook(FARPROC hook) {
    int error = check_old_program();
    if (error == 0 && hook == nullptr) {
        error = WSAEFAULT;
    }
    ThreadState* thread = error == 0 ? host().threads.current() : nullptr;
    if (thread == nullptr) {
        fail(error != 0 ? error : WSA_NOT_ENOUGH_MEMORY);
        return nullptr;
    }
    const FARPROC before = thread->blocking_hook;
    thread->blocking_hook = hook;
    return before;
}

int WSAAPI WSAUnhookBlockingHook() {
    const int error = check_old_program();
    if (error != 0) {
        return fail(error);
    }
    if (ThreadState* thread = host().threads.existing()) {
        thread->blocking_hook = nullptr;
    }
    return 0;
}

// No provider of this host runs a message loop inside a blocking call, so there never is one to be seen or cancelled
// from the same thread.
BOOL WSAAPI WSAIsBlocking() {
    return FALSE;
}

int WSAAPI WSACancelBlockingCall() {
    const int error = check_old_program();
    return fail(error != 0 ? error : WSAEINVAL);
}

} // extern "C"
