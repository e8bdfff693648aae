// select. Page: "select function (winsock2.h)".
#include "sockets.hpp"

#include <memory>
#include <vector>

using namespace conformance;

namespace {

constexpr timeval now{0, 0};

fd_set set_of(SOCKET handle) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(handle, &set);
    return set;
}

// An fd_set with room for more than FD_SETSIZE sockets, as the page allows a program to define.
struct BigSet {
    explicit BigSet(const std::vector<SOCKET>& handles)
        : storage(sizeof(fd_set) / sizeof(SOCKET) + handles.size() + 1) {
        get()->fd_count = static_cast<u_int>(handles.size());
        for (std::size_t index = 0; index < handles.size(); ++index) {
            get()->fd_array[index] = handles[index];
        }
    }
    fd_set* get() { return reinterpret_cast<fd_set*>(storage.data()); }
    std::vector<SOCKET> storage;
};

} // namespace

CONFORMANCE_CASE("select", "no sockets: WSAEINVAL") {
    fails("all three NULL", select(0, nullptr, nullptr, nullptr, &now), WSAEINVAL);
    fd_set empty[3];
    for (fd_set& set : empty) {
        FD_ZERO(&set);
    }
    fails("all three empty", select(0, &empty[0], &empty[1], &empty[2], &now), WSAEINVAL);
    fails("one empty, the others NULL", select(0, nullptr, &empty[1], nullptr, &now), WSAEINVAL);
}

CONFORMANCE_CASE("select", "sets that are not there or empty do not matter beside one that is") {
    const Pair pair = tcp_pair();
    fd_set empty;
    FD_ZERO(&empty);
    fd_set writing = set_of(pair.near_end.get());
    equal("an empty readfds", select(0, &empty, &writing, nullptr, &now), 1);
    equal("it stays empty", empty.fd_count, 0u);
    writing = set_of(pair.near_end.get());
    equal("an empty exceptfds", select(0, nullptr, &writing, &empty, &now), 1);
}

CONFORMANCE_CASE("select", "nfds is ignored") {
    const Pair pair = tcp_pair();
    for (const int nfds : {-1, 0, 1, 1'000'000}) {
        fd_set writing = set_of(pair.near_end.get());
        equal(std::to_string(nfds), select(nfds, nullptr, &writing, nullptr, &now), 1);
    }
}

CONFORMANCE_CASE("select", "a connection") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string text = family_name(family);
        Pair pair = tcp_pair(family);
        const SOCKET handle = pair.near_end.get();
        is(text + ": writable at once", writable(handle, 0));
        is(text + ": not readable with nothing there", !readable(handle, 0));
        is(text + ": nothing exceptional", !exceptional(handle, 0));
        send_text(pair.far_end.get(), "abc");
        is(text + ": readable with data", readable(handle));
        is(text + ": still readable, nothing was read", readable(handle, 0));
        char byte = 0;
        require("recv", recv(handle, &byte, 1, 0) == 1);
        is(text + ": readable while some is left", readable(handle, 0));
        equal(text + ": the rest", receive_text(handle), "bc");
        is(text + ": not readable when all was read", !readable(handle, 0));
        pair.far_end.close();
        is(text + ": readable at the peer's close", readable(handle));
        equal(text + ": recv tells the end", recv(handle, &byte, 1, 0), 0);
        is(text + ": readable ever after", readable(handle, 0));
    }
}

CONFORMANCE_CASE("select", "a connection that was reset") {
    Pair pair = tcp_pair();
    reset_connection(pair.far_end);
    is("readable", readable(pair.near_end.get()));
    char byte = 0;
    fails("recv: WSAECONNRESET", recv(pair.near_end.get(), &byte, 1, 0), WSAECONNRESET);
}

CONFORMANCE_CASE("select", "the peer's shutdown") {
    Pair pair = tcp_pair();
    require("shutdown", shutdown(pair.far_end.get(), SD_SEND) == 0);
    is("readable", readable(pair.near_end.get()));
    is("still writable", writable(pair.near_end.get(), 0));
    send_text(pair.near_end.get(), "other way");
    is("the peer is readable", readable(pair.far_end.get()));
}

CONFORMANCE_CASE("select", "a listening socket") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string text = family_name(family);
        const Socket listener = listening(family);
        is(text + ": not readable without a connection", !readable(listener.get(), 0));
        is(text + ": never writable", !writable(listener.get(), 0));
        const Socket client = connected_to(listener.get());
        is(text + ": readable with a connection", readable(listener.get()));
        const Socket second = connected_to(listener.get());
        const Socket accepted(accept(listener.get(), nullptr, nullptr));
        is(text + ": readable while one is left", readable(listener.get()));
        const Socket accepted_second(accept(listener.get(), nullptr, nullptr));
        is(text + ": not readable when all were accepted", !readable(listener.get(), 0));
    }
}

