// Calls that a policy may hold, as programs make and await them. Prints what came of it as one line of JSON.
//   held_calls WAY FAMILY PORT [COUNT]     to the loopback address of FAMILY (4 or 6)
// WAY: connect, connect-thread-closes, select, poll, event, port, port-data, overlapped-event, port-close,
//      select-close, many (COUNT calls of ConnectEx on one completion port), sendto, sendto-again, sendto-port, sendmsg
// The ways that close read a line before they do, and wait for the end of standard input afterwards.
// accept, accept-condition: a listener; prints its port, then whom it has accepted. listen, bind: whether it may.
#include "held_others.hpp"

#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>

namespace {

using namespace held;

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
    std::thread caller(
        [&] { error = connect(socket.get(), request.to.get(), request.to.length) == 0 ? 0 : WSAGetLastError(); });
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
    const bool failed = (polled.revents & (POLLERR | POLLHUP)) != 0;
    program::require(failed == (error != 0), "the event says what SO_ERROR says");
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
            const auto handle = reinterpret_cast<HANDLE>(socket.get());
            program::require(CreateIoCompletionPort(handle, port, 1, 0) == port, "a port");
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
        call.error =
            WSAGetOverlappedResult(call.socket.get(), &call.overlapped, &bytes, TRUE, &flags) ? 0 : WSAGetLastError();
        if (call.error == 0) {
            program::check(setsockopt(call.socket.get(), SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, nullptr, 0),
                           "SO_UPDATE_CONNECT_CONTEXT");
        }
    }
    report(call.socket.get(), call.error, summary);
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
