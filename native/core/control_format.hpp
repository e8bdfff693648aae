// The control file: how administrators steer every process that has the provider loaded.
//
//   %ProgramData%\winsock-spi\control.bin   made at install; mapped read-only by every process;
//                                           written by administrators and SYSTEM only (DACL), by single aligned stores
//   %ProgramData%\winsock-spi\watch.bin     same layout; every authenticated user may write. Only `watchers` is read from
//                                           it, so the worst a hostile user can do is make processes record calls that
//                                           only their own user and administrators can read.
//
// A file that processes map cannot be replaced or truncated on Windows; it is changed in place and never grows.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace winsock_spi::core {

inline constexpr std::uint32_t control_magic = 0x43495357; // "WSIC" in file order
inline constexpr std::uint16_t control_abi = 1;

struct ControlFile {
    std::uint32_t magic;
    std::uint16_t abi;
    std::uint16_t size; // sizeof(ControlFile) of the writer
    std::atomic<std::uint32_t> policy_generation; // 0 = no policy
    std::atomic<std::uint32_t> previous_policy_generation;
    std::atomic<std::uint32_t> fail_closed; // not 0: what cannot be decided is denied
    std::atomic<std::uint32_t> watchers;    // not 0: record calls
    std::uint8_t reserved[4096 - 24];
};
static_assert(sizeof(ControlFile) == 4096);
static_assert(offsetof(ControlFile, watchers) == 20);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

} // namespace winsock_spi::core
