// A listener or a datagram socket that is used without a completion port: calls that never wait, and readiness told by
// the thread of readiness.hpp. Not safe for use by several threads.
#pragma once

#include "../status.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "address_text.hpp"
#include "readiness.hpp"
#include "unique_socket.hpp"

namespace winsock_spi::spi {

class PolledSocket {
public:
    // Takes the socket over, if it can, and makes it non-blocking (which, on Windows, every process that shares it gets
    // to feel).
    static Status open(UniqueSocket& socket, ReadinessSink& sink, std::unique_ptr<PolledSocket>& out);

    ~PolledSocket() { close(); }
    PolledSocket(const PolledSocket&) = delete;
    PolledSocket& operator=(const PolledSocket&) = delete;

    std::uint64_t id() const { return id_; }
    SOCKET socket() const { return socket_.get(); }

    Status arm(short events);
    // After it, the sink is not told any more and the socket is closed. Nobody else's connection or data is touched.
    void close();
    // As close, without closing: the socket is the caller's.
    UniqueSocket release();

    Status listen(int backlog);
    // `accepted` stays empty where nobody is waiting. A connection that was reset before it could be taken is none.
    // The new socket belongs to no completion port and is not inherited by children.
    Status accept(UniqueSocket& accepted);

    // `received` is false where nothing is there. Answers to datagrams that did not arrive (WSAECONNRESET) are nothing.
    Status receive(std::span<std::uint8_t> buffer, bool& received, std::size_t& length, AnyAddress& from);
    // `to` is null for a connected socket. `sent` is false where there is no room at the moment.
    Status send(std::span<WSABUF> buffers, const AnyAddress* to, int to_length, bool& sent);
    Status connect(const AnyAddress& to, int to_length);
    Status disconnect();

    Status local(AnyAddress& address);
    Status remote(AnyAddress& address);

    Status set_option(int level, int name, const void* value, int length, const char* what);
    Status get_option(int level, int name, void* value, int& length, const char* what);
    // AF_INET or AF_INET6.
    Status family(int& family);

private:
    PolledSocket(const WinsockApi& api, Readiness& readiness, UniqueSocket socket, ReadinessSink& sink)
        : api_(api), readiness_(readiness), sink_(sink), socket_(std::move(socket)), id_(Readiness::new_id()) {}
    Status error(const char* syscall, const char* what = "") const;
    Status make_nonblocking();

    const WinsockApi& api_;
    Readiness& readiness_;
    ReadinessSink& sink_;
    UniqueSocket socket_;
    std::uint64_t id_;
    bool armed_ = false;
};

} // namespace winsock_spi::spi
