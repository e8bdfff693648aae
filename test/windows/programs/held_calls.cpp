// Calls that a policy may hold, as programs make and await them. Prints what came of it as one line of JSON.
//   held_calls WAY FAMILY PORT [COUNT]     to the loopback address of FAMILY (4 or 6)
// WAY: connect, connect-thread-closes, select, poll, event, port, port-data, overlapped-event, port-close, select-close,
//      many (COUNT calls of ConnectEx on one completion port), sendto, sendto-again, sendto-port, sendmsg
// The ways that close read a line before they do, and wait for the end of standard input afterwards.
// accept, accept-condition: a listener; prints its port, then whom it has accepted. listen, bind: whether it may.
#include "common.hpp"

#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>

namespace {

constexpr DWORD patience = 60'000;
constexpr ULONG_PTR sentinel = 77;

struct Request {
    std::string way;
    program::Address to;
    int family = AF_INET;
    int count = 1;
};

program::Address wildcard(int family) {
    program::Address address;
    address.length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    address.storage.ss_family = static_cast<ADDRESS_FAMILY>(family);
    return address;
}

program::Socket make(int family, int type) {
    return program::Socket(WSASocketW(family, type, 0, nullptr, 0, WSA_FLAG_OVERLAPPED), "WSASocketW");
}

void set_non_blocking(SOCKET socket) {
    u_long on = 1;
    program::check(ioctlsocket(socket, FIONBIO, &on), "FIONBIO");
}

bool has_ended(const WSAOVERLAPPED& overlapped) {
    return overlapped.Internal != 0x103;
}

// Closes the socket when it is told to, and goes on when its standard input ends.
void close_when_told(program::Socket& socket) {
    char line[16];
    program::require(std::fgets(line, sizeof line, stdin) != nullptr, "a line");
    socket.close();
    while (std::fgets(line, sizeof line, stdin) != nullptr) {
    }
}

int socket_error(SOCKET socket) {
    int value = 0;
    int length = sizeof value;
    program::check(getsockopt(socket, SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&value), &length), "SO_ERROR");
    return value;
}

std::string text_of(const program::Address& address) {
    wchar_t text[128];
    DWORD length = 128;
    program::Address copy = address;
    if (WSAAddressToStringW(copy.get(), static_cast<DWORD>(copy.length), nullptr, text, &length) != 0) {
        return "?";
    }
    return program::narrow(text);
}

// What the program sees of a connected socket: its peer, and what the peer says first (servers of these tests greet).
void describe(SOCKET socket, program::Json& summary) {
    u_long off = 0;
    program::check(WSAEventSelect(socket, nullptr, 0), "WSAEventSelect");
    program::check(ioctlsocket(socket, FIONBIO, &off), "FIONBIO");
    program::Address peer;
    program::check(getpeername(socket, peer.get(), &peer.length), "getpeername");
    summary.text("peer", text_of(peer)).text("greeting", program::receive_to_end(socket));
}

void report(SOCKET socket, int error, program::Json& summary) {
    summary.number("error", error);
    if (error == 0) {
        describe(socket, summary);
    }
}

void connect_blocking(const Request& request, program::Json& summary) {
    const program::Socket socket = make(request.family, SOCK_STREAM);
    const int error = connect(socket.get(), request.to.get(), request.to.length) == 0 ? 0 : WSAGetLastError();
    report(socket.get(), error, summary);
}

void connect_while_closed(const Request& request, program::Json& summary) {
    program::Socket socket = make(request.family, SOCK_STREAM);
    int error = 0;
    std::thread caller([&] {
        error = connect(socket.get(), request.to.get(), request.to.length) == 0 ? 0 : WSAGetLastError();
    });
    close_when_told(socket);
    caller.join();
    summary.number("error", error);
}

