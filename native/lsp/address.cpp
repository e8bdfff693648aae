// Socket addresses as records hold them; see address.hpp.
#include "address.hpp"

#include <ws2tcpip.h>

#include <cstring>

#include "socket_notes.hpp"
#include "spi/guarded.hpp"
#include "spi/last_error.hpp"

namespace winsock_spi::lsp {

namespace {

constexpr std::uint16_t host_order(std::uint16_t port) {
    return static_cast<std::uint16_t>(port << 8 | port >> 8);
}

core::RecordAddress from_storage(const SOCKADDR_STORAGE& storage, int length) {
    core::RecordAddress result{};
    if (storage.ss_family == AF_INET && length >= static_cast<int>(sizeof(sockaddr_in))) {
        sockaddr_in address;
        std::memcpy(&address, &storage, sizeof(address));
        result.port = host_order(address.sin_port);
        std::memcpy(result.bytes, &address.sin_addr, sizeof(address.sin_addr));
        result.family = AF_INET;
    } else if (storage.ss_family == AF_INET6 && length >= static_cast<int>(sizeof(sockaddr_in6))) {
        sockaddr_in6 address;
        std::memcpy(&address, &storage, sizeof(address));
        result.port = host_order(address.sin6_port);
        result.scope = address.sin6_scope_id;
        std::memcpy(result.bytes, &address.sin6_addr, sizeof(address.sin6_addr));
        result.family = AF_INET6;
    }
    return result;
}

using NameFunction = LPWSPGETSOCKNAME;
static_assert(std::is_same_v<LPWSPGETSOCKNAME, LPWSPGETPEERNAME>);

// What getsockname or getpeername of the lower provider says; family 0 when it fails.
core::RecordAddress ask(NameFunction function, SOCKET socket) {
    const spi::LastErrorKeeper keeper;
    SOCKADDR_STORAGE storage{};
    int length = sizeof(storage);
    int error = 0;
    if (function(socket, reinterpret_cast<sockaddr*>(&storage), &length, &error) != 0) {
        return {};
    }
    return from_storage(storage, length);
}

} // namespace

core::RecordAddress read_address(const sockaddr* address, int length) {
    SOCKADDR_STORAGE storage{};
    if (address == nullptr || length < static_cast<int>(sizeof(storage.ss_family))) {
        return {};
    }
    const std::size_t size =
        static_cast<std::size_t>(length) < sizeof(storage) ? static_cast<std::size_t>(length) : sizeof(storage);
    return spi::guarded_copy(&storage, address, size) ? from_storage(storage, length) : core::RecordAddress{};
}

core::RecordAddress read_address(const sockaddr* address, const int* length) {
    int value = 0;
    return spi::guarded_read(value, length) ? read_address(address, value) : core::RecordAddress{};
}

core::RecordAddress ask_local(const Slot& slot, SOCKET socket) {
    return ask(slot.lower.lpWSPGetSockName, socket);
}

core::RecordAddress ask_remote(const Slot& slot, SOCKET socket) {
    return ask(slot.lower.lpWSPGetPeerName, socket);
}

core::RecordAddress ask_peer(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known) {
    const core::RecordAddress peer = ask_remote(slot, socket);
    return peer.family != 0 && has_note(known, note_redirected) ? notes_of(known).original : peer;
}

void refresh_local(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known) {
    if (known) {
        process.sockets.set_local(known, ask_local(slot, socket));
    }
}

void refresh_remote(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known) {
    if (known) {
        process.sockets.set_remote(known, ask_peer(slot, socket, known));
    }
}

void complete_addresses(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known) {
    if (!known) {
        return;
    }
    const core::HandleTable::Addresses addresses = process.sockets.addresses(known);
    if (addresses.local.family == 0) {
        refresh_local(slot, socket, known);
    }
    if (addresses.remote.family == 0) {
        refresh_remote(slot, socket, known);
    }
}

} // namespace winsock_spi::lsp
