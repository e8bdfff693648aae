// Overlapped operations told of by a routine. Pages: "WSARecv function (winsock2.h)": the completion routine, "WSASend
// function (winsock2.h)", "LPWSAOVERLAPPED_COMPLETION_ROUTINE callback function", "WSAWaitForMultipleEvents function".
#include "overlapped.hpp"

#include <vector>

using namespace conformance;

namespace {

struct Called {
    DWORD error;
    DWORD bytes;
    WSAOVERLAPPED* overlapped;
    DWORD flags;
    DWORD thread;
};

thread_local std::vector<Called>* calls = nullptr;

void CALLBACK note(DWORD error, DWORD bytes, WSAOVERLAPPED* overlapped, DWORD flags) {
    if (calls != nullptr) {
        calls->push_back({error, bytes, overlapped, flags, GetCurrentThreadId()});
    }
}

// Collects what `note` is called with on this thread.
class Calls {
public:
    Calls() { calls = &all_; }
    ~Calls() { calls = nullptr; }
    // Lets routines run until there were `count` of them, with a bound.
    bool wait(std::size_t count) {
        for (const ULONGLONG start = GetTickCount64(); all_.size() < count && GetTickCount64() - start < patience;) {
            SleepEx(100, TRUE);
        }
        return all_.size() >= count;
    }
    std::size_t size() const { return all_.size(); }
    const Called& operator[](std::size_t index) const { return all_[index]; }

private:
    std::vector<Called> all_;
};

struct RoutineReceive : Receive {
    explicit RoutineReceive(WSAEVENT own = nullptr) { overlapped.hEvent = own; }
};

} // namespace

CONFORMANCE_CASE("completion routine", "runs in an alertable wait of the thread that called") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        Calls called;
        const Pair pair = tcp_pair(family);
        RoutineReceive receive;
        fails(name + "WSARecv", receive.start(pair.near_end.get(), 0, note), WSA_IO_PENDING);
        send_text(pair.far_end.get(), "routine");
        require("the end", eventually([&] { return HasOverlappedIoCompleted(&receive.overlapped); }));
        equal(name + "not before the thread waits alertably", called.size(), std::size_t{0});
        is(name + "then", called.wait(1));
        equal(name + "its error", called[0].error, 0u);
        equal(name + "its bytes", called[0].bytes, 7u);
        is(name + "its overlapped structure", called[0].overlapped == &receive.overlapped);
        equal(name + "its flags", called[0].flags, 0u);
        equal(name + "on this thread", called[0].thread, GetCurrentThreadId());
        equal(name + "the data is there", receive.text(7), "routine");
        equal(name + "it runs once", SleepEx(0, TRUE), 0u);
    }
}

CONFORMANCE_CASE("completion routine", "what ends at once is told of too") {
    Calls called;
    const Pair pair = tcp_pair();
    send_text(pair.far_end.get(), "now");
    require("data", readable(pair.near_end.get()));
    RoutineReceive receive;
    succeeds("WSARecv ends at once", receive.start(pair.near_end.get(), 0, note));
    equal("the routine has not run yet", called.size(), std::size_t{0});
    equal("an alertable wait runs it: WAIT_IO_COMPLETION", SleepEx(patience, TRUE),
          static_cast<DWORD>(WAIT_IO_COMPLETION));
    equal("once", called.size(), std::size_t{1});
    equal("with its bytes", called[0].bytes, 3u);
    WSAOVERLAPPED sent{};
    WSABUF one = text_buffer("sent");
    require("a send", started(WSASend(pair.near_end.get(), &one, 1, nullptr, 0, &sent, note)));
    is("a send's routine", called.wait(2));
    equal("has its bytes", called[1].bytes, 4u);
    is("and its structure", called[1].overlapped == &sent);
    equal("and no error", called[1].error, 0u);
}

