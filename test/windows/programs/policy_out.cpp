// What gets out of a new process, and what stays: connects and datagrams to addresses that nobody has (TEST-NET, and
// the documentation's prefix of IPv6) and to this machine. Prints the error of each at the call, "begun" where it has
// none.
#include "common.hpp"

namespace {

using namespace program;

Address away(int family) {
    Address address = loopback(family, 9);
    if (family == AF_INET) {
        reinterpret_cast<sockaddr_in*>(&address.storage)->sin_addr.s_addr = htonl(0xC0000201); // 192.0.2.1
    } else {
        constexpr std::uint8_t documentation[] = {0x20, 0x01, 0x0D, 0xB8};
        auto& bytes = reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_addr.s6_addr;
        std::memcpy(bytes, documentation, sizeof documentation);
    }
    return address;
}

Socket made(int family, int type) {
    Socket socket(WSASocketW(family, type, 0, nullptr, 0, WSA_FLAG_OVERLAPPED), "WSASocketW");
    u_long yes = 1; // nothing here is waited for
    check(ioctlsocket(socket.get(), static_cast<long>(FIONBIO), &yes), "FIONBIO");
    return socket;
}

std::string told(bool failed) {
    const int error = failed ? WSAGetLastError() : 0;
    return error == 0 || error == WSAEWOULDBLOCK || error == ERROR_IO_PENDING ? "begun" : std::to_string(error);
}

std::string connected(int type, const Address& to) {
    const Socket socket = made(to.storage.ss_family, type);
    return told(connect(socket.get(), to.get(), to.length) != 0);
}

std::string connected_ex(const Address& to) {
    Socket socket = made(to.storage.ss_family, SOCK_STREAM);
    const Address any = [&] {
        Address address = to;
        std::memset(&address.storage, 0, sizeof address.storage);
        address.storage.ss_family = to.storage.ss_family;
        return address;
    }();
    check(bind(socket.get(), any.get(), any.length), "bind");
    const auto function = extension<LPFN_CONNECTEX>(socket.get(), WSAID_CONNECTEX, "ConnectEx");
    const Handle event(CreateEventW(nullptr, TRUE, FALSE, nullptr), "CreateEventW");
    OVERLAPPED overlapped{};
    overlapped.hEvent = event.get();
    const std::string answer = told(!function(socket.get(), to.get(), to.length, nullptr, 0, nullptr, &overlapped));
    socket.close();
    if (answer == "begun") {
        WaitForSingleObject(event.get(), INFINITE); // the structure is on this stack
    }
    return answer;
}

std::string sent(const Address& to) {
    const Socket socket = made(to.storage.ss_family, SOCK_DGRAM);
    return told(sendto(socket.get(), "x", 1, 0, to.get(), to.length) == SOCKET_ERROR);
}

std::string here(int family) {
    const Socket listener = listening(family);
    const Address address = local_address(listener.get());
    return connected(SOCK_STREAM, address);
}

} // namespace

int main() {
    return program::run("policy_out", [](Json& summary) {
        const Winsock winsock;
        for (const int family : {AF_INET, AF_INET6}) {
            const std::string name = family == AF_INET ? " ipv4" : " ipv6";
            const Address to = away(family);
            Json calls;
            calls.text("connect", connected(SOCK_STREAM, to)).text("ConnectEx", connected_ex(to));
            calls.text("sendto", sent(to)).text("connect datagrams", connected(SOCK_DGRAM, to));
            summary.object("out" + name, calls).text("here" + name, here(family));
        }
    });
}
