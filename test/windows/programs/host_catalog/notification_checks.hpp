// WSAProviderConfigChange in all its forms, told of changes by this process and by others of either bitness.
#pragma once

#include <functional>

#include "category_checks.hpp"
#include "namespace_checks.hpp"

using ProviderConfigChange = INT(WSAAPI*)(LPHANDLE, LPWSAOVERLAPPED, LPWSAOVERLAPPED_COMPLETION_ROUTINE);

inline constexpr DWORD notification_patience_ms = 20'000;

// A notification handle with one overlapped call, told by an event.
class EventWaiter {
public:
    explicit EventWaiter(ProviderConfigChange function, HANDLE shared = nullptr)
        : function_(function), handle_(shared), owns_(shared == nullptr) {
        overlapped_.hEvent = CreateEventW(nullptr, TRUE, FALSE, nullptr);
        if (owns_) {
            opened_ = function_(&handle_, nullptr, nullptr);
        }
    }
    ~EventWaiter() {
        if (owns_) {
            CloseHandle(handle_);
        }
        CloseHandle(overlapped_.hEvent);
    }
    EventWaiter(const EventWaiter&) = delete;
    EventWaiter& operator=(const EventWaiter&) = delete;

    INT opened() const { return opened_; }
    HANDLE handle() const { return handle_; }
    // WSA_IO_PENDING if all is well.
    int begin() { return last_error_of(function_(&handle_, &overlapped_, nullptr)); }
    bool is_told() const { return WaitForSingleObject(overlapped_.hEvent, notification_patience_ms) == WAIT_OBJECT_0; }
    bool is_told_already() const { return WaitForSingleObject(overlapped_.hEvent, 0) == WAIT_OBJECT_0; }
    bool ended_well() {
        DWORD bytes = 0;
        return GetOverlappedResult(handle_, &overlapped_, &bytes, FALSE) != FALSE;
    }

private:
    ProviderConfigChange function_;
    HANDLE handle_;
    bool owns_;
    INT opened_ = 0;
    WSAOVERLAPPED overlapped_{};
};

inline void check_notification_arguments(Checks& checks, const WinsockDll& dll, ProviderConfigChange function) {
    checks.section("WSAProviderConfigChange, arguments");
    HANDLE handle = nullptr;
    checks.equal("before WSAStartup", last_error_of(function(&handle, nullptr, nullptr)), WSANOTINITIALISED);
    WSADATA data;
    dll.get<int(WSAAPI*)(WORD, LPWSADATA)>("WSAStartup")(MAKEWORD(2, 2), &data);
    checks.equal("NULL pointer", last_error_of(function(nullptr, nullptr, nullptr)), WSAEFAULT);
    checks.equal("a pointer that cannot be written", last_error_of(function(bad_pointer<LPHANDLE>(), nullptr, nullptr)),
                 WSAEFAULT);
    checks.equal("the first call gives a handle", function(&handle, nullptr, nullptr), 0);
    checks.is_true("which is one", handle != nullptr && handle != INVALID_HANDLE_VALUE);
    checks.equal("an overlapped structure that cannot be written",
                 last_error_of(function(&handle, bad_pointer<LPWSAOVERLAPPED>(), nullptr)), WSAEFAULT);
    WSAOVERLAPPED overlapped{};
    HANDLE other = CreateEventW(nullptr, TRUE, FALSE, nullptr);
    checks.equal("a handle of something else", last_error_of(function(&other, &overlapped, nullptr)),
                 WSA_INVALID_HANDLE);
    CloseHandle(other);
    HANDLE nonsense = reinterpret_cast<HANDLE>(std::uintptr_t{0x7FFFFFF0});
    checks.equal("no handle at all", last_error_of(function(&nonsense, &overlapped, nullptr)), WSA_INVALID_HANDLE);
    checks.is_true("CloseHandle closes it", CloseHandle(handle) != FALSE);
    checks.equal("then it is none", last_error_of(function(&handle, &overlapped, nullptr)), WSA_INVALID_HANDLE);
    checks.equal("nor without overlapped structure", last_error_of(function(&handle, nullptr, nullptr)),
                 WSA_INVALID_HANDLE);
}

