// What providers and the controller say to each other over the pipe \\.\pipe\winsock-spi-controller-<controller_pid>.
//
// One connection per process; every message has one of two fixed sizes, little-endian, and answers may come in any
// order. Both sides treat what they read as hostile. The controller takes the client's process id from the pipe, never
// from here; whoever opens the pipe asks for FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES | READ_CONTROL |
// SYNCHRONIZE and not for GENERIC_WRITE, which holds the right to make further instances. The provider believes only
// the process that control.bin names, whose pipe belongs to administrators.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ring_format.hpp"

namespace winsock_spi::core {

inline constexpr std::uint32_t request_magic = 0x51495357; // "WSIQ" in file order
inline constexpr std::uint32_t answer_magic = 0x41495357;  // "WSIA"
inline constexpr std::uint16_t controller_abi = 1;

// Values are part of the ABI: never renumber, only append.
enum class RequestKind : std::uint16_t {
    ask = 1,       // the rule says ask: the call is held until the answer, or `timeout`
    ticket = 2,    // the rule says relay: the answer is `redirect` to the relay's address for this call, or deny
    withdrawn = 3, // the call of that id is over (closed, timed out): no answer is wanted any more
};

struct ControllerRequest {
    std::uint32_t magic;
    std::uint16_t abi;
    std::uint16_t kind;       // RequestKind
    std::uint64_t id;         // of the call, unique in this process
    std::uint32_t generation; // of the policy that decided
    std::uint32_t rule;       // counted from 1; 0 = the policy's default
    std::uint32_t timeout;    // milliseconds from now
    std::uint16_t call;       // core::Call (ring_format.hpp)
    std::uint8_t protocol;    // 6, 17
    std::uint8_t reserved;
    std::uint64_t socket;
    RecordAddress local;      // the program's end; bound before it is sent, so its port is this socket's for sure
    RecordAddress remote;     // where the program wants to go (or who wants to come in)
};
static_assert(sizeof(ControllerRequest) == 88);

struct ControllerAnswer {
    std::uint32_t magic;
    std::uint16_t abi;
    std::uint16_t size; // sizeof(ControllerAnswer)
    std::uint64_t id;
    std::uint32_t action; // VerdictKind: allow, deny, or redirect to `target` (the program sees its own `remote`)
    std::int32_t error;   // deny: Winsock error
    RecordAddress target;
};
static_assert(sizeof(ControllerAnswer) == 48);

} // namespace winsock_spi::core
