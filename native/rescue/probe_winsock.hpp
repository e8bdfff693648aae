// Winsock as the probe calls it: loaded at run time, like everything else of Winsock in this program, so that the rest
// of it works where Winsock cannot start.
#pragma once

#include <string>
#include <utility>

#include "spi/status.hpp"
#include "spi/unique.hpp"

namespace winsock_spi::rescue {

// X(name): the functions of ws2_32 that the probe calls.
// clang-format off
#define WINSOCK_SPI_PROBE_FUNCTIONS(X)                                                                                 \
    X(WSAStartup) X(WSACleanup) X(WSAGetLastError) X(WSAEnumProtocolsW) X(WSASocketW) X(socket) X(closesocket) X(bind) \
    X(listen) X(accept) X(connect) X(getsockname) X(setsockopt) X(getsockopt) X(ioctlsocket) X(select) X(send) X(recv) \
    X(sendto) X(recvfrom) X(WSARecv) X(WSAGetOverlappedResult)
// clang-format on

class ProbeWinsock {
public:
    ProbeWinsock() = default;
    ~ProbeWinsock();
    ProbeWinsock(const ProbeWinsock&) = delete;
    ProbeWinsock& operator=(const ProbeWinsock&) = delete;

    spi::Status start();
    // The error of the call that has just failed.
    spi::Status failed(const char* call) const;

#define WINSOCK_SPI_DECLARE(name) decltype(&::name) name = nullptr;
    WINSOCK_SPI_PROBE_FUNCTIONS(WINSOCK_SPI_DECLARE)
#undef WINSOCK_SPI_DECLARE

private:
    spi::UniqueModule module_;
    bool started_ = false;
};

// A socket that is closed at the end.
class ProbeSocket {
public:
    ProbeSocket() = default;
    ProbeSocket(const ProbeWinsock& winsock, SOCKET value) : winsock_(&winsock), value_(value) {}
    ProbeSocket(ProbeSocket&& other) noexcept
        : winsock_(other.winsock_), value_(std::exchange(other.value_, INVALID_SOCKET)) {}
    ProbeSocket& operator=(ProbeSocket&& other) noexcept {
        std::swap(winsock_, other.winsock_);
        std::swap(value_, other.value_);
        return *this;
    }
    ProbeSocket(const ProbeSocket&) = delete;
    ProbeSocket& operator=(const ProbeSocket&) = delete;
    ~ProbeSocket() { close(); }

    void close() {
        if (value_ != INVALID_SOCKET) {
            winsock_->closesocket(std::exchange(value_, INVALID_SOCKET));
        }
    }
    SOCKET get() const { return value_; }
    bool valid() const { return value_ != INVALID_SOCKET; }

private:
    const ProbeWinsock* winsock_ = nullptr;
    SOCKET value_ = INVALID_SOCKET;
};

} // namespace winsock_spi::rescue
