// Overlapped operations told of by events. Pages: "WSARecv function (winsock2.h)", "WSASend function (winsock2.h)",
// "WSAGetOverlappedResult function (winsock2.h)", "WSAOVERLAPPED structure (winsock2.h)", "WSASocketW function".
#include "overlapped.hpp"

using namespace conformance;

CONFORMANCE_CASE("overlapped", "a receive that waits") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        const Pair pair = tcp_pair(family);
        Receive receive;
        fails(name + "WSA_IO_PENDING", receive.start(pair.near_end.get()), WSA_IO_PENDING);
        is(name + "the event is not set", !receive.event.is_set());
        DWORD count = 0;
        DWORD flags = 0;
        fails_bool(name + "its result: WSA_IO_INCOMPLETE",
                   WSAGetOverlappedResult(pair.near_end.get(), &receive.overlapped, &count, FALSE, &flags),
                   WSA_IO_INCOMPLETE);
        send_text(pair.far_end.get(), "arrived");
        is(name + "data sets the event", receive.event.wait());
        succeeds_bool(name + "WSAGetOverlappedResult",
                      WSAGetOverlappedResult(pair.near_end.get(), &receive.overlapped, &count, FALSE, &flags));
        equal(name + "tells the bytes", count, 7u);
        equal(name + "and no flags", flags, 0u);
        equal(name + "they are in the buffer", receive.text(count), "arrived");
        equal(name + "InternalHigh holds the bytes", receive.overlapped.InternalHigh, ULONG_PTR{7});
        is(name + "HasOverlappedIoCompleted", HasOverlappedIoCompleted(&receive.overlapped));
    }
}

// WSARecv that succeeds at once tells the bytes, and its completion is told of all the same.
CONFORMANCE_CASE("overlapped", "a receive of what is there") {
    const Pair pair = tcp_pair();
    send_text(pair.far_end.get(), "ready");
    require("data", readable(pair.near_end.get()));
    Receive receive;
    WSABUF one = buffer(receive.bytes);
    DWORD count = 0;
    succeeds("WSARecv succeeds at once",
             WSARecv(pair.near_end.get(), &one, 1, &count, &receive.flags, &receive.overlapped, nullptr));
    equal("and tells the bytes", count, 5u);
    is("the event is set", receive.event.wait());
    equal("the result can be asked for", receive.finish(pair.near_end.get(), count), 0);
    equal("again the bytes", count, 5u);
    equal("which are there", receive.text(5), "ready");
    fails("the next waits", receive.start(pair.near_end.get()), WSA_IO_PENDING);
    is("starting it reset the event", !receive.event.is_set());
    send_text(pair.far_end.get(), "x");
    is("which is set again at its end", receive.event.wait());
}

