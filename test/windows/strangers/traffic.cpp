// One of everything that programs do with sockets, checked by what arrives, in one process: TCP and UDP over IPv4 and
// IPv6, blocking, non-blocking with select, overlapped with events and completion routines, network events, accepting
// with a condition, options, errors, and AcceptEx and ConnectEx where the sockets' handles are files.
//   traffic [--rounds N] [--no-cleanup]
//       --rounds N: all of it N times, from WSAStartup to WSACleanup each; --no-cleanup: ends without WSACleanup
// Last line: {"ok":true,"pid":1,"bits":64,"ifs":true,"rounds":1,"counts":{"WSPSocket":9,...},"failures":[]}
// Exit code 0 if all was well. `counts`: calls of this program that must reach each layer, by the SPI's names.
#include "traffic_tools.hpp"

#include <mswsock.h>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace traffic;

void blocking_stream(int family) {
    Connection pair(family);
    pair.connect_client();
    Address from;
    const Socket server(noted("WSPAccept", accept(pair.listener.get(), from.get(), &from.length)));
    Address own;
    check(getsockname(pair.client.get(), own.get(), &own.length) == 0, "getsockname of the client");
    check(own.length == from.length && std::memcmp(own.get(), from.get(), static_cast<std::size_t>(own.length)) == 0,
          "the accepted address is the client's");
    Address peer;
    check(getpeername(server.get(), peer.get(), &peer.length) == 0, "getpeername");
    check(std::memcmp(own.get(), peer.get(), static_cast<std::size_t>(own.length)) == 0, "so is the peer's");

    WSAPROTOCOL_INFOW info{};
    int length = sizeof info;
    for (const Socket* socket : {static_cast<const Socket*>(&pair.client), &server}) {
        check(getsockopt(socket->get(), SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &length) == 0,
              "SO_PROTOCOL_INFOW");
        check(info.iAddressFamily == family && info.iSocketType == SOCK_STREAM, "it is the socket's");
    }
    ifs = (info.dwServiceFlags1 & XP1_IFS_HANDLES) != 0;
    int room = 70000;
    check(setsockopt(server.get(), SOL_SOCKET, SO_RCVBUF, reinterpret_cast<char*>(&room), sizeof room) == 0,
          "SO_RCVBUF");

    std::string large(60000, 'x');
    for (std::size_t index = 0; index < large.size(); ++index) {
        large[index] = static_cast<char>('a' + index % 23);
    }
    send_text(pair.client, "hello");
    expect_text(server, "hello");
    send_text(server, large);
    expect_text(pair.client, large);
    send_text(pair.client, "peeked");
    char byte = 0;
    check(noted("WSPRecv", recv(server.get(), &byte, 1, MSG_PEEK)) == 1 && byte == 'p', "MSG_PEEK");
    u_long readable = 0;
    check(ioctlsocket(server.get(), FIONREAD, &readable) == 0 && readable == 6, "FIONREAD");
    expect_text(server, "peeked");
    check(noted("WSPShutdown", shutdown(pair.client.get(), SD_SEND)) == 0, "shutdown");
    check(noted("WSPRecv", recv(server.get(), &byte, 1, 0)) == 0, "the end of the stream");
}

void datagrams(int family) {
    const Socket receiver(family, SOCK_DGRAM);
    Address to = bind_anywhere(receiver, family);
    const Socket sender(family, SOCK_DGRAM);
    check(noted("WSPSendTo", sendto(sender.get(), "datagram", 8, 0, to.get(), to.length)) == 8, "sendto");
    char buffer[64];
    Address from;
    check(noted("WSPRecvFrom", recvfrom(receiver.get(), buffer, sizeof buffer, 0, from.get(), &from.length)) == 8,
          "recvfrom");
    check(std::memcmp(buffer, "datagram", 8) == 0, "the datagram");
    check(noted("WSPSendTo", sendto(receiver.get(), "answer", 6, 0, from.get(), from.length)) == 6, "sendto back");
    check(noted("WSPRecvFrom", recvfrom(sender.get(), buffer, sizeof buffer, 0, nullptr, nullptr)) == 6, "recvfrom");
    check(noted("WSPConnect", connect(sender.get(), to.get(), to.length)) == 0, "connect a datagram socket");
    send_text(sender, "connected");
    check_error(noted("WSPRecvFrom", recvfrom(receiver.get(), buffer, 4, 0, nullptr, nullptr)) == SOCKET_ERROR,
                WSAEMSGSIZE, "a datagram that does not fit");
}