// Each change of the catalogs is told; what comes between two calls is not.
inline void check_each_change(Checks& checks, const WinsockDll& dll, ProviderConfigChange function,
                              const std::wstring& other_program) {
    const CatalogFunctions own = dll.own();
    const NamespaceFunctions names = NamespaceFunctions::own(dll);
    GUID id = test_guid(0x600);
    GUID name_id = test_guid(0x601);
    const WSAPROTOCOL_INFOW hidden = make_info(L"told", {});
    std::vector<DWORD> ids;
    std::vector<GUID> name_ids;
    wchar_t self[MAX_PATH];
    GetModuleFileNameW(nullptr, self, MAX_PATH);
    const auto text = [](const wchar_t* value) { return const_cast<LPWSTR>(value); };
    const std::pair<const char*, std::function<int()>> changes[] = {
        {"WSCInstallProvider", [&] { return error_of(dll.install(), &id, test_path, &hidden, 1); }},
        {"WSCUpdateProvider", [&] { return error_of(own.update, &id, L"D:\\new.dll", &hidden, 1); }},
        {"WSCSetProviderInfo", [&] { return CategoryFunctions::of(dll, false).set_to(id, LSP_PROXY); }},
        {"WSCWriteProviderOrder",
         [&] {
             ids = ids_of(enumerate(own));
             std::swap(ids.front(), ids.back());
             return own.order(ids.data(), static_cast<DWORD>(ids.size()));
         }},
        {"the order back",
         [&] {
             std::swap(ids.front(), ids.back());
             return own.order(ids.data(), static_cast<DWORD>(ids.size()));
         }},
        {"WSCDeinstallProvider", [&] { return error_of(own.deinstall, &id); }},
        {"WSCInstallNameSpace",
         [&] { return names.install(text(L"told"), text(L"D:\\names.dll"), NS_WINS, 1, &name_id); }},
        {"WSCEnableNSProvider", [&] { return names.enable(&name_id, FALSE); }},
        {"WSCWriteNameSpaceOrder",
         [&] {
             name_ids = namespace_ids(list(names.enumerate));
             std::rotate(name_ids.begin(), name_ids.end() - 1, name_ids.end());
             return names.order(name_ids.data(), static_cast<DWORD>(name_ids.size()));
         }},
        {"WSCUnInstallNameSpace", [&] { return names.uninstall(&name_id); }},
        {"another process of this bitness", [&] { return static_cast<int>(run_program(self, L"writer 5000 1")); }},
        {"a process of the other bitness",
         [&] { return static_cast<int>(run_program(other_program, L"writer 5001 1")); }},
    };
    EventWaiter kept(function); // one handle for all of them, and a new one for each
    for (const auto& [name, change] : changes) {
        checks.section(std::string("WSAProviderConfigChange is told of ") + name);
        EventWaiter waiter(function);
        EventWaiter second(function, kept.handle());
        checks.equal("a call pends", waiter.begin(), WSA_IO_PENDING);
        checks.equal("and one on the handle that was used before", second.begin(), WSA_IO_PENDING);
        checks.is_true("nothing is told before", !waiter.is_told_already() && !second.is_told_already());
        checks.equal("the change is made", change(), 0);
        checks.is_true("both are told", waiter.is_told() && second.is_told());
        checks.is_true("and end well", waiter.ended_well() && second.ended_well());
    }
}

inline int install_and_remove(const WinsockDll& dll, unsigned number) {
    GUID id = test_guid(number);
    const WSAPROTOCOL_INFOW info = make_info(L"a change", {});
    const int error = error_of(dll.install(), &id, test_path, &info, 1);
    return error != 0 ? error : error_of(dll.own().deinstall, &id);
}

