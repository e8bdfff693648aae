// Data over TCP: send, recv, WSASend, WSARecv without overlapped operations. Pages: "send function (winsock2.h)",
// "recv function (winsock2.h)", "WSASend function (winsock2.h)", "WSARecv function (winsock2.h)".
#include "overlapped.hpp"

#include <vector>

using namespace conformance;

// send and recv return the number of bytes.
CONFORMANCE_CASE("stream data", "bytes go over in order") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        const Pair pair = tcp_pair(family);
        equal(name + "send returns the number of bytes", send(pair.near_end.get(), "hello", 5, 0), 5);
        char bytes[16]{};
        require("data", readable(pair.far_end.get()));
        equal(name + "recv returns as much as is there", recv(pair.far_end.get(), bytes, sizeof bytes, 0), 5);
        equal(name + "the bytes are those that were sent", std::string(bytes, 5), "hello");
        equal(name + "nothing behind them was written", bytes[5], '\0');
        send_text(pair.far_end.get(), "back");
        equal(name + "the other direction too", receive_text(pair.near_end.get()), "back");
    }
}

CONFORMANCE_CASE("stream data", "a stream has no message boundaries") {
    const Pair pair = tcp_pair();
    send_text(pair.near_end.get(), "abcdef");
    char bytes[4]{};
    require("data", readable(pair.far_end.get()));
    equal("a small buffer is filled", recv(pair.far_end.get(), bytes, 4, 0), 4);
    equal("with the first bytes", std::string(bytes, 4), "abcd");
    equal("the rest stays for the next call", recv(pair.far_end.get(), bytes, 4, 0), 2);
    equal("which gets just that", std::string(bytes, 2), "ef");
    send_text(pair.near_end.get(), "12");
    send_text(pair.near_end.get(), "34");
    std::string whole;
    while (whole.size() < 4) {
        whole += receive_text(pair.far_end.get());
    }
    equal("two sends may come as one", whole, "1234");
}

// MSG_PEEK copies the data and leaves it in the queue.
CONFORMANCE_CASE("stream data", "MSG_PEEK") {
    const Pair pair = tcp_pair();
    send_text(pair.near_end.get(), "peek");
    require("data", readable(pair.far_end.get()));
    char bytes[16]{};
    equal("recv returns what is there", recv(pair.far_end.get(), bytes, sizeof bytes, MSG_PEEK), 4);
    equal("and copies it", std::string(bytes, 4), "peek");
    equal("a second look sees the same", recv(pair.far_end.get(), bytes, 2, MSG_PEEK), 2);
    u_long count = 0;
    succeeds("FIONREAD", ioctlsocket(pair.far_end.get(), static_cast<long>(FIONREAD), &count));
    equal("all bytes are still in the queue", count, 4u);
    WSABUF one = buffer(bytes);
    DWORD received = 0;
    DWORD flags = MSG_PEEK;
    succeeds("WSARecv looks too", WSARecv(pair.far_end.get(), &one, 1, &received, &flags, nullptr, nullptr));
    equal("WSARecv tells how much", received, 4u);
    equal("a plain recv takes it", receive_text(pair.far_end.get()), "peek");
    set_nonblocking(pair.far_end.get());
    fails("then there is nothing to look at", recv(pair.far_end.get(), bytes, sizeof bytes, MSG_PEEK), WSAEWOULDBLOCK);
}

// MSG_WAITALL: the receive ends when the buffer is full, the connection ends, or an error comes.
CONFORMANCE_CASE("stream data", "MSG_WAITALL") {
    const char* const partial = "Wine 10.0 ends a receive with MSG_WAITALL at the first data";
    Pair pair = tcp_pair();
    char bytes[8]{};
    WSABUF one = buffer(bytes);
    DWORD flags = MSG_WAITALL;
    DWORD count = 0;
    send_text(pair.near_end.get(), "abc");
    require("data", readable(pair.far_end.get()));
    Operation operation;
    require("a receive",
            started(WSARecv(pair.far_end.get(), &one, 1, nullptr, &flags, &operation.overlapped, nullptr)));
    equal("a part of the buffer: it waits",
          error_of_bool(WSAGetOverlappedResult(pair.far_end.get(), &operation.overlapped, &count, FALSE, &flags)),
          WSA_IO_INCOMPLETE, on_wine(0, partial));
    send_text(pair.near_end.get(), "defgh");
    equal("the rest: it ends", operation.finish(pair.far_end.get(), count), 0);
    equal("when the buffer is full", count, 8u, on_wine(3u, partial));
    equal("with the bytes of both sends", std::string(bytes, count), "abcdefgh", on_wine("abc", partial));
    if (count < 8) {
        receive_text(pair.far_end.get());
    }
    send_text(pair.near_end.get(), "123456789");
    require("data", readable(pair.far_end.get()));
    equal("more than the buffer: the buffer full", recv(pair.far_end.get(), bytes, 8, MSG_WAITALL), 8);
    equal("and the rest is left", receive_text(pair.far_end.get()), "9");
    send_text(pair.near_end.get(), "end");
    pair.near_end.close();
    equal("the peer closes: what there was", recv(pair.far_end.get(), bytes, 8, MSG_WAITALL), 3);
    equal("then the end", recv(pair.far_end.get(), bytes, 8, MSG_WAITALL), 0);
}

