// Broken providers for the tests of the doctor: one DLL, and the name of its file says what is wrong with it.
//   healthy.dll       nothing: all calls go to the base provider at the end of the chain
//   no-init.dll       DllMain refuses, so that it cannot be loaded
//   load-crash.dll    DllMain crashes
//   load-hang.dll     DllMain does not return
//   start-hang.dll    WSPStartup does not return
//   old-version.dll   WSPStartup answers with version 1.0
//   no-socket.dll     WSPSocket fails with WSAEMFILE
//   socket-crash.dll  WSPSocket crashes
//   no-calls.dll      sockets are made, and bind fails with WSAEINVAL
//   no-base.dll       SIO_BASE_HANDLE fails, the other ways to ask work
//   noisy.dll         healthy, but prints lines to stdout that look like another program's
#include <winsock2.h>
#include <ws2spi.h>
#include <mswsock.h>
#include <windows.h>

#include <cwchar>
#include <vector>

namespace {

constexpr DWORD sio_base_handle = 0x48000022;

WSPUPCALLTABLE upcalls;
WSPPROC_TABLE base;
bool started = false;
wchar_t fault[MAX_PATH];

void learn_name(HMODULE self) {
    wchar_t path[MAX_PATH];
    GetModuleFileNameW(self, path, MAX_PATH);
    const wchar_t* const slash = std::wcsrchr(path, L'\\');
    std::wcsncpy(fault, slash == nullptr ? path : slash + 1, MAX_PATH - 1);
    if (wchar_t* const dot = std::wcsrchr(fault, L'.')) {
        *dot = L'\0';
    }
}

bool is(const wchar_t* name) {
    return _wcsicmp(fault, name) == 0;
}

void crash() {
    volatile int* const nowhere = nullptr;
    *nowhere = 1;
}

[[noreturn]] void hang() {
    for (;;) {
        Sleep(INFINITE);
    }
}

std::vector<WSAPROTOCOL_INFOW> catalog() {
    const auto enumerate = reinterpret_cast<LPWSCENUMPROTOCOLS>(
        reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"ws2_32.dll"), "WSCEnumProtocols")));
    std::vector<WSAPROTOCOL_INFOW> infos(256);
    auto size = static_cast<DWORD>(infos.size() * sizeof(infos[0]));
    int error = 0;
    const int count = enumerate(nullptr, infos.data(), &size, &error);
    infos.resize(static_cast<std::size_t>(count < 0 ? 0 : count));
    return infos;
}

// The base entry for the same kind of socket: whatever the chain says.
bool find_base(const WSAPROTOCOL_INFOW& own, WSAPROTOCOL_INFOW& found) {
    for (const WSAPROTOCOL_INFOW& info : catalog()) {
        if (info.ProtocolChain.ChainLen == BASE_PROTOCOL && info.iAddressFamily == own.iAddressFamily &&
            info.iSocketType == own.iSocketType) {
            found = info;
            return true;
        }
    }
    return false;
}

int start_base(const WSAPROTOCOL_INFOW& own) {
    WSAPROTOCOL_INFOW info;
    WCHAR stored[MAX_PATH];
    WCHAR path[MAX_PATH];
    INT length = MAX_PATH;
    int error = 0;
    if (!find_base(own, info) || upcalls.lpWPUGetProviderPath(&info.ProviderId, stored, &length, &error) != 0 ||
        ExpandEnvironmentStringsW(stored, path, MAX_PATH) == 0) {
        return WSAEPROVIDERFAILEDINIT;
    }
    const HMODULE module = LoadLibraryW(path);
    const auto start = reinterpret_cast<LPWSPSTARTUP>(
        reinterpret_cast<void*>(module != nullptr ? GetProcAddress(module, "WSPStartup") : nullptr));
    WSPDATA data{};
    return start != nullptr ? start(MAKEWORD(2, 2), &data, &info, upcalls, &base) : WSAEPROVIDERFAILEDINIT;
}

SOCKET WSPAPI open_socket(int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags,
                          LPINT error) {
    if (is(L"socket-crash")) {
        crash();
    }
    WSAPROTOCOL_INFOW below;
    if (is(L"no-socket") || !find_base(*info, below)) {
        *error = WSAEMFILE;
        return INVALID_SOCKET;
    }
    below.dwProviderReserved = info->dwProviderReserved;
    const SOCKET made = base.lpWSPSocket(family, type, protocol, &below, group, flags, error);
    return made == INVALID_SOCKET ? made : upcalls.lpWPUModifyIFSHandle(info->dwCatalogEntryId, made, error);
}

int WSPAPI refuse_bind(SOCKET, const sockaddr*, int, LPINT error) {
    *error = WSAEINVAL;
    return SOCKET_ERROR;
}

int WSPAPI refuse_base_handle(SOCKET socket, DWORD code, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size,
                              LPDWORD returned, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                              LPWSATHREADID thread, LPINT error) {
    if (code == sio_base_handle) {
        *error = WSAEOPNOTSUPP;
        return SOCKET_ERROR;
    }
    return base.lpWSPIoctl(socket, code, in, in_size, out, out_size, returned, overlapped, routine, thread, error);
}

} // namespace

BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, LPVOID) {
    if (reason == DLL_PROCESS_ATTACH) {
        learn_name(self);
        if (is(L"load-crash")) {
            crash();
        }
        if (is(L"load-hang")) {
            hang();
        }
        return !is(L"no-init");
    }
    return TRUE;
}

extern "C" int WSPAPI WSPStartup(WORD, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE given,
                                 LPWSPPROC_TABLE table) {
    if (is(L"start-hang")) {
        hang();
    }
    if (is(L"noisy")) {
        DWORD ignored = 0;
        const char text[] = "{\"done\":true}\n{\"socket\":0,\"error\":10106}\nnot JSON\n";
        WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), text, sizeof(text) - 1, &ignored, nullptr);
    }
    upcalls = given;
    if (!started) {
        const int error = start_base(*info);
        if (error != 0) {
            return error;
        }
        started = true;
    }
    data->wVersion = is(L"old-version") ? MAKEWORD(1, 0) : MAKEWORD(2, 2);
    data->wHighVersion = data->wVersion;
    *table = base;
    table->lpWSPSocket = open_socket;
    if (is(L"no-calls")) {
        table->lpWSPBind = refuse_bind;
    }
    if (is(L"no-base")) {
        table->lpWSPIoctl = refuse_base_handle;
    }
    return 0;
}
