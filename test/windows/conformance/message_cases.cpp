// WSARecvMsg and WSASendMsg. Pages: "LPFN_WSARECVMSG (WSARecvMsg) function", "WSASendMsg function (winsock2.h)",
// "WSAMSG structure (ws2def.h)", "IP_PKTINFO", "IPV6_PKTINFO".
#include "overlapped.hpp"

using namespace conformance;

namespace {

// A message with room for everything.
struct Message {
    Message() { reset(); }
    void reset() {
        from = Address{};
        data = buffer(bytes);
        message = WSAMSG{};
        message.name = from.get();
        message.namelen = from.length;
        message.lpBuffers = &data;
        message.dwBufferCount = 1;
        message.Control = buffer(control.bytes, sizeof control.bytes);
    }
    const WSACMSGHDR* find(int level, int type) {
        for (WSACMSGHDR* header = WSA_CMSG_FIRSTHDR(&message); header != nullptr;
             header = WSA_CMSG_NXTHDR(&message, header)) {
            if (header->cmsg_level == level && header->cmsg_type == type) {
                return header;
            }
        }
        return nullptr;
    }

    Address from;
    char bytes[64]{};
    union {
        WSACMSGHDR aligned;
        char bytes[256];
    } control{};
    WSABUF data{};
    WSAMSG message{};
};

struct Ends {
    explicit Ends(int family = AF_INET)
        : sender(bound_udp(family)), receiver(bound_udp(family)), to(name_of(receiver.get())),
          receive(extension<LPFN_WSARECVMSG>(receiver.get(), WSAID_WSARECVMSG)) {}

    void send_to(std::string_view text) const {
        require("sendto", sendto(sender.get(), text.data(), static_cast<int>(text.size()), 0, to.get(), to.length) ==
                              static_cast<int>(text.size()));
    }
    void deliver(std::string_view text) const {
        send_to(text);
        require("the datagram arrives", readable(receiver.get()));
    }

    Socket sender;
    Socket receiver;
    Address to;
    LPFN_WSARECVMSG receive;
};

} // namespace

CONFORMANCE_CASE("WSARecvMsg", "a datagram and where it came from") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        const Ends ends(family);
        ends.deliver("message");
        Message message;
        DWORD count = 0;
        succeeds(name + "WSARecvMsg", ends.receive(ends.receiver.get(), &message.message, &count, nullptr, nullptr));
        equal(name + "the bytes", count, 7u);
        equal(name + "the data", std::string(message.bytes), "message");
        equal(name + "namelen", message.message.namelen, address_length(family));
        message.from.length = message.message.namelen;
        is(name + "the sender's name", same(message.from, name_of(ends.sender.get())));
        equal(name + "no flags", message.message.dwFlags, 0u);
        equal(name + "no control data without an option", message.message.Control.len, 0u);
    }
}

// IP_PKTINFO: the address a packet was sent to comes as control data.
CONFORMANCE_CASE("WSARecvMsg", "IP_PKTINFO") {
    const Ends ends;
    const DWORD on = 1;
    succeeds("the option", set_option(ends.receiver.get(), IPPROTO_IP, IP_PKTINFO, on));
    equal("is on then", option(ends.receiver.get(), IPPROTO_IP, IP_PKTINFO), 1);
    ends.deliver("info");
    Message message;
    DWORD count = 0;
    succeeds("WSARecvMsg", ends.receive(ends.receiver.get(), &message.message, &count, nullptr, nullptr));
    equal("the bytes", count, 4u);
    equal("the length of the control data", message.message.Control.len,
          static_cast<ULONG>(WSA_CMSG_SPACE(sizeof(IN_PKTINFO))));
    const WSACMSGHDR* header = message.find(IPPROTO_IP, IP_PKTINFO);
    is("has IP_PKTINFO", header != nullptr);
    require("the header", header != nullptr);
    equal("its length", static_cast<std::size_t>(header->cmsg_len),
          static_cast<std::size_t>(WSA_CMSG_LEN(sizeof(IN_PKTINFO))));
    IN_PKTINFO info{};
    std::memcpy(&info, WSA_CMSG_DATA(header), sizeof info);
    equal("the address it was sent to", ntohl(info.ipi_addr.s_addr), static_cast<u_long>(INADDR_LOOPBACK));
    is("an interface", info.ipi_ifindex != 0);
    const DWORD off = 0;
    succeeds("the option off", set_option(ends.receiver.get(), IPPROTO_IP, IP_PKTINFO, off));
    ends.deliver("none");
    message.reset();
    succeeds("WSARecvMsg again", ends.receive(ends.receiver.get(), &message.message, &count, nullptr, nullptr));
    equal("has no control data", message.message.Control.len, 0u);
}

CONFORMANCE_CASE("WSARecvMsg", "IPV6_PKTINFO") {
    const Ends ends(AF_INET6);
    const DWORD on = 1;
    succeeds("the option", set_option(ends.receiver.get(), IPPROTO_IPV6, IPV6_PKTINFO, on));
    ends.deliver("info");
    Message message;
    DWORD count = 0;
    succeeds("WSARecvMsg", ends.receive(ends.receiver.get(), &message.message, &count, nullptr, nullptr));
    equal("the bytes", count, 4u);
    const WSACMSGHDR* header = message.find(IPPROTO_IPV6, IPV6_PKTINFO);
    is("has IPV6_PKTINFO", header != nullptr);
    require("the header", header != nullptr);
    equal("its length", static_cast<std::size_t>(header->cmsg_len),
          static_cast<std::size_t>(WSA_CMSG_LEN(sizeof(IN6_PKTINFO))));
    IN6_PKTINFO info{};
    std::memcpy(&info, WSA_CMSG_DATA(header), sizeof info);
    is("the address it was sent to", IN6_IS_ADDR_LOOPBACK(&info.ipi6_addr) != 0);
    is("an interface", info.ipi6_ifindex != 0);
}

