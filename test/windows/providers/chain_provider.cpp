// A layered provider for the tests of installers: it works with any chain that an installer makes for it, because it
// takes all it needs to know from the entry that WSPStartup and WSPSocket bring. It passes everything to the base
// provider at the end of the chain and writes one line for each start, socket, connect and send into the file that
// the environment variable CHAIN_PROVIDER_LOG names: <pid> <bits> <call>.
//
// Without IFS handles (an entry without XP1_IFS_HANDLES) it only makes and closes handles, and has the extension
// functions unless CHAIN_PROVIDER_LACKS names the first byte of one's GUID in hexadecimal.
#include <winsock2.h>
#include <ws2spi.h>
#include <mswsock.h>
#include <windows.h>

#include <cstdio>
#include <cwchar>
#include <map>
#include <mutex>
#include <vector>

namespace {

std::mutex mutex;
WSPUPCALLTABLE upcalls;
WSPPROC_TABLE base;               // the same for all chains: all end in the same DLL
unsigned base_starts = 0;
std::map<SOCKET, WSAPROTOCOL_INFOW> owners;

void note(const char* call) {
    wchar_t path[MAX_PATH];
    const DWORD length = GetEnvironmentVariableW(L"CHAIN_PROVIDER_LOG", path, MAX_PATH);
    if (length == 0 || length >= MAX_PATH) {
        return;
    }
    const DWORD last_error = GetLastError();
    const HANDLE log = CreateFileW(path, FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_ALWAYS,
                                   FILE_ATTRIBUTE_NORMAL, nullptr);
    char line[64];
    const int written = std::snprintf(line, sizeof line, "%lu %u %s\r\n", GetCurrentProcessId(),
                                      static_cast<unsigned>(sizeof(void*) * 8), call);
    DWORD ignored = 0;
    WriteFile(log, line, static_cast<DWORD>(written), &ignored, nullptr);
    CloseHandle(log);
    SetLastError(last_error);
}

bool find_entry(DWORD id, WSAPROTOCOL_INFOW& found) {
    const auto enumerate = reinterpret_cast<LPWSCENUMPROTOCOLS>(
        reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"ws2_32.dll"), "WSCEnumProtocols")));
    std::vector<WSAPROTOCOL_INFOW> infos(200);
    DWORD size = static_cast<DWORD>(infos.size() * sizeof(infos[0]));
    int error = 0;
    const int count = enumerate(nullptr, infos.data(), &size, &error);
    for (int index = 0; index < count; ++index) {
        if (infos[static_cast<std::size_t>(index)].dwCatalogEntryId == id) {
            found = infos[static_cast<std::size_t>(index)];
            return true;
        }
    }
    return false;
}

bool find_base(const WSAPROTOCOL_INFOW& chain, WSAPROTOCOL_INFOW& found) {
    return chain.ProtocolChain.ChainLen > 1 &&
           find_entry(chain.ProtocolChain.ChainEntries[chain.ProtocolChain.ChainLen - 1], found);
}

int start_base(const WSAPROTOCOL_INFOW& own) {
    WSAPROTOCOL_INFOW info;
    WSAPROTOCOL_INFOW hidden;
    WCHAR stored[MAX_PATH];
    WCHAR path[MAX_PATH];
    INT length = MAX_PATH;
    int error = 0;
    // It must find itself in the catalog, as many providers do.
    if (!find_base(own, info) || !find_entry(own.ProtocolChain.ChainEntries[0], hidden) ||
        hidden.ProtocolChain.ChainLen != LAYERED_PROTOCOL ||
        upcalls.lpWPUGetProviderPath(&info.ProviderId, stored, &length, &error) != 0 ||
        ExpandEnvironmentStringsW(stored, path, MAX_PATH) == 0) {
        return WSAEPROVIDERFAILEDINIT;
    }
    const HMODULE module = LoadLibraryW(path);
    const auto start = reinterpret_cast<LPWSPSTARTUP>(
        reinterpret_cast<void*>(module != nullptr ? GetProcAddress(module, "WSPStartup") : nullptr));
    WSPDATA data{};
    return start != nullptr ? start(MAKEWORD(2, 2), &data, &info, upcalls, &base) : WSAEPROVIDERFAILEDINIT;
}

void own(SOCKET socket, const WSAPROTOCOL_INFOW& entry) {
    const std::lock_guard guard(mutex);
    owners[socket] = entry;
}

bool owner_of(SOCKET socket, WSAPROTOCOL_INFOW& entry) {
    const std::lock_guard guard(mutex);
    const auto found = owners.find(socket);
    if (found == owners.end()) {
        return false;
    }
    entry = found->second;
    return true;
}

SOCKET WSPAPI open_socket(int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags,
                          LPINT error) {
    note("WSPSocket");
    WSAPROTOCOL_INFOW below;
    WSAPROTOCOL_INFOW chain = *info;
    if (!find_base(chain, below)) {
        *error = WSAEPROVIDERFAILEDINIT;
        return INVALID_SOCKET;
    }
    below.dwProviderReserved = chain.dwProviderReserved;
    const SOCKET made = base.lpWSPSocket(family, type, protocol, &below, group, flags, error);
    if (made == INVALID_SOCKET) {
        return made;
    }
    own(made, chain);
    return upcalls.lpWPUModifyIFSHandle(chain.dwCatalogEntryId, made, error);
}

