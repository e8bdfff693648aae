// Connects that the stack refuses at once: how a held connect that is denied, or whose socket is closed, comes to its
// end, by the stack itself and so through whatever the program waits with.
//
// A port of this machine that is bound and does not listen refuses. It must be at the address to which the program's
// socket is bound, since a socket that is bound to one address cannot reach the loopback one.
#pragma once

#include <array>

#include "core/ring_format.hpp"
#include "slot.hpp"

namespace winsock_spi::lsp {

struct LowerAddress;

// Ports that refuse: kept while the chain that made them is in use, one for each local address, a few of them.
class RefusingPorts {
public:
    // An address that refuses connects of this socket. False: none could be made.
    bool address_for(const Slot& slot, SOCKET socket, LowerAddress& name);
    void release(const Slot& slot);

private:
    struct Port {
        SOCKET socket; // 0 = free
        const Slot* slot;
        core::RecordAddress address;
    };

    SRWLOCK lock_{};
    std::array<Port, 8> ports_{};
    std::size_t next_ = 0; // which one makes room
};

// A connect of a non-blocking socket that the stack refuses; the program's own error is told elsewhere. 0 or the error
// with which not even that could be begun.
int refuse_connect(RefusingPorts& ports, const Slot& slot, SOCKET socket);

// The same with ConnectEx and the program's own structure. Exactly one completion follows, whatever goes wrong.
void refuse_connect_ex(RefusingPorts& ports, const Slot& slot, SOCKET socket, LPFN_CONNECTEX connect_ex,
                       OVERLAPPED* overlapped);

// The last resort: an overlapped call of the socket's that waits, cancelled at once (ERROR_OPERATION_ABORTED).
void complete_cancelled(const Slot& slot, SOCKET socket, OVERLAPPED* overlapped);

} // namespace winsock_spi::lsp
