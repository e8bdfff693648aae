// Socket options and ioctls.
#include <cstring>

#include "dispatch.hpp"

#include <mswsock.h> // after the header that makes its functions ours

using namespace winsock_spi::wine;

namespace {

// Whether a buffer takes SO_OPENTYPE. Windows takes a negative length for a large one.
bool takes_open_type(const char* value, int length) noexcept {
    return value != nullptr && static_cast<unsigned>(length) >= sizeof(int);
}

// SO_OPENTYPE is an option of the thread, not of a socket, and no provider's business.
bool is_open_type(int level, int option) noexcept {
    return level == SOL_SOCKET && option == SO_OPENTYPE;
}

} // namespace

extern "C" {

int WSAAPI getsockopt(SOCKET handle, int level, int option, char* value, int* length) {
    if (!is_open_type(level, option)) {
        return dispatch<&WSPPROC_TABLE::lpWSPGetSockOpt>(handle, level, option, value, length);
    }
    if (!started()) {
        return fail(WSANOTINITIALISED);
    }
    if (length == nullptr || !takes_open_type(value, *length)) {
        return fail(WSAEFAULT);
    }
    const ThreadState* thread = host().threads.existing();
    const int open_type = thread != nullptr ? thread->open_type : 0;
    std::memcpy(value, &open_type, sizeof open_type);
    *length = sizeof open_type;
    return 0;
}

int WSAAPI setsockopt(SOCKET handle, int level, int option, const char* value, int length) {
    if (!is_open_type(level, option)) {
        return dispatch<&WSPPROC_TABLE::lpWSPSetSockOpt>(handle, level, option, value, length);
    }
    if (!started()) {
        return fail(WSANOTINITIALISED);
    }
    if (!takes_open_type(value, length)) {
        return fail(WSAEFAULT);
    }
    ThreadState* thread = host().threads.current();
    if (thread == nullptr) {
        return fail(WSA_NOT_ENOUGH_MEMORY);
    }
    std::memcpy(&thread->open_type, value, sizeof(int));
    return 0;
}

int WSAAPI WSAIoctl(SOCKET handle, DWORD code, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size, LPDWORD returned,
                    LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    const LPWSATHREADID thread = overlapped != nullptr ? current_thread_id() : nullptr;
    return dispatch<&WSPPROC_TABLE::lpWSPIoctl>(handle, code, in, in_size, out, out_size, returned, overlapped, routine,
                                                thread);
}

int WSAAPI ioctlsocket(SOCKET handle, long code, u_long* value) {
    DWORD returned = 0;
    return dispatch<&WSPPROC_TABLE::lpWSPIoctl>(
        handle, static_cast<DWORD>(code), static_cast<LPVOID>(value), static_cast<DWORD>(sizeof(u_long)),
        static_cast<LPVOID>(value), static_cast<DWORD>(sizeof(u_long)), &returned,
        static_cast<LPWSAOVERLAPPED>(nullptr), static_cast<LPWSAOVERLAPPED_COMPLETION_ROUTINE>(nullptr),
        static_cast<LPWSATHREADID>(nullptr));
}

} // extern "C"
