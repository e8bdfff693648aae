#include "target.hpp"

#include "../machine.hpp"
#include "../process_bits.hpp"
#include "../process_tree.hpp"
#include "../winsock.hpp"

#include <mutex>
#include <string>

namespace winsock_spi::spi {
namespace {

// Hand-overs come in rows for the same process; its id and creation time together never come again.
int known_bits(const TargetProcess& target) {
    static std::mutex lock;
    static std::uint32_t pid = 0;
    static std::uint64_t start = 0;
    static int bits = 0;
    const std::lock_guard guard(lock);
    if (start == 0 || pid != target.pid || start != target.start) {
        const int told = process_bits(target.handle.get());
        bits = told != 0 ? told : own_bits;
        pid = target.pid;
        start = target.start;
    }
    return bits;
}

Status no_process(std::uint32_t pid) {
    return own_error("ERR_NO_PROCESS", "There is no running process with the id " + std::to_string(pid) + ".");
}

Status no_rights(std::uint32_t pid, const Status& cause) {
    return own_error(
        "ERR_PROCESS_RIGHTS",
        "This process may not put a handle into process " + std::to_string(pid) + ": " + cause.message +
            ". It would need the right PROCESS_DUP_HANDLE there, which Windows gives for processes of the "
            "same user that are not more privileged. The more privileged side must be the one that sends.");
}

} // namespace

Status open_target(std::uint32_t pid, TargetProcess& target) {
    // OpenProcess rounds an id down to a multiple of four; 0 is the idle process, which is none.
    if (pid == 0 || pid % 4 != 0) {
        return no_process(pid);
    }
    constexpr DWORD rights = PROCESS_DUP_HANDLE | PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE;
    target.handle.reset(OpenProcess(rights, FALSE, pid));
    if (!target.handle) {
        const Status cause = last_error("OpenProcess", "PROCESS_DUP_HANDLE, process " + std::to_string(pid));
        return cause.number == ERROR_INVALID_PARAMETER ? no_process(pid)
               : cause.number == ERROR_ACCESS_DENIED   ? no_rights(pid, cause)
                                                       : cause;
    }
    target.pid = pid;
    target.start = process_start(target.handle.get());
    target.bits = known_bits(target);
    return {};
}

Status check_running(const TargetProcess& target) {
    return WaitForSingleObject(target.handle.get(), 0) == WAIT_OBJECT_0 ? no_process(target.pid) : Status{};
}

} // namespace winsock_spi::spi
