// select and WSAPoll: calls for many sockets at once.
#include <cstring>
#include <new>
#include <vector>

#include "dispatch.hpp"

#include <mswsock.h> // after the header that makes its functions ours

using namespace winsock_spi::wine;

extern "C" int WSAAPI __WSAFDIsSet(SOCKET handle, fd_set* set) {
    return upcall_table().lpWPUFDIsSet(handle, set);
}

// Goes to the provider of the first socket of the first set that is not empty; it takes all of them.
extern "C" int WSAAPI select(int, fd_set* read, fd_set* write, fd_set* except, const timeval* timeout) {
    if (!started()) {
        return fail(WSANOTINITIALISED);
    }
    for (const fd_set* set : {read, write, except}) {
        if (set == nullptr || set->fd_count == 0) {
            continue;
        }
        SocketReference socket;
        int error = find_socket(set->fd_array[0], socket);
        if (error == 0) {
            const int result = socket.functions().lpWSPSelect(0, read, write, except, timeout, &error);
            if (result != SOCKET_ERROR) {
                return result;
            }
            error = reason(error);
        }
        return fail(error);
    }
    return fail(WSAEINVAL);
}

namespace {

// WSAPOLLDATA with room for `count` sockets behind it.
constexpr std::size_t poll_header_size = offsetof(WSAPOLLDATA, fdArray);

// The ioctl's sizes are 32 bits.
constexpr ULONG most_polled = (0xFFFFFFFFu - poll_header_size) / sizeof(WSAPOLLFD);

bool is_ignored(const WSAPOLLFD& entry) noexcept {
    return static_cast<SSIZE_T>(entry.fd) < 0;
}

} // namespace

// The SPI has no such function: it travels as an ioctl of the first socket's provider, with all sockets.
extern "C" int WSAAPI WSAPoll(LPWSAPOLLFD entries, ULONG count, int timeout) {
    if (!started()) {
        return fail(WSANOTINITIALISED);
    }
    if (count == 0 || count > most_polled) {
        return fail(WSAEINVAL);
    }
    if (entries == nullptr) {
        return fail(WSAEFAULT);
    }
    SocketReference socket;
    SOCKET first = INVALID_SOCKET;
    for (ULONG index = 0; index < count && !socket; ++index) {
        if (!is_ignored(entries[index]) && find_socket(entries[index].fd, socket) == 0) {
            first = entries[index].fd;
        }
    }
    if (!socket) {
        // Nothing that is a socket: nothing to wait for.
        for (ULONG index = 0; index < count; ++index) {
            entries[index].revents = POLLNVAL;
        }
        return fail(WSAENOTSOCK);
    }
    try {
        const std::size_t size = poll_header_size + count * sizeof(WSAPOLLFD);
        std::vector<std::uint64_t> storage(size / sizeof(std::uint64_t) + 1);
        auto* data = reinterpret_cast<LPWSAPOLLDATA>(storage.data());
        auto* bytes = reinterpret_cast<char*>(storage.data()) + poll_header_size;
        data->result = 0;
        data->fds = count;
        data->timeout = timeout;
        std::memcpy(bytes, entries, count * sizeof(WSAPOLLFD));
        DWORD returned = 0;
        int error = 0;
        if (socket.functions().lpWSPIoctl(first, static_cast<DWORD>(SIO_EXT_POLL), data, static_cast<DWORD>(size), data,
                                          static_cast<DWORD>(size), &returned, nullptr, nullptr, nullptr,
                                          &error) != 0) {
            return fail(reason(error));
        }
        std::memcpy(entries, bytes, count * sizeof(WSAPOLLFD));
        return data->result;
    } catch (const std::bad_alloc&) {
        return fail(WSAENOBUFS);
    }
}
