// AcceptEx and what belongs to it. Pages: "AcceptEx function (mswsock.h)", "GetAcceptExSockaddrs function (mswsock.h)",
// "SOL_SOCKET Socket Options" (SO_UPDATE_ACCEPT_CONTEXT, SO_CONNECT_TIME).
#include "overlapped.hpp"

using namespace conformance;

namespace {

constexpr DWORD name_room = sizeof(sockaddr_in6) + 16;

struct Accepting : Operation {
    explicit Accepting(int family = AF_INET)
        : listener(listening(family)), accepted(tcp(family)),
          accept_ex(extension<LPFN_ACCEPTEX>(listener.get(), WSAID_ACCEPTEX)) {}

    BOOL start(DWORD data = 0) {
        count = 99;
        return accept_ex(listener.get(), accepted.get(), room, data, name_room, name_room, &count, &overlapped);
    }

    Socket listener;
    Socket accepted;
    LPFN_ACCEPTEX accept_ex;
    char room[128 + 2 * name_room]{};
    DWORD count = 0;
};

int update_context(SOCKET accepted, SOCKET listener) {
    return setsockopt(accepted, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, reinterpret_cast<const char*>(&listener),
                      sizeof listener);
}

struct Names {
    sockaddr* local = nullptr;
    sockaddr* remote = nullptr;
    int local_length = 0;
    int remote_length = 0;
};

Names names_of(Accepting& accepting, DWORD data) {
    const auto get = extension<LPFN_GETACCEPTEXSOCKADDRS>(accepting.listener.get(), WSAID_GETACCEPTEXSOCKADDRS);
    Names names;
    get(accepting.room, data, name_room, name_room, &names.local, &names.local_length, &names.remote,
        &names.remote_length);
    return names;
}

bool is_name(const sockaddr* name, const Address& expected) {
    return name != nullptr && std::memcmp(name, expected.get(), static_cast<std::size_t>(expected.length)) == 0;
}

} // namespace

CONFORMANCE_CASE("AcceptEx", "a connection that comes later") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        Accepting accepting(family);
        fails_bool(name + "AcceptEx", accepting.start(), ERROR_IO_PENDING);
        is(name + "the event is not set", !accepting.event.is_set());
        const Socket client = connected_to(accepting.listener.get());
        DWORD count = 99;
        equal(name + "a connection ends it", accepting.finish(accepting.listener.get(), count), 0);
        equal(name + "without data", count, 0u);
        succeeds(name + "SO_UPDATE_ACCEPT_CONTEXT", update_context(accepting.accepted.get(), accepting.listener.get()));
        is(name + "then getsockname works", same(name_of(accepting.accepted.get()), peer_of(client.get())));
        is(name + "and getpeername", same(peer_of(accepting.accepted.get()), name_of(client.get())));
        const Names names = names_of(accepting, 0);
        is(name + "GetAcceptExSockaddrs: the local name", is_name(names.local, peer_of(client.get())));
        is(name + "and the remote", is_name(names.remote, name_of(client.get())));
        equal(name + "the local length", names.local_length, address_length(family));
        equal(name + "the remote length", names.remote_length, address_length(family));
        send_text(client.get(), "in");
        equal(name + "the socket receives", receive_text(accepting.accepted.get()), "in");
        send_text(accepting.accepted.get(), "out");
        equal(name + "and sends", receive_text(client.get()), "out");
    }
}

// A receive length other than 0 makes the first data part of the operation.
CONFORMANCE_CASE("AcceptEx", "with the first data") {
    Accepting accepting;
    fails_bool("AcceptEx", accepting.start(128), ERROR_IO_PENDING);
    const Socket client = connected_to(accepting.listener.get());
    is("a connection alone does not end it", WaitForSingleObject(accepting.event.get(), 100) == WAIT_TIMEOUT);
    send_text(client.get(), "hello");
    DWORD count = 0;
    equal("data does", accepting.finish(accepting.listener.get(), count), 0);
    equal("with its size", count, 5u);
    equal("at the front of the buffer", std::string(accepting.room, 5), "hello");
    const Names names = names_of(accepting, 128);
    is("the names are behind the room for data", is_name(names.remote, name_of(client.get())));
    is("both of them", is_name(names.local, peer_of(client.get())));
    succeeds("SO_UPDATE_ACCEPT_CONTEXT", update_context(accepting.accepted.get(), accepting.listener.get()));
    send_text(client.get(), "more");
    equal("what comes later is received as usual", receive_text(accepting.accepted.get()), "more");
}

