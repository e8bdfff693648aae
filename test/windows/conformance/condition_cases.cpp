// WSAAccept with a condition function. Page: "WSAAccept function (winsock2.h)".
#include "sockets.hpp"

using namespace conformance;

namespace {

constexpr std::string_view callee_room = "Wine 10.0 asks for the local address with room for an IPv4 address only";

// What the condition function was given, and what it answers.
struct Condition {
    int answer = CF_ACCEPT;
    int calls = 0;
    DWORD thread = 0;
    bool caller_given = false;
    Address caller;
    bool caller_data_given = false;
    bool callee_given = false;
    Address callee;
    bool qos_given = false;
    bool group_qos_given = false;
    bool group_given = false;

    DWORD_PTR data() { return reinterpret_cast<DWORD_PTR>(this); }
};

Address address_in(const WSABUF& buffer) {
    Address address;
    if (buffer.len <= sizeof address.storage) {
        std::memcpy(&address.storage, buffer.buf, buffer.len);
        address.length = static_cast<int>(buffer.len);
    }
    return address;
}

int CALLBACK decide(LPWSABUF caller_id, LPWSABUF caller_data, LPQOS qos, LPQOS group_qos, LPWSABUF callee_id, LPWSABUF,
                    GROUP* group, DWORD_PTR callback_data) {
    Condition& condition = *reinterpret_cast<Condition*>(callback_data);
    ++condition.calls;
    condition.thread = GetCurrentThreadId();
    condition.caller_given = caller_id != nullptr && caller_id->buf != nullptr;
    if (condition.caller_given) {
        condition.caller = address_in(*caller_id);
    }
    condition.caller_data_given = caller_data != nullptr && caller_data->buf != nullptr && caller_data->len != 0;
    condition.callee_given = callee_id != nullptr && callee_id->buf != nullptr;
    if (condition.callee_given) {
        condition.callee = address_in(*callee_id);
    }
    condition.qos_given = qos != nullptr;
    condition.group_qos_given = group_qos != nullptr;
    condition.group_given = group != nullptr;
    return condition.answer;
}

SOCKET accept_if(SOCKET listener, Condition& condition, Address* peer = nullptr) {
    return WSAAccept(listener, peer != nullptr ? peer->get() : nullptr, peer != nullptr ? &peer->length : nullptr,
                     &decide, condition.data());
}

// SO_CONDITIONAL_ACCEPT is off: Windows has established the connection when the condition is asked.
bool ends(SOCKET handle) {
    if (!readable(handle)) {
        return false;
    }
    char byte = 0;
    const int received = recv(handle, &byte, 1, 0);
    return received == 0 || (received == SOCKET_ERROR && WSAGetLastError() == WSAECONNRESET);
}

} // namespace

CONFORMANCE_CASE("WSAAccept", "CF_ACCEPT") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string text = family_name(family);
        const Socket listener = listening(family);
        const Socket client = connected_to(listener.get());
        Condition condition;
        Address peer;
        const Socket accepted(accept_if(listener.get(), condition, &peer));
        if (!is(text + " makes a socket", static_cast<bool>(accepted))) {
            continue;
        }
        equal(text + ": the condition is asked once", condition.calls, 1);
        is(text + ": in the thread that called WSAAccept", condition.thread == GetCurrentThreadId());
        is(text + ": lpCallerId is there", condition.caller_given);
        equal(text + ": lpCallerId has an address of the family", condition.caller.family(), family);
        is(text + ": lpCallerId is the client",
           condition.caller.port() == name_of(client.get()).port() && condition.caller.is_loopback());
        is(text + ": TCP has no caller data", !condition.caller_data_given);
        is(text + ": lpCalleeId is there", condition.callee_given);
        is(text + ": lpCalleeId is the local address",
           condition.callee.family() == family && condition.callee.port() == name_of(listener.get()).port() &&
               condition.callee.is_loopback(),
           on_wine(false, callee_room));
        is(text + ": lpSQOS is NULL, as nobody asked for quality", !condition.qos_given);
        is(text + ": lpGQOS is NULL", !condition.group_qos_given);
        is(text + ": addr is the client's name", same(peer, name_of(client.get())));
        equal(text + ": addrlen is its length", peer.length, address_length(family));
        send_text(client.get(), "accepted");
        equal(text + ": the connection works", receive_text(accepted.get()), "accepted");
    }
}

