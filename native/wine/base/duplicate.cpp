// WSPDuplicateSocket, and WSPSocket's part of it. As on Windows, what the program carries to the other process is the
// catalog entry with a number in dwProviderReserved, good for one use in that process.
//
// The socket is duplicated into the target at once. The number names a small section that says as which handle; it
// lives by a handle in the target, so the source may end before the socket is taken. Taking it closes the section,
// and with it the number.
#include "base.hpp" // before other headers that bring Winsock's

#include <atomic>
#include <cstdint>
#include <cwchar>
#include <iterator>

#include "../../spi/unique.hpp"
#include "entries.hpp"

namespace winsock_spi::wine::base {

namespace {

// Handles as the target process has them. 64 bits wide, because 32- and 64-bit processes exchange sockets.
struct Parcel {
    std::int64_t socket; // 0 once taken
    std::int64_t section;
};

struct ViewTraits {
    using type = void*;
    static type invalid() { return nullptr; }
    static void close(type value) { UnmapViewOfFile(value); }
};
using UniqueView = spi::Unique<ViewTraits>;

struct SectionName {
    SectionName(DWORD process_id, DWORD cookie) noexcept {
        std::swprintf(text, std::size(text), L"winsock-wine-socket-%lu-%lu", static_cast<unsigned long>(process_id),
                      static_cast<unsigned long>(cookie));
    }
    wchar_t text[64];
};

// A handle of ours in another process, taken back unless kept.
class RemoteHandle {
public:
    RemoteHandle(HANDLE process, HANDLE local) noexcept : process_(process) {
        if (!DuplicateHandle(GetCurrentProcess(), local, process, &handle_, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
            handle_ = nullptr;
        }
    }
    ~RemoteHandle() {
        if (handle_ != nullptr) {
            DuplicateHandle(process_, handle_, nullptr, nullptr, 0, FALSE, DUPLICATE_CLOSE_SOURCE);
        }
    }
    RemoteHandle(const RemoteHandle&) = delete;
    RemoteHandle& operator=(const RemoteHandle&) = delete;

    explicit operator bool() const noexcept { return handle_ != nullptr; }
    std::int64_t value() const noexcept { return static_cast<std::int64_t>(reinterpret_cast<intptr_t>(handle_)); }
    void keep() noexcept { handle_ = nullptr; }

private:
    HANDLE process_;
    HANDLE handle_ = nullptr;
};

// A number that no other duplicate for that process has at the moment, and the section it names.
spi::UniqueHandle make_section(DWORD process_id, DWORD& cookie) noexcept {
    LARGE_INTEGER clock;
    QueryPerformanceCounter(&clock);
    cookie = clock.LowPart;
    for (int attempt = 0; attempt < 1000; ++attempt, ++cookie) {
        if (cookie == 0) {
            continue; // 0 says: no duplicate
        }
        const SectionName name(process_id, cookie);
        spi::UniqueHandle section(
            CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0, sizeof(Parcel), name.text));
        if (!section || GetLastError() != ERROR_ALREADY_EXISTS) {
            return section;
        }
    }
    return {};
}

int send_parcel(SOCKET handle, DWORD process_id, DWORD& cookie) noexcept {
    const spi::UniqueHandle process(OpenProcess(PROCESS_DUP_HANDLE, FALSE, process_id));
    if (!process) {
        return WSAEINVAL;
    }
    RemoteHandle socket(process.get(), reinterpret_cast<HANDLE>(handle));
    if (!socket) {
        return WSAEMFILE;
    }
    const spi::UniqueHandle section = make_section(process_id, cookie);
    if (!section) {
        return WSAENOBUFS;
    }
    const UniqueView view(MapViewOfFile(section.get(), FILE_MAP_WRITE, 0, 0, sizeof(Parcel)));
    RemoteHandle remote_section(process.get(), section.get());
    if (!view || !remote_section) {
        return WSAENOBUFS;
    }
    Parcel& parcel = *static_cast<Parcel*>(view.get());
    parcel.section = remote_section.value();
    std::atomic_ref<std::int64_t>(parcel.socket).store(socket.value(), std::memory_order_release);
    socket.keep();
    remote_section.keep();
    return 0;
}

// Closes the handle that kept the section, if it is that handle: the number in the section is anyone's writing.
void close_kept(HANDLE section, std::int64_t kept) noexcept {
    using Compare = BOOL(WINAPI*)(HANDLE, HANDLE);
    const auto handle = reinterpret_cast<HANDLE>(static_cast<intptr_t>(kept));
    const auto compare =
        function_cast<Compare>(GetProcAddress(GetModuleHandleW(L"kernelbase.dll"), "CompareObjectHandles"));
    if (compare != nullptr && compare(section, handle)) {
        CloseHandle(handle);
    }
}

} // namespace

int WSPAPI duplicate_socket(SOCKET handle, DWORD process_id, LPWSAPROTOCOL_INFOW info, LPINT error) {
    WSAPROTOCOL_INFOW entry;
    int failure = entry_of_socket(handle, entry);
    if (failure == 0 && info == nullptr) {
        failure = process_id == 0 ? WSAEINVAL : WSAEFAULT;
    }
    if (failure == 0) {
        failure = send_parcel(handle, process_id, entry.dwProviderReserved);
    }
    if (failure != 0) {
        return fail(error, failure);
    }
    *info = entry;
    return 0;
}

int take_duplicate(DWORD cookie, SOCKET& handle) noexcept {
    const SectionName name(GetCurrentProcessId(), cookie);
    const spi::UniqueHandle section(OpenFileMappingW(FILE_MAP_WRITE, FALSE, name.text));
    const UniqueView view(section ? MapViewOfFile(section.get(), FILE_MAP_WRITE, 0, 0, sizeof(Parcel)) : nullptr);
    if (!view) {
        return WSAEINVAL;
    }
    Parcel& parcel = *static_cast<Parcel*>(view.get());
    const std::int64_t kept = std::atomic_ref<std::int64_t>(parcel.section).load(std::memory_order_relaxed);
    const std::int64_t socket =
        std::atomic_ref<std::int64_t>(parcel.socket).exchange(0, std::memory_order_acq_rel);
    if (socket == 0) {
        return WSAEINVAL; // another thread was first
    }
    handle = static_cast<SOCKET>(socket);
    close_kept(section.get(), kept);
    WSAPROTOCOL_INFOW entry;
    return entry_of_socket(handle, entry) == 0 ? 0 : WSAEINVAL; // a socket, not whatever someone wrote there
}

} // namespace winsock_spi::wine::base