CONFORMANCE_CASE("AcceptEx", "more data than room") {
    Accepting accepting;
    const Socket client = connected_to(accepting.listener.get());
    send_text(client.get(), "abcdef");
    require("AcceptEx", started_bool(accepting.start(4)));
    DWORD count = 0;
    equal("a connection that waits already", accepting.finish(accepting.listener.get(), count), 0);
    equal("fills the room", count, 4u);
    equal("with the first bytes", std::string(accepting.room, 4), "abcd");
    require("context", update_context(accepting.accepted.get(), accepting.listener.get()) == 0);
    equal("the rest comes by recv", receive_text(accepting.accepted.get()), "ef");
}

// SO_CONNECT_TIME: seconds since the connection was made; 0xFFFFFFFF where there is none.
CONFORMANCE_CASE("AcceptEx", "SO_CONNECT_TIME") {
    Accepting accepting;
    DWORD seconds = 0;
    succeeds("before a connection", get_option(accepting.accepted.get(), SOL_SOCKET, SO_CONNECT_TIME, seconds));
    equal("0xFFFFFFFF", seconds, 0xFFFFFFFFu);
    require("AcceptEx", started_bool(accepting.start()));
    const Socket client = connected_to(accepting.listener.get());
    require("its end", accepting.wait());
    succeeds("with one", get_option(accepting.accepted.get(), SOL_SOCKET, SO_CONNECT_TIME, seconds));
    is("a few seconds at most", seconds < 5);
    succeeds("of the client", get_option(client.get(), SOL_SOCKET, SO_CONNECT_TIME, seconds));
    is("a few seconds at most too", seconds < 5);
}

// SO_UPDATE_ACCEPT_CONTEXT gives the accepted socket the properties of the listener.
CONFORMANCE_CASE("AcceptEx", "SO_UPDATE_ACCEPT_CONTEXT") {
    Accepting accepting;
    require("AcceptEx", started_bool(accepting.start()));
    const Socket client = connected_to(accepting.listener.get());
    require("its end", accepting.wait());
    succeeds("with the listener", update_context(accepting.accepted.get(), accepting.listener.get()));
    succeeds("shutdown works then", shutdown(accepting.accepted.get(), SD_SEND));
    equal("and the peer sees it", receive_text(client.get()), "");
    fails("with a closed listener", update_context(accepting.accepted.get(), closed_socket()), WSAENOTSOCK,
          on_wine(succeeded, "Wine 10.0 has nothing to update and does not look at the listener"));
}

CONFORMANCE_CASE("AcceptEx", "bad arguments") {
    Accepting accepting;
    const SOCKET listener = accepting.listener.get();
    const SOCKET accepted = accepting.accepted.get();
    char* const room = accepting.room;
    const auto accept_ex = accepting.accept_ex;
    DWORD count = 0;
    WSAOVERLAPPED& overlapped = accepting.overlapped;
    const Socket idle = bound_tcp();
    fails_at_once("a socket that does not listen: WSAEINVAL", idle.get(), accepting,
                  accept_ex(idle.get(), accepted, room, 0, name_room, name_room, &count, &overlapped), WSAEINVAL,
                  "Wine 10.0 waits for connections of any socket");
    fails_bool("no listener: WSAENOTSOCK",
               accept_ex(closed_socket(), accepted, room, 0, name_room, name_room, &count, &overlapped), WSAENOTSOCK);
    fails_bool("no accepting socket: WSAENOTSOCK",
               accept_ex(listener, closed_socket(), room, 0, name_room, name_room, &count, &overlapped), WSAENOTSOCK);
    const Pair pair = tcp_pair();
    fails_at_once("an accepting socket that is connected: WSAEINVAL", listener, accepting,
                  accept_ex(listener, pair.near_end.get(), room, 0, name_room, name_room, &count, &overlapped),
                  WSAEINVAL, "Wine 10.0 looks at the accepting socket when a connection is there");
    fails_bool("no overlapped structure: ERROR_INVALID_PARAMETER",
               accept_ex(listener, accepted, room, 0, name_room, name_room, &count, nullptr), ERROR_INVALID_PARAMETER);
    fails_bool("no room for the remote name: WSAEFAULT",
               accept_ex(listener, accepted, room, 0, name_room, 0, &count, &overlapped), WSAEFAULT);
    is("none of them began anything", !accepting.event.is_set());
    require("a good call", started_bool(accepting.start()));
    const Socket client = connected_to(listener);
    equal("the listener works after all that", accepting.finish(listener), 0);
}

