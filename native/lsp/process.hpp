// Everything that the provider keeps in a process. There is exactly one of it, and no other variable.
#pragma once

#include "core/handle_table.hpp"
#include "held_calls.hpp"
#include "policy_state.hpp"
#include "recorder.hpp"
#include "slot.hpp"
#include "socket_mode.hpp"

namespace winsock_spi::lsp {

struct ProcessState {
    Recorder recorder;
    PolicyState policy;
    core::HandleTable sockets;
    SocketModes modes;
    HeldCalls held;
    std::array<Slot, slot_count> slots;
    SRWLOCK lock; // slots' state, references and upcalls, and `initialised`. Never held while a DLL is loaded or called
    bool initialised;
    std::atomic<DWORD> starting_original; // the thread that starts a base provider whose place we have; 0 = none
};

// All zero at load, hence no constructor that would have to run.
extern constinit ProcessState process;

} // namespace winsock_spi::lsp
