// A provider that does what providers should not, or what few do, for the test of the host side: see host_strange.hpp.
// It reports to the test program that runs in the same process: the address of the report is in an environment
// variable, because the provider starts before anybody could call it.
#include "host_strange.hpp"

#include <mswsock.h>

#include <cstdlib>
#include <cstring>

namespace {

using strange::Mode;
using strange::Report;

Report spare{}; // for processes that have no report
Report* report = &spare;

template <Mode mode>
void count(strange::Call call) {
    InterlockedIncrement(&report->calls[static_cast<int>(mode)][call]);
}

// The result of a function that is told by the test how to end. Without a reason *error stays as it is.
int told(LPINT error) {
    if (report->fails == 0) {
        return 0;
    }
    if (report->error != 0) {
        *error = report->error;
    }
    return SOCKET_ERROR;
}

// The functions of the modes that use plain handles: each counts, and ends as told.
template <Mode mode>
struct Functions {
    static SOCKET WSPAPI accept(SOCKET, sockaddr*, LPINT, LPCONDITIONPROC, DWORD_PTR, LPINT error) {
        count<mode>(strange::call_accept);
        told(error);
        return INVALID_SOCKET;
    }
    static INT WSPAPI address_to_string(LPSOCKADDR, DWORD, LPWSAPROTOCOL_INFOW, LPWSTR, LPDWORD, LPINT error) {
        count<mode>(strange::call_address_to_string);
        return told(error);
    }
    static int WSPAPI async_select(SOCKET, HWND, unsigned, long, LPINT error) {
        count<mode>(strange::call_async_select);
        return told(error);
    }
    static int WSPAPI bind(SOCKET, const sockaddr*, int, LPINT error) {
        count<mode>(strange::call_bind);
        return told(error);
    }
    static int WSPAPI cancel_blocking(LPINT error) {
        count<mode>(strange::call_cancel_blocking);
        return told(error);
    }
    static int WSPAPI cleanup(LPINT) {
        count<mode>(strange::call_cleanup);
        return 0;
    }
    static int WSPAPI close(SOCKET socket, LPINT error) {
        count<mode>(strange::call_close);
        if (report->close_error != 0) {
            *error = report->close_error;
            return SOCKET_ERROR;
        }
        if constexpr (mode == Mode::non_ifs) {
            return report->upcalls.lpWPUCloseSocketHandle(socket, error);
        } else {
            CloseHandle(reinterpret_cast<HANDLE>(socket));
            return 0;
        }
    }
    static int WSPAPI connect(SOCKET, const sockaddr*, int, LPWSABUF, LPWSABUF, LPQOS, LPQOS, LPINT error) {
        count<mode>(strange::call_connect);
        return told(error);
    }
    static int WSPAPI duplicate(SOCKET, DWORD, LPWSAPROTOCOL_INFOW info, LPINT error) {
        count<mode>(strange::call_duplicate);
        *info = report->started_with[static_cast<int>(mode)];
        return told(error);
    }
    static int WSPAPI enum_events(SOCKET, WSAEVENT, LPWSANETWORKEVENTS, LPINT error) {
        count<mode>(strange::call_enum_events);
        return told(error);
    }
    static int WSPAPI event_select(SOCKET, WSAEVENT, long, LPINT error) {
        count<mode>(strange::call_event_select);
        return told(error);
    }
    static BOOL WSPAPI get_overlapped(SOCKET, LPWSAOVERLAPPED, LPDWORD, BOOL, LPDWORD, LPINT error) {
        count<mode>(strange::call_get_overlapped);
        return told(error) == 0;
    }
    static int WSPAPI get_peer(SOCKET, sockaddr*, LPINT, LPINT error) {
        count<mode>(strange::call_get_peer);
        return told(error);
    }
    static int WSPAPI get_name(SOCKET, sockaddr*, LPINT, LPINT error) {
        count<mode>(strange::call_get_name);
        return told(error);
    }
    static int WSPAPI get_option(SOCKET, int, int option, char*, LPINT, LPINT error) {
        count<mode>(strange::call_get_option);
        if (option == SO_PROTOCOL_INFOW) { // asked about handles it does not know
            *error = WSAENOTSOCK;
            return SOCKET_ERROR;
        }
        return told(error);
    }
    static BOOL WSPAPI get_qos(SOCKET, LPWSABUF, LPQOS, LPINT error) {
        count<mode>(strange::call_get_qos);
        return told(error) == 0;
    }
    static int WSPAPI ioctl(SOCKET, DWORD code, LPVOID, DWORD, LPVOID, DWORD, LPDWORD, LPWSAOVERLAPPED,
                            LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID, LPINT error) {
        count<mode>(strange::call_ioctl);
        report->last_ioctl = code;
        return told(error);
    }
    static SOCKET WSPAPI join_leaf(SOCKET, const sockaddr*, int, LPWSABUF, LPWSABUF, LPQOS, LPQOS, DWORD, LPINT error) {
        count<mode>(strange::call_join_leaf);
        told(error);
        return INVALID_SOCKET;
    }
    static int WSPAPI listen(SOCKET, int, LPINT error) {
        count<mode>(strange::call_listen);
        return told(error);
    }
    static int WSPAPI recv(SOCKET, LPWSABUF, DWORD, LPDWORD bytes, LPDWORD flags, LPWSAOVERLAPPED,
                           LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID thread, LPINT error) {
        count<mode>(strange::call_recv);
        report->last_flags = *flags;
        report->thread_of_routine = thread != nullptr ? GetThreadId(thread->ThreadHandle) : 0;
        *flags = report->received_flags;
        *bytes = 1;
        return told(error);
    }
    static int WSPAPI recv_disconnect(SOCKET, LPWSABUF, LPINT error) {
        count<mode>(strange::call_recv_disconnect);
        return told(error);
    }
    static int WSPAPI recv_from(SOCKET, LPWSABUF, DWORD, LPDWORD bytes, LPDWORD flags, sockaddr*, LPINT,
                                LPWSAOVERLAPPED, LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID, LPINT error) {
        count<mode>(strange::call_recv_from);
        *flags = report->received_flags;
        *bytes = 1;
        return told(error);
    }
    static int WSPAPI select(int, fd_set* read, fd_set* write, fd_set* except, const timeval*, LPINT error) {
        count<mode>(strange::call_select);
        const auto size = [](const fd_set* set) { return set != nullptr ? static_cast<int>(set->fd_count) : 0; };
        return told(error) == 0 ? size(read) + size(write) + size(except) : SOCKET_ERROR;
    }
    static int WSPAPI send(SOCKET, LPWSABUF, DWORD, LPDWORD bytes, DWORD flags, LPWSAOVERLAPPED,
                           LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID, LPINT error) {
        count<mode>(strange::call_send);
        report->last_flags = flags;
        *bytes = 1;
        return told(error);
    }
    static int WSPAPI send_disconnect(SOCKET, LPWSABUF, LPINT error) {
        count<mode>(strange::call_send_disconnect);
        return told(error);
    }
    static int WSPAPI send_to(SOCKET, LPWSABUF, DWORD, LPDWORD bytes, DWORD, const sockaddr*, int, LPWSAOVERLAPPED,
                              LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID, LPINT error) {
        count<mode>(strange::call_send_to);
        *bytes = 1;
        return told(error);
    }
    static int WSPAPI set_option(SOCKET, int, int, const char*, int, LPINT error) {
        count<mode>(strange::call_set_option);
        return told(error);
    }
    static int WSPAPI shutdown(SOCKET, int, LPINT error) {
        count<mode>(strange::call_shutdown);
        return told(error);
    }
    static SOCKET WSPAPI socket(int, int, int, LPWSAPROTOCOL_INFOW info, GROUP, DWORD flags, LPINT error) {
        count<mode>(strange::call_socket);
        report->last_flags = flags;
        if constexpr (mode == Mode::declines) {
            *error = WSAEINPROGRESS;
            return INVALID_SOCKET;
        } else if constexpr (mode == Mode::non_ifs) {
            return report->upcalls.lpWPUCreateSocketHandle(info->dwCatalogEntryId, 0x5A5A, error);
        } else {
            if (told(error) != 0) {
                return INVALID_SOCKET;
            }
            return reinterpret_cast<SOCKET>(CreateEventW(nullptr, TRUE, FALSE, nullptr)); // not claimed
        }
    }
    static INT WSPAPI string_to_address(LPWSTR, INT, LPWSAPROTOCOL_INFOW, LPSOCKADDR, LPINT, LPINT error) {
        count<mode>(strange::call_string_to_address);
        return told(error);
    }

