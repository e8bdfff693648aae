// A policy image: what lib/policy/compile.ts writes and PolicyImage (policy.hpp) reads in place.
//
//   %ProgramData%\winsock-spi\policy-<generation>.bin   immutable; everyone may read it, only administrators write it
//
// Position independent: offsets count from the beginning, every array is 8-byte aligned (the compiler gives them 64, so
// that few elements lie across two cache lines), numbers are little-endian.
// It names no host, no secret and no text but patterns, SIDs and the rules' names: everyone can read it.
//
// How a call is looked up. Rules with the same conditions on the process are a *group*; which groups apply is found out
// once per process. For each *class* of calls (kind x protocol) a group has an *index*: the boundaries of all address
// ranges that its rules name, and between two boundaries a *cell*, which says for every port the first rule (or the few
// candidates, where rules also ask about the local end, the module or the time). A cell that would have grown too large
// leads on to another one, of a range around it. To find the boundary below an address, *buckets* cut the addresses
// where most boundaries are into equal parts. So a lookup is a few loads, however many rules there are.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ring_format.hpp"

namespace winsock_spi::core {

inline constexpr std::uint32_t policy_magic = 0x50495357; // "WSIP" in file order
inline constexpr std::uint16_t policy_abi = 1;
inline constexpr std::size_t max_policy_size = std::size_t{256} << 20;
inline constexpr std::size_t policy_call_count = 5; // bits of PolicyCall
inline constexpr std::size_t policy_class_count = policy_call_count * 3; // each with TCP, UDP, any other protocol

// `count` elements from `offset` bytes.
struct PolicySection {
    std::uint32_t offset;
    std::uint32_t count;
};

// Some elements of a section.
struct PolicySlice {
    std::uint32_t first;
    std::uint32_t count;
};

enum PolicyFlags : std::uint32_t {
    policy_fail_closed = 1 << 0,
    policy_needs_module = 1 << 1,
    policy_needs_time = 1 << 2,
};

// An IP address as two numbers that compare as addresses do; IPv4 is all in `low`.
struct PolicyAddress {
    std::uint64_t high;
    std::uint64_t low;
};

enum PolicyRuleFlags : std::uint16_t { policy_rule_target_ipv4 = 1 << 0, policy_rule_target_ipv6 = 1 << 1 };

// Rule 0 is the policy's default.
struct PolicyRule {
    std::uint8_t kind; // VerdictKind
    std::uint8_t otherwise; // VerdictKind: allow or deny
    std::uint16_t flags; // PolicyRuleFlags
    std::int32_t error;
    std::int32_t otherwise_error;
    std::uint32_t timeout;
    std::uint16_t port_ipv4; // of the redirect's targets
    std::uint16_t port_ipv6;
    std::uint8_t target_ipv4[4];
    std::uint8_t target_ipv6[16];
    std::uint32_t extra; // index of a PolicyExtra, plus 1; 0 = nothing more to ask
    PolicySlice name; // texts
    std::uint32_t reserved[3];
};
static_assert(sizeof(PolicyRule) == 64);

// What is left to ask of a call once the index has led to the rule. A slice of no elements asks nothing.
struct PolicyExtra {
    PolicySlice local; // ranges: one must hold
    PolicySlice modules; // patterns
    PolicySlice times; // times
    PolicySlice protocols; // numbers: for protocols other than TCP and UDP
};

// A range of endpoints. family 0: of any address. An address of any family is told by family and first <= it <= last.
struct PolicyRange {
    PolicyAddress first;
    PolicyAddress last;
    std::uint16_t family; // as in RecordAddress
    std::uint16_t first_port;
    std::uint16_t last_port;
    std::uint16_t reserved;
};
static_assert(sizeof(PolicyRange) == 40);

struct PolicyTime {
    std::uint16_t first; // minutes from Monday 00:00
    std::uint16_t last; // exclusive
};

enum PolicyPatternFlags : std::uint32_t {
    policy_pattern_name_only = 1 << 0, // compared with what follows the last backslash
    policy_pattern_literal = 1 << 1, // no wildcard in it
};

// Folded text with `*` and `?`.
struct PolicyPattern {
    PolicySlice text;
    std::uint32_t flags;
};

enum class PolicyConditionKind : std::uint32_t {
    program = 1, // patterns
    command_line, // patterns
    user, // patterns, all literal
    pid, // numbers
    tree, // members
};
inline constexpr std::size_t policy_condition_kinds = 5;

// One of the elements must hold.
struct PolicyCondition {
    PolicyConditionKind kind;
    PolicySlice elements;
};

enum class PolicyMemberKind : std::uint32_t { pid = 1, program, job };

struct PolicyMember {
    PolicyMemberKind kind;
    std::uint32_t value; // the pid, or an index of patterns (job: its text, not folded)
};

struct PolicyGroup {
    std::uint32_t conditions[policy_condition_kinds]; // index plus 1; 0 = none. All must hold
    std::uint32_t first_rule; // no rule of the group comes before
    std::uint32_t calls; // bits of PolicyCall
    std::uint32_t indexes[policy_class_count]; // index plus 1; 0 = no rule for such calls
};

// Boundary n of `keys` begins the range of cell first_cell + n; the first boundary is address 0. No boundaries: no
// rule. With buckets: addresses whose first prefix_bits are those of `prefix` are told apart by the bucket_bits that
// follow, and bucket n says which is the last boundary at or before its first address; there is one bucket more, for
// the end.
struct PolicyTable {
    PolicySlice keys; // of keys_ipv4 or keys_ipv6
    std::uint32_t first_cell;
    std::uint32_t first_bucket;
    std::uint8_t prefix_bits;
    std::uint8_t bucket_bits; // 0 = no buckets
    std::uint16_t reserved;
    std::uint32_t reserved_too;
    PolicyAddress prefix; // IPv4: in the upper 32 bits of `high`
};
static_assert(sizeof(PolicyTable) == 40);
inline constexpr unsigned max_bucket_bits = 20;

struct PolicyIndex {
    PolicyTable ipv4;
    PolicyTable ipv6;
    std::uint32_t unknown; // candidates for calls without an address
    std::uint32_t reserved;
};

// What holds for the ports of one range of addresses.
struct PolicyCell {
    std::uint32_t first; // of `ports`; with one port range alone: its candidate
    std::uint32_t count; // of port ranges; 0 = no rule
    std::uint32_t next; // a cell with a lower number, plus 1; 0 = none
    std::uint32_t next_first; // no rule that `next` leads to comes before
};

// From this port on, up to the next one's; the first of a cell is port 0.
struct PolicyPort {
    std::uint16_t start;
    std::uint16_t reserved;
    std::uint32_t candidate;
};

// A candidate is a rule's number if nothing more is to be asked of the call (0 = no rule), else this bit with the place
// in `lists` where a count and then so many rules stand, in order.
inline constexpr std::uint32_t policy_candidate_list = 0x8000'0000;

struct PolicyHeader {
    std::uint32_t magic;
    std::uint16_t abi;
    std::uint16_t header_size;
    std::uint32_t size; // of the whole image, a multiple of 8
    std::uint32_t checksum; // of everything behind the header: against damage, not against malice
    std::uint32_t generation;
    std::uint32_t flags; // PolicyFlags
    std::uint32_t calls; // bits of PolicyCall that any group concerns
    std::uint32_t reserved;
    PolicySection rules; // PolicyRule
    PolicySection extras; // PolicyExtra
    PolicySection ranges; // PolicyRange
    PolicySection times; // PolicyTime
    PolicySection numbers; // std::uint32_t
    PolicySection patterns; // PolicyPattern
    PolicySection members; // PolicyMember
    PolicySection conditions; // PolicyCondition
    PolicySection groups; // PolicyGroup, by first_rule
    PolicySection indexes; // PolicyIndex
    PolicySection keys_ipv4; // std::uint32_t
    PolicySection keys_ipv6; // PolicyAddress
    PolicySection buckets; // std::uint32_t: numbers of a table's boundaries
    PolicySection cells; // PolicyCell
    PolicySection ports; // PolicyPort
    PolicySection lists; // std::uint32_t
    PolicySection texts; // UTF-16
    // Case folding: fold_pages[c >> 8] is 0 (nothing changes) or the number, plus 1, of 256 entries of fold_values.
    PolicySection fold_pages; // std::uint16_t, 256 of them
    PolicySection fold_values; // std::uint16_t
};
static_assert(sizeof(PolicyHeader) == 32 + 19 * 8);

} // namespace winsock_spi::core