// recv returns 0 at the end of a stream that was closed gracefully.
CONFORMANCE_CASE("stream data", "the end of the stream") {
    Pair pair = tcp_pair();
    send_text(pair.near_end.get(), "last");
    pair.near_end.close();
    equal("data before the end is received", receive_text(pair.far_end.get()), "last");
    char bytes[4];
    equal("then recv returns 0", recv(pair.far_end.get(), bytes, sizeof bytes, 0), 0);
    equal("and again", recv(pair.far_end.get(), bytes, sizeof bytes, 0), 0);
    equal("MSG_PEEK sees the end too", recv(pair.far_end.get(), bytes, sizeof bytes, MSG_PEEK), 0);
    WSABUF one = buffer(bytes);
    DWORD received = 77;
    DWORD flags = 0;
    succeeds("WSARecv at the end succeeds", WSARecv(pair.far_end.get(), &one, 1, &received, &flags, nullptr, nullptr));
    equal("with no bytes", received, 0u);
    equal("and no flags", flags, 0u);
    set_nonblocking(pair.far_end.get());
    equal("a non-blocking socket says the same", recv(pair.far_end.get(), bytes, sizeof bytes, 0), 0);
}

// WSAENOTCONN.
CONFORMANCE_CASE("stream data", "not connected") {
    const char* const broken_pipe = "Wine 10.0 sends without looking and says WSAECONNRESET for Linux's EPIPE";
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        const Socket idle = bound_tcp(family);
        char bytes[4]{};
        WSABUF one = buffer(bytes);
        DWORD count = 0;
        DWORD flags = 0;
        fails(name + "recv", recv(idle.get(), bytes, sizeof bytes, 0), WSAENOTCONN);
        fails(name + "send", send(idle.get(), bytes, sizeof bytes, 0), WSAENOTCONN,
              on_wine(WSAECONNRESET, broken_pipe));
        fails(name + "WSARecv", WSARecv(idle.get(), &one, 1, &count, &flags, nullptr, nullptr), WSAENOTCONN);
        fails(name + "WSASend", WSASend(idle.get(), &one, 1, &count, 0, nullptr, nullptr), WSAENOTCONN,
              on_wine(WSAECONNRESET, broken_pipe));
        Operation operation;
        fails(name + "overlapped WSARecv",
              WSARecv(idle.get(), &one, 1, nullptr, &flags, &operation.overlapped, nullptr), WSAENOTCONN);
        fails(name + "overlapped WSASend", WSASend(idle.get(), &one, 1, nullptr, 0, &operation.overlapped, nullptr),
              WSAENOTCONN, on_wine(WSAECONNRESET, broken_pipe));
        fails(name + "recvfrom", recvfrom(idle.get(), bytes, sizeof bytes, 0, nullptr, nullptr), WSAENOTCONN);
        const Socket listener = listening(family);
        set_nonblocking(listener.get());
        fails(name + "recv on a listening socket", recv(listener.get(), bytes, sizeof bytes, 0), WSAENOTCONN,
              on_wine(WSAEWOULDBLOCK, "Wine 10.0 waits for data on a listening socket"));
        fails(name + "send on a listening socket", send(listener.get(), bytes, sizeof bytes, 0), WSAENOTCONN,
              on_wine(WSAECONNRESET, broken_pipe));
    }
}

