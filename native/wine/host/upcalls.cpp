// The 15 functions that providers get with WSPStartup, and WPUCompleteOverlappedRequest, which they import.
#include <new>

#include "../wine_dll.hpp"
#include "dispatch.hpp"
#include "provider.hpp"

namespace winsock_spi::wine {

namespace {

int provider_fail(LPINT error, int code) noexcept {
    if (error != nullptr) {
        *error = code;
    }
    return SOCKET_ERROR;
}

BOOL WSPAPI close_event(WSAEVENT event, LPINT error) {
    if (CloseHandle(event)) {
        return TRUE;
    }
    provider_fail(error, WSA_INVALID_HANDLE);
    return FALSE;
}

BOOL WSPAPI reset_event(WSAEVENT event, LPINT error) {
    if (ResetEvent(event)) {
        return TRUE;
    }
    provider_fail(error, WSA_INVALID_HANDLE);
    return FALSE;
}

BOOL WSPAPI set_event(WSAEVENT event, LPINT error) {
    if (SetEvent(event)) {
        return TRUE;
    }
    provider_fail(error, WSA_INVALID_HANDLE);
    return FALSE;
}

WSAEVENT WSPAPI create_event(LPINT error) {
    const HANDLE event = CreateEventW(nullptr, TRUE, FALSE, nullptr);
    if (event == nullptr) {
        provider_fail(error, WSA_NOT_ENOUGH_MEMORY);
    }
    return event; // WSA_INVALID_EVENT is a null handle
}

SOCKET WSPAPI create_socket_handle(DWORD catalog_entry_id, DWORD_PTR context, LPINT error) {
    Host& state = host();
    const EntryPointer entry = state.providers.find(catalog_entry_id);
    if (!entry || entry->ifs()) {
        provider_fail(error, WSAEINVAL);
        return INVALID_SOCKET;
    }
    // Any kernel object gives a value that no other handle of this process has while it is open. Inheritable, as
    // sockets are.
    SECURITY_ATTRIBUTES inheritable{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
    spi::UniqueHandle object(CreateEventW(&inheritable, TRUE, FALSE, nullptr));
    if (!object) {
        provider_fail(error, WSAENOBUFS);
        return INVALID_SOCKET;
    }
    const SOCKET handle = reinterpret_cast<SOCKET>(object.get());
    const int claim_error = state.sockets.claim(
        handle,
        SocketOwner{.entry = entry, .provider = state.providers.loaded(*entry), .ifs = false, .context = context});
    if (claim_error != 0) {
        provider_fail(error, claim_error);
        return INVALID_SOCKET;
    }
    object.release();
    return handle;
}

int WSPAPI close_socket_handle(SOCKET handle, LPINT error) {
    Host& state = host();
    const SocketReference socket = state.sockets.find(handle);
    if (!socket || socket.owner().ifs) {
        return provider_fail(error, WSAENOTSOCK);
    }
    // Out of the table first: once the handle is closed, its value may be that of a new socket.
    state.sockets.remove(handle, socket);
    CloseHandle(reinterpret_cast<HANDLE>(handle));
    return 0;
}

int WSPAPI query_socket_handle_context(SOCKET handle, PDWORD_PTR context, LPINT error) {
    if (context == nullptr) {
        return provider_fail(error, WSAEFAULT);
    }
    const SocketReference socket = host().sockets.find(handle);
    if (!socket || socket.owner().ifs) {
        return provider_fail(error, WSAENOTSOCK);
    }
    *context = socket.owner().context;
    return 0;
}

int WSPAPI fd_is_set(SOCKET handle, fd_set* set) {
    for (u_int index = 0; index < set->fd_count; ++index) {
        if (set->fd_array[index] == handle) {
            return 1;
        }
    }
    return 0;
}

int WSPAPI get_provider_path(LPGUID provider_id, WCHAR* path, LPINT length, LPINT error) {
    return provider_path(provider_id, path, length, error);
}

bool is_open(SOCKET handle) noexcept {
    const DWORD last_error = GetLastError();
    DWORD flags = 0;
    const bool open = handle != INVALID_SOCKET && GetHandleInformation(reinterpret_cast<HANDLE>(handle), &flags);
    SetLastError(last_error);
    return open;
}

// The handle itself goes to the program: what changes is who is called for it. The last provider that claims it is
// the topmost one.
SOCKET WSPAPI modify_ifs_handle(DWORD catalog_entry_id, SOCKET handle, LPINT error) {
    EntryPointer entry = host().providers.find(catalog_entry_id);
    int code = WSAEINVAL;
    // "The proposed handle is invalid": also one that was open once; its value may soon be another socket's.
    if (entry && entry->ifs() && is_open(handle)) {
        code = claim_ifs_handle(handle, std::move(entry), nullptr);
    }
    if (code != 0) {
        provider_fail(error, code);
        return INVALID_SOCKET;
    }
    return handle;
}

BOOL WSPAPI post_message(HWND window, UINT message, WPARAM wparam, LPARAM lparam) {
    // user32 only where a program has windows: Winsock is in every process, services too.
    const HMODULE user32 = LoadLibraryExW(L"user32.dll", nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
    if (user32 == nullptr) {
        return FALSE;
    }
    const spi::UniqueModule keep(user32);
    const auto post = function_cast<decltype(&::PostMessageW)>(GetProcAddress(user32, "PostMessageW"));
    return post != nullptr && post(window, message, wparam, lparam);
}

// What a provider calls while it waits, in a Winsock 1.1 program.
BOOL CALLBACK run_blocking_hook(DWORD_PTR context) {
    const auto hook = reinterpret_cast<BOOL(CALLBACK*)()>(context);
    while (hook() != FALSE) {
    }
    return TRUE;
}

int WSPAPI query_blocking_callback(DWORD catalog_entry_id, LPBLOCKINGCALLBACK* callback, PDWORD_PTR context,
                                   LPINT error) {
    if (callback == nullptr || context == nullptr) {
        return provider_fail(error, WSAEFAULT);
    }
    Host& state = host();
    if (!state.providers.find(catalog_entry_id)) {
        return provider_fail(error, WSAEINVAL);
    }
    *callback = nullptr;
    *context = 0;
    const ThreadState* thread = state.threads.existing();
    if (LOBYTE(state.version.load(std::memory_order_relaxed)) == 1 && thread != nullptr &&
        thread->blocking_hook != nullptr) {
        *callback = run_blocking_hook;
        *context = reinterpret_cast<DWORD_PTR>(thread->blocking_hook);
    }
    return 0;
}

int WSPAPI queue_apc(LPWSATHREADID thread, LPWSAUSERAPC routine, DWORD_PTR context, LPINT error) {
    if (thread == nullptr || routine == nullptr || !QueueUserAPC(routine, thread->ThreadHandle, context)) {
        return provider_fail(error, WSAEFAULT);
    }
    return 0;
}

int WSPAPI open_current_thread(LPWSATHREADID thread, LPINT error) {
    if (thread == nullptr) {
        return provider_fail(error, WSAEFAULT);
    }
    HANDLE handle = nullptr;
    if (!DuplicateHandle(GetCurrentProcess(), GetCurrentThread(), GetCurrentProcess(), &handle, 0, FALSE,
                         DUPLICATE_SAME_ACCESS)) {
        return provider_fail(error, WSA_NOT_ENOUGH_MEMORY);
    }
    *thread = WSATHREADID{handle, GetCurrentThreadId()};
    return 0;
}

int WSPAPI close_thread(LPWSATHREADID thread, LPINT error) {
    if (thread == nullptr || !CloseHandle(thread->ThreadHandle)) {
        return provider_fail(error, WSAEFAULT);
    }
    thread->ThreadHandle = nullptr;
    return 0;
}

constexpr WSPUPCALLTABLE table{
    close_event,       close_socket_handle, create_event, create_socket_handle,    fd_is_set,
    get_provider_path, modify_ifs_handle,   post_message, query_blocking_callback, query_socket_handle_context,
    queue_apc,         reset_event,         set_event,    open_current_thread,     close_thread,
};

} // namespace

const WSPUPCALLTABLE& upcall_table() noexcept {
    return table;
}

} // namespace winsock_spi::wine

using namespace winsock_spi::wine;

namespace {

// The status that the Win32 and Winsock result functions turn back into the same error code.
ULONG_PTR to_status(DWORD error) noexcept {
    constexpr ULONG_PTR status_cancelled = 0xC0000120;
    constexpr ULONG_PTR win32_facility = 0xC0070000;
    switch (error) {
    case 0: return 0;
    case WSA_OPERATION_ABORTED: return status_cancelled;
    default: return win32_facility | (error & 0xFFFF);
    }
}

} // namespace

extern "C" int WSPAPI WPUCompleteOverlappedRequest(SOCKET handle, LPWSAOVERLAPPED overlapped, DWORD error,
                                                   DWORD transferred, LPINT call_error) {
    if (overlapped == nullptr) {
        return provider_fail(call_error, WSAEFAULT);
    }
    const SocketReference socket = host().sockets.find(handle);
    if (!socket || socket.owner().ifs) {
        return provider_fail(call_error, WSAEINVAL);
    }
    // The low bit of an event handle asks for no completion packet; it is not part of the handle.
    const auto event = reinterpret_cast<HANDLE>(reinterpret_cast<ULONG_PTR>(overlapped->hEvent) & ~ULONG_PTR{1});
    overlapped->InternalHigh = transferred;
    // Last and released: who polls Internal may read the rest once it is no longer WSS_OPERATION_IN_PROGRESS.
    // From then on the structure is the program's again.
    using Status = decltype(overlapped->Internal);
    std::atomic_ref<Status>(overlapped->Internal)
        .store(static_cast<Status>(to_status(error)), std::memory_order_release);
    if (event != nullptr) {
        SetEvent(event);
    }
    return 0;
}