CONFORMANCE_CASE("WSAAccept", "CF_REJECT") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string text = family_name(family);
        const Socket listener = listening(family);
        set_nonblocking(listener.get());
        const Socket client = connected_to(listener.get());
        require("a connection", readable(listener.get()));
        Condition condition;
        condition.answer = CF_REJECT;
        fails_socket(text + ": WSAECONNREFUSED", accept_if(listener.get(), condition), WSAECONNREFUSED);
        equal(text + ": the condition is asked once", condition.calls, 1);
        is(text + ": the client's connection ends", ends(client.get()));
        fails_socket(text + ": the connection is gone from the queue: WSAEWOULDBLOCK",
                     accept_if(listener.get(), condition), WSAEWOULDBLOCK);
        equal(text + ": for nobody the condition is not asked", condition.calls, 1);
        const Socket next = connected_to(listener.get());
        require("another connection", readable(listener.get()));
        condition.answer = CF_ACCEPT;
        const Socket accepted(accept_if(listener.get(), condition));
        is(text + ": the next one can be accepted", static_cast<bool>(accepted));
    }
}

CONFORMANCE_CASE("WSAAccept", "CF_DEFER") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string text = family_name(family);
        const Socket listener = listening(family);
        set_nonblocking(listener.get());
        const Socket client = connected_to(listener.get());
        require("a connection", readable(listener.get()));
        Condition condition;
        condition.answer = CF_DEFER;
        fails_socket(text + ": WSATRY_AGAIN", accept_if(listener.get(), condition), WSATRY_AGAIN);
        fails_socket(text + ", again: WSATRY_AGAIN", accept_if(listener.get(), condition), WSATRY_AGAIN);
        equal(text + ": asked each time", condition.calls, 2);
        send_text(client.get(), "patience");
        condition.answer = CF_ACCEPT;
        Address peer;
        const Socket accepted(accept_if(listener.get(), condition, &peer));
        if (is(text + ": accepted at last", static_cast<bool>(accepted))) {
            is(text + ": it is the same connection", same(peer, name_of(client.get())));
            equal(text + ": with what it sent meanwhile", receive_text(accepted.get()), "patience");
        }
    }
}

CONFORMANCE_CASE("WSAAccept", "after CF_DEFER accept takes the connection without asking") {
    const Socket listener = listening();
    const Socket client = connected_to(listener.get());
    Condition condition;
    condition.answer = CF_DEFER;
    require("deferred", accept_if(listener.get(), condition) == INVALID_SOCKET);
    Address peer;
    const Socket accepted(accept(listener.get(), peer.get(), &peer.length));
    is("accepted", accepted && same(peer, name_of(client.get())));
    equal("the condition was asked once", condition.calls, 1);
}

CONFORMANCE_CASE("WSAAccept", "without a connection the condition is not asked") {
    const Socket listener = listening();
    set_nonblocking(listener.get());
    Condition condition;
    fails_socket("WSAEWOULDBLOCK", accept_if(listener.get(), condition), WSAEWOULDBLOCK);
    equal("not asked", condition.calls, 0);
    fails_socket("on a socket that does not listen: WSAEINVAL", accept_if(bound_tcp().get(), condition), WSAEINVAL);
    equal("not asked there either", condition.calls, 0);
    fails_socket("on no socket: WSAENOTSOCK", accept_if(closed_socket(), condition), WSAENOTSOCK);
    equal("and not there", condition.calls, 0);
}

CONFORMANCE_CASE("WSAAccept", "an answer that is none makes no socket") {
    const Socket listener = listening();
    set_nonblocking(listener.get());
    const Socket client = connected_to(listener.get());
    require("a connection", readable(listener.get()));
    Condition condition;
    condition.answer = 0x1234;
    Socket accepted(accept_if(listener.get(), condition));
    is("INVALID_SOCKET", !accepted);
    equal("the condition was asked", condition.calls, 1);
}

CONFORMANCE_CASE("WSAAccept", "two connections are decided one by one") {
    const Socket listener = listening();
    const Socket first = connected_to(listener.get());
    const Socket second = connected_to(listener.get());
    Condition condition;
    condition.answer = CF_REJECT;
    require("rejected", accept_if(listener.get(), condition) == INVALID_SOCKET);
    is("the first is asked about first", condition.caller.port() == name_of(first.get()).port());
    condition.answer = CF_ACCEPT;
    const Socket accepted(accept_if(listener.get(), condition));
    is("then the second", accepted && condition.caller.port() == name_of(second.get()).port());
}
