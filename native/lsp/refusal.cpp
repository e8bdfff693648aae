// Connects that the stack refuses at once; see refusal.hpp.
#include "refusal.hpp"

#include <cstring>

#include <ws2tcpip.h>

#include "address.hpp"
#include "lock.hpp"
#include "redirect.hpp"
#include "spi/guarded.hpp"

namespace winsock_spi::lsp {

namespace {

// SIO_TCP_INITIAL_RTO with TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS; not in every SDK's headers. Without it Windows tries
// a refused port again for two seconds.
constexpr DWORD initial_rto_control = 0x98000011;
struct InitialRto {
    USHORT rtt;
    UCHAR retransmissions;
};
constexpr InitialRto no_retransmissions{0xfffe, 0xfe};

void do_not_retransmit(const Slot& slot, SOCKET socket) {
    InitialRto wanted = no_retransmissions;
    DWORD bytes = 0;
    int ignored = 0; // a Windows without it only takes longer
    slot.lower.lpWSPIoctl(socket, initial_rto_control, &wanted, sizeof(wanted), nullptr, 0, &bytes, nullptr, nullptr,
                          nullptr, &ignored);
}

bool same_host(const core::RecordAddress& a, const core::RecordAddress& b) {
    return a.family == b.family && a.scope == b.scope && std::memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

bool is_wildcard(const core::RecordAddress& address) {
    for (const std::uint8_t byte : address.bytes) {
        if (byte != 0) {
            return false;
        }
    }
    return true;
}

// Where a socket of this address can be refused: at the address itself, or at the loopback one of its family.
core::RecordAddress host_for(core::RecordAddress local) {
    local.port = 0;
    if (is_wildcard(local)) {
        if (local.family == AF_INET) {
            local.bytes[0] = 127;
            local.bytes[3] = 1;
        } else {
            local.bytes[15] = 1;
        }
    }
    return local;
}

// A socket of the chain, bound there and not listening. INVALID_SOCKET: could not be made.
SOCKET bind_port(const Slot& slot, core::RecordAddress& address) {
    LowerAddress name;
    const bool known_family = to_lower(address, name);
    int error = 0;
    WSAPROTOCOL_INFOW info = spi::to_winsock(slot.next);
    // A hidden entry only stands for its provider: no socket is made of it.
    WSAPROTOCOL_INFOW* const pointer = core::is_base(slot.next) ? &info : nullptr;
    const SOCKET socket = slot.lower.lpWSPSocket(address.family, SOCK_STREAM, IPPROTO_TCP, pointer, 0,
                                                 WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT, &error);
    if (socket == INVALID_SOCKET) {
        return INVALID_SOCKET;
    }
    const BOOL exclusive = TRUE; // nobody else shall listen on this port
    slot.lower.lpWSPSetSockOpt(socket, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, reinterpret_cast<const char*>(&exclusive),
                               sizeof(exclusive), &error);
    const BOOL no = FALSE; // an IPv4-mapped address is one of an IPv6 socket, too
    if (address.family == AF_INET6) {
        slot.lower.lpWSPSetSockOpt(socket, IPPROTO_IPV6, IPV6_V6ONLY, reinterpret_cast<const char*>(&no), sizeof(no),
                                   &error);
    }
    if (!known_family || slot.lower.lpWSPBind(socket, name.name(), name.length, &error) != 0) {
        slot.lower.lpWSPCloseSocket(socket, &error);
        return INVALID_SOCKET;
    }
    address.port = ask_local(slot, socket).port;
    return socket;
}

void set_status(OVERLAPPED* overlapped, ULONG_PTR status) {
    spi::guarded_write(&overlapped->InternalHigh, ULONG_PTR{0});
    spi::guarded_write(&overlapped->Internal, status);
    HANDLE event = nullptr;
    if (spi::guarded_read(event, &overlapped->hEvent) && event != nullptr) {
        SetEvent(event);
    }
}

} // namespace

bool RefusingPorts::address_for(const Slot& slot, SOCKET socket, LowerAddress& name) {
    const core::RecordAddress local = ask_local(slot, socket);
    if (local.family == 0) {
        return false;
    }
    core::RecordAddress wanted = host_for(local);
    const LockScope scope(lock_); // held while the lower provider makes a port, which does not lead back to us
    for (const Port& port : ports_) {
        if (port.socket != 0 && port.slot == &slot && same_host(port.address, wanted)) {
            return to_lower(port.address, name);
        }
    }
    const SOCKET made = bind_port(slot, wanted);
    if (made == INVALID_SOCKET) {
        return false;
    }
    Port& place = ports_[next_++ % ports_.size()];
    if (place.socket != 0) {
        int ignored = 0;
        place.slot->lower.lpWSPCloseSocket(place.socket, &ignored);
    }
    place = {made, &slot, wanted};
    return to_lower(wanted, name);
}

void RefusingPorts::release(const Slot& slot) {
    const LockScope scope(lock_);
    for (Port& port : ports_) {
        if (port.socket != 0 && port.slot == &slot) {
            int ignored = 0;
            slot.lower.lpWSPCloseSocket(port.socket, &ignored);
            port = {};
        }
    }
}

int refuse_connect(RefusingPorts& ports, const Slot& slot, SOCKET socket) {
    LowerAddress name;
    if (!ports.address_for(slot, socket, name)) {
        return WSAEADDRNOTAVAIL;
    }
    do_not_retransmit(slot, socket);
    int error = 0;
    if (slot.lower.lpWSPConnect(socket, name.name(), name.length, nullptr, nullptr, nullptr, nullptr, &error) != 0 &&
        error != WSAEWOULDBLOCK) {
        return error;
    }
    return 0;
}

void refuse_connect_ex(RefusingPorts& ports, const Slot& slot, SOCKET socket, LPFN_CONNECTEX connect_ex,
                       OVERLAPPED* overlapped) {
    LowerAddress name;
    if (ports.address_for(slot, socket, name)) {
        do_not_retransmit(slot, socket);
        DWORD sent = 0;
        if (connect_ex(socket, name.name(), name.length, nullptr, 0, &sent, overlapped) ||
            GetLastError() == ERROR_IO_PENDING) {
            return;
        }
    }
    complete_cancelled(slot, socket, overlapped);
}

void complete_cancelled(const Slot& slot, SOCKET socket, OVERLAPPED* overlapped) {
    DWORD bytes = 0;
    int error = 0;
    WSATHREADID thread{};
    if (slot.lower.lpWSPIoctl(socket, SIO_ADDRESS_LIST_CHANGE, nullptr, 0, nullptr, 0, &bytes, overlapped, nullptr,
                              &thread, &error) != 0 &&
        error == WSA_IO_PENDING) {
        CancelIoEx(reinterpret_cast<HANDLE>(socket), overlapped);
        return;
    }
    // Not even that: whoever waits for the event, or looks at the structure, still sees the end.
    constexpr ULONG_PTR status_cancelled = 0xC0000120;
    set_status(overlapped, status_cancelled);
}

} // namespace winsock_spi::lsp
