#include "polled_socket.hpp"

namespace winsock_spi::spi {
namespace {

// How many connections that were reset while they waited one call of accept passes over.
constexpr int most_resets = 64;

} // namespace

Status PolledSocket::open(UniqueSocket& socket, ReadinessSink& sink, std::unique_ptr<PolledSocket>& out) {
    const WinsockApi* api = nullptr;
    if (Status status = winsock_api(api); !status.ok()) {
        return status;
    }
    Readiness* readiness = nullptr;
    if (Status status = Readiness::get(readiness); !status.ok()) {
        return status;
    }
    std::unique_ptr<PolledSocket> made(new PolledSocket(*api, *readiness, std::move(socket), sink));
    if (Status status = made->make_nonblocking(); !status.ok()) {
        socket = made->release(); // the caller's again
        return status;
    }
    out = std::move(made);
    return {};
}

Status PolledSocket::error(const char* syscall, const char* what) const {
    return system_error(static_cast<std::uint32_t>(api_.WSAGetLastError()), syscall, what);
}

// FIONBIO belongs to the socket and not to the descriptor: another process that shares it may have set it back
// meanwhile.
Status PolledSocket::make_nonblocking() {
    u_long nonblocking = 1;
    return api_.ioctlsocket(socket_.get(), static_cast<long>(FIONBIO), &nonblocking) == 0 ? Status{}
                                                                                          : error("ioctlsocket");
}

Status PolledSocket::arm(short events) {
    if (!socket_) {
        return system_error(WSAENOTSOCK, "WSAPoll");
    }
    Status status = readiness_.arm(id_, socket_.get(), events, sink_);
    armed_ = armed_ || status.ok();
    return status;
}

UniqueSocket PolledSocket::release() {
    if (armed_) {
        readiness_.disarm(id_);
        armed_ = false;
    }
    return std::move(socket_);
}

void PolledSocket::close() {
    release();
}

Status PolledSocket::listen(int backlog) {
    return api_.listen(socket_.get(), backlog) == 0 ? Status{} : error("listen");
}

Status PolledSocket::accept(UniqueSocket& accepted) {
    if (Status status = make_nonblocking(); !status.ok()) {
        return status;
    }
    for (int resets = 0; resets < most_resets; ++resets) {
        accepted.reset(api_.accept(socket_.get(), nullptr, nullptr));
        if (accepted) {
            SetHandleInformation(reinterpret_cast<HANDLE>(accepted.get()), HANDLE_FLAG_INHERIT, 0);
            return {};
        }
        const int number = api_.WSAGetLastError();
        if (number == WSAEWOULDBLOCK) {
            return {};
        }
        if (number != WSAECONNRESET && number != WSAECONNABORTED) {
            return system_error(static_cast<std::uint32_t>(number), "accept");
        }
    }
    return {};
}

Status PolledSocket::receive(std::span<std::uint8_t> buffer, bool& received, std::size_t& length, AnyAddress& from) {
    received = false;
    if (Status status = make_nonblocking(); !status.ok()) {
        return status;
    }
    for (int errors = 0; errors < most_resets; ++errors) {
        WSABUF part{static_cast<ULONG>(buffer.size()), reinterpret_cast<char*>(buffer.data())};
        DWORD count = 0;
        DWORD flags = 0;
        int from_length = sizeof(from);
        from = {};
        const int result =
            api_.WSARecvFrom(socket_.get(), &part, 1, &count, &flags, &from.any, &from_length, nullptr, nullptr);
        const int number = result == 0 ? 0 : api_.WSAGetLastError();
        if (number == 0 || number == WSAEMSGSIZE) { // one that was longer than the buffer is cut off
            received = true;
            length = number == 0 ? count : buffer.size();
            return {};
        }
        if (number == WSAEWOULDBLOCK) {
            return {};
        }
        if (number != WSAECONNRESET && number != WSAENETRESET) {
            return system_error(static_cast<std::uint32_t>(number), "WSARecvFrom");
        }
    }
    return {};
}

Status PolledSocket::send(std::span<WSABUF> buffers, const AnyAddress* to, int to_length, bool& sent) {
    DWORD count = 0;
    const int result =
        api_.WSASendTo(socket_.get(), buffers.data(), static_cast<DWORD>(buffers.size()), &count, 0,
                       to != nullptr ? &to->any : nullptr, to != nullptr ? to_length : 0, nullptr, nullptr);
    sent = result == 0;
    if (sent || api_.WSAGetLastError() == WSAEWOULDBLOCK) {
        return {};
    }
    return error("WSASendTo");
}

Status PolledSocket::connect(const AnyAddress& to, int to_length) {
    return api_.connect(socket_.get(), &to.any, to_length) == 0 ? Status{} : error("connect");
}

Status PolledSocket::disconnect() {
    AnyAddress nobody{}; // all zero: AF_UNSPEC
    return api_.connect(socket_.get(), &nobody.any, sizeof(nobody.v6)) == 0 ? Status{} : error("connect");
}

Status PolledSocket::local(AnyAddress& address) {
    int length = sizeof(address);
    return api_.getsockname(socket_.get(), &address.any, &length) == 0 ? Status{} : error("getsockname");
}

Status PolledSocket::remote(AnyAddress& address) {
    int length = sizeof(address);
    return api_.getpeername(socket_.get(), &address.any, &length) == 0 ? Status{} : error("getpeername");
}

Status PolledSocket::set_option(int level, int name, const void* value, int length, const char* what) {
    return api_.setsockopt(socket_.get(), level, name, static_cast<const char*>(value), length) == 0
               ? Status{}
               : error("setsockopt", what);
}

Status PolledSocket::get_option(int level, int name, void* value, int& length, const char* what) {
    return api_.getsockopt(socket_.get(), level, name, static_cast<char*>(value), &length) == 0
               ? Status{}
               : error("getsockopt", what);
}

Status PolledSocket::family(int& family) {
    WSAPROTOCOL_INFOW info{};
    int length = sizeof(info);
    if (Status status = get_option(SOL_SOCKET, SO_PROTOCOL_INFOW, &info, length, "SO_PROTOCOL_INFOW"); !status.ok()) {
        return status;
    }
    family = info.iAddressFamily;
    return {};
}

} // namespace winsock_spi::spi