    static constexpr WSPPROC_TABLE table{accept,          address_to_string, async_select, bind,
                                         cancel_blocking, cleanup,           close,        connect,
                                         duplicate,       enum_events,       event_select, get_overlapped,
                                         get_peer,        get_name,          get_option,   get_qos,
                                         ioctl,           join_leaf,         listen,       recv,
                                         recv_disconnect, recv_from,         select,       send,
                                         send_disconnect, send_to,           set_option,   shutdown,
                                         socket,          string_to_address};
};

// The layer: its own table is the base provider's, but for the functions here.
struct Base {
    HMODULE module = nullptr;
    WSPPROC_TABLE table{};
    WSAPROTOCOL_INFOW info{};
    WSAPROTOCOL_INFOW own_info{};
};
Base bases[static_cast<int>(Mode::count)];

HMODULE winsock() {
    HMODULE module = nullptr;
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                       reinterpret_cast<LPCWSTR>(reinterpret_cast<void*>(report->upcalls.lpWPUModifyIFSHandle)),
                       &module);
    return module;
}

template <typename Function>
Function winsock_function(const char* name) {
    return reinterpret_cast<Function>(reinterpret_cast<void*>(GetProcAddress(winsock(), name)));
}

bool find_entry(DWORD id, WSAPROTOCOL_INFOW& found) {
    WSAPROTOCOL_INFOW infos[64];
    DWORD size = sizeof infos;
    int error = 0;
    const int entries = winsock_function<LPWSCENUMPROTOCOLS>("WSCEnumProtocols")(nullptr, infos, &size, &error);
    for (int index = 0; index < entries; ++index) {
        if (infos[index].dwCatalogEntryId == id) {
            found = infos[index];
            return true;
        }
    }
    return false;
}

