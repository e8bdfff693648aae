// Per-thread state in one TLS slot.
#include "thread_state.hpp"

#include <memory>
#include <new>

namespace winsock_spi::wine {

ThreadStates::~ThreadStates() {
    forget_current();
    if (slot_ != TLS_OUT_OF_INDEXES) {
        TlsFree(slot_);
    }
}

ThreadState* ThreadStates::existing() const noexcept {
    return slot_ != TLS_OUT_OF_INDEXES ? static_cast<ThreadState*>(TlsGetValue(slot_)) : nullptr;
}

ThreadState* ThreadStates::current() noexcept {
    if (ThreadState* known = existing()) {
        return known;
    }
    std::unique_ptr<ThreadState> state(new (std::nothrow) ThreadState);
    if (!state || slot_ == TLS_OUT_OF_INDEXES ||
        !DuplicateHandle(GetCurrentProcess(), GetCurrentThread(), GetCurrentProcess(), &state->id.ThreadHandle, 0,
                         FALSE, DUPLICATE_SAME_ACCESS)) {
        return nullptr;
    }
    state->id.Reserved = GetCurrentThreadId();
    TlsSetValue(slot_, state.get());
    return state.release();
}

void ThreadStates::forget_current() noexcept {
    if (ThreadState* state = existing()) {
        TlsSetValue(slot_, nullptr);
        CloseHandle(state->id.ThreadHandle);
        delete state;
    }
}

} // namespace winsock_spi::wine
