// The 15 upcalls, as a provider got them, with right and wrong arguments.
#pragma once

#include "strange_setup.hpp"

#include <algorithm>

namespace upcalls {

inline thread_local DWORD_PTR apc_context = 0;

inline void CALLBACK apc(DWORD_PTR context) {
    apc_context = context;
}

} // namespace upcalls

inline void check_socket_upcalls(Checks& checks, const WSPUPCALLTABLE& table) {
    int error = 0;
    checks.section("WPUCreateSocketHandle");
    const DWORD non_ifs = Strange::id_of(Mode::non_ifs);
    const SOCKET handle = table.lpWPUCreateSocketHandle(non_ifs, 0x1234, &error);
    checks.is_true("makes a handle", handle != INVALID_SOCKET);
    const SOCKET second = table.lpWPUCreateSocketHandle(non_ifs, 0x5678, &error);
    checks.is_true("and another", second != INVALID_SOCKET && second != handle);
    error = 0;
    checks.equal("fails for an unknown entry", table.lpWPUCreateSocketHandle(0x7FFFFFF0, 0, &error), INVALID_SOCKET);
    checks.equal("and says WSAEINVAL", error, WSAEINVAL);
    error = 0;
    checks.equal("fails for an IFS entry", table.lpWPUCreateSocketHandle(Strange::base_tcp_id(), 0, &error),
                 INVALID_SOCKET);
    checks.equal("and says so", error, WSAEINVAL);

    checks.section("WPUQuerySocketHandleContext");
    DWORD_PTR context = 0;
    checks.equal("answers", table.lpWPUQuerySocketHandleContext(handle, &context, &error), 0);
    checks.equal("the context", context, DWORD_PTR{0x1234});
    checks.equal("of each handle", table.lpWPUQuerySocketHandleContext(second, &context, &error), 0);
    checks.equal("its own", context, DWORD_PTR{0x5678});
    error = 0;
    checks.equal("fails for what it did not make", table.lpWPUQuerySocketHandleContext(4, &context, &error),
                 SOCKET_ERROR);
    checks.equal("with WSAENOTSOCK", error, WSAENOTSOCK);

    checks.section("WPUCloseSocketHandle");
    checks.equal("closes", table.lpWPUCloseSocketHandle(second, &error), 0);
    error = 0;
    checks.equal("once", table.lpWPUCloseSocketHandle(second, &error), SOCKET_ERROR);
    checks.equal("then WSAENOTSOCK", error, WSAENOTSOCK);
    checks.equal("and there is no context", table.lpWPUQuerySocketHandleContext(second, &context, &error),
                 SOCKET_ERROR);
    checks.equal("the other is untouched", table.lpWPUQuerySocketHandleContext(handle, &context, &error), 0);

    checks.section("WPUModifyIFSHandle");
    program::Pair pair = program::connected_pair();
    const SOCKET tcp = pair.near_end.get();
    error = 0;
    checks.equal("answers the same handle", table.lpWPUModifyIFSHandle(Strange::base_tcp_id(), tcp, &error), tcp);
    checks.equal("fails for an unknown entry", table.lpWPUModifyIFSHandle(0x7FFFFFF0, tcp, &error), INVALID_SOCKET);
    checks.equal("with WSAEINVAL", error, WSAEINVAL);
    error = 0;
    checks.equal("fails for a non-IFS entry", table.lpWPUModifyIFSHandle(non_ifs, tcp, &error), INVALID_SOCKET);
    checks.equal("with the same", error, WSAEINVAL);
    checks.equal("after which the socket works as before", send(tcp, "x", 1, 0), 1);
    checks.equal("the last handle can be closed", table.lpWPUCloseSocketHandle(handle, &error), 0);

    checks.section("WPUFDIsSet");
    fd_set set{};
    FD_SET(static_cast<SOCKET>(8), &set);
    FD_SET(static_cast<SOCKET>(12), &set);
    checks.equal("finds a member", table.lpWPUFDIsSet(12, &set) != 0, true);
    checks.equal("and no other", table.lpWPUFDIsSet(16, &set), 0);
}

