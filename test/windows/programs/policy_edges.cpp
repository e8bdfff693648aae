// What interception has to get right at its edges; speaks with its test as policy_calls does.
//   policy_edges PORTS GO
// Ports: "house" (UDP and TCP), "door", "second" (redirected to the house), "deny", "gate" (a listener that refuses).
// Prints what became of each edge ("cells"), in words.
#include "policy_doors.hpp"

#include <thread>

namespace {

using namespace program;
using namespace policy_doors;

struct Places {
    Socket tcp_house = listening(AF_INET);
    Socket udp_house = bound(AF_INET, SOCK_DGRAM);
    Socket door = bound(AF_INET, SOCK_STREAM); // taken, so that nobody else gets the port; nobody listens
    Socket second = bound(AF_INET, SOCK_STREAM);
    Socket denied = bound(AF_INET, SOCK_STREAM);
    Socket gate = listening(AF_INET);

    void publish(const std::string& file) const {
        Json ports;
        ports.number("tcp house", port(tcp_house)).number("udp house", port(udp_house)).number("door", port(door));
        ports.number("second", port(second)).number("deny", port(denied)).number("gate", port(gate));
        write_whole(file, ports.str());
    }
    static std::uint16_t port(const Socket& socket) { return local_address(socket.get()).port(); }
};

Address at(const Socket& place) {
    return local_address(place.get());
}

// The same as an IPv4-mapped IPv6 address.
Address mapped(const Address& address) {
    Address result;
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port());
    v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xFF;
    v6.sin6_addr.s6_addr[12] = 127;
    v6.sin6_addr.s6_addr[15] = 1;
    std::memcpy(&result.storage, &v6, sizeof v6);
    result.length = sizeof v6;
    return result;
}

Socket dual_stack(int type) {
    Socket socket(WSASocketW(AF_INET6, type, 0, nullptr, 0, WSA_FLAG_OVERLAPPED), "WSASocketW");
    DWORD no = 0;
    check(setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, reinterpret_cast<const char*>(&no), sizeof no), "V6ONLY");
    return socket;
}

bool same(const Address& a, const Address& b) {
    const auto bytes = [](const Address& address) {
        return address.storage.ss_family == AF_INET
                   ? std::string(reinterpret_cast<const char*>(&address.storage) + 2, 6)
                   : std::string(reinterpret_cast<const char*>(&address.storage) + 2, 2) +
                         std::string(reinterpret_cast<const char*>(&address.storage) + 8, 16);
    };
    return a.storage.ss_family == b.storage.ss_family && bytes(a) == bytes(b);
}

std::string told(int result) {
    return result == SOCKET_ERROR ? std::to_string(WSAGetLastError()) : "done";
}

// Sends to the door; the house answers; who the answer is from.
std::string round_trip(SOCKET socket, const Address& to, const Places& places) {
    if (sendto(socket, "x", 1, 0, to.get(), to.length) == SOCKET_ERROR) {
        return std::to_string(WSAGetLastError());
    }
    Address sender;
    char byte = 0;
    check(recvfrom(places.udp_house.get(), &byte, 1, 0, sender.get(), &sender.length), "recvfrom");
    check(sendto(places.udp_house.get(), &byte, 1, 0, sender.get(), sender.length), "sendto");
    Address from;
    check(recvfrom(socket, &byte, 1, 0, from.get(), &from.length), "recvfrom");
    return same(from, to) ? "house, shown as the door" : "house, shown as another";
}

std::string mapped_connect(const Places& places) {
    const Socket socket = dual_stack(SOCK_STREAM);
    const Address to = mapped(at(places.door));
    if (connect(socket.get(), to.get(), to.length) != 0) {
        return std::to_string(WSAGetLastError());
    }
    const Socket far_end(accept(places.tcp_house.get(), nullptr, nullptr), "accept");
    Address peer;
    check(getpeername(socket.get(), peer.get(), &peer.length), "getpeername");
    int small = 4;
    require(getpeername(socket.get(), peer.get(), &small) == SOCKET_ERROR && WSAGetLastError() == WSAEFAULT,
            "an address that does not fit is WSAEFAULT");
    return same(peer, to) ? "house, shown as the door" : "house, shown as another";
}

std::string mapped_denied(const Places& places) {
    const Socket socket = dual_stack(SOCK_STREAM);
    const Address to = mapped(at(places.denied));
    return told(connect(socket.get(), to.get(), to.length));
}

// A socket on which the sender of an answer would arrive past us.
std::string after_overlapped_receive(const Places& places) {
    Socket socket = bound(AF_INET, SOCK_DGRAM);
    const Handle event(CreateEventW(nullptr, TRUE, FALSE, nullptr), "CreateEventW");
    WSAOVERLAPPED overlapped{};
    overlapped.hEvent = event.get();
    char byte = 0;
    WSABUF buffer{1, &byte};
    DWORD flags = 0;
    Address from;
    require(WSARecvFrom(socket.get(), &buffer, 1, nullptr, &flags, from.get(), &from.length, &overlapped, nullptr) ==
                    SOCKET_ERROR &&
                WSAGetLastError() == WSA_IO_PENDING,
            "the receive is under way");
    const std::string answer = round_trip(socket.get(), at(places.door), places);
    socket.close();
    WaitForSingleObject(event.get(), INFINITE); // the buffer is on this stack
    return answer;
}