CONFORMANCE_CASE("select", "a non-blocking connect") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string text = family_name(family);
        const Socket listener = listening(family);
        const Address name = name_of(listener.get());
        const Socket client = tcp(family);
        set_nonblocking(client.get());
        fails(text + ": WSAEWOULDBLOCK", connect(client.get(), name.get(), name.length), WSAEWOULDBLOCK);
        is(text + ": writable when it is connected", writable(client.get()));
        is(text + ": not exceptional", !exceptional(client.get(), 0));
        equal(text + ": SO_ERROR", option(client.get(), SOL_SOCKET, SO_ERROR), 0);
        const Unanswered nobody = unanswered(family);
        const Socket refused = tcp(family);
        set_nonblocking(refused.get());
        fails(text + ", nobody there: WSAEWOULDBLOCK",
              connect(refused.get(), nobody.address.get(), nobody.address.length), WSAEWOULDBLOCK);
        is(text + ", nobody there: exceptional", exceptional(refused.get()));
        is(text + ", nobody there: not writable", !writable(refused.get(), 0));
        equal(text + ", nobody there: SO_ERROR", option(refused.get(), SOL_SOCKET, SO_ERROR), WSAECONNREFUSED);
    }
}

CONFORMANCE_CASE("select", "out-of-band data") {
    const Pair pair = tcp_pair();
    require("send", send(pair.far_end.get(), "!", 1, MSG_OOB) == 1);
    is("exceptional", exceptional(pair.near_end.get()));
    char byte = 0;
    equal("recv with MSG_OOB", recv(pair.near_end.get(), &byte, 1, MSG_OOB), 1);
    equal("the byte", byte, '!');
    is("no longer exceptional", !exceptional(pair.near_end.get(), 0));
    const Pair inlined = tcp_pair();
    require("SO_OOBINLINE", set_option(inlined.near_end.get(), SOL_SOCKET, SO_OOBINLINE, 1) == 0);
    require("send", send(inlined.far_end.get(), "!", 1, MSG_OOB) == 1);
    is("with SO_OOBINLINE it makes the socket readable", readable(inlined.near_end.get()));
}

CONFORMANCE_CASE("select", "UDP") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string text = family_name(family);
        const Pair pair = udp_pair(family);
        is(text + ": writable", writable(pair.near_end.get(), 0));
        is(text + ": not readable with nothing there", !readable(pair.near_end.get(), 0));
        send_text(pair.far_end.get(), "datagram");
        is(text + ": readable with a datagram", readable(pair.near_end.get()));
        equal(text + ": the datagram", receive_text(pair.near_end.get()), "datagram");
        is(text + ": not readable after it", !readable(pair.near_end.get(), 0));
        require("an empty datagram", send(pair.far_end.get(), "", 0, 0) == 0);
        is(text + ": readable with an empty datagram", readable(pair.near_end.get()));
        equal(text + ": which is received as nothing", receive_text(pair.near_end.get()), "");
    }
    is("an unbound UDP socket is writable", writable(udp().get(), 0));
}

CONFORMANCE_CASE("select", "the sets tell which") {
    const Pair first = tcp_pair();
    const Pair second = tcp_pair();
    send_text(second.far_end.get(), "x");
    require("data", readable(second.near_end.get()));
    fd_set reading = set_of(first.near_end.get());
    FD_SET(second.near_end.get(), &reading);
    equal("one of two", select(0, &reading, nullptr, nullptr, nullptr), 1);
    equal("one is left in the set", reading.fd_count, 1u);
    is("the one with data", FD_ISSET(second.near_end.get(), &reading) != 0);
    is("the other is out", FD_ISSET(first.near_end.get(), &reading) == 0);
    reading = set_of(first.near_end.get());
    FD_SET(second.near_end.get(), &reading);
    fd_set writing = reading;
    fd_set excepting = reading;
    equal("the sum over three sets", select(0, &reading, &writing, &excepting, nullptr), 3);
    equal("in readfds", reading.fd_count, 1u);
    equal("in writefds", writing.fd_count, 2u);
    equal("in exceptfds", excepting.fd_count, 0u);
    const SOCKET same_socket = second.near_end.get();
    reading = writing = excepting = set_of(same_socket);
    equal("one socket in all three sets counts for each", select(0, &reading, &writing, &excepting, nullptr), 2);
    is("it is readable and writable",
       FD_ISSET(same_socket, &reading) && FD_ISSET(same_socket, &writing) && !FD_ISSET(same_socket, &excepting));
    const Socket quiet = bound_udp();
    reading = set_of(quiet.get());
    writing = set_of(first.near_end.get());
    equal("sockets of two protocols", select(0, &reading, &writing, nullptr, nullptr), 1);
    const Pair six = tcp_pair(AF_INET6);
    writing = set_of(first.near_end.get());
    FD_SET(six.near_end.get(), &writing);
    FD_SET(quiet.get(), &writing);
    equal("sockets of both families", select(0, nullptr, &writing, nullptr, nullptr), 3);
}