// WSAENOTSOCK.
CONFORMANCE_CASE("stream data", "no socket") {
    char bytes[4]{};
    WSABUF one = buffer(bytes);
    DWORD count = 0;
    DWORD flags = 0;
    const Address to = loopback(AF_INET, 1);
    const SOCKET closed = closed_socket();
    fails("send", send(closed, bytes, 4, 0), WSAENOTSOCK);
    fails("recv", recv(closed, bytes, 4, 0), WSAENOTSOCK);
    fails("sendto", sendto(closed, bytes, 4, 0, to.get(), to.length), WSAENOTSOCK);
    fails("recvfrom", recvfrom(closed, bytes, 4, 0, nullptr, nullptr), WSAENOTSOCK);
    fails("WSASend", WSASend(closed, &one, 1, &count, 0, nullptr, nullptr), WSAENOTSOCK);
    fails("WSARecv", WSARecv(closed, &one, 1, &count, &flags, nullptr, nullptr), WSAENOTSOCK);
    fails("WSASendTo", WSASendTo(closed, &one, 1, &count, 0, to.get(), to.length, nullptr, nullptr), WSAENOTSOCK);
    fails("WSARecvFrom", WSARecvFrom(closed, &one, 1, &count, &flags, nullptr, nullptr, nullptr, nullptr), WSAENOTSOCK);
    fails("send on INVALID_SOCKET", send(INVALID_SOCKET, bytes, 4, 0), WSAENOTSOCK);
    fails("recv on INVALID_SOCKET", recv(INVALID_SOCKET, bytes, 4, 0), WSAENOTSOCK);
    const Event event;
    const auto kernel_object = reinterpret_cast<SOCKET>(event.get());
    fails("send on an event", send(kernel_object, bytes, 4, 0), WSAENOTSOCK);
    fails("recv on an event", recv(kernel_object, bytes, 4, 0), WSAENOTSOCK);
    Operation operation;
    fails("overlapped WSARecv", WSARecv(closed, &one, 1, nullptr, &flags, &operation.overlapped, nullptr), WSAENOTSOCK);
    fails("overlapped WSASend", WSASend(closed, &one, 1, nullptr, 0, &operation.overlapped, nullptr), WSAENOTSOCK);
    is("no event was set for them", !operation.event.is_set());
}

