// Completion routines for other threads than the calling one.
#include "foreign_thread.hpp"

#include <atomic>
#include <new>

namespace winsock_spi::wine::base {

namespace {

constinit WineFunction wine_get_result("WSAGetOverlappedResult");

} // namespace

bool belongs_to_other_thread(LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                             const WSATHREADID* thread) noexcept {
    if (overlapped == nullptr || routine == nullptr || thread == nullptr) {
        return false;
    }
    const DWORD id = GetThreadId(thread->ThreadHandle);
    return id != 0 && id != GetCurrentThreadId();
}

ForeignCall* ForeignCall::make(SOCKET handle, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                               const WSATHREADID& thread) noexcept {
    auto* call = new (std::nothrow) ForeignCall;
    if (call == nullptr) {
        return nullptr;
    }
    call->event_ = CreateEventW(nullptr, TRUE, FALSE, nullptr);
    call->wait_ = CreateThreadpoolWait(completed, call, nullptr);
    if (call->event_ == nullptr || call->wait_ == nullptr) {
        delete call;
        return nullptr;
    }
    call->handle_ = handle;
    call->overlapped_ = overlapped;
    call->routine_ = routine;
    call->thread_ = thread;
    // The low bit: no completion packet, should the socket be associated with a port.
    call->own_.hEvent = reinterpret_cast<HANDLE>(reinterpret_cast<ULONG_PTR>(call->event_) | 1);
    overlapped->Internal = WSS_OPERATION_IN_PROGRESS;
    overlapped->InternalHigh = 0;
    return call;
}

ForeignCall::~ForeignCall() {
    if (wait_ != nullptr) {
        CloseThreadpoolWait(wait_);
    }
    if (event_ != nullptr) {
        CloseHandle(event_);
    }
}

void ForeignCall::wait() noexcept {
    SetThreadpoolWait(wait_, event_, nullptr);
}

void ForeignCall::drop() noexcept {
    delete this;
}

void CALLBACK ForeignCall::completed(PTP_CALLBACK_INSTANCE, void* context, PTP_WAIT, TP_WAIT_RESULT) {
    auto* call = static_cast<ForeignCall*>(context);
    const auto get_result = wine_get_result.as<decltype(&::WSAGetOverlappedResult)>();
    if (!get_result(call->handle_, &call->own_, &call->bytes_, FALSE, &call->flags_)) {
        call->error_ = GetLastError();
    }
    call->overlapped_->InternalHigh = call->own_.InternalHigh;
    using Status = decltype(call->overlapped_->Internal);
    std::atomic_ref<Status>(call->overlapped_->Internal).store(call->own_.Internal, std::memory_order_release);
    int ignored = 0;
    if (upcalls().lpWPUQueueApc(&call->thread_, run_routine, reinterpret_cast<DWORD_PTR>(call), &ignored) != 0) {
        delete call; // the thread has ended: nobody is left to be told
    }
}

void CALLBACK ForeignCall::run_routine(DWORD_PTR context) {
    auto* call = reinterpret_cast<ForeignCall*>(context);
    const LPWSAOVERLAPPED overlapped = call->overlapped_;
    const LPWSAOVERLAPPED_COMPLETION_ROUTINE routine = call->routine_;
    const DWORD error = call->error_;
    const DWORD bytes = call->bytes_;
    const DWORD flags = call->flags_;
    delete call; // first: the routine may use the structure for its next call
    routine(error, bytes, overlapped, flags);
}

} // namespace winsock_spi::wine::base