// Routines run in an alertable wait and end it with WSA_WAIT_IO_COMPLETION; in no other wait.
CONFORMANCE_CASE("completion routine", "WSAWaitForMultipleEvents") {
    Calls called;
    const Pair pair = tcp_pair();
    const Event event;
    const WSAEVENT events[1] = {event.get()};
    RoutineReceive receive;
    require("a receive", started(receive.start(pair.near_end.get(), 0, note)));
    send_text(pair.far_end.get(), "wait");
    require("the end", eventually([&] { return HasOverlappedIoCompleted(&receive.overlapped); }));
    equal("not alertable: the time passes", WSAWaitForMultipleEvents(1, events, FALSE, 0, FALSE),
          static_cast<DWORD>(WSA_WAIT_TIMEOUT));
    equal("and no routine runs", called.size(), std::size_t{0});
    equal("alertable: WSA_WAIT_IO_COMPLETION", WSAWaitForMultipleEvents(1, events, FALSE, patience, TRUE),
          static_cast<DWORD>(WSA_WAIT_IO_COMPLETION));
    equal("and the routine has run", called.size(), std::size_t{1});
    equal("the event has nothing to do with it", event.is_set(), false);
}

// With a routine Winsock does not look at hEvent: a program may keep what it likes there.
CONFORMANCE_CASE("completion routine", "hEvent is the program's") {
    Calls called;
    const Pair pair = tcp_pair();
    int context = 0;
    RoutineReceive receive(&context);
    fails("a receive", receive.start(pair.near_end.get(), 0, note), WSA_IO_PENDING);
    send_text(pair.far_end.get(), "mine");
    is("its routine runs", called.wait(1));
    is("with the value untouched", called[0].overlapped->hEvent == &context);
    RoutineReceive with_event(receive.event.get());
    receive.event.reset();
    require("a receive", started(with_event.start(pair.near_end.get(), 0, note)));
    send_text(pair.far_end.get(), "event");
    is("the second too", called.wait(2));
    is("an event there is not set", !receive.event.is_set());
}

CONFORMANCE_CASE("completion routine", "several run in the order of their ends") {
    Calls called;
    const Pair pair = tcp_pair();
    RoutineReceive receives[3];
    for (RoutineReceive& one : receives) {
        require("a receive", started(one.start(pair.near_end.get(), 0, note)));
    }
    for (int at = 0; at < 3; ++at) {
        send_text(pair.far_end.get(), std::string(static_cast<std::size_t>(at) + 1, 'x'));
        require("its end", eventually([&] { return HasOverlappedIoCompleted(&receives[at].overlapped); }));
    }
    is("all run", called.wait(3));
    is("the first first", called[0].overlapped == &receives[0].overlapped && called[0].bytes == 1);
    is("then the second", called[1].overlapped == &receives[1].overlapped && called[1].bytes == 2);
    is("then the third", called[2].overlapped == &receives[2].overlapped && called[2].bytes == 3);
}

CONFORMANCE_CASE("completion routine", "errors") {
    Calls called;
    Pair reset = tcp_pair();
    RoutineReceive receive;
    require("a receive", started(receive.start(reset.near_end.get(), 0, note)));
    reset_connection(reset.far_end);
    is("a reset is told of", called.wait(1));
    equal("as WSAECONNRESET", called[0].error, static_cast<DWORD>(WSAECONNRESET));
    equal("with no bytes", called[0].bytes, 0u);
    Pair closed = tcp_pair();
    RoutineReceive dropped;
    require("a receive", started(dropped.start(closed.near_end.get(), 0, note)));
    closed.near_end.close();
    is("closesocket is told of", called.wait(2));
    equal("as WSA_OPERATION_ABORTED", called[1].error, static_cast<DWORD>(WSA_OPERATION_ABORTED),
          on_wine(static_cast<DWORD>(WSAEINVAL), "Wine 10.0 has no Winsock error for what closing does to operations"));
    is("for that operation", called[1].overlapped == &dropped.overlapped);
    Pair cancelled = tcp_pair();
    RoutineReceive stopped;
    require("a receive", started(stopped.start(cancelled.near_end.get(), 0, note)));
    succeeds_bool("CancelIo", CancelIo(handle_of(cancelled.near_end.get())));
    is("is told of", called.wait(3));
    equal("as WSA_OPERATION_ABORTED too", called[2].error, static_cast<DWORD>(WSA_OPERATION_ABORTED));
    Pair ended = tcp_pair();
    RoutineReceive last;
    require("a receive", started(last.start(ended.near_end.get(), 0, note)));
    ended.far_end.close();
    is("the end of a stream is told of", called.wait(4));
    equal("without an error", called[3].error, 0u);
    equal("and without bytes", called[3].bytes, 0u);
    RoutineReceive never;
    fails("a call that fails at once", never.start(closed_socket(), 0, note), WSAENOTSOCK);
    SleepEx(0, TRUE);
    equal("is told of by its error alone", called.size(), std::size_t{4});
}

