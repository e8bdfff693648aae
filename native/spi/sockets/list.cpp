#include "list.hpp"

#include "target.hpp"
#include "unique_socket.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace winsock_spi::spi {
namespace {

constexpr std::uint32_t handle_step = 4;               // values of handles are multiples of it
constexpr std::uint32_t most_handles = 16'777'216 / 2; // Windows' own limit is 2^24 handles
// So many values without a handle are the end: when as many handles were seen as the system counts, when there should
// be more, and where it does not count them (Wine).
constexpr std::uint32_t gap_when_all_seen = 1024;
constexpr std::uint32_t gap_when_missing = 1'048'576;
constexpr std::uint32_t gap_when_unknown = 16'384;
constexpr std::uint32_t most_skipped = 64;
constexpr std::chrono::milliseconds patience{250};     // for one handle

// Shared by the caller and the thread that asks. A thread that hangs keeps it alive and finds itself replaced.
struct Scan {
    std::mutex lock;
    std::condition_variable changed;
    TargetProcess target;
    std::uint32_t handles = 0; // how many the process has; 0 if the system does not tell
    std::uint32_t seen = 0;
    std::uint32_t next = handle_step;
    std::uint32_t last = 0;
    unsigned thread = 0; // whose turn it is
    bool done = false;
    SocketList list;
};

// Whether it is a socket; its description. `copy` is closed either way.
bool ask(HANDLE copy, SocketDescription& description) {
    if (GetFileType(copy) != FILE_TYPE_PIPE) { // sockets are; so are pipes
        CloseHandle(copy);
        return false;
    }
    // Winsock may make state for a handle that it is asked about: closesocket frees that too.
    UniqueSocket socket(reinterpret_cast<SOCKET>(copy));
    if (describe_socket(socket.get(), nullptr, description).ok()) {
        return true;
    }
    CloseHandle(reinterpret_cast<HANDLE>(socket.release()));
    return false;
}

void run(const std::shared_ptr<Scan>& scan, unsigned thread) {
    for (;;) {
        std::unique_lock guard(scan->lock);
        if (scan->thread != thread) {
            return;
        }
        const std::uint32_t value = scan->next;
        const std::uint32_t longest_gap = scan->handles == 0            ? gap_when_unknown
                                          : scan->seen >= scan->handles ? gap_when_all_seen
                                                                        : gap_when_missing;
        scan->done = value / handle_step > most_handles || value - scan->last > longest_gap;
        scan->changed.notify_all();
        if (scan->done) {
            return;
        }
        scan->next += handle_step;
        guard.unlock();
        HANDLE copy = nullptr;
        if (!DuplicateHandle(scan->target.handle.get(), reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(value)),
                             GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
            if (GetLastError() != ERROR_INVALID_HANDLE) {
                guard.lock();
                ++scan->seen; // a kind that is not given away
            }
            continue;
        }
        ListedSocket found;
        found.handle = value;
        const bool is_socket = ask(copy, found.description);
        guard.lock();
        if (scan->thread != thread) {
            return; // it took too long, and counts as skipped
        }
        ++scan->seen;
        scan->last = value;
        if (is_socket) {
            scan->list.sockets.push_back(std::move(found));
        }
    }
}

} // namespace

Status list_sockets(std::uint32_t pid, const StartThread& start_thread, SocketList& list) {
    const auto scan = std::make_shared<Scan>();
    if (Status status = open_target(pid, scan->target); !status.ok()) {
        return status;
    }
    if (Status status = check_running(scan->target); !status.ok()) {
        return status;
    }
    DWORD handles = 0;
    if (!GetProcessHandleCount(scan->target.handle.get(), &handles)) {
        return last_error("GetProcessHandleCount");
    }
    scan->handles = handles;
    std::unique_lock guard(scan->lock);
    while (!scan->done && scan->list.skipped <= most_skipped) {
        const unsigned thread = ++scan->thread;
        guard.unlock();
        if (Status status = start_thread([scan, thread] { run(scan, thread); }); !status.ok()) {
            return status;
        }
        guard.lock();
        for (std::uint32_t before = scan->next;; before = scan->next) {
            scan->changed.wait_for(guard, patience, [&] { return scan->done || scan->next != before; });
            if (scan->done || scan->next == before) {
                break;
            }
        }
        if (!scan->done) {
            ++scan->list.skipped;
            ++scan->seen;
        }
    }
    ++scan->thread; // whoever still asks has been given up
    list = std::move(scan->list);
    return {};
}

} // namespace winsock_spi::spi
