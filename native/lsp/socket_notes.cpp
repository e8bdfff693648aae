// What interception has to remember about a socket; see socket_notes.hpp.
#include "socket_notes.hpp"

#include "spi/last_error.hpp"

namespace winsock_spi::lsp {

namespace {

using Notes = core::HandleTable::Notes;
using Socket = core::HandleTable::Socket;

// The number by which rules know it; 0 for what is not IP.
std::uint8_t ip_protocol(int family, int type, int protocol) {
    if (family != AF_INET && family != AF_INET6) {
        return 0;
    }
    if (protocol > 0 && protocol <= 255) {
        return static_cast<std::uint8_t>(protocol);
    }
    if (type == SOCK_STREAM) {
        return IPPROTO_TCP;
    }
    return type == SOCK_DGRAM ? std::uint8_t{IPPROTO_UDP} : std::uint8_t{0};
}

void keep_protocol(const Socket& socket, std::uint8_t protocol) {
    process.sockets.change_notes(socket, [&](Notes& notes) {
        notes.flags = (notes.flags & ~(0xFFu << note_protocol_shift)) | note_protocol_known |
                      std::uint32_t{protocol} << note_protocol_shift;
    });
}

} // namespace

bool add_note(const Socket& socket, std::uint32_t flags) {
    if ((flags & notes_to_look_for) != 0) {
        process.policy.expect_notes();
    }
    return process.sockets.change_notes(socket, [&](Notes& notes) { notes.flags |= flags; });
}

void drop_note(const Socket& socket, std::uint32_t flags) {
    process.sockets.change_notes(socket, [&](Notes& notes) { notes.flags &= ~flags; });
}

bool note_redirect(const Socket& socket, const core::RecordAddress& original, const core::RecordAddress& target) {
    process.policy.expect_notes();
    return process.sockets.change_notes(socket, [&](Notes& notes) {
        notes.flags |= note_redirected;
        notes.original = original;
        notes.target = target;
    });
}

bool note_datagram_peer(const Socket& socket, const core::RecordAddress& peer) {
    process.policy.expect_notes();
    return process.sockets.change_notes(socket, [&](Notes& notes) {
        notes.flags |= note_peer;
        notes.original = peer;
    });
}

bool note_accepting(const Socket& socket, SOCKET listener) {
    process.policy.expect_notes();
    return process.sockets.change_notes(socket, [&](Notes& notes) {
        notes.flags |= note_accept_ex;
        notes.number = static_cast<std::int32_t>(listener); // handles have 32 significant bits
    });
}

bool note_denial(const Socket& socket, int error) {
    process.policy.expect_notes();
    return process.sockets.change_notes(socket, [&](Notes& notes) {
        notes.flags |= note_denied;
        notes.number = error;
    });
}

void note_protocol(const Socket& socket, int family, int type, int protocol) {
    keep_protocol(socket, ip_protocol(family, type, protocol));
}

std::uint8_t protocol_of(const Slot& slot, SOCKET socket, const Socket& known) {
    const std::uint32_t flags = note_flags(known);
    if ((flags & note_protocol_known) != 0) {
        return static_cast<std::uint8_t>(flags >> note_protocol_shift);
    }
    const spi::LastErrorKeeper keeper;
    WSAPROTOCOL_INFOW info{};
    int length = sizeof(info);
    int error = 0;
    if (slot.lower.lpWSPGetSockOpt(socket, SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &length,
                                   &error) != 0) {
        return 0;
    }
    const std::uint8_t protocol = ip_protocol(info.iAddressFamily, info.iSocketType, info.iProtocol);
    keep_protocol(known, protocol);
    return protocol;
}

} // namespace winsock_spi::lsp