SOCKET WSPAPI accept_socket(SOCKET socket, sockaddr* name, LPINT length, LPCONDITIONPROC condition, DWORD_PTR data,
                            LPINT error) {
    WSAPROTOCOL_INFOW chain;
    const bool known = owner_of(socket, chain);
    const SOCKET made = base.lpWSPAccept(socket, name, length, condition, data, error);
    if (made == INVALID_SOCKET || !known) {
        return made;
    }
    own(made, chain);
    return upcalls.lpWPUModifyIFSHandle(chain.dwCatalogEntryId, made, error);
}

int WSPAPI close_socket(SOCKET socket, LPINT error) {
    {
        const std::lock_guard guard(mutex);
        owners.erase(socket);
    }
    return base.lpWSPCloseSocket(socket, error);
}

int WSPAPI get_option(SOCKET socket, int level, int option, char* value, LPINT length, LPINT error) {
    if (level != SOL_SOCKET || option != SO_PROTOCOL_INFOW) {
        return base.lpWSPGetSockOpt(socket, level, option, value, length, error);
    }
    WSAPROTOCOL_INFOW chain;
    if (!owner_of(socket, chain)) {
        *error = WSAENOTSOCK;
        return SOCKET_ERROR;
    }
    if (*length < static_cast<int>(sizeof chain)) {
        *error = WSAEFAULT;
        return SOCKET_ERROR;
    }
    *length = sizeof chain;
    *reinterpret_cast<WSAPROTOCOL_INFOW*>(value) = chain;
    return 0;
}

int WSPAPI connect_socket(SOCKET socket, const sockaddr* name, int length, LPWSABUF caller, LPWSABUF callee, LPQOS qos,
                          LPQOS group_qos, LPINT error) {
    note("WSPConnect");
    return base.lpWSPConnect(socket, name, length, caller, callee, qos, group_qos, error);
}

int WSPAPI send_data(SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD bytes, DWORD flags,
                     LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                     LPINT error) {
    note("WSPSend");
    return base.lpWSPSend(socket, buffers, count, bytes, flags, overlapped, routine, thread, error);
}

int WSPAPI clean_up(LPINT error) {
    unsigned left = 0;
    {
        const std::lock_guard guard(mutex);
        left = base_starts == 0 ? 0 : --base_starts;
    }
    return left == 0 ? base.lpWSPCleanup(error) : 0;
}

SOCKET WSPAPI open_own_handle(int, int, int, LPWSAPROTOCOL_INFOW info, GROUP, DWORD, LPINT error) {
    note("WSPSocket");
    return upcalls.lpWPUCreateSocketHandle(info->dwCatalogEntryId, 1, error);
}

int WSPAPI close_own_handle(SOCKET socket, LPINT error) {
    return upcalls.lpWPUCloseSocketHandle(socket, error);
}

int WSPAPI control_own_handle(SOCKET, DWORD code, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size,
                              LPDWORD returned, LPWSAOVERLAPPED, LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID,
                              LPINT error) {
    if (code != SIO_GET_EXTENSION_FUNCTION_POINTER || in_size < sizeof(GUID) || out_size < sizeof(void*)) {
        *error = WSAEOPNOTSUPP;
        return SOCKET_ERROR;
    }
    wchar_t lacks[16] = L"";
    GetEnvironmentVariableW(L"CHAIN_PROVIDER_LACKS", lacks, 16);
    if (std::wcstoul(lacks, nullptr, 16) == static_cast<const GUID*>(in)->Data1) {
        *error = WSAEINVAL;
        return SOCKET_ERROR;
    }
    *static_cast<void**>(out) = reinterpret_cast<void*>(&control_own_handle); // never called
    *returned = sizeof(void*);
    return 0;
}

} // namespace

extern "C" int WSPAPI WSPStartup(WORD, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE given,
                                 LPWSPPROC_TABLE table) {
    note("WSPStartup");
    const std::lock_guard guard(mutex);
    upcalls = given;
    if (base_starts == 0) {
        const int error = start_base(*info);
        if (error != 0) {
            return error;
        }
    }
    ++base_starts;
    data->wVersion = MAKEWORD(2, 2);
    data->wHighVersion = MAKEWORD(2, 2);
    *table = base;
    table->lpWSPCleanup = clean_up;
    if ((info->dwServiceFlags1 & XP1_IFS_HANDLES) == 0) {
        table->lpWSPSocket = open_own_handle;
        table->lpWSPCloseSocket = close_own_handle;
        table->lpWSPIoctl = control_own_handle;
        return 0;
    }
    table->lpWSPSocket = open_socket;
    table->lpWSPAccept = accept_socket;
    table->lpWSPCloseSocket = close_socket;
    table->lpWSPGetSockOpt = get_option;
    table->lpWSPConnect = connect_socket;
    table->lpWSPSend = send_data;
    return 0;
}
