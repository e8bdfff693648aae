// Calls every upcall with right and wrong arguments and compares what comes back with what Microsoft's page of it says.
// One row for each: the upcall (https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-<name> is its page), the
// arguments, result and *lpErrno expected and got, and the words of the page. Where a page names no error, any does.
#pragma once

#include <winsock2.h>
#include <ws2spi.h>

#include <windows.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace stranger {

struct UpcallRow {
    const char* upcall;
    const char* arguments;
    std::string expected;
    std::string got;
    const char* quote;
};

class UpcallChecks {
public:
    static constexpr int any_error = -1;

    // A result, and for a failure the error.
    void add(const char* upcall, const char* arguments, long long result, int error, long long got_result,
             int got_error, const char* quote) {
        std::string expected = std::to_string(result);
        std::string got = std::to_string(got_result);
        if (error == any_error) {
            expected += ", an error";
            got += got_error != 0 ? ", an error" : ", no error";
        } else if (error != 0) {
            expected += ", " + std::to_string(error);
            got += ", " + std::to_string(got_error);
        }
        rows.push_back({upcall, arguments, expected, got, quote});
    }
    void add(const char* upcall, const char* arguments, bool good, const char* quote) {
        rows.push_back({upcall, arguments, "so", good ? "so" : "not so", quote});
    }

    std::vector<UpcallRow> rows;
};

inline constexpr int fresh = 0; // *lpErrno before each call

inline void check_events(UpcallChecks& checks, const WSPUPCALLTABLE& up) {
    int error = fresh;
    const HANDLE mutex = CreateMutexW(nullptr, FALSE, nullptr); // before the event's value is free again
    const WSAEVENT event = up.lpWPUCreateEvent(&error);
    checks.add("WPUCreateEvent", "", event != WSA_INVALID_EVENT, "returns the handle of the event object");
    const char* const initial = "manually reset with an initial state of nonsignaled";
    checks.add("WPUCreateEvent", "a wait for it", WAIT_TIMEOUT, 0, WaitForSingleObject(event, 0), 0, initial);
    const char* const sets = "sets the state of the specified event object to signaled";
    checks.add("WPUSetEvent", "an event", TRUE, 0, up.lpWPUSetEvent(event, &error), error, sets);
    checks.add("WPUSetEvent", "a wait for it", WAIT_OBJECT_0, 0, WaitForSingleObject(event, 0), 0, sets);
    checks.add("WPUCreateEvent", "a second wait", WAIT_OBJECT_0, 0, WaitForSingleObject(event, 0), 0, initial);
    const char* const resets = "resets the state of the specified event object to nonsignaled";
    checks.add("WPUResetEvent", "an event", TRUE, 0, up.lpWPUResetEvent(event, &error), error, resets);
    checks.add("WPUResetEvent", "a wait for it", WAIT_TIMEOUT, 0, WaitForSingleObject(event, 0), 0, resets);
    const char* const closes = "closes an open event object handle";
    checks.add("WPUCloseEvent", "an event", TRUE, 0, up.lpWPUCloseEvent(event, &error), error, closes);

    const char* const invalid = "The hEvent parameter is not a valid event object handle";
    struct Wrong {
        const char* what;
        HANDLE handle;
        bool closable; // CloseHandle would close it, whatever it is
    };
    for (const Wrong& wrong :
         {Wrong{"a closed event", event, false}, Wrong{"no event", nullptr, false}, Wrong{"a mutex", mutex, true}}) {
        error = fresh;
        BOOL result = up.lpWPUSetEvent(wrong.handle, &error);
        checks.add("WPUSetEvent", wrong.what, FALSE, ERROR_INVALID_HANDLE, result, error, invalid);
        error = fresh;
        result = up.lpWPUResetEvent(wrong.handle, &error);
        checks.add("WPUResetEvent", wrong.what, FALSE, WSA_INVALID_HANDLE, result, error, invalid);
        if (!wrong.closable) {
            error = fresh;
            result = up.lpWPUCloseEvent(wrong.handle, &error);
            checks.add("WPUCloseEvent", wrong.what, FALSE, WSA_INVALID_HANDLE, result, error, invalid);
        }
    }
    CloseHandle(mutex);
}

