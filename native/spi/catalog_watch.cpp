#include "catalog_watch.hpp"

#include <algorithm>
#include <iterator>

#include "catalog_events.hpp"
#include "registry.hpp"
#include "sockets/winsock_api.hpp"
#include "system_library.hpp"
#include "unique.hpp"

namespace winsock_spi::spi {
namespace {

// A change is told when nothing has been written for so long, so that what belongs together is told together.
constexpr std::uint64_t quiet_ms = 60;
// Who keeps on writing is told of after this time all the same.
constexpr std::uint64_t longest_ms = 5000;
// So long a writer that is at work may take, or one that was ended and has left its key behind.
constexpr std::uint64_t writer_ms = 30'000;
// A cancelled call ends at once.
constexpr DWORD cancel_ms = 5000;

std::uint64_t current_filetime() {
    FILETIME time;
    GetSystemTimePreciseAsFileTime(&time);
    return static_cast<std::uint64_t>(time.dwHighDateTime) << 32 | time.dwLowDateTime;
}

// Whether Winsock is changing a catalog just now (is_access_key in registry.hpp).
bool writer_at_work() {
    for (const wchar_t* name : {L"Protocol_Catalog9", L"NameSpace_Catalog5"}) {
        const std::wstring path = std::wstring(winsock_parameters) + L"\\" + name;
        UniqueKey key;
        if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, path.c_str(), 0, KEY_ENUMERATE_SUB_KEYS, key.put()) != ERROR_SUCCESS) {
            continue;
        }
        wchar_t child[256];
        // A catalog has two or three keys of its own.
        for (DWORD index = 0; index < 64; ++index) {
            DWORD length = static_cast<DWORD>(std::size(child));
            if (RegEnumKeyExW(key.get(), index, child, &length, nullptr, nullptr, nullptr, nullptr) != ERROR_SUCCESS) {
                break;
            }
            if (is_access_key(path, std::wstring_view(child, length))) {
                return true;
            }
        }
    }
    return false;
}

// Two notifications: of everything below WinSock2\Parameters, and of the keys beside it, since who watches a key need
// not hear that it was deleted, and cannot that it was made again.
class RegistryNotice {
public:
    Status open() {
        event_.reset(CreateEventW(nullptr, FALSE, FALSE, nullptr));
        parent_event_.reset(CreateEventW(nullptr, FALSE, FALSE, nullptr));
        return event_ && parent_event_ ? open_keys() : last_error("CreateEventW");
    }
    HANDLE event() const { return event_.get(); }
    HANDLE parent_event() const { return parent_event_.get(); }

    // Call it after event(), and before what was changed is read.
    Status arm() { return key_ && ask() == ERROR_SUCCESS ? Status{} : open_keys(); }

    // As above: opens everything anew. Call it after parent_event().
    Status open_keys() {
        constexpr int most_attempts = 16; // a key may go between being opened and being asked about
        LSTATUS error = ERROR_SUCCESS;
        for (int attempt = 0; attempt < most_attempts; ++attempt) {
            error = watch_parent();
            if (error == ERROR_SUCCESS) {
                error = watch_key();
                if (error == ERROR_SUCCESS || error == ERROR_FILE_NOT_FOUND) { // its parent tells when it comes
                    return {};
                }
            }
        }
        return system_error(static_cast<std::uint32_t>(error), "RegNotifyChangeKeyValue", "watch the Winsock catalog");
    }

private:
    LSTATUS watch_parent() {
        LSTATUS error = ERROR_FILE_NOT_FOUND;
        for (const wchar_t* path :
             {L"SYSTEM\\CurrentControlSet\\Services\\WinSock2", L"SYSTEM\\CurrentControlSet\\Services"}) {
            if (error == ERROR_FILE_NOT_FOUND) {
                error = RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_NOTIFY, parent_.put());
            }
        }
        ResetEvent(parent_event_.get()); // closing a key sets the event of its notification
        return error != ERROR_SUCCESS
                   ? error
                   : RegNotifyChangeKeyValue(parent_.get(), FALSE, REG_NOTIFY_CHANGE_NAME, parent_event_.get(), TRUE);
    }

    LSTATUS watch_key() {
        const LSTATUS error = RegOpenKeyExW(HKEY_LOCAL_MACHINE, winsock_parameters, 0, KEY_NOTIFY, key_.put());
        ResetEvent(event_.get());
        return error != ERROR_SUCCESS ? error : ask();
    }

    LSTATUS ask() {
        return RegNotifyChangeKeyValue(key_.get(), TRUE, REG_NOTIFY_CHANGE_NAME | REG_NOTIFY_CHANGE_LAST_SET,
                                       event_.get(), TRUE);
    }

    UniqueHandle event_;
    UniqueHandle parent_event_;
    UniqueKey key_;
    UniqueKey parent_;
};