// False: it has failed at once.
bool begin_connect(const Request& request, SOCKET socket, program::Json& summary) {
    program::require(connect(socket, request.to.get(), request.to.length) == SOCKET_ERROR, "connect does not wait");
    const int error = WSAGetLastError();
    if (error != WSAEWOULDBLOCK) {
        summary.number("error", error);
    }
    return error == WSAEWOULDBLOCK;
}

void connect_select(const Request& request, program::Json& summary) {
    program::Socket socket = make(request.family, SOCK_STREAM);
    set_non_blocking(socket.get());
    if (!begin_connect(request, socket.get(), summary)) {
        return;
    }
    if (request.way == "select-close") {
        close_when_told(socket);
        return;
    }
    fd_set write;
    fd_set except;
    FD_ZERO(&write);
    FD_ZERO(&except);
    FD_SET(socket.get(), &write);
    FD_SET(socket.get(), &except);
    const timeval limit{patience / 1000, 0};
    program::require(select(0, nullptr, &write, &except, &limit) == 1, "select tells of one socket");
    const bool failed = FD_ISSET(socket.get(), &except) != 0;
    const int error = socket_error(socket.get());
    program::require(failed == (error != 0), "the set says what SO_ERROR says");
    report(socket.get(), error, summary);
}

void connect_poll(const Request& request, program::Json& summary) {
    const program::Socket socket = make(request.family, SOCK_STREAM);
    set_non_blocking(socket.get());
    if (!begin_connect(request, socket.get(), summary)) {
        return;
    }
    WSAPOLLFD polled{socket.get(), POLLOUT, 0};
    program::require(WSAPoll(&polled, 1, patience) == 1, "WSAPoll tells of one socket");
    const int error = socket_error(socket.get());
    program::require(((polled.revents & (POLLERR | POLLHUP)) != 0) == (error != 0), "the event says what SO_ERROR says");
    report(socket.get(), error, summary);
}

void connect_event(const Request& request, program::Json& summary) {
    const program::Socket socket = make(request.family, SOCK_STREAM);
    const program::Handle event(WSACreateEvent(), "WSACreateEvent");
    program::check(WSAEventSelect(socket.get(), event.get(), FD_CONNECT), "WSAEventSelect");
    if (!begin_connect(request, socket.get(), summary)) {
        return;
    }
    program::require(WaitForSingleObject(event.get(), patience) == WAIT_OBJECT_0, "the event is set");
    WSANETWORKEVENTS events{};
    program::check(WSAEnumNetworkEvents(socket.get(), event.get(), &events), "WSAEnumNetworkEvents");
    program::require(events.lNetworkEvents == FD_CONNECT, "FD_CONNECT and nothing else");
    report(socket.get(), events.iErrorCode[FD_CONNECT_BIT], summary);
}

// One ConnectEx, and everything that comes out of its completion port up to a packet that was put in last.
struct Connecting {
    program::Socket socket;
    WSAOVERLAPPED overlapped{};
    int completions = 0;
    int error = -1;

    void begin(const Request& request, HANDLE port, void* data, DWORD size) {
        socket = make(request.family, SOCK_STREAM);
        const program::Address any = wildcard(request.family);
        program::check(bind(socket.get(), any.get(), any.length), "bind");
        if (port != nullptr) {
            program::require(CreateIoCompletionPort(reinterpret_cast<HANDLE>(socket.get()), port, 1, 0) == port, "a port");
        }
        const auto connect_ex = program::extension<LPFN_CONNECTEX>(socket.get(), WSAID_CONNECTEX, "ConnectEx");
        DWORD sent = 0;
        if (!connect_ex(socket.get(), request.to.get(), request.to.length, data, size, &sent, &overlapped) &&
            WSAGetLastError() != WSA_IO_PENDING) {
            error = WSAGetLastError();
        }
    }
    void ended() {
        ++completions;
        DWORD bytes = 0;
        DWORD flags = 0;
        error = WSAGetOverlappedResult(socket.get(), &overlapped, &bytes, FALSE, &flags) ? 0 : WSAGetLastError();
        if (error == 0) {
            program::check(setsockopt(socket.get(), SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, nullptr, 0),
                           "SO_UPDATE_CONNECT_CONTEXT");
        }
    }
};

