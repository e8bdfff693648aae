// Every call that a policy decides, each against an address that the policy treats in one of the ways it can.
//   policy_calls PORTS GO
// Makes sockets and writes their ports as JSON into the file PORTS; waits until there is a file GO (by then the policy
// that names these ports is in force); then makes the calls and prints what became of each ("cells"):
//   "door"   it got where it asked to go, and that is what getpeername or recvfrom says
//   "house"  it got to the house, and getpeername or recvfrom names the door it asked for
//   "10013"  it failed with this error, and nothing arrived anywhere
// A door is a socket that the policy has one verdict for; the house is where redirects lead.
#include "policy_doors.hpp"

namespace {

using namespace program;
using namespace policy_doors;

Socket stream(int family) {
    return Socket(WSASocketW(family, SOCK_STREAM, IPPROTO_TCP, nullptr, 0, WSA_FLAG_OVERLAPPED), "WSASocketW");
}

void set_non_blocking(SOCKET socket) {
    u_long yes = 1;
    check(ioctlsocket(socket, static_cast<long>(FIONBIO), &yes), "FIONBIO");
}

// A connected socket: whom it has reached, and whom it believes to have reached.
std::string reached(const Doors& doors, SOCKET socket, const Address& door) {
    Address peer;
    check(getpeername(socket, peer.get(), &peer.length), "getpeername");
    const SOCKET waiting = doors.readable(patience);
    require(waiting != INVALID_SOCKET, "a connect that succeeds arrives somewhere");
    const Socket far_end(accept(waiting, nullptr, nullptr), "accept");
    return doors.name_of(waiting, door) + (peer.port() == door.port() ? "" : " but getpeername says another");
}

std::string refused(const Doors& doors, int error) {
    return doors.readable(0) == INVALID_SOCKET ? std::to_string(error) : "failed, and arrived all the same";
}

std::string blocking_connect(const Doors& doors, const Address& door) {
    const Socket socket = stream(doors.family);
    return connect(socket.get(), door.get(), door.length) != 0 ? refused(doors, WSAGetLastError())
                                                               : reached(doors, socket.get(), door);
}

std::string non_blocking_connect(const Doors& doors, const Address& door) {
    const Socket socket = stream(doors.family);
    set_non_blocking(socket.get());
    if (connect(socket.get(), door.get(), door.length) != 0 && WSAGetLastError() != WSAEWOULDBLOCK) {
        return refused(doors, WSAGetLastError());
    }
    fd_set writable{};
    fd_set failed{};
    FD_SET(socket.get(), &writable);
    FD_SET(socket.get(), &failed);
    timeval time{patience, 0};
    check(select(0, nullptr, &writable, &failed, &time), "select");
    int error = 0;
    int size = sizeof error;
    check(getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&error), &size), "SO_ERROR");
    return error != 0 ? refused(doors, error) : reached(doors, socket.get(), door);
}

std::string connect_ex(const Doors& doors, const Address& door) {
    const Socket socket = bound(doors.family, SOCK_STREAM);
    const auto function = extension<LPFN_CONNECTEX>(socket.get(), WSAID_CONNECTEX, "ConnectEx");
    const Handle event(CreateEventW(nullptr, TRUE, FALSE, nullptr), "CreateEventW");
    OVERLAPPED overlapped{};
    overlapped.hEvent = event.get();
    if (!function(socket.get(), door.get(), door.length, nullptr, 0, nullptr, &overlapped) &&
        WSAGetLastError() != ERROR_IO_PENDING) {
        require(WaitForSingleObject(event.get(), 0) == WAIT_TIMEOUT,
                "a ConnectEx that fails at once completes nothing");
        return refused(doors, WSAGetLastError());
    }
    DWORD bytes = 0;
    DWORD flags = 0;
    if (!WSAGetOverlappedResult(socket.get(), &overlapped, &bytes, TRUE, &flags)) {
        return refused(doors, WSAGetLastError());
    }
    check(setsockopt(socket.get(), SOL_SOCKET, 0x7010 /* SO_UPDATE_CONNECT_CONTEXT */, nullptr, 0), "update");
    return reached(doors, socket.get(), door);
}

// --- datagrams: one goes out, whoever gets it answers ---