std::string two_doors(const Places& places) {
    const Socket socket = bound(AF_INET, SOCK_DGRAM);
    const Address first = at(places.door);
    const Address second = at(places.second);
    const std::string before = round_trip(socket.get(), first, places);
    return before + "; " + round_trip(socket.get(), second, places) + "; " +
           round_trip(bound(AF_INET, SOCK_DGRAM).get(), second, places) + "; " +
           round_trip(socket.get(), first, places);
}

std::string connected_anew(const Places& places) {
    const Socket socket = bound(AF_INET, SOCK_DGRAM);
    const Address door = at(places.door);
    const Address house = at(places.udp_house);
    std::string answer;
    for (const Address& to : {door, house}) {
        check(connect(socket.get(), to.get(), to.length), "connect");
        Address peer;
        check(getpeername(socket.get(), peer.get(), &peer.length), "getpeername");
        answer += same(peer, to) ? "itself " : "another ";
    }
    return answer;
}

std::string overlapped_send(const Places& places) {
    const Socket socket = bound(AF_INET, SOCK_DGRAM);
    const Handle event(CreateEventW(nullptr, TRUE, FALSE, nullptr), "CreateEventW");
    WSAOVERLAPPED overlapped{};
    overlapped.hEvent = event.get();
    char byte = 'o';
    WSABUF buffer{1, &byte};
    const Address door = at(places.door);
    if (WSASendTo(socket.get(), &buffer, 1, nullptr, 0, door.get(), door.length, &overlapped, nullptr) != 0 &&
        WSAGetLastError() != WSA_IO_PENDING) {
        return std::to_string(WSAGetLastError());
    }
    DWORD bytes = 0;
    DWORD flags = 0;
    require(WSAGetOverlappedResult(socket.get(), &overlapped, &bytes, TRUE, &flags) && bytes == 1, "it completes");
    char got = 0;
    check(recvfrom(places.udp_house.get(), &got, 1, 0, nullptr, nullptr), "recvfrom");
    return got == 'o' ? "house" : "another";
}

std::string join_leaf() {
    const Socket socket(WSASocketW(AF_INET, SOCK_DGRAM, IPPROTO_UDP, nullptr, 0,
                                   WSA_FLAG_OVERLAPPED | WSA_FLAG_MULTIPOINT_C_LEAF | WSA_FLAG_MULTIPOINT_D_LEAF),
                        "WSASocketW");
    Address group = loopback(AF_INET, 9);
    reinterpret_cast<sockaddr_in*>(&group.storage)->sin_addr.s_addr = htonl(0xE00001BB); // 224.0.1.187
    return WSAJoinLeaf(socket.get(), group.get(), group.length, nullptr, nullptr, nullptr, nullptr, JL_BOTH) ==
                   INVALID_SOCKET
               ? std::to_string(WSAGetLastError())
               : "joined";
}

// A program's mistake in what we answer ourselves is told to it.
std::string bad_pointer(const Places& places) {
    auto* const unwritable = reinterpret_cast<sockaddr*>(std::uintptr_t{16});
    const Socket socket(WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, nullptr, 0, WSA_FLAG_OVERLAPPED), "WSASocketW");
    const Address to = at(places.door);
    check(connect(socket.get(), to.get(), to.length), "connect");
    const Socket far_end(accept(places.tcp_house.get(), nullptr, nullptr), "accept");
    int length = sizeof(sockaddr_in);
    return told(getpeername(socket.get(), unwritable, &length));
}

} // namespace

int main(int argc, char** argv) {
    return program::run("policy_edges", [&](Json& summary) {
        require(argc == 3, "usage: policy_edges PORTS GO");
        const Winsock winsock;
        Places places;
        const Socket older = bound(AF_INET, SOCK_DGRAM);
        // Waits for a connection since before there is a policy.
        std::string waited;
        std::thread waiting([&] {
            const SOCKET taken = accept(places.gate.get(), nullptr, nullptr);
            waited = taken == INVALID_SOCKET ? "went on" : "let in";
            if (taken != INVALID_SOCKET) {
                closesocket(taken);
            }
        });
        places.publish(argv[1]);
        wait_for(argv[2]);

        Json cells;
        cells.text("a mapped address is redirected", mapped_connect(places));
        cells.text("a mapped address is denied", mapped_denied(places));
        cells.text("a datagram socket older than the policy", round_trip(older.get(), at(places.door), places));
        cells.text("a datagram socket with an overlapped receive", after_overlapped_receive(places));
        cells.text("two originals of one target", two_doors(places));
        cells.text("a datagram socket connected anew", connected_anew(places));
        cells.text("an overlapped datagram", overlapped_send(places));
        cells.text("joining a group", join_leaf());
        cells.text("a bad pointer", bad_pointer(places));
        {
            const Socket client(::socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
            const Address gate = at(places.gate);
            check(connect(client.get(), gate.get(), gate.length), "connect");
            char byte = 0;
            require(recv(client.get(), &byte, 1, 0) <= 0, "the connection is ended");
            places.gate.close();
            waiting.join();
            cells.text("an accept that waits since before", waited);
        }
        summary.object("cells", cells);
    });
}
