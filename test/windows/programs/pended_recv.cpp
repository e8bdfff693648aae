// A TCP server that only ever receives by WSARecv that pends and completes on a completion port: what it received shows
// in no return value of any call, so an observer at the provider interface must not claim to have seen it.
//   pended_recv [BYTES]       default 100000; the peer is a thread of the same program
// Each receive is posted before the peer is told to send the bytes that complete it, so that none can be immediate.
#include "common.hpp"

#include <algorithm>
#include <cstdlib>
#include <thread>

namespace {

constexpr std::size_t chunk = 8192;

struct Received {
    std::int64_t bytes = 0;
    std::int64_t receives = 0;
    std::int64_t pended = 0;
    bool content_right = true;
};

char pattern(std::int64_t position) {
    return static_cast<char>('a' + position % 23);
}

// The peer: sends the next chunk each time the event says that a receive is waiting.
void send_on_demand(SOCKET socket, HANDLE demand, std::int64_t total) {
    std::int64_t position = 0;
    while (WaitForSingleObject(demand, 60'000) == WAIT_OBJECT_0 && position < total) { // the last demand: the end
        std::string text;
        while (text.size() < chunk && position < total) {
            text += pattern(position++);
        }
        program::send_all(socket, text);
    }
    shutdown(socket, SD_SEND);
}

Received serve(SOCKET socket, HANDLE demand, std::int64_t total) {
    const program::Handle port(CreateIoCompletionPort(reinterpret_cast<HANDLE>(socket), nullptr, 1, 1),
                               "CreateIoCompletionPort");
    Received received;
    std::string buffer(2 * chunk, '\0');
    // A receive that was immediate would have been claimed rightly; that none is follows from the order of things:
    // the chunk before was read whole, and the next is asked for only after the receive has been posted.
    for (std::int64_t expected = 0;;) {
        WSABUF window{static_cast<ULONG>(buffer.size()), buffer.data()};
        DWORD flags = 0;
        WSAOVERLAPPED overlapped{};
        const int result = WSARecv(socket, &window, 1, nullptr, &flags, &overlapped, nullptr);
        ++received.receives;
        if (result == SOCKET_ERROR) {
            program::require(WSAGetLastError() == WSA_IO_PENDING, "WSARecv pends");
            ++received.pended;
        }
        if (received.bytes == expected) {
            SetEvent(demand);
            expected = std::min(total, expected + static_cast<std::int64_t>(chunk));
        }
        DWORD bytes = 0;
        ULONG_PTR key = 0;
        LPOVERLAPPED completed = nullptr;
        program::require(GetQueuedCompletionStatus(port.get(), &bytes, &key, &completed, 60'000),
                         "the receive completes on the port");
        program::require(completed == &overlapped, "no other completes");
        if (bytes == 0) {
            return received;
        }
        for (DWORD index = 0; index < bytes; ++index) {
            received.content_right &= buffer[index] == pattern(received.bytes + index);
        }
        received.bytes += bytes;
    }
}

} // namespace

int main(int argc, char** argv) {
    return program::run("pended_recv", [&](program::Json& summary) {
        const std::int64_t total = argc > 1 ? std::atoll(argv[1]) : 100'000;
        const program::Winsock winsock;
        const program::Pair pair = program::connected_pair();
        const program::Handle demand(CreateEventW(nullptr, FALSE, FALSE, nullptr), "CreateEventW");
        std::thread peer(send_on_demand, pair.near_end.get(), demand.get(), total);
        Received received;
        try {
            received = serve(pair.far_end.get(), demand.get(), total);
        } catch (...) {
            SetEvent(demand.get());
            shutdown(pair.near_end.get(), SD_BOTH);
            peer.join();
            throw;
        }
        peer.join();
        summary.number("sent", total).number("received", received.bytes);
        summary.number("receives", received.receives).number("pended", received.pended);
        summary.number("receiver", static_cast<std::int64_t>(pair.far_end.get()));
        program::require(received.bytes == total && received.content_right, "what was sent arrived");
        program::require(received.receives == received.pended, "every receive pended");
    });
}