inline void check_provider_path(UpcallChecks& checks, const WSPUPCALLTABLE& up, GUID base, GUID own) {
    const char* const name = "WPUGetProviderPath";
    wchar_t path[MAX_PATH]{};
    int length = MAX_PATH;
    int error = fresh;
    int result = up.lpWPUGetProviderPath(&base, path, &length, &error);
    checks.add(name, "the base provider", 0, 0, result, error, "If no error occurs, WPUGetProviderPath returns zero");
    checks.add(name, "its path", std::wcschr(path, L'%') != nullptr,
               "any embedded environment strings (such as %SystemRoot%) have not been expanded");
    length = MAX_PATH;
    error = fresh;
    result = up.lpWPUGetProviderPath(&own, path, &length, &error);
    checks.add(name, "a layered provider", 0, 0, result, error, "retrieves the DLL path for the specified provider");
    GUID unknown = own;
    unknown.Data2 ^= 0xFFFF;
    length = MAX_PATH;
    error = fresh;
    result = up.lpWPUGetProviderPath(&unknown, path, &length, &error);
    checks.add(name, "an unknown provider", SOCKET_ERROR, WSAEINVAL, result, error,
               "The lpProviderId parameter does not specify a valid provider");
    const char* const fault = "not in a valid part of the user address space, or lpProviderDllPathLen is too small";
    length = 3;
    error = fresh;
    result = up.lpWPUGetProviderPath(&base, path, &length, &error);
    checks.add(name, "room for 3 characters", SOCKET_ERROR, WSAEFAULT, result, error, fault);
    length = MAX_PATH;
    error = fresh;
    result = up.lpWPUGetProviderPath(&base, nullptr, &length, &error);
    checks.add(name, "no buffer", SOCKET_ERROR, WSAEFAULT, result, error, fault);
}

inline void check_blocking_callback(UpcallChecks& checks, const WSPUPCALLTABLE& up, DWORD own_id) {
    const char* const name = "WPUQueryBlockingCallback";
    LPBLOCKINGCALLBACK callback = nullptr;
    DWORD_PTR context = 0;
    int error = fresh;
    int result = up.lpWPUQueryBlockingCallback(own_id, &callback, &context, &error);
    checks.add(name, "own id", 0, 0, result, error,
               "returns zero and stores a pointer to a blocking callback function");
    checks.add(name, "the callback", callback == nullptr,
               "can return null in lpfnCallback, indicating that no user defined-blocking hook is installed");
    error = fresh;
    result = up.lpWPUQueryBlockingCallback(0x7FFFFFF1, &callback, &context, &error);
    checks.add(name, "an unknown id", SOCKET_ERROR, WSAEINVAL, result, error,
               "The dwCatalogEntryId parameter is invalid");
    const char* const fault = "parameter is not a valid part of the process address space";
    error = fresh;
    result = up.lpWPUQueryBlockingCallback(own_id, nullptr, &context, &error);
    checks.add(name, "no place for the callback", SOCKET_ERROR, WSAEFAULT, result, error, fault);
    error = fresh;
    result = up.lpWPUQueryBlockingCallback(own_id, &callback, nullptr, &error);
    checks.add(name, "no place for the context", SOCKET_ERROR, WSAEFAULT, result, error, fault);
}

inline DWORD_PTR apc_context = 0;

inline void CALLBACK note_apc(DWORD_PTR context) {
    apc_context = context;
}

struct ThreadChecks {
    UpcallChecks& checks;
    const WSPUPCALLTABLE& up;
};

