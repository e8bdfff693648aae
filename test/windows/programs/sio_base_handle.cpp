// SIO_BASE_HANDLE on a fresh socket of each kind: under an IFS provider it must be the socket itself, or libuv, Go, mio
// and .NET lose their fast paths.
#include "common.hpp"

int main() {
    return program::run("sio_base_handle", [](program::Json& summary) {
        const program::Winsock winsock;
        for (const int family : {AF_INET, AF_INET6}) {
            for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
                const program::Socket socket(::socket(family, type, 0));
                constexpr DWORD sio_base_handle = 0x48000022;
                SOCKET base = INVALID_SOCKET;
                DWORD bytes = 0;
                program::check(
                    WSAIoctl(socket.get(), sio_base_handle, nullptr, 0, &base, sizeof base, &bytes, nullptr, nullptr),
                    "WSAIoctl(SIO_BASE_HANDLE)");
                program::require(bytes == sizeof base, "SIO_BASE_HANDLE says how much it wrote");
                const std::string name =
                    std::string(type == SOCK_STREAM ? "tcp" : "udp") + (family == AF_INET ? "4" : "6");
                summary.boolean(name, base == socket.get());
            }
        }
    });
}
