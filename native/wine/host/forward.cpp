// Functions of Winsock that no provider takes part in: name resolution, address text, services. They are Wine's.
#include <type_traits>

#include "../wine_dll.hpp"

// ws2tcpip.h makes macros of these names under UNICODE; here both forms are defined under their own names.
#include <ws2tcpip.h>
#undef FreeAddrInfoEx

using winsock_spi::wine::WineFunction;

namespace {

// What a function that Wine lacks answers: the failure of its kind.
template <typename Result>
Result missing() noexcept {
    SetLastError(WSAEOPNOTSUPP);
    if constexpr (std::is_same_v<Result, int>) {
        return SOCKET_ERROR;
    } else if constexpr (!std::is_void_v<Result>) {
        return Result{};
    }
}

} // namespace

#define FORWARD(result, name, parameters, arguments)                                                                   \
    extern "C" result WSAAPI name parameters {                                                                         \
        static constinit WineFunction function(#name);                                                                 \
        using Function = result(WSAAPI*) parameters;                                                                   \
        const auto forwarded = function.as<Function>();                                                                \
        return forwarded != nullptr ? forwarded arguments : missing<result>();                                         \
    }

// Names and numbers of hosts, protocols and services
FORWARD(int, gethostname, (char* name, int length), (name, length))
FORWARD(int, GetHostNameW, (PWSTR name, int length), (name, length))
FORWARD(hostent*, gethostbyaddr, (const char* address, int length, int type), (address, length, type))
FORWARD(hostent*, gethostbyname, (const char* name), (name))
FORWARD(protoent*, getprotobyname, (const char* name), (name))
FORWARD(protoent*, getprotobynumber, (int number), (number))
FORWARD(servent*, getservbyname, (const char* name, const char* protocol), (name, protocol))
FORWARD(servent*, getservbyport, (int port, const char* protocol), (port, protocol))
FORWARD(int, getaddrinfo, (const char* node, const char* service, const addrinfo* hints, addrinfo** result),
        (node, service, hints, result))
FORWARD(int, GetAddrInfoW, (PCWSTR node, PCWSTR service, const ADDRINFOW* hints, PADDRINFOW* result),
        (node, service, hints, result))
FORWARD(int, GetAddrInfoExW,
        (PCWSTR name, PCWSTR service, DWORD name_space, LPGUID provider, const ADDRINFOEXW* hints, PADDRINFOEXW* result,
         timeval* timeout, LPOVERLAPPED overlapped, LPLOOKUPSERVICE_COMPLETION_ROUTINE routine, LPHANDLE handle),
        (name, service, name_space, provider, hints, result, timeout, overlapped, routine, handle))
FORWARD(INT, GetAddrInfoExCancel, (LPHANDLE handle), (handle))
FORWARD(INT, GetAddrInfoExOverlappedResult, (LPOVERLAPPED overlapped), (overlapped))
FORWARD(void, freeaddrinfo, (LPADDRINFO list), (list))
FORWARD(void, FreeAddrInfoW, (PADDRINFOW list), (list))
FORWARD(void, FreeAddrInfoEx, (PADDRINFOEXA list), (list))
FORWARD(void, FreeAddrInfoExW, (PADDRINFOEXW list), (list))
FORWARD(int, getnameinfo,
        (const sockaddr* address, socklen_t length, char* host, DWORD host_length, char* service, DWORD service_length,
         int flags),
        (address, length, host, host_length, service, service_length, flags))
FORWARD(INT, GetNameInfoW,
        (const SOCKADDR* address, socklen_t length, PWCHAR host, DWORD host_length, PWCHAR service,
         DWORD service_length, INT flags),
        (address, length, host, host_length, service, service_length, flags))

// Addresses as text
FORWARD(unsigned long, inet_addr, (const char* text), (text))
FORWARD(char*, inet_ntoa, (in_addr address), (address))
FORWARD(PCSTR, inet_ntop, (INT family, LPCVOID address, LPSTR text, size_t size), (family, address, text, size))
FORWARD(INT, inet_pton, (INT family, LPCSTR text, PVOID address), (family, text, address))
FORWARD(LPCWSTR, InetNtopW, (INT family, LPCVOID address, LPWSTR text, size_t size), (family, address, text, size))
FORWARD(INT, InetPtonW, (INT family, LPCWSTR text, PVOID address), (family, text, address))

// Look-ups that answer with a window message
FORWARD(HANDLE, WSAAsyncGetHostByAddr,
        (HWND window, u_int message, const char* address, int length, int type, char* buffer, int size),
        (window, message, address, length, type, buffer, size))
FORWARD(HANDLE, WSAAsyncGetHostByName, (HWND window, u_int message, const char* name, char* buffer, int size),
        (window, message, name, buffer, size))
FORWARD(HANDLE, WSAAsyncGetProtoByName, (HWND window, u_int message, const char* name, char* buffer, int size),
        (window, message, name, buffer, size))
FORWARD(HANDLE, WSAAsyncGetProtoByNumber, (HWND window, u_int message, int number, char* buffer, int size),
        (window, message, number, buffer, size))
FORWARD(HANDLE, WSAAsyncGetServByName,
        (HWND window, u_int message, const char* name, const char* protocol, char* buffer, int size),
        (window, message, name, protocol, buffer, size))
FORWARD(HANDLE, WSAAsyncGetServByPort,
        (HWND window, u_int message, int port, const char* protocol, char* buffer, int size),
        (window, message, port, protocol, buffer, size))
FORWARD(int, WSACancelAsyncRequest, (HANDLE request), (request))

// Services
FORWARD(INT, WSALookupServiceBeginA, (LPWSAQUERYSETA query, DWORD flags, LPHANDLE lookup), (query, flags, lookup))
FORWARD(INT, WSALookupServiceBeginW, (LPWSAQUERYSETW query, DWORD flags, LPHANDLE lookup), (query, flags, lookup))
FORWARD(INT, WSALookupServiceNextA, (HANDLE lookup, DWORD flags, LPDWORD size, LPWSAQUERYSETA results),
        (lookup, flags, size, results))
FORWARD(INT, WSALookupServiceNextW, (HANDLE lookup, DWORD flags, LPDWORD size, LPWSAQUERYSETW results),
        (lookup, flags, size, results))
FORWARD(INT, WSALookupServiceEnd, (HANDLE lookup), (lookup))
FORWARD(INT, WSANSPIoctl,
        (HANDLE lookup, DWORD code, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size, LPDWORD returned,
         LPWSACOMPLETION completion),
        (lookup, code, in, in_size, out, out_size, returned, completion))
FORWARD(INT, WSASetServiceA, (LPWSAQUERYSETA info, WSAESETSERVICEOP operation, DWORD flags), (info, operation, flags))
FORWARD(INT, WSASetServiceW, (LPWSAQUERYSETW info, WSAESETSERVICEOP operation, DWORD flags), (info, operation, flags))
FORWARD(INT, WSAInstallServiceClassA, (LPWSASERVICECLASSINFOA info), (info))
FORWARD(INT, WSAInstallServiceClassW, (LPWSASERVICECLASSINFOW info), (info))
FORWARD(INT, WSARemoveServiceClass, (LPGUID service_class), (service_class))
FORWARD(INT, WSAGetServiceClassInfoA,
        (LPGUID provider, LPGUID service_class, LPDWORD size, LPWSASERVICECLASSINFOA info),
        (provider, service_class, size, info))
FORWARD(INT, WSAGetServiceClassInfoW,
        (LPGUID provider, LPGUID service_class, LPDWORD size, LPWSASERVICECLASSINFOW info),
        (provider, service_class, size, info))
FORWARD(INT, WSAGetServiceClassNameByClassIdA, (LPGUID service_class, LPSTR name, LPDWORD length),
        (service_class, name, length))
FORWARD(INT, WSAGetServiceClassNameByClassIdW, (LPGUID service_class, LPWSTR name, LPDWORD length),
        (service_class, name, length))

// How Winsock posts messages
FORWARD(int, WSApSetPostRoutine, (LPWPUPOSTMESSAGE routine), (routine))

// Of 16-bit Windows; ordinal 500 is all there is to it.
FORWARD(BOOL, WEP, (int reason), (reason))
