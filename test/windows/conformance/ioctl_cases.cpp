// ioctlsocket and WSAIoctl. Pages: "ioctlsocket function (winsock.h)", "WSAIoctl function (winsock2.h)", "Winsock
// IOCTLs", and the page of each SIO_ code.
#include "overlapped.hpp"

#include <vector>

using namespace conformance;

namespace {

constexpr long fionbio = static_cast<long>(FIONBIO);
constexpr long fionread = static_cast<long>(FIONREAD);
constexpr long siocatmark = static_cast<long>(SIOCATMARK);

int ioctl(SOCKET socket, DWORD code, const void* in, DWORD in_size, void* out, DWORD out_size, DWORD& returned) {
    returned = 0;
    return WSAIoctl(socket, code, const_cast<void*>(in), in_size, out, out_size, &returned, nullptr, nullptr);
}

} // namespace

CONFORMANCE_CASE("ioctl", "FIONBIO") {
    const Socket socket = bound_udp();
    char bytes[4];
    u_long on = 1;
    succeeds("on", ioctlsocket(socket.get(), fionbio, &on));
    equal("the argument stays", on, 1u);
    fails("a receive does not wait then", recv(socket.get(), bytes, sizeof bytes, 0), WSAEWOULDBLOCK);
    u_long off = 0;
    succeeds("off", ioctlsocket(socket.get(), fionbio, &off));
    const DWORD limit = 50;
    require("a limit", set_option(socket.get(), SOL_SOCKET, SO_RCVTIMEO, limit) == 0);
    fails("a receive waits then", recv(socket.get(), bytes, sizeof bytes, 0), WSAETIMEDOUT);
    u_long many = 0x100;
    succeeds("any value but 0 is on", ioctlsocket(socket.get(), fionbio, &many));
    fails("and a receive does not wait", recv(socket.get(), bytes, sizeof bytes, 0), WSAEWOULDBLOCK);
    DWORD returned = 0;
    succeeds("by WSAIoctl", ioctl(socket.get(), FIONBIO, &off, sizeof off, nullptr, 0, returned));
    equal("nothing is returned", returned, 0u);
    const Event event;
    require("WSAEventSelect", WSAEventSelect(socket.get(), event.get(), FD_READ) == 0);
    fails("off with WSAEventSelect in force: WSAEINVAL", ioctlsocket(socket.get(), fionbio, &off), WSAEINVAL);
    succeeds("on is allowed", ioctlsocket(socket.get(), fionbio, &on));
    require("WSAEventSelect", WSAEventSelect(socket.get(), nullptr, 0) == 0);
    succeeds("off after it is over", ioctlsocket(socket.get(), fionbio, &off));
    fails("no argument: WSAEFAULT", ioctlsocket(socket.get(), fionbio, nullptr), WSAEFAULT);
    fails("a closed socket", ioctlsocket(closed_socket(), fionbio, &on), WSAENOTSOCK);
    fails("too short an argument: WSAEFAULT", ioctl(socket.get(), FIONBIO, &on, 2, nullptr, 0, returned), WSAEFAULT);
    fails("no argument by WSAIoctl: WSAEFAULT", ioctl(socket.get(), FIONBIO, nullptr, 0, nullptr, 0, returned),
          WSAEFAULT);
}

CONFORMANCE_CASE("ioctl", "FIONREAD") {
    const Pair pair = tcp_pair();
    u_long count = 99;
    succeeds("of an empty stream", ioctlsocket(pair.near_end.get(), fionread, &count));
    equal("is 0", count, 0u);
    send_text(pair.far_end.get(), "12345");
    require("data", readable(pair.near_end.get()));
    succeeds("with data", ioctlsocket(pair.near_end.get(), fionread, &count));
    equal("is its size", count, 5u);
    char bytes[2];
    require("recv", recv(pair.near_end.get(), bytes, sizeof bytes, 0) == 2);
    succeeds("after a part was read", ioctlsocket(pair.near_end.get(), fionread, &count));
    equal("is the rest", count, 3u);
    DWORD returned = 0;
    u_long by_ioctl = 99;
    succeeds("by WSAIoctl", ioctl(pair.near_end.get(), FIONREAD, nullptr, 0, &by_ioctl, sizeof by_ioctl, returned));
    equal("is the same", by_ioctl, 3u);
    equal("and says its size", returned, static_cast<DWORD>(sizeof by_ioctl));
    fails("too little room: WSAEFAULT", ioctl(pair.near_end.get(), FIONREAD, nullptr, 0, &by_ioctl, 2, returned),
          WSAEFAULT);
    fails("no room: WSAEFAULT", ioctl(pair.near_end.get(), FIONREAD, nullptr, 0, nullptr, 0, returned), WSAEFAULT);
    fails("no argument: WSAEFAULT", ioctlsocket(pair.near_end.get(), fionread, nullptr), WSAEFAULT);
    fails("a closed socket", ioctlsocket(closed_socket(), fionread, &count), WSAENOTSOCK);
}

