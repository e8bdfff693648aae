#include "process_tree.hpp"

#include "win32.hpp"

#include <algorithm>
#include <limits>

namespace winsock_spi::spi {

namespace {

// A notice may be taken a moment after what it tells of, in units of FILETIME: one second is generous.
constexpr std::uint64_t slack = 10'000'000;
constexpr std::uint64_t still_open = std::numeric_limits<std::uint64_t>::max();

std::uint64_t joined_number(const FILETIME& time) {
    return static_cast<std::uint64_t>(time.dwHighDateTime) << 32 | time.dwLowDateTime;
}

} // namespace

std::uint64_t process_start(HANDLE process) {
    FILETIME created{};
    FILETIME exited{};
    FILETIME kernel{};
    FILETIME user{};
    return GetProcessTimes(process, &created, &exited, &kernel, &user) ? joined_number(created) : 0;
}

std::wstring program_of(HANDLE process) {
    std::wstring path(1024, L'\0');
    auto length = static_cast<DWORD>(path.size());
    if (!QueryFullProcessImageNameW(process, 0, path.data(), &length)) {
        return {};
    }
    path.resize(length);
    return path;
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
    if (!SetInformationJobObject(job.get(), JobObjectAssociateCompletionPortInformation, &association,
                                 sizeof association)) {
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
    taken_ = joined_ + slack;
    return {};
}

// The port tells of each new process, but not at once: what lives is looked up in the job itself, these notices are for
// what has ended. When a process began is not asked at its notice (one that is still being made gives no true answer):
// it was after the notices were taken the last time, and before that of its end.
void ProcessTree::take_notices() {
    FILETIME time{};
    GetSystemTimePreciseAsFileTime(&time);
    const std::uint64_t now = joined_number(time);
    DWORD message = 0;
    ULONG_PTR key = 0;
    OVERLAPPED* value = nullptr;
    while (port_ && GetQueuedCompletionStatus(port_.get(), &message, &key, &value, 0)) {
        const auto pid = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(value));
        if (message == JOB_OBJECT_MSG_NEW_PROCESS) {
            announced_.emplace(pid, Announced{std::max(joined_, taken_ - slack), still_open});
        } else if (message == JOB_OBJECT_MSG_EXIT_PROCESS || message == JOB_OBJECT_MSG_ABNORMAL_EXIT_PROCESS) {
            const auto [first, last] = announced_.equal_range(pid);
            for (auto entry = first; entry != last; ++entry) {
                entry->second.until = std::min(entry->second.until, now + slack);
            }
        }
    }
    taken_ = now;
}

bool ProcessTree::contains(std::uint32_t pid, std::uint64_t start) {
    if (!job_ || pid == GetCurrentProcessId() || start == 0) {
        return false;
    }
    take_notices();
    if (start_of_member(pid) == start) {
        return true;
    }
    const auto [first, last] = announced_.equal_range(pid);
    return std::any_of(
        first, last, [start](const auto& entry) { return start >= entry.second.from && start <= entry.second.until; });
}

Status ProcessTree::list(std::vector<std::uint32_t>& pids) const {
    pids.clear();
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
    const auto* found = reinterpret_cast<const JOBOBJECT_BASIC_PROCESS_ID_LIST*>(buffer.data());
    for (DWORD index = 0; index < found->NumberOfProcessIdsInList; ++index) {
        const auto pid = static_cast<std::uint32_t>(found->ProcessIdList[index]);
        if (pid != GetCurrentProcessId()) {
            pids.push_back(pid);
        }
    }
    return {};
}

// IsProcessInJob would be the direct question, but a handle that may only be asked for little does not do for it
// everywhere. An open handle keeps the pid from being used again between the two steps.
std::uint64_t ProcessTree::start_of_member(std::uint32_t pid) const {
    const UniqueHandle process(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
    std::vector<std::uint32_t> pids;
    const bool member = process && list(pids).ok() && std::find(pids.begin(), pids.end(), pid) != pids.end();
    return member ? process_start(process.get()) : 0;
}

Status ProcessTree::members(std::vector<Member>& out) const {
    out.clear();
    std::vector<std::uint32_t> pids;
    const Status status = list(pids);
    for (const std::uint32_t pid : pids) {
        const UniqueHandle process(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
        out.push_back({pid, process ? program_of(process.get()) : std::wstring()});
    }
    return status;
}

} // namespace winsock_spi::spi