// MSG_TRUNC says that the datagram was cut, MSG_CTRUNC that the control data was; both are WSAEMSGSIZE.
CONFORMANCE_CASE("WSARecvMsg", "too little room") {
    const Ends ends;
    ends.deliver("too long a message");
    Message message;
    message.data.len = 4;
    DWORD count = 0;
    fails("for the data: WSAEMSGSIZE", ends.receive(ends.receiver.get(), &message.message, &count, nullptr, nullptr),
          WSAEMSGSIZE);
    equal("the buffer is filled", std::string(message.bytes), "too ");
    is("MSG_TRUNC", (message.message.dwFlags & MSG_TRUNC) != 0,
       on_wine(false, "Wine 10.0 tells the cut by the error alone"));
    is("the rest is lost", !readable(ends.receiver.get(), 0));
    const DWORD on = 1;
    require("the option", set_option(ends.receiver.get(), IPPROTO_IP, IP_PKTINFO, on) == 0);
    ends.deliver("fits");
    message.reset();
    message.message.Control.len = 4;
    fails("for the control data: WSAEMSGSIZE",
          ends.receive(ends.receiver.get(), &message.message, &count, nullptr, nullptr), WSAEMSGSIZE);
    equal("the data is there", std::string(message.bytes, 4), "fits");
    is("MSG_CTRUNC", (message.message.dwFlags & MSG_CTRUNC) != 0);
}

CONFORMANCE_CASE("WSARecvMsg", "MSG_PEEK") {
    const Ends ends;
    ends.deliver("look");
    Message message;
    message.message.dwFlags = MSG_PEEK;
    DWORD count = 0;
    succeeds("WSARecvMsg", ends.receive(ends.receiver.get(), &message.message, &count, nullptr, nullptr));
    equal("sees the datagram", std::string(message.bytes), "look");
    equal("which is still there", receive_text(ends.receiver.get()), "look");
}

CONFORMANCE_CASE("WSARecvMsg", "overlapped") {
    const Ends ends;
    const DWORD on = 1;
    require("the option", set_option(ends.receiver.get(), IPPROTO_IP, IP_PKTINFO, on) == 0);
    Message message;
    Operation operation;
    fails("WSARecvMsg without data",
          ends.receive(ends.receiver.get(), &message.message, nullptr, &operation.overlapped, nullptr), WSA_IO_PENDING);
    is("the event is not set", !operation.event.is_set());
    ends.send_to("later");
    DWORD count = 0;
    equal("ends with a datagram", operation.finish(ends.receiver.get(), count), 0);
    equal("with its bytes", count, 5u);
    equal("and data", std::string(message.bytes), "later");
    message.from.length = message.message.namelen;
    is("the sender's name", same(message.from, name_of(ends.sender.get())));
    is("and the control data", message.find(IPPROTO_IP, IP_PKTINFO) != nullptr);
}

CONFORMANCE_CASE("WSARecvMsg", "errors") {
    const Ends ends;
    Message message;
    DWORD count = 0;
    set_nonblocking(ends.receiver.get());
    fails("no datagram, non-blocking", ends.receive(ends.receiver.get(), &message.message, &count, nullptr, nullptr),
          WSAEWOULDBLOCK);
    fails("a closed socket", ends.receive(closed_socket(), &message.message, &count, nullptr, nullptr), WSAENOTSOCK);
}

CONFORMANCE_CASE("WSASendMsg", "a datagram") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        const Ends ends(family);
        Address to = ends.to;
        WSABUF parts[2] = {text_buffer("send"), text_buffer("msg")};
        WSAMSG message{};
        message.name = to.get();
        message.namelen = to.length;
        message.lpBuffers = parts;
        message.dwBufferCount = 2;
        DWORD count = 0;
        succeeds(name + "WSASendMsg", WSASendMsg(ends.sender.get(), &message, 0, &count, nullptr, nullptr));
        equal(name + "counts the bytes", count, 7u);
        char bytes[16]{};
        Address from;
        require("data", readable(ends.receiver.get()));
        equal(name + "one datagram", recvfrom(ends.receiver.get(), bytes, sizeof bytes, 0, from.get(), &from.length),
              7);
        equal(name + "with both parts", std::string(bytes), "sendmsg");
        is(name + "from the sender", same(from, name_of(ends.sender.get())));
    }
}

CONFORMANCE_CASE("WSASendMsg", "overlapped and errors") {
    const Ends ends;
    Address to = ends.to;
    WSABUF data = text_buffer("pending");
    WSAMSG message{};
    message.name = to.get();
    message.namelen = to.length;
    message.lpBuffers = &data;
    message.dwBufferCount = 1;
    Operation operation;
    require("WSASendMsg", started(WSASendMsg(ends.sender.get(), &message, 0, nullptr, &operation.overlapped, nullptr)));
    DWORD count = 0;
    equal("ends", operation.finish(ends.sender.get(), count), 0);
    equal("with its bytes", count, 7u);
    equal("which arrive", receive_text(ends.receiver.get()), "pending");
    fails("a closed socket", WSASendMsg(closed_socket(), &message, 0, &count, nullptr, nullptr), WSAENOTSOCK);
    const auto by_pointer = extension<LPFN_WSASENDMSG>(ends.sender.get(), WSAID_WSASENDMSG);
    succeeds("by the extension function too", by_pointer(ends.sender.get(), &message, 0, &count, nullptr, nullptr));
    equal("with its count", count, 7u);
    equal("and its datagram", receive_text(ends.receiver.get()), "pending");
}
