// A complete layered provider: it refuses connections to port 25 with WSAEACCES and passes everything else on.
// docs/writing-a-provider.md goes through it.
#include <winsock2.h>
#include <ws2spi.h>
#include <mswsock.h>
#include <windows.h>

#include <cwchar>
#include <map>
#include <mutex>
#include <vector>

namespace {

constexpr u_short refused_port = 25;

// One layer per entry of ours in the catalog: what is above which provider.
struct Layer {
    WSAPROTOCOL_INFOW entry{};
    WSAPROTOCOL_INFOW below{}; // what the next provider is to be asked for
    WSPPROC_TABLE next{};
    LPFN_CONNECTEX connect_ex = nullptr;
};

std::mutex mutex;
WSPUPCALLTABLE upcalls;
std::map<DWORD, Layer> layers; // by catalog id; what is in a std::map stays where it is
std::map<SOCKET, Layer*> sockets;
unsigned starts = 0;

std::vector<WSAPROTOCOL_INFOW> read_catalog() {
    DWORD size = 0;
    int error = 0;
    WSCEnumProtocols(nullptr, nullptr, &size, &error);
    std::vector<WSAPROTOCOL_INFOW> entries(size / sizeof(WSAPROTOCOL_INFOW));
    const int count = WSCEnumProtocols(nullptr, entries.data(), &size, &error);
    entries.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return entries;
}

bool path_of(const WSAPROTOCOL_INFOW& entry, wchar_t (&path)[MAX_PATH]) {
    wchar_t stored[MAX_PATH];
    int length = MAX_PATH;
    int error = 0;
    GUID provider = entry.ProviderId;
    return WSCGetProviderPath(&provider, stored, &length, &error) == 0 &&
           ExpandEnvironmentStringsW(stored, path, MAX_PATH) != 0;
}

bool is_ours(const wchar_t* path) {
    static const int anything = 0;
    HMODULE self = nullptr;
    wchar_t own[MAX_PATH] = L"";
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                       reinterpret_cast<LPCWSTR>(&anything), &self);
    GetModuleFileNameW(self, own, MAX_PATH);
    return _wcsicmp(path, own) == 0;
}

// The entry behind ours in the chain, and its DLL.
bool find_next(const WSAPROTOCOL_INFOW& entry, WSAPROTOCOL_INFOW& next, wchar_t (&path)[MAX_PATH]) {
    const std::vector<WSAPROTOCOL_INFOW> catalog = read_catalog();
    bool passed = false; // ours has been seen: the next one is it
    for (int index = 0; index < entry.ProtocolChain.ChainLen; ++index) {
        for (const WSAPROTOCOL_INFOW& candidate : catalog) {
            if (candidate.dwCatalogEntryId != entry.ProtocolChain.ChainEntries[index] || !path_of(candidate, path)) {
                continue;
            }
            if (is_ours(path)) {
                passed = true;
            } else if (passed) {
                next = candidate;
                return true;
            }
        }
    }
    return false;
}

// Starts the provider below an entry of ours, once. The mutex is held.
Layer* layer_for(const WSAPROTOCOL_INFOW& entry) {
    const auto known = layers.find(entry.dwCatalogEntryId);
    if (known != layers.end()) {
        return &known->second;
    }
    Layer layer;
    WSAPROTOCOL_INFOW next;
    wchar_t path[MAX_PATH];
    if (!find_next(entry, next, path)) {
        return nullptr;
    }
    layer.entry = entry;
    layer.below =
        next.ProtocolChain.ChainLen == BASE_PROTOCOL ? next : entry; // a layer below finds itself in the chain
    const HMODULE module = LoadLibraryW(path);
    const auto start = reinterpret_cast<LPWSPSTARTUP>(
        reinterpret_cast<void*>(module != nullptr ? GetProcAddress(module, "WSPStartup") : nullptr));
    WSPDATA data{};
    if (start == nullptr || start(MAKEWORD(2, 2), &data, &layer.below, upcalls, &layer.next) != 0) {
        return nullptr;
    }
    return &layers.emplace(entry.dwCatalogEntryId, layer).first->second;
}

// Whose a socket is. One that came from another process is nobody's: it goes to the first provider there is.
Layer* layer_of(SOCKET socket) {
    const std::lock_guard guard(mutex);
    const auto found = sockets.find(socket);
    return found != sockets.end() ? found->second : &layers.begin()->second;
}

// Tells Winsock that calls on this handle, which is the base provider's own, are ours.
SOCKET take(Layer* layer, SOCKET socket, LPINT error) {
    const SOCKET ours = upcalls.lpWPUModifyIFSHandle(layer->entry.dwCatalogEntryId, socket, error);
    if (ours != INVALID_SOCKET) {
        const std::lock_guard guard(mutex);
        sockets[ours] = layer;
    }
    return ours;
}

SOCKET WSPAPI make_socket(int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags,
                          LPINT error) {
    Layer* layer = nullptr;
    {
        const std::lock_guard guard(mutex);
        layer = layer_for(*info);
    }
    if (layer == nullptr) {
        *error = WSAEPROVIDERFAILEDINIT;
        return INVALID_SOCKET;
    }
    WSAPROTOCOL_INFOW below = layer->below;
    below.dwProviderReserved = info->dwProviderReserved; // names the socket that another process has given
    const SOCKET socket = layer->next.lpWSPSocket(family, type, protocol, &below, group, flags, error);
    return socket == INVALID_SOCKET ? socket : take(layer, socket, error);
}

SOCKET WSPAPI accept_socket(SOCKET listener, sockaddr* address, LPINT length, LPCONDITIONPROC condition, DWORD_PTR data,
                            LPINT error) {
    Layer* const layer = layer_of(listener);
    const SOCKET socket = layer->next.lpWSPAccept(listener, address, length, condition, data, error);
    return socket == INVALID_SOCKET ? socket : take(layer, socket, error);
}