inline void check_event_upcalls(Checks& checks, const WSPUPCALLTABLE& table) {
    int error = 0;
    checks.section("events");
    const WSAEVENT event = table.lpWPUCreateEvent(&error);
    checks.is_true("WPUCreateEvent makes one", event != WSA_INVALID_EVENT);
    checks.equal("not set", WaitForSingleObject(event, 0), static_cast<DWORD>(WAIT_TIMEOUT));
    checks.is_true("WPUSetEvent sets it", table.lpWPUSetEvent(event, &error) != FALSE);
    checks.equal("so that it is", WaitForSingleObject(event, 0), static_cast<DWORD>(WAIT_OBJECT_0));
    checks.equal("until it is reset", WaitForSingleObject(event, 0), static_cast<DWORD>(WAIT_OBJECT_0));
    checks.is_true("WPUResetEvent resets it", table.lpWPUResetEvent(event, &error) != FALSE);
    checks.equal("so that it is not", WaitForSingleObject(event, 0), static_cast<DWORD>(WAIT_TIMEOUT));
    checks.is_true("WPUCloseEvent closes it", table.lpWPUCloseEvent(event, &error) != FALSE);
    const auto fails = [&](const char* name, BOOL result) {
        checks.is_true(std::string(name) + " of a closed event fails", !result);
        checks.equal(std::string(name) + " says WSA_INVALID_HANDLE", error, WSA_INVALID_HANDLE);
        error = 0;
    };
    fails("WPUSetEvent", table.lpWPUSetEvent(event, &error));
    fails("WPUResetEvent", table.lpWPUResetEvent(event, &error));
    fails("WPUCloseEvent", table.lpWPUCloseEvent(event, &error));
}

inline void check_thread_upcalls(Checks& checks, const WSPUPCALLTABLE& table) {
    int error = 0;
    checks.section("threads");
    WSATHREADID thread{};
    checks.equal("WPUOpenCurrentThread answers", table.lpWPUOpenCurrentThread(&thread, &error), 0);
    checks.equal("this thread", GetThreadId(thread.ThreadHandle), GetCurrentThreadId());
    checks.equal("WPUQueueApc queues", table.lpWPUQueueApc(&thread, upcalls::apc, 0x77, &error), 0);
    checks.equal("a call that comes in an alertable wait", upcalls::apc_context, DWORD_PTR{0});
    SleepEx(0, TRUE);
    checks.equal("with its context", upcalls::apc_context, DWORD_PTR{0x77});
    checks.equal("WPUCloseThread closes", table.lpWPUCloseThread(&thread, &error), 0);
    error = 0;
    checks.equal("WPUQueueApc without a thread fails", table.lpWPUQueueApc(nullptr, upcalls::apc, 0, &error),
                 SOCKET_ERROR);
    checks.equal("with WSAEFAULT", error, WSAEFAULT);
    WSATHREADID nobody{nullptr, 0};
    error = 0;
    checks.equal("and with one that is none", table.lpWPUQueueApc(&nobody, upcalls::apc, 0, &error), SOCKET_ERROR);
    checks.equal("too", error, WSAEFAULT);

    checks.section("WPUPostMessage");
    const HWND window = CreateWindowExW(0, L"STATIC", L"", 0, 0, 0, 0, 0, HWND_MESSAGE, nullptr, nullptr, nullptr);
    checks.is_true("posts", table.lpWPUPostMessage(window, WM_USER + 5, 6, 7) != FALSE);
    MSG message{};
    checks.is_true("a message", PeekMessageW(&message, window, WM_USER + 5, WM_USER + 5, PM_REMOVE) != FALSE);
    checks.is_true("with its parameters", message.wParam == 6 && message.lParam == 7);
    DestroyWindow(window);
    checks.is_true("fails for a window that is none", table.lpWPUPostMessage(window, WM_USER, 0, 0) == FALSE);
}

inline void check_other_upcalls(Checks& checks, const Strange& strange, const WSPUPCALLTABLE& table) {
    int error = 0;
    checks.section("WPUGetProviderPath");
    GUID id = strange::guid_of(Mode::non_ifs);
    WCHAR path[MAX_PATH];
    INT length = MAX_PATH;
    checks.equal("answers", table.lpWPUGetProviderPath(&id, path, &length, &error), 0);
    checks.is_true("the path as it was installed", strange.dll() == path);
    length = 1;
    checks.equal("fails if there is no room", table.lpWPUGetProviderPath(&id, path, &length, &error), SOCKET_ERROR);
    checks.equal("with WSAEFAULT", error, WSAEFAULT);
    GUID unknown = strange::guid_of(Mode::count);
    length = MAX_PATH;
    checks.equal("fails for an unknown provider", table.lpWPUGetProviderPath(&unknown, path, &length, &error),
                 SOCKET_ERROR);
    checks.equal("with WSAEINVAL", error, WSAEINVAL);

    checks.section("WPUQueryBlockingCallback");
    LPBLOCKINGCALLBACK callback = nullptr;
    DWORD_PTR context = 1;
    checks.equal("answers",
                 table.lpWPUQueryBlockingCallback(Strange::id_of(Mode::non_ifs), &callback, &context, &error), 0);
    checks.is_true("that a 2.2 program has none", callback == nullptr);
    checks.equal("fails for an unknown entry",
                 table.lpWPUQueryBlockingCallback(0x7FFFFFF0, &callback, &context, &error), SOCKET_ERROR);
    checks.equal("with WSAEINVAL", error, WSAEINVAL);
    checks.equal("fails without a place", table.lpWPUQueryBlockingCallback(0, nullptr, &context, &error), SOCKET_ERROR);
    checks.equal("with WSAEFAULT", error, WSAEFAULT);
}

