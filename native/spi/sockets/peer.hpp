// The process at the other end of a channel: opened, so that its id cannot come to mean another process, and asked of
// the system who it is.
#pragma once

#include <cstdint>
#include <string>

#include "../status.hpp"
#include "../unique.hpp"

namespace winsock_spi::spi {

class Peer {
public:
    // `for_export`: sockets will be duplicated into it, which needs the right PROCESS_DUP_HANDLE.
    // Errors: ERR_PEER_GONE (no such process), ERR_PEER_RIGHTS.
    Status open(std::uint32_t pid, bool for_export);
    void close() { process_.reset(); }

    // Whether it still runs; false once closed.
    bool is_alive() const;

    // FILETIME of its creation, 0 if it cannot be told.
    std::uint64_t start() const;
    // Full path of its program, empty if it cannot be told.
    std::wstring program() const;
    // Its user's SID as text.
    Status user(std::wstring& sid) const;

private:
    UniqueHandle process_;
};

// The SID, as text, of this process's user.
Status own_user(std::wstring& sid);

// A DACL, as SDDL text, that lets in the user of this process and nobody else.
Status own_user_sddl(std::wstring& sddl);

} // namespace winsock_spi::spi