CONFORMANCE_CASE("ioctl", "SIOCATMARK") {
    const Pair pair = tcp_pair();
    u_long mark = 99;
    succeeds("without urgent data", ioctlsocket(pair.near_end.get(), siocatmark, &mark));
    equal("is TRUE", mark, 1u);
    DWORD returned = 0;
    BOOL by_ioctl = 99;
    succeeds("by WSAIoctl", ioctl(pair.near_end.get(), SIOCATMARK, nullptr, 0, &by_ioctl, sizeof by_ioctl, returned));
    equal("is TRUE too", by_ioctl, TRUE);
    fails("no argument: WSAEFAULT", ioctlsocket(pair.near_end.get(), siocatmark, nullptr), WSAEFAULT);
}

CONFORMANCE_CASE("ioctl", "errors of WSAIoctl") {
    const Socket socket = tcp();
    u_long value = 0;
    DWORD returned = 0;
    fails("a closed socket", ioctl(closed_socket(), FIONREAD, nullptr, 0, &value, sizeof value, returned), WSAENOTSOCK);
    fails("INVALID_SOCKET", ioctl(INVALID_SOCKET, FIONREAD, nullptr, 0, &value, sizeof value, returned), WSAENOTSOCK);
    fails("no place for the count and not overlapped: WSAEFAULT",
          WSAIoctl(socket.get(), FIONREAD, nullptr, 0, &value, sizeof value, nullptr, nullptr, nullptr), WSAEFAULT);
    fails("a code nobody knows: WSAEOPNOTSUPP",
          ioctl(socket.get(), _WSAIORW(IOC_VENDOR, 0x7531), nullptr, 0, &value, sizeof value, returned), WSAEOPNOTSUPP);
    fails("a code nobody knows by ioctlsocket: WSAEOPNOTSUPP",
          ioctlsocket(socket.get(), static_cast<long>(_WSAIORW(IOC_VENDOR, 0x7531)), &value), WSAEOPNOTSUPP);
    fails("code 0", ioctlsocket(socket.get(), 0, &value), WSAEOPNOTSUPP);
}

// SIO_BASE_HANDLE gives the handle of the base provider; a layered provider passes the question on.
CONFORMANCE_CASE("ioctl", "SIO_BASE_HANDLE and its like") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        const Socket stream = tcp(family);
        const Socket datagram = udp(family);
        SOCKET base = INVALID_SOCKET;
        DWORD returned = 0;
        succeeds(name + "a stream socket",
                 ioctl(stream.get(), SIO_BASE_HANDLE, nullptr, 0, &base, sizeof base, returned));
        equal(name + "without layers that change handles it is the socket", base, stream.get());
        equal(name + "the size", returned, static_cast<DWORD>(sizeof base));
        succeeds(name + "a datagram socket",
                 ioctl(datagram.get(), SIO_BASE_HANDLE, nullptr, 0, &base, sizeof base, returned));
        equal(name + "it is the socket", base, datagram.get());
    }
    const Socket socket = tcp();
    SOCKET base = INVALID_SOCKET;
    DWORD returned = 0;
    fails("too little room: WSAEFAULT", ioctl(socket.get(), SIO_BASE_HANDLE, nullptr, 0, &base, 2, returned), WSAEFAULT,
          on_wine(succeeded, "Wine 10.0 writes the handle wherever the caller says; no room crashes it"));
    fails("a closed socket", ioctl(closed_socket(), SIO_BASE_HANDLE, nullptr, 0, &base, sizeof base, returned),
          WSAENOTSOCK);
}

