// Which process is at the other end of a loopback connection, as the system's own table has it: a process id that a
// peer writes on the wire is only a claim.
#pragma once

#include "../status.hpp"
#include "../unique.hpp"

#include <cstdint>
#include <string>

namespace winsock_spi::spi {

// One end of an IPv4 connection, in host byte order.
struct TcpEnd {
    std::uint32_t address = 0;
    std::uint16_t port = 0;
};

// The process that owns one end of a connection, held open: as long as this lives, its id belongs to no other.
class TcpOwner {
public:
    // `end` is the end whose owner is looked for. Error ERR_NO_OWNER if the connection is gone, or a process made it
    // that has ended.
    // https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
    Status open(const TcpEnd& end, const TcpEnd& other);

    std::uint32_t pid() const { return pid_; }
    std::wstring program() const; // full path; empty if it cannot be told
    // Whether that process was started by this one, or by one that was, and so on. A process whose starter has ended
    // cannot be told from a stranger: false.
    bool descends_from_us() const;
    bool is_alive() const;
    void close() { process_.reset(); }

private:
    UniqueHandle process_;
    std::uint32_t pid_ = 0;
};

} // namespace winsock_spi::spi
