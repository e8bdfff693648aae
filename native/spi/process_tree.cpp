#include "process_tree.hpp"

#include "win32.hpp"

#include <algorithm>

namespace winsock_spi::spi {

namespace {

std::uint64_t joined_number(const FILETIME& time) {
    return static_cast<std::uint64_t>(time.dwHighDateTime) << 32 | time.dwLowDateTime;
}

std::wstring program_of(std::uint32_t pid) {
    const UniqueHandle process(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
    std::wstring path(1024, L'\0');
    auto length = static_cast<DWORD>(path.size());
    if (!process || !QueryFullProcessImageNameW(process.get(), 0, path.data(), &length)) {
        return {};
    }
    path.resize(length);
    return path;
}

} // namespace

std::uint64_t process_start(HANDLE process) {
    FILETIME created{};
    FILETIME exited{};
    FILETIME kernel{};
    FILETIME user{};
    return GetProcessTimes(process, &created, &exited, &kernel, &user) ? joined_number(created) : 0;
}

Status ProcessTree::join() {
    UniqueHandle job(CreateJobObjectW(nullptr, nullptr));
    if (!job) {
        return last_error("CreateJobObject");
    }
    UniqueHandle port(CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1));
    if (!port) {
        return last_error("CreateIoCompletionPort");
    }
    JOBOBJECT_ASSOCIATE_COMPLETION_PORT association{};
    association.CompletionPort = port.get();
    if (!SetInformationJobObject(job.get(), JobObjectAssociateCompletionPortInformation, &association, sizeof association)) {
        return last_error("SetInformationJobObject", "follow the job's processes");
    }
    FILETIME now{};
    GetSystemTimeAsFileTime(&now);
    if (!AssignProcessToJobObject(job.get(), GetCurrentProcess())) {
        return last_error("AssignProcessToJobObject", "put this process into a job of its own");
    }
    job_ = std::move(job);
    port_ = std::move(port);
    joined_ = joined_number(now);
    return {};
}

// The port tells of each new process, but not reliably and not at once: what lives is asked directly (IsProcessInJob),
// these notices are for what has ended.
void ProcessTree::take_notices() {
    DWORD message = 0;
    ULONG_PTR key = 0;
    OVERLAPPED* value = nullptr;
    while (port_ && GetQueuedCompletionStatus(port_.get(), &message, &key, &value, 0)) {
        if (message != JOB_OBJECT_MSG_NEW_PROCESS) {
            continue;
        }
        const auto pid = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(value));
        const UniqueHandle process(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
        BOOL in_job = FALSE;
        const bool still_it = process && IsProcessInJob(process.get(), job_.get(), &in_job) && in_job;
        announced_.emplace(pid, still_it ? process_start(process.get()) : 0);
    }
}

bool ProcessTree::contains(std::uint32_t pid, std::uint64_t start) {
    if (!job_ || pid == GetCurrentProcessId()) {
        return false;
    }
    take_notices();
    const UniqueHandle process(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
    if (process && process_start(process.get()) == start) {
        BOOL in_job = FALSE;
        return IsProcessInJob(process.get(), job_.get(), &in_job) && in_job;
    }
    const auto [first, last] = announced_.equal_range(pid);
    return std::any_of(first, last, [&](const auto& entry) {
        return entry.second == start || (entry.second == 0 && start >= joined_);
    });
}

Status ProcessTree::members(std::vector<Member>& out) const {
    out.clear();
    if (!job_) {
        return {};
    }
    std::vector<std::uint8_t> buffer(sizeof(JOBOBJECT_BASIC_PROCESS_ID_LIST) + 256 * sizeof(ULONG_PTR));
    while (!QueryInformationJobObject(job_.get(), JobObjectBasicProcessIdList, buffer.data(),
                                      static_cast<DWORD>(buffer.size()), nullptr)) {
        if (GetLastError() != ERROR_MORE_DATA || buffer.size() > (1u << 24)) {
            return last_error("QueryInformationJobObject", "list the job's processes");
        }
        buffer.resize(buffer.size() * 2);
    }
    const auto* list = reinterpret_cast<const JOBOBJECT_BASIC_PROCESS_ID_LIST*>(buffer.data());
    for (DWORD index = 0; index < list->NumberOfProcessIdsInList; ++index) {
        const auto pid = static_cast<std::uint32_t>(list->ProcessIdList[index]);
        if (pid != GetCurrentProcessId()) {
            out.push_back({pid, program_of(pid)});
        }
    }
    return {};
}

} // namespace winsock_spi::spi
