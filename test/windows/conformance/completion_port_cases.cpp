// Overlapped operations told of by a completion port. Pages: "CreateIoCompletionPort function", "I/O Completion Ports",
// "GetQueuedCompletionStatus function (ioapiset.h)", "SetFileCompletionNotificationModes function (winbase.h)".
#include "overlapped.hpp"

using namespace conformance;

namespace {

struct Packet {
    bool dequeued = false; // GetQueuedCompletionStatus gave an overlapped structure
    int error = 0;
    DWORD bytes = 0;
    ULONG_PTR key = 0;
    OVERLAPPED* overlapped = nullptr;
};

class Port {
public:
    Port() : port_(CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 0)) {
        require("a completion port", static_cast<bool>(port_));
    }
    HANDLE get() const { return port_.get(); }
    bool add(SOCKET socket, ULONG_PTR key) const {
        return CreateIoCompletionPort(handle_of(socket), port_.get(), key, 0) == port_.get();
    }
    Packet take(DWORD milliseconds = patience) const {
        Packet packet;
        packet.bytes = 99;
        const BOOL result =
            GetQueuedCompletionStatus(port_.get(), &packet.bytes, &packet.key, &packet.overlapped, milliseconds);
        packet.error = result ? 0 : static_cast<int>(GetLastError());
        packet.dequeued = packet.overlapped != nullptr;
        return packet;
    }

private:
    Handle port_;
};

struct PortReceive : Receive {
    PortReceive() { overlapped.hEvent = nullptr; }
};

} // namespace

CONFORMANCE_CASE("completion port", "a receive that waits") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        const Port port;
        const Pair pair = tcp_pair(family);
        is(name + "a socket can be added", port.add(pair.near_end.get(), 4711));
        PortReceive receive;
        fails(name + "WSARecv", receive.start(pair.near_end.get()), WSA_IO_PENDING);
        equal(name + "no packet before its end", port.take(0).error, static_cast<int>(WAIT_TIMEOUT));
        send_text(pair.far_end.get(), "packet");
        const Packet packet = port.take();
        is(name + "a packet at its end", packet.dequeued);
        equal(name + "without an error", packet.error, 0);
        equal(name + "with the bytes", packet.bytes, 6u);
        equal(name + "the socket's key", packet.key, ULONG_PTR{4711});
        is(name + "and the overlapped structure", packet.overlapped == &receive.overlapped);
        equal(name + "the data is there", receive.text(6), "packet");
        DWORD count = 0;
        DWORD flags = 0;
        succeeds_bool(name + "WSAGetOverlappedResult",
                      WSAGetOverlappedResult(pair.near_end.get(), &receive.overlapped, &count, FALSE, &flags));
        equal(name + "says the same", count, 6u);
    }
}

// An operation that ends at once is told of by a packet like any other.
CONFORMANCE_CASE("completion port", "what ends at once is told of too") {
    const Port port;
    const Pair pair = tcp_pair();
    require("added", port.add(pair.near_end.get(), 1));
    send_text(pair.far_end.get(), "here");
    require("data", readable(pair.near_end.get()));
    PortReceive receive;
    succeeds("WSARecv ends at once", receive.start(pair.near_end.get()));
    Packet packet = port.take();
    is("a packet comes all the same", packet.overlapped == &receive.overlapped);
    equal("with the bytes", packet.bytes, 4u);
    WSAOVERLAPPED sent{};
    WSABUF one = text_buffer("sent!");
    DWORD count = 0;
    require("a send", started(WSASend(pair.near_end.get(), &one, 1, &count, 0, &sent, nullptr)));
    packet = port.take();
    is("a send's packet", packet.overlapped == &sent);
    equal("with its bytes", packet.bytes, 5u);
    equal("only one each", port.take(0).error, static_cast<int>(WAIT_TIMEOUT));
    equal("a call that is not overlapped works", send(pair.near_end.get(), "x", 1, 0), 1);
    equal("and gives no packet", port.take(0).error, static_cast<int>(WAIT_TIMEOUT));
    char bytes[4];
    WSABUF in = buffer(bytes);
    DWORD flags = 0;
    send_text(pair.far_end.get(), "y");
    require("data", readable(pair.near_end.get()));
    succeeds("WSARecv without an overlapped structure",
             WSARecv(pair.near_end.get(), &in, 1, &count, &flags, nullptr, nullptr));
    equal("gives none either", port.take(0).error, static_cast<int>(WAIT_TIMEOUT));
    fails("a call that fails at once", WSARecv(pair.near_end.get(), &in, 1, nullptr, nullptr, &sent, nullptr),
          WSAEFAULT);
    equal("gives none", port.take(0).error, static_cast<int>(WAIT_TIMEOUT));
}