// In a thread of our own: an alertable wait in the program's would run the program's APCs.
inline DWORD WINAPI check_threads(LPVOID parameter) {
    auto& [checks, up] = *static_cast<ThreadChecks*>(parameter);
    WSATHREADID thread{};
    int error = fresh;
    int result = up.lpWPUOpenCurrentThread(&thread, &error);
    checks.add("WPUOpenCurrentThread", "", 0, 0, result, error,
               "opens a handle to the current thread that can be used with overlapped functions");
    checks.add("WPUOpenCurrentThread", "its handle", GetThreadId(thread.ThreadHandle) == GetCurrentThreadId(),
               "opens a handle to the current thread");
    apc_context = 0;
    result = up.lpWPUQueueApc(&thread, note_apc, 0x5EED, &error);
    checks.add("WPUQueueApc", "this thread", 0, 0, result, error,
               "returns zero and queues the completion routine for the specified thread");
    const char* const alertable = "will only execute when the specified thread is blocked in an alertable wait";
    Sleep(0);
    checks.add("WPUQueueApc", "before an alertable wait", apc_context == 0, alertable);
    SleepEx(0, TRUE);
    checks.add("WPUQueueApc", "after it", apc_context == 0x5EED, alertable);
    const char* const no_thread = "The dwThreadId parameter does not specify a valid thread";
    error = fresh;
    result = up.lpWPUQueueApc(nullptr, note_apc, 0, &error);
    checks.add("WPUQueueApc", "no structure", SOCKET_ERROR, WSAEFAULT, result, error, no_thread);
    WSATHREADID nobody{};
    error = fresh;
    result = up.lpWPUQueueApc(&nobody, note_apc, 0, &error);
    checks.add("WPUQueueApc", "a structure without a thread", SOCKET_ERROR, WSAEFAULT, result, error, no_thread);
    WSATHREADID copy = thread;
    error = fresh;
    result = up.lpWPUCloseThread(&thread, &error);
    checks.add("WPUCloseThread", "the thread", 0, 0, result, error,
               "closes a thread opened with a call to WPUOpenCurrentThread");
    error = fresh;
    result = up.lpWPUQueueApc(&copy, note_apc, 0, &error);
    checks.add("WPUQueueApc", "a closed thread", SOCKET_ERROR, WSAEFAULT, result, error, no_thread);
    return 0;
}

inline void check_messages(UpcallChecks& checks, const WSPUPCALLTABLE& up) {
    const HWND window = CreateWindowExW(0, L"STATIC", L"", 0, 0, 0, 0, 0, HWND_MESSAGE, nullptr, nullptr, nullptr);
    checks.add("WPUPostMessage", "a window", TRUE, 0, up.lpWPUPostMessage(window, WM_USER + 7, 8, 9), 0,
               "If no error occurs, WPUPostMessage returns the TRUE value");
    MSG message{};
    const bool came = PeekMessageW(&message, window, WM_USER + 7, WM_USER + 7, PM_REMOVE) != FALSE;
    checks.add("WPUPostMessage", "the message", came && message.wParam == 8 && message.lParam == 9,
               "performs the standard Windows PostMessage function");
    DestroyWindow(window);
    checks.add("WPUPostMessage", "a window that has gone", FALSE, 0, up.lpWPUPostMessage(window, WM_USER, 0, 0), 0,
               "Otherwise, the FALSE value is returned");
}

inline void check_sets(UpcallChecks& checks, const WSPUPCALLTABLE& up) {
    fd_set set{};
    set.fd_count = 2;
    set.fd_array[0] = 0x40;
    set.fd_array[1] = 0x44;
    set.fd_array[2] = 0x48; // behind the end
    const char* const member = "a value of nonzero is returned denoting that socket s is a member";
    const char* const other = "Otherwise, the return value is zero";
    checks.add("WPUFDIsSet", "the first member", up.lpWPUFDIsSet(0x40, &set) != 0, member);
    checks.add("WPUFDIsSet", "the last member", up.lpWPUFDIsSet(0x44, &set) != 0, member);
    checks.add("WPUFDIsSet", "no member", 0, 0, up.lpWPUFDIsSet(0x4C, &set), 0, other);
    checks.add("WPUFDIsSet", "one behind the end", 0, 0, up.lpWPUFDIsSet(0x48, &set), 0, other);
    set.fd_count = 0;
    checks.add("WPUFDIsSet", "an empty set", 0, 0, up.lpWPUFDIsSet(0x40, &set), 0, other);
}

