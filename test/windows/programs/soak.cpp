// Connections of every kind, opened and closed many times; says how many handles and private bytes each process has
// before and after, so that a test can compare. The kinds are in soak_kinds.hpp.
//   soak connections COUNT SERVER.EXE   after a warm-up COUNT connections, and as many again, to a process that runs
//                                       `SERVER.EXE serve`, which may have other bits
//   soak startups COUNT                 WSAStartup and WSACleanup, in pairs
//   soak sockets COUNT                  the same with a socket in between, for which providers are started
//   soak loads COUNT FILE.DLL           LoadLibrary and FreeLibrary
//   soak measure PID                    only says what that process has
#include "private_bytes.hpp"
#include "soak_kinds.hpp"

#include <bit>
#include <cstddef>
#include <cstdlib>
#include <thread>

namespace {

struct Figures {
    std::int64_t handles = 0;
    std::int64_t private_bytes = 0;
};

// By the list of all handles of the machine: Wine's GetProcessHandleCount always says 0.
std::int64_t listed_handles(DWORD pid) {
    struct Entry {
        void* object;
        ULONG_PTR pid;
        ULONG_PTR handle;
        ULONG access;
        USHORT creator;
        USHORT type;
        ULONG attributes;
        ULONG reserved;
    };
    constexpr int extended_handle_information = 64;
    using Query = LONG(WINAPI*)(int, void*, ULONG, ULONG*);
    const auto query = std::bit_cast<Query>(GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "NtQuerySystemInformation"));
    std::vector<std::byte> list(1 << 20);
    ULONG bytes = 0;
    while (query(extended_handle_information, list.data(), static_cast<ULONG>(list.size()), &bytes) != 0) {
        program::require(list.size() < (1 << 26), "NtQuerySystemInformation lists the handles");
        list.resize(list.size() * 2);
    }
    ULONG_PTR count = 0;
    std::memcpy(&count, list.data(), sizeof count);
    std::int64_t own = 0;
    for (ULONG_PTR index = 0; index < count; ++index) {
        Entry entry{};
        std::memcpy(&entry, list.data() + 2 * sizeof(ULONG_PTR) + index * sizeof entry, sizeof entry);
        own += entry.pid == pid ? 1 : 0;
    }
    return own;
}

Figures measure(HANDLE process) {
    DWORD handles = 0;
    program::require(GetProcessHandleCount(process, &handles) != FALSE, "GetProcessHandleCount succeeds");
    const std::int64_t bytes = program::private_bytes(process);
    program::require(bytes >= 0, "K32GetProcessMemoryInfo succeeds");
    return {handles != 0 ? static_cast<std::int64_t>(handles) : listed_handles(GetProcessId(process)), bytes};
}

// The figures of one process at each time: {"handles":[...],"privateBytes":[...]}.
program::Json to_json(const std::vector<Figures>& figures) {
    std::string handles;
    std::string bytes;
    for (const Figures& one : figures) {
        handles += (handles.empty() ? "" : ",") + std::to_string(one.handles);
        bytes += (bytes.empty() ? "" : ",") + std::to_string(one.private_bytes);
    }
    program::Json json;
    json.raw("handles", "[" + handles + "]").raw("privateBytes", "[" + bytes + "]");
    return json;
}

struct Pipe {
    program::Handle read;
    program::Handle write;
};