int start_base(Base& base, const WSAPROTOCOL_INFOW& own) {
    WCHAR stored[MAX_PATH];
    WCHAR path[MAX_PATH];
    INT length = MAX_PATH;
    int error = 0;
    base.own_info = own;
    if (!find_entry(own.ProtocolChain.ChainEntries[1], base.info) ||
        report->upcalls.lpWPUGetProviderPath(&base.info.ProviderId, stored, &length, &error) != 0 ||
        ExpandEnvironmentStringsW(stored, path, MAX_PATH) == 0) {
        return WSAEPROVIDERFAILEDINIT;
    }
    base.module = LoadLibraryW(path);
    const auto start = reinterpret_cast<LPWSPSTARTUP>(
        reinterpret_cast<void*>(base.module != nullptr ? GetProcAddress(base.module, "WSPStartup") : nullptr));
    WSPDATA data{};
    WSAPROTOCOL_INFOW info = base.info;
    return start != nullptr ? start(MAKEWORD(2, 2), &data, &info, report->upcalls, &base.table)
                            : WSAEPROVIDERFAILEDINIT;
}

struct ReceiveCall {
    LPWSPRECV recv;
    SOCKET socket;
    LPWSABUF buffers;
    DWORD buffer_count;
    LPDWORD bytes;
    LPDWORD flags;
    LPWSAOVERLAPPED overlapped;
    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine;
    LPWSATHREADID thread;
    LPINT error;
    int result;
};

void make(ReceiveCall& call) {
    call.result = call.recv(call.socket, call.buffers, call.buffer_count, call.bytes, call.flags, call.overlapped,
                            call.routine, call.thread, call.error);
}

// Makes one call and stays: what a thread began is cancelled when it ends.
struct Worker {
    ReceiveCall* call;
    HANDLE done;
};

DWORD WINAPI work(void* context) {
    HMODULE self = nullptr; // the thread outlives the provider's stay in the catalog
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                       reinterpret_cast<LPCWSTR>(reinterpret_cast<void*>(&work)), &self);
    const HANDLE may_end = report->worker_may_end;
    const Worker worker = *static_cast<Worker*>(context);
    make(*worker.call);
    SetEvent(worker.done);
    WaitForSingleObject(may_end, INFINITE);
    FreeLibraryAndExitThread(self, 0);
}

void make_on_own_thread(ReceiveCall& call) {
    Worker worker{&call, CreateEventW(nullptr, TRUE, FALSE, nullptr)};
    CloseHandle(CreateThread(nullptr, 0, work, &worker, 0, nullptr));
    WaitForSingleObject(worker.done, INFINITE);
    CloseHandle(worker.done);
}

template <Mode mode>
struct Layer {
    static Base& base() { return bases[static_cast<int>(mode)]; }

