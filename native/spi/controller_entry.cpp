#include "controller_entry.hpp"

#include <sddl.h>

#include <iterator>
#include <utility>

#include "catalog_lock.hpp"
#include "machine.hpp"
#include "policy_store.hpp"
#include "process_tree.hpp"
#include "text.hpp"

namespace winsock_spi::spi {
namespace {

// Whether that process lives, as far as this user may ask. One that may not be opened does.
bool is_running(std::uint32_t pid, std::uint64_t start) {
    const UniqueHandle process(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, FALSE, pid));
    if (!process) {
        return GetLastError() != ERROR_INVALID_PARAMETER;
    }
    return process_start(process.get()) == start && WaitForSingleObject(process.get(), 0) == WAIT_TIMEOUT;
}

} // namespace

Status ControllerEntry::enter(std::uint32_t& running) {
    running = 0;
    CatalogLock lock;
    if (Status status = lock.acquire(); !status.ok()) {
        return status;
    }
    std::wstring folder;
    if (Status status = data_folder(folder); !status.ok()) {
        return status;
    }
    MappedControl mapped;
    if (Status status = open_policy_control(folder, true, mapped); !status.ok()) {
        return status;
    }
    core::ControlFile& control = mapped.control();
    const std::uint32_t pid = control.controller_pid.load(std::memory_order_acquire);
    const std::uint64_t start = control.controller_start.load(std::memory_order_relaxed);
    if (pid != 0 && is_running(pid, start)) {
        running = pid;
        return own_error("ERR_CONTROLLER_RUNNING",
                         "process " + std::to_string(pid) +
                             " is this machine's controller already, and there can be one: end it first");
    }
    // Whoever reads the number of a controller that crashed together with this start believes neither.
    control.controller_pid.store(0, std::memory_order_release);
    control.controller_start.store(process_start(GetCurrentProcess()), std::memory_order_release);
    control.controller_pid.store(GetCurrentProcessId(), std::memory_order_release);
    control_ = std::move(mapped);
    return {};
}

void ControllerEntry::leave() {
    if (!control_.is_open()) {
        return;
    }
    core::ControlFile& control = control_.control();
    std::uint32_t own = GetCurrentProcessId();
    if (control.controller_pid.compare_exchange_strong(own, 0, std::memory_order_acq_rel)) {
        control.controller_start.store(0, std::memory_order_release);
    }
    control_ = MappedControl();
}

Status find_user(const std::wstring& name, std::wstring& sid) {
    BYTE buffer[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof(buffer);
    wchar_t domain[256];
    DWORD length = static_cast<DWORD>(std::size(domain));
    SID_NAME_USE use{};
    if (!LookupAccountNameW(nullptr, name.c_str(), buffer, &size, domain, &length, &use)) {
        if (GetLastError() == ERROR_NONE_MAPPED) {
            return own_error("ERR_NO_USER", "There is no user or group \"" + narrow(name) + "\" on this machine.");
        }
        return last_error("LookupAccountNameW", narrow(name));
    }
    wchar_t* text = nullptr;
    if (!ConvertSidToStringSidW(buffer, &text)) {
        return last_error("ConvertSidToStringSidW", narrow(name));
    }
    const UniqueLocal owner(text);
    sid = text;
    return {};
}

} // namespace winsock_spi::spi