// FILE_SKIP_COMPLETION_PORT_ON_SUCCESS: no packet for what succeeds at once.
CONFORMANCE_CASE("completion port", "FILE_SKIP_COMPLETION_PORT_ON_SUCCESS") {
    const Port port;
    const Pair pair = tcp_pair();
    require("added", port.add(pair.near_end.get(), 2));
    succeeds_bool(
        "SetFileCompletionNotificationModes",
        SetFileCompletionNotificationModes(handle_of(pair.near_end.get()), FILE_SKIP_COMPLETION_PORT_ON_SUCCESS));
    send_text(pair.far_end.get(), "first");
    require("data", readable(pair.near_end.get()));
    PortReceive receive;
    WSABUF one = buffer(receive.bytes);
    DWORD count = 0;
    succeeds("WSARecv ends at once",
             WSARecv(pair.near_end.get(), &one, 1, &count, &receive.flags, &receive.overlapped, nullptr));
    equal("with its count", count, 5u);
    equal("no packet comes", port.take(0).error, static_cast<int>(WAIT_TIMEOUT));
    fails("a receive that waits", receive.start(pair.near_end.get()), WSA_IO_PENDING);
    send_text(pair.far_end.get(), "second");
    const Packet packet = port.take();
    is("is told of", packet.overlapped == &receive.overlapped);
    equal("with its bytes", packet.bytes, 6u);
}

// GetQueuedCompletionStatus: the low bit of the event handle keeps the packet back.
CONFORMANCE_CASE("completion port", "the low bit of hEvent") {
    const Port port;
    const Pair pair = tcp_pair();
    require("added", port.add(pair.near_end.get(), 3));
    Receive receive;
    receive.overlapped.hEvent = reinterpret_cast<HANDLE>(reinterpret_cast<ULONG_PTR>(receive.event.get()) | 1);
    fails("a receive waits", receive.start(pair.near_end.get()), WSA_IO_PENDING);
    send_text(pair.far_end.get(), "quiet");
    is("its end sets the event", receive.event.wait());
    equal("no packet comes", port.take(0).error, static_cast<int>(WAIT_TIMEOUT));
    DWORD count = 0;
    DWORD flags = 0;
    succeeds_bool("WSAGetOverlappedResult",
                  WSAGetOverlappedResult(pair.near_end.get(), &receive.overlapped, &count, FALSE, &flags));
    equal("tells the bytes", count, 5u);
    Receive loud;
    fails("with a plain event", loud.start(pair.near_end.get()), WSA_IO_PENDING);
    send_text(pair.far_end.get(), "loud");
    is("a packet comes", port.take().overlapped == &loud.overlapped);
    is("and the event is set", loud.event.wait());
}

CONFORMANCE_CASE("completion port", "the end of a stream and errors") {
    const Port port;
    Pair pair = tcp_pair();
    require("added", port.add(pair.near_end.get(), 5));
    PortReceive at_end;
    require("a receive", started(at_end.start(pair.near_end.get())));
    require("SD_SEND", shutdown(pair.far_end.get(), SD_SEND) == 0);
    Packet packet = port.take();
    is("the end of the stream is told of", packet.overlapped == &at_end.overlapped);
    equal("is no error", packet.error, 0);
    equal("and has no bytes", packet.bytes, 0u);

    Pair broken = tcp_pair();
    require("added", port.add(broken.near_end.get(), 6));
    PortReceive aborted;
    require("a receive", started(aborted.start(broken.near_end.get())));
    reset_connection(broken.far_end);
    packet = port.take();
    is("a reset is told of", packet.overlapped == &aborted.overlapped);
    equal("as ERROR_NETNAME_DELETED", packet.error, ERROR_NETNAME_DELETED);
    equal("with the key of its socket", packet.key, ULONG_PTR{6});
    DWORD count = 0;
    DWORD flags = 0;
    fails_bool("which WSAGetOverlappedResult calls WSAECONNRESET",
               WSAGetOverlappedResult(broken.near_end.get(), &aborted.overlapped, &count, FALSE, &flags),
               WSAECONNRESET);

    Pair dropped = tcp_pair();
    require("added", port.add(dropped.near_end.get(), 7));
    PortReceive lost;
    require("a receive", started(lost.start(dropped.near_end.get())));
    dropped.near_end.close();
    packet = port.take();
    is("closesocket is told of", packet.overlapped == &lost.overlapped);
    is("as an operation that did not succeed", packet.error != 0);
    equal("with no bytes", packet.bytes, 0u);
    equal("with its key", packet.key, ULONG_PTR{7});
}

