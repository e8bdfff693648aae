// Operations that are taken back, and sockets that close below them: the operations end with WSA_OPERATION_ABORTED, and
// are told of as was asked for. Pages: "CancelIo function", "CancelIoEx function", "closesocket function (winsock2.h)".
#include "overlapped.hpp"

using namespace conformance;

CONFORMANCE_CASE("cancel", "CancelIo") {
    const Pair pair = tcp_pair();
    Receive first;
    Receive second;
    require("receives", started(first.start(pair.near_end.get())) && started(second.start(pair.near_end.get())));
    succeeds_bool("CancelIo", CancelIo(handle_of(pair.near_end.get())));
    is("the first ends", first.event.wait());
    is("the second ends", second.event.wait());
    DWORD count = 99;
    DWORD flags = 0;
    fails_bool("the result of the first",
               WSAGetOverlappedResult(pair.near_end.get(), &first.overlapped, &count, FALSE, &flags),
               WSA_OPERATION_ABORTED);
    fails_bool("the result of the second",
               WSAGetOverlappedResult(pair.near_end.get(), &second.overlapped, &count, FALSE, &flags),
               WSA_OPERATION_ABORTED);
    succeeds_bool("CancelIo with nothing to cancel", CancelIo(handle_of(pair.near_end.get())));
    send_text(pair.far_end.get(), "after");
    equal("what comes later is not lost", receive_text(pair.near_end.get()), "after");
}

// CancelIo takes back only what the calling thread began.
CONFORMANCE_CASE("cancel", "CancelIo is for the calling thread alone") {
    const Pair pair = tcp_pair();
    Receive mine;
    require("a receive", started(mine.start(pair.near_end.get())));
    BOOL cancelled = FALSE;
    {
        const Thread other([&] { cancelled = CancelIo(handle_of(pair.near_end.get())); });
    }
    is("CancelIo in another thread succeeds", cancelled != FALSE);
    is("the operation goes on", !mine.event.is_set());
    send_text(pair.far_end.get(), "alive");
    DWORD count = 0;
    equal("and ends with its data", mine.finish(pair.near_end.get(), count), 0);
    equal("all of it", count, 5u);
}

// CancelIoEx: one operation, or all of the handle, of any thread; ERROR_NOT_FOUND where there is nothing to cancel.
CONFORMANCE_CASE("cancel", "CancelIoEx") {
    const Pair pair = tcp_pair();
    const HANDLE handle = handle_of(pair.near_end.get());
    Receive first;
    Receive second;
    require("receives", started(first.start(pair.near_end.get())) && started(second.start(pair.near_end.get())));
    succeeds_bool("one of two", CancelIoEx(handle, &first.overlapped));
    equal("ends with WSA_OPERATION_ABORTED", first.finish(pair.near_end.get()),
          static_cast<int>(WSA_OPERATION_ABORTED));
    is("the other goes on", !second.event.is_set());
    fails_bool("the same again: ERROR_NOT_FOUND", CancelIoEx(handle, &first.overlapped), ERROR_NOT_FOUND);
    send_text(pair.far_end.get(), "second");
    DWORD count = 0;
    equal("the other gets the data", second.finish(pair.near_end.get(), count), 0);
    equal("as usual", second.text(count), "second");
    fails_bool("one that has ended: ERROR_NOT_FOUND", CancelIoEx(handle, &second.overlapped), ERROR_NOT_FOUND);
    Receive third;
    Receive fourth;
    require("receives", started(third.start(pair.near_end.get())) && started(fourth.start(pair.near_end.get())));
    BOOL all = FALSE;
    {
        const Thread other([&] { all = CancelIoEx(handle, nullptr); });
    }
    is("all of the handle, from another thread", all != FALSE);
    equal("the third", third.finish(pair.near_end.get()), static_cast<int>(WSA_OPERATION_ABORTED));
    equal("the fourth", fourth.finish(pair.near_end.get()), static_cast<int>(WSA_OPERATION_ABORTED));
    fails_bool("nothing is left: ERROR_NOT_FOUND", CancelIoEx(handle, nullptr), ERROR_NOT_FOUND);
    fails_bool("a closed socket: ERROR_INVALID_HANDLE", CancelIoEx(handle_of(closed_socket()), nullptr),
               ERROR_INVALID_HANDLE);
}

