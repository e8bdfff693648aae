// Threads under each other's feet. Pages: "closesocket function (winsock2.h)", "accept function (winsock2.h)", "select
// function (winsock2.h)". Which of its documented errors a call gives whose socket goes away depends on how far it was;
// that it returns, and that nobody else is hurt, does not.
#include "overlapped.hpp"

#include <array>
#include <atomic>
#include <vector>

using namespace conformance;

namespace {

// A call on a thread of its own.
class Call {
public:
    template <typename Function>
    explicit Call(Function function)
        : thread_([this, function] {
              result_ = function();
              error_ = WSAGetLastError();
              WSASetEvent(ended_.get());
          }) {}
    ~Call() { thread_.join(); }

    // Whether it is still under way after a moment.
    bool waits() const { return WaitForSingleObject(ended_.get(), 100) == WAIT_TIMEOUT; }
    bool ends() const { return ended_.wait(); }
    long long result() const { return result_; }
    int error() const { return error_; }

private:
    Event ended_;
    long long result_ = 0;
    int error_ = 0;
    std::thread thread_;
};

bool means_gone(int error) {
    return error == WSAENOTSOCK || error == WSAEINTR || error == WSAECONNABORTED || error == WSAESHUTDOWN ||
           error == WSAECONNRESET || error == WSA_OPERATION_ABORTED || error == WSAEINVAL || error == WSAENOTCONN;
}

} // namespace

CONFORMANCE_CASE("threads", "recv while another thread shuts down") {
    const Pair pair = tcp_pair();
    char bytes[4];
    const Call call([&] { return recv(pair.near_end.get(), bytes, sizeof bytes, 0); });
    is("it waits", call.waits());
    require("the peer ends", shutdown(pair.far_end.get(), SD_SEND) == 0);
    is("the peer's end ends it", call.ends());
    equal("with 0", call.result(), 0);
}

CONFORMANCE_CASE("threads", "closesocket below an overlapped wait") {
    Pair pair = tcp_pair();
    Receive receive;
    require("a receive", started(receive.start(pair.near_end.get())));
    const Call call([&] { return WaitForSingleObject(receive.event.get(), patience); });
    is("a thread waits for it", call.waits());
    succeeds("closesocket in this one", closesocket(pair.near_end.release()));
    is("ends the wait", call.ends());
    equal("by the event", call.result(), static_cast<long long>(WAIT_OBJECT_0));
}