CONFORMANCE_CASE("completion port", "several sockets and operations") {
    const Port port;
    const Pair first = tcp_pair();
    const Pair second = udp_pair();
    require("added", port.add(first.near_end.get(), 10) && port.add(second.near_end.get(), 20));
    PortReceive stream;
    PortReceive datagram;
    require("receives", started(stream.start(first.near_end.get())) && started(datagram.start(second.near_end.get())));
    send_text(second.far_end.get(), "gram");
    Packet packet = port.take();
    equal("the datagram socket's key", packet.key, ULONG_PTR{20});
    is("and its structure", packet.overlapped == &datagram.overlapped);
    send_text(first.far_end.get(), "stream");
    packet = port.take();
    equal("the stream socket's key", packet.key, ULONG_PTR{10});
    is("and its own structure", packet.overlapped == &stream.overlapped);
    PortReceive again[2];
    require("a receive of the stream", started(again[0].start(first.near_end.get())));
    require("a receive of datagrams", started(again[1].start(second.near_end.get())));
    send_text(first.far_end.get(), "1");
    send_text(second.far_end.get(), "2");
    OVERLAPPED_ENTRY entries[4]{};
    ULONG got = 0;
    ULONG_PTR keys = 0;
    while (keys != 30) {
        require("packets", GetQueuedCompletionStatusEx(port.get(), entries, 4, &got, patience, FALSE) != FALSE);
        for (ULONG at = 0; at < got; ++at) {
            keys += entries[at].lpCompletionKey;
            equal("bytes of the packet with key " + std::to_string(entries[at].lpCompletionKey),
                  entries[at].dwNumberOfBytesTransferred, 1u);
        }
    }
    equal("GetQueuedCompletionStatusEx gives both", keys, ULONG_PTR{30});
}

// One port for a handle, once and for all: ERROR_INVALID_PARAMETER otherwise.
CONFORMANCE_CASE("completion port", "adding sockets") {
    const Port port;
    const Port other;
    const Socket socket = tcp();
    is("an unconnected socket", port.add(socket.get(), 1));
    is("a second time", !port.add(socket.get(), 2));
    equal("is ERROR_INVALID_PARAMETER", GetLastError(), static_cast<DWORD>(ERROR_INVALID_PARAMETER));
    is("to another port", !other.add(socket.get(), 2));
    equal("is ERROR_INVALID_PARAMETER too", GetLastError(), static_cast<DWORD>(ERROR_INVALID_PARAMETER));
    is("a closed socket", !port.add(closed_socket(), 1));
    equal("is ERROR_INVALID_HANDLE", GetLastError(), static_cast<DWORD>(ERROR_INVALID_HANDLE));
    const Pair pair = tcp_pair();
    const Socket listener = listening();
    is("a listening socket", port.add(listener.get(), 9));
    const Socket client = connected_to(listener.get());
    const Socket accepted(accept(listener.get(), nullptr, nullptr));
    is("does not take its accepted sockets with it: they can be added elsewhere", other.add(accepted.get(), 9));
}

// Page "Socket Handles": a socket can be used like a file handle.
CONFORMANCE_CASE("completion port", "ReadFile and WriteFile") {
    const Port port;
    const Pair pair = tcp_pair();
    require("added", port.add(pair.near_end.get(), 30));
    equal("GetFileType", GetFileType(handle_of(pair.near_end.get())), static_cast<DWORD>(FILE_TYPE_PIPE));
    char bytes[16]{};
    OVERLAPPED read{};
    is("ReadFile waits", !ReadFile(handle_of(pair.near_end.get()), bytes, sizeof bytes, nullptr, &read));
    equal("ERROR_IO_PENDING", GetLastError(), static_cast<DWORD>(ERROR_IO_PENDING));
    send_text(pair.far_end.get(), "as a file");
    Packet packet = port.take();
    is("its packet", packet.overlapped == &read);
    equal("its bytes", packet.bytes, 9u);
    equal("its data", std::string(bytes, 9), "as a file");
    OVERLAPPED write{};
    require("WriteFile", started_bool(WriteFile(handle_of(pair.near_end.get()), "written", 7, nullptr, &write)));
    packet = port.take();
    is("WriteFile's packet", packet.overlapped == &write);
    equal("WriteFile's bytes", packet.bytes, 7u);
    equal("the peer gets the data", receive_text(pair.far_end.get()), "written");
    DWORD count = 0;
    succeeds_bool("GetOverlappedResult", GetOverlappedResult(handle_of(pair.near_end.get()), &write, &count, FALSE));
    equal("tells its bytes", count, 7u);
    const Event event;
    OVERLAPPED by_event{};
    by_event.hEvent = reinterpret_cast<HANDLE>(reinterpret_cast<ULONG_PTR>(event.get()) | 1);
    send_text(pair.far_end.get(), "event");
    require("ReadFile",
            started_bool(ReadFile(handle_of(pair.near_end.get()), bytes, sizeof bytes, nullptr, &by_event)));
    is("ReadFile by event", event.wait());
    equal("its count", by_event.InternalHigh, ULONG_PTR{5});
}