int select_one(SOCKET socket, fd_set* (*choose)(fd_set (&)[3]), long seconds) {
    fd_set sets[3]{};
    FD_SET(socket, choose(sets));
    const timeval timeout{seconds, 0};
    const auto set = [&](int index) { return sets[index].fd_count != 0 ? &sets[index] : nullptr; };
    return noted("WSPSelect", select(0, set(0), set(1), set(2), &timeout));
}

fd_set* to_read(fd_set (&sets)[3]) {
    return &sets[0];
}
fd_set* to_write(fd_set (&sets)[3]) {
    return &sets[1];
}

void non_blocking() {
    Connection pair(AF_INET);
    make_blocking(pair.listener, false);
    make_blocking(pair.client, false);
    check_error(noted("WSPAccept", accept(pair.listener.get(), nullptr, nullptr)) == INVALID_SOCKET, WSAEWOULDBLOCK,
                "nobody to accept");
    check(select_one(pair.listener.get(), to_read, 0) == 0, "select says so too");
    check_error(noted("WSPConnect", connect(pair.client.get(), pair.address.get(), pair.address.length)) ==
                    SOCKET_ERROR,
                WSAEWOULDBLOCK, "a connect that is under way");
    check(select_one(pair.client.get(), to_write, 10) == 1, "select: connected");
    check(select_one(pair.listener.get(), to_read, 10) == 1, "select: somebody to accept");
    const Socket server(noted("WSPAccept", accept(pair.listener.get(), nullptr, nullptr)));
    make_blocking(server, true);
    char byte = 0;
    check_error(noted("WSPRecv", recv(pair.client.get(), &byte, 1, 0)) == SOCKET_ERROR, WSAEWOULDBLOCK,
                "nothing to receive");
    send_text(server, "x");
    check(select_one(pair.client.get(), to_read, 10) == 1, "select: something to receive");
    fd_set both;
    FD_ZERO(&both);
    FD_SET(pair.listener.get(), &both);
    FD_SET(pair.client.get(), &both);
    const timeval timeout{10, 0};
    check(noted("WSPSelect", select(0, &both, nullptr, nullptr, &timeout)) == 1, "select: one of two");
    check(FD_ISSET(pair.client.get(), &both) && !FD_ISSET(pair.listener.get(), &both), "the right one");
    expect_text(pair.client, "x");
}

struct Event {
    WSAEVENT handle = WSACreateEvent();
    ~Event() { WSACloseEvent(handle); }
};

int CALLBACK refuse(LPWSABUF, LPWSABUF, LPQOS, LPQOS, LPWSABUF, LPWSABUF, GROUP*, DWORD_PTR data) {
    return *reinterpret_cast<int*>(data);
}

struct Completed {
    WSAOVERLAPPED overlapped{}; // first: found again by its address
    bool done = false;
    DWORD error = 0;
    DWORD bytes = 0;
};

void CALLBACK completed(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD) {
    auto& state = *reinterpret_cast<Completed*>(overlapped);
    state.done = true;
    state.error = error;
    state.bytes = bytes;
}

