// The thread that talks to the controller; see hold_worker.hpp.
#include "hold_worker.hpp"

#include <new>

#include "lock.hpp"

namespace winsock_spi::lsp {

namespace {

constexpr std::uint64_t idle_time = 10'000;
// A call that is under way ends with the thread that made it, unless its socket has a completion port. No connect takes
// as long.
constexpr std::uint64_t idle_time_after_calls = 180'000;
constexpr DWORD busy_pause = 5;

HoldAnswer to_answer(const core::ControllerAnswer& answer) {
    switch (static_cast<core::VerdictKind>(answer.action)) {
    case core::VerdictKind::deny: return HoldAnswer::deny(answer.error);
    case core::VerdictKind::redirect: return {false, core::VerdictKind::redirect, 0, answer.target};
    default: return HoldAnswer::allow();
    }
}

} // namespace

bool HoldWorker::start(HeldCalls& calls) {
    void* const memory = HeapAlloc(GetProcessHeap(), 0, sizeof(HoldWorker));
    if (memory == nullptr) {
        return false;
    }
    auto* const worker = new (memory) HoldWorker(calls);
    constexpr SIZE_T stack = 256 * 1024; // of whatever providers are below, too
    const spi::UniqueHandle thread(
        CreateThread(nullptr, stack, &main, worker, STACK_SIZE_PARAM_IS_A_RESERVATION, nullptr));
    if (!thread) {
        end(worker);
    }
    return static_cast<bool>(thread);
}

void HoldWorker::end(HoldWorker* worker) {
    worker->~HoldWorker();
    HeapFree(GetProcessHeap(), 0, worker);
}

DWORD WINAPI HoldWorker::main(void* worker) {
    static_cast<HoldWorker*>(worker)->run();
    end(static_cast<HoldWorker*>(worker));
    return 0;
}

void HoldWorker::run() {
    do {
        end_late();
        connect();
        send();
        receive();
    } while (sleep());
}

void HoldWorker::settle(HeldCall& call, const HoldAnswer& answer, bool from_controller) {
    const bool question = call.kind == HeldKind::question;
    if (question || (from_controller && is_datagram(static_cast<core::Call>(call.request.call)))) {
        calls_.remembered_.remember(call.request, answer, !from_controller);
        calls_.update_any();
    }
    if (call.kind == HeldKind::waiting) {
        calls_.decide(call, answer);
        return;
    }
    if (!question) {
        call.stage = HeldStage::running;
        carried_out_ = true;
        ReleaseSRWLockExclusive(&calls_.lock_);
        carry_out(call, answer);
        AcquireSRWLockExclusive(&calls_.lock_);
    }
    calls_.remove(call);
    HeldCalls::release(&call);
    WakeAllConditionVariable(&calls_.settled_);
}

template <typename Wanted>
void HoldWorker::settle_otherwise(Wanted wanted) {
    const LockScope scope(calls_.lock_);
    for (HeldCall* call = calls_.first_; call != nullptr;) {
        if (call->stage == HeldStage::asked && wanted(*call)) {
            settle(*call, otherwise_of(*call), false);
            call = calls_.first_; // the list may be another one now
        } else {
            call = call->next;
        }
    }
}

void HoldWorker::end_late() {
    const std::uint64_t now = now_ms();
    settle_otherwise([&](const HeldCall& call) {
        const bool late = call.deadline <= now;
        if (late) {
            calls_.withdraw(call);
        }
        return late;
    });
}

void HoldWorker::connect() {
    busy_ = false;
    const std::uint32_t pid = HeldCalls::controller_pid();
    if (pipe_.is_open() && pipe_.pid() != pid) {
        lose(); // another controller, or none any more
    }
    bool wanted = false;
    {
        const LockScope scope(calls_.lock_);
        for (const HeldCall* call = calls_.first_; call != nullptr; call = call->next) {
            wanted = wanted || (call->stage == HeldStage::asked && !call->sent);
        }
    }
    if (!wanted || pipe_.is_open()) {
        return;
    }
    switch (pid == 0 ? ControllerPipe::Opened::no : pipe_.open(pid)) {
    case ControllerPipe::Opened::yes: break;
    case ControllerPipe::Opened::busy: busy_ = true; break;
    case ControllerPipe::Opened::no: settle_otherwise([](const HeldCall&) { return true; }); break;
    }
}

void HoldWorker::lose() {
    pipe_.close();
    {
        const LockScope scope(calls_.lock_);
        calls_.remembered_.forget_redirects();
        calls_.withdrawal_count_ = 0;
        calls_.update_any();
        SetEvent(calls_.wake_); // what has not been sent yet goes to whoever is the controller now
    }
    settle_otherwise([](const HeldCall& call) { return call.sent; });
}

void HoldWorker::send() {
    if (!pipe_.is_open() || pipe_.writing()) {
        return;
    }
    std::size_t count = 0;
    {
        const LockScope scope(calls_.lock_);
        auto& requests = pipe_.requests();
        const std::uint64_t now = now_ms();
        while (calls_.withdrawal_count_ > 0 && count < requests.size()) {
            core::ControllerRequest& request = requests[count++];
            request = {};
            request.magic = core::request_magic;
            request.abi = core::controller_abi;
            request.kind = static_cast<std::uint16_t>(core::RequestKind::withdrawn);
            request.id = calls_.withdrawals_[--calls_.withdrawal_count_];
        }
        for (HeldCall* call = calls_.first_; call != nullptr && count < requests.size(); call = call->next) {
            if (call->stage == HeldStage::asked && !call->sent) {
                call->sent = true;
                call->request.timeout = call->deadline > now ? static_cast<std::uint32_t>(call->deadline - now) : 0;
                requests[count++] = call->request;
            }
        }
    }
    if (count != 0 && !pipe_.write(count)) {
        lose();
    }
}

void HoldWorker::receive() {
    if (!pipe_.is_open() || WaitForSingleObject(pipe_.read_event(), 0) != WAIT_OBJECT_0) {
        return;
    }
    bool good = pipe_.arrived();
    core::ControllerAnswer answer;
    for (auto next = core::AnswerReader::Next::answer; good;) {
        next = pipe_.answers().next(answer);
        if (next != core::AnswerReader::Next::answer) {
            good = next == core::AnswerReader::Next::nothing;
            break;
        }
        const LockScope scope(calls_.lock_);
        for (HeldCall* call = calls_.first_; call != nullptr;) {
            if (call->stage == HeldStage::asked && call->sent && call->request.id == answer.id) {
                settle(*call, to_answer(answer), true);
                call = calls_.first_;
            } else {
                call = call->next;
            }
        }
    }
    if (!good || !pipe_.read_on()) {
        lose();
    }
}

// With the lock held: nothing is left to do, and has not been for long enough.
bool HoldWorker::may_end() {
    if (calls_.first_ != nullptr || !calls_.remembered_.empty()) {
        idle_since_ = 0;
        return false;
    }
    const std::uint64_t now = now_ms();
    if (idle_since_ == 0) {
        idle_since_ = now;
    }
    return calls_.stop_ || now - idle_since_ >= (carried_out_ ? idle_time_after_calls : idle_time);
}

bool HoldWorker::sleep() {
    std::uint64_t wait = idle_time;
    {
        const LockScope scope(calls_.lock_);
        if (may_end()) {
            calls_.worker_ = HeldCalls::Worker::none;
            return false;
        }
        const std::uint64_t now = now_ms();
        for (const HeldCall* call = calls_.first_; call != nullptr; call = call->next) {
            if (call->stage == HeldStage::asked) {
                const std::uint64_t left = call->deadline > now ? call->deadline - now : 0;
                wait = left < wait ? left : wait;
            }
        }
    }
    wait = busy_ && busy_pause < wait ? busy_pause : wait;
    HANDLE handles[3] = {calls_.wake_, pipe_.read_event(), pipe_.write_event()};
    const DWORD count = !pipe_.is_open() ? 1 : pipe_.writing() ? 3 : 2;
    const DWORD woken = WaitForMultipleObjects(count, handles, FALSE, static_cast<DWORD>(wait));
    if (woken == WAIT_OBJECT_0 + 2 && !pipe_.written()) {
        lose();
    }
    return true;
}

} // namespace winsock_spi::lsp
