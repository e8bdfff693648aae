#include "target.hpp"

#include "../machine.hpp"
#include "../process_tree.hpp"
#include "../winsock.hpp"

#include <mutex>
#include <string>

namespace winsock_spi::spi {
namespace {

// 32 or 64; own_bits where nobody can tell.
int bits_of(HANDLE process) {
    using IsWow64Process2Function = BOOL(WINAPI*)(HANDLE, USHORT*, USHORT*);
    static const auto is_wow64_2 = reinterpret_cast<IsWow64Process2Function>(reinterpret_cast<void*>(
        GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "IsWow64Process2"))); // Windows 10 1511
    USHORT process_machine = IMAGE_FILE_MACHINE_UNKNOWN;
    USHORT native_machine = IMAGE_FILE_MACHINE_UNKNOWN;
    if (is_wow64_2 != nullptr && is_wow64_2(process, &process_machine, &native_machine)) {
        const bool native = process_machine == IMAGE_FILE_MACHINE_UNKNOWN;
        return native && native_machine != IMAGE_FILE_MACHINE_I386 ? 64 : 32;
    }
    BOOL target_wow64 = FALSE;
    BOOL own_wow64 = FALSE;
    if (!IsWow64Process(process, &target_wow64) || !IsWow64Process(GetCurrentProcess(), &own_wow64)) {
        return own_bits;
    }
    const bool windows_64 = own_bits == 64 || own_wow64;
    return windows_64 && !target_wow64 ? 64 : 32;
}

// Hand-overs come in rows for the same process; its id and creation time together never come again.
int known_bits(const TargetProcess& target) {
    static std::mutex lock;
    static std::uint32_t pid = 0;
    static std::uint64_t start = 0;
    static int bits = 0;
    const std::lock_guard guard(lock);
    if (start == 0 || pid != target.pid || start != target.start) {
        bits = bits_of(target.handle.get());
        pid = target.pid;
        start = target.start;
    }
    return bits;
}

Status no_process(std::uint32_t pid) {
    return own_error("ERR_NO_PROCESS", "There is no running process with the id " + std::to_string(pid) + ".");
}

Status no_rights(std::uint32_t pid, const Status& cause) {
    return own_error("ERR_PROCESS_RIGHTS",
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
