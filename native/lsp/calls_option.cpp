// Options and ioctls: which entry a socket belongs to, accepts and connects that AcceptEx and ConnectEx have finished,
// and the pointers to extension functions.
#include "accepted.hpp"
#include "address.hpp"
#include "extension.hpp"
#include "handlers.hpp"
#include "hold_notes.hpp"
#include "recording.hpp"
#include "spi/guarded.hpp"

#include <cstring>

namespace winsock_spi::lsp {

using core::Call;

namespace {

constexpr int update_connect_context = 0x7010; // SO_UPDATE_CONNECT_CONTEXT; not in every SDK's headers

WSAPROTOCOL_INFOA to_ansi(const WSAPROTOCOL_INFOW& info) {
    constexpr std::size_t common = offsetof(WSAPROTOCOL_INFOW, szProtocol);
    static_assert(offsetof(WSAPROTOCOL_INFOA, szProtocol) == common);
    WSAPROTOCOL_INFOA result{};
    std::memcpy(&result, &info, common);
    WideCharToMultiByte(CP_ACP, 0, info.szProtocol, -1, result.szProtocol,
                        static_cast<int>(sizeof(result.szProtocol)) - 1, nullptr, nullptr);
    return result;
}

// A program's buffer for an option: 0, or WSAEFAULT when it is too small or no memory. As without us, a length that is
// too small becomes the one needed, and a larger one stays as it is.
template <typename Value>
int write_option(char* value, int* length, const Value& answer) {
    int room = 0;
    constexpr int size = sizeof(Value);
    if (value == nullptr || !spi::guarded_read(room, length)) {
        return WSAEFAULT;
    }
    if (room < size) {
        spi::guarded_write(length, size);
        return WSAEFAULT;
    }
    return spi::guarded_write(value, answer) ? 0 : WSAEFAULT;
}

// SO_PROTOCOL_INFO: our own entry for our sockets. Winsock asks this about every handle that it does not know, of one
// provider after the other, and the first that answers gets it: so a handle that we do not know either is ours exactly
// if the lower provider describes it as a socket of the chain below us (inherited, for example).
int protocol_info(Slot& slot, SOCKET socket, int option, char* value, int* length) {
    const core::HandleTable::Socket known = process.sockets.find(socket);
    const bool ours = known && known.slot() == slot.index;
    if (slot.in_place_of_base) { // its answer names the entry that leads to us
        int error = 0;
        if (slot.lower.lpWSPGetSockOpt(socket, SOL_SOCKET, option, value, length, &error) != 0) {
            return error == 0 ? WSASYSCALLFAILURE : error;
        }
        if (!ours) {
            slot.adopt(socket);
        }
        return 0;
    }
    WSAPROTOCOL_INFOW answer;
    int answer_length = sizeof(answer);
    int error = 0;
    // Also about our own sockets: one that the program closed with CloseHandle is no socket any more.
    if (slot.lower.lpWSPGetSockOpt(socket, SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&answer),
                                   &answer_length, &error) != 0) {
        return error == 0 ? WSAENOTSOCK : error;
    }
    if (!ours) {
        if (!core::is_below(slot.below, spi::to_core(answer))) {
            return WSAENOTSOCK;
        }
        slot.adopt(socket);
    }
    WSAPROTOCOL_INFOW own = spi::to_winsock(slot.own);
    if (own.iSocketType != SOCK_STREAM && process.modes.get(socket) == SocketMode::non_blocking && !policy_in_force()) {
        // libuv asks this, of sockets that it has made non-blocking, to know whether a datagram handle is the driver's
        // own, which ours are; without that it takes a way that costs it a completion more for each datagram. So they
        // are told the lower provider's chain; but not where datagrams may be held, which needs those completions.
        own.ProtocolChain = answer.ProtocolChain;
    }
    return option == SO_PROTOCOL_INFOW ? write_option(value, length, own) : write_option(value, length, to_ansi(own));
}

// AcceptEx has made `socket` a connected one: told as an accept, since that is what it was.
void record_accept(SOCKET socket, const core::HandleTable::Socket& known, const Recording& option,
                   const Decision& decision) {
    Recording recording(Call::WSPAccept, socket);
    if (!recording.active()) {
        return;
    }
    recording.set_flag(core::record_via_accept_ex);
    if (decision.denies()) {
        recording.fail(decision.verdict.error);
    }
    recording.set_decision(decision);
    recording.add_cached_addresses(known);
    recording.same_time_as(option);
}

} // namespace

