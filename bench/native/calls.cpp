// What our provider adds to WSPSend and WSPRecv, in nanoseconds. The program plays Winsock to the provider DLL, and the
// base provider below it, whose functions do nothing: each call is measured through our provider and straight into that
// base, by turns, so that the difference is ours alone and nothing of the system's Winsock is in it.
//   calls DLL PAIRS ROUNDS CALLS
// A round is CALLS calls of each thread; a figure is the median of ROUNDS rounds; PAIRS figures of each kind are
// printed, as one line of JSON for each case (function, sockets, threads, watched or not):
//   direct, through   nanoseconds of a call           noise      the direct way once more
//   calls             through the provider, all in all
//   together          which part of the rounds both threads made at the same time (others are made again, a few times)
//   records, lost     what the watcher got and what it was told to be missing; together all calls through the provider
// The machine has to have the provider installed: control.bin and the folder of rings are those of the installation,
// and so is the policy. The watcher is a thread of this program that does what a watcher does.
#include <winsock2.h>
#include <ws2spi.h>
#include <windows.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/identity.hpp"
#include "core/ring.hpp"
#include "spi/machine.hpp"
#include "spi/ring_file.hpp"
#include "spi/watch_presence.hpp"

#include "../../test/windows/programs/nothing.hpp"

namespace core = winsock_spi::core;
namespace spi = winsock_spi::spi;

