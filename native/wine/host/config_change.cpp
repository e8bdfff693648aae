// WSAProviderConfigChange: tells programs that providers were installed, removed or changed, by whatever process of
// either bitness.
//
// The handle that a program gets is its end of a pipe of this process, and waiting for a change is a read of one byte:
// so the program's event, completion port or completion routine, CloseHandle and CancelIo all do what they do for any
// file. Our end is written to by a thread that watches the registry's serial numbers. It lives while there are handles.
#include <algorithm>
#include <atomic>
#include <cwchar>
#include <deque>
#include <map>
#include <memory>
#include <new>
#include <vector>

#include "../../spi/unique.hpp"
#include "host.hpp"
#include "lock_guards.hpp"
#include "namespace_catalog.hpp"
#include "wsc_arguments.hpp"

namespace winsock_spi::wine {

namespace {

// The serial numbers of both catalogs; one that cannot be read is 0, so that its loss is a change too.
struct Version {
    std::uint32_t protocols = 0;
    std::uint32_t namespaces = 0;

    friend bool operator==(const Version&, const Version&) = default;
};

Version current_version() noexcept {
    Version version;
    RegistryKey names;
    read_catalog_serial(version.protocols);
    if (names.open(HKEY_LOCAL_MACHINE, namespace_catalog, KEY_READ) == ERROR_SUCCESS) {
        names.read(serial_value, version.namespaces);
    }
    return version;
}

// A call without overlapped structure, which waits in this process alone.
struct Blocked {
    spi::UniqueHandle done{CreateEventW(nullptr, TRUE, FALSE, nullptr)};
    bool closed = false;
};

struct Waiter {
    Version seen; // when the call was made
    std::shared_ptr<Blocked> blocked; // empty: a read of the pipe
};

struct Notification {
    HANDLE program_end; // the program's to close
    spi::UniqueFile own_end;
    bool watched = false; // the thread waits for the program's end to be closed
    bool closed = false; // it is
    bool finished = false; // and the thread no longer waits
    OVERLAPPED closing{};
    BYTE never_read = 0;
    std::deque<Waiter> waiting; // in the order of the calls, which is that of the reads
};

struct State {
    SRWLOCK lock = SRWLOCK_INIT;
    std::vector<std::unique_ptr<Notification>> notifications;
    std::map<OVERLAPPED*, LPWSAOVERLAPPED_COMPLETION_ROUTINE> routines;
    spi::UniqueHandle wake{CreateEventW(nullptr, FALSE, FALSE, nullptr)};
    bool watching = false;
};

// Never destroyed: the thread may be anywhere when the process ends.
State& state() {
    static State* const only = new State;
    return *only;
}

BYTE sink; // what is read is of no interest

// Completes the oldest read.
void complete_read(const Notification& notification) noexcept {
    const spi::UniqueHandle done(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    OVERLAPPED overlapped{};
    overlapped.hEvent = done.get();
    constexpr BYTE anything = 1;
    DWORD written = 0;
    if (!WriteFile(notification.own_end.get(), &anything, sizeof(anything), nullptr, &overlapped) &&
        GetLastError() == ERROR_IO_PENDING) {
        GetOverlappedResult(notification.own_end.get(), &overlapped, &written, TRUE);
    }
}

// With the lock held.
void tell(Notification& notification, const Version& now) noexcept {
    while (!notification.waiting.empty() && notification.waiting.front().seen != now) {
        const Waiter waiter = std::move(notification.waiting.front());
        notification.waiting.pop_front();
        if (waiter.blocked) {
            SetEvent(waiter.blocked->done.get());
        } else {
            complete_read(notification);
        }
    }
}

void mark_closed(Notification& notification) noexcept {
    notification.closed = true;
    for (const Waiter& waiter : notification.waiting) {
        if (waiter.blocked) {
            waiter.blocked->closed = true;
            SetEvent(waiter.blocked->done.get());
        }
    }
    notification.waiting.clear();
}

// Runs in the watching thread.
void CALLBACK program_end_closed(DWORD, DWORD, LPOVERLAPPED overlapped) {
    const ExclusiveLock guard(state().lock);
    for (const auto& notification : state().notifications) {
        if (&notification->closing == overlapped) {
            mark_closed(*notification);
            notification->finished = true;
        }
    }
}

// One round of the watching thread. False: there is nothing left to watch.
bool attend() {
    State& all = state();
    const ExclusiveLock guard(all.lock);
    const Version now = current_version();
    for (const auto& notification : all.notifications) {
        if (!notification->watched) {
            notification->watched = true;
            // The program never writes: this ends when its end is closed.
            if (!ReadFileEx(notification->own_end.get(), &notification->never_read, 1, &notification->closing,
                            program_end_closed)) {
                mark_closed(*notification);
                notification->finished = true;
            }
        }
        tell(*notification, now);
    }
    std::erase_if(all.notifications, [](const auto& notification) { return notification->finished; });
    all.watching = !all.notifications.empty();
    return all.watching;
}

DWORD WINAPI watch(void* module) {
    const spi::UniqueHandle changed(CreateEventW(nullptr, FALSE, FALSE, nullptr));
    const HANDLE events[] = {changed.get(), state().wake.get()};
    RegistryKey parameters;
    bool asked = false;
    do {
        if (!asked) { // before the serial numbers are read: what comes after is told
            if (!parameters.is_open()) {
                parameters.open(HKEY_LOCAL_MACHINE, winsock_parameters, KEY_READ | KEY_NOTIFY);
            }
            asked = RegNotifyChangeKeyValue(parameters.get(), TRUE, REG_NOTIFY_CHANGE_NAME | REG_NOTIFY_CHANGE_LAST_SET,
                                            changed.get(), TRUE) == ERROR_SUCCESS;
            if (!asked) { // deleted and made anew by a restore
                parameters.close();
            }
        }
        if (!attend()) {
            break;
        }
        constexpr DWORD key_is_missing_ms = 1000;
        const DWORD woken = WaitForMultipleObjectsEx(2, events, FALSE, asked ? INFINITE : key_is_missing_ms, TRUE);
        asked = asked && woken != WAIT_OBJECT_0;
    } while (true);
    parameters.close();
    FreeLibraryAndExitThread(static_cast<HMODULE>(module), 0);
}

// With the lock held.
int start_watching() noexcept {
    State& all = state();
    if (all.watching) {
        SetEvent(all.wake.get());
        return 0;
    }
    HMODULE self = nullptr; // the thread's own reference to this DLL
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                            reinterpret_cast<LPCWSTR>(reinterpret_cast<void*>(&watch)), &self)) {
        return WSASYSCALLFAILURE;
    }
    const spi::UniqueHandle thread(CreateThread(nullptr, 0, watch, self, 0, nullptr));
    if (!thread) {
        FreeLibrary(self);
        return WSA_NOT_ENOUGH_MEMORY;
    }
    all.watching = true;
    return 0;
}

int make_notification(HANDLE& handle) {
    static std::atomic<unsigned> made{0};
    wchar_t name[80];
    swprintf(name, 80, L"\\\\.\\pipe\\WinSock2-ProviderConfigChange-%lx-%lx-%x", GetCurrentProcessId(), GetTickCount(),
             made++);
    auto notification = std::make_unique<Notification>();
    constexpr DWORD buffer = 512;
    notification->own_end.reset(
        CreateNamedPipeW(name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                         PIPE_TYPE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1, buffer, buffer, 0, nullptr));
    if (!notification->own_end) {
        return WSA_NOT_ENOUGH_MEMORY;
    }
    spi::UniqueFile program_end(
        CreateFileW(name, GENERIC_READ, 0, nullptr, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, nullptr));
    if (!program_end) {
        return WSA_NOT_ENOUGH_MEMORY;
    }
    notification->program_end = program_end.get();
    State& all = state();
    const ExclusiveLock guard(all.lock);
    all.notifications.push_back(std::move(notification));
    const int error = start_watching();
    if (error != 0) {
        all.notifications.pop_back();
        return error;
    }
    handle = program_end.release();
    return 0;
}

// With the lock held. Our end tells whether the program's handle still is the pipe's: its value may be another
// object's by now.
Notification* find_open(HANDLE handle) noexcept {
    for (const auto& notification : state().notifications) {
        if (notification->program_end == handle && !notification->closed) {
            DWORD available = 0;
            if (PeekNamedPipe(notification->own_end.get(), nullptr, 0, nullptr, &available, nullptr)) {
                return notification.get();
            }
            mark_closed(*notification);
        }
    }
    return nullptr;
}

// Bytes for reads that the program has cancelled.
void drain(const Notification& notification) noexcept {
    DWORD available = 0;
    const spi::UniqueHandle done(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    while (PeekNamedPipe(notification.program_end, nullptr, 0, nullptr, &available, nullptr) && available != 0) {
        OVERLAPPED overlapped{};
        // The low bit: no packet for the program's completion port.
        overlapped.hEvent = reinterpret_cast<HANDLE>(reinterpret_cast<ULONG_PTR>(done.get()) | 1);
        DWORD read = 0;
        if (!ReadFile(notification.program_end, &sink, 1, nullptr, &overlapped) &&
            (GetLastError() != ERROR_IO_PENDING ||
             !GetOverlappedResult(notification.program_end, &overlapped, &read, TRUE))) {
            return;
        }
    }
}

// ReadFileEx has one parameter less than a routine of Winsock.
void CALLBACK call_routine(DWORD error, DWORD, LPOVERLAPPED overlapped) {
    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine = nullptr;
    {
        const ExclusiveLock guard(state().lock);
        const auto found = state().routines.find(overlapped);
        if (found != state().routines.end()) {
            routine = found->second;
            state().routines.erase(found);
        }
    }
    if (routine != nullptr) {
        routine(error == 0 ? 0 : WSA_OPERATION_ABORTED, 0, overlapped, 0);
    }
}

int begin_read(Notification& notification, OVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    if (notification.waiting.empty()) {
        drain(notification);
    }
    const Version seen = current_version();
    if (routine != nullptr) {
        state().routines[overlapped] = routine;
        if (!ReadFileEx(notification.program_end, &sink, 1, overlapped, call_routine)) {
            const DWORD error = GetLastError();
            state().routines.erase(overlapped);
            return error == ERROR_INVALID_HANDLE ? WSA_INVALID_HANDLE : WSAEINVAL;
        }
    } else if (!ReadFile(notification.program_end, &sink, 1, nullptr, overlapped) &&
               GetLastError() != ERROR_IO_PENDING) {
        return WSA_INVALID_HANDLE;
    }
    notification.waiting.push_back({seen, nullptr});
    return WSA_IO_PENDING;
}

int wait(HANDLE handle) {
    const auto blocked = std::make_shared<Blocked>();
    if (!blocked->done) {
        return WSA_NOT_ENOUGH_MEMORY;
    }
    {
        const ExclusiveLock guard(state().lock);
        Notification* notification = find_open(handle);
        if (notification == nullptr) {
            return WSA_INVALID_HANDLE;
        }
        notification->waiting.push_back({current_version(), blocked});
    }
    WaitForSingleObject(blocked->done.get(), INFINITE);
    const ExclusiveLock guard(state().lock);
    return blocked->closed ? WSA_OPERATION_ABORTED : 0;
}

int notify_of_change(LPHANDLE handle, OVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    if (!started()) {
        return WSANOTINITIALISED;
    }
    if (!writable(handle, sizeof(*handle)) || (overlapped != nullptr && !writable(overlapped, sizeof(*overlapped)))) {
        return WSAEFAULT;
    }
    if (*handle == nullptr) {
        return make_notification(*handle);
    }
    if (overlapped == nullptr) {
        return wait(*handle);
    }
    const ExclusiveLock guard(state().lock);
    Notification* notification = find_open(*handle);
    return notification != nullptr ? begin_read(*notification, overlapped, routine) : WSA_INVALID_HANDLE;
}

} // namespace

} // namespace winsock_spi::wine

using namespace winsock_spi::wine;

extern "C" INT WSAAPI WSAProviderConfigChange(LPHANDLE handle, LPWSAOVERLAPPED overlapped,
                                              LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    int error = 0;
    if (with_errno(&error, [&] { return notify_of_change(handle, overlapped, routine); }) == 0) {
        return 0;
    }
    SetLastError(static_cast<DWORD>(error));
    return SOCKET_ERROR;
}