program::Handle make_port() {
    return program::Handle(CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1), "CreateIoCompletionPort");
}

// Packets until the last call has ended; then the sockets are closed, and nothing more may be in the port.
void connect_port(const Request& request, program::Json& summary) {
    const program::Handle port = make_port();
    std::vector<std::unique_ptr<Connecting>> calls;
    std::string data = request.way == "port-data" ? "with the connect" : "";
    int refused = 0;
    const auto started = std::chrono::steady_clock::now();
    for (int index = 0; index < request.count; ++index) {
        calls.push_back(std::make_unique<Connecting>());
        calls.back()->begin(request, port.get(), data.empty() ? nullptr : data.data(), static_cast<DWORD>(data.size()));
        refused += calls.back()->error == -1 ? 0 : 1;
    }
    const auto begun = std::chrono::steady_clock::now() - started;
    summary.number("begunMs", std::chrono::duration_cast<std::chrono::milliseconds>(begun).count());
    const bool closes = request.way == "port-close";
    if (closes) {
        close_when_told(calls.front()->socket);
    }
    const auto take = [&](DWORD wait, ULONG_PTR& key) {
        DWORD bytes = 0;
        OVERLAPPED* overlapped = nullptr;
        key = 0;
        GetQueuedCompletionStatus(port.get(), &bytes, &key, &overlapped, wait);
        for (const auto& call : calls) {
            if (overlapped == &call->overlapped) {
                if (closes) {
                    ++call->completions;
                } else {
                    call->ended();
                }
                return true;
            }
        }
        return false;
    };
    ULONG_PTR key = 0;
    for (int left = request.count - refused; left > 0; --left) {
        program::require(take(patience, key), "a completion");
    }
    std::map<std::string, std::int64_t> errors;
    for (const auto& call : calls) {
        ++errors[std::to_string(call->error)];
    }
    summary.counts("errors", errors);
    if (!closes && calls.front()->error == 0 && request.count == 1) {
        if (!data.empty()) {
            shutdown(calls.front()->socket.get(), SD_SEND);
        }
        describe(calls.front()->socket.get(), summary);
    }
    for (const auto& call : calls) {
        call->socket = program::Socket();
    }
    program::require(PostQueuedCompletionStatus(port.get(), 0, sentinel, nullptr), "a last packet");
    while (take(patience, key)) {
    }
    program::require(key == sentinel, "the last packet is the one that was put in last");
    int most = 0;
    int least = 99;
    for (const auto& call : calls) {
        if (call->error == -1 || call->completions != 0 || closes) {
            most = call->completions > most ? call->completions : most;
            least = call->completions < least ? call->completions : least;
        }
    }
    summary.number("least", least).number("most", most).number("refusedAtOnce", refused);
}

void connect_overlapped_event(const Request& request, program::Json& summary) {
    const program::Handle event(WSACreateEvent(), "WSACreateEvent");
    SetEvent(event.get()); // the call has to reset it
    Connecting call;
    call.overlapped.hEvent = event.get();
    call.begin(request, nullptr, nullptr, 0);
    program::require(call.error != -1 || !has_ended(call.overlapped) ||
                         WaitForSingleObject(event.get(), patience) == WAIT_OBJECT_0,
                     "the structure says that the call is under way");
    if (call.error == -1) {
        DWORD bytes = 0;
        DWORD flags = 0;
        WaitForSingleObject(event.get(), patience);
        program::require(has_ended(call.overlapped), "the event says that it has ended");
        call.error = WSAGetOverlappedResult(call.socket.get(), &call.overlapped, &bytes, TRUE, &flags)
                         ? 0
                         : WSAGetLastError();
        if (call.error == 0) {
            program::check(setsockopt(call.socket.get(), SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, nullptr, 0),
                           "SO_UPDATE_CONNECT_CONTEXT");
        }
    }
    report(call.socket.get(), call.error, summary);
}