inline void check_notification_order(Checks& checks, const WinsockDll& dll, ProviderConfigChange function) {
    checks.section("WSAProviderConfigChange, only what comes after the call");
    EventWaiter early(function);
    EventWaiter late(function);
    checks.equal("one call before a change", early.begin(), WSA_IO_PENDING);
    checks.equal("the change", install_and_remove(dll, 0x610), 0);
    checks.equal("one call after it", late.begin(), WSA_IO_PENDING);
    checks.is_true("the first is told", early.is_told());
    checks.is_true("the second is not", !late.is_told_already());
    checks.equal("another change", install_and_remove(dll, 0x611), 0);
    checks.is_true("now it is", late.is_told());

    checks.section("WSAProviderConfigChange, several waiters");
    EventWaiter first(function);
    EventWaiter second(function, first.handle());
    EventWaiter third(function, first.handle());
    checks.is_true("three on one handle pend", first.begin() == WSA_IO_PENDING && second.begin() == WSA_IO_PENDING &&
                                                   third.begin() == WSA_IO_PENDING);
    checks.equal("a change", install_and_remove(dll, 0x612), 0);
    checks.is_true("all are told", first.is_told() && second.is_told() && third.is_told());

    checks.section("WSAProviderConfigChange, a call that is cancelled");
    checks.equal("it pends", first.begin(), WSA_IO_PENDING);
    checks.is_true("CancelIo", CancelIo(first.handle()) != FALSE);
    checks.is_true("ends it", first.is_told() && !first.ended_well() && GetLastError() == ERROR_OPERATION_ABORTED);
    checks.equal("a change meanwhile", install_and_remove(dll, 0x613), 0);
    EventWaiter barrier(function);
    checks.equal("another handle", barrier.begin(), WSA_IO_PENDING);
    checks.equal("and change", install_and_remove(dll, 0x614), 0);
    checks.is_true("is told", barrier.is_told());
    checks.equal("the next call pends", first.begin(), WSA_IO_PENDING);
    checks.is_true("and is told nothing old", !first.is_told_already());
    checks.equal("a change", install_and_remove(dll, 0x615), 0);
    checks.is_true("is told to it", first.is_told());
}

inline void check_notification_port(Checks& checks, const WinsockDll& dll, ProviderConfigChange function) {
    checks.section("WSAProviderConfigChange with a completion port");
    HANDLE handle = nullptr;
    function(&handle, nullptr, nullptr);
    constexpr ULONG_PTR key = 0x1234;
    const HANDLE port = CreateIoCompletionPort(handle, nullptr, key, 1);
    checks.is_true("the handle takes one", port != nullptr);
    WSAOVERLAPPED overlapped{};
    checks.equal("a call pends", last_error_of(function(&handle, &overlapped, nullptr)), WSA_IO_PENDING);
    checks.equal("a change", install_and_remove(dll, 0x620), 0);
    DWORD bytes = 0;
    ULONG_PTR got_key = 0;
    LPOVERLAPPED got = nullptr;
    checks.is_true("gives a packet", GetQueuedCompletionStatus(port, &bytes, &got_key, &got, notification_patience_ms));
    checks.is_true("with its key and structure", got_key == key && got == &overlapped);
    checks.is_true("and only one", !GetQueuedCompletionStatus(port, &bytes, &got_key, &got, 0) && got == nullptr);
    CloseHandle(handle);
    CloseHandle(port);
}

struct RoutineCall {
    int calls = 0;
    DWORD error = 99;
    LPWSAOVERLAPPED overlapped = nullptr;
    DWORD thread = 0;
};
inline RoutineCall routine_call;

inline void CALLBACK notification_routine(DWORD error, DWORD, LPWSAOVERLAPPED overlapped, DWORD) {
    ++routine_call.calls;
    routine_call.error = error;
    routine_call.overlapped = overlapped;
    routine_call.thread = GetCurrentThreadId();
}

