// Overlapped calls of nonifs: the provider below gets a structure of nonifs' own with an event; when that is set, the
// program is told its way, by WPUCompleteOverlappedRequest or, for a completion routine, by WPUQueueApc.
#pragma once

#include "nonifs_sockets.hpp"

#include <atomic>

namespace nonifs {

class Operation {
public:
    // `call(own, flags, bytes)` makes the call below. The result is the program's: it is always told later.
    template <typename Call>
    static int run(const BehindPointer& behind, LPWSAOVERLAPPED program, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                   LPWSATHREADID thread, DWORD flags, LPINT error, Call call) {
        auto* const operation = new Operation(behind, program, routine, thread);
        if (operation->event_ == nullptr || operation->wait_ == nullptr) {
            delete operation;
            *error = WSAENOBUFS;
            return SOCKET_ERROR;
        }
        stay_loaded();
        program->Internal = WSS_OPERATION_IN_PROGRESS;
        program->InternalHigh = 0;
        if (routine == nullptr && event_of(*program) != nullptr) {
            ResetEvent(event_of(*program));
        }
        operation->flags_ = flags;
        const int result = call(&operation->own_, &operation->flags_, &operation->bytes_);
        if (result == SOCKET_ERROR && *error != WSA_IO_PENDING) {
            delete operation;
            return SOCKET_ERROR;
        }
        SetThreadpoolWait(operation->wait_, operation->event_, nullptr);
        *error = WSA_IO_PENDING;
        return SOCKET_ERROR;
    }

    static BOOL result(WSAOVERLAPPED& program, LPDWORD bytes, BOOL wait, LPDWORD flags, LPINT error) {
        const auto in_progress = [&] {
            return std::atomic_ref<ULONG_PTR>(program.Internal).load() == WSS_OPERATION_IN_PROGRESS;
        };
        if (in_progress() && !wait) {
            *error = WSA_IO_INCOMPLETE;
            return FALSE;
        }
        while (in_progress()) {
            if (event_of(program) != nullptr) {
                WaitForSingleObject(event_of(program), INFINITE);
            }
            Sleep(in_progress() ? 1 : 0); // "some slight delay" between the event and the values
        }
        *bytes = static_cast<DWORD>(program.InternalHigh);
        *flags = program.Offset;
        if (program.OffsetHigh != 0) {
            *error = static_cast<int>(program.OffsetHigh);
            return FALSE;
        }
        return TRUE;
    }

private:
    Operation(const BehindPointer& behind, LPWSAOVERLAPPED program, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
              LPWSATHREADID thread)
        : behind_(behind), program_(program), routine_(routine), event_(CreateEventW(nullptr, TRUE, FALSE, nullptr)),
          wait_(CreateThreadpoolWait(completed, this, nullptr)) {
        own_.hEvent = event_;
        if (thread != nullptr) {
            thread_ = *thread;
        }
    }
    ~Operation() {
        if (wait_ != nullptr) {
            CloseThreadpoolWait(wait_);
        }
        if (event_ != nullptr) {
            CloseHandle(event_);
        }
    }

    // Callbacks and APCs may come after the last WSPCleanup.
    static void stay_loaded() {
        HMODULE self = nullptr;
        GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                           reinterpret_cast<LPCWSTR>(&stay_loaded), &self);
    }

    static HANDLE event_of(const WSAOVERLAPPED& overlapped) {
        return reinterpret_cast<HANDLE>(reinterpret_cast<ULONG_PTR>(overlapped.hEvent) & ~ULONG_PTR{1});
    }

    static void CALLBACK completed(PTP_CALLBACK_INSTANCE, void* context, PTP_WAIT, TP_WAIT_RESULT) {
        auto* const operation = static_cast<Operation*>(context);
        int error = 0;
        const Behind& behind = *operation->behind_;
        const BOOL good = behind.chain->lower.table.lpWSPGetOverlappedResult(
            behind.lower, &operation->own_, &operation->bytes_, FALSE, &operation->flags_, &error);
        operation->error_ = good ? 0 : static_cast<DWORD>(error);
        WSAOVERLAPPED& program = *operation->program_;
        program.Offset = operation->flags_;
        program.OffsetHigh = operation->error_;
        int ignored = 0;
        if (operation->routine_ == nullptr) {
            WPUCompleteOverlappedRequest(behind.handle, &program, operation->error_, operation->bytes_, &ignored);
            delete operation;
            return;
        }
        program.InternalHigh = operation->bytes_;
        std::atomic_ref<ULONG_PTR>(program.Internal).store(operation->error_);
        if (sockets().upcalls.lpWPUQueueApc(&operation->thread_, run_routine, reinterpret_cast<DWORD_PTR>(operation),
                                            &ignored) != 0) {
            delete operation; // the thread has ended
        }
    }

    static void CALLBACK run_routine(DWORD_PTR context) {
        auto* const operation = reinterpret_cast<Operation*>(context);
        const auto routine = operation->routine_;
        const LPWSAOVERLAPPED program = operation->program_;
        const DWORD error = operation->error_;
        const DWORD bytes = operation->bytes_;
        const DWORD flags = operation->flags_;
        delete operation; // the routine may use the structure for its next call
        routine(error, bytes, program, flags);
    }

    BehindPointer behind_;
    LPWSAOVERLAPPED program_;
    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine_;
    WSATHREADID thread_{};
    HANDLE event_;
    PTP_WAIT wait_;
    WSAOVERLAPPED own_{};
    DWORD flags_ = 0;
    DWORD bytes_ = 0;
    DWORD error_ = 0;
};

} // namespace nonifs