// WSAProviderConfigChange. All calls on one thread, which outlives them.
class WinsockNotice {
public:
    WinsockNotice() = default;
    WinsockNotice(const WinsockNotice&) = delete;
    WinsockNotice& operator=(const WinsockNotice&) = delete;
    ~WinsockNotice() { close(); }

    Status open() {
        const WinsockApi* api = nullptr;
        if (Status status = winsock_api(api); !status.ok()) { // starts Winsock
            return status;
        }
        if (Status status = load_system_library(L"ws2_32.dll", library_); !status.ok()) {
            return status;
        }
        if (Status status = find_function(library_, function_, "WSAProviderConfigChange"); !status.ok()) {
            return status;
        }
        last_error_ = api->WSAGetLastError;
        event_.reset(CreateEventW(nullptr, TRUE, FALSE, nullptr));
        if (!event_) {
            return last_error("CreateEventW");
        }
        if (function_(&handle_, nullptr, nullptr) != 0) {
            handle_ = nullptr;
            return system_error(static_cast<std::uint32_t>(last_error_()), "WSAProviderConfigChange");
        }
        return arm();
    }

    bool is_open() const { return handle_ != nullptr; }
    HANDLE event() const { return event_.get(); }

    Status arm() {
        ResetEvent(event_.get());
        *pending_ = {};
        pending_->hEvent = event_.get();
        if (function_(&handle_, pending_.get(), nullptr) != 0) {
            const int error = last_error_();
            if (error != WSA_IO_PENDING) {
                Status status = system_error(static_cast<std::uint32_t>(error), "WSAProviderConfigChange");
                close();
                return status;
            }
        }
        return {};
    }

    void close() {
        if (handle_ == nullptr) {
            return;
        }
        CancelIoEx(handle_, pending_.get());
        CloseHandle(handle_);
        handle_ = nullptr;
        if (pending_->hEvent != nullptr && WaitForSingleObject(event_.get(), cancel_ms) != WAIT_OBJECT_0) {
            pending_.release(); // still the system's
            event_.release();
        }
    }

private:
    UniqueModule library_;
    decltype(&::WSAProviderConfigChange) function_ = nullptr;
    decltype(&::WSAGetLastError) last_error_ = nullptr;
    UniqueHandle event_;
    HANDLE handle_ = nullptr;
    std::unique_ptr<WSAOVERLAPPED> pending_ = std::make_unique<WSAOVERLAPPED>();
};

} // namespace

class CatalogWatch::Impl {
public:
    explicit Impl(CatalogWatchSink& sink) : sink_(sink) {}

    Status start() {
        stop_.reset(CreateEventW(nullptr, TRUE, FALSE, nullptr));
        ready_.reset(CreateEventW(nullptr, TRUE, FALSE, nullptr));
        if (!stop_ || !ready_) {
            return last_error("CreateEventW");
        }
        thread_.reset(CreateThread(nullptr, 0, thread_main, this, 0, nullptr));
        if (!thread_) {
            return last_error("CreateThread");
        }
        WaitForSingleObject(ready_.get(), INFINITE);
        return opened_;
    }

    ~Impl() {
        if (thread_) {
            SetEvent(stop_.get());
            WaitForSingleObject(thread_.get(), INFINITE);
        }
    }

