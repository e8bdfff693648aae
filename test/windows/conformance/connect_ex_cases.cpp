// ConnectEx and DisconnectEx. Pages: "LPFN_CONNECTEX callback function (mswsock.h)", "LPFN_DISCONNECTEX callback
// function (mswsock.h)", "SOL_SOCKET Socket Options" (SO_UPDATE_CONNECT_CONTEXT).
#include "overlapped.hpp"

using namespace conformance;

namespace {

struct Connecting : Operation {
    explicit Connecting(int family = AF_INET)
        : listener(listening(family)), to(name_of(listener.get())), socket(tcp(family)),
          connect_ex(extension<LPFN_CONNECTEX>(socket.get(), WSAID_CONNECTEX)) {}

    void bind_any() {
        const Address any = wildcard(to.family());
        require("bind", bind(socket.get(), any.get(), any.length) == 0);
    }
    BOOL start(const char* data = nullptr, DWORD size = 0) {
        count = 99;
        return connect_ex(socket.get(), to.get(), to.length, const_cast<char*>(data), size, &count, &overlapped);
    }

    Socket listener;
    Address to;
    Socket socket;
    LPFN_CONNECTEX connect_ex;
    DWORD count = 0;
};

int update_context(SOCKET socket) {
    return setsockopt(socket, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, nullptr, 0);
}

} // namespace

CONFORMANCE_CASE("ConnectEx", "a connection") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        Connecting connecting(family);
        connecting.bind_any();
        require("ConnectEx", started_bool(connecting.start()));
        DWORD count = 99;
        equal(name + "ends", connecting.finish(connecting.socket.get(), count), 0);
        equal(name + "with no bytes sent", count, 0u);
        const Socket peer(accept(connecting.listener.get(), nullptr, nullptr));
        is(name + "the listener has it", static_cast<bool>(peer));
        succeeds(name + "SO_UPDATE_CONNECT_CONTEXT", update_context(connecting.socket.get()));
        is(name + "then getpeername works", same(peer_of(connecting.socket.get()), connecting.to));
        is(name + "and getsockname", same(name_of(connecting.socket.get()), peer_of(peer.get())));
        send_text(connecting.socket.get(), "there");
        equal(name + "it sends", receive_text(peer.get()), "there");
        send_text(peer.get(), "back");
        equal(name + "and receives", receive_text(connecting.socket.get()), "back");
        succeeds(name + "and shuts down", shutdown(connecting.socket.get(), SD_SEND));
        equal(name + "which the peer sees", receive_text(peer.get()), "");
    }
}

// The send buffer goes out when the connection is there.
CONFORMANCE_CASE("ConnectEx", "with data") {
    Connecting connecting;
    connecting.bind_any();
    require("ConnectEx", started_bool(connecting.start("at once", 7)));
    DWORD count = 0;
    equal("ends", connecting.finish(connecting.socket.get(), count), 0);
    equal("with the bytes sent", count, 7u);
    const Socket peer(accept(connecting.listener.get(), nullptr, nullptr));
    equal("which arrive", receive_text(peer.get()), "at once");
}

// The socket must be bound, must not listen and must not be connected.
CONFORMANCE_CASE("ConnectEx", "errors") {
    Connecting connecting;
    fails_bool("an unbound socket: WSAEINVAL", connecting.start(), WSAEINVAL);
    connecting.bind_any();
    WSAOVERLAPPED* const none = nullptr;
    DWORD count = 0;
    const auto connect_ex = connecting.connect_ex;
    const SOCKET socket = connecting.socket.get();
    const Address& to = connecting.to;
    fails_bool("no overlapped structure: ERROR_INVALID_PARAMETER",
               connect_ex(socket, to.get(), to.length, nullptr, 0, &count, none), ERROR_INVALID_PARAMETER);
    fails_bool("a closed socket: WSAENOTSOCK",
               connect_ex(closed_socket(), to.get(), to.length, nullptr, 0, &count, &connecting.overlapped),
               WSAENOTSOCK);
    const Socket listener = listening();
    fails_bool("a listening socket: WSAEINVAL",
               connect_ex(listener.get(), to.get(), to.length, nullptr, 0, &count, &connecting.overlapped), WSAEINVAL);
    const Pair pair = tcp_pair();
    fails_bool("a connected socket: WSAEISCONN",
               connect_ex(pair.near_end.get(), to.get(), to.length, nullptr, 0, &count, &connecting.overlapped),
               WSAEISCONN);
    is("none of them began anything", !connecting.event.is_set());
    require("a good call", started_bool(connecting.start()));
    equal("the socket connects after all that", connecting.finish(socket), 0);
    const Socket peer(accept(connecting.listener.get(), nullptr, nullptr));
    fails_bool("a second time: WSAEISCONN", connecting.start(), WSAEISCONN);
}

