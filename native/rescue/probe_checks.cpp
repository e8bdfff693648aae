#include "probe_checks.hpp"

#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include <ws2tcpip.h>

namespace winsock_spi::rescue {
namespace {

using spi::Status;

constexpr DWORD wait_milliseconds = 5000;
constexpr char word[] = "winsock";
constexpr int word_size = sizeof(word);

// A loopback address of either family.
struct Address {
    sockaddr_storage storage{};
    int length = 0;

    explicit Address(int family) {
        storage.ss_family = static_cast<decltype(storage.ss_family)>(family);
        if (family == AF_INET6) {
            length = sizeof(sockaddr_in6);
            reinterpret_cast<sockaddr_in6*>(&storage)->sin6_addr.s6_addr[15] = 1; // ::1
        } else {
            length = sizeof(sockaddr_in);
            reinterpret_cast<sockaddr_in*>(&storage)->sin_addr.S_un.S_addr = 0x0100007F; // 127.0.0.1, network order
        }
    }
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Status other_bytes() {
    return spi::own_error("ERR_PROBE_FAILED", "other bytes came than were sent");
}
Status too_late(const char* what) {
    return spi::own_error("ERR_PROBE_FAILED", std::string(what) + " did not come within 5 s");
}

Status limit_waiting(const ProbeWinsock& winsock, SOCKET socket) {
    const DWORD limit = wait_milliseconds;
    return winsock.setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, reinterpret_cast<const char*>(&limit), sizeof(limit)) ==
                   0
               ? Status{}
               : winsock.failed("setsockopt");
}

// Binds to a free port of this machine and says which.
Status bind_here(const ProbeWinsock& winsock, SOCKET socket, Address& address) {
    if (winsock.bind(socket, address.get(), address.length) != 0) {
        return winsock.failed("bind");
    }
    if (winsock.getsockname(socket, address.get(), &address.length) != 0) {
        return winsock.failed("getsockname");
    }
    return limit_waiting(winsock, socket);
}

// Two ends of one TCP connection.
struct Pair {
    ProbeSocket client;
    ProbeSocket server;