namespace {

struct Chain {
    SOCKET socket = INVALID_SOCKET;
    Receive* next = nullptr;
    int error = -1;
};
thread_local Chain chain;

void CALLBACK start_next(DWORD, DWORD, WSAOVERLAPPED*, DWORD) {
    chain.error = error_of(chain.next->start(chain.socket, 0, note));
}

} // namespace

// A routine may itself start operations with routines.
CONFORMANCE_CASE("completion routine", "may start the next operation") {
    Calls called;
    const Pair pair = tcp_pair();
    RoutineReceive first;
    RoutineReceive second;
    chain = {pair.near_end.get(), &second, -1};
    require("a receive", started(first.start(pair.near_end.get(), 0, start_next)));
    send_text(pair.far_end.get(), "a");
    equal("the first runs", SleepEx(patience, TRUE), static_cast<DWORD>(WAIT_IO_COMPLETION));
    equal("and starts a second receive", chain.error, io_pending);
    send_text(pair.far_end.get(), "bc");
    is("whose routine runs too", called.wait(1));
    equal("with its bytes", called[0].bytes, 2u);
}

// Datagrams: the address of the sender is there when the routine runs.
CONFORMANCE_CASE("completion routine", "WSARecvFrom and WSASendTo") {
    Calls called;
    const Socket receiver = bound_udp();
    const Socket sender = bound_udp();
    const Address to = name_of(receiver.get());
    char bytes[16]{};
    WSABUF in = buffer(bytes);
    DWORD flags = 0;
    Address from;
    WSAOVERLAPPED received{};
    fails("WSARecvFrom",
          WSARecvFrom(receiver.get(), &in, 1, nullptr, &flags, from.get(), &from.length, &received, note),
          WSA_IO_PENDING);
    WSABUF out = text_buffer("datagram");
    WSAOVERLAPPED sent{};
    require("WSASendTo", started(WSASendTo(sender.get(), &out, 1, nullptr, 0, to.get(), to.length, &sent, note)));
    is("both routines run", called.wait(2));
    const bool send_first = called[0].overlapped == &sent;
    is("one for each", called[send_first ? 1 : 0].overlapped == &received);
    equal("the bytes sent", called[send_first ? 0 : 1].bytes, 8u);
    equal("the bytes received", called[send_first ? 1 : 0].bytes, 8u);
    is("from is the sender", same(from, name_of(sender.get())));
    equal("the data", std::string(bytes), "datagram");
    RoutineReceive small;
    WSABUF two = buffer(small.bytes, 2);
    require("a receive", started(WSARecv(receiver.get(), &two, 1, nullptr, &flags, &small.overlapped, note)));
    require("a datagram", sendto(sender.get(), "large", 5, 0, to.get(), to.length) == 5);
    is("a datagram that does not fit", called.wait(3));
    equal("is WSAEMSGSIZE", called[2].error, static_cast<DWORD>(WSAEMSGSIZE));
    equal("with what did", called[2].bytes, 2u);
}
