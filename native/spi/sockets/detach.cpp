#include "detach.hpp"

#include "../nt_api.hpp"
#include "../unique.hpp"

#include <atomic>

namespace winsock_spi::spi {
namespace {

constexpr ULONG file_completion_notification_information = 41; // FileIoCompletionNotificationInformation
constexpr ULONG file_replace_completion_information = 61;      // FileReplaceCompletionInformation, Windows 8.1

constexpr auto status_not_implemented = static_cast<NTSTATUS>(0xC0000002);
constexpr auto status_invalid_info_class = static_cast<NTSTATUS>(0xC0000003);

struct CompletionInformation { // FILE_COMPLETION_INFORMATION
    HANDLE port;
    void* key;
};

using FileInformation = NTSTATUS(NTAPI*)(HANDLE, PIO_STATUS_BLOCK, PVOID, ULONG, ULONG);

FileInformation ntdll_function(const char* name) {
    return reinterpret_cast<FileInformation>(
        reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"ntdll.dll"), name)));
}

HANDLE handle_of(SOCKET socket) {
    return reinterpret_cast<HANDLE>(socket);
}

// The port that occupies, and the thread that throws away what arrives there: operations of other processes on the same
// socket, which nobody here has asked for. Both live as long as the process.
struct EmptyPort {
    UniqueHandle port;
    Status status;

    EmptyPort() : port(CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1)) {
        if (!port) {
            status = last_error("CreateIoCompletionPort");
            return;
        }
        HMODULE self = nullptr; // the thread's code must stay, whoever else unloads the addon
        if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                                reinterpret_cast<const wchar_t*>(&drain), &self)) {
            status = last_error("GetModuleHandleExW");
            return;
        }
        const HANDLE handle = port.get();
        const UniqueHandle thread(
            CreateThread(nullptr, 64 * 1024, drain, handle, STACK_SIZE_PARAM_IS_A_RESERVATION, nullptr));
        if (!thread) {
            status = last_error("CreateThread");
        }
    }

    static DWORD WINAPI drain(void* port) {
        OVERLAPPED_ENTRY entries[64];
        ULONG count = 0;
        while (GetQueuedCompletionStatusEx(port, entries, 64, &count, INFINITE, FALSE) ||
               GetLastError() != ERROR_INVALID_HANDLE) {
        }
        return 0;
    }
};

} // namespace

Status detach_from_port(SOCKET socket, bool& detached) {
    static const FileInformation set = ntdll_function("NtSetInformationFile");
    static std::atomic<bool> unknown = set == nullptr;
    detached = false;
    if (!unknown) {
        IO_STATUS_BLOCK io{};
        CompletionInformation none{};
        const NTSTATUS status = set(handle_of(socket), &io, &none, sizeof none, file_replace_completion_information);
        detached = nt_success(status);
        unknown = status == status_invalid_info_class || status == status_not_implemented; // asked once, then known
    }
    return {};
}

Status occupy_port(SOCKET socket, bool& occupied) {
    static EmptyPort& empty = *new EmptyPort; // never destroyed: its thread waits on it to the process's end
    if (!empty.status.ok()) {
        return empty.status;
    }
    occupied = CreateIoCompletionPort(handle_of(socket), empty.port.get(), 0, 0) != nullptr;
    if (!occupied && GetLastError() != ERROR_INVALID_PARAMETER) { // which says: on a port already
        return last_error("CreateIoCompletionPort", "a socket");
    }
    return {};
}

std::uint32_t completion_modes(SOCKET socket) {
    static const FileInformation query = ntdll_function("NtQueryInformationFile");
    ULONG modes = 0;
    IO_STATUS_BLOCK io{};
    const bool told = query != nullptr && nt_success(query(handle_of(socket), &io, &modes, sizeof modes,
                                                           file_completion_notification_information));
    return told ? static_cast<std::uint32_t>(modes) : 0;
}

Status cancel_pending(SOCKET socket, std::uint32_t milliseconds, bool& idle) {
    const ULONGLONG end = GetTickCount64() + milliseconds;
    idle = false;
    for (unsigned attempt = 0;; ++attempt) {
        if (!CancelIoEx(handle_of(socket), nullptr)) {
            if (GetLastError() == ERROR_NOT_FOUND) {
                idle = true;
                return {};
            }
            return last_error("CancelIoEx", "a socket");
        }
        if (GetTickCount64() >= end) {
            return {};
        }
        attempt < 16 ? static_cast<void>(SwitchToThread()) : Sleep(1);
    }
}

} // namespace winsock_spi::spi
