// One socket, several descriptors. Pages: "WSADuplicateSocketW function (winsock2.h)", "WSASocketW function
// (winsock2.h)", "Shared Sockets", "DuplicateHandle function", "Socket Handles".
#include "overlapped.hpp"

using namespace conformance;

namespace {

Socket from_info(WSAPROTOCOL_INFOW& info) {
    return Socket(
        WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, WSA_FLAG_OVERLAPPED));
}

// A second descriptor in this process.
Socket second_descriptor(SOCKET socket) {
    WSAPROTOCOL_INFOW info{};
    require("WSADuplicateSocketW", WSADuplicateSocketW(socket, GetCurrentProcessId(), &info) == 0);
    Socket second = from_info(info);
    require("WSASocketW", static_cast<bool>(second));
    return second;
}

} // namespace

CONFORMANCE_CASE("duplicate", "a connected socket") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        Pair pair = tcp_pair(family);
        WSAPROTOCOL_INFOW info{};
        succeeds(name + "WSADuplicateSocketW", WSADuplicateSocketW(pair.near_end.get(), GetCurrentProcessId(), &info));
        equal(name + "the info's family", info.iAddressFamily, family);
        equal(name + "its type", info.iSocketType, SOCK_STREAM);
        equal(name + "its protocol", info.iProtocol, static_cast<int>(IPPROTO_TCP));
        Socket second = from_info(info);
        is(name + "WSASocketW", static_cast<bool>(second));
        is(name + "another descriptor", second.get() != pair.near_end.get());
        is(name + "the same local name", same(name_of(second.get()), name_of(pair.near_end.get())));
        is(name + "the same peer", same(peer_of(second.get()), peer_of(pair.near_end.get())));
        send_text(second.get(), "second");
        equal(name + "sends over the connection", receive_text(pair.far_end.get()), "second");
        send_text(pair.far_end.get(), "answer");
        equal(name + "and receives from it", receive_text(second.get()), "answer");
        send_text(pair.far_end.get(), "either");
        equal(name + "the first receives as well", receive_text(pair.near_end.get()), "either");
        pair.near_end.close();
        send_text(second.get(), "alive");
        equal(name + "closing one leaves the other", receive_text(pair.far_end.get()), "alive");
        second.close();
        equal(name + "closing the last ends the connection", receive_text(pair.far_end.get()), "");
    }
}

// The descriptors are of one socket: they share its options and its state.
CONFORMANCE_CASE("duplicate", "shared state") {
    const Pair pair = tcp_pair();
    const Socket second = second_descriptor(pair.near_end.get());
    const BOOL on = TRUE;
    succeeds("an option set by one", set_option(second.get(), SOL_SOCKET, SO_KEEPALIVE, on));
    equal("is read by the other", option(pair.near_end.get(), SOL_SOCKET, SO_KEEPALIVE), 1);
    succeeds("a size set by the first", set_option(pair.near_end.get(), IPPROTO_TCP, TCP_NODELAY, on));
    equal("is read by the second", option(second.get(), IPPROTO_TCP, TCP_NODELAY), 1);
    succeeds("shutdown by one", shutdown(second.get(), SD_SEND));
    fails("is in force for the other", send(pair.near_end.get(), "x", 1, 0), WSAESHUTDOWN);
    equal("and for the peer", receive_text(pair.far_end.get()), "");
    const Socket fresh = tcp();
    const Socket twin = second_descriptor(fresh.get());
    const Address address = loopback(AF_INET);
    succeeds("bind by one", bind(fresh.get(), address.get(), address.length));
    is("is seen by the other", same(name_of(twin.get()), name_of(fresh.get())));
    fails("which cannot bind again", bind(twin.get(), address.get(), address.length), WSAEINVAL);
    succeeds("it listens", listen(twin.get(), 4));
    equal("which the first sees", option(fresh.get(), SOL_SOCKET, SO_ACCEPTCONN), 1);
    const Socket client = connected_to(fresh.get());
    const Socket accepted(accept(fresh.get(), nullptr, nullptr));
    is("and it accepts", static_cast<bool>(accepted));
}