CONFORMANCE_CASE("AcceptEx", "several at once") {
    const Socket listener = listening();
    const auto accept_ex = extension<LPFN_ACCEPTEX>(listener.get(), WSAID_ACCEPTEX);
    struct One : Operation {
        Socket socket = tcp();
        char room[2 * name_room]{};
    };
    One all[3];
    DWORD count = 0;
    for (One& one : all) {
        require("AcceptEx", started_bool(accept_ex(listener.get(), one.socket.get(), one.room, 0, name_room, name_room,
                                                   &count, &one.overlapped)));
    }
    for (int index = 0; index < 3; ++index) {
        const std::string name = "connection " + std::to_string(index) + ": ";
        const Socket client = connected_to(listener.get());
        equal(name + "the operation started as that one ends", all[index].finish(listener.get()), 0);
        require("context", update_context(all[index].socket.get(), listener.get()) == 0);
        send_text(client.get(), name);
        equal(name + "and is the peer", receive_text(all[index].socket.get()), name);
        is(name + "the next waits", index == 2 || !all[index + 1].event.is_set());
    }
}

// The listener's completion port gets the packet.
CONFORMANCE_CASE("AcceptEx", "by completion port") {
    Accepting accepting;
    accepting.overlapped.hEvent = nullptr;
    const Handle port(CreateIoCompletionPort(handle_of(accepting.listener.get()), nullptr, 77, 0));
    require("a port", static_cast<bool>(port));
    require("AcceptEx", started_bool(accepting.start(16)));
    const Socket client = connected_to(accepting.listener.get());
    send_text(client.get(), "by port");
    DWORD bytes = 0;
    ULONG_PTR key = 0;
    OVERLAPPED* overlapped = nullptr;
    is("a packet", GetQueuedCompletionStatus(port.get(), &bytes, &key, &overlapped, patience) != FALSE);
    equal("with the data's size", bytes, 7u);
    equal("the listener's key", key, ULONG_PTR{77});
    is("and the structure", overlapped == &accepting.overlapped);
    const Handle same_port(CreateIoCompletionPort(handle_of(accepting.accepted.get()), nullptr, 78, 0));
    is("the accepted socket is in no port yet", static_cast<bool>(same_port));
}

// mswsock.dll's own AcceptEx is for any provider.
CONFORMANCE_CASE("AcceptEx", "the export of mswsock.dll") {
    Accepting accepting;
    fails_bool("AcceptEx",
               ::AcceptEx(accepting.listener.get(), accepting.accepted.get(), accepting.room, 0, name_room, name_room,
                          &accepting.count, &accepting.overlapped),
               ERROR_IO_PENDING);
    const Socket client = connected_to(accepting.listener.get());
    equal("ends", accepting.finish(accepting.listener.get()), 0);
    sockaddr* local = nullptr;
    sockaddr* remote = nullptr;
    int local_length = 0;
    int remote_length = 0;
    ::GetAcceptExSockaddrs(accepting.room, 0, name_room, name_room, &local, &local_length, &remote, &remote_length);
    is("GetAcceptExSockaddrs gives the remote name", is_name(remote, name_of(client.get())));
    is("and the local", is_name(local, peer_of(client.get())));
}