std::string answer_of(const Doors& doors, const Address& door, const std::function<Address()>& receive) {
    const SOCKET waiting = doors.readable(patience);
    require(waiting != INVALID_SOCKET, "a datagram that is sent arrives somewhere");
    Address sender;
    char byte = 0;
    check(recvfrom(waiting, &byte, 1, 0, sender.get(), &sender.length), "recvfrom");
    check(sendto(waiting, &byte, 1, 0, sender.get(), sender.length), "sendto");
    return doors.name_of(waiting, door) + (receive().port() == door.port() ? "" : " but the answer is another's");
}

Address receive_from(SOCKET socket) {
    Address from;
    char byte = 0;
    check(recvfrom(socket, &byte, 1, 0, from.get(), &from.length), "recvfrom");
    return from;
}

std::string send_to(const Doors& doors, const Address& door) {
    const Socket socket = bound(doors.family, SOCK_DGRAM);
    return sendto(socket.get(), "x", 1, 0, door.get(), door.length) == SOCKET_ERROR
               ? refused(doors, WSAGetLastError())
               : answer_of(doors, door, [&] { return receive_from(socket.get()); });
}

std::string send_msg(const Doors& doors, const Address& door) {
    const Socket socket = bound(doors.family, SOCK_DGRAM);
    const auto receive = extension<LPFN_WSARECVMSG>(socket.get(), WSAID_WSARECVMSG, "WSARecvMsg");
    const auto send = extension<LPFN_WSASENDMSG>(socket.get(), WSAID_WSASENDMSG, "WSASendMsg");
    char byte = 'x';
    WSABUF buffer{1, &byte};
    Address to = door;
    WSAMSG message{to.get(), to.length, &buffer, 1, {0, nullptr}, 0};
    DWORD bytes = 0;
    if (send(socket.get(), &message, 0, &bytes, nullptr, nullptr) == SOCKET_ERROR) {
        return refused(doors, WSAGetLastError());
    }
    require(to.port() == door.port(), "the program's own address is as it was");
    return answer_of(doors, door, [&] {
        Address from;
        WSAMSG answer{from.get(), from.length, &buffer, 1, {0, nullptr}, 0};
        check(receive(socket.get(), &answer, &bytes, nullptr, nullptr), "WSARecvMsg");
        return from;
    });
}

std::string connected_send(const Doors& doors, const Address& door) {
    const Socket socket = bound(doors.family, SOCK_DGRAM);
    if (connect(socket.get(), door.get(), door.length) != 0 || send(socket.get(), "x", 1, 0) == SOCKET_ERROR) {
        return refused(doors, WSAGetLastError());
    }
    Address peer;
    check(getpeername(socket.get(), peer.get(), &peer.length), "getpeername");
    require(peer.port() == door.port(), "getpeername says where the program connected to");
    return answer_of(doors, door, [&] { return receive_from(socket.get()); });
}

// --- who comes in ---

// What the client sees of a connection that was refused: its end, or a reset.
std::string end_of(SOCKET client, const std::string& how) {
    char byte = 0;
    return recv(client, &byte, 1, 0) > 0 ? "refused, and served all the same" : how;
}

std::string taken(SOCKET far_end, SOCKET client) {
    check(send(far_end, "x", 1, 0), "send");
    return receive_exactly(client, 1) == "x" ? "door" : "another";
}

int CALLBACK let_in(LPWSABUF, LPWSABUF, LPQOS, LPQOS, LPWSABUF, LPWSABUF, GROUP*, DWORD_PTR data) {
    ++*reinterpret_cast<int*>(data);
    return CF_ACCEPT;
}

std::string accepted(const Doors& doors, const Address& door, bool with_condition) {
    const Socket client = stream(doors.family);
    check(connect(client.get(), door.get(), door.length), "connect");
    const SOCKET listener = doors.readable(patience);
    require(listener != INVALID_SOCKET, "the connection waits");
    set_non_blocking(listener);
    int asked = 0;
    Address from;
    const SOCKET far_end =
        with_condition ? WSAAccept(listener, from.get(), &from.length, &let_in, reinterpret_cast<DWORD_PTR>(&asked))
                       : accept(listener, from.get(), &from.length);
    if (far_end == INVALID_SOCKET) {
        require(asked == 0, "what the policy refuses the program is not asked about");
        return end_of(client.get(), std::to_string(WSAGetLastError()));
    }
    const Socket holder(far_end);
    require(from.port() == local_address(client.get()).port(), "the client's address is told");
    require(asked == (with_condition ? 1 : 0), "the program's condition is asked once");
    return taken(far_end, client.get());
}