// COUNT datagrams; every one is answered by the servers of these tests with its own text.
void send_datagrams(const Request& request, program::Json& summary) {
    const program::Socket socket = make(request.family, SOCK_DGRAM);
    const bool again = request.way == "sendto-again";
    if (again) {
        set_non_blocking(socket.get());
    }
    std::int64_t would_block = 0;
    int error = 0;
    for (int index = 0; index < request.count && error == 0; ++index) {
        char text[] = "datagram";
        WSABUF buffer{static_cast<ULONG>(std::strlen(text)), text};
        for (;;) {
            DWORD sent = 0;
            int result = 0;
            if (request.way == "sendmsg") {
                WSAMSG message{};
                program::Address to = request.to;
                message.name = to.get();
                message.namelen = to.length;
                message.lpBuffers = &buffer;
                message.dwBufferCount = 1;
                const auto send_msg = program::extension<LPFN_WSASENDMSG>(socket.get(), WSAID_WSASENDMSG, "WSASendMsg");
                result = send_msg(socket.get(), &message, 0, &sent, nullptr, nullptr);
            } else {
                result = WSASendTo(socket.get(), &buffer, 1, &sent, 0, request.to.get(), request.to.length, nullptr,
                                   nullptr);
            }
            error = result == 0 ? 0 : WSAGetLastError();
            if (error != WSAEWOULDBLOCK) {
                break;
            }
            ++would_block;
            SwitchToThread();
        }
    }
    summary.number("error", error).boolean("cameAgain", would_block != 0);
    if (error == 0) {
        u_long off = 0;
        program::check(ioctlsocket(socket.get(), FIONBIO, &off), "FIONBIO");
        DWORD wait = patience;
        program::check(setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, reinterpret_cast<char*>(&wait), sizeof wait),
                       "SO_RCVTIMEO");
        char answer[64];
        program::Address from;
        const int size = recvfrom(socket.get(), answer, sizeof answer, 0, from.get(), &from.length);
        program::check(size, "recvfrom");
        summary.text("peer", text_of(from)).text("greeting", std::string(answer, static_cast<std::size_t>(size)));
    }
}

void send_by_port(const Request& request, program::Json& summary) {
    const program::Handle port = make_port();
    program::Socket socket = make(request.family, SOCK_DGRAM);
    program::require(CreateIoCompletionPort(reinterpret_cast<HANDLE>(socket.get()), port.get(), 1, 0) == port.get(),
                     "a port");
    std::vector<WSAOVERLAPPED> overlapped(static_cast<std::size_t>(request.count));
    char text[] = "datagram";
    int pending = 0;
    for (WSAOVERLAPPED& each : overlapped) {
        WSABUF buffer{static_cast<ULONG>(std::strlen(text)), text}; // on the stack: the callee has to copy it
        DWORD sent = 0;
        if (WSASendTo(socket.get(), &buffer, 1, &sent, 0, request.to.get(), request.to.length, &each, nullptr) != 0) {
            program::require(WSAGetLastError() == WSA_IO_PENDING, "WSASendTo pends");
            ++pending;
        }
        buffer = {};
    }
    summary.boolean("pended", pending != 0);
    std::map<std::string, std::int64_t> errors;
    for (int left = request.count; left > 0; --left) {
        DWORD bytes = 0;
        ULONG_PTR key = 0;
        OVERLAPPED* ended = nullptr;
        const BOOL good = GetQueuedCompletionStatus(port.get(), &bytes, &key, &ended, patience);
        program::require(ended != nullptr, "a completion");
        ++errors[std::to_string(good ? 0 : static_cast<int>(GetLastError()))];
        program::require(!good || bytes == std::strlen(text), "all of it is sent");
    }
    summary.counts("errors", errors);
    socket.close();
    program::require(PostQueuedCompletionStatus(port.get(), 0, sentinel, nullptr), "a last packet");
    DWORD bytes = 0;
    ULONG_PTR key = 0;
    OVERLAPPED* ended = nullptr;
    GetQueuedCompletionStatus(port.get(), &bytes, &key, &ended, patience);
    program::require(key == sentinel && ended == nullptr, "no completion more than calls");
}