namespace {

[[noreturn]] void fail(const char* what, unsigned long error = 0) {
    std::fprintf(stderr, "calls: %s (%lu)\n", what, error);
    std::exit(1);
}

void require(const spi::Status& status) {
    if (!status.ok()) {
        fail(status.message.c_str(), status.number);
    }
}

// --- Winsock and the base provider, as far as our provider asks for them ---

constexpr GUID base_guid{0xFA4E0000, 1, 2, {1, 2, 3, 4, 5, 6, 7, 8}};
constexpr DWORD base_id = 900'900;

SOCKET last_socket = 0;

WSAPROTOCOL_INFOW base_entry() {
    WSAPROTOCOL_INFOW info{};
    info.dwServiceFlags1 = XP1_IFS_HANDLES;
    info.ProviderId = base_guid;
    info.dwCatalogEntryId = base_id;
    info.ProtocolChain.ChainLen = 1;
    info.iVersion = 2;
    info.iAddressFamily = AF_INET;
    info.iMaxSockAddr = info.iMinSockAddr = sizeof(sockaddr_in);
    info.iSocketType = SOCK_STREAM;
    info.iProtocol = IPPROTO_TCP;
    return info;
}

// Our layered entry above it, as an installation has it.
WSAPROTOCOL_INFOW layered_entry() {
    WSAPROTOCOL_INFOW info = base_entry();
    const core::Guid guid = core::layered_entry_guid(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    static_assert(sizeof(guid) == sizeof(info.ProviderId));
    std::memcpy(&info.ProviderId, &guid, sizeof(guid));
    info.dwCatalogEntryId = base_id + 1;
    info.ProtocolChain.ChainLen = 2;
    info.ProtocolChain.ChainEntries[0] = base_id + 2;
    info.ProtocolChain.ChainEntries[1] = base_id;
    return info;
}

int WSPAPI get_provider_path(LPGUID, WCHAR* path, LPINT length, LPINT) {
    *length = static_cast<int>(GetModuleFileNameW(nullptr, path, static_cast<DWORD>(*length))) + 1;
    return 0;
}

SOCKET WSPAPI modify_handle(DWORD, SOCKET socket, LPINT) {
    return socket;
}

SOCKET WSPAPI base_socket(int, int, int, LPWSAPROTOCOL_INFOW, GROUP, DWORD, LPINT) {
    return last_socket += 4;
}

int WSPAPI base_send(SOCKET, LPWSABUF buffers, DWORD, LPDWORD sent, DWORD, LPWSAOVERLAPPED,
                     LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID, LPINT) {
    *sent = buffers[0].len;
    return 0;
}

int WSPAPI base_receive(SOCKET, LPWSABUF buffers, DWORD, LPDWORD received, LPDWORD, LPWSAOVERLAPPED,
                        LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID, LPINT) {
    *received = buffers[0].len;
    return 0;
}

// --- one way of calling, measured ---

struct Ways {
    LPWSPSEND send;
    LPWSPRECV receive;
};

enum class Function { send, receive };

// All sockets, in an order that the processor does not guess.
struct Sockets {
    std::vector<SOCKET> handles;
};

// When a thread began and ended its calls, in ticks of QueryPerformanceCounter.
struct Span {
    std::int64_t begin = 0;
    std::int64_t end = 0;

    std::int64_t length() const { return end - begin; }
};

Span time_calls(Function function, const Ways& ways, const Sockets& sockets, std::size_t first, unsigned calls) {
    const volatile Ways way{ways.send, ways.receive};
    const LPWSPSEND send = way.send;
    const LPWSPRECV receive = way.receive;
    char byte = 0;
    WSABUF buffer{1, &byte};
    DWORD bytes = 0;
    DWORD flags = 0;
    int error = 0;
    std::size_t at = first;
    LARGE_INTEGER begin;
    LARGE_INTEGER end;
    QueryPerformanceCounter(&begin);
    for (unsigned call = 0; call < calls; ++call) {
        const SOCKET socket = sockets.handles[at];
        if (++at == sockets.handles.size()) {
            at = 0;
        }
        if (function == Function::send) {
            send(socket, &buffer, 1, &bytes, 0, nullptr, nullptr, nullptr, &error);
        } else {
            receive(socket, &buffer, 1, &bytes, &flags, nullptr, nullptr, nullptr, &error);
        }
    }
    QueryPerformanceCounter(&end);
    if (bytes != 1) {
        fail("a call did not reach the base provider");
    }
    return {begin.QuadPart, end.QuadPart};
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

// What a way of calling costs in one round.
struct Round {
    double nanoseconds = 0; // of a call; of two threads, the mean
    unsigned attempts = 0;
    bool together = true; // both threads ran during nearly all of it
};

// One thread that makes calls, or two at the same time.
class Callers {
public:
    Callers(unsigned threads, Function function, const Sockets& sockets, unsigned calls)
        : threads_(threads), function_(function), sockets_(sockets), calls_(calls) {
        LARGE_INTEGER frequency;
        QueryPerformanceFrequency(&frequency);
        nanoseconds_per_tick_ = 1e9 / static_cast<double>(frequency.QuadPart);
        if (threads > 1) {
            second_ = std::thread([this] { follow(); });
        }
    }
    ~Callers() {
        if (second_.joinable()) {
            ways_ = nullptr;
            begin();
            second_.join();
        }
    }
    Callers(const Callers&) = delete;
    Callers& operator=(const Callers&) = delete;

    // A round in which the system let only one of two threads run says nothing about two, so it is made again; but not
    // for ever, on a machine that has no second processor to spare.
    Round round(const Ways& ways) {
        constexpr unsigned most_attempts = 10;
        Round result;
        do {
            ++result.attempts;
            if (threads_ == 1) {
                result.nanoseconds = per_call(time_calls(function_, ways, sockets_, 0, calls_));
            } else {
                ways_ = &ways;
                begin();
                const Span own = time_calls(function_, ways, sockets_, 0, calls_);
                wait_for(finished_);
                const std::int64_t both = std::min(own.end, others_.end) - std::max(own.begin, others_.begin);
                result.nanoseconds = (per_call(own) + per_call(others_)) / 2;
                result.together = both * 10 >= std::max(own.length(), others_.length()) * 8;
            }
        } while (!result.together && result.attempts < most_attempts);
        return result;
    }

private:
    double per_call(const Span& span) const {
        return static_cast<double>(span.length()) * nanoseconds_per_tick_ / calls_;
    }
    void wait_for(const std::atomic<unsigned>& number) const { wait_for(number, round_); }
    static void wait_for(const std::atomic<unsigned>& number, unsigned value) {
        for (unsigned spins = 0; number.load() != value; ++spins) {
            if (spins < 10'000) {
                YieldProcessor();
            } else {
                SwitchToThread();
            }
        }
    }
    // Both are there before either goes on.
    void begin() {
        started_ = ++round_;
        wait_for(followed_);
    }
    void follow() {
        for (unsigned round = 1;; ++round) {
            wait_for(started_, round);
            const Ways* const ways = ways_;
            followed_ = round;
            if (ways == nullptr) {
                return;
            }
            others_ = time_calls(function_, *ways, sockets_, sockets_.handles.size() / 2, calls_);
            finished_ = round;
        }
    }

    unsigned threads_;
    Function function_;
    const Sockets& sockets_;
    unsigned calls_;
    double nanoseconds_per_tick_ = 0;
    std::thread second_;
    unsigned round_ = 0;
    std::atomic<const Ways*> ways_{};
    Span others_;
    std::atomic<unsigned> started_{};
    std::atomic<unsigned> followed_{};
    std::atomic<unsigned> finished_{};
};

// --- the watcher ---

class Watcher {
public:
    Watcher() {
        std::wstring folder;
        require(spi::data_folder(folder));
        require(presence_.open(folder));
        rings_ = folder + L"\\rings\\";
    }

    // From here on calls are recorded; `first_call` makes the ring.
    template <typename FirstCall>
    void begin(FirstCall first_call) {
        presence_.enter();
        if (!owner_.has_value()) {
            first_call();
            open_ring();
        }
        reader_.seek_to_end();
        records_ = lost_ = 0;
        ending_ = false;
        thread_ = std::thread([this] { drain(); });
    }
    void end() {
        presence_.leave();
        ending_ = true;
        thread_.join();
    }
    std::uint64_t records() const { return records_; }
    std::uint64_t lost() const { return lost_; }

private:
    void open_ring() {
        FILETIME start{};
        FILETIME other{};
        GetProcessTimes(GetCurrentProcess(), &start, &other, &other, &other);
        const spi::ProcessIdentity self{GetCurrentProcessId(),
                                        std::uint64_t{start.dwHighDateTime} << 32 | start.dwLowDateTime};
        owner_.emplace(self);
        require(file_.open(rings_ + spi::ring_name({self, 1}), *owner_, sizeof(core::RingHeader),
                           core::ring_size(core::max_record_count)));
        if (reader_.open(file_.data(), file_.size()) != core::RingFault::none) {
            fail("the ring cannot be read");
        }
    }
    void drain() {
        for (;;) {
            const bool last = ending_;
            const core::RingReader::Batch batch = reader_.read(room_, spi::milliseconds(), last);
            records_ += batch.records;
            lost_ += batch.lost;
            if (last && batch.records == 0 && batch.lost == 0) {
                return;
            }
            if (batch.records < room_.size() / sizeof(core::Record)) {
                Sleep(1);
            }
        }
    }

    spi::WatchPresence presence_;
    std::wstring rings_;
    std::optional<spi::RingOwner> owner_;
    spi::RingFile file_;
    core::RingReader reader_;
    std::vector<std::byte> room_{std::vector<std::byte>(4096 * sizeof(core::Record))};
    std::thread thread_;
    std::atomic<bool> ending_{};
    std::uint64_t records_ = 0;
    std::uint64_t lost_ = 0;
};

// --- the cases ---

struct Amount {
    unsigned pairs;
    unsigned rounds;
    unsigned calls;
};

void print(const char* name, const std::vector<double>& values) {
    std::printf(",\"%s\":[", name);
    for (std::size_t index = 0; index < values.size(); ++index) {
        std::printf("%s%.2f", index == 0 ? "" : ",", values[index]);
    }
    std::printf("]");
}

void measure(const WSPPROC_TABLE& provider, const Sockets& sockets, Function function, unsigned threads,
             Watcher* watcher, const Amount& amount) {
    const Ways ways[] = {
        {base_send, base_receive}, {provider.lpWSPSend, provider.lpWSPRecv}, {base_send, base_receive}};
    std::vector<double> figures[3];
    std::uint64_t calls = 0;
    unsigned rounds = 0;
    unsigned apart = 0;
    if (watcher != nullptr) {
        watcher->begin([&] { time_calls(function, ways[1], sockets, 0, 1); });
    }
    Callers callers(threads, function, sockets, amount.calls);
    for (unsigned pair = 0; pair < amount.pairs; ++pair) {
        std::vector<double> nanoseconds[3];
        std::vector<double> alone[3]; // counts only where there is nothing else
        for (unsigned round = 0; round < amount.rounds; ++round) {
            for (unsigned step = 0; step < 3; ++step) {
                const unsigned way = round % 2 == 0 ? step : 2 - step;
                const Round result = callers.round(ways[way]);
                ++rounds;
                apart += !result.together;
                (result.together ? nanoseconds : alone)[way].push_back(result.nanoseconds);
                if (way == 1) {
                    calls += std::uint64_t{result.attempts} * threads * amount.calls;
                }
            }
        }
        for (unsigned way = 0; way < 3; ++way) {
            figures[way].push_back(median(nanoseconds[way].empty() ? alone[way] : nanoseconds[way]));
        }
    }
    std::printf("{\"function\":\"%s\",\"sockets\":%zu,\"threads\":%u,\"watched\":%s,\"calls\":%llu,\"together\":%.3f",
                function == Function::send ? "WSPSend" : "WSPRecv", sockets.handles.size(), threads,
                watcher != nullptr ? "true" : "false", static_cast<unsigned long long>(calls),
                1 - static_cast<double>(apart) / rounds);
    print("direct", figures[0]);
    print("through", figures[1]);
    print("noise", figures[2]);
    if (watcher != nullptr) {
        watcher->end();
        std::printf(",\"records\":%llu,\"lost\":%llu", static_cast<unsigned long long>(watcher->records()),
                    static_cast<unsigned long long>(watcher->lost()));
    }
    std::printf("}\n");
    std::fflush(stdout);
}

Sockets open_sockets(const WSPPROC_TABLE& provider, std::size_t count) {
    Sockets sockets;
    WSAPROTOCOL_INFOW info = layered_entry();
    int error = 0;
    while (sockets.handles.size() < count) {
        const SOCKET socket = provider.lpWSPSocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, &info, 0, 0, &error);
        if (socket == INVALID_SOCKET) {
            fail("no socket", static_cast<unsigned long>(error));
        }
        sockets.handles.push_back(socket);
    }
    std::uint32_t random = 1;
    for (std::size_t index = count; index > 1; --index) {
        random = random * 1664525 + 1013904223;
        std::swap(sockets.handles[index - 1], sockets.handles[(random >> 8) % index]);
    }
    return sockets;
}

} // namespace

// Our provider finds these two in the module of the upcalls, as it finds ws2_32's; the second as a lower provider.
#if defined(_MSC_VER) && defined(_M_IX86)
#pragma comment(linker, "/EXPORT:WSCEnumProtocols=_WSCEnumProtocols@16")
#pragma comment(linker, "/EXPORT:WSPStartup=_WSPStartup@76")
#define EXPORTED
#else
#define EXPORTED __declspec(dllexport)
#endif

extern "C" EXPORTED int WSPAPI WSCEnumProtocols(LPINT, LPWSAPROTOCOL_INFOW buffer, LPDWORD size, LPINT error) {
    const WSAPROTOCOL_INFOW entries[] = {layered_entry(), base_entry()};
    if (*size < sizeof(entries)) {
        *size = sizeof(entries);
        *error = WSAENOBUFS;
        return SOCKET_ERROR;
    }
    std::memcpy(buffer, entries, sizeof(entries));
    return 2;
}

extern "C" EXPORTED int WSPAPI WSPStartup(WORD, LPWSPDATA data, LPWSAPROTOCOL_INFOW, WSPUPCALLTABLE,
                                          LPWSPPROC_TABLE table) {
    data->wVersion = data->wHighVersion = MAKEWORD(2, 2);
    program::fill_with_nothing(*table);
    table->lpWSPSocket = base_socket;
    table->lpWSPSend = base_send;
    table->lpWSPRecv = base_receive;
    return 0;
}

int wmain(int count, wchar_t** arguments) {
    const auto number = [&](int index) { return static_cast<unsigned>(std::wcstoul(arguments[index], nullptr, 10)); };
    if (count != 5 || number(2) == 0 || number(3) == 0 || number(4) == 0) {
        std::fprintf(stderr, "usage: calls DLL PAIRS ROUNDS CALLS\n");
        return 64;
    }
    const Amount amount{number(2), number(3), number(4)};
    const HMODULE module = LoadLibraryW(arguments[1]);
    const auto startup = reinterpret_cast<LPWSPSTARTUP>(
        reinterpret_cast<void*>(module == nullptr ? nullptr : GetProcAddress(module, "WSPStartup")));
    if (startup == nullptr) {
        fail("the provider cannot be loaded", GetLastError());
    }
    WSPUPCALLTABLE upcalls{};
    upcalls.lpWPUGetProviderPath = get_provider_path;
    upcalls.lpWPUModifyIFSHandle = modify_handle;
    WSPDATA data{};
    WSPPROC_TABLE provider{};
    WSAPROTOCOL_INFOW info = layered_entry();
    const int error = startup(MAKEWORD(2, 2), &data, &info, upcalls, &provider);
    if (error != 0 || provider.lpWSPSend == base_send) {
        fail("the provider does not start above the base provider", static_cast<unsigned long>(error));
    }

    Watcher watcher;
    const Sockets one = open_sockets(provider, 1);
    const Sockets many = open_sockets(provider, 10'000);
    for (Watcher* const watching : {static_cast<Watcher*>(nullptr), &watcher}) {
        for (const unsigned threads : {1u, 2u}) {
            for (const Sockets* const sockets : {&one, &many}) {
                for (const Function function : {Function::send, Function::receive}) {
                    measure(provider, *sockets, function, threads, watching, amount);
                }
            }
        }
    }
    return 0;
}
