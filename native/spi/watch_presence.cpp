#include "watch_presence.hpp"

#include "text.hpp"
#include "win32.hpp"

#include <utility>

#if defined(_M_IX86) || defined(_M_X64) || defined(__i386__) || defined(__x86_64__)
#include <intrin.h>
#define WINSOCK_SPI_HAS_TSC 1
#endif

namespace winsock_spi::spi {

namespace {

// Bytes that are locked; nothing is ever stored there.
constexpr int slots = 64;
constexpr DWORD lock_area = 0x1000'0000;        // byte lock_area + n is watcher n
constexpr DWORD turnstile = lock_area + slots;  // held while the word is counted and written
constexpr int turnstile_milliseconds = 100;     // after that long its holder is not one of us, or is stuck

OVERLAPPED at_byte(DWORD offset) {
    OVERLAPPED position{};
    position.Offset = offset;
    return position;
}

bool lock_byte(HANDLE file, DWORD offset, bool exclusive) {
    OVERLAPPED position = at_byte(offset);
    return LockFileEx(file, LOCKFILE_FAIL_IMMEDIATELY | (exclusive ? LOCKFILE_EXCLUSIVE_LOCK : 0u), 0, 1, 0, &position);
}

void unlock_byte(HANDLE file, DWORD offset) {
    OVERLAPPED position = at_byte(offset);
    UnlockFileEx(file, 0, 1, 0, &position);
}

class Turnstile {
public:
    explicit Turnstile(HANDLE file) : file_(file) {
        held_ = lock_byte(file_, turnstile, true);
        for (int waited = 0; !held_ && waited < turnstile_milliseconds; ++waited) {
            Sleep(1);
            held_ = lock_byte(file_, turnstile, true);
        }
    }
    ~Turnstile() {
        if (held_) {
            unlock_byte(file_, turnstile);
        }
    }
    Turnstile(const Turnstile&) = delete;
    Turnstile& operator=(const Turnstile&) = delete;

private:
    HANDLE file_;
    bool held_ = false;
};

bool is_missing(DWORD error) {
    return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND;
}

std::uint64_t counter() {
#ifdef WINSOCK_SPI_HAS_TSC
    return __rdtsc();
#else
    LARGE_INTEGER now{};
    QueryPerformanceCounter(&now);
    return static_cast<std::uint64_t>(now.QuadPart);
#endif
}

} // namespace

MappedControl::MappedControl(MappedControl&& other) noexcept
    : file_(std::move(other.file_)), view_(std::exchange(other.view_, nullptr)) {}

MappedControl& MappedControl::operator=(MappedControl&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(view_, other.view_);
    return *this;
}

MappedControl::~MappedControl() {
    if (view_ != nullptr) {
        UnmapViewOfFile(view_);
    }
}

Status MappedControl::open(const std::wstring& path, bool writable) {
    const DWORD access = writable ? GENERIC_READ | GENERIC_WRITE : GENERIC_READ;
    UniqueFile file(CreateFileW(path.c_str(), access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!file) {
        const DWORD error = GetLastError();
        if (is_missing(error)) {
            return own_error("ERR_NOT_INSTALLED",
                             "the winsock-spi provider is not installed on this machine: run `winsock-spi install`");
        }
        return system_error(error, "CreateFile", "open " + narrow(path));
    }
    LARGE_INTEGER size{};
    if (!GetFileSizeEx(file.get(), &size)) {
        return last_error("GetFileSizeEx", narrow(path));
    }
    const auto damaged = [&] {
        return own_error("ERR_CONTROL_DAMAGED",
                         narrow(path) + " is not a control file: run `winsock-spi uninstall` and `winsock-spi "
                                        "install` to make it anew");
    };
    if (size.QuadPart < static_cast<LONGLONG>(sizeof(core::ControlFile))) {
        return damaged();
    }
    const DWORD protection = writable ? PAGE_READWRITE : PAGE_READONLY;
    const UniqueHandle section(
        CreateFileMappingW(file.get(), nullptr, protection, 0, sizeof(core::ControlFile), nullptr));
    if (!section) {
        return last_error("CreateFileMapping", narrow(path));
    }
    const DWORD wanted = writable ? FILE_MAP_WRITE : FILE_MAP_READ;
    void* view = MapViewOfFile(section.get(), wanted, 0, 0, sizeof(core::ControlFile));
    if (view == nullptr) {
        return last_error("MapViewOfFile", narrow(path));
    }
    MappedControl opened;
    opened.file_ = std::move(file);
    opened.view_ = static_cast<core::ControlFile*>(view);
    // Of whatever ABI: the first bytes, and with them `watchers`, are the same in all.
    if (!core::is_control_header(opened.view_->magic, opened.view_->size)) {
        return damaged();
    }
    *this = std::move(opened);
    return {};
}

Status WatchPresence::open(const std::wstring& data_folder) {
    const std::wstring control_path = data_folder + L"\\control.bin";
    const std::wstring watch_path = data_folder + L"\\watch.bin";
    MappedControl control;
    MappedControl watch;
    Status status = control.open(control_path, true);
    Place place = Place::control;
    if (status.number == ERROR_ACCESS_DENIED) {
        place = Place::watch;
        status = control.open(control_path, false);
    }
    if (!status.ok()) {
        return status;
    }
    status = watch.open(watch_path, place == Place::watch);
    if (!status.ok()) {
        return status;
    }
    control_ = std::move(control);
    watch_ = std::move(watch);
    place_ = place;
    return {};
}

unsigned WatchPresence::count_others(const MappedControl& mapped) const {
    unsigned found = 0;
    for (int slot = 0; slot < slots; ++slot) {
        if (&mapped == &own() && slot == slot_) {
            continue;
        }
        const DWORD offset = lock_area + static_cast<DWORD>(slot);
        if (lock_byte(mapped.file(), offset, false)) {
            unlock_byte(mapped.file(), offset);
        } else if (GetLastError() == ERROR_LOCK_VIOLATION) {
            ++found;
        }
    }
    return found;
}

void WatchPresence::enter() {
    if (watching_ || place_ == Place::none) {
        return;
    }
    const MappedControl& mapped = own();
    const Turnstile passing(mapped.file());
    for (int slot = 0; slot < slots && slot_ < 0; ++slot) {
        if (lock_byte(mapped.file(), lock_area + static_cast<DWORD>(slot), true)) {
            slot_ = slot;
        }
    }
    watching_ = true;
    mapped.control().watchers.store(count_others(mapped) + 1, std::memory_order_release);
}

void WatchPresence::leave() {
    if (!watching_) {
        return;
    }
    const MappedControl& mapped = own();
    const Turnstile passing(mapped.file());
    if (slot_ >= 0) {
        unlock_byte(mapped.file(), lock_area + static_cast<DWORD>(slot_));
        slot_ = -1;
    }
    watching_ = false;
    mapped.control().watchers.store(count_others(mapped), std::memory_order_release);
}

void WatchPresence::close() {
    leave();
    place_ = Place::none;
    control_ = MappedControl();
    watch_ = MappedControl();
}

void WatchPresence::keep() {
    if (watching_ && own().control().watchers.load(std::memory_order_relaxed) == 0) {
        own().control().watchers.store(1, std::memory_order_release);
    }
}

bool WatchPresence::others() const {
    return place_ != Place::none && (count_others(control_) != 0 || count_others(watch_) != 0);
}

ClockSample read_clocks() {
    LARGE_INTEGER frequency{};
    QueryPerformanceFrequency(&frequency);
    ClockSample best{};
    std::uint64_t narrowest = ~std::uint64_t{0};
    for (int attempt = 0; attempt < 5; ++attempt) { // the narrowest of five: the others were interrupted
        LARGE_INTEGER qpc{};
        FILETIME time{};
        const std::uint64_t before = counter();
        QueryPerformanceCounter(&qpc);
        GetSystemTimePreciseAsFileTime(&time);
        const std::uint64_t after = counter();
        if (after - before < narrowest) {
            narrowest = after - before;
            best = {before + (after - before) / 2, static_cast<std::uint64_t>(qpc.QuadPart),
                    static_cast<std::uint64_t>(frequency.QuadPart),
                    static_cast<std::uint64_t>(time.dwHighDateTime) << 32 | time.dwLowDateTime};
        }
    }
    return best;
}

std::uint64_t milliseconds() {
    return GetTickCount64();
}

} // namespace winsock_spi::spi
