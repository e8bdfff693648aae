// Datagrams: sizes, truncation, addresses. Pages: "sendto function (winsock2.h)", "recvfrom function (winsock2.h)",
// "WSASendTo function (winsock2.h)", "WSARecvFrom function (winsock2.h)", "WSARecv function (winsock2.h)".
#include "overlapped.hpp"

using namespace conformance;

namespace {

// A sender and a bound receiver that do not know each other.
struct Strangers {
    explicit Strangers(int family = AF_INET)
        : sender(bound_udp(family)), receiver(bound_udp(family)), to(name_of(receiver.get())) {}

    int send_to(std::string_view text) const {
        return sendto(sender.get(), text.data(), static_cast<int>(text.size()), 0, to.get(), to.length);
    }
    void deliver(std::string_view text) const {
        require("sendto", send_to(text) == static_cast<int>(text.size()));
        require("the datagram arrives", readable(receiver.get()));
    }

    Socket sender;
    Socket receiver;
    Address to;
};

} // namespace

CONFORMANCE_CASE("datagrams", "each send is one message, and says from where") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        const Strangers both(family);
        equal(name + "sendto returns the size", both.send_to("one"), 3);
        equal(name + "sendto of a second", both.send_to("second"), 6);
        require("data", readable(both.receiver.get()));
        char bytes[64]{};
        Address from;
        equal(name + "recvfrom gets the first alone",
              recvfrom(both.receiver.get(), bytes, sizeof bytes, 0, from.get(), &from.length), 3);
        equal(name + "with its bytes", std::string(bytes, 3), "one");
        equal(name + "fromlen is the length of an address of the family", from.length, address_length(family));
        is(name + "from is the sender's name", same(from, name_of(both.sender.get())));
        require("data", readable(both.receiver.get()));
        equal(name + "then the second", recv(both.receiver.get(), bytes, sizeof bytes, 0), 6);
        equal(name + "with its own bytes", std::string(bytes, 6), "second");
    }
}

// recvfrom: of a datagram larger than the buffer the first part is received, with WSAEMSGSIZE, and the rest is lost.
CONFORMANCE_CASE("datagrams", "a buffer that is too small") {
    const Strangers both;
    char bytes[8]{};
    Address from;
    both.deliver("0123456789");
    fails("recvfrom", recvfrom(both.receiver.get(), bytes, 4, 0, from.get(), &from.length), WSAEMSGSIZE);
    equal("fills the buffer", std::string(bytes, 4), "0123");
    is("not more than it", bytes[4] == '\0');
    is("and says from whom it was", same(from, name_of(both.sender.get())));
    is("the rest is lost", !readable(both.receiver.get(), 0));
    both.deliver("abcdefghij");
    fails("recv", recv(both.receiver.get(), bytes, 4, 0), WSAEMSGSIZE);
    equal("recv fills the buffer", std::string(bytes, 4), "abcd");
    both.deliver("ABCDEFGHIJ");
    WSABUF parts[2] = {buffer(bytes, 2), buffer(bytes + 4, 2)};
    DWORD count = 0;
    DWORD flags = 0;
    fails("WSARecvFrom",
          WSARecvFrom(both.receiver.get(), parts, 2, &count, &flags, from.get(), &from.length, nullptr, nullptr),
          WSAEMSGSIZE);
    equal("fills both buffers, the first", std::string(bytes, 2), "AB");
    equal("and the second", std::string(bytes + 4, 2), "CD");
    both.deliver("overlapped");
    Operation operation;
    WSABUF one = buffer(bytes, 3);
    flags = 0;
    const int result = WSARecv(both.receiver.get(), &one, 1, nullptr, &flags, &operation.overlapped, nullptr);
    is("overlapped WSARecv says WSAEMSGSIZE or that it goes on",
       result == SOCKET_ERROR && (WSAGetLastError() == WSAEMSGSIZE || WSAGetLastError() == WSA_IO_PENDING));
    equal("its result is WSAEMSGSIZE", operation.finish(both.receiver.get(), count, flags), WSAEMSGSIZE);
    equal("with the bytes that fitted", count, 3u);
    both.deliver("exact");
    equal("a buffer of just the size is enough", recv(both.receiver.get(), bytes, 5, 0), 5);
}

// MSG_PEEK with too small a buffer is an error too, but the message stays.
CONFORMANCE_CASE("datagrams", "MSG_PEEK") {
    const Strangers both;
    both.deliver("datagram");
    char bytes[16]{};
    Address from;
    equal("recvfrom looks", recvfrom(both.receiver.get(), bytes, sizeof bytes, MSG_PEEK, from.get(), &from.length), 8);
    is("and sees from where", same(from, name_of(both.sender.get())));
    fails("a look into a small buffer", recv(both.receiver.get(), bytes, 3, MSG_PEEK), WSAEMSGSIZE);
    equal("the whole message is still there", recv(both.receiver.get(), bytes, sizeof bytes, 0), 8);
    equal("with all bytes", std::string(bytes, 8), "datagram");
    set_nonblocking(both.receiver.get());
    fails("and then gone", recv(both.receiver.get(), bytes, sizeof bytes, MSG_PEEK), WSAEWOULDBLOCK);
}