CONFORMANCE_CASE("ioctl", "SIO_ADDRESS_LIST_QUERY") {
    const Socket socket = bound_udp();
    std::vector<char> room(8192);
    DWORD returned = 0;
    succeeds("with room", ioctl(socket.get(), SIO_ADDRESS_LIST_QUERY, nullptr, 0, room.data(),
                                static_cast<DWORD>(room.size()), returned));
    auto* list = reinterpret_cast<SOCKET_ADDRESS_LIST*>(room.data());
    is("lists no more than it returns",
       returned >= sizeof(INT) && list->iAddressCount >= 0 &&
           static_cast<std::size_t>(list->iAddressCount) * sizeof(SOCKET_ADDRESS) < returned);
    bool of_the_family = true;
    for (INT at = 0; at < list->iAddressCount; ++at) {
        const SOCKET_ADDRESS& address = list->Address[at];
        of_the_family = of_the_family && address.iSockaddrLength == static_cast<INT>(sizeof(sockaddr_in)) &&
                        address.lpSockaddr->sa_family == AF_INET;
    }
    is("all are addresses of the socket's family", of_the_family);
    const DWORD needed = returned;
    fails("too little room: WSAEFAULT",
          ioctl(socket.get(), SIO_ADDRESS_LIST_QUERY, nullptr, 0, room.data(), needed - 1, returned), WSAEFAULT);
    equal("and the room it needs", returned, needed);
}

// SIO_ADDRESS_LIST_CHANGE: WSAEWOULDBLOCK on a non-blocking socket; overlapped it waits for a change.
CONFORMANCE_CASE("ioctl", "SIO_ADDRESS_LIST_CHANGE") {
    const Socket socket = bound_udp();
    DWORD returned = 0;
    Operation operation;
    fails("overlapped: it waits",
          WSAIoctl(socket.get(), SIO_ADDRESS_LIST_CHANGE, nullptr, 0, nullptr, 0, &returned, &operation.overlapped,
                   nullptr),
          WSA_IO_PENDING);
    is("its event is not set", !operation.event.is_set());
    succeeds_bool("it can be cancelled", CancelIoEx(handle_of(socket.get()), &operation.overlapped));
    equal("and ends with WSA_OPERATION_ABORTED", operation.finish(socket.get()),
          static_cast<int>(WSA_OPERATION_ABORTED));
    set_nonblocking(socket.get());
    fails("non-blocking: WSAEWOULDBLOCK",
          ioctl(socket.get(), SIO_ADDRESS_LIST_CHANGE, nullptr, 0, nullptr, 0, returned), WSAEWOULDBLOCK);
}

CONFORMANCE_CASE("ioctl", "SIO_ROUTING_INTERFACE_QUERY") {
    const Socket socket = bound_udp();
    const Address to = loopback(AF_INET, 9);
    Address from;
    DWORD returned = 0;
    succeeds("the way to loopback", ioctl(socket.get(), SIO_ROUTING_INTERFACE_QUERY, to.get(),
                                          static_cast<DWORD>(to.length), from.get(), sizeof from.storage, returned));
    from.length = sizeof(sockaddr_in);
    is("is loopback", from.is_loopback(),
       on_wine(false, "Wine 10.0 takes the interface of the default route for every address"));
    equal("of the family", from.family(), AF_INET);
    equal("as an address of its size", returned, static_cast<DWORD>(sizeof(sockaddr_in)));
    fails("no address: WSAEFAULT",
          ioctl(socket.get(), SIO_ROUTING_INTERFACE_QUERY, nullptr, 0, from.get(), sizeof from.storage, returned),
          WSAEFAULT);
    fails("too short an address: WSAEFAULT",
          ioctl(socket.get(), SIO_ROUTING_INTERFACE_QUERY, to.get(), 4, from.get(), sizeof from.storage, returned),
          WSAEFAULT);
}

