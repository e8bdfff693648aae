// Byte order of numbers on the wire.
#include <bit>

#include "dispatch.hpp"

using namespace winsock_spi::wine;

namespace {

static_assert(std::endian::native == std::endian::little, "Windows is little endian");

constexpr u_short swap(u_short value) noexcept {
    return static_cast<u_short>(value << 8 | value >> 8);
}

constexpr u_long swap(u_long value) noexcept {
    return value << 24 | (value & 0xFF00) << 8 | (value >> 8 & 0xFF00) | value >> 24;
}

// In the byte order of the socket's protocol, which its catalog entry names.
template <typename Number>
int convert(SOCKET handle, Number value, Number* result) noexcept {
    SocketReference socket;
    const int error = find_socket(handle, socket);
    if (error != 0) {
        return fail(error);
    }
    if (result == nullptr) {
        return fail(WSAEFAULT);
    }
    *result = socket.owner().entry->info.iNetworkByteOrder == BIGENDIAN ? swap(value) : value;
    return 0;
}

} // namespace

extern "C" {

u_short WSAAPI htons(u_short value) {
    return swap(value);
}

u_short WSAAPI ntohs(u_short value) {
    return swap(value);
}

u_long WSAAPI htonl(u_long value) {
    return swap(value);
}

u_long WSAAPI ntohl(u_long value) {
    return swap(value);
}

int WSAAPI WSAHtons(SOCKET handle, u_short value, u_short* result) {
    return convert(handle, value, result);
}

int WSAAPI WSANtohs(SOCKET handle, u_short value, u_short* result) {
    return convert(handle, value, result);
}

int WSAAPI WSAHtonl(SOCKET handle, u_long value, u_long* result) {
    return convert(handle, value, result);
}

int WSAAPI WSANtohl(SOCKET handle, u_long value, u_long* result) {
    return convert(handle, value, result);
}

} // extern "C"
