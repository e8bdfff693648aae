// The process at the other end of a channel: opened, so that its id cannot come to mean another process, and asked of
// the system who it is.
#pragma once

#include <cstdint>
#include <string>

#include "../status.hpp"
#include "duplicate.hpp"
#include "ledger.hpp"

namespace winsock_spi::spi {

class Peer {
public:
    // `for_export`: sockets will be duplicated into it, which needs the right PROCESS_DUP_HANDLE.
    // Errors: ERR_NO_PROCESS, ERR_PROCESS_RIGHTS.
    Status open(std::uint32_t pid, bool for_export);
    void close() {
        process_.handle.reset();
        ledger_.close();
    }

    // Whether it still runs; false once closed.
    bool is_alive() const;

    // Makes a ledger for what is put into it; the number is its handle there.
    Status make_ledger(const LedgerKey& key, std::uint32_t& handle_there);
    // Opens the ledger that it has made for this process.
    Status open_ledger(std::uint32_t handle, const LedgerKey& key) { return ledger_.open(handle, key); }
    // Closes what it has put into this process, by its ledger, in hand-overs with a higher number. It must have ended.
    void close_unclaimed(std::uint32_t id) const;

    // Puts a socket into it and notes that in the ledger. Errors as those of duplicate_socket.
    Status export_socket(SOCKET socket, std::uint32_t id, WSAPROTOCOL_INFOW& info);
    // Takes back one that it has not adopted. Errors as those of revoke_export.
    Status revoke(std::uint32_t handle) const;

    // Full path of its program, empty if it cannot be told.
    std::wstring program() const;
    // FILETIME of its start; 0 if it cannot be told.
    std::uint64_t start() const;
    // Its user's SID as text.
    Status user(std::wstring& sid) const;

private:
    TargetProcess process_;
    Ledger ledger_;
};

// The SID, as text, of this process's user.
Status own_user(std::wstring& sid);

// A DACL, as SDDL text, that lets in the user of this process and nobody else.
Status own_user_sddl(std::wstring& sddl);

} // namespace winsock_spi::spi