CONFORMANCE_CASE("duplicate", "datagram and listening sockets") {
    const Socket datagram = bound_udp();
    const Socket twin = second_descriptor(datagram.get());
    const Socket sender = bound_udp();
    const Address to = name_of(twin.get());
    equal("a datagram to the name of the twin", sendto(sender.get(), "shared", 6, 0, to.get(), to.length), 6);
    equal("is received by it", receive_text(twin.get()), "shared");
    Receive receive;
    require("a receive", started(receive.start(twin.get())));
    equal("another", sendto(sender.get(), "overlapped", 10, 0, to.get(), to.length), 10);
    DWORD count = 0;
    equal("by an overlapped receive", receive.finish(twin.get(), count), 0);
    equal("whole", receive.text(count), "overlapped");
    Socket listener = listening();
    const Address listening_at = name_of(listener.get());
    const Socket second = second_descriptor(listener.get());
    listener.close();
    const Socket client = tcp();
    succeeds("a listener lives on in its twin", connect(client.get(), listening_at.get(), listening_at.length));
    const Socket accepted(accept(second.get(), nullptr, nullptr));
    is("which accepts", static_cast<bool>(accepted));
}

CONFORMANCE_CASE("duplicate", "the A form") {
    const Pair pair = tcp_pair();
    WSAPROTOCOL_INFOA info{};
    succeeds("WSADuplicateSocketA", WSADuplicateSocketA(pair.near_end.get(), GetCurrentProcessId(), &info));
    equal("the info's family", info.iAddressFamily, AF_INET);
    const Socket second(
        WSASocketA(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, WSA_FLAG_OVERLAPPED));
    is("WSASocketA", static_cast<bool>(second));
    send_text(second.get(), "ansi");
    equal("works", receive_text(pair.far_end.get()), "ansi");
}

CONFORMANCE_CASE("duplicate", "errors") {
    const Pair pair = tcp_pair();
    WSAPROTOCOL_INFOW info{};
    fails("a closed socket: WSAENOTSOCK", WSADuplicateSocketW(closed_socket(), GetCurrentProcessId(), &info),
          WSAENOTSOCK);
    fails("no process: WSAEINVAL", WSADuplicateSocketW(pair.near_end.get(), 0, &info), WSAEINVAL);
    fails("a process that is none: WSAEINVAL", WSADuplicateSocketW(pair.near_end.get(), 3, &info), WSAEINVAL);
    fails("no info: WSAEFAULT", WSADuplicateSocketW(pair.near_end.get(), GetCurrentProcessId(), nullptr), WSAEFAULT);
    send_text(pair.near_end.get(), "fine");
    equal("the socket is not harmed", receive_text(pair.far_end.get()), "fine");
}

// "Socket Handles": a handle made by DuplicateHandle is one of the same socket. (By ReadFile and WriteFile: Wine 10.0's
// own Winsock does not know such a handle, our host side does.)
CONFORMANCE_CASE("duplicate", "DuplicateHandle") {
    Pair pair = tcp_pair();
    HANDLE made = nullptr;
    is("DuplicateHandle", DuplicateHandle(GetCurrentProcess(), handle_of(pair.near_end.get()), GetCurrentProcess(),
                                          &made, 0, FALSE, DUPLICATE_SAME_ACCESS) != FALSE);
    const Handle second(made);
    equal("its type", GetFileType(second.get()), static_cast<DWORD>(FILE_TYPE_PIPE));
    Operation writing;
    DWORD count = 0;
    require("WriteFile", started_bool(WriteFile(second.get(), "handle", 6, nullptr, &writing.overlapped)));
    is("WriteFile ends", writing.wait());
    equal("over the connection", receive_text(pair.far_end.get()), "handle");
    char bytes[8]{};
    Operation reading;
    require("ReadFile", started_bool(ReadFile(second.get(), bytes, sizeof bytes, nullptr, &reading.overlapped)));
    send_text(pair.far_end.get(), "back");
    is("ReadFile ends", reading.wait());
    succeeds_bool("GetOverlappedResult", GetOverlappedResult(second.get(), &reading.overlapped, &count, FALSE));
    equal("with the bytes", count, 4u);
    equal("from the connection", std::string(bytes), "back");
    pair.near_end.close();
    Operation again;
    require("WriteFile", started_bool(WriteFile(second.get(), "alone", 5, nullptr, &again.overlapped)));
    is("it writes when the socket is closed", again.wait());
    equal("over the same connection", receive_text(pair.far_end.get()), "alone");
}
