// The process at the other end of a channel: opened, so that its id cannot come to mean another process, and asked of
// the system who it is.
#pragma once

#include <cstdint>
#include <string>

#include "../status.hpp"
#include "duplicate.hpp"

namespace winsock_spi::spi {

class Peer {
public:
    // `for_export`: sockets will be duplicated into it, which needs the right PROCESS_DUP_HANDLE.
    // Errors: ERR_NO_PROCESS, ERR_PROCESS_RIGHTS.
    Status open(std::uint32_t pid, bool for_export);
    void close() { process_.handle.reset(); }

    // Whether it still runs; false once closed.
    bool is_alive() const;

    // Puts a socket into it. Errors as those of duplicate_socket.
    Status export_socket(SOCKET socket, WSAPROTOCOL_INFOW& info) const;
    // Takes back one that it has not adopted. Errors as those of revoke_export.
    Status revoke(std::uint32_t handle) const;

    // Full path of its program, empty if it cannot be told.
    std::wstring program() const;
    // Its user's SID as text.
    Status user(std::wstring& sid) const;

private:
    TargetProcess process_;
};

// The SID, as text, of this process's user.
Status own_user(std::wstring& sid);

// A DACL, as SDDL text, that lets in the user of this process and nobody else.
Status own_user_sddl(std::wstring& sddl);

} // namespace winsock_spi::spi