// `ifs_socket`: new, of the provider below; `ifs_id`: our layered entry; `non_ifs_id`: our entry that is not IFS.
inline void check_handles(UpcallChecks& checks, const WSPUPCALLTABLE& up, SOCKET ifs_socket, DWORD ifs_id,
                          DWORD non_ifs_id) {
    int error = fresh;
    const auto as_number = [](SOCKET socket) {
        return socket == INVALID_SOCKET ? -1LL : static_cast<long long>(socket);
    };
    checks.add("WPUModifyIFSHandle", "a socket of the provider below", as_number(ifs_socket), 0,
               as_number(up.lpWPUModifyIFSHandle(ifs_id, ifs_socket, &error)), error,
               "guaranteed to be indistinguishable from the proposed handle");
    error = fresh;
    SOCKET handle = up.lpWPUModifyIFSHandle(ifs_id, INVALID_SOCKET, &error);
    const char* const proposed = "The proposed handle is invalid";
    checks.add("WPUModifyIFSHandle", "INVALID_SOCKET", -1, WSAEINVAL, as_number(handle), error, proposed);
    const HANDLE closed = CreateEventW(nullptr, TRUE, FALSE, nullptr);
    CloseHandle(closed);
    error = fresh;
    handle = up.lpWPUModifyIFSHandle(ifs_id, reinterpret_cast<SOCKET>(closed), &error);
    checks.add("WPUModifyIFSHandle", "a closed handle", -1, WSAEINVAL, as_number(handle), error, proposed);
    error = fresh;
    handle = up.lpWPUModifyIFSHandle(0x7FFFFFF1, ifs_socket, &error);
    checks.add("WPUModifyIFSHandle", "an unknown id", -1, UpcallChecks::any_error, as_number(handle), error,
               "Otherwise, it returns INVALID_SOCKET, and a specific error code is available in lpErrno");

    const char* const creates = "returns the new socket handle";
    error = fresh;
    const SOCKET first = up.lpWPUCreateSocketHandle(non_ifs_id, 0x1111, &error);
    checks.add("WPUCreateSocketHandle", "an entry that is not IFS", first != INVALID_SOCKET, creates);
    const SOCKET second = up.lpWPUCreateSocketHandle(non_ifs_id, 0x2222, &error);
    checks.add("WPUCreateSocketHandle", "again", second != INVALID_SOCKET && second != first, creates);
    error = fresh;
    handle = up.lpWPUCreateSocketHandle(0x7FFFFFF1, 0, &error);
    checks.add("WPUCreateSocketHandle", "an unknown id", -1, UpcallChecks::any_error, as_number(handle), error,
               "Otherwise, it returns INVALID_SOCKET, and a specific error code is available in lpErrno");

    const char* const queries = "returns zero and stores the current context value in lpContext";
    DWORD_PTR context = 0;
    error = fresh;
    int result = up.lpWPUQuerySocketHandleContext(first, &context, &error);
    checks.add("WPUQuerySocketHandleContext", "the first handle", 0, 0, result, error, queries);
    checks.add("WPUQuerySocketHandleContext", "its context", 0x1111, 0, static_cast<long long>(context), 0, queries);
    up.lpWPUQuerySocketHandleContext(second, &context, &error);
    checks.add("WPUQuerySocketHandleContext", "the second's", 0x2222, 0, static_cast<long long>(context), 0, queries);
    const char* const not_created = "The descriptor is not a socket created by WPUCreateSocketHandle";
    error = fresh;
    result = up.lpWPUQuerySocketHandleContext(ifs_socket, &context, &error);
    checks.add("WPUQuerySocketHandleContext", "an IFS handle", SOCKET_ERROR, WSAENOTSOCK, result, error, not_created);
    error = fresh;
    result = up.lpWPUQuerySocketHandleContext(INVALID_SOCKET, &context, &error);
    checks.add("WPUQuerySocketHandleContext", "INVALID_SOCKET", SOCKET_ERROR, WSAENOTSOCK, result, error, not_created);

    const HANDLE event = CreateEventW(nullptr, TRUE, FALSE, nullptr);
    WSAOVERLAPPED overlapped{};
    overlapped.hEvent = event;
    overlapped.Internal = WSS_OPERATION_IN_PROGRESS;
    error = fresh;
    result = WPUCompleteOverlappedRequest(first, &overlapped, 0, 77, &error);
    checks.add("WPUCompleteOverlappedRequest", "success, 77 bytes", 0, 0, result, error,
               "returns zero and notifies completion of the overlapped I/O operation");
    const auto bytes = static_cast<long long>(overlapped.InternalHigh);
    checks.add("WPUCompleteOverlappedRequest", "InternalHigh", 77, 0, bytes, 0,
               "sets the InternalHigh member of the WSAOVERLAPPED structure to the count of bytes transferred");
    const char* const internal = "some OS-dependent value other than the special value WSS_OPERATION_IN_PROGRESS";
    checks.add("WPUCompleteOverlappedRequest", "Internal", overlapped.Internal != WSS_OPERATION_IN_PROGRESS, internal);
    checks.add("WPUCompleteOverlappedRequest", "the event", WAIT_OBJECT_0, 0, WaitForSingleObject(event, 0), 0,
               "signals an event found in the WSAOVERLAPPED structure");
    overlapped.Internal = WSS_OPERATION_IN_PROGRESS;
    result = WPUCompleteOverlappedRequest(first, &overlapped, WSAECONNRESET, 0, &error);
    checks.add("WPUCompleteOverlappedRequest", "an operation that failed", 0, 0, result, error,
               "The completion status of the overlapped I/O operation whose completion is to be notified");
    checks.add("WPUCompleteOverlappedRequest", "its Internal",
               overlapped.Internal != WSS_OPERATION_IN_PROGRESS && overlapped.Internal != 0, internal);
    error = fresh;
    result = WPUCompleteOverlappedRequest(ifs_socket, &overlapped, 0, 0, &error);
    checks.add("WPUCompleteOverlappedRequest", "an IFS handle", SOCKET_ERROR, WSAEINVAL, result, error,
               "The socket passed in the s parameter is not a socket created by WPUCreateSocketHandle");
    CloseHandle(event);

    error = fresh;
    result = up.lpWPUCloseSocketHandle(first, &error);
    checks.add("WPUCloseSocketHandle", "the first handle", 0, 0, result, error, "closes an existing socket handle");
    error = fresh;
    result = up.lpWPUCloseSocketHandle(first, &error);
    checks.add("WPUCloseSocketHandle", "again", SOCKET_ERROR, WSAENOTSOCK, result, error, not_created);
    error = fresh;
    result = up.lpWPUQuerySocketHandleContext(first, &context, &error);
    checks.add("WPUQuerySocketHandleContext", "a closed handle", SOCKET_ERROR, WSAENOTSOCK, result, error, not_created);
    error = fresh;
    result = WPUCompleteOverlappedRequest(first, &overlapped, 0, 0, &error);
    checks.add("WPUCompleteOverlappedRequest", "a closed handle", SOCKET_ERROR, WSAEINVAL, result, error,
               "The socket passed in the s parameter is not a socket created by WPUCreateSocketHandle");
    error = fresh;
    result = up.lpWPUCloseSocketHandle(ifs_socket, &error);
    checks.add("WPUCloseSocketHandle", "an IFS handle", SOCKET_ERROR, WSAENOTSOCK, result, error, not_created);
    result = up.lpWPUCloseSocketHandle(second, &error);
    checks.add("WPUCloseSocketHandle", "the second handle", 0, 0, result, error,
               "removes the socket from Ws2_32.dll's internal socket table");
}

} // namespace stranger