inline void check_non_ifs(Checks& checks, Strange& strange) {
    checks.section("a provider whose handles are not IFS");
    program::Socket socket(Strange::open(Mode::non_ifs));
    DWORD_PTR context = 0;
    int error = 0;
    checks.equal("its socket has a context",
                 strange.report.upcalls.lpWPUQuerySocketHandleContext(socket.get(), &context, &error), 0);
    checks.equal("its own", context, DWORD_PTR{0x5A5A});
    checks.equal("its calls come to it",
                 strange.counted(Mode::non_ifs, strange::call_send, [&] { send(socket.get(), "x", 1, 0); }), 1);

    checks.section("WPUCompleteOverlappedRequest");
    WSAOVERLAPPED overlapped{};
    overlapped.Internal = WSS_OPERATION_IN_PROGRESS;
    const program::Handle event(CreateEventW(nullptr, TRUE, FALSE, nullptr), "event");
    overlapped.hEvent = event.get();
    checks.equal("completes", WPUCompleteOverlappedRequest(socket.get(), &overlapped, 0, 42, &error), 0);
    checks.equal("with the bytes", overlapped.InternalHigh, ULONG_PTR{42});
    checks.is_true("so that it is done", HasOverlappedIoCompleted(&overlapped));
    checks.equal("and sets the event", WaitForSingleObject(event.get(), 0), static_cast<DWORD>(WAIT_OBJECT_0));
    overlapped.Internal = WSS_OPERATION_IN_PROGRESS;
    checks.equal("completes with an error",
                 WPUCompleteOverlappedRequest(socket.get(), &overlapped, WSAECONNRESET, 0, &error), 0);
    checks.is_true("too", HasOverlappedIoCompleted(&overlapped) && overlapped.Internal != 0);
    const program::Socket tcp(::socket(AF_INET, SOCK_STREAM, 0));
    error = 0;
    checks.equal("refuses an IFS handle", WPUCompleteOverlappedRequest(tcp.get(), &overlapped, 0, 0, &error),
                 SOCKET_ERROR);
    checks.equal("with WSAEINVAL", error, WSAEINVAL);

    checks.section("closing a handle that is not IFS");
    const SOCKET value = socket.get();
    checks.equal("comes to the provider", strange.counted(Mode::non_ifs, strange::call_close, [&] { socket.close(); }),
                 1);
    checks.equal("which closed it", error_after(listen(value, 1)), WSAENOTSOCK);
}

inline void check_upcalls(Checks& checks, Strange& strange) {
    const Winsock winsock;
    checks.section("upcalls");
    checks.equal("the provider can be installed", strange.install(Mode::non_ifs, false), 0);
    checks.equal("and started", Strange::error_of_open(Mode::non_ifs), 0);
    const WSPUPCALLTABLE table = strange.report.upcalls;
    void* functions[sizeof table / sizeof(void*)];
    std::memcpy(functions, &table, sizeof table);
    checks.equal("there are 15", std::size(functions), std::size_t{15});
    std::sort(std::begin(functions), std::end(functions));
    checks.is_true("all different, none missing",
                   functions[0] != nullptr &&
                       std::adjacent_find(std::begin(functions), std::end(functions)) == std::end(functions));
    check_socket_upcalls(checks, table);
    check_event_upcalls(checks, table);
    check_thread_upcalls(checks, table);
    check_other_upcalls(checks, strange, table);
    check_non_ifs(checks, strange);
    checks.equal("the provider can be removed", Strange::remove(Mode::non_ifs), 0);
}
