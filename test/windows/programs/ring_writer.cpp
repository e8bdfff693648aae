// Writes a ring as the provider does, without any Winsock: for tests and measurements of the reader's side.
//   ring_writer RINGS-FOLDER
// Makes this process's ring in that folder, prints "ready", then does what each line of stdin says and prints a line:
//   write COUNT THREADS   COUNT records, by that many threads -> "wrote COUNT NANOSECONDS"
//   end of stdin          -> ends
// Record n has n as socket (from 1), 100 + n % 1000 as `requested`, and the calls WSPSend and WSPRecv by turns.
#include "core/ring.hpp"

#include <windows.h>

#include <intrin.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace core = winsock_spi::core;

namespace {

std::uint64_t joined(const FILETIME& time) {
    return static_cast<std::uint64_t>(time.dwHighDateTime) << 32 | time.dwLowDateTime;
}

void fill_header(core::RingHeader& header) {
    FILETIME created{};
    FILETIME other{};
    FILETIME now{};
    LARGE_INTEGER counter{};
    LARGE_INTEGER frequency{};
    GetProcessTimes(GetCurrentProcess(), &created, &other, &other, &other);
    GetSystemTimePreciseAsFileTime(&now);
    QueryPerformanceCounter(&counter);
    QueryPerformanceFrequency(&frequency);
    wchar_t program[1024];
    const DWORD length = GetModuleFileNameW(nullptr, program, 1024);
    header.abi = core::ring_abi;
    header.header_size = sizeof(core::RingHeader);
    header.record_size = sizeof(core::Record);
    header.record_count = core::default_record_count;
    header.pid = GetCurrentProcessId();
    header.process_start = joined(created);
    header.bits = sizeof(void*) * 8;
    header.mode = core::RingMode::active;
    header.clock = core::RingClock::tsc;
    header.clock_at_creation = __rdtsc();
    header.qpc_at_creation = static_cast<std::uint64_t>(counter.QuadPart);
    header.qpc_frequency = static_cast<std::uint64_t>(frequency.QuadPart);
    header.filetime_at_creation = joined(now);
    header.program_length = static_cast<std::uint16_t>(length);
    std::memcpy(header.program, program, length * sizeof(wchar_t));
}

core::RecordBody make_record(std::uint64_t number) {
    core::RecordBody record{};
    record.begin = __rdtsc();
    record.end = record.begin + 1000;
    record.socket = number;
    record.requested = 100 + number % 1000;
    record.call = static_cast<std::uint16_t>(number % 2 == 0 ? core::Call::WSPSend : core::Call::WSPRecv);
    record.flags = core::record_has_requested;
    record.local = {2, 80, 0, {127, 0, 0, 1}};
    record.remote = {2, 4000, 0, {127, 0, 0, 2}};
    return record;
}

} // namespace

int wmain(int argc, wchar_t** argv) {
    if (argc != 2) {
        return 64;
    }
    core::RingHeader facts{};
    fill_header(facts);
    wchar_t name[64];
    std::swprintf(name, 64, L"\\%lu-%016llx.ring", static_cast<unsigned long>(facts.pid),
                  static_cast<unsigned long long>(facts.process_start));
    const std::wstring path = argv[1] + std::wstring(name);
    const HANDLE file =
        CreateFileW(path.c_str(), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                    nullptr, CREATE_NEW, 0, nullptr);
    const auto size = static_cast<DWORD>(core::ring_size(facts.record_count));
    const HANDLE section = CreateFileMappingW(file, nullptr, PAGE_READWRITE, 0, size, nullptr);
    void* memory = section == nullptr ? nullptr : MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, size);
    if (memory == nullptr) {
        std::printf("cannot make the ring: %lu\n", GetLastError());
        return 1;
    }
    std::memcpy(memory, &facts, offsetof(core::RingHeader, next));
    core::RingWriter ring;
    ring.attach(memory, facts.record_count);
    ring.publish();
    std::printf("ready\n");
    std::fflush(stdout);

    std::atomic<std::uint64_t> next{1};
    char line[256];
    while (std::fgets(line, sizeof line, stdin) != nullptr) {
        unsigned long long count = 0;
        unsigned threads = 0;
        if (std::sscanf(line, "write %llu %u", &count, &threads) != 2 || threads == 0) {
            std::printf("what?\n");
            std::fflush(stdout);
            continue;
        }
        const auto begin = std::chrono::steady_clock::now();
        const std::uint64_t end = next.load() + count;
        std::vector<std::thread> writers;
        for (unsigned index = 0; index < threads; ++index) {
            writers.emplace_back([&] {
                for (std::uint64_t number = next.fetch_add(1); number < end; number = next.fetch_add(1)) {
                    ring.append(make_record(number));
                }
            });
        }
        for (std::thread& writer : writers) {
            writer.join();
        }
        next.store(end);
        const auto took = std::chrono::steady_clock::now() - begin;
        std::printf("wrote %llu %lld\n", count,
                    static_cast<long long>(std::chrono::duration_cast<std::chrono::nanoseconds>(took).count()));
        std::fflush(stdout);
    }
    return 0;
}
