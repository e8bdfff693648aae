// winsock_relay PROGRAM ARGS...: runs a Windows program on Windows pipes and copies them from and to the standard
// streams that Wine gives to us. A Windows program that asks what its standard streams are (Node does) cannot use a
// Unix pipe; it can use these.
//
// The program's exit code becomes ours. A Unix exit code has eight bits: larger ones (NTSTATUS of a crash) are printed
// and become 255. If the relay ends early (Ctrl-C, SIGTERM, SIGKILL), the program and its descendants end with it.
#include "command_line.hpp"
#include "handle.hpp"
#include "stream.hpp"

#include <array>
#include <cstdio>
#include <string>
#include <thread>

namespace winsock_spi::wine {
namespace {

constexpr UINT exit_cannot_start = 126;
constexpr UINT exit_not_found = 127;
constexpr UINT exit_large = 255;
constexpr DWORD patience_after_interrupt_ms = 3000;

// Set once a Ctrl-C has come: the main thread then limits how long the program may take to end.
HANDLE interrupted = nullptr;

BOOL WINAPI on_control(DWORD event) {
    // The program gets the Ctrl-C itself, as in any console. TRUE = we do not end because of it.
    if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT) {
        return FALSE;
    }
    SetEvent(interrupted);
    return TRUE;
}

UINT cannot_start(const wchar_t* command_line, DWORD error) {
    std::array<wchar_t, 512> text{};
    const DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, error, 0,
                                        text.data(), static_cast<DWORD>(text.size()), nullptr);
    for (DWORD at = length; at > 0 && text[at - 1] < L' '; --at) {
        text[at - 1] = 0;
    }
    std::fprintf(stderr, "winsock_relay: cannot start %ls: %ls (Windows error %lu)\n", command_line, text.data(),
                 error);
    return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND ? exit_not_found : exit_cannot_start;
}

// A job whose processes end when its last handle is closed, which happens however we end.
Handle make_job() {
    Handle job(CreateJobObjectW(nullptr, nullptr));
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_BREAKAWAY_OK;
    if (!job ||
        SetInformationJobObject(job.get(), JobObjectExtendedLimitInformation, &limits, sizeof limits) == FALSE) {
        return Handle();
    }
    return job;
}

// What the program left running on purpose stays, as it would without us.
void release(const Handle& job) {
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    SetInformationJobObject(job.get(), JobObjectExtendedLimitInformation, &limits, sizeof limits);
}

struct Streams {
    Stream in;
    Stream out;
    Stream err;
};

DWORD start(std::wstring command_line, const Streams& streams, const Handle& job, Handle& process) {
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
    std::string memory(size, '\0');
    auto* attributes = reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory.data());
    // Only these three: the Unix streams must end when we end, not when the last descendant does.
    std::array<HANDLE, 3> inherited{streams.in.program.get(), streams.out.program.get(), streams.err.program.get()};
    if (InitializeProcThreadAttributeList(attributes, 1, 0, &size) == FALSE) {
        return GetLastError();
    }
    STARTUPINFOEXW startup{};
    startup.StartupInfo.cb = sizeof startup;
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdInput = inherited[0];
    startup.StartupInfo.hStdOutput = inherited[1];
    startup.StartupInfo.hStdError = inherited[2];
    startup.lpAttributeList = attributes;
    PROCESS_INFORMATION information{};
    DWORD error = 0;
    if (UpdateProcThreadAttribute(attributes, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, inherited.data(), sizeof inherited,
                                  nullptr, nullptr) == FALSE ||
        CreateProcessW(nullptr, command_line.data(), nullptr, nullptr, TRUE,
                       CREATE_SUSPENDED | EXTENDED_STARTUPINFO_PRESENT, nullptr, nullptr, &startup.StartupInfo,
                       &information) == FALSE) {
        error = GetLastError();
    }
    DeleteProcThreadAttributeList(attributes);
    if (error != 0) {
        return error;
    }
    process = Handle(information.hProcess);
    const Handle thread(information.hThread);
    if (AssignProcessToJobObject(job.get(), process.get()) == FALSE || ResumeThread(thread.get()) == MAXDWORD) {
        error = GetLastError();
        TerminateProcess(process.get(), exit_cannot_start);
    }
    return error;
}

// Waits for the program, or ends it and all its descendants when it takes too long after a Ctrl-C.
void wait_for(const Handle& process, const Handle& job) {
    const std::array<HANDLE, 2> either{process.get(), interrupted};
    if (WaitForMultipleObjects(2, either.data(), FALSE, INFINITE) != WAIT_OBJECT_0 &&
        WaitForSingleObject(process.get(), patience_after_interrupt_ms) != WAIT_OBJECT_0) {
        TerminateJobObject(job.get(), static_cast<UINT>(STATUS_CONTROL_C_EXIT));
        WaitForSingleObject(process.get(), INFINITE);
    }
}

UINT run() {
    const wchar_t* command_line = after_first_word(GetCommandLineW());
    if (*command_line == 0) {
        std::fputs("usage: winsock_relay PROGRAM ARGS...\n", stderr);
        return exit_cannot_start;
    }
    const Handle event(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    interrupted = event.get();
    SetConsoleCtrlHandler(on_control, TRUE);

    const Handle job = make_job();
    Streams streams;
    Handle process;
    DWORD error = job ? 0 : GetLastError();
    if (error == 0) {
        error = make_stream(Direction::to_program, streams.in);
    }
    if (error == 0) {
        error = make_stream(Direction::from_program, streams.out);
    }
    if (error == 0) {
        error = make_stream(Direction::from_program, streams.err);
    }
    if (error == 0) {
        error = start(command_line, streams, job, process);
    }
    if (error != 0) {
        return cannot_start(command_line, error);
    }
    streams.in.program.close();
    streams.out.program.close();
    streams.err.program.close();

    std::thread([in = std::move(streams.in.ours)] {
        copy(GetStdHandle(STD_INPUT_HANDLE), in.get());
    }).detach(); // the program may end without reading its input to the end
    std::thread out([ours = std::move(streams.out.ours)] { copy(ours.get(), GetStdHandle(STD_OUTPUT_HANDLE)); });
    std::thread err([ours = std::move(streams.err.ours)] { copy(ours.get(), GetStdHandle(STD_ERROR_HANDLE)); });

    wait_for(process, job);
    if (WaitForSingleObject(interrupted, 0) == WAIT_OBJECT_0) {
        TerminateJobObject(job.get(), static_cast<UINT>(STATUS_CONTROL_C_EXIT));
    }
    // Descendants may still write to the streams that they inherited.
    out.join();
    err.join();
    release(job);

    DWORD code = 0;
    GetExitCodeProcess(process.get(), &code);
    if (code <= exit_large) {
        return code;
    }
    std::fprintf(stderr, "winsock_relay: the program ended with 0x%08lX\n", code);
    return exit_large;
}

} // namespace
} // namespace winsock_spi::wine

int main() {
    const UINT code = winsock_spi::wine::run();
    std::fflush(stderr);
    // Not a return: the thread that reads our standard input may never come back.
    ExitProcess(code);
}