Pipe make_pipe() {
    SECURITY_ATTRIBUTES inheritable{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
    HANDLE read = nullptr;
    HANDLE write = nullptr;
    program::require(CreatePipe(&read, &write, &inheritable, 0) != FALSE, "CreatePipe succeeds");
    return {program::Handle(read, "pipe"), program::Handle(write, "pipe")};
}

template <class Value>
void put(HANDLE to, const Value& value) {
    DWORD bytes = 0;
    program::require(WriteFile(to, &value, sizeof value, &bytes, nullptr) && bytes == sizeof value, "it is written");
}

template <class Value>
bool take(HANDLE from, Value& value) {
    DWORD bytes = 0;
    return ReadFile(from, &value, sizeof value, &bytes, nullptr) && bytes == sizeof value;
}

// The server's side of the two pipes: says its ports, then its figures for each byte that comes, until none comes.
void serve(program::Json& summary) {
    // Both outlive main: threads of the server wait for connections until the process ends.
    new program::Winsock;
    soak::Server& server = *new soak::Server;
    const HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
    const HANDLE output = GetStdHandle(STD_OUTPUT_HANDLE);
    put(output, server.ports());
    for (char asked = 0; take(input, asked);) {
        server.wait_until_idle();
        put(output, measure(GetCurrentProcess()));
    }
    summary.number("served", server.served());
}

// Makes `count` connections, spread over all kinds, on two threads.
void connect_all(const soak::Ports& ports, std::int64_t count) {
    constexpr std::int64_t workers = 2;
    std::vector<std::thread> threads;
    std::vector<std::string> failures(workers);
    for (std::int64_t worker = 0; worker < workers; ++worker) {
        threads.emplace_back([&, worker] {
            try {
                for (std::int64_t number = worker; number < count; number += workers) {
                    soak::one_connection(ports, number / workers);
                }
            } catch (const std::exception& error) {
                failures[static_cast<std::size_t>(worker)] = error.what();
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const std::string& failure : failures) {
        program::require(failure.empty(), failure);
    }
}

void connections(program::Json& summary, std::int64_t count, const std::wstring& server_file) {
    const program::Winsock winsock;
    Pipe to_server = make_pipe();
    Pipe from_server = make_pipe();
    SetHandleInformation(to_server.write.get(), HANDLE_FLAG_INHERIT, 0);
    SetHandleInformation(from_server.read.get(), HANDLE_FLAG_INHERIT, 0);
    const program::Child server = program::start(program::quoted(server_file) + L" serve", true, 0,
                                                 to_server.read.get(), from_server.write.get());
    to_server.read.close();
    from_server.write.close();
    soak::Ports ports{};
    program::require(take(from_server.read.get(), ports), "the server says its ports");

    std::vector<Figures> own;
    std::vector<Figures> others;
    const auto measure_both = [&] {
        soak::drain(ports); // what was connected before has been accepted
        put(to_server.write.get(), 'm');
        Figures figures;
        program::require(take(from_server.read.get(), figures), "the server says its figures");
        others.push_back(figures);
        own.push_back(measure(GetCurrentProcess()));
    };
    connect_all(ports, std::min<std::int64_t>(count, 500));
    measure_both();
    const ULONGLONG begin = GetTickCount64();
    for (int half = 0; half < 2; ++half) {
        connect_all(ports, count);
        measure_both();
    }
    summary.number("milliseconds", static_cast<std::int64_t>(GetTickCount64() - begin));
    summary.number("serverPid", server.pid).object("client", to_json(own)).object("server", to_json(others));
    to_server.write.close();
    program::require(program::wait_for_exit(server) == 0, "the server ends well");
}

// COUNT times, and as many times again, with figures before, between and after.
template <class Once>
void repeat(program::Json& summary, std::int64_t count, Once&& once) {
    std::vector<Figures> figures;
    for (std::int64_t number = 0; number < std::min<std::int64_t>(count, 20); ++number) {
        once();
    }
    figures.push_back(measure(GetCurrentProcess()));
    for (int half = 0; half < 2; ++half) {
        for (std::int64_t number = 0; number < count; ++number) {
            once();
        }
        figures.push_back(measure(GetCurrentProcess()));
    }
    summary.object("client", to_json(figures));
}

void one_startup(bool with_socket) {
    WSADATA data{};
    program::require(WSAStartup(MAKEWORD(2, 2), &data) == 0, "WSAStartup succeeds");
    if (with_socket) {
        program::Socket(WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, nullptr, 0, WSA_FLAG_OVERLAPPED)).close();
    }
    program::check(WSACleanup(), "WSACleanup");
    program::require(WSACleanup() == SOCKET_ERROR && WSAGetLastError() == WSANOTINITIALISED, "that was the last one");
}

void one_load(const wchar_t* file) {
    const HMODULE module = LoadLibraryW(file);
    program::require(module != nullptr, "LoadLibraryW succeeds");
    program::require(GetProcAddress(module, "WSPStartup") != nullptr, "it is a provider");
    program::require(FreeLibrary(module) != FALSE, "FreeLibrary succeeds");
    program::require(GetModuleHandleW(file) == nullptr, "it is gone");
}

void measure_other(program::Json& summary, DWORD pid) {
    const program::Handle process(OpenProcess(PROCESS_QUERY_INFORMATION | PROCESS_VM_READ, FALSE, pid), "OpenProcess");
    summary.object("process", to_json({measure(process.get())}));
}

} // namespace

int wmain(int argc, wchar_t** argv) {
    const std::wstring what = argc > 1 ? argv[1] : L"";
    const std::int64_t count = argc > 2 ? _wtoi64(argv[2]) : 0;
    return program::run("soak", [&](program::Json& summary) {
        if (what == L"connections" && argc == 4) {
            connections(summary, count, argv[3]);
        } else if (what == L"serve") {
            serve(summary);
        } else if (what == L"startups" || what == L"sockets") {
            repeat(summary, count, [&] { one_startup(what == L"sockets"); });
        } else if (what == L"loads" && argc == 4) {
            repeat(summary, count, [&] { one_load(argv[3]); });
        } else if (what == L"measure") {
            measure_other(summary, static_cast<DWORD>(count));
        } else {
            program::require(false, "the arguments are right");
        }
    });
}
