// The command that proves that a fresh program has a network: bytes to itself and back, over TCP and over UDP. Winsock
// is loaded like everything else at run time, so that the rest of this program works where it cannot start.
#include "commands.hpp"

#include "output.hpp"
#include "spi/unique.hpp"

namespace winsock_spi::rescue {
namespace {

constexpr DWORD wait_milliseconds = 5000;

// X(name): the functions of ws2_32 that the probe calls.
#define WINSOCK_SPI_PROBE_FUNCTIONS(X)                                                                                 \
    X(WSAStartup) X(WSACleanup) X(WSAGetLastError) X(socket) X(closesocket) X(bind) X(listen) X(accept) X(connect)     \
    X(getsockname) X(setsockopt) X(send) X(recv) X(sendto) X(recvfrom)

struct Functions {
#define WINSOCK_SPI_DECLARE(name) decltype(&::name) name = nullptr;
    WINSOCK_SPI_PROBE_FUNCTIONS(WINSOCK_SPI_DECLARE)
#undef WINSOCK_SPI_DECLARE
};

class Probe {
public:
    spi::Status run() {
        if (spi::Status status = load(); !status.ok()) {
            return status;
        }
        WSADATA data{};
        if (const int error = winsock_.WSAStartup(MAKEWORD(2, 2), &data); error != 0) {
            return spi::system_error(static_cast<std::uint32_t>(error), "WSAStartup");
        }
        spi::Status status = tcp();
        if (status.ok()) {
            status = udp();
        }
        winsock_.WSACleanup();
        return status;
    }

private:
    // A socket that is closed at the end.
    class Socket {
    public:
        Socket(const Functions& winsock, SOCKET value) : winsock_(winsock), value_(value) {}
        ~Socket() {
            if (value_ != INVALID_SOCKET) {
                winsock_.closesocket(value_);
            }
        }
        Socket(const Socket&) = delete;
        Socket& operator=(const Socket&) = delete;
        SOCKET get() const { return value_; }
        bool valid() const { return value_ != INVALID_SOCKET; }

    private:
        const Functions& winsock_;
        SOCKET value_;
    };

