// Calls that wait for the controller; see hold.hpp. Here: what is looked at before a call is held, and how.
#include "hold.hpp"

#include <cstring>

#include <ws2tcpip.h>

#include "address.hpp"
#include "held_calls.hpp"
#include "hold_notes.hpp"
#include "process.hpp"
#include "redirect.hpp"
#include "socket_notes.hpp"
#include "spi/guarded.hpp"
#include "spi/last_error.hpp"
#include "spi/nt_api.hpp"
#include "spi/unique.hpp"

namespace winsock_spi::lsp {

namespace {

constexpr std::uint32_t default_timeout = 10'000;

HoldAnswer otherwise_of(const core::Verdict& verdict) {
    return verdict.otherwise == core::VerdictKind::deny ? HoldAnswer::deny(verdict.otherwise_error)
                                                        : HoldAnswer::allow();
}

void fill(const HoldQuestion& question, HeldKind kind, HeldCall& call) {
    const core::Verdict& verdict = question.verdict;
    const std::uint32_t timeout = verdict.timeout == 0 ? default_timeout : verdict.timeout;
    core::ControllerRequest& request = call.request;
    request.magic = core::request_magic;
    request.abi = core::controller_abi;
    request.kind = static_cast<std::uint16_t>(verdict.kind == core::VerdictKind::relay ? core::RequestKind::ticket
                                                                                       : core::RequestKind::ask);
    request.id = process.held.next_id();
    request.generation = question.generation;
    request.rule = verdict.rule;
    request.timeout = timeout;
    request.call = static_cast<std::uint16_t>(question.call);
    request.protocol = question.protocol;
    request.socket = question.socket;
    request.local = question.local.family != 0 ? question.local : ask_local(question.slot, question.socket);
    request.remote = question.remote;
    call.kind = kind;
    call.slot = &question.slot;
    call.socket = question.socket;
    call.thread = GetCurrentThreadId();
    call.deadline = now_ms() + timeout;
    call.otherwise_error = verdict.otherwise == core::VerdictKind::deny ? verdict.otherwise_error : 0;
}

// As a connect or a first datagram does it: so the controller knows the port beforehand.
void bind_if_unbound(const Slot& slot, SOCKET socket, std::uint16_t family) {
    const spi::LastErrorKeeper keeper;
    if (ask_local(slot, socket).port != 0) {
        return;
    }
    core::RecordAddress wildcard{};
    wildcard.family = family;
    LowerAddress name;
    int ignored = 0; // then the call itself will say so
    if (to_lower(wildcard, name)) {
        slot.lower.lpWSPBind(socket, name.name(), name.length, &ignored);
    }
}

bool is_listening(const Slot& slot, SOCKET socket) {
    BOOL value = FALSE;
    int length = sizeof(value);
    int error = 0;
    return slot.lower.lpWSPGetSockOpt(socket, SOL_SOCKET, SO_ACCEPTCONN, reinterpret_cast<char*>(&value), &length,
                                      &error) == 0 &&
           value != FALSE;
}

// What was noted about an earlier connect of the socket. Before anybody can note something about this one.
void forget_earlier_connect(SOCKET socket) {
    constexpr std::uint32_t of_connects = note_redirected | note_denied;
    const core::HandleTable::Socket known = process.sockets.find(socket);
    if (has_note(known, of_connects)) {
        drop_note(known, of_connects);
    }
}

// The calling thread waits.
HoldAnswer wait_for_answer(const HoldQuestion& question) {
    const spi::UniqueHandle decided(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    HeldCall call{};
    fill(question, HeldKind::waiting, call);
    call.decided = decided.get();
    switch (decided ? process.held.begin(call) : HeldCalls::Begun::no) {
    case HeldCalls::Begun::yes: return process.held.wait(call);
    case HeldCalls::Begun::recalled: return call.answer;
    case HeldCalls::Begun::no: break;
    }
    return otherwise_of(question.verdict);
}

// Takes a call that the worker carries out, or whose answer is for the next one; held, it fails with `error` now.
// `prepare` fills its `later`; false: it cannot be held.
template <typename Prepare>
HoldAnswer hold_later(const HoldQuestion& question, HeldKind kind, int error, Prepare prepare) {
    HeldCall* const call = HeldCalls::allocate();
    if (call == nullptr) {
        return otherwise_of(question.verdict);
    }
    fill(question, kind, *call);
    const HeldCalls::Begun begun = prepare(call->later) ? process.held.begin(*call) : HeldCalls::Begun::no;
    if (begun == HeldCalls::Begun::yes) {
        return HoldAnswer::later(error);
    }
    const HoldAnswer answer = begun == HeldCalls::Begun::recalled ? call->answer : otherwise_of(question.verdict);
    HeldCalls::release(call);
    return answer;
}

bool copy_name(const sockaddr* name, int length, LaterCall& later) {
    if (length <= 0 || length > static_cast<int>(sizeof(later.name)) ||
        !spi::guarded_copy(&later.name, name, static_cast<std::size_t>(length))) {
        return false;
    }
    later.name_length = length;
    return true;
}

// The structure looks pending, as after a call of the lower provider that pends, and its event is reset.
bool begin_overlapped(OVERLAPPED* overlapped) {
    constexpr ULONG_PTR status_pending = 0x103;
    HANDLE event = nullptr;
    if (!spi::guarded_read(event, &overlapped->hEvent) ||
        !spi::guarded_write(&overlapped->InternalHigh, ULONG_PTR{0}) ||
        !spi::guarded_write(&overlapped->Internal, status_pending)) {
        return false;
    }
    // Its lowest bit only says that no packet is wanted at the completion port.
    const auto real = reinterpret_cast<HANDLE>(reinterpret_cast<ULONG_PTR>(event) & ~ULONG_PTR{1});
    if (real != nullptr) {
        ResetEvent(real);
    }
    return true;
}

// Asks without waiting; the call that comes again finds the answer.
HoldAnswer ask_for_next_time(const HoldQuestion& question) {
    HeldCall probe{};
    fill(question, HeldKind::question, probe);
    HoldAnswer answer{};
    if (process.held.recall(probe.request, answer)) {
        return answer;
    }
    if (process.held.is_asked(probe.request)) {
        return HoldAnswer::later(WSAEWOULDBLOCK);
    }
    return hold_later(question, HeldKind::question, WSAEWOULDBLOCK, [](LaterCall&) { return true; });
}

bool recalled(const HoldQuestion& question, HoldAnswer& answer) {
    HeldCall probe{};
    fill(question, HeldKind::question, probe);
    return process.held.recall(probe.request, answer);
}

} // namespace

HoldAnswer hold_call(const HoldQuestion& question, IfBusy if_busy, bool overlapped) {
    const spi::LastErrorKeeper keeper;
    if (HeldCalls::controller_pid() == 0) {
        return otherwise_of(question.verdict);
    }
    HoldAnswer answer{};
    if (is_datagram(question.call)) {
        bind_if_unbound(question.slot, question.socket, question.remote.family);
        if (recalled(question, answer)) {
            return answer;
        }
    }
    switch (overlapped ? SocketCalls::must_not_wait : calls_of(question.socket)) {
    case SocketCalls::may_wait: return wait_for_answer(question);
    case SocketCalls::must_not_wait:
        if (if_busy == IfBusy::come_again) {
            return ask_for_next_time(question);
        }
        break;
    case SocketCalls::unknown: break;
    }
    return otherwise_of(question.verdict);
}

HoldAnswer hold_connect(const HoldQuestion& question, const sockaddr* name, int length) {
    const spi::LastErrorKeeper keeper;
    if (process.held.is_held(question.socket, HeldKind::connect)) {
        return HoldAnswer::deny(WSAEALREADY);
    }
    if (HeldCalls::controller_pid() == 0) {
        return otherwise_of(question.verdict);
    }
    forget_earlier_connect(question.socket);
    const bool stream = question.protocol == IPPROTO_TCP;
    if (stream && ask_remote(question.slot, question.socket).family != 0) {
        return HoldAnswer::deny(WSAEISCONN);
    }
    bind_if_unbound(question.slot, question.socket, question.remote.family);
    switch (calls_of(question.socket)) {
    case SocketCalls::may_wait: return wait_for_answer(question);
    case SocketCalls::must_not_wait:
        // A datagram socket's connect does not take time, and nothing would tell the program of its end.
        if (stream) {
            return hold_later(question, HeldKind::connect, WSAEWOULDBLOCK,
                              [&](LaterCall& later) { return copy_name(name, length, later); });
        }
        break;
    case SocketCalls::unknown: break;
    }
    return otherwise_of(question.verdict);
}

HoldAnswer hold_connect_ex(const HoldQuestion& question, LPFN_CONNECTEX lower, const sockaddr* name, int length,
                           void* buffer, DWORD data_length, OVERLAPPED* overlapped) {
    const spi::LastErrorKeeper keeper;
    if (HeldCalls::controller_pid() == 0 || overlapped == nullptr) { // without it the lower provider refuses
        return otherwise_of(question.verdict);
    }
    // What is wrong with the call itself is said at once, as without us.
    const Slot& slot = question.slot;
    if (ask_local(slot, question.socket).port == 0 || is_listening(slot, question.socket) ||
        process.held.is_held(question.socket, HeldKind::connect_ex)) {
        return HoldAnswer::deny(WSAEINVAL);
    }
    if (ask_remote(slot, question.socket).family != 0) {
        return HoldAnswer::deny(WSAEISCONN);
    }
    forget_earlier_connect(question.socket);
    return hold_later(question, HeldKind::connect_ex, WSA_IO_PENDING, [&](LaterCall& later) {
        later.connect_ex = lower;
        later.data = buffer;
        later.data_length = data_length;
        later.overlapped = overlapped;
        return copy_name(name, length, later) && begin_overlapped(overlapped);
    });
}

HoldAnswer hold_send_to(const HoldQuestion& question, const WSABUF* buffers, DWORD count, DWORD flags,
                        const sockaddr* to, int to_length, WSAOVERLAPPED* overlapped, bool routine) {
    const spi::LastErrorKeeper keeper;
    if (overlapped == nullptr) {
        return hold_call(question, IfBusy::come_again);
    }
    if (HeldCalls::controller_pid() == 0) {
        return otherwise_of(question.verdict);
    }
    bind_if_unbound(question.slot, question.socket, question.remote.family);
    HoldAnswer answer{};
    if (recalled(question, answer)) {
        return answer;
    }
    // Where success is not told to the completion port, a routine of this thread is wanted, or there are many pieces,
    // the program comes again: nothing of that could be done from the worker.
    if (routine || count > LaterCall::most_buffers || skips_port_on_success(question.socket)) {
        return ask_for_next_time(question);
    }
    return hold_later(question, HeldKind::send_to, WSA_IO_PENDING, [&](LaterCall& later) {
        later.buffer_count = count;
        later.flags = flags;
        later.overlapped = overlapped;
        return spi::guarded_copy(later.buffers.data(), buffers, count * sizeof(WSABUF)) &&
               copy_name(to, to_length, later) && begin_overlapped(overlapped);
    });
}

void hold_closing(const Slot& slot, SOCKET socket) {
    // At the end of the process the worker has been stopped wherever it was, perhaps with the lock held.
    if (process.held.any() && !spi::RtlDllShutdownInProgress()) [[unlikely]] {
        process.held.closing(slot, socket);
    }
}

void hold_cleanup(const Slot& slot) {
    if (!spi::RtlDllShutdownInProgress()) {
        process.held.cleanup(slot);
    }
}

bool hold_cancel_blocking_call() {
    return process.held.cancel(GetCurrentThreadId());
}

} // namespace winsock_spi::lsp