// sendto: no bytes are a datagram too; recvfrom returns 0 for it.
CONFORMANCE_CASE("datagrams", "of no bytes") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        const Strangers both(family);
        equal(name + "sendto", both.send_to(""), 0);
        is(name + "makes the receiver readable", readable(both.receiver.get()));
        char bytes[4];
        Address from;
        equal(name + "recvfrom returns 0",
              recvfrom(both.receiver.get(), bytes, sizeof bytes, 0, from.get(), &from.length), 0);
        is(name + "and from", same(from, name_of(both.sender.get())));
        is(name + "which was all", !readable(both.receiver.get(), 0));
    }
    const Strangers both;
    both.deliver("content");
    char none;
    fails("a message into no buffer", recv(both.receiver.get(), &none, 0, 0), WSAEMSGSIZE);
}

// A message larger than SO_MAX_MSG_SIZE is WSAEMSGSIZE.
CONFORMANCE_CASE("datagrams", "the largest message") {
    const Strangers both;
    DWORD most = 0;
    succeeds("SO_MAX_MSG_SIZE", get_option(both.sender.get(), SOL_SOCKET, SO_MAX_MSG_SIZE, most));
    equal("for UDP over IPv4 it is what an IP packet can hold", most, 65507u);
    const std::string large(70'000, 'x');
    fails("sendto of 70,000 bytes", both.send_to(large), WSAEMSGSIZE);
    fails("sendto of one byte too many", both.send_to(std::string_view(large).substr(0, 65508)), WSAEMSGSIZE);
    WSABUF parts[2] = {text_buffer(std::string_view(large).substr(0, 40'000)),
                       text_buffer(std::string_view(large).substr(0, 30'000))};
    DWORD sent = 0;
    fails("WSASendTo of buffers that are too large together",
          WSASendTo(both.sender.get(), parts, 2, &sent, 0, both.to.get(), both.to.length, nullptr, nullptr),
          WSAEMSGSIZE);
    is("nothing of them was sent", !readable(both.receiver.get(), 0));
    equal("60,000 bytes go", both.send_to(std::string_view(large).substr(0, 60'000)), 60'000);
    std::string room(65'536, '\0');
    require("data", readable(both.receiver.get()));
    equal("and arrive as one", recv(both.receiver.get(), room.data(), 65'536, 0), 60'000);
    const Pair pair = udp_pair();
    fails("send on a connected socket", send(pair.near_end.get(), large.data(), 70'000, 0), WSAEMSGSIZE);
}

// WSASendTo: several buffers are one message.
CONFORMANCE_CASE("datagrams", "several buffers") {
    const Strangers both;
    WSABUF out[3] = {text_buffer("ab"), text_buffer(""), text_buffer("cde")};
    DWORD sent = 0;
    succeeds("WSASendTo",
             WSASendTo(both.sender.get(), out, 3, &sent, 0, both.to.get(), both.to.length, nullptr, nullptr));
    equal("counts the bytes of all", sent, 5u);
    require("data", readable(both.receiver.get()));
    char first[2]{};
    char second[8]{};
    WSABUF in[2] = {buffer(first), buffer(second)};
    DWORD received = 0;
    DWORD flags = 0;
    Address from;
    succeeds("WSARecvFrom",
             WSARecvFrom(both.receiver.get(), in, 2, &received, &flags, from.get(), &from.length, nullptr, nullptr));
    equal("one message in two buffers", received, 5u);
    equal("the first buffer", std::string(first, 2), "ab");
    equal("the second buffer", std::string(second), "cde");
    equal("no flags for a whole message", flags, 0u);
    is("from whom it was", same(from, name_of(both.sender.get())));
}

// recvfrom: a fromlen that is too small for the sender's address is WSAEFAULT.
CONFORMANCE_CASE("datagrams", "from and fromlen") {
    const Strangers both;
    char bytes[8];
    Address from;
    both.deliver("small");
    from.length = 4;
    fails("fromlen too small", recvfrom(both.receiver.get(), bytes, sizeof bytes, 0, from.get(), &from.length),
          WSAEFAULT, on_wine(succeeded, "Wine 10.0 cuts the address to the room there is"));
    const Strangers fresh;
    fresh.deliver("large");
    from.length = sizeof from.storage;
    equal("a larger fromlen", recvfrom(fresh.receiver.get(), bytes, sizeof bytes, 0, from.get(), &from.length), 5);
    equal("is set to what was written", from.length, address_length(AF_INET));
    fresh.deliver("plain");
    int length = 77;
    equal("fromlen without from", recvfrom(fresh.receiver.get(), bytes, sizeof bytes, 0, nullptr, &length), 5);
    fresh.deliver("none");
    equal("neither", recvfrom(fresh.receiver.get(), bytes, sizeof bytes, 0, nullptr, nullptr), 4);
    fresh.deliver("later");
    Operation operation;
    WSABUF one = buffer(bytes);
    DWORD flags = 0;
    from = Address{};
    require("a receive", started(WSARecvFrom(fresh.receiver.get(), &one, 1, nullptr, &flags, from.get(), &from.length,
                                             &operation.overlapped, nullptr)));
    DWORD count = 0;
    equal("overlapped", operation.finish(fresh.receiver.get(), count), 0);
    equal("with the bytes", count, 5u);
    is("from is filled when it has ended", same(from, name_of(fresh.sender.get())));
}

CONFORMANCE_CASE("datagrams", "errors of sendto") {
    const Strangers both;
    const SOCKET sender = both.sender.get();
    fails("no address and not connected: WSAENOTCONN", send(sender, "x", 1, 0), WSAENOTCONN);
    fails("sendto without an address", sendto(sender, "x", 1, 0, nullptr, 0), WSAENOTCONN);
    fails("too short an address: WSAEFAULT", sendto(sender, "x", 1, 0, both.to.get(), 4), WSAEFAULT);
    const Address v6 = loopback(AF_INET6, 9);
    fails("an address of another family: WSAEAFNOSUPPORT", sendto(sender, "x", 1, 0, v6.get(), v6.length),
          WSAEAFNOSUPPORT,
          on_wine(WSAEOPNOTSUPP, "Wine 10.0 sees an address of another family as an operation that is not supported"));
    const Address any = wildcard(AF_INET, 9);
    fails("the wildcard address: WSAEADDRNOTAVAIL", sendto(sender, "x", 1, 0, any.get(), any.length), WSAEADDRNOTAVAIL,
          on_wine(succeeded, "Wine 10.0 sends to the address of zeros, Linux's name for this machine"));
    Address everyone = wildcard(AF_INET, both.to.port());
    everyone.v4()->sin_addr.s_addr = INADDR_BROADCAST;
    fails("broadcast without SO_BROADCAST: WSAEACCES", sendto(sender, "x", 1, 0, everyone.get(), everyone.length),
          WSAEACCES);
    fails("MSG_OOB: WSAEOPNOTSUPP", sendto(sender, "x", 1, MSG_OOB, both.to.get(), both.to.length), WSAEOPNOTSUPP);
    auto* const nowhere = reinterpret_cast<char*>(static_cast<ULONG_PTR>(16));
    fails("bytes that are nowhere: WSAEFAULT", sendto(sender, nowhere, 8, 0, both.to.get(), both.to.length), WSAEFAULT);
    WSABUF one = text_buffer("x");
    fails("WSASendTo without a count: WSAEFAULT",
          WSASendTo(sender, &one, 1, nullptr, 0, both.to.get(), both.to.length, nullptr, nullptr), WSAEFAULT);
    is("nothing arrived of all this", !readable(both.receiver.get(), 0));
    equal("MSG_DONTROUTE is accepted", sendto(sender, "near", 4, MSG_DONTROUTE, both.to.get(), both.to.length), 4);
}

// recvfrom: an unbound socket is WSAEINVAL; MSG_OOB and MSG_WAITALL are for streams only: WSAEOPNOTSUPP.
CONFORMANCE_CASE("datagrams", "errors of recvfrom") {
    const char* const waits = "Wine 10.0 waits for data on an unbound socket";
    const char* const passed_on = "Wine 10.0 passes all flags on to Linux";
    Socket unbound = udp();
    set_nonblocking(unbound.get());
    char bytes[8];
    Address from;
    fails("recvfrom of an unbound socket: WSAEINVAL",
          recvfrom(unbound.get(), bytes, sizeof bytes, 0, from.get(), &from.length), WSAEINVAL,
          on_wine(WSAEWOULDBLOCK, waits));
    fails("recv of an unbound socket: WSAEINVAL", recv(unbound.get(), bytes, sizeof bytes, 0), WSAEINVAL,
          on_wine(WSAEWOULDBLOCK, waits));
    WSABUF one = buffer(bytes);
    DWORD flags = 0;
    Operation operation;
    fails("overlapped WSARecvFrom of an unbound socket: WSAEINVAL",
          WSARecvFrom(unbound.get(), &one, 1, nullptr, &flags, nullptr, nullptr, &operation.overlapped, nullptr),
          WSAEINVAL, on_wine(io_pending, waits));
    const bool pending = WSAGetLastError() == WSA_IO_PENDING;
    unbound.close();
    require("the end of what pended", !pending || operation.wait());
    const Strangers both;
    set_nonblocking(both.receiver.get());
    fails("MSG_OOB: WSAEOPNOTSUPP", recv(both.receiver.get(), bytes, sizeof bytes, MSG_OOB), WSAEOPNOTSUPP,
          on_wine(WSAEWOULDBLOCK, passed_on));
    fails("MSG_WAITALL: WSAEOPNOTSUPP", recv(both.receiver.get(), bytes, sizeof bytes, MSG_WAITALL), WSAEOPNOTSUPP,
          on_wine(WSAEWOULDBLOCK, passed_on));
    fails("no datagram, non-blocking: WSAEWOULDBLOCK", recv(both.receiver.get(), bytes, sizeof bytes, 0),
          WSAEWOULDBLOCK);
    DWORD count = 0;
    fails("WSARecvFrom without flags: WSAEFAULT",
          WSARecvFrom(both.receiver.get(), &one, 1, &count, nullptr, nullptr, nullptr, nullptr, nullptr), WSAEFAULT);
}

// sendto: an unbound socket is bound by sending, to a port the system chooses.
CONFORMANCE_CASE("datagrams", "an implicit bind") {
    const Strangers both;
    const Socket unbound = udp();
    Address before;
    fails("an unbound socket has no name: WSAEINVAL", getsockname(unbound.get(), before.get(), &before.length),
          WSAEINVAL);
    equal("sendto", sendto(unbound.get(), "first", 5, 0, both.to.get(), both.to.length), 5);
    is("gives it a port", name_of(unbound.get()).port() != 0);
    char bytes[8];
    Address from;
    require("data", readable(both.receiver.get()));
    equal("the datagram arrives", recvfrom(both.receiver.get(), bytes, sizeof bytes, 0, from.get(), &from.length), 5);
    equal("from that port", from.port(), name_of(unbound.get()).port());
    equal("an answer to it", sendto(both.receiver.get(), "answer", 6, 0, from.get(), from.length), 6);
    equal("reaches the socket", receive_text(unbound.get()), "answer");
}

// A direction that is shut down is WSAESHUTDOWN. A datagram socket can be shut down without a peer.
CONFORMANCE_CASE("datagrams", "shut down") {
    const Strangers both;
    char bytes[8];
    const Pair pair = udp_pair();
    succeeds("SD_SEND", shutdown(pair.near_end.get(), SD_SEND));
    fails("send after SD_SEND", send(pair.near_end.get(), "x", 1, 0), WSAESHUTDOWN);
    send_text(pair.far_end.get(), "still");
    equal("receiving goes on after SD_SEND", receive_text(pair.near_end.get()), "still");
    succeeds("SD_RECEIVE", shutdown(pair.near_end.get(), SD_RECEIVE));
    set_nonblocking(pair.near_end.get());
    fails("recv after SD_RECEIVE", recv(pair.near_end.get(), bytes, sizeof bytes, 0), WSAESHUTDOWN);
    succeeds("a datagram socket need not be connected", shutdown(both.sender.get(), SD_SEND));
    fails("sendto after SD_SEND", both.send_to("x"), WSAESHUTDOWN);
}

// "SOL_SOCKET Socket Options": SO_RCVTIMEO limits blocking receives, in milliseconds.
CONFORMANCE_CASE("datagrams", "SO_RCVTIMEO") {
    const Strangers both;
    const DWORD limit = 50;
    succeeds("SO_RCVTIMEO", set_option(both.receiver.get(), SOL_SOCKET, SO_RCVTIMEO, limit));
    char bytes[4];
    Address from;
    fails("recvfrom gives up", recvfrom(both.receiver.get(), bytes, sizeof bytes, 0, from.get(), &from.length),
          WSAETIMEDOUT);
    both.deliver("back");
    equal("a datagram in time is received", recv(both.receiver.get(), bytes, sizeof bytes, 0), 4);
}

// ioctlsocket, FIONREAD: how much there is to read.
CONFORMANCE_CASE("datagrams", "FIONREAD") {
    const Strangers both;
    u_long count = 99;
    succeeds("without data", ioctlsocket(both.receiver.get(), static_cast<long>(FIONREAD), &count));
    equal("there are no bytes", count, 0u);
    both.deliver("waiting");
    succeeds("with a datagram", ioctlsocket(both.receiver.get(), static_cast<long>(FIONREAD), &count));
    equal("there are its bytes", count, 7u);
}