    spi::Status load() {
        wchar_t folder[MAX_PATH];
        const UINT length = GetSystemDirectoryW(folder, MAX_PATH);
        const std::wstring path = std::wstring(folder, length) + L"\\ws2_32.dll";
        module_.reset(LoadLibraryExW(path.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH));
        if (!module_) {
            return spi::last_error("LoadLibraryExW", "ws2_32.dll");
        }
#define WINSOCK_SPI_FIND(name)                                                                                         \
    winsock_.name = reinterpret_cast<decltype(winsock_.name)>(                                                         \
        reinterpret_cast<void*>(GetProcAddress(module_.get(), #name)));                                                \
    if (winsock_.name == nullptr) {                                                                                    \
        return spi::last_error("GetProcAddress", #name);                                                               \
    }
        WINSOCK_SPI_PROBE_FUNCTIONS(WINSOCK_SPI_FIND)
#undef WINSOCK_SPI_FIND
        return {};
    }

    spi::Status failed(const char* call, const char* what) const {
        return spi::system_error(static_cast<std::uint32_t>(winsock_.WSAGetLastError()), call, what);
    }

    // Binds to a free port of this machine and says which.
    spi::Status bind_here(SOCKET socket, const char* what, sockaddr_in& address) const {
        address = {};
        address.sin_family = AF_INET;
        address.sin_addr.S_un.S_addr = 0x0100007F; // 127.0.0.1 in network order
        int length = sizeof(address);
        if (winsock_.bind(socket, reinterpret_cast<const sockaddr*>(&address), length) != 0) {
            return failed("bind", what);
        }
        if (winsock_.getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
            return failed("getsockname", what);
        }
        return limit_waiting(socket, what);
    }

    spi::Status limit_waiting(SOCKET socket, const char* what) const {
        const DWORD limit = wait_milliseconds;
        if (winsock_.setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, reinterpret_cast<const char*>(&limit),
                                sizeof(limit)) != 0) {
            return failed("setsockopt", what);
        }
        return {};
    }

    // Sends from one end and receives at the other.
    spi::Status carry(SOCKET from, SOCKET to, const char* what) const {
        constexpr char word[] = "winsock";
        char received[sizeof(word)] = {};
        if (winsock_.send(from, word, sizeof(word), 0) != sizeof(word)) {
            return failed("send", what);
        }
        int length = 0;
        while (length < static_cast<int>(sizeof(word))) {
            const int count = winsock_.recv(to, received + length, static_cast<int>(sizeof(word)) - length, 0);
            if (count <= 0) {
                return count < 0 ? failed("recv", what) : spi::own_error("ERR_PROBE_FAILED", "recv: connection closed");
            }
            length += count;
        }
        return std::string_view(received, sizeof(word)) == std::string_view(word, sizeof(word))
                   ? spi::Status{}
                   : spi::own_error("ERR_PROBE_FAILED", std::string(what) + ": other bytes came than were sent");
    }

    spi::Status tcp() const {
        const char* what = "TCP over 127.0.0.1";
        const Socket listener(winsock_, winsock_.socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
        const Socket client(winsock_, winsock_.socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
        if (!listener.valid() || !client.valid()) {
            return failed("socket", what);
        }
        sockaddr_in address{};
        if (spi::Status status = bind_here(listener.get(), what, address); !status.ok()) {
            return status;
        }
        if (winsock_.listen(listener.get(), 1) != 0) {
            return failed("listen", what);
        }
        if (winsock_.connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
            return failed("connect", what);
        }
        const Socket server(winsock_, winsock_.accept(listener.get(), nullptr, nullptr));
        if (!server.valid()) {
            return failed("accept", what);
        }
        for (const SOCKET end : {client.get(), server.get()}) {
            if (spi::Status status = limit_waiting(end, what); !status.ok()) {
                return status;
            }
        }
        if (spi::Status status = carry(client.get(), server.get(), what); !status.ok()) {
            return status;
        }
        return carry(server.get(), client.get(), what);
    }

    spi::Status udp() const {
        const char* what = "UDP over 127.0.0.1";
        const Socket one(winsock_, winsock_.socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP));
        const Socket two(winsock_, winsock_.socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP));
        if (!one.valid() || !two.valid()) {
            return failed("socket", what);
        }
        sockaddr_in first{};
        sockaddr_in second{};
        if (spi::Status status = bind_here(one.get(), what, first); !status.ok()) {
            return status;
        }
        if (spi::Status status = bind_here(two.get(), what, second); !status.ok()) {
            return status;
        }
        if (spi::Status status = datagram(one.get(), two.get(), second, what); !status.ok()) {
            return status;
        }
        return datagram(two.get(), one.get(), first, what);
    }

    spi::Status datagram(SOCKET from, SOCKET to, const sockaddr_in& address, const char* what) const {
        constexpr char word[] = "winsock";
        char received[64] = {};
        if (winsock_.sendto(from, word, sizeof(word), 0, reinterpret_cast<const sockaddr*>(&address),
                            sizeof(address)) != sizeof(word)) {
            return failed("sendto", what);
        }
        sockaddr_in sender{};
        int length = sizeof(sender);
        const int count =
            winsock_.recvfrom(to, received, sizeof(received), 0, reinterpret_cast<sockaddr*>(&sender), &length);
        if (count < 0) {
            return failed("recvfrom", what);
        }
        return std::string_view(received, static_cast<std::size_t>(count)) == std::string_view(word, sizeof(word))
                   ? spi::Status{}
                   : spi::own_error("ERR_PROBE_FAILED", std::string(what) + ": other bytes came than were sent");
    }

    spi::UniqueModule module_;
    Functions winsock_;
};

} // namespace

int probe(const Arguments&) {
    if (const spi::Status status = Probe().run(); !status.ok()) {
        return report(status);
    }
    print("TCP and UDP work.");
    return exit_done;
}

} // namespace winsock_spi::rescue
