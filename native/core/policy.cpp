// A decision: for each group of rules that applies to the process, address -> cell -> port -> candidate.
#include "policy.hpp"

#include "policy_view.hpp"

#include <bit>
#include <cstring>

namespace winsock_spi::core {

namespace {

constexpr std::uint16_t ipv4 = 2;
constexpr std::uint16_t ipv6 = 23;

constexpr bool operator<(const PolicyAddress& left, const PolicyAddress& right) {
    return left.high != right.high ? left.high < right.high : left.low < right.low;
}

// One end of a call as ranges are compared with it.
struct End {
    std::uint16_t family = 0;
    std::uint16_t port = 0;
    PolicyAddress address{};
};

std::uint64_t big_endian(const std::uint8_t* bytes) {
    std::uint64_t value = 0;
    for (int n = 0; n < 8; ++n) {
        value = value << 8 | bytes[n];
    }
    return value;
}

std::uint32_t big_endian_32(const std::uint8_t* bytes) {
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

End make_end(const RecordAddress& address) {
    if (address.family == ipv4) {
        return {ipv4, address.port, {0, big_endian_32(address.bytes)}};
    }
    if (address.family != ipv6) {
        return {};
    }
    const PolicyAddress value{big_endian(address.bytes), big_endian(address.bytes + 8)};
    if (value.high == 0 && value.low >> 32 == 0xFFFF) { // ::ffff:a.b.c.d
        return {ipv4, address.port, {0, value.low & 0xFFFF'FFFF}};
    }
    return {ipv6, address.port, value};
}

// The number of the last key that is not above `wanted`. There is at least one key.
template <typename Key>
std::size_t last_not_above(const Key* keys, std::size_t count, const Key& wanted) {
    const Key* from = keys;
    while (count > 1) {
        const std::size_t half = count / 2;
        from = wanted < from[half] ? from : from + half;
        count -= half;
    }
    return static_cast<std::size_t>(from - keys);
}

// The first 64 bits behind so many of an address; IPv4 stands in the upper half of `high`.
std::uint64_t bits_behind(const PolicyAddress& address, unsigned skipped) {
    if (skipped == 0) {
        return address.high;
    }
    return skipped < 64 ? address.high << skipped | address.low >> (64 - skipped) : address.low << (skipped - 64);
}

bool begins_with(const PolicyAddress& address, const PolicyAddress& prefix, unsigned bits) {
    const std::uint64_t high = address.high ^ prefix.high;
    if (bits <= 64) {
        return bits == 0 || high >> (64 - bits) == 0;
    }
    return high == 0 && (address.low ^ prefix.low) >> (128 - bits) == 0;
}

bool is_in(const PolicyRange& range, const End& end) {
    return end.family != 0 && range.first_port <= end.port && end.port <= range.last_port &&
           (range.family == 0 ||
            (range.family == end.family && !(end.address < range.first) && !(range.last < end.address)));
}

// A lookup of one call in one image.
class Lookup {
public:
    Lookup(const PolicyView& view, const CallFacts& facts)
        : view_(view), header_(view.header()), facts_(facts), local_(make_end(facts.local)) {
        const bool by_local = facts.call == PolicyCall::bind || facts.call == PolicyCall::listen;
        end_ = by_local ? local_ : make_end(facts.remote);
    }

    const End& end() const { return end_; }
    std::uint32_t rule() const { return rule_; }
    // Whether a rule of so high a number could still win.
    bool open(std::uint32_t first_rule) const { return rule_ == 0 || first_rule < rule_; }

    void search(const PolicyIndex& index) {
        if (end_.family == ipv4) {
            const auto address = static_cast<std::uint32_t>(end_.address.low);
            search(index.ipv4, header_.keys_ipv4, address, {std::uint64_t{address} << 32, 0});
        } else if (end_.family == ipv6) {
            search(index.ipv6, header_.keys_ipv6, end_.address, end_.address);
        } else {
            consider(index.unknown);
        }
    }

private:
    // `wanted` is the address as keys are, `address` as prefixes are.
    template <typename Key>
    void search(const PolicyTable& table, const PolicySection& section, const Key& wanted,
                const PolicyAddress& address) {
        if (table.keys.count == 0) {
            return;
        }
        const Key* const keys = view_.array<Key>(section) + table.keys.first;
        std::size_t first = 0;
        std::size_t count = table.keys.count;
        if (table.bucket_bits != 0 && begins_with(address, table.prefix, table.prefix_bits)) {
            const std::uint64_t bucket = bits_behind(address, table.prefix_bits) >> (64 - table.bucket_bits);
            const std::uint32_t* const found =
                view_.array<std::uint32_t>(header_.buckets) + table.first_bucket + static_cast<std::size_t>(bucket);
            if (found[0] <= found[1] && found[1] < count) {
                first = found[0];
                count = std::size_t{found[1]} - found[0] + 1;
            }
        }
        const PolicyCell* const cells = view_.array<PolicyCell>(header_.cells);
        const PolicyCell* cell = cells + table.first_cell + first + last_not_above(keys + first, count, wanted);
        for (;;) {
            if (cell->count == 1) {
                consider(cell->first);
            } else if (cell->count != 0) {
                consider(find_port(*cell));
            }
            if (cell->next == 0 || !open(cell->next_first)) {
                return;
            }
            cell = cells + cell->next - 1;
        }
    }

    std::uint32_t find_port(const PolicyCell& cell) const {
        const PolicyPort* from = view_.array<PolicyPort>(header_.ports) + cell.first;
        for (std::uint32_t count = cell.count; count > 1;) {
            const std::uint32_t half = count / 2;
            from = end_.port < from[half].start ? from : from + half;
            count -= half;
        }
        return from->candidate;
    }

    void consider(std::uint32_t candidate) {
        if ((candidate & policy_candidate_list) == 0) {
            if (candidate != 0 && open(candidate)) {
                rule_ = candidate;
            }
            return;
        }
        const std::uint32_t* const list =
            view_.array<std::uint32_t>(header_.lists) + (candidate & ~policy_candidate_list);
        for (std::uint32_t n = 1; n <= list[0] && open(list[n]); ++n) {
            if (list[n] < header_.rules.count && holds(list[n])) {
                rule_ = list[n];
                return;
            }
        }
    }

    bool holds(std::uint32_t rule) const {
        const std::uint32_t number = view_.array<PolicyRule>(header_.rules)[rule].extra;
        if (number == 0) {
            return true;
        }
        const PolicyExtra& extra = view_.array<PolicyExtra>(header_.extras)[number - 1];
        return holds_protocol(extra.protocols) && holds_local(extra.local) && holds_time(extra.times) &&
               (extra.modules.count == 0 || matches_any(view_, extra.modules, facts_.module));
    }

    bool holds_protocol(const PolicySlice& protocols) const {
        if (protocols.count == 0) {
            return true;
        }
        for (const std::uint32_t protocol : view_.slice<std::uint32_t>(header_.numbers, protocols)) {
            if (protocol == facts_.protocol) {
                return true;
            }
        }
        return false;
    }

    bool holds_local(const PolicySlice& ranges) const {
        if (ranges.count == 0) {
            return true;
        }
        for (const PolicyRange& range : view_.slice<PolicyRange>(header_.ranges, ranges)) {
            if (is_in(range, local_)) {
                return true;
            }
        }
        return false;
    }

    bool holds_time(const PolicySlice& times) const {
        if (times.count == 0) {
            return true;
        }
        for (const PolicyTime& time : view_.slice<PolicyTime>(header_.times, times)) {
            if (time.first <= facts_.minute_of_week && facts_.minute_of_week < time.last) {
                return true;
            }
        }
        return false;
    }

    const PolicyView& view_;
    const PolicyHeader& header_;
    const CallFacts& facts_;
    End local_;
    End end_;
    std::uint32_t rule_ = 0;
};

// Number of the call's class, or policy_class_count for what is no call.
std::size_t class_of(const CallFacts& facts) {
    const auto call = static_cast<std::size_t>(std::countr_zero(static_cast<std::uint8_t>(facts.call)));
    const std::size_t protocol = facts.protocol == 6 ? 0 : facts.protocol == 17 ? 1 : 2;
    return call < policy_call_count ? call * 3 + protocol : policy_class_count;
}

bool take_target(const PolicyRule& rule, std::uint16_t family, RecordAddress& target) {
    if (family == ipv4 && (rule.flags & policy_rule_target_ipv4) != 0) {
        target.family = ipv4;
        target.port = rule.port_ipv4;
        std::memcpy(target.bytes, rule.target_ipv4, sizeof(rule.target_ipv4));
        return true;
    }
    if (family == ipv6 && (rule.flags & policy_rule_target_ipv6) != 0) {
        target.family = ipv6;
        target.port = rule.port_ipv6;
        std::memcpy(target.bytes, rule.target_ipv6, sizeof(rule.target_ipv6));
        return true;
    }
    return false;
}

Verdict make_verdict(const PolicyRule& rule, std::uint32_t number, std::uint16_t family) {
    Verdict verdict;
    verdict.kind = static_cast<VerdictKind>(rule.kind);
    verdict.rule = number;
    verdict.error = rule.error;
    verdict.timeout = rule.timeout;
    verdict.otherwise = static_cast<VerdictKind>(rule.otherwise);
    verdict.otherwise_error = rule.otherwise_error;
    if (verdict.kind == VerdictKind::redirect && !take_target(rule, family, verdict.target)) {
        verdict.kind = verdict.otherwise;
        verdict.error = verdict.otherwise_error;
    }
    return verdict;
}

} // namespace

std::uint32_t PolicyImage::generation() const {
    return PolicyView(bytes_).header().generation;
}

bool PolicyImage::fail_closed() const {
    return (PolicyView(bytes_).header().flags & policy_fail_closed) != 0;
}

bool PolicyImage::needs_module() const {
    return (PolicyView(bytes_).header().flags & policy_needs_module) != 0;
}

bool PolicyImage::needs_time() const {
    return (PolicyView(bytes_).header().flags & policy_needs_time) != 0;
}

std::uint32_t PolicyImage::rule_count() const {
    return PolicyView(bytes_).header().rules.count - 1;
}

std::u16string_view PolicyImage::rule_name(std::uint32_t rule) const {
    const PolicyView view(bytes_);
    if (rule == default_rule || rule >= view.header().rules.count) {
        return {};
    }
    return view.text(view.array<PolicyRule>(view.header().rules)[rule].name);
}

bool PolicyImage::concerns(PolicyCall call) const {
    const PolicyView view(bytes_);
    const PolicyRule& fallback = view.array<PolicyRule>(view.header().rules)[default_rule];
    return (view.header().calls & static_cast<std::uint32_t>(call)) != 0 ||
           fallback.kind != static_cast<std::uint8_t>(VerdictKind::allow);
}

Verdict PolicyImage::decide(std::span<const std::byte> resolved, const CallFacts& facts) const {
    const PolicyView view(bytes_);
    const PolicyHeader& header = view.header();
    Lookup lookup(view, facts);
    const std::size_t kind = class_of(facts);
    if (resolved.size() >= resolution_size() && kind < policy_class_count) {
        const auto* const resolution = reinterpret_cast<const PolicyResolution*>(resolved.data());
        const auto* const applying = reinterpret_cast<const std::uint32_t*>(resolution + 1);
        const PolicyGroup* const groups = view.array<PolicyGroup>(header.groups);
        for (std::uint32_t n = 0; n < resolution->group_count; ++n) {
            const PolicyGroup& group = groups[applying[n]];
            if (!lookup.open(group.first_rule)) {
                break;
            }
            if (group.indexes[kind] != 0) {
                lookup.search(view.array<PolicyIndex>(header.indexes)[group.indexes[kind] - 1]);
            }
        }
    }
    return make_verdict(view.array<PolicyRule>(header.rules)[lookup.rule()], lookup.rule(), lookup.end().family);
}

} // namespace winsock_spi::core