// (Several threads in accept at once are no case of this suite: under Wine 10.0 one of them now and then gives up.)
CONFORMANCE_CASE("threads", "connections made by several threads") {
    const Socket listener = listening();
    const Address to = name_of(listener.get());
    std::atomic<int> connected{0};
    std::vector<std::thread> threads;
    for (int index = 0; index < 4; ++index) {
        threads.emplace_back([&] {
            for (int turn = 0; turn < 10; ++turn) {
                const Socket one(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
                char byte = 0;
                connected += connect(one.get(), to.get(), to.length) == 0 && recv(one.get(), &byte, 1, 0) == 1 ? 1 : 0;
            }
        });
    }
    int accepted = 0;
    for (int turn = 0; turn < 40 && readable(listener.get()); ++turn) {
        const Socket one(accept(listener.get(), nullptr, nullptr));
        accepted += one && send(one.get(), "x", 1, 0) == 1 ? 1 : 0;
    }
    for (std::thread& one : threads) {
        one.join();
    }
    equal("all are accepted", accepted, 40);
    equal("and served", connected.load(), 40);
    is("nothing is left", !readable(listener.get(), 0));
}

CONFORMANCE_CASE("threads", "one connection, many senders") {
    const Pair pair = tcp_pair();
    constexpr int threads_count = 8;
    constexpr int messages = 200;
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    for (int index = 0; index < threads_count; ++index) {
        threads.emplace_back([&, index] {
            const std::string message(16, static_cast<char>('a' + index));
            for (int turn = 0; turn < messages; ++turn) {
                failed += send(pair.near_end.get(), message.data(), 16, 0) == 16 ? 0 : 1;
            }
        });
    }
    std::array<int, threads_count> counts{};
    int total = 0;
    std::vector<char> room(4096);
    while (total < threads_count * messages * 16) {
        const int some = recv(pair.far_end.get(), room.data(), static_cast<int>(room.size()), 0);
        require("recv", some > 0);
        total += some;
        for (int at = 0; at < some; ++at) {
            counts[static_cast<std::size_t>(room[static_cast<std::size_t>(at)] - 'a')]++;
        }
    }
    for (std::thread& one : threads) {
        one.join();
    }
    equal("no send failed", failed.load(), 0);
    equal("every byte arrives", total, threads_count * messages * 16);
    for (int index = 0; index < threads_count; ++index) {
        equal("all bytes of sender " + std::to_string(index), counts[static_cast<std::size_t>(index)], messages * 16);
    }
}

CONFORMANCE_CASE("threads", "one datagram socket, many receivers") {
    const Socket receiver = bound_udp();
    const Socket sender = bound_udp();
    const Address to = name_of(receiver.get());
    const DWORD limit = 5000;
    require("a limit", set_option(receiver.get(), SOL_SOCKET, SO_RCVTIMEO, limit) == 0);
    std::atomic<int> received{0};
    std::atomic<int> whole{0};
    std::vector<std::thread> threads;
    for (int index = 0; index < 4; ++index) {
        threads.emplace_back([&] {
            for (int turn = 0; turn < 25; ++turn) {
                char bytes[32];
                const int some = recv(receiver.get(), bytes, sizeof bytes, 0);
                received += some != SOCKET_ERROR ? 1 : 0;
                whole += some == 10 ? 1 : 0;
            }
        });
    }
    for (int index = 0; index < 100; ++index) {
        require("sendto", sendto(sender.get(), "ten  bytes", 10, 0, to.get(), to.length) == 10);
    }
    for (std::thread& one : threads) {
        one.join();
    }
    equal("every datagram goes to one receiver", received.load(), 100);
    equal("and whole", whole.load(), 100);
}

// closesocket: blocking calls in other threads are cancelled. Which error they give depends on the system's version.
CONFORMANCE_CASE("threads", "closesocket below blocking calls") {
    char bytes[4];
    Pair pair = tcp_pair();
    const SOCKET stream = pair.near_end.get();
    {
        const Call call([&] { return recv(stream, bytes, sizeof bytes, 0); });
        is("recv waits", call.waits());
        succeeds("closesocket below it", closesocket(pair.near_end.release()));
        const bool ended = call.ends();
        pair.far_end.close(); // ends it in any case
        is("ends it", ended);
    }
    Socket datagram = bound_udp();
    const SOCKET receiver = datagram.get();
    {
        const Call call([&] { return recvfrom(receiver, bytes, sizeof bytes, 0, nullptr, nullptr); });
        is("recvfrom waits", call.waits());
        succeeds("closesocket below recvfrom", closesocket(datagram.release()));
        is("ends recvfrom", call.ends());
        equal("which fails", call.result(), static_cast<long long>(SOCKET_ERROR));
        is("with an error that says it is gone", means_gone(call.error()));
    }
    Socket listener = listening();
    const SOCKET accepting = listener.get();
    {
        const Call call([&] { return accept(accepting, nullptr, nullptr) == INVALID_SOCKET ? 1 : 0; });
        is("accept waits", call.waits());
        succeeds("closesocket below accept", closesocket(listener.release()));
        is("ends accept", call.ends());
        equal("which gives no socket", call.result(), 1);
        is("but an error that says it is gone", means_gone(call.error()));
    }
}

// Handles are used again: a new socket is itself, whatever the closed one was.
CONFORMANCE_CASE("threads", "a value that is used again") {
    bool reused = false;
    for (int turn = 0; turn < 100 && !reused; ++turn) {
        Socket first = udp();
        const SOCKET value = first.get();
        require("a mark", set_option(first.get(), SOL_SOCKET, SO_RCVTIMEO, DWORD{1234}) == 0);
        first.close();
        const Socket second = tcp(AF_INET6);
        reused = second.get() == value;
        if (reused) {
            equal("its type is that of the new socket", option(second.get(), SOL_SOCKET, SO_TYPE), SOCK_STREAM);
            equal("its options are new", option(second.get(), SOL_SOCKET, SO_RCVTIMEO), 0);
            WSAPROTOCOL_INFOW info{};
            succeeds("its protocol information", get_option(second.get(), SOL_SOCKET, SO_PROTOCOL_INFOW, info));
            equal("is of the new family", info.iAddressFamily, AF_INET6);
            equal("and of the new protocol", info.iProtocol, static_cast<int>(IPPROTO_TCP));
            const Address address = loopback(AF_INET6);
            succeeds("it can be bound", bind(second.get(), address.get(), address.length));
        }
    }
    is("a value came again", reused);
}

CONFORMANCE_CASE("threads", "opening and closing in many threads") {
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    for (int index = 0; index < 8; ++index) {
        threads.emplace_back([&, index] {
            for (int turn = 0; turn < 50; ++turn) {
                const bool stream = (turn + index) % 2 == 0;
                Socket one(stream ? socket(AF_INET, SOCK_STREAM, 0) : socket(AF_INET6, SOCK_DGRAM, 0));
                int type = 0;
                if (!one || get_option(one.get(), SOL_SOCKET, SO_TYPE, type) != 0 ||
                    type != (stream ? SOCK_STREAM : SOCK_DGRAM) || closesocket(one.release()) != 0) {
                    ++failed;
                }
            }
        });
    }
    for (std::thread& one : threads) {
        one.join();
    }
    equal("each thread's sockets are its own", failed.load(), 0);
}

// Closing in one thread what another is using: every call ends, with success or an error that says the socket is gone.
CONFORMANCE_CASE("threads", "closing below calls") {
    std::atomic<int> strange{0};
    std::atomic<int> calls{0};
    for (int turn = 0; turn < 50; ++turn) {
        Pair pair = tcp_pair();
        set_nonblocking(pair.near_end.get());
        const SOCKET value = pair.near_end.get();
        std::atomic<bool> stop{false};
        std::atomic<int> begun{0};
        std::vector<std::thread> users;
        for (int index = 0; index < 3; ++index) {
            users.emplace_back([&, index] {
                begun += 1;
                for (bool gone = false; !gone;) {
                    char byte = 'x';
                    u_long count = 0;
                    const int result = index == 0   ? send(value, &byte, 1, 0)
                                       : index == 1 ? recv(value, &byte, 1, 0)
                                                    : ioctlsocket(value, static_cast<long>(FIONREAD), &count);
                    ++calls;
                    const int error = result == SOCKET_ERROR ? WSAGetLastError() : 0;
                    gone = stop.load() || (error != 0 && error != WSAEWOULDBLOCK);
                    strange += error != 0 && error != WSAEWOULDBLOCK && !means_gone(error) ? 1 : 0;
                }
            });
        }
        require("the threads", eventually([&] { return begun == 3; }));
        closesocket(pair.near_end.release());
        stop = true;
        for (std::thread& one : users) {
            one.join();
        }
    }
    is("calls were made", calls >= 150);
    equal("all errors say that the socket is gone", strange.load(), 0);
    const Pair after = tcp_pair();
    send_text(after.near_end.get(), "fine");
    equal("new connections are not harmed", receive_text(after.far_end.get()), "fine");
}

CONFORMANCE_CASE("threads", "select with a socket that another thread closes") {
    Pair pair = tcp_pair();
    const Socket other = bound_udp();
    const SOCKET value = pair.near_end.get();
    const Call call([&] {
        fd_set set{};
        FD_SET(value, &set);
        FD_SET(other.get(), &set);
        const timeval limit{3, 0};
        return select(0, &set, nullptr, nullptr, &limit);
    });
    is("it waits", call.waits());
    pair.near_end.close();
    is("it ends", call.ends());
    is("with a socket, or an error that says it is gone, or its time", call.result() >= 0 || means_gone(call.error()));
}

CONFORMANCE_CASE("threads", "AcceptEx and closesocket of the listener") {
    Socket listener = listening();
    const Socket accepting = tcp();
    const auto accept_ex = extension<LPFN_ACCEPTEX>(listener.get(), WSAID_ACCEPTEX);
    char room[2 * (sizeof(sockaddr_in) + 16)];
    DWORD count = 0;
    Operation operation;
    require("AcceptEx", started_bool(accept_ex(listener.get(), accepting.get(), room, 0, sizeof(sockaddr_in) + 16,
                                               sizeof(sockaddr_in) + 16, &count, &operation.overlapped)));
    const Call call([&] { return WaitForSingleObject(operation.event.get(), patience); });
    is("a thread waits for it", call.waits());
    succeeds("closesocket", closesocket(listener.release()));
    is("ends it", call.ends());
    equal("by its event", call.result(), static_cast<long long>(WAIT_OBJECT_0));
    is("without success", operation.overlapped.Internal != 0);
}

// "WSAGetLastError function": the last error is the thread's own.
CONFORMANCE_CASE("threads", "the last error") {
    const Pair pair = tcp_pair();
    WSASetLastError(12345);
    equal("send works", send(pair.near_end.get(), "x", 1, 0), 1);
    const int error = WSAGetLastError();
    is("a successful send leaves 0 or what was there", error == 12345 || error == 0);
    int seen = -1;
    {
        const Thread other([&] {
            char bytes[1];
            recv(INVALID_SOCKET, bytes, 1, 0);
            seen = WSAGetLastError();
        });
    }
    equal("another thread has its own", seen, WSAENOTSOCK);
    is("which does not show here", WSAGetLastError() != WSAENOTSOCK);
}