CONFORMANCE_CASE("cancel", "datagrams and accepts") {
    const Socket datagram = bound_udp();
    Receive receive;
    require("a receive", started(receive.start(datagram.get())));
    succeeds_bool("a datagram receive", CancelIoEx(handle_of(datagram.get()), &receive.overlapped));
    equal("ends with WSA_OPERATION_ABORTED", receive.finish(datagram.get()), static_cast<int>(WSA_OPERATION_ABORTED));
    const Socket sender = bound_udp();
    const Address to = name_of(datagram.get());
    require("a datagram", sendto(sender.get(), "next", 4, 0, to.get(), to.length) == 4);
    equal("the socket receives as before", receive_text(datagram.get()), "next");
    const Socket listener = listening();
    const Socket accepting = tcp();
    const auto accept_ex = extension<LPFN_ACCEPTEX>(listener.get(), WSAID_ACCEPTEX);
    char room[2 * (sizeof(sockaddr_in) + 16)];
    DWORD count = 0;
    Operation operation;
    require("AcceptEx", started_bool(accept_ex(listener.get(), accepting.get(), room, 0, sizeof(sockaddr_in) + 16,
                                               sizeof(sockaddr_in) + 16, &count, &operation.overlapped)));
    succeeds_bool("an AcceptEx", CancelIoEx(handle_of(listener.get()), &operation.overlapped));
    equal("ends with WSA_OPERATION_ABORTED too", operation.finish(listener.get()),
          static_cast<int>(WSA_OPERATION_ABORTED));
    const Socket client = connected_to(listener.get());
    const Socket accepted(accept(listener.get(), nullptr, nullptr));
    is("the listener accepts as before", static_cast<bool>(accepted));
}

// The end of an operation is told in the structure: Internal holds its status.
CONFORMANCE_CASE("cancel", "closesocket with operations") {
    constexpr ULONG_PTR pending_status = 0x103; // STATUS_PENDING
    Pair pair = tcp_pair();
    Receive first;
    Receive second;
    require("receives", started(first.start(pair.near_end.get())) && started(second.start(pair.near_end.get())));
    succeeds("closesocket", closesocket(pair.near_end.release()));
    is("sets the event of the first", first.event.wait());
    is("and of the second", second.event.wait());
    is("the first has ended", first.overlapped.Internal != pending_status);
    is("and did not succeed", first.overlapped.Internal != 0);
    is("the second neither", second.overlapped.Internal != pending_status && second.overlapped.Internal != 0);
    equal("no bytes in the first", first.overlapped.InternalHigh, ULONG_PTR{0});
    equal("none in the second", second.overlapped.InternalHigh, ULONG_PTR{0});
    Socket datagram = bound_udp();
    Receive third;
    require("a receive", started(third.start(datagram.get())));
    succeeds("closesocket of a datagram socket", closesocket(datagram.release()));
    is("ends its receive", third.event.wait());
    is("without success", third.overlapped.Internal != 0);
    Pair sending = tcp_pair();
    std::string large(8 << 20, 'x');
    WSABUF whole = buffer(large.data(), large.size());
    Operation send_operation;
    fails("a send that waits",
          WSASend(sending.near_end.get(), &whole, 1, nullptr, 0, &send_operation.overlapped, nullptr), WSA_IO_PENDING);
    succeeds("closesocket below a send", closesocket(sending.near_end.release()));
    const bool ended = WaitForSingleObject(send_operation.event.get(), 250) == WAIT_OBJECT_0;
    is("ends it", ended, on_wine(false, "Wine 10.0 goes on with a send that has begun"));
    sending.far_end.close();
    require("its end", send_operation.event.wait());
}

// The peer of a socket that is closed with operations under way sees its end.
CONFORMANCE_CASE("cancel", "the peer of a socket closed with operations") {
    Pair pair = tcp_pair();
    Receive receive;
    require("a receive", started(receive.start(pair.near_end.get())));
    send_text(pair.near_end.get(), "goodbye");
    pair.near_end.close();
    require("the end of the receive", receive.event.wait());
    equal("gets what was sent", receive_text(pair.far_end.get()), "goodbye");
    equal("and the end", receive_text(pair.far_end.get()), "");
}

// An operation of a socket in a completion port does not end with the thread that began it ("CreateIoCompletionPort
// function" and "I/O Completion Ports").
CONFORMANCE_CASE("cancel", "operations of a socket in a port outlive their thread") {
    const Pair pair = tcp_pair();
    const Handle port(CreateIoCompletionPort(handle_of(pair.near_end.get()), nullptr, 8, 0));
    require("a port", static_cast<bool>(port));
    Receive receive;
    receive.overlapped.hEvent = nullptr;
    bool begun = false;
    {
        const Thread short_lived([&] { begun = started(receive.start(pair.near_end.get())); });
    }
    is("a thread starts a receive and ends", begun);
    send_text(pair.far_end.get(), "outlives");
    DWORD bytes = 0;
    ULONG_PTR key = 0;
    OVERLAPPED* overlapped = nullptr;
    is("its packet comes", GetQueuedCompletionStatus(port.get(), &bytes, &key, &overlapped, patience) != FALSE);
    is("for that receive", overlapped == &receive.overlapped);
    equal("with the data", receive.text(bytes), "outlives");
}
