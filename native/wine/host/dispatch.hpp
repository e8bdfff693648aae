// From a call of the program to the provider that the socket belongs to.
#pragma once

#include <type_traits>

#include "host.hpp"

namespace winsock_spi::wine {

// The socket's entry, with its provider loaded. 0, WSANOTINITIALISED, WSAENOTSOCK or an error of Provider::load.
// A handle that nobody claimed (inherited, or made by DuplicateHandle) is offered to each IFS provider in catalog
// order; the first that knows it has it.
int find_socket(SOCKET handle, SocketReference& socket) noexcept;

// Makes `entry` the owner of the handle.
int claim_ifs_handle(SOCKET handle, EntryPointer entry, ProviderPointer provider) noexcept;

// A provider must give a reason for its failure.
inline int reason(int provider_error) noexcept {
    return provider_error != 0 ? provider_error : WSASYSCALLFAILURE;
}

// An error code in the form of Winsock's API functions.
inline int fail(int error) noexcept {
    SetLastError(static_cast<DWORD>(error));
    return SOCKET_ERROR;
}

// This thread as providers see it, for APCs. nullptr if the system has no handle for it.
LPWSATHREADID current_thread_id() noexcept;

// dispatch<&WSPPROC_TABLE::lpWSPBind>(s, name, length): calls that function of the socket's provider and turns
// *lpErrno into the thread's last error. Success leaves the last error as the provider left it, as on Windows.
// `Failure` is what the function returns when it fails.
template <auto Member, int Failure = SOCKET_ERROR, typename... Arguments>
int dispatch(SOCKET handle, Arguments... arguments) noexcept {
    SocketReference socket;
    int error = find_socket(handle, socket);
    if (error == 0) {
        const int result = (socket.functions().*Member)(handle, arguments..., &error);
        if (result != Failure) {
            return result;
        }
        error = reason(error);
    }
    SetLastError(static_cast<DWORD>(error));
    return Failure;
}

} // namespace winsock_spi::wine
