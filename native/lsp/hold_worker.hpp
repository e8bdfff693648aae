// The thread that talks to the controller for all held calls of the process; see held_calls.hpp.
#pragma once

#include "controller_pipe.hpp"
#include "held_calls.hpp"

namespace winsock_spi::lsp {

class HoldWorker {
public:
    // Its memory is not the thread's stack: at the end of the process the thread goes first, and its read of the pipe
    // still writes how it ended into its structure. False: no memory, or no thread.
    static bool start(HeldCalls& calls);

private:
    static DWORD WINAPI main(void* worker);
    static void end(HoldWorker* worker);
    explicit HoldWorker(HeldCalls& calls) : calls_(calls) {}

    void run();
    void end_late();
    void connect();
    void send();
    void receive();
    void lose();
    bool sleep();
    bool may_end();

    // Ends one call with an answer; the lock is held, and given up for as long as the call is carried out.
    void settle(HeldCall& call, const HoldAnswer& answer, bool from_controller);
    // Every call that `wanted` picks gets its rule's `otherwise`.
    template <typename Wanted>
    void settle_otherwise(Wanted wanted);

    HeldCalls& calls_;
    ControllerPipe pipe_;
    bool busy_ = false; // the pipe had no free instance
    bool carried_out_ = false; // what this thread began ends with it, so it stays longer
    std::uint64_t idle_since_ = 0;
};

} // namespace winsock_spi::lsp