CONFORMANCE_CASE("overlapped", "sends") {
    const Pair pair = tcp_pair();
    Operation operation;
    WSABUF parts[2] = {text_buffer("over"), text_buffer("lapped")};
    DWORD count = 0;
    require("a send", started(WSASend(pair.near_end.get(), parts, 2, &count, 0, &operation.overlapped, nullptr)));
    DWORD flags = 99;
    equal("ends", operation.finish(pair.near_end.get(), count, flags), 0);
    equal("with all bytes", count, 10u);
    equal("and no flags", flags, 0u);
    equal("which arrive", receive_text(pair.far_end.get()), "overlapped");
    std::string large(4 << 20, 'x');
    WSABUF whole = buffer(large.data(), large.size());
    Operation big;
    fails("a send larger than all buffers waits for the peer",
          WSASend(pair.near_end.get(), &whole, 1, nullptr, 0, &big.overlapped, nullptr), WSA_IO_PENDING);
    is("its event is not set", !big.event.is_set());
    std::size_t received = 0;
    std::string room(65'536, '\0');
    while (received < large.size()) {
        require("data", readable(pair.far_end.get()));
        const int some = recv(pair.far_end.get(), room.data(), static_cast<int>(room.size()), 0);
        require("recv", some > 0);
        received += static_cast<std::size_t>(some);
    }
    equal("it ends when the peer has read", big.finish(pair.near_end.get(), count), 0);
    equal("with all its bytes", count, 4u << 20);
    equal("which the peer got", received, std::size_t{4} << 20);
}

// Receives get the data in the order in which they were begun.
CONFORMANCE_CASE("overlapped", "several at once") {
    const Pair pair = tcp_pair();
    Receive first;
    Receive second;
    Receive third;
    fails("a first receive waits", first.start(pair.near_end.get()), WSA_IO_PENDING);
    fails("a second too", second.start(pair.near_end.get()), WSA_IO_PENDING);
    fails("a third too", third.start(pair.near_end.get()), WSA_IO_PENDING);
    DWORD count = 0;
    send_text(pair.far_end.get(), "one");
    equal("the first gets the first data", first.finish(pair.near_end.get(), count), 0);
    equal("just that", first.text(count), "one");
    is("the second waits on", !second.event.is_set());
    send_text(pair.far_end.get(), "two");
    equal("the second gets the next", second.finish(pair.near_end.get(), count), 0);
    equal("just that too", second.text(count), "two");
    is("the third waits on", !third.event.is_set());
    Operation sent;
    WSABUF one = text_buffer("back");
    require("a send", started(WSASend(pair.near_end.get(), &one, 1, nullptr, 0, &sent.overlapped, nullptr)));
    equal("a send ends while a receive waits", sent.finish(pair.near_end.get()), 0);
    equal("and arrives", receive_text(pair.far_end.get()), "back");
    require("SD_SEND", shutdown(pair.far_end.get(), SD_SEND) == 0);
    equal("the end of the stream ends the third", third.finish(pair.near_end.get(), count), 0);
    equal("with nothing", count, 0u);
}

// A receive into no room waits for data and leaves it there.
CONFORMANCE_CASE("overlapped", "a receive of no bytes") {
    const Pair pair = tcp_pair();
    Operation operation;
    WSABUF nothing{0, nullptr};
    DWORD flags = 0;
    fails("waits", WSARecv(pair.near_end.get(), &nothing, 1, nullptr, &flags, &operation.overlapped, nullptr),
          WSA_IO_PENDING);
    send_text(pair.far_end.get(), "kept");
    DWORD count = 99;
    equal("ends with data", operation.finish(pair.near_end.get(), count), 0);
    equal("takes none", count, 0u);
    equal("it is still there", receive_text(pair.near_end.get()), "kept");
}

CONFORMANCE_CASE("overlapped", "MSG_PEEK") {
    const Pair pair = tcp_pair();
    Receive look;
    fails("waits for data", look.start(pair.near_end.get(), MSG_PEEK), WSA_IO_PENDING);
    send_text(pair.far_end.get(), "seen");
    DWORD count = 0;
    equal("ends with it", look.finish(pair.near_end.get(), count), 0);
    equal("copies it", look.text(count), "seen");
    equal("and leaves it", receive_text(pair.near_end.get()), "seen");
}

// With fWait the call returns when the operation has ended.
CONFORMANCE_CASE("overlapped", "WSAGetOverlappedResult that waits") {
    const Pair pair = tcp_pair();
    Receive receive;
    fails("a receive", receive.start(pair.near_end.get()), WSA_IO_PENDING);
    DWORD count = 0;
    DWORD flags = 0;
    {
        const Thread sender([&] { send_text(pair.far_end.get(), "waited"); });
        succeeds_bool("returns when it has ended",
                      WSAGetOverlappedResult(pair.near_end.get(), &receive.overlapped, &count, TRUE, &flags));
    }
    equal("with the bytes", count, 6u);
    equal("which are there", receive.text(count), "waited");
    succeeds_bool("it can be asked again",
                  WSAGetOverlappedResult(pair.near_end.get(), &receive.overlapped, &count, TRUE, &flags));
    equal("with the same answer", count, 6u);
}

// WSA_INVALID_PARAMETER for what is no overlapped structure; WSAEFAULT was the answer of Windows Server 2003.
CONFORMANCE_CASE("overlapped", "errors of WSAGetOverlappedResult") {
    const Pair pair = tcp_pair();
    Receive receive;
    fails("a receive", receive.start(pair.near_end.get()), WSA_IO_PENDING);
    send_text(pair.far_end.get(), "done");
    require("the end", receive.event.wait());
    DWORD count = 0;
    DWORD flags = 0;
    const SOCKET one = pair.near_end.get();
    fails_bool("no overlapped", WSAGetOverlappedResult(one, nullptr, &count, FALSE, &flags), WSA_INVALID_PARAMETER);
    fails_bool("a closed socket", WSAGetOverlappedResult(closed_socket(), &receive.overlapped, &count, FALSE, &flags),
               WSAENOTSOCK);
    succeeds_bool("after all that the result is still there",
                  WSAGetOverlappedResult(one, &receive.overlapped, &count, FALSE, &flags));
    equal("with its bytes", count, 4u);
}

// WSASend and WSARecv: on a socket that is not overlapped the last two parameters count for nothing.
CONFORMANCE_CASE("overlapped", "a socket that is not overlapped") {
    const Socket listener = listening();
    const Address address = name_of(listener.get());
    const Socket plain(WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, nullptr, 0, 0));
    is("WSASocketW without WSA_FLAG_OVERLAPPED", static_cast<bool>(plain));
    succeeds("connects", connect(plain.get(), address.get(), address.length));
    const Socket peer(accept(listener.get(), nullptr, nullptr));
    equal("sends", send(plain.get(), "plain", 5, 0), 5);
    equal("to its peer", receive_text(peer.get()), "plain");
    send_text(peer.get(), "answer");
    equal("and receives", receive_text(plain.get()), "answer");
    Operation operation;
    WSABUF one = text_buffer("sync");
    DWORD count = 0;
    succeeds("WSASend with an overlapped structure ends at once",
             WSASend(plain.get(), &one, 1, &count, 0, &operation.overlapped, nullptr));
    equal("with its count", count, 4u);
    equal("the data arrives", receive_text(peer.get()), "sync");
    send_text(peer.get(), "again");
    require("data", readable(plain.get()));
    char bytes[8]{};
    WSABUF in = buffer(bytes);
    DWORD flags = 0;
    Operation other;
    succeeds("WSARecv with an overlapped structure ends at once",
             WSARecv(plain.get(), &in, 1, &count, &flags, &other.overlapped, nullptr));
    equal("with its own count", count, 5u);
    equal("and the data", std::string(bytes), "again");
}

