// Deciding a call by a policy image: what the provider asks, and the answer.
//
// An image (policy_format.hpp) is made by lib/policy/compile.ts, checked once when it is mapped, and then read in
// place. What depends only on the process is found out once per process and image (`resolve`); a decision then takes no
// lock, no allocation and no system call, and costs hardly more with 100,000 rules than with 10.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "ring_format.hpp"

namespace winsock_spi::core {

// What a rule's `call` names. Bits of a mask in images: never renumber, only append.
enum class PolicyCall : std::uint8_t {
    connect = 1 << 0, // WSPConnect, ConnectEx, WSPJoinLeaf
    bind = 1 << 1,
    listen = 1 << 2,
    accept = 1 << 3, // WSPAccept, AcceptEx
    send_to = 1 << 4, // a datagram to an address of its own: WSPSendTo, WSASendMsg
};

// Values are written into records and images: never renumber, only append.
enum class VerdictKind : std::uint8_t {
    allow = 1,
    deny = 2,
    redirect = 3, // to another address; the program sees the one it asked for
    relay = 4, // through the controller's relay: proxy, delay, rate, loss, reset, rewrite, capture
    ask = 5, // the controller is asked, the call is held
    observe = 6, // allow, and always told to watchers by name
};

inline constexpr std::uint32_t default_rule = 0; // Verdict::rule: no rule matched, the policy's default decides

struct Verdict {
    VerdictKind kind = VerdictKind::allow;
    std::uint32_t rule = default_rule; // counted from 1, in the order of the policy file
    int error = 0; // deny: the Winsock error that the program gets
    RecordAddress target{}; // redirect: for the family of the call; port 0 = the port stays
    std::uint32_t timeout = 0; // ask: milliseconds until `otherwise`; relay: for the controller's answer
    // What holds where the verdict cannot be carried out: relay or ask without a controller or in time; redirect
    // without an address of the call's family, or of a datagram whose answers could not be given the original address.
    VerdictKind otherwise = VerdictKind::allow; // allow or deny
    int otherwise_error = 0;
};

struct Ancestor {
    std::uint32_t pid;
    std::u16string_view program; // full path; empty if unknown
};

// What rules may ask about the process. Texts as Windows gives them; compared without regard to case (ASCII and what
// the image's own folding table says; no system function).
struct ProcessFacts {
    std::uint32_t pid = 0;
    std::u16string_view program; // full path of the executable
    std::u16string_view command_line; // as given to CreateProcess
    std::u16string_view user; // the SID as text, S-1-5-...
    std::span<const Ancestor> ancestors; // parent first; as far as they can be proved (start times)
    // Whether the process is in the named job object (`run --policy` limits a policy to one tree so).
    bool (*in_job)(std::u16string_view name) = nullptr;
};

struct CallFacts {
    PolicyCall call = PolicyCall::connect;
    std::uint8_t protocol = 0; // 6 TCP, 17 UDP, other IP protocols by their number
    RecordAddress local{}; // family 0 = not known or not bound
    RecordAddress remote{}; // bind and listen: family 0. An IPv4-mapped IPv6 address is matched as IPv4
    std::u16string_view module; // full path of the module that called Winsock; only if needs_module()
    std::uint16_t minute_of_week = 0; // local time, Monday 00:00 = 0; only if needs_time()
};

// A checked image. Does not own the bytes, which must stay mapped and must not change.
class PolicyImage {
public:
    // Checks everything that resolve() and decide() will rely on: whatever the bytes, those then read nothing outside
    // and end. False: this is no image of this version, and `image` stays as it was.
    static bool check(std::span<const std::byte> bytes, PolicyImage& image);

    std::uint32_t generation() const;
    bool fail_closed() const; // some rule is fail-closed: see ControlFile::fail_closed
    std::uint32_t rule_count() const;
    std::u16string_view rule_name(std::uint32_t rule) const; // from 1; empty: no such rule
    bool needs_module() const;
    bool needs_time() const;
    // Whether any rule, or a default other than allow, can apply to such calls: else there is no need to ask.
    bool concerns(PolicyCall call) const;

    // Which rules can apply to this process. `memory` has resolution_size() bytes, 8-byte aligned, and belongs to the
    // caller; it must outlive the decisions made with it. Once per process and image.
    std::size_t resolution_size() const;
    void resolve(const ProcessFacts& facts, std::span<std::byte> memory) const;
    // Whether after resolve() anything but the default can apply to this process's calls of this kind.
    bool concerns(std::span<const std::byte> resolved, PolicyCall call) const;

    // The first rule that matches, or the default.
    Verdict decide(std::span<const std::byte> resolved, const CallFacts& facts) const;

private:
    std::span<const std::byte> bytes_;
};

} // namespace winsock_spi::core