std::string accept_ex(const Doors& doors, const Address& door, bool update) {
    const SOCKET listener = doors.listener_of(door);
    Socket far_end = stream(doors.family);
    const auto function = extension<LPFN_ACCEPTEX>(listener, WSAID_ACCEPTEX, "AcceptEx");
    const Handle event(CreateEventW(nullptr, TRUE, FALSE, nullptr), "CreateEventW");
    OVERLAPPED overlapped{};
    overlapped.hEvent = event.get();
    constexpr DWORD room = sizeof(sockaddr_storage) + 16;
    char addresses[2 * room];
    DWORD bytes = 0;
    require(function(listener, far_end.get(), addresses, 0, room, room, &bytes, &overlapped) ||
                WSAGetLastError() == ERROR_IO_PENDING,
            "AcceptEx begins");
    const Socket client = stream(doors.family);
    check(connect(client.get(), door.get(), door.length), "connect");
    DWORD flags = 0;
    require(WSAGetOverlappedResult(listener, &overlapped, &bytes, TRUE, &flags), "AcceptEx completes");
    if (update && setsockopt(far_end.get(), SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                             reinterpret_cast<const char*>(&listener), sizeof listener) != 0) {
        const int error = WSAGetLastError();
        char byte = 0;
        require(recv(far_end.get(), &byte, 1, 0) == SOCKET_ERROR && WSAGetLastError() == WSAECONNRESET,
                "what was refused receives nothing");
        far_end.close();
        return end_of(client.get(), std::to_string(error));
    }
    if (!update && send(far_end.get(), "", 0, 0) != 0) {
        const int error = WSAGetLastError();
        far_end.close();
        return end_of(client.get(), std::to_string(error));
    }
    return taken(far_end.get(), client.get());
}

// --- bind and listen: by the door's address and port, on a socket of its own ---

std::string bind_again(const Doors& doors, const Address& door) {
    const Socket socket(::socket(doors.family, SOCK_STREAM, IPPROTO_TCP));
    return bind(socket.get(), door.get(), door.length) == 0 ? "door" : std::to_string(WSAGetLastError());
}

std::string listen_again(const Doors& doors, const Address& door) {
    return listen(doors.listener_of(door), 5) == 0 ? "door" : std::to_string(WSAGetLastError());
}

} // namespace

int main(int argc, char** argv) {
    return program::run("policy_calls", [&](Json& summary) {
        require(argc == 3, "usage: policy_calls PORTS GO");
        const Winsock winsock;
        const House house;
        house.publish(argv[1]);
        wait_for(argv[2]);
        Json cells;
        house.each_door(SOCK_STREAM, [&](const Doors& doors, const std::string& name, const Address& door) {
            cells.text("connect " + name, blocking_connect(doors, door));
            cells.text("non-blocking connect " + name, non_blocking_connect(doors, door));
            cells.text("ConnectEx " + name, connect_ex(doors, door));
        });
        house.each_door(SOCK_DGRAM, [&](const Doors& doors, const std::string& name, const Address& door) {
            cells.text("sendto " + name, send_to(doors, door));
            cells.text("WSASendMsg " + name, send_msg(doors, door));
            cells.text("connect and send " + name, connected_send(doors, door));
        });
        house.each_gate([&](const Doors& doors, const std::string& name, const Address& door) {
            cells.text("accept " + name, accepted(doors, door, false));
            cells.text("WSAAccept with a condition " + name, accepted(doors, door, true));
            cells.text("AcceptEx " + name, accept_ex(doors, door, true));
            cells.text("AcceptEx without update " + name, accept_ex(doors, door, false));
            cells.text("bind " + name, bind_again(doors, door));
            cells.text("listen " + name, listen_again(doors, door));
        });
        summary.object("cells", cells);
    });
}