CONFORMANCE_CASE("select", "the timeout") {
    const Pair pair = tcp_pair();
    fd_set reading = set_of(pair.near_end.get());
    timeval timeout{0, 0};
    equal("zero: an answer at once", select(0, &reading, nullptr, nullptr, &timeout), 0);
    equal("the set is emptied", reading.fd_count, 0u);
    reading = set_of(pair.near_end.get());
    fd_set excepting = set_of(pair.near_end.get());
    equal("zero, with two sets", select(0, &reading, nullptr, &excepting, &timeout), 0);
    equal("both are emptied", reading.fd_count + excepting.fd_count, 0u);
    reading = set_of(pair.near_end.get());
    timeout = {0, 60'000};
    const ULONGLONG begin = GetTickCount64();
    equal("nothing happens within 60 ms", select(0, &reading, nullptr, nullptr, &timeout), 0);
    is("it waited", GetTickCount64() - begin >= 30);
    equal("the timeout is not changed: seconds", timeout.tv_sec, 0);
    equal("the timeout is not changed: microseconds", timeout.tv_usec, 60'000);
    send_text(pair.far_end.get(), "x");
    reading = set_of(pair.near_end.get());
    timeout = {30, 0};
    equal("an event ends the wait", select(0, &reading, nullptr, nullptr, &timeout), 1);
    equal("the timeout is not changed then either", timeout.tv_sec, 30);
    reading = set_of(pair.near_end.get());
    equal("NULL with a socket that is ready", select(0, &reading, nullptr, nullptr, nullptr), 1);
    reading = set_of(pair.near_end.get());
    timeout = {0, -1};
    fails("a negative timeout: WSAEINVAL", select(0, &reading, nullptr, nullptr, &timeout), WSAEINVAL,
          on_wine(succeeded, "Wine 10.0 does not look at the values"));
}

CONFORMANCE_CASE("select", "what is no socket: WSAENOTSOCK") {
    const Pair pair = tcp_pair();
    const SOCKET closed = closed_socket();
    fd_set writing = set_of(pair.near_end.get());
    FD_SET(closed, &writing);
    fails("a closed socket after one that is ready", select(0, nullptr, &writing, nullptr, &now), WSAENOTSOCK);
    writing = set_of(closed);
    FD_SET(pair.near_end.get(), &writing);
    fails("a closed socket before one that is ready", select(0, nullptr, &writing, nullptr, &now), WSAENOTSOCK);
    writing = set_of(pair.near_end.get());
    fd_set reading = set_of(closed);
    fails("a closed socket in another set", select(0, &reading, &writing, nullptr, &now), WSAENOTSOCK);
    const Event event;
    writing = set_of(reinterpret_cast<SOCKET>(event.get()));
    FD_SET(pair.near_end.get(), &writing);
    fails("an event before a socket", select(0, nullptr, &writing, nullptr, &now), WSAENOTSOCK);
    writing = set_of(pair.near_end.get());
    FD_SET(reinterpret_cast<SOCKET>(event.get()), &writing);
    fails("an event after a socket", select(0, nullptr, &writing, nullptr, &now), WSAENOTSOCK);
    writing = set_of(pair.near_end.get());
    equal("the good socket is as good as before", select(0, nullptr, &writing, nullptr, &now), 1);
}

CONFORMANCE_CASE("select", "more sockets than FD_SETSIZE") {
    std::vector<Socket> sockets(100);
    std::vector<SOCKET> handles;
    for (Socket& each : sockets) {
        each = bound_udp();
        handles.push_back(each.get());
    }
    BigSet writing(handles);
    equal("100 are writable", select(0, nullptr, writing.get(), nullptr, &now), 100);
    equal("100 are left in the set", writing.get()->fd_count, 100u);
    const Address last = name_of(handles.back());
    require("sendto", sendto(handles.front(), "x", 1, 0, last.get(), last.length) == 1);
    require("arrived", readable(handles.back()));
    BigSet reading(handles);
    equal("the last of 100 is readable", select(0, reading.get(), nullptr, nullptr, nullptr), 1);
    is("and is the one that is left", reading.get()->fd_count == 1 && reading.get()->fd_array[0] == handles.back());
    BigSet quiet(std::vector<SOCKET>(handles.begin(), handles.end() - 1));
    equal("none of the other 99", select(0, quiet.get(), nullptr, nullptr, &now), 0);
}

CONFORMANCE_CASE("select", "the macros of fd_set") {
    const Socket one = udp();
    const Socket two = udp();
    fd_set set;
    FD_ZERO(&set);
    equal("FD_ZERO", set.fd_count, 0u);
    FD_SET(one.get(), &set);
    FD_SET(one.get(), &set);
    equal("FD_SET twice adds once", set.fd_count, 1u);
    FD_SET(two.get(), &set);
    is("FD_ISSET of both", __WSAFDIsSet(one.get(), &set) && __WSAFDIsSet(two.get(), &set));
    FD_CLR(one.get(), &set);
    is("FD_CLR takes one out", !__WSAFDIsSet(one.get(), &set) && __WSAFDIsSet(two.get(), &set));
    equal("one is left", set.fd_count, 1u);
    FD_CLR(one.get(), &set);
    equal("FD_CLR of one that is not there", set.fd_count, 1u);
}
