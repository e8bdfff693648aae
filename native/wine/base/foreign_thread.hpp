// Overlapped calls whose completion routine belongs to another thread.
//
// Wine queues a completion routine to the thread that calls it. A provider above may pass a call on from a thread of
// its own, with the WSATHREADID of the program's thread; then Wine gets the call with an event, and the routine is
// queued with WPUQueueApc when it completes.
#pragma once

#include "base.hpp"

namespace winsock_spi::wine::base {

// Whether the routine has to run in another thread than this one.
bool belongs_to_other_thread(LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                             const WSATHREADID* thread) noexcept;

class ForeignCall {
public:
    // nullptr if there is no memory or handle for it.
    static ForeignCall* make(SOCKET handle, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                             const WSATHREADID& thread) noexcept;

    ForeignCall(const ForeignCall&) = delete;
    ForeignCall& operator=(const ForeignCall&) = delete;

    // What Wine gets instead of the caller's structure.
    LPWSAOVERLAPPED own() noexcept { return &own_; }
    // Wine took the call: from now on it lives by itself.
    void wait() noexcept;
    // Wine refused the call.
    void drop() noexcept;

private:
    ForeignCall() = default;
    ~ForeignCall();
    static void CALLBACK completed(PTP_CALLBACK_INSTANCE instance, void* context, PTP_WAIT wait, TP_WAIT_RESULT);
    static void CALLBACK run_routine(DWORD_PTR context);

    WSAOVERLAPPED own_{};
    HANDLE event_ = nullptr;
    PTP_WAIT wait_ = nullptr;
    SOCKET handle_ = INVALID_SOCKET;
    LPWSAOVERLAPPED overlapped_ = nullptr;
    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine_ = nullptr;
    WSATHREADID thread_{};
    DWORD error_ = 0;
    DWORD bytes_ = 0;
    DWORD flags_ = 0;
};

// Makes the call and reports in the SPI's way. `call` takes the structure and routine that Wine gets.
template <typename Call>
int overlapped_call(SOCKET handle, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                    const WSATHREADID* thread, LPINT error, Call call) noexcept {
    if (!belongs_to_other_thread(overlapped, routine, thread)) {
        return call(overlapped, routine) == 0 ? 0 : fail(error, wine_error());
    }
    ForeignCall* foreign = ForeignCall::make(handle, overlapped, routine, *thread);
    if (foreign == nullptr) {
        return fail(error, WSAENOBUFS);
    }
    const int result = call(foreign->own(), nullptr);
    const int code = result == 0 ? 0 : wine_error();
    if (code == 0 || code == WSA_IO_PENDING) {
        foreign->wait();
    } else {
        foreign->drop();
    }
    return result == 0 ? 0 : fail(error, code);
}

} // namespace winsock_spi::wine::base
