// The calls of this process that wait for the controller, the answers that are remembered, and the thread that talks to
// the controller. See hold.hpp for what it is good for, docs/holding.md for how it goes.
//
// A thread exists while something is held or remembered, and a while longer. It needs no reference to this DLL, which
// stays loaded once it has been started (startup.cpp). One lock, which is never held while a provider is called.
#pragma once

#include <atomic>
#include <array>
#include <cstdint>

#include "core/controller_format.hpp"
#include "hold.hpp"
#include "refusal.hpp"
#include "remembered.hpp"

namespace winsock_spi::lsp {

enum class HeldKind : std::uint8_t {
    waiting, // a thread waits for the answer
    question, // nobody waits; the answer is remembered for the call that comes again
    connect, // the worker carries the call out: a connect of a non-blocking socket, ...
    connect_ex, // ... ConnectEx, ...
    send_to, // ... WSPSendTo with an overlapped structure
};

enum class HeldStage : std::uint8_t {
    asked,
    decided, // waiting: the answer is there, and the thread has not taken it yet
    running, // the worker carries it out; whoever closes the socket waits for that
};

// What the worker needs to carry a call out. The caller's buffers and overlapped structure belong to the call until it
// completes; what Winsock lets a caller take back at once (addresses, arrays of buffers) is copied.
struct LaterCall {
    static constexpr std::size_t most_buffers = 16;

    SOCKADDR_STORAGE name;
    int name_length;
    LPFN_CONNECTEX connect_ex;
    void* data;
    DWORD data_length;
    OVERLAPPED* overlapped;
    std::array<WSABUF, most_buffers> buffers;
    DWORD buffer_count;
    DWORD flags;
};

struct HeldCall {
    HeldCall* next;
    core::ControllerRequest request;
    HeldKind kind;
    HeldStage stage;
    bool sent; // the controller has been asked; or another call of the same id asks it
    const Slot* slot;
    SOCKET socket;
    DWORD thread; // waiting: the thread
    HANDLE decided; // waiting: its event
    std::uint64_t deadline; // milliseconds of GetTickCount64
    int otherwise_error; // 0 = allow
    HoldAnswer answer; // waiting, decided; or recalled
    LaterCall later;
};

// The clock of deadlines.
inline std::uint64_t now_ms() {
    return GetTickCount64();
}

class HeldCalls {
public:
    // Whether anything at all is held or remembered: one load on the way of every close.
    bool any() const { return any_.load(std::memory_order_relaxed) != 0; }

    // Whether there is a controller to be asked.
    static std::uint32_t controller_pid();

    std::uint64_t next_id() { return ids_.fetch_add(1, std::memory_order_relaxed) + 1; }

    enum class Begun {
        yes,
        recalled, // the answer is there already, in call.answer: another thread's call has brought it just now
        no, // nobody can be asked
    };
    // Takes the call if `yes`: one that waits stays the caller's memory until wait() returns, any other is memory of
    // allocate() and belongs to the worker, which may be through with it before this function returns.
    Begun begin(HeldCall& call);
    HoldAnswer wait(HeldCall& call);
    static HeldCall* allocate();
    static void release(HeldCall* call);

    // Whether a call of this kind is held on the socket.
    bool is_held(SOCKET socket, HeldKind kind);
    bool recall(const core::ControllerRequest& request, HoldAnswer& answer);
    // A question like this one (same socket, destination and rule) waits already.
    bool is_asked(const core::ControllerRequest& request);

    void closing(const Slot& slot, SOCKET socket);
    void cleanup(const Slot& slot);
    bool cancel(DWORD thread);

    RefusingPorts& refusing_ports() { return refusing_ports_; }

private:
    friend class HoldWorker;

    enum class Worker : std::uint32_t { none, running };
    static constexpr std::size_t most_withdrawals = 64;

    // All with the lock held.
    bool start_worker();
    void append(HeldCall& call);
    void remove(HeldCall& call);
    HeldCall* find_like(const core::ControllerRequest& request);
    void decide(HeldCall& call, const HoldAnswer& answer);
    void withdraw(const HeldCall& call);
    void forget(const HeldCall& call);
    void update_any();

    // Ends every call that `wanted` picks, as a close does; without the lock.
    template <typename Wanted>
    void end_all(Wanted wanted);

    SRWLOCK lock_{};
    CONDITION_VARIABLE settled_{}; // some call is not `running` any more
    HeldCall* first_ = nullptr;
    std::atomic<std::uint32_t> any_{};
    std::atomic<std::uint64_t> ids_{};
    Worker worker_ = Worker::none;
    bool stop_ = false;
    HANDLE wake_ = nullptr; // auto-reset; made once and kept
    std::array<std::uint64_t, most_withdrawals> withdrawals_{};
    std::size_t withdrawal_count_ = 0;
    RememberedAnswers remembered_;
    RefusingPorts refusing_ports_;
};

// Datagrams are many, and the controller is asked once for each destination.
constexpr bool is_datagram(core::Call call) {
    return call == core::Call::WSPSend || call == core::Call::WSPSendTo || call == core::Call::WSASendMsg;
}

// The answer that a rule gives where the controller gives none.
HoldAnswer otherwise_of(const HeldCall& call);

// Carries a call out as the answer says: exactly one completion, or the events of a connect. Called without the lock.
void carry_out(HeldCall& call, const HoldAnswer& answer);
// Ends it, because the socket is about to be closed.
void abandon(HeldCall& call);

} // namespace winsock_spi::lsp