int WSPAPI close_socket(SOCKET socket, LPINT error) {
    Layer* const layer = layer_of(socket);
    {
        const std::lock_guard guard(mutex);
        sockets.erase(socket); // before the handle can be given away again
    }
    return layer->next.lpWSPCloseSocket(socket, error);
}

bool is_refused(const sockaddr* address, int length) {
    // The port is at the same place in sockaddr_in and sockaddr_in6.
    const bool is_ip = address->sa_family == AF_INET || address->sa_family == AF_INET6;
    return is_ip && length >= static_cast<int>(sizeof(sockaddr_in)) &&
           reinterpret_cast<const sockaddr_in*>(address)->sin_port == ((refused_port << 8) | (refused_port >> 8));
}

int WSPAPI connect_socket(SOCKET socket, const sockaddr* address, int length, LPWSABUF caller, LPWSABUF callee,
                          LPQOS quality, LPQOS group_quality, LPINT error) {
    if (is_refused(address, length)) {
        *error = WSAEACCES;
        return SOCKET_ERROR;
    }
    return layer_of(socket)->next.lpWSPConnect(socket, address, length, caller, callee, quality, group_quality, error);
}

int next_ioctl(Layer* layer, SOCKET socket, const GUID& function, void* out) {
    GUID wanted = function;
    DWORD returned = 0;
    int error = 0;
    return layer->next.lpWSPIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &wanted, sizeof wanted, out,
                                  sizeof(void*), &returned, nullptr, nullptr, nullptr, &error);
}

const GUID connect_ex_id = WSAID_CONNECTEX;

// Node, .NET and most servers connect by ConnectEx, which Winsock does not call us for: programs get its address.
BOOL PASCAL connect_ex(SOCKET socket, const sockaddr* address, int length, PVOID data, DWORD size, LPDWORD sent,
                       LPOVERLAPPED overlapped) {
    if (is_refused(address, length)) {
        SetLastError(WSAEACCES); // the same as WSASetLastError
        return FALSE;
    }
    Layer* const layer = layer_of(socket);
    if (layer->connect_ex == nullptr && next_ioctl(layer, socket, connect_ex_id, &layer->connect_ex) != 0) {
        SetLastError(WSAEOPNOTSUPP);
        return FALSE;
    }
    return layer->connect_ex(socket, address, length, data, size, sent, overlapped);
}

int WSPAPI control_socket(SOCKET socket, DWORD code, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size,
                          LPDWORD returned, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                          LPWSATHREADID thread, LPINT error) {
    const int result = layer_of(socket)->next.lpWSPIoctl(socket, code, in, in_size, out, out_size, returned, overlapped,
                                                         routine, thread, error);
    if (result == 0 && code == SIO_GET_EXTENSION_FUNCTION_POINTER &&
        IsEqualGUID(*static_cast<const GUID*>(in), connect_ex_id)) {
        *static_cast<LPFN_CONNECTEX*>(out) = connect_ex;
    }
    return result;
}

// Winsock asks this to find out whose a handle is: the answer is our entry, not that of the provider below.
int WSPAPI get_option(SOCKET socket, int level, int name, char* value, LPINT length, LPINT error) {
    Layer* const layer = layer_of(socket);
    const int result = layer->next.lpWSPGetSockOpt(socket, level, name, value, length, error);
    if (result == 0 && level == SOL_SOCKET && name == SO_PROTOCOL_INFOW) {
        *reinterpret_cast<WSAPROTOCOL_INFOW*>(value) = layer->entry;
    }
    return result;
}

// What another process opens the socket with: our entry again, and the mark that the provider below has put there.
int WSPAPI duplicate_socket(SOCKET socket, DWORD process, LPWSAPROTOCOL_INFOW info, LPINT error) {
    Layer* const layer = layer_of(socket);
    const int result = layer->next.lpWSPDuplicateSocket(socket, process, info, error);
    if (result == 0) {
        const DWORD mark = info->dwProviderReserved;
        *info = layer->entry;
        info->dwProviderReserved = mark;
    }
    return result;
}

int WSPAPI clean_up(LPINT error) {
    const std::lock_guard guard(mutex);
    if (starts == 0) {
        *error = WSANOTINITIALISED;
        return SOCKET_ERROR;
    }
    if (--starts == 0) {
        for (auto& [id, layer] : layers) {
            layer.next.lpWSPCleanup(error); // its DLL stays: somebody may be in it
        }
        layers.clear();
        sockets.clear();
    }
    return 0;
}

} // namespace

extern "C" int WSPAPI WSPStartup(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE given,
                                 LPWSPPROC_TABLE table) {
    if (version != MAKEWORD(2, 2)) {
        return WSAVERNOTSUPPORTED;
    }
    const std::lock_guard guard(mutex);
    upcalls = given;
    const Layer* const layer = layer_for(*info);
    if (layer == nullptr) {
        return WSAEPROVIDERFAILEDINIT; // 10106 for the program: it has no network by this protocol
    }
    ++starts;
    data->wVersion = MAKEWORD(2, 2);
    data->wHighVersion = MAKEWORD(2, 2);
    *table = layer->next; // what is not named below goes straight to the next provider
    table->lpWSPSocket = make_socket;
    table->lpWSPAccept = accept_socket;
    table->lpWSPCloseSocket = close_socket;
    table->lpWSPConnect = connect_socket;
    table->lpWSPIoctl = control_socket;
    table->lpWSPGetSockOpt = get_option;
    table->lpWSPDuplicateSocket = duplicate_socket;
    table->lpWSPCleanup = clean_up;
    return 0;
}