int on_WSPGetSockOpt(Slot& slot, SOCKET socket, int level, int option, char* value, LPINT length, LPINT error) {
    Recording recording(Call::WSPGetSockOpt, socket);
    int result = 0;
    if (level == SOL_SOCKET && (option == SO_PROTOCOL_INFOW || option == SO_PROTOCOL_INFOA)) {
        const int refused = protocol_info(slot, socket, option, value, length);
        if (refused != 0) {
            *error = refused;
            result = SOCKET_ERROR;
        }
    } else {
        result = slot.lower.lpWSPGetSockOpt(socket, level, option, value, length, error);
        int pending = 0;
        if (level == SOL_SOCKET && option == SO_ERROR && result == 0 && spi::guarded_read(pending, value) &&
            pending != 0) {
            spi::guarded_write(value, shown_error(socket, pending));
        }
    }
    recording.returned(result == SOCKET_ERROR, error);
    if (recording.active()) {
        const core::HandleTable::Socket known = process.sockets.find(socket);
        if (recording.succeeded() && level == SOL_SOCKET && option == SO_PROTOCOL_INFOW) {
            complete_addresses(slot, socket, known); // one that came from another process is first seen here
        }
        recording.add_cached_addresses(known);
    }
    return result;
}

int on_WSPSetSockOpt(Slot& slot, SOCKET socket, int level, int option, const char* value, int length, LPINT error) {
    const core::HandleTable::Socket known = process.sockets.find(socket);
    Recording recording(Call::WSPSetSockOpt, socket);
    int result = slot.lower.lpWSPSetSockOpt(socket, level, option, value, length, error);
    const bool accepted = level == SOL_SOCKET && option == SO_UPDATE_ACCEPT_CONTEXT && result != SOCKET_ERROR;
    Decision decision;
    if (accepted && policy_in_force()) [[unlikely]] {
        decision = decide_accepted(slot, socket, known);
    }
    recording.returned(result == SOCKET_ERROR, error);
    if (recording.succeeded() && level == SOL_SOCKET) {
        if (option == SO_UPDATE_ACCEPT_CONTEXT || option == update_connect_context) {
            refresh_local(slot, socket, known);
            refresh_remote(slot, socket, known);
        }
        if (option == SO_UPDATE_ACCEPT_CONTEXT) {
            record_accept(socket, known, recording, decision);
        }
    }
    if (decision.denies()) { // the program closes it, which resets the connection
        *error = decision.verdict.error;
        result = SOCKET_ERROR;
        recording.fail(*error);
    }
    recording.add_cached_addresses(known);
    return result;
}

int on_WSPIoctl(Slot& slot, SOCKET socket, DWORD code, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size,
                LPDWORD returned, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                LPWSATHREADID thread, LPINT error) {
    GUID wanted{};
    // Read first: a program may use one buffer for both. What is wrong with it the lower provider will say.
    const bool extension =
        code == SIO_GET_EXTENSION_FUNCTION_POINTER && in_size >= sizeof(wanted) && spi::guarded_read(wanted, in);
    u_long argument = 0;
    const bool non_blocking = code == static_cast<DWORD>(FIONBIO) && in_size >= sizeof(argument) &&
                              spi::guarded_read(argument, in) && argument != 0;
    Recording recording(Call::WSPIoctl, socket);
    const int result =
        slot.lower.lpWSPIoctl(socket, code, in, in_size, out, out_size, returned, overlapped, routine, thread, error);
    recording.returned(result == SOCKET_ERROR, error);
    if (code == static_cast<DWORD>(FIONBIO) && result != SOCKET_ERROR) {
        process.modes.set(socket, non_blocking ? SocketMode::non_blocking : SocketMode::blocking);
    }
    if (extension && result != SOCKET_ERROR && out_size >= sizeof(FARPROC)) {
        wrap_extension(slot, wanted, out);
    }
    if (recording.active()) {
        recording.add_cached_addresses(process.sockets.find(socket));
    }
    return result;
}

} // namespace winsock_spi::lsp