void overlapped() {
    Connection pair(AF_INET);
    pair.connect_client();
    int answer = CF_ACCEPT;
    const Socket server(noted(
        "WSPAccept", WSAAccept(pair.listener.get(), nullptr, nullptr, refuse, reinterpret_cast<DWORD_PTR>(&answer))));
    char data[16] = "overlapped";
    WSABUF buffer{10, data};
    char room[16]{};
    WSABUF into{sizeof room, room};
    DWORD bytes = 0;
    DWORD flags = 0;

    const Event received;
    WSAOVERLAPPED receiving{};
    receiving.hEvent = received.handle;
    const int pending = noted("WSPRecv", WSARecv(server.get(), &into, 1, nullptr, &flags, &receiving, nullptr));
    check_error(pending == SOCKET_ERROR, WSA_IO_PENDING, "a receive that pends");
    check_error(!WSAGetOverlappedResult(server.get(), &receiving, &bytes, FALSE, &flags), WSA_IO_INCOMPLETE,
                "its result is not there yet");
    const Event sent;
    WSAOVERLAPPED sending{};
    sending.hEvent = sent.handle;
    const int started = noted("WSPSend", WSASend(pair.client.get(), &buffer, 1, nullptr, 0, &sending, nullptr));
    check(started == 0 || WSAGetLastError() == WSA_IO_PENDING, "an overlapped send");
    check(WSAGetOverlappedResult(pair.client.get(), &sending, &bytes, TRUE, &flags) && bytes == 10, "its result");
    check(WaitForSingleObject(received.handle, 10000) == WAIT_OBJECT_0, "the receive's event");
    check(WSAGetOverlappedResult(server.get(), &receiving, &bytes, FALSE, &flags) && bytes == 10,
          "the receive's result");
    check(std::memcmp(room, "overlapped", 10) == 0, "the bytes");

    Completed reading;
    flags = 0;
    const int queued =
        noted("WSPRecv", WSARecv(server.get(), &into, 1, nullptr, &flags, &reading.overlapped, completed));
    check(queued == 0 || WSAGetLastError() == WSA_IO_PENDING, "a receive with a completion routine");
    send_text(pair.client, "routine");
    for (int turn = 0; turn < 100 && !reading.done; ++turn) {
        SleepEx(100, TRUE);
    }
    check(reading.done && reading.error == 0 && reading.bytes == 7, "the completion routine is called");
    check(std::memcmp(room, "routine", 7) == 0, "with the bytes");
}

void network_events() {
    Connection pair(AF_INET6);
    const Event event;
    check(noted("WSPEventSelect", WSAEventSelect(pair.listener.get(), event.handle, FD_ACCEPT)) == 0, "WSAEventSelect");
    pair.connect_client();
    check(WaitForSingleObject(event.handle, 10000) == WAIT_OBJECT_0, "FD_ACCEPT sets the event");
    WSANETWORKEVENTS events{};
    check(noted("WSPEnumNetworkEvents", WSAEnumNetworkEvents(pair.listener.get(), event.handle, &events)) == 0,
          "WSAEnumNetworkEvents");
    check(events.lNetworkEvents == FD_ACCEPT, "FD_ACCEPT");
    const Socket server(noted("WSPAccept", accept(pair.listener.get(), nullptr, nullptr)));
    const Event readable;
    check(noted("WSPEventSelect", WSAEventSelect(server.get(), readable.handle, FD_READ | FD_CLOSE)) == 0,
          "WSAEventSelect");
    send_text(pair.client, "event");
    check(WaitForSingleObject(readable.handle, 10000) == WAIT_OBJECT_0, "FD_READ sets the event");
    check(noted("WSPEnumNetworkEvents", WSAEnumNetworkEvents(server.get(), readable.handle, &events)) == 0 &&
              (events.lNetworkEvents & FD_READ) != 0,
          "FD_READ");
    expect_text(server, "event");
}

void errors() {
    Address nowhere;
    {
        const Socket holder(AF_INET, SOCK_STREAM);
        nowhere = bind_anywhere(holder, AF_INET);
        const Socket client(AF_INET, SOCK_STREAM);
        check_error(noted("WSPConnect", connect(client.get(), nowhere.get(), nowhere.length)) == SOCKET_ERROR,
                    WSAECONNREFUSED, "a refused connect");
    }
    Connection pair(AF_INET);
    pair.connect_client();
    int answer = CF_REJECT;
    check_error(noted("WSPAccept", WSAAccept(pair.listener.get(), nullptr, nullptr, refuse,
                                             reinterpret_cast<DWORD_PTR>(&answer))) == INVALID_SOCKET,
                WSAECONNREFUSED, "a condition that rejects");
    Socket closed(AF_INET, SOCK_STREAM);
    const SOCKET value = closed.get();
    closed.close();
    check_error(send(value, "x", 1, 0) == SOCKET_ERROR, WSAENOTSOCK, "a closed socket");
    const Socket unbound(AF_INET, SOCK_STREAM);
    check_error(noted("WSPListen", listen(unbound.get(), 1)) == SOCKET_ERROR, WSAEINVAL, "listen before bind");
    SetLastError(4711);
    check(noted("WSPShutdown", shutdown(pair.client.get(), SD_BOTH)) == 0, "shutdown both ways");
    // A function that succeeds may set it to 0, as the page of WSAGetLastError says, but to nothing else.
    check(GetLastError() == 4711 || GetLastError() == 0, "success leaves the last error or clears it");
}

