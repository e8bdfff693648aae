// What a program that uses Winsock costs to start, and what memory it needs.
//   start once              WSAStartup, one socket, and the end, without WSACleanup, as many programs do
//   start bare              the same without Winsock: what starting any program costs
//   start many COUNT        starts itself with `once` and with `bare`, COUNT times each, by turns; prints a line of
//   JSON:
//                           {"once":[...],"bare":[...]}, milliseconds from the start to the end of each
//   start memory SOCKETS    {"before":N,"first":N,"all":N}: private bytes before WSAStartup, with one socket, with
//   SOCKETS
//                           more of them
#include <winsock2.h>
#include <windows.h>

#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <string>
#include <string_view>
#include <vector>

#include "../../test/windows/programs/private_bytes.hpp"

namespace {

void require(bool condition, const char* what) {
    if (!condition) {
        std::fprintf(stderr, "start: %s fails (%lu)\n", what, GetLastError());
        std::exit(1);
    }
}

void start_winsock() {
    WSADATA data;
    require(WSAStartup(MAKEWORD(2, 2), &data) == 0, "WSAStartup");
}

void open_socket() {
    require(WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, nullptr, 0, WSA_FLAG_OVERLAPPED) != INVALID_SOCKET,
            "WSASocketW");
}

// Milliseconds from the start of this program, so run, to its end.
double run_self(const wchar_t* mode) {
    wchar_t path[1024];
    GetModuleFileNameW(nullptr, path, 1024);
    std::wstring line = L"\"" + std::wstring(path) + L"\" " + mode;
    STARTUPINFOW startup{};
    startup.cb = sizeof startup;
    PROCESS_INFORMATION process{};
    LARGE_INTEGER begin;
    LARGE_INTEGER end;
    LARGE_INTEGER frequency;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&begin);
    require(CreateProcessW(path, line.data(), nullptr, nullptr, FALSE, 0, nullptr, nullptr, &startup, &process) !=
                FALSE,
            "CreateProcessW");
    require(WaitForSingleObject(process.hProcess, 60'000) == WAIT_OBJECT_0, "the program's end");
    QueryPerformanceCounter(&end);
    DWORD code = 1;
    GetExitCodeProcess(process.hProcess, &code);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    require(code == 0, "the program");
    return static_cast<double>(end.QuadPart - begin.QuadPart) * 1e3 / static_cast<double>(frequency.QuadPart);
}

void print(const char* name, const std::vector<double>& values) {
    std::printf("\"%s\":[", name);
    for (std::size_t index = 0; index < values.size(); ++index) {
        std::printf("%s%.3f", index == 0 ? "" : ",", values[index]);
    }
    std::printf("]");
}

void run_many(unsigned long count) {
    std::vector<double> once;
    std::vector<double> bare;
    run_self(L"once"); // warms up what the system keeps
    for (unsigned long number = 0; number < count; ++number) {
        once.push_back(run_self(L"once"));
        bare.push_back(run_self(L"bare"));
    }
    std::printf("{");
    print("once", once);
    std::printf(",");
    print("bare", bare);
    std::printf("}\n");
}

void measure_memory(unsigned long sockets) {
    const auto now = [] { return static_cast<long long>(program::private_bytes(GetCurrentProcess())); };
    std::printf("\n"); // so that what printf allocates is there already
    std::fflush(stdout);
    const long long before = now();
    start_winsock();
    open_socket();
    const long long first = now();
    for (unsigned long number = 0; number < sockets; ++number) {
        open_socket();
    }
    std::printf("{\"before\":%lld,\"first\":%lld,\"all\":%lld}\n", before, first, now());
}

} // namespace

int wmain(int count, wchar_t** arguments) {
    const std::wstring_view mode = count > 1 ? arguments[1] : L"";
    const unsigned long number = count > 2 ? std::wcstoul(arguments[2], nullptr, 10) : 0;
    if (mode == L"once") {
        start_winsock();
        open_socket();
    } else if (mode == L"many" && number > 0) {
        run_many(number);
    } else if (mode == L"memory" && number > 0) {
        measure_memory(number);
    } else if (mode != L"bare") {
        std::fprintf(stderr, "usage: start once|bare, start many COUNT, start memory SOCKETS\n");
        return 64;
    }
    return 0;
}