    static SOCKET WSPAPI socket(int, int, int, LPWSAPROTOCOL_INFOW, GROUP group, DWORD flags, LPINT error) {
        count<mode>(strange::call_socket);
        const SOCKET made =
            base().table.lpWSPSocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, &base().info, group, flags, error);
        return made == INVALID_SOCKET
                   ? made
                   : report->upcalls.lpWPUModifyIFSHandle(base().own_info.dwCatalogEntryId, made, error);
    }
    static SOCKET WSPAPI accept(SOCKET socket, sockaddr* name, LPINT length, LPCONDITIONPROC condition, DWORD_PTR data,
                                LPINT error) {
        count<mode>(strange::call_accept);
        const SOCKET made = base().table.lpWSPAccept(socket, name, length, condition, data, error);
        if (made == INVALID_SOCKET || mode == Mode::layer_silent) {
            return made;
        }
        return report->upcalls.lpWPUModifyIFSHandle(base().own_info.dwCatalogEntryId, made, error);
    }
    static int WSPAPI get_option(SOCKET socket, int level, int option, char* value, LPINT length, LPINT error) {
        count<mode>(strange::call_get_option);
        if (option == SO_PROTOCOL_INFOW) { // claims nothing that it did not make
            *error = WSAENOTSOCK;
            return SOCKET_ERROR;
        }
        return base().table.lpWSPGetSockOpt(socket, level, option, value, length, error);
    }
    static int WSPAPI send(SOCKET socket, LPWSABUF buffers, DWORD buffer_count, LPDWORD bytes, DWORD flags,
                           LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                           LPINT error) {
        count<mode>(strange::call_send);
        return base().table.lpWSPSend(socket, buffers, buffer_count, bytes, flags, overlapped, routine, thread, error);
    }
    static int WSPAPI recv(SOCKET socket, LPWSABUF buffers, DWORD buffer_count, LPDWORD bytes, LPDWORD flags,
                           LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                           LPINT error) {
        count<mode>(strange::call_recv);
        if (routine != nullptr && thread != nullptr) {
            report->thread_of_routine = GetThreadId(thread->ThreadHandle);
        }
        ReceiveCall call{
            base().table.lpWSPRecv, socket, buffers, buffer_count, bytes, flags, overlapped, routine, thread, error, 0};
        if (report->worker_may_end != nullptr) {
            make_on_own_thread(call);
        } else {
            make(call);
        }
        return call.result;
    }
    static int WSPAPI cleanup(LPINT error) {
        count<mode>(strange::call_cleanup);
        const int result = base().table.lpWSPCleanup(error);
        FreeLibrary(base().module);
        return result;
    }

    static int start(const WSAPROTOCOL_INFOW& info, WSPPROC_TABLE& table) {
        const int error = start_base(base(), info);
        table = base().table;
        table.lpWSPSocket = socket;
        table.lpWSPAccept = accept;
        table.lpWSPGetSockOpt = get_option;
        table.lpWSPSend = send;
        table.lpWSPRecv = recv;
        table.lpWSPCleanup = cleanup;
        return error;
    }
};

// Sockets opened while Winsock waits for WSPStartup: of another kind they work, of its own they must fail, not hang.
void reenter() {
    const auto open = winsock_function<decltype(&WSASocketW)>("WSASocketW");
    const auto close = winsock_function<decltype(&closesocket)>("closesocket");
    const auto attempt = [&](int family, int type, int protocol) {
        const SOCKET socket = open(family, type, protocol, nullptr, 0, 0);
        if (socket == INVALID_SOCKET) {
            return static_cast<int>(GetLastError());
        }
        close(socket);
        return 0;
    };
    report->reentry_own = attempt(strange::family, strange::type, strange::protocol_of(Mode::reenters));
    report->reentry_tcp = attempt(AF_INET, SOCK_STREAM, IPPROTO_TCP);
}

} // namespace

extern "C" int WSPAPI WSPStartup(WORD, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE upcalls,
                                 LPWSPPROC_TABLE table) {
    wchar_t address[32];
    if (GetEnvironmentVariableW(L"STRANGE_REPORT", address, 32) > 0) {
        report = reinterpret_cast<Report*>(static_cast<UINT_PTR>(_wcstoui64(address, nullptr, 16)));
    }
    const int number = info->iProtocol - strange::first_protocol;
    if (number < 0 || number >= static_cast<int>(Mode::count)) {
        return WSAEINVAL;
    }
    InterlockedIncrement(&report->calls[number][strange::call_startup]);
    report->upcalls = upcalls;
    report->started_with[number] = *info;
    data->wVersion = MAKEWORD(2, 2);
    data->wHighVersion = MAKEWORD(2, 2);
    switch (static_cast<Mode>(number)) {
    case Mode::null_entry:
        *table = Functions<Mode::null_entry>::table;
        table->lpWSPSend = nullptr;
        return 0;
    case Mode::start_fails: *table = Functions<Mode::start_fails>::table; return report->start_error;
    case Mode::old_version:
        *table = Functions<Mode::old_version>::table;
        data->wVersion = MAKEWORD(1, 1);
        return 0;
    case Mode::declines: *table = Functions<Mode::declines>::table; return 0;
    case Mode::non_ifs: *table = Functions<Mode::non_ifs>::table; return 0;
    case Mode::reenters:
        *table = Functions<Mode::reenters>::table;
        reenter();
        return 0;
    case Mode::layer: return Layer<Mode::layer>::start(*info, *table);
    case Mode::layer_silent: return Layer<Mode::layer_silent>::start(*info, *table);
    default: *table = Functions<Mode::silent>::table; return 0;
    }
}