    Status open(const ProbeWinsock& winsock, int family) {
        const ProbeSocket listener(winsock, winsock.socket(family, SOCK_STREAM, IPPROTO_TCP));
        client = ProbeSocket(winsock, winsock.socket(family, SOCK_STREAM, IPPROTO_TCP));
        if (!listener.valid() || !client.valid()) {
            return winsock.failed("socket");
        }
        Address address(family);
        if (Status status = bind_here(winsock, listener.get(), address); !status.ok()) {
            return status;
        }
        if (winsock.listen(listener.get(), 1) != 0) {
            return winsock.failed("listen");
        }
        if (winsock.connect(client.get(), address.get(), address.length) != 0) {
            return winsock.failed("connect");
        }
        server = ProbeSocket(winsock, winsock.accept(listener.get(), nullptr, nullptr));
        if (!server.valid()) {
            return winsock.failed("accept");
        }
        Status status = limit_waiting(winsock, client.get());
        return status.ok() ? limit_waiting(winsock, server.get()) : status;
    }
};

Status send_word(const ProbeWinsock& winsock, SOCKET from) {
    return winsock.send(from, word, word_size, 0) == word_size ? Status{} : winsock.failed("send");
}

Status receive_word(const ProbeWinsock& winsock, SOCKET to) {
    char received[word_size] = {};
    for (int length = 0; length < word_size;) {
        const int count = winsock.recv(to, received + length, word_size - length, 0);
        if (count <= 0) {
            return count < 0 ? winsock.failed("recv")
                             : spi::own_error("ERR_PROBE_FAILED", "recv: the connection was closed");
        }
        length += count;
    }
    return std::memcmp(received, word, word_size) == 0 ? Status{} : other_bytes();
}

Status tcp(const ProbeWinsock& winsock, int family) {
    Pair pair;
    if (Status status = pair.open(winsock, family); !status.ok()) {
        return status;
    }
    for (const auto& [from, to] :
         {std::pair(pair.client.get(), pair.server.get()), std::pair(pair.server.get(), pair.client.get())}) {
        Status status = send_word(winsock, from);
        if (status.ok()) {
            status = receive_word(winsock, to);
        }
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

Status datagram(const ProbeWinsock& winsock, SOCKET from, SOCKET to, const Address& address) {
    char received[64] = {};
    if (winsock.sendto(from, word, word_size, 0, address.get(), address.length) != word_size) {
        return winsock.failed("sendto");
    }
    sockaddr_storage sender{};
    int length = sizeof(sender);
    const int count =
        winsock.recvfrom(to, received, sizeof(received), 0, reinterpret_cast<sockaddr*>(&sender), &length);
    if (count < 0) {
        return winsock.failed("recvfrom");
    }
    return count == word_size && std::memcmp(received, word, word_size) == 0 ? Status{} : other_bytes();
}

Status udp(const ProbeWinsock& winsock, int family) {
    const ProbeSocket one(winsock, winsock.socket(family, SOCK_DGRAM, IPPROTO_UDP));
    const ProbeSocket two(winsock, winsock.socket(family, SOCK_DGRAM, IPPROTO_UDP));
    if (!one.valid() || !two.valid()) {
        return winsock.failed("socket");
    }
    Address first(family);
    Address second(family);
    Status status = bind_here(winsock, one.get(), first);
    if (status.ok()) {
        status = bind_here(winsock, two.get(), second);
    }
    if (status.ok()) {
        status = datagram(winsock, one.get(), two.get(), second);
    }
    return status.ok() ? datagram(winsock, two.get(), one.get(), first) : status;
}

enum class Ready { reading, writing };

Status wait_ready(const ProbeWinsock& winsock, SOCKET socket, Ready what) {
    fd_set set; // of one socket; FD_ISSET would call ws2_32
    set.fd_count = 1;
    set.fd_array[0] = socket;
    const timeval limit{wait_milliseconds / 1000, 0};
    const int count = winsock.select(0, what == Ready::reading ? &set : nullptr,
                                     what == Ready::writing ? &set : nullptr, nullptr, &limit);
    if (count < 0) {
        return winsock.failed("select");
    }
    return count == 1 && set.fd_count == 1 && set.fd_array[0] == socket
               ? Status{}
               : too_late(what == Ready::reading ? "select: readability" : "select: writability");
}

Status by_select(const ProbeWinsock& winsock, int family) {
    Pair pair;
    Status status = pair.open(winsock, family);
    for (const SOCKET socket : {pair.client.get(), pair.server.get()}) {
        u_long yes = 1;
        if (status.ok() && winsock.ioctlsocket(socket, static_cast<long>(FIONBIO), &yes) != 0) {
            status = winsock.failed("ioctlsocket");
        }
    }
    if (status.ok()) {
        status = wait_ready(winsock, pair.client.get(), Ready::writing);
    }
    if (status.ok()) {
        status = send_word(winsock, pair.client.get());
    }
    if (status.ok()) {
        status = wait_ready(winsock, pair.server.get(), Ready::reading);
    }
    return status.ok() ? receive_word(winsock, pair.server.get()) : status;
}

// A receive that is under way: what Windows may write to until it is over.
struct Receive {
    OVERLAPPED overlapped{};
    char bytes[word_size] = {};
    WSABUF buffer{word_size, nullptr};

    Status begin(const ProbeWinsock& winsock, SOCKET socket) {
        buffer.buf = bytes;
        DWORD count = 0;
        DWORD flags = 0;
        if (winsock.WSARecv(socket, &buffer, 1, &count, &flags, &overlapped, nullptr) == 0 ||
            winsock.WSAGetLastError() == WSA_IO_PENDING) {
            return {};
        }
        return winsock.failed("WSARecv");
    }
    Status check(std::size_t count) const {
        return count == word_size && std::memcmp(bytes, word, word_size) == 0 ? Status{} : other_bytes();
    }
};

// Waits as the caller says for a receive that began before anything was sent.
template <typename Prepare, typename Wait>
Status overlapped(const ProbeWinsock& winsock, int family, Prepare prepare, Wait wait) {
    Pair pair;
    Status status = pair.open(winsock, family);
    // It is not given back when the wait fails: Windows may write to it until this process ends, which is soon.
    auto receive = std::make_unique<Receive>();
    if (status.ok()) {
        status = prepare(pair.server.get(), *receive);
    }
    if (status.ok()) {
        status = receive->begin(winsock, pair.server.get());
    }
    if (status.ok()) {
        status = send_word(winsock, pair.client.get());
        DWORD count = 0;
        if (status.ok()) {
            status = wait(pair.server.get(), *receive, count);
        }
        if (!status.ok()) {
            static_cast<void>(receive.release());
            return status;
        }
        status = receive->check(count);
    }
    return status;
}

Status by_event(const ProbeWinsock& winsock, int family) {
    const spi::UniqueHandle event(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    if (!event) {
        return spi::last_error("CreateEventW");
    }
    return overlapped(
        winsock, family,
        [&](SOCKET, Receive& receive) {
            receive.overlapped.hEvent = event.get();
            return Status{};
        },
        [&](SOCKET socket, Receive& receive, DWORD& count) {
            if (WaitForSingleObject(event.get(), wait_milliseconds) != WAIT_OBJECT_0) {
                return too_late("the event of an overlapped receive");
            }
            DWORD flags = 0;
            return winsock.WSAGetOverlappedResult(socket, &receive.overlapped, &count, FALSE, &flags)
                       ? Status{}
                       : winsock.failed("WSAGetOverlappedResult");
        });
}

// Whether the sockets that programs get are of a provider whose handles are its own and fit no completion port. That is
// so with it whoever stands above or below it, and programs that use it live with that.
bool fits_no_port(const ProbeWinsock& winsock, int family, HANDLE port) {
    const ProbeSocket socket(winsock, winsock.socket(family, SOCK_STREAM, IPPROTO_TCP));
    WSAPROTOCOL_INFOW info{};
    int size = sizeof(info);
    return socket.valid() &&
           winsock.getsockopt(socket.get(), SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &size) ==
               0 &&
           (info.dwServiceFlags1 & XP1_IFS_HANDLES) == 0 &&
           CreateIoCompletionPort(reinterpret_cast<HANDLE>(socket.get()), port, 0, 0) != port;
}

Status by_port(const ProbeWinsock& winsock, int family) {
    const spi::UniqueHandle port(CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1));
    if (!port) {
        return spi::last_error("CreateIoCompletionPort");
    }
    if (fits_no_port(winsock, family, port.get())) {
        return {};
    }
    constexpr ULONG_PTR key = 7;
    return overlapped(
        winsock, family,
        [&](SOCKET socket, Receive&) {
            return CreateIoCompletionPort(reinterpret_cast<HANDLE>(socket), port.get(), key, 0) == port.get()
                       ? Status{}
                       : spi::last_error("CreateIoCompletionPort", "with a socket");
        },
        [&](SOCKET, Receive& receive, DWORD& count) {
            ULONG_PTR got = 0;
            OVERLAPPED* whose = nullptr;
            if (!GetQueuedCompletionStatus(port.get(), &count, &got, &whose, wait_milliseconds)) {
                return whose == nullptr ? too_late("the completion of an overlapped receive")
                                        : spi::last_error("GetQueuedCompletionStatus");
            }
            return got == key && whose == &receive.overlapped
                       ? Status{}
                       : spi::own_error("ERR_PROBE_FAILED", "the completion port tells of another receive");
        });
}

} // namespace

const ProbeCheck probe_checks[5] = {
    {"TCP", tcp},
    {"UDP", udp},
    {"select", by_select},
    {"overlapped with an event", by_event},
    {"overlapped with a completion port", by_port},
};

bool has_family(const ProbeWinsock& winsock, int family, std::string& reason) {
    DWORD size = 0;
    winsock.WSAEnumProtocolsW(nullptr, nullptr, &size);
    std::vector<WSAPROTOCOL_INFOW> entries(size / sizeof(WSAPROTOCOL_INFOW) + 8);
    size = static_cast<DWORD>(entries.size() * sizeof(WSAPROTOCOL_INFOW));
    const int count = winsock.WSAEnumProtocolsW(nullptr, entries.data(), &size);
    if (count < 0) {
        return true; // the checks will say it
    }
    reason = "no base provider has it";
    for (int i = 0; i < count; ++i) {
        WSAPROTOCOL_INFOW& entry = entries[static_cast<std::size_t>(i)];
        if (entry.iAddressFamily != family || entry.iSocketType != SOCK_STREAM || entry.ProtocolChain.ChainLen != 1) {
            continue;
        }
        const ProbeSocket bare(winsock, winsock.WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO,
                                                           &entry, 0, WSA_FLAG_OVERLAPPED));
        Address address(family);
        if (bare.valid() && winsock.bind(bare.get(), address.get(), address.length) == 0) {
            return true;
        }
        reason = winsock.failed("bind").message;
    }
    return false;
}

spi::Status open_socket(const ProbeWinsock& winsock, int family, int type) {
    const ProbeSocket socket(winsock, winsock.socket(family, type, 0));
    if (!socket.valid()) {
        return winsock.failed("socket");
    }
    Address address(family);
    return bind_here(winsock, socket.get(), address);
}

} // namespace winsock_spi::rescue
