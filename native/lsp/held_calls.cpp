// The calls that wait for the controller; see held_calls.hpp. Here: what the threads of the program do with them.
#include "held_calls.hpp"

#include "hold_worker.hpp"
#include "lock.hpp"
#include "process.hpp"
#include "spi/last_error.hpp"
#include "spi/unique.hpp"

namespace winsock_spi::lsp {

HoldAnswer otherwise_of(const HeldCall& call) {
    return call.otherwise_error == 0 ? HoldAnswer::allow() : HoldAnswer::deny(call.otherwise_error);
}

std::uint32_t HeldCalls::controller_pid() {
    return process.recorder.control().controller_pid.load(std::memory_order_acquire);
}

HeldCall* HeldCalls::allocate() {
    return static_cast<HeldCall*>(HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof(HeldCall)));
}

void HeldCalls::release(HeldCall* call) {
    HeapFree(GetProcessHeap(), 0, call);
}

void HeldCalls::update_any() {
    any_.store(first_ != nullptr || !remembered_.empty() ? 1 : 0, std::memory_order_relaxed);
}

void HeldCalls::append(HeldCall& call) {
    HeldCall** place = &first_;
    while (*place != nullptr) {
        place = &(*place)->next;
    }
    *place = &call;
    call.next = nullptr;
    update_any();
}

void HeldCalls::remove(HeldCall& call) {
    for (HeldCall** place = &first_; *place != nullptr; place = &(*place)->next) {
        if (*place == &call) {
            *place = call.next;
            break;
        }
    }
    update_any();
}

HeldCall* HeldCalls::find_like(const core::ControllerRequest& request) {
    for (HeldCall* call = first_; call != nullptr; call = call->next) {
        if (call->stage == HeldStage::asked && is_same_question(call->request, request)) {
            return call;
        }
    }
    return nullptr;
}

bool HeldCalls::start_worker() {
    if (wake_ == nullptr) {
        wake_ = CreateEventW(nullptr, FALSE, FALSE, nullptr);
    }
    if (wake_ == nullptr) {
        return false;
    }
    stop_ = false;
    if (worker_ == Worker::none) {
        if (!HoldWorker::start(*this)) {
            return false;
        }
        worker_ = Worker::running;
    }
    return true;
}

HeldCalls::Begun HeldCalls::begin(HeldCall& call) {
    const spi::LastErrorKeeper keeper;
    const LockScope scope(lock_);
    if (controller_pid() == 0 || !start_worker()) {
        return Begun::no;
    }
    // Datagrams of one destination ask once: the answer is that of all of them.
    const bool datagram = is_datagram(static_cast<core::Call>(call.request.call));
    if (datagram && remembered_.recall(call.request, call.answer)) {
        update_any();
        return Begun::recalled;
    }
    if (const HeldCall* const like = datagram ? find_like(call.request) : nullptr; like != nullptr) {
        call.request.id = like->request.id;
        call.deadline = like->deadline;
        call.sent = true;
    }
    append(call);
    SetEvent(wake_);
    return Begun::yes;
}

HoldAnswer HeldCalls::wait(HeldCall& call) {
    const spi::LastErrorKeeper keeper;
    for (;;) {
        const std::uint64_t now = now_ms();
        const DWORD left = call.deadline > now ? static_cast<DWORD>(call.deadline - now) : 0;
        // As every wait of Winsock: completion routines of the program run meanwhile.
        if (left != 0 && WaitForSingleObjectEx(call.decided, left, TRUE) == WAIT_IO_COMPLETION) {
            continue;
        }
        const LockScope scope(lock_);
        if (call.stage == HeldStage::asked && left != 0) {
            continue; // the event was set for nothing, or the clocks differ by a tick
        }
        if (call.stage == HeldStage::asked) {
            call.answer = otherwise_of(call);
            withdraw(call);
        }
        remove(call);
        return call.answer;
    }
}

void HeldCalls::decide(HeldCall& call, const HoldAnswer& answer) {
    call.answer = answer;
    call.stage = HeldStage::decided;
    SetEvent(call.decided); // with the lock held: after it the memory is the waiting thread's
}

void HeldCalls::withdraw(const HeldCall& call) {
    if (call.sent && withdrawal_count_ < withdrawals_.size()) { // else the controller finds out by the time
        withdrawals_[withdrawal_count_++] = call.request.id;
        SetEvent(wake_);
    }
}

bool HeldCalls::is_held(SOCKET socket, HeldKind kind) {
    if (!any()) {
        return false;
    }
    const LockScope scope(lock_);
    for (const HeldCall* call = first_; call != nullptr; call = call->next) {
        if (call->socket == socket && call->kind == kind) {
            return true;
        }
    }
    return false;
}

bool HeldCalls::recall(const core::ControllerRequest& request, HoldAnswer& answer) {
    if (!any()) {
        return false;
    }
    const LockScope scope(lock_);
    const bool found = remembered_.recall(request, answer);
    update_any();
    return found;
}

bool HeldCalls::is_asked(const core::ControllerRequest& request) {
    if (!any()) {
        return false;
    }
    const LockScope scope(lock_);
    return find_like(request) != nullptr;
}

// One at a time: ending a call calls the lower provider, which must not happen under the lock.
template <typename Wanted>
void HeldCalls::end_all(Wanted wanted) {
    for (;;) {
        HeldCall* found = nullptr;
        {
            const LockScope scope(lock_);
            bool busy = false;
            for (HeldCall* call = first_; call != nullptr && found == nullptr; call = call->next) {
                if (!wanted(*call) || call->stage == HeldStage::decided) {
                    continue;
                }
                if (call->stage == HeldStage::running) {
                    busy = true;
                } else if (call->kind == HeldKind::waiting) {
                    withdraw(*call);
                    decide(*call, HoldAnswer::deny(WSAEINTR));
                } else {
                    found = call;
                }
            }
            if (found == nullptr && !busy) {
                return;
            }
            if (found == nullptr) { // the worker is just carrying it out
                SleepConditionVariableSRW(&settled_, &lock_, INFINITE, 0);
                continue;
            }
            withdraw(*found);
            remove(*found);
        }
        abandon(*found);
        release(found);
    }
}

void HeldCalls::closing(const Slot&, SOCKET socket) {
    const spi::LastErrorKeeper keeper;
    end_all([&](const HeldCall& call) { return call.socket == socket; });
    const LockScope scope(lock_);
    remembered_.forget_socket(socket);
    update_any();
}

void HeldCalls::cleanup(const Slot& slot) {
    const spi::LastErrorKeeper keeper;
    end_all([&](const HeldCall& call) { return call.slot == &slot; });
    refusing_ports_.release(slot);
    const LockScope scope(lock_);
    if (first_ == nullptr && worker_ == Worker::running) {
        stop_ = true;
        SetEvent(wake_);
    }
}

bool HeldCalls::cancel(DWORD thread) {
    if (!any()) {
        return false;
    }
    const LockScope scope(lock_);
    bool found = false;
    for (HeldCall* call = first_; call != nullptr; call = call->next) {
        if (call->kind == HeldKind::waiting && call->thread == thread && call->stage == HeldStage::asked) {
            withdraw(*call);
            decide(*call, HoldAnswer::deny(WSAEINTR));
            found = true;
        }
    }
    return found;
}

} // namespace winsock_spi::lsp
