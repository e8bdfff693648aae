// The control file: how administrators steer every process that has the provider loaded.
//
//   %ProgramData%\winsock-spi\control.bin   made at install; mapped read-only by every process;
//                                           written by administrators and SYSTEM only (DACL), by single aligned stores
//   %ProgramData%\winsock-spi\watch.bin     same layout; every authenticated user may write. Only `watchers`
//                                           is read from it, so the worst a hostile user can do is make processes
//                                           record calls that only their own user and administrators can read.
//
// A file that processes map cannot be replaced or truncated on Windows; it is changed in place and never grows.
// Providers of several versions may have the same file mapped at once, for weeks, hence the rules for every version:
//   - The 4096 bytes and the first 24 of them, as below, are the same in every ABI. Only bytes behind them get a
//     meaning, and then the ABI number is raised (from the first published version on). Whoever cannot keep to that
//     takes another magic.
//   - install, upgrade and downgrade set `abi` and `size` in place, by one aligned store of both.
//   - A provider looks at `abi` once, when it maps the file. It works with its own ABI and the previous one; with any
//     other it passes calls through, and says so to a watcher.
//   - Watchers only need the first 24 bytes and work with every ABI.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace winsock_spi::core {

inline constexpr std::uint32_t control_magic = 0x43495357; // "WSIC" in file order
// Defined from outside only where tests build the provider as its neighbouring versions would be.
#ifndef WINSOCK_SPI_CONTROL_ABI
#define WINSOCK_SPI_CONTROL_ABI 1
#endif
inline constexpr std::uint16_t control_abi = WINSOCK_SPI_CONTROL_ABI;

struct ControlFile {
    std::uint32_t magic;
    std::uint16_t abi;
    std::uint16_t size; // sizeof(ControlFile)
    std::atomic<std::uint32_t> policy_generation; // 0 = no policy
    std::atomic<std::uint32_t> previous_policy_generation;
    std::atomic<std::uint32_t> fail_closed; // not 0: what cannot be decided is denied
    std::atomic<std::uint32_t> watchers;    // not 0: record calls
    // The controller: the process that answers asks and relays streams. Written by it (an administrator's process),
    // `controller_start` before `controller_pid`, and taken back the other way round. Its own calls are exempt from the
    // policy. A controller that crashed leaves its number here: whoever cannot reach it takes the rule's `otherwise`.
    std::atomic<std::uint32_t> controller_pid; // 0 = none
    std::uint32_t unused;
    std::atomic<std::uint64_t> controller_start; // FILETIME of that process's start
    std::uint8_t reserved[4096 - 40];
};
static_assert(sizeof(ControlFile) == 4096);
static_assert(offsetof(ControlFile, abi) == 4 && offsetof(ControlFile, size) == 6);
static_assert(offsetof(ControlFile, watchers) == 20);
static_assert(offsetof(ControlFile, controller_pid) == 24 && offsetof(ControlFile, controller_start) == 32);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

// Whether these are the first bytes of a control file, of whatever ABI.
constexpr bool is_control_header(std::uint32_t magic, std::uint16_t size) {
    return magic == control_magic && size == sizeof(ControlFile);
}
// Whether a provider of this version works with a control file of that ABI.
constexpr bool is_known_control_abi(std::uint16_t abi) {
    return abi == control_abi || abi + 1 == control_abi;
}

} // namespace winsock_spi::core