template <typename Function>
Function extension(const Socket& socket, GUID id) {
    Function function = nullptr;
    DWORD bytes = 0;
    WSAIoctl(socket.get(), SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &function, sizeof function, &bytes,
             nullptr, nullptr);
    return function;
}

void extensions() {
    Connection pair(AF_INET);
    const auto accept_ex = extension<LPFN_ACCEPTEX>(pair.listener, WSAID_ACCEPTEX);
    const auto connect_ex = extension<LPFN_CONNECTEX>(pair.client, WSAID_CONNECTEX);
    check(accept_ex != nullptr && connect_ex != nullptr, "AcceptEx and ConnectEx");
    const Socket server(AF_INET, SOCK_STREAM);
    const Event accepted;
    const Event connected;
    WSAOVERLAPPED accepting{};
    accepting.hEvent = accepted.handle;
    WSAOVERLAPPED connecting{};
    connecting.hEvent = connected.handle;
    char addresses[2 * (sizeof(sockaddr_storage) + 16)];
    constexpr DWORD half = sizeof addresses / 2;
    DWORD bytes = 0;
    DWORD flags = 0;
    SOCKET listening = pair.listener.get();
    const BOOL at_once =
        noted("AcceptEx", accept_ex(listening, server.get(), addresses, 0, half, half, &bytes, &accepting));
    check(at_once || WSAGetLastError() == ERROR_IO_PENDING, "AcceptEx");
    bind_anywhere(pair.client, AF_INET);
    const BOOL connect_now = noted("ConnectEx", connect_ex(pair.client.get(), pair.address.get(), pair.address.length,
                                                           nullptr, 0, &bytes, &connecting));
    check(connect_now || WSAGetLastError() == ERROR_IO_PENDING, "ConnectEx");
    check(WSAGetOverlappedResult(pair.client.get(), &connecting, &bytes, TRUE, &flags), "ConnectEx's result");
    check(WSAGetOverlappedResult(listening, &accepting, &bytes, TRUE, &flags), "AcceptEx's result");
    check(setsockopt(server.get(), SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, reinterpret_cast<char*>(&listening),
                     sizeof listening) == 0,
          "SO_UPDATE_ACCEPT_CONTEXT");
    check(setsockopt(pair.client.get(), SOL_SOCKET, 0x7010 /* SO_UPDATE_CONNECT_CONTEXT */, nullptr, 0) == 0,
          "SO_UPDATE_CONNECT_CONTEXT");
    send_text(pair.client, "extended");
    expect_text(server, "extended");
}

void all_of_it() {
    for (const int family : {AF_INET, AF_INET6}) {
        blocking_stream(family);
        datagrams(family);
    }
    non_blocking();
    overlapped();
    network_events();
    errors();
    if (ifs) {
        extensions();
    }
}

} // namespace

int main(int argc, char** argv) {
    int rounds = 1;
    bool clean = true;
    for (int index = 1; index < argc; ++index) {
        if (std::strcmp(argv[index], "--rounds") == 0 && index + 1 < argc) {
            rounds = std::atoi(argv[++index]);
        } else if (std::strcmp(argv[index], "--no-cleanup") == 0) {
            clean = false;
        }
    }
    std::string failure;
    int done = 0;
    try {
        for (; done < rounds; ++done) {
            WSADATA data;
            if (const int error = WSAStartup(MAKEWORD(2, 2), &data); error != 0) {
                throw std::runtime_error("WSAStartup: " + std::to_string(error));
            }
            all_of_it();
            if (clean) {
                check(WSACleanup() == 0, "WSACleanup");
            }
        }
    } catch (const std::exception& caught) {
        failure = caught.what();
    }
    std::printf("{\"ok\":%s,\"pid\":%lu,\"bits\":%u,\"ifs\":%s,\"rounds\":%d,\"counts\":{",
                failure.empty() ? "true" : "false", GetCurrentProcessId(), static_cast<unsigned>(sizeof(void*) * 8),
                ifs ? "true" : "false", done);
    const char* separator = "";
    for (const auto& [name, number] : counts) {
        std::printf("%s\"%s\":%u", separator, name.c_str(), number);
        separator = ",";
    }
    std::printf("},\"failure\":\"%s\"}\n", failure.c_str());
    std::fflush(stdout);
    return failure.empty() ? 0 : 1;
}