// Several buffers are filled, and sent, in the order of the array.
CONFORMANCE_CASE("stream data", "several buffers") {
    const Pair pair = tcp_pair();
    WSABUF out[3] = {text_buffer("ab"), text_buffer(""), text_buffer("cdefg")};
    DWORD sent = 99;
    succeeds("WSASend of three buffers, one empty", WSASend(pair.near_end.get(), out, 3, &sent, 0, nullptr, nullptr));
    equal("counts the bytes of all", sent, 7u);
    require("data", readable(pair.far_end.get()));
    char first[3]{};
    char second[2]{};
    char third[8]{};
    WSABUF in[3] = {buffer(first), buffer(second), buffer(third)};
    DWORD received = 0;
    DWORD flags = 0;
    succeeds("WSARecv into three buffers", WSARecv(pair.far_end.get(), in, 3, &received, &flags, nullptr, nullptr));
    equal("counts the bytes of all received", received, 7u);
    equal("the first buffer is filled first", std::string(first, 3), "abc");
    equal("then the second", std::string(second, 2), "de");
    equal("the third gets the rest", std::string(third), "fg");
    equal("the lengths in the WSABUFs are the caller's", in[2].len, 8u);
    equal("no flags came back", flags, 0u);
    std::string large(200'000, 'x');
    std::vector<WSABUF> many;
    for (std::size_t at = 0; at < large.size(); at += 4000) {
        many.push_back(buffer(large.data() + at, 4000));
    }
    std::size_t arrived = 0;
    {
        const Thread receiver([&] {
            std::vector<char> room(65536);
            while (arrived < large.size()) {
                const int some = recv(pair.far_end.get(), room.data(), static_cast<int>(room.size()), 0);
                if (some <= 0) {
                    break;
                }
                arrived += static_cast<std::size_t>(some);
            }
        });
        succeeds("WSASend of fifty buffers", WSASend(pair.near_end.get(), many.data(), static_cast<DWORD>(many.size()),
                                                     &sent, 0, nullptr, nullptr));
        equal("a blocking WSASend sends all", sent, 200'000u);
    }
    equal("all of it arrives", arrived, 200'000u);
}

// send of no bytes succeeds.
CONFORMANCE_CASE("stream data", "nothing to send") {
    const Pair pair = tcp_pair();
    equal("send of no bytes returns 0", send(pair.near_end.get(), "", 0, 0), 0);
    equal("with a null pointer too", send(pair.near_end.get(), nullptr, 0, 0), 0);
    WSABUF empty{0, nullptr};
    DWORD sent = 99;
    succeeds("WSASend of an empty buffer", WSASend(pair.near_end.get(), &empty, 1, &sent, 0, nullptr, nullptr));
    equal("counts 0", sent, 0u);
    is("the peer sees nothing", !readable(pair.far_end.get(), 0));
    send_text(pair.near_end.get(), "x");
    equal("and reads what comes after", receive_text(pair.far_end.get()), "x");
}

// WSAEFAULT for memory that is not the program's, and for what must not be a null pointer.
CONFORMANCE_CASE("stream data", "bad pointers") {
    const Pair pair = tcp_pair();
    char bytes[4]{};
    WSABUF one = buffer(bytes);
    DWORD count = 0;
    DWORD flags = 0;
    auto* const nowhere = reinterpret_cast<char*>(static_cast<ULONG_PTR>(16));
    fails("send from nowhere", send(pair.near_end.get(), nowhere, 8, 0), WSAEFAULT);
    fails("send from a null pointer", send(pair.near_end.get(), nullptr, 8, 0), WSAEFAULT);
    send_text(pair.far_end.get(), "data");
    require("data", readable(pair.near_end.get()));
    fails("recv to nowhere", recv(pair.near_end.get(), nowhere, 8, 0), WSAEFAULT);
    fails("recv to a null pointer", recv(pair.near_end.get(), nullptr, 8, 0), WSAEFAULT);
    fails("WSARecv without flags", WSARecv(pair.near_end.get(), &one, 1, &count, nullptr, nullptr, nullptr), WSAEFAULT);
    fails("WSASend without a count and not overlapped",
          WSASend(pair.near_end.get(), &one, 1, nullptr, 0, nullptr, nullptr), WSAEFAULT);
    WSABUF bad{8, nowhere};
    fails("WSASend of a buffer that is nowhere", WSASend(pair.near_end.get(), &bad, 1, &count, 0, nullptr, nullptr),
          WSAEFAULT);
    equal("the data is still there", receive_text(pair.near_end.get()), "data");
    send_text(pair.far_end.get(), "more");
    require("data", readable(pair.near_end.get()));
    fails("WSARecv without a count and not overlapped",
          WSARecv(pair.near_end.get(), &one, 1, nullptr, &flags, nullptr, nullptr), WSAEFAULT,
          on_wine(succeeded, "Wine 10.0 receives without telling how much"));
}

// WSAEWOULDBLOCK for what would have to wait.
CONFORMANCE_CASE("stream data", "non-blocking") {
    const Pair pair = tcp_pair();
    set_nonblocking(pair.near_end.get());
    char bytes[4];
    fails("recv without data", recv(pair.near_end.get(), bytes, sizeof bytes, 0), WSAEWOULDBLOCK);
    WSABUF one = buffer(bytes);
    DWORD count = 0;
    DWORD flags = 0;
    fails("WSARecv without data", WSARecv(pair.near_end.get(), &one, 1, &count, &flags, nullptr, nullptr),
          WSAEWOULDBLOCK);
    const std::string block(65536, 'x');
    std::size_t sent = 0;
    int error = 0;
    while (error == 0 && sent < (std::size_t{1} << 28)) {
        const int some = send(pair.near_end.get(), block.data(), static_cast<int>(block.size()), 0);
        error = error_of(some);
        sent += some > 0 ? static_cast<std::size_t>(some) : 0;
    }
    equal("send into full buffers", error, WSAEWOULDBLOCK);
    is("only after it took some", sent > 0);
    is("the socket is not writable then", !writable(pair.near_end.get(), 0));
    std::size_t received = 0;
    std::vector<char> room(65536);
    while (received < sent) {
        const int some = recv(pair.far_end.get(), room.data(), static_cast<int>(room.size()), 0);
        require("the peer receives", some > 0);
        received += static_cast<std::size_t>(some);
    }
    equal("the peer gets exactly what send said it took", received, sent);
    is("the socket becomes writable again", writable(pair.near_end.get()));
    equal("and send works again", send(pair.near_end.get(), "x", 1, 0), 1);
}

// "SOL_SOCKET Socket Options": SO_RCVTIMEO limits blocking receives, in milliseconds.
CONFORMANCE_CASE("stream data", "SO_RCVTIMEO") {
    const Pair pair = tcp_pair();
    const DWORD limit = 50;
    succeeds("SO_RCVTIMEO", set_option(pair.near_end.get(), SOL_SOCKET, SO_RCVTIMEO, limit));
    char bytes[4];
    fails("recv gives up", recv(pair.near_end.get(), bytes, sizeof bytes, 0), WSAETIMEDOUT);
    const DWORD none = 0;
    succeeds("SO_RCVTIMEO 0", set_option(pair.near_end.get(), SOL_SOCKET, SO_RCVTIMEO, none));
    send_text(pair.far_end.get(), "late");
    equal("data comes as usual without a limit", receive_text(pair.near_end.get()), "late");
}

// "SOL_SOCKET Socket Options": SO_SNDTIMEO limits blocking sends, in milliseconds.
CONFORMANCE_CASE("stream data", "SO_SNDTIMEO") {
    const Pair pair = tcp_pair();
    const DWORD limit = 50;
    succeeds("SO_SNDTIMEO", set_option(pair.near_end.get(), SOL_SOCKET, SO_SNDTIMEO, limit));
    const std::string block(1 << 20, 'x');
    int error = 0;
    for (int turn = 0; turn < 256 && error == 0; ++turn) {
        error = error_of(send(pair.near_end.get(), block.data(), static_cast<int>(block.size()), 0));
    }
    equal("send into a peer that does not read gives up", error, WSAETIMEDOUT);
}

// recv: MSG_WAITALL does not go with MSG_PEEK or MSG_OOB: WSAEOPNOTSUPP.
CONFORMANCE_CASE("stream data", "flags that do not go together") {
    const Pair pair = tcp_pair();
    send_text(pair.far_end.get(), "data");
    require("data", readable(pair.near_end.get()));
    char bytes[4]{};
    set_nonblocking(pair.near_end.get());
    fails("MSG_WAITALL with MSG_PEEK", recv(pair.near_end.get(), bytes, sizeof bytes, MSG_WAITALL | MSG_PEEK),
          WSAEOPNOTSUPP, on_wine(succeeded, "Wine 10.0 passes all flags on to Linux"));
    fails("MSG_WAITALL with MSG_OOB", recv(pair.near_end.get(), bytes, sizeof bytes, MSG_WAITALL | MSG_OOB),
          WSAEOPNOTSUPP, on_wine(WSAEWOULDBLOCK, "Wine 10.0 passes all flags on to Linux"));
    equal("the data is still there", receive_text(pair.near_end.get()), "data");
    equal("MSG_DONTROUTE is accepted", send(pair.near_end.get(), "near", 4, MSG_DONTROUTE), 4);
    equal("and the data goes", receive_text(pair.far_end.get()), "near");
}

// sendto and recvfrom on a connection are send and recv: the address counts for nothing.
CONFORMANCE_CASE("stream data", "sendto and recvfrom on a connection") {
    const Pair pair = tcp_pair();
    const Address elsewhere = loopback(AF_INET, 9);
    equal("sendto ignores the address", sendto(pair.near_end.get(), "over", 4, 0, elsewhere.get(), elsewhere.length),
          4);
    equal("the data goes to the peer", receive_text(pair.far_end.get()), "over");
    equal("sendto without an address", sendto(pair.near_end.get(), "none", 4, 0, nullptr, 0), 4);
    require("data", readable(pair.far_end.get()));
    char bytes[16]{};
    equal("recvfrom without an address", recvfrom(pair.far_end.get(), bytes, sizeof bytes, 0, nullptr, nullptr), 4);
    equal("gets the data", std::string(bytes, 4), "none");
    WSABUF one = text_buffer("WSA");
    DWORD count = 0;
    succeeds("WSASendTo ignores the address",
             WSASendTo(pair.near_end.get(), &one, 1, &count, 0, elsewhere.get(), elsewhere.length, nullptr, nullptr));
    equal("and counts", count, 3u);
    equal("its data goes to the peer", receive_text(pair.far_end.get()), "WSA");
}

// WSAECONNRESET where the peer has reset the connection.
CONFORMANCE_CASE("stream data", "reset by the peer") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        Pair pair = tcp_pair(family);
        reset_connection(pair.far_end);
        char bytes[4]{};
        require("told of", readable(pair.near_end.get()));
        fails(name + "recv", recv(pair.near_end.get(), bytes, sizeof bytes, 0), WSAECONNRESET);
    }
    Pair pending = tcp_pair();
    Receive receive;
    require("a receive", started(receive.start(pending.near_end.get())));
    reset_connection(pending.far_end);
    equal("an overlapped receive that waited", receive.finish(pending.near_end.get()), WSAECONNRESET);
    Pair third = tcp_pair();
    reset_connection(third.far_end);
    require("told of", readable(third.near_end.get()));
    const int error = error_of(send(third.near_end.get(), "x", 1, 0));
    is("send says WSAECONNRESET or WSAECONNABORTED", error == WSAECONNRESET || error == WSAECONNABORTED);
}
