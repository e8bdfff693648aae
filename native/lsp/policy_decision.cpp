// What the policy says about one call of this process; see policy_decision.hpp.
#include "policy_decision.hpp"

#include "address.hpp"
#include "process_facts.hpp"
#include "socket_notes.hpp"
#include "spi/last_error.hpp"

namespace winsock_spi::lsp {

namespace {

bool is_loopback(const core::RecordAddress& address) {
    if (address.family == AF_INET) {
        return address.bytes[0] == 127;
    }
    // ::1, and 127.0.0.0/8 as ::ffff:127.x.x.x
    constexpr std::uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127};
    constexpr std::uint8_t loopback[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    const std::string_view bytes(reinterpret_cast<const char*>(address.bytes), sizeof(address.bytes));
    return bytes == std::string_view(reinterpret_cast<const char*>(loopback), sizeof(loopback)) ||
           bytes.starts_with(std::string_view(reinterpret_cast<const char*>(mapped), sizeof(mapped)));
}

// Nobody can say what the policy is, and it is one that must not be got round.
Decision decide_closed(PolicyCall call, const core::RecordAddress& remote) {
    Decision decision;
    const bool goes_out = call == PolicyCall::connect || call == PolicyCall::send_to;
    if (goes_out && remote.family != 0 && !is_loopback(remote)) {
        decision.verdict.kind = VerdictKind::deny;
        decision.verdict.error = WSAENETDOWN;
        decision.generation = unknown_generation;
    }
    return decision;
}

core::RecordAddress local_of(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known) {
    const core::RecordAddress cached = process.sockets.addresses(known).local;
    if (cached.family != 0 || !known) {
        return cached;
    }
    refresh_local(slot, socket, known);
    return process.sockets.addresses(known).local;
}

Decision decide(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known, PolicyCall call,
                const core::RecordAddress& remote, const core::RecordAddress* local) {
    const Reading reading(process.policy);
    const MappedPolicy* const policy = reading.policy();
    if (policy == nullptr) {
        return reading.closed() ? decide_closed(call, remote) : Decision{};
    }
    if (!policy->concerns(call)) {
        return {};
    }
    core::CallFacts facts;
    facts.call = call;
    facts.protocol = protocol_of(slot, socket, known);
    facts.local = local != nullptr ? *local : local_of(slot, socket, known);
    facts.remote = remote;
    if (policy->image.needs_time()) {
        facts.minute_of_week = minute_of_week();
    }
    Decision decision;
    decision.generation = policy->generation;
    decision.protocol = facts.protocol;
    if (policy->image.needs_module()) [[unlikely]] {
        const CallingModule module;
        facts.module = module.path();
        decision.verdict = policy->image.decide(policy->resolution(), facts);
    } else {
        decision.verdict = policy->image.decide(policy->resolution(), facts);
    }
    return decision;
}

} // namespace

bool policy_concerns(PolicyCall call) {
    if (!policy_in_force()) [[likely]] {
        return false;
    }
    const spi::LastErrorKeeper keeper;
    const Reading reading(process.policy);
    return reading.policy() != nullptr && reading.policy()->concerns(call);
}

Decision decide_call(const Slot& slot, SOCKET socket, PolicyCall call, const core::RecordAddress& remote,
                     const core::RecordAddress* local) {
    if (!policy_in_force()) [[likely]] {
        return {};
    }
    const spi::LastErrorKeeper keeper;
    return decide(slot, socket, process.sockets.find(socket), call, remote, local);
}

Decision decide_datagram(const Slot& slot, SOCKET socket, const core::HandleTable::Socket& known,
                         const core::RecordAddress& remote) {
    const spi::LastErrorKeeper keeper;
    return decide(slot, socket, known, PolicyCall::send_to, remote, nullptr);
}

bool settle(Decision& decision, const HoldQuestion& question, IfBusy if_busy, int& error) {
    const HoldAnswer answer = hold_call(question, if_busy);
    if (answer.held) {
        error = answer.error;
        return false;
    }
    decision.take(answer);
    return true;
}

} // namespace winsock_spi::lsp