    CatalogWatchWays ways() const { return ways_; }

private:
    static DWORD WINAPI thread_main(void* self) {
        static_cast<Impl*>(self)->run();
        return 0;
    }

    // All that waits belongs to this thread: requests of a thread end with it.
    void run() {
        RegistryNotice registry;
        WinsockNotice winsock;
        CatalogEvents events;
        opened_ = registry.open();
        // The other two only add to it.
        ways_.winsock = opened_.ok() && winsock.open().ok();
        ways_.events = opened_.ok() && events.open().ok();
        SetEvent(ready_.get());
        if (opened_.ok()) {
            if (const Status status = loop(registry, winsock, events); !status.ok()) {
                sink_.failed(status);
            }
        }
    }

    Status loop(RegistryNotice& registry, WinsockNotice& winsock, CatalogEvents& events) {
        for (;;) {
            HANDLE handles[5] = {stop_.get(), registry.event(), registry.parent_event()};
            DWORD count = 3;
            if (winsock.is_open()) {
                handles[count++] = winsock.event();
            }
            if (events.is_open()) {
                handles[count++] = events.signal();
            }
            const DWORD woken = WaitForMultipleObjects(count, handles, FALSE, patience());
            if (woken == WAIT_TIMEOUT) {
                tell();
                continue;
            }
            if (woken == WAIT_FAILED) {
                return last_error("WaitForMultipleObjects");
            }
            const HANDLE signalled = handles[woken - WAIT_OBJECT_0];
            if (signalled == stop_.get()) {
                return {};
            }
            if (signalled == registry.event() || signalled == registry.parent_event()) {
                note(ChangeSource::registry);
                Status status = signalled == registry.event() ? registry.arm() : registry.open_keys();
                if (!status.ok()) {
                    return status;
                }
            } else if (winsock.is_open() && signalled == winsock.event()) {
                note(ChangeSource::winsock);
                static_cast<void>(winsock.arm().ok()); // where it fails it is closed; the registry tells all it would
            } else {
                events.take([this](std::wstring xml) { sink_.event(std::move(xml)); });
            }
        }
    }

    void note(ChangeSource source) {
        last_ = GetTickCount64();
        working_ = false;
        if (!dirty_) {
            dirty_ = true;
            first_ = last_;
            source_ = source;
            filetime_ = current_filetime();
        }
    }

    // How long the next sign is waited for before the change is told.
    DWORD patience() const {
        if (!dirty_) {
            return INFINITE;
        }
        const std::uint64_t now = GetTickCount64();
        const std::uint64_t end = working_ ? first_ + writer_ms : std::min(last_ + quiet_ms, first_ + longest_ms);
        return end > now ? static_cast<DWORD>(end - now) : 0;
    }

    void tell() {
        // A writer that is at work deletes its key when it has finished, and that is a sign.
        working_ = GetTickCount64() < first_ + writer_ms && writer_at_work();
        if (!working_) {
            dirty_ = false;
            sink_.changed(source_, filetime_);
        }
    }

    CatalogWatchSink& sink_;
    UniqueHandle stop_;
    UniqueHandle ready_;
    UniqueHandle thread_;
    Status opened_;
    CatalogWatchWays ways_;
    // The change that has not been told yet; only the thread knows it.
    bool dirty_ = false;
    bool working_ = false;
    std::uint64_t first_ = 0;
    std::uint64_t last_ = 0;
    std::uint64_t filetime_ = 0;
    ChangeSource source_ = ChangeSource::registry;
};

CatalogWatch::CatalogWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CatalogWatch::~CatalogWatch() = default;

CatalogWatchWays CatalogWatch::ways() const {
    return impl_->ways();
}

Status CatalogWatch::open(CatalogWatchSink& sink, std::unique_ptr<CatalogWatch>& watch) {
    auto impl = std::make_unique<Impl>(sink);
    if (Status status = impl->start(); !status.ok()) {
        return status;
    }
    watch.reset(new CatalogWatch(std::move(impl)));
    return {};
}

} // namespace winsock_spi::spi