int CALLBACK accept_anybody(LPWSABUF, LPWSABUF, LPQOS, LPQOS, LPWSABUF, LPWSABUF, GROUP*, DWORD_PTR) {
    return CF_ACCEPT;
}

// Accepts one connection, and says what it took: with a condition function of its own it is told to come again.
void accept_one(const Request& request, program::Json& summary) {
    const program::Socket listener = program::listening(request.family);
    const bool condition = request.way == "accept-condition";
    if (condition) {
        set_non_blocking(listener.get());
    }
    std::printf("port %u\n", static_cast<unsigned>(program::local_address(listener.get()).port()));
    std::fflush(stdout);
    std::int64_t deferred = 0;
    int error = 0;
    for (;;) {
        const SOCKET accepted = condition ? WSAAccept(listener.get(), nullptr, nullptr, accept_anybody, 0)
                                          : accept(listener.get(), nullptr, nullptr);
        error = accepted == INVALID_SOCKET ? WSAGetLastError() : 0;
        if (accepted != INVALID_SOCKET) {
            program::send_all(accepted, "accepted");
            closesocket(accepted);
            break;
        }
        if (error == WSATRY_AGAIN) {
            ++deferred;
        } else if (error != WSAEWOULDBLOCK) {
            break;
        }
        SwitchToThread();
    }
    summary.number("error", error).boolean("deferred", deferred != 0);
}

void listen_or_bind(const Request& request, program::Json& summary) {
    const program::Socket socket = make(request.family, SOCK_STREAM);
    if (request.way.ends_with("-nonblocking")) {
        set_non_blocking(socket.get());
    }
    const program::Address address = program::loopback(request.family);
    int error = bind(socket.get(), address.get(), address.length) == 0 ? 0 : WSAGetLastError();
    if (error == 0 && request.way.starts_with("listen")) {
        error = listen(socket.get(), 5) == 0 ? 0 : WSAGetLastError();
    }
    summary.number("error", error);
}

} // namespace

int main(int argc, char** argv) {
    return program::run("held_calls", [&](program::Json& summary) {
        program::require(argc >= 4, "held_calls WAY FAMILY PORT [COUNT]");
        const program::Winsock winsock;
        Request request;
        request.way = argv[1];
        request.family = std::string(argv[2]) == "6" ? AF_INET6 : AF_INET;
        request.to = program::loopback(request.family, static_cast<std::uint16_t>(std::atoi(argv[3])));
        request.count = argc > 4 ? std::atoi(argv[4]) : 1;
        const std::string way = request.way;
        const auto started = std::chrono::steady_clock::now();
        if (way == "connect") {
            connect_blocking(request, summary);
        } else if (way == "connect-thread-closes") {
            connect_while_closed(request, summary);
        } else if (way == "select" || way == "select-close") {
            connect_select(request, summary);
        } else if (way == "poll") {
            connect_poll(request, summary);
        } else if (way == "event") {
            connect_event(request, summary);
        } else if (way == "overlapped-event") {
            connect_overlapped_event(request, summary);
        } else if (way == "sendto-port") {
            send_by_port(request, summary);
        } else if (way.starts_with("sendto") || way == "sendmsg") {
            send_datagrams(request, summary);
        } else if (way.starts_with("accept")) {
            accept_one(request, summary);
        } else if (way.starts_with("listen") || way.starts_with("bind")) {
            listen_or_bind(request, summary);
        } else {
            connect_port(request, summary);
        }
        const auto took = std::chrono::steady_clock::now() - started;
        summary.number("ms", std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
    });
}