CONFORMANCE_CASE("ConnectEx", "refused") {
    Connecting connecting;
    connecting.bind_any();
    const Unanswered nobody = unanswered();
    connecting.to = nobody.address;
    const BOOL begun = connecting.start();
    const int error = error_of_bool(begun);
    if (error == ERROR_IO_PENDING || error == 0) {
        equal("WSAECONNREFUSED", connecting.finish(connecting.socket.get()), WSAECONNREFUSED);
    } else {
        equal("WSAECONNREFUSED", error, WSAECONNREFUSED);
    }
    Address address;
    fails("the socket is not connected", getpeername(connecting.socket.get(), address.get(), &address.length),
          WSAENOTCONN);
}

CONFORMANCE_CASE("ConnectEx", "by completion port") {
    Connecting connecting;
    connecting.bind_any();
    connecting.overlapped.hEvent = nullptr;
    const Handle port(CreateIoCompletionPort(handle_of(connecting.socket.get()), nullptr, 55, 0));
    require("a port", static_cast<bool>(port));
    require("ConnectEx", started_bool(connecting.start("data", 4)));
    DWORD bytes = 0;
    ULONG_PTR key = 0;
    OVERLAPPED* overlapped = nullptr;
    is("a packet", GetQueuedCompletionStatus(port.get(), &bytes, &key, &overlapped, patience) != FALSE);
    equal("with the bytes sent", bytes, 4u);
    equal("the socket's key", key, ULONG_PTR{55});
    is("and the structure", overlapped == &connecting.overlapped);
}

// DisconnectEx ends the connection; with TF_REUSE_SOCKET the handle is there for the next one.
CONFORMANCE_CASE("DisconnectEx", "a connected socket") {
    const Pair pair = tcp_pair();
    const auto disconnect_ex = extension<LPFN_DISCONNECTEX>(pair.near_end.get(), WSAID_DISCONNECTEX);
    send_text(pair.near_end.get(), "last");
    Operation operation;
    require("DisconnectEx", started_bool(disconnect_ex(pair.near_end.get(), &operation.overlapped, 0, 0)));
    equal("ends", operation.finish(pair.near_end.get()), 0);
    equal("what was sent arrives", receive_text(pair.far_end.get()), "last");
    equal("then the end", receive_text(pair.far_end.get()), "");
    const int error = error_of(send(pair.near_end.get(), "x", 1, 0));
    is("the socket sends no more", error == WSAENOTCONN || error == WSAESHUTDOWN);
}

CONFORMANCE_CASE("DisconnectEx", "errors") {
    const Socket idle = bound_tcp();
    const auto disconnect_ex = extension<LPFN_DISCONNECTEX>(idle.get(), WSAID_DISCONNECTEX);
    Operation operation;
    fails_bool("not connected: WSAENOTCONN", disconnect_ex(idle.get(), &operation.overlapped, 0, 0), WSAENOTCONN);
    fails_bool("a closed socket: WSAENOTSOCK", disconnect_ex(closed_socket(), &operation.overlapped, 0, 0),
               WSAENOTSOCK);
    const Pair pair = tcp_pair();
    fails_at_once("flags that are not known: WSAEINVAL", pair.near_end.get(), operation,
                  disconnect_ex(pair.near_end.get(), &operation.overlapped, 0x40000000, 0), WSAEINVAL,
                  "Wine 10.0 does not look at the flags");
    fails_at_once("a reserved value that is not 0: WSAEINVAL", pair.far_end.get(), operation,
                  disconnect_ex(pair.far_end.get(), &operation.overlapped, 0, 1), WSAEINVAL,
                  "Wine 10.0 does not look at the reserved value");
    const Pair other = tcp_pair();
    succeeds_bool("without an overlapped structure it waits", disconnect_ex(other.near_end.get(), nullptr, 0, 0));
    equal("and the peer sees the end", receive_text(other.far_end.get()), "");
}

// A file handle after DisconnectEx with TF_REUSE_SOCKET can be used in AcceptEx or ConnectEx.
CONFORMANCE_CASE("DisconnectEx", "TF_REUSE_SOCKET") {
    Connecting connecting;
    connecting.bind_any();
    require("ConnectEx", started_bool(connecting.start()));
    require("a connection", connecting.finish(connecting.socket.get()) == 0);
    require("context", update_context(connecting.socket.get()) == 0);
    Socket peer(accept(connecting.listener.get(), nullptr, nullptr));
    const auto disconnect_ex = extension<LPFN_DISCONNECTEX>(connecting.socket.get(), WSAID_DISCONNECTEX);
    Operation ending;
    require("DisconnectEx",
            started_bool(disconnect_ex(connecting.socket.get(), &ending.overlapped, TF_REUSE_SOCKET, 0)));
    peer.close();
    equal("ends", ending.finish(connecting.socket.get()), 0);
    Operation again;
    DWORD count = 0;
    const Socket second = listening();
    const Address to = name_of(second.get());
    const BOOL begun =
        connecting.connect_ex(connecting.socket.get(), to.get(), to.length, nullptr, 0, &count, &again.overlapped);
    const int error = error_of_bool(begun);
    const bool pending = error == 0 || error == ERROR_IO_PENDING;
    equal("ConnectEx with the same socket", pending ? again.finish(connecting.socket.get()) : error, 0,
          on_wine(WSAEISCONN, "Wine 10.0 does not take the socket back to where it can connect"));
}
