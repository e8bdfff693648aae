#include "process.hpp"

#include "inherited_handles.hpp"
#include "machine.hpp"
#include "text.hpp"
#include "unique.hpp"

#include <algorithm>

namespace winsock_spi::spi {
namespace {

constexpr DWORD pipe_size = 65536;

// Takes what stands in the pipe, without waiting for more. It ends though the other side writes on and on.
void read_what_is_there(HANDLE pipe, std::size_t most, std::string& output) {
    DWORD available = 0;
    for (int turn = 0; turn < 64 && PeekNamedPipe(pipe, nullptr, 0, nullptr, &available, nullptr) && available > 0;
         ++turn) {
        char buffer[4096];
        DWORD count = 0;
        if (!ReadFile(pipe, buffer, std::min<DWORD>(available, sizeof(buffer)), &count, nullptr) || count == 0) {
            return;
        }
        output.append(buffer, std::min<std::size_t>(count, most - output.size()));
    }
}

// Whether it ended in time. Its output is taken meanwhile. Reading to the pipe's end instead could wait for ever: any
// process that another thread starts just now inherits the writing end.
bool wait_reading(HANDLE process, HANDLE pipe, std::uint32_t milliseconds, std::size_t most, std::string& output) {
    constexpr DWORD turn = 20;
    const ULONGLONG begin = GetTickCount64();
    for (;;) {
        const ULONGLONG passed = GetTickCount64() - begin;
        const ULONGLONG left = passed < milliseconds ? milliseconds - passed : 0;
        const DWORD outcome = WaitForSingleObject(process, static_cast<DWORD>(std::min<ULONGLONG>(left, turn)));
        read_what_is_there(pipe, most, output);
        if (outcome != WAIT_TIMEOUT || left == 0) {
            return outcome == WAIT_OBJECT_0;
        }
    }
}

} // namespace

std::wstring quote_argument(const std::wstring& argument) {
    std::wstring out = L"\"";
    std::size_t backslashes = 0;
    for (const wchar_t c : argument) {
        if (c == L'\\') {
            ++backslashes;
            continue;
        }
        // Backslashes count only before a quotation mark, and there each stands for half of one.
        out.append(c == L'"' ? 2 * backslashes + 1 : backslashes, L'\\');
        backslashes = 0;
        out += c;
    }
    out.append(2 * backslashes, L'\\');
    return out + L'"';
}

Status run_program(const std::wstring& program, const std::vector<std::wstring>& arguments, std::uint32_t milliseconds,
                   ProgramResult& result, std::size_t most_output, Confinement confinement) {
    SECURITY_ATTRIBUTES inheritable{sizeof(inheritable), nullptr, TRUE};
    UniqueHandle reader;
    UniqueHandle writer;
    if (!CreatePipe(reader.put(), writer.put(), &inheritable, pipe_size)) {
        return last_error("CreatePipe");
    }
    ConfinedStart confined;
    if (Status status = confined.prepare(confinement); !status.ok()) {
        return status;
    }
    HANDLE inherited[] = {writer.get()};
    InheritedHandles handles;
    if (Status status = handles.open(inherited, 1, confined.attributes()); !status.ok()) {
        return status;
    }
    const UniqueHandle job(CreateJobObjectW(nullptr, nullptr));
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    if (!job || !SetInformationJobObject(job.get(), JobObjectExtendedLimitInformation, &limits, sizeof(limits))) {
        return last_error("CreateJobObjectW");
    }
    std::wstring command = quote_argument(program);
    for (const std::wstring& argument : arguments) {
        command += L" " + quote_argument(argument);
    }
    STARTUPINFOEXW startup{};
    startup.StartupInfo.cb = sizeof(startup);
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdOutput = writer.get();
    startup.StartupInfo.hStdError = writer.get();
    startup.lpAttributeList = handles.get();
    wchar_t folder[MAX_PATH]; // the caller's folder may be anyone's, and would be kept in use
    if (GetSystemDirectoryW(folder, MAX_PATH) == 0) {
        return last_error("GetSystemDirectoryW");
    }
    PROCESS_INFORMATION process{};
    constexpr DWORD flags = CREATE_SUSPENDED | CREATE_NO_WINDOW | EXTENDED_STARTUPINFO_PRESENT;
    const BOOL started = confined.token() == nullptr
                             ? CreateProcessW(program.c_str(), command.data(), nullptr, nullptr, TRUE, flags, nullptr,
                                              folder, &startup.StartupInfo, &process)
                             : CreateProcessAsUserW(confined.token(), program.c_str(), command.data(), nullptr, nullptr,
                                                    TRUE, flags, nullptr, folder, &startup.StartupInfo, &process);
    if (!started) {
        return last_error("CreateProcessW", narrow(program));
    }
    const UniqueHandle child(process.hProcess);
    const UniqueHandle thread(process.hThread);
    if (!AssignProcessToJobObject(job.get(), child.get()) || ResumeThread(thread.get()) == static_cast<DWORD>(-1)) {
        Status status = last_error("AssignProcessToJobObject", narrow(program));
        TerminateProcess(child.get(), 1);
        return status;
    }
    writer.reset();
    std::string output;
    result.timed_out = !wait_reading(child.get(), reader.get(), milliseconds, most_output, output);
    if (result.timed_out) {
        TerminateJobObject(job.get(), 1);
        WaitForSingleObject(child.get(), 5000);
    }
    while (!output.empty() && (output.back() == '\n' || output.back() == '\r')) {
        output.pop_back();
    }
    result.output = std::move(output);
    DWORD code = 0;
    if (!GetExitCodeProcess(child.get(), &code)) {
        return last_error("GetExitCodeProcess", narrow(program));
    }
    result.exit_code = code;
    return {};
}

} // namespace winsock_spi::spi