// Blocking and overlapped calls go together on one socket, whatever FIONBIO says.
CONFORMANCE_CASE("overlapped", "on a non-blocking socket") {
    const Pair pair = tcp_pair();
    set_nonblocking(pair.near_end.get());
    Receive receive;
    fails("an overlapped receive waits all the same", receive.start(pair.near_end.get()), WSA_IO_PENDING);
    send_text(pair.far_end.get(), "later");
    DWORD count = 0;
    equal("and ends with data", receive.finish(pair.near_end.get(), count), 0);
    equal("its data", receive.text(count), "later");
    char bytes[4];
    fails("a plain receive does not wait", recv(pair.near_end.get(), bytes, sizeof bytes, 0), WSAEWOULDBLOCK);
}

// A socket handle is signalled when an operation without an event ends.
CONFORMANCE_CASE("overlapped", "without an event") {
    const Pair pair = tcp_pair();
    Receive receive;
    receive.overlapped.hEvent = nullptr;
    fails("a receive waits", receive.start(pair.near_end.get()), WSA_IO_PENDING);
    send_text(pair.far_end.get(), "silent");
    DWORD count = 0;
    DWORD flags = 0;
    is("its end shows in the structure", eventually([&] {
           return WSAGetOverlappedResult(pair.near_end.get(), &receive.overlapped, &count, FALSE, &flags) != FALSE;
       }));
    equal("with the bytes", count, 6u);
    equal("which are there", receive.text(count), "silent");
}

// The buffers' descriptions may go as soon as the call has returned.
CONFORMANCE_CASE("overlapped", "the array of buffers may go") {
    const Pair pair = tcp_pair();
    char first[2]{};
    char second[16]{};
    Operation operation;
    DWORD flags = 0;
    {
        WSABUF parts[2] = {buffer(first), buffer(second)};
        fails("a receive into two buffers waits",
              WSARecv(pair.near_end.get(), parts, 2, nullptr, &flags, &operation.overlapped, nullptr), WSA_IO_PENDING);
        parts[0] = parts[1] = WSABUF{0, nullptr};
    }
    send_text(pair.far_end.get(), "abcdef");
    DWORD count = 0;
    equal("it ends", operation.finish(pair.near_end.get(), count), 0);
    equal("with all bytes", count, 6u);
    equal("in the first buffer", std::string(first, 2), "ab");
    equal("and the second", std::string(second), "cdef");
}
