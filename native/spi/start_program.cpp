#include "start_program.hpp"

#include "inherited_handles.hpp"
#include "security.hpp"
#include "text.hpp"

#include <vector>

namespace winsock_spi::spi {
namespace {

// A copy that a child can inherit; empty where this process has no such stream.
Status inheritable_copy(DWORD stream, UniqueHandle& copy) {
    const HANDLE own = GetStdHandle(stream);
    if (own == nullptr || own == INVALID_HANDLE_VALUE) {
        return {};
    }
    const HANDLE process = GetCurrentProcess();
    if (!DuplicateHandle(process, own, process, copy.put(), 0, TRUE, DUPLICATE_SAME_ACCESS)) {
        return last_error("DuplicateHandle", "hand on a standard stream");
    }
    return {};
}

// Whoever is in a named job may find out that it is (JOB_OBJECT_QUERY), AppContainers and low integrity too (the
// label); only administrators may put processes into it or end it.
constexpr wchar_t job_sddl[] =
    L"D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x4;;;WD)(A;;0x4;;;AC)(A;;0x4;;;S-1-15-2-2)S:(ML;;NW;;;LW)";

// A job that ends its processes when its last handle is closed. Without a name it is for the process alone: what that
// starts is in none of our jobs.
Status make_job(const std::wstring& name, UniqueHandle& job) {
    if (name.empty()) {
        job.reset(CreateJobObjectW(nullptr, nullptr));
    } else {
        SecurityAttributes security(job_sddl);
        if (security.get() == nullptr) {
            return last_error("ConvertStringSecurityDescriptorToSecurityDescriptorW");
        }
        job.reset(CreateJobObjectW(security.get(), name.c_str()));
        if (job && GetLastError() == ERROR_ALREADY_EXISTS) {
            job.reset();
            return system_error(ERROR_ALREADY_EXISTS, "CreateJobObject", narrow(name));
        }
    }
    if (!job) {
        return last_error("CreateJobObject", narrow(name));
    }
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    limits.BasicLimitInformation.LimitFlags =
        JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | (name.empty() ? DWORD{JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK} : 0);
    if (!SetInformationJobObject(job.get(), JobObjectExtendedLimitInformation, &limits, sizeof limits)) {
        return last_error("SetInformationJobObject", "end the program with this process");
    }
    return {};
}

Status resume_in(const UniqueHandle& job, const UniqueHandle& process, HANDLE thread) {
    Status status;
    if (job && !AssignProcessToJobObject(job.get(), process.get())) {
        status = last_error("AssignProcessToJobObject", "end the program with this process");
    } else if (ResumeThread(thread) == static_cast<DWORD>(-1)) {
        status = last_error("ResumeThread");
    }
    if (!status.ok()) {
        TerminateProcess(process.get(), 1);
    }
    return status;
}

} // namespace

Status start_program(const std::wstring& program, std::wstring command_line, const std::wstring& folder,
                     const StartOptions& options, StartedProgram& started) {
    const DWORD output = options.own_output ? STD_OUTPUT_HANDLE : STD_ERROR_HANDLE;
    const DWORD streams[] = {STD_INPUT_HANDLE, output, STD_ERROR_HANDLE};
    UniqueHandle copies[3];
    std::vector<HANDLE> list;
    for (std::size_t index = 0; index < 3; ++index) {
        if (Status status = inheritable_copy(streams[index], copies[index]); !status.ok()) {
            return status;
        }
        if (copies[index]) {
            list.push_back(copies[index].get());
        }
    }
    STARTUPINFOEXW startup{};
    startup.StartupInfo.cb = sizeof(startup);
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdInput = copies[0].get();
    startup.StartupInfo.hStdOutput = copies[1].get();
    startup.StartupInfo.hStdError = copies[2].get();
    InheritedHandles inherited;
    if (!list.empty()) {
        if (Status status = inherited.open(list.data(), list.size()); !status.ok()) {
            return status;
        }
        startup.lpAttributeList = inherited.get();
    }
    UniqueHandle job;
    if (options.end_with_us || !options.job.empty()) {
        if (Status status = make_job(options.job, job); !status.ok()) {
            return status;
        }
    }
    PROCESS_INFORMATION information{};
    if (!CreateProcessW(program.c_str(), command_line.data(), nullptr, nullptr, list.empty() ? FALSE : TRUE,
                        EXTENDED_STARTUPINFO_PRESENT | CREATE_SUSPENDED, nullptr, folder.c_str(), &startup.StartupInfo,
                        &information)) {
        return last_error("CreateProcessW", narrow(program));
    }
    const UniqueHandle thread(information.hThread);
    UniqueHandle process(information.hProcess);
    if (Status status = resume_in(job, process, thread.get()); !status.ok()) {
        return status;
    }
    started.process = std::move(process);
    started.job = std::move(job);
    started.whole_tree = !options.job.empty();
    started.pid = information.dwProcessId;
    return {};
}

Status wait_for_program(const StartedProgram& started, std::uint32_t& exit_code) {
    if (WaitForSingleObject(started.process.get(), INFINITE) != WAIT_OBJECT_0) {
        return last_error("WaitForSingleObject", "wait for the program's end");
    }
    DWORD code = 0;
    if (!GetExitCodeProcess(started.process.get(), &code)) {
        return last_error("GetExitCodeProcess");
    }
    exit_code = code;
    if (started.whole_tree) {
        TerminateJobObject(started.job.get(), 1);
    }
    return {};
}

} // namespace winsock_spi::spi