// SIO_KEEPALIVE_VALS: keep-alive of one connection, with its times.
CONFORMANCE_CASE("ioctl", "SIO_KEEPALIVE_VALS") {
    const Pair pair = tcp_pair();
    tcp_keepalive values{1, 30'000, 1'000};
    DWORD returned = 99;
    succeeds("on", ioctl(pair.near_end.get(), SIO_KEEPALIVE_VALS, &values, sizeof values, nullptr, 0, returned));
    equal("nothing is returned", returned, 0u);
    equal("SO_KEEPALIVE shows it", option(pair.near_end.get(), SOL_SOCKET, SO_KEEPALIVE), 1);
    values.onoff = 0;
    succeeds("off", ioctl(pair.near_end.get(), SIO_KEEPALIVE_VALS, &values, sizeof values, nullptr, 0, returned));
    equal("SO_KEEPALIVE shows that too", option(pair.near_end.get(), SOL_SOCKET, SO_KEEPALIVE), 0);
    fails("too short a structure: WSAEFAULT",
          ioctl(pair.near_end.get(), SIO_KEEPALIVE_VALS, &values, 4, nullptr, 0, returned), WSAEFAULT);
    fails("none: WSAEFAULT", ioctl(pair.near_end.get(), SIO_KEEPALIVE_VALS, nullptr, 0, nullptr, 0, returned),
          WSAEFAULT);
    const Pair other = tcp_pair();
    send_text(pair.near_end.get(), "alive");
    equal("the connection works on", receive_text(pair.far_end.get()), "alive");
}

// SIO_GET_INTERFACE_LIST: this machine's IP interfaces.
CONFORMANCE_CASE("ioctl", "SIO_GET_INTERFACE_LIST") {
    const Socket socket = udp();
    INTERFACE_INFO list[64]{};
    DWORD returned = 0;
    succeeds("with room", ioctl(socket.get(), SIO_GET_INTERFACE_LIST, nullptr, 0, list, sizeof list, returned));
    is("some whole entries", returned >= sizeof list[0] && returned % sizeof list[0] == 0);
    bool has_loopback = false;
    for (DWORD at = 0; at < returned / sizeof list[0]; ++at) {
        has_loopback = has_loopback || ((list[at].iiFlags & IFF_LOOPBACK) != 0 &&
                                        ntohl(list[at].iiAddress.AddressIn.sin_addr.s_addr) == INADDR_LOOPBACK);
    }
    is("loopback is one of them", has_loopback);
    fails("too little room: WSAEFAULT", ioctl(socket.get(), SIO_GET_INTERFACE_LIST, nullptr, 0, list, 4, returned),
          WSAEFAULT);
}

CONFORMANCE_CASE("ioctl", "others") {
    const Socket datagram = bound_udp();
    const Socket stream = tcp();
    DWORD returned = 0;
    BOOL on = TRUE;
    succeeds("SIO_UDP_CONNRESET on", ioctl(datagram.get(), SIO_UDP_CONNRESET, &on, sizeof on, nullptr, 0, returned));
    succeeds("SIO_LOOPBACK_FAST_PATH",
             ioctl(stream.get(), _WSAIOW(IOC_VENDOR, 16), &on, sizeof on, nullptr, 0, returned),
             on_wine(WSAEOPNOTSUPP, "Wine 10.0 does not know SIO_LOOPBACK_FAST_PATH"));
}

// An ioctl that is answered at once can be overlapped too.
CONFORMANCE_CASE("ioctl", "overlapped") {
    const Pair pair = tcp_pair();
    send_text(pair.far_end.get(), "abc");
    require("data", readable(pair.near_end.get()));
    Operation operation;
    u_long count = 0;
    DWORD returned = 0;
    require("FIONREAD", started(WSAIoctl(pair.near_end.get(), FIONREAD, nullptr, 0, &count, sizeof count, &returned,
                                         &operation.overlapped, nullptr)));
    is("its event is set", operation.event.wait());
    equal("the answer is there", count, 3u);
    GUID id = WSAID_ACCEPTEX;
    void* function = nullptr;
    Operation asking;
    require("an extension function",
            started(WSAIoctl(pair.near_end.get(), SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &function,
                             sizeof function, &returned, &asking.overlapped, nullptr)));
    is("its event is set too", asking.event.wait());
    is("and the pointer is there", function != nullptr);
}