inline void check_notification_routine(Checks& checks, const WinsockDll& dll, ProviderConfigChange function) {
    checks.section("WSAProviderConfigChange with a completion routine");
    HANDLE handle = nullptr;
    function(&handle, nullptr, nullptr);
    WSAOVERLAPPED overlapped{};
    checks.equal("a call pends", last_error_of(function(&handle, &overlapped, notification_routine)), WSA_IO_PENDING);
    EventWaiter barrier(function);
    barrier.begin();
    checks.equal("a change", install_and_remove(dll, 0x630), 0);
    checks.is_true("is told", barrier.is_told());
    checks.equal("the routine waits for an alertable wait", routine_call.calls, 0);
    checks.equal("in which it runs", SleepEx(notification_patience_ms, TRUE), static_cast<DWORD>(WAIT_IO_COMPLETION));
    checks.is_true("once, in this thread, without error, with the structure",
                   routine_call.calls == 1 && routine_call.thread == GetCurrentThreadId() && routine_call.error == 0 &&
                       routine_call.overlapped == &overlapped);
    CloseHandle(handle);
}

struct BlockingCall {
    ProviderConfigChange function;
    HANDLE handle;
    HANDLE entered;
    int error = -1;

    static DWORD WINAPI run(void* context) {
        BlockingCall& call = *static_cast<BlockingCall*>(context);
        SetEvent(call.entered);
        call.error = last_error_of(call.function(&call.handle, nullptr, nullptr));
        return 0;
    }
};

// Ends when the thread's call has returned. The call may not have begun when `entered` is set, so `act` is repeated.
inline bool returns(HANDLE thread, const std::function<void()>& act) {
    for (int attempt = 0; attempt < 200; ++attempt) {
        act();
        if (WaitForSingleObject(thread, 100) == WAIT_OBJECT_0) {
            return true;
        }
    }
    return false;
}

inline void check_notification_blocking(Checks& checks, const WinsockDll& dll, ProviderConfigChange function) {
    checks.section("WSAProviderConfigChange without overlapped structure");
    BlockingCall call{function, nullptr, CreateEventW(nullptr, TRUE, FALSE, nullptr)};
    function(&call.handle, nullptr, nullptr);
    HANDLE thread = CreateThread(nullptr, 0, BlockingCall::run, &call, 0, nullptr);
    WaitForSingleObject(call.entered, INFINITE);
    checks.is_true("returns after a change", returns(thread, [&] { install_and_remove(dll, 0x640); }));
    checks.equal("without error", call.error, 0);
    CloseHandle(thread);

    checks.section("WSAProviderConfigChange, the handle closed");
    ResetEvent(call.entered);
    thread = CreateThread(nullptr, 0, BlockingCall::run, &call, 0, nullptr);
    WaitForSingleObject(call.entered, INFINITE);
    HANDLE closing = call.handle;
    checks.is_true("a blocked call returns", returns(thread, [&] {
                       if (closing != nullptr) {
                           CloseHandle(closing);
                           closing = nullptr;
                       }
                   }));
    checks.is_true("with an error", call.error == WSA_OPERATION_ABORTED || call.error == WSA_INVALID_HANDLE);
    CloseHandle(thread);
    CloseHandle(call.entered);

    // Many come and go, and the last goes while it waits.
    for (int round = 0; round < 50; ++round) {
        EventWaiter waiter(function);
        if (waiter.begin() != WSA_IO_PENDING) {
            checks.is_true("a new handle can wait", false);
        }
    }
    EventWaiter last(function);
    checks.equal("after fifty handles closed while waiting another pends", last.begin(), WSA_IO_PENDING);
    checks.equal("a change", install_and_remove(dll, 0x641), 0);
    checks.is_true("is told to it", last.is_told());
}

inline void check_notifications(Checks& checks, const WinsockDll& dll, const std::wstring& other_program) {
    const auto function = dll.get<ProviderConfigChange>("WSAProviderConfigChange");
    check_notification_arguments(checks, dll, function);
    check_each_change(checks, dll, function, other_program);
    check_notification_order(checks, dll, function);
    check_notification_port(checks, dll, function);
    check_notification_routine(checks, dll, function);
    check_notification_blocking(checks, dll, function);
    dll.get<int(WSAAPI*)()>("WSACleanup")();
}
