// What depends on the process alone: patterns, conditions, and which groups of rules apply.
#include "policy.hpp"

#include "policy_view.hpp"

namespace winsock_spi::core {

namespace {

// By hand: substr throws, and rfind of some standard libraries is a function of their own DLL.
std::u16string_view file_name(std::u16string_view path) {
    std::size_t begin = path.size();
    while (begin > 0 && path[begin - 1] != u'\\') {
        --begin;
    }
    return {path.data() + begin, path.size() - begin};
}

bool same(const PolicyView& view, std::u16string_view folded, std::u16string_view text) {
    if (folded.size() != text.size()) {
        return false;
    }
    for (std::size_t at = text.size(); at-- > 0;) { // from the end: that is where paths differ
        if (folded[at] != view.fold(text[at])) {
            return false;
        }
    }
    return true;
}

// A star takes as little as possible; where the rest does not fit it takes one more. Only the last star needs to be
// tried again, so there is no recursion.
bool fits(const PolicyView& view, std::u16string_view pattern, std::u16string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::u16string_view::npos;
    std::size_t taken = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == u'*') {
            star = p++;
            taken = t;
        } else if (p < pattern.size() && (pattern[p] == u'?' || pattern[p] == view.fold(text[t]))) {
            ++p;
            ++t;
        } else if (star != std::u16string_view::npos) {
            p = star + 1;
            t = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == u'*') {
        ++p;
    }
    return p == pattern.size();
}

bool has_pid(std::span<const std::uint32_t> pids, std::uint32_t pid) {
    for (const std::uint32_t each : pids) {
        if (each == pid) {
            return true;
        }
    }
    return false;
}

bool in_tree(const PolicyView& view, const PolicyMember& member, const ProcessFacts& facts) {
    if (member.kind == PolicyMemberKind::pid) {
        if (facts.pid == member.value) {
            return true;
        }
        for (const Ancestor& ancestor : facts.ancestors) {
            if (ancestor.pid == member.value) {
                return true;
            }
        }
        return false;
    }
    const PolicyPattern& pattern = view.array<PolicyPattern>(view.header().patterns)[member.value];
    if (member.kind == PolicyMemberKind::job) {
        return facts.in_job != nullptr && facts.in_job(view.text(pattern.text));
    }
    if (matches(view, pattern, facts.program)) {
        return true;
    }
    for (const Ancestor& ancestor : facts.ancestors) {
        if (matches(view, pattern, ancestor.program)) {
            return true;
        }
    }
    return false;
}

bool holds(const PolicyView& view, const PolicyCondition& condition, const ProcessFacts& facts) {
    const PolicyHeader& header = view.header();
    switch (condition.kind) {
    case PolicyConditionKind::program: return matches_any(view, condition.elements, facts.program);
    case PolicyConditionKind::command_line: return matches_any(view, condition.elements, facts.command_line);
    case PolicyConditionKind::user: return matches_any(view, condition.elements, facts.user);
    case PolicyConditionKind::pid:
        return has_pid(view.slice<std::uint32_t>(header.numbers, condition.elements), facts.pid);
    case PolicyConditionKind::tree:
        for (const PolicyMember& member : view.slice<PolicyMember>(header.members, condition.elements)) {
            if (in_tree(view, member, facts)) {
                return true;
            }
        }
        return false;
    }
    return false;
}

bool applies(const PolicyGroup& group, const std::uint8_t* held) {
    for (const std::uint32_t condition : group.conditions) {
        if (condition != 0 && held[condition - 1] == 0) {
            return false;
        }
    }
    return true;
}

} // namespace

bool matches(const PolicyView& view, const PolicyPattern& pattern, std::u16string_view text) {
    const std::u16string_view compared = (pattern.flags & policy_pattern_name_only) != 0 ? file_name(text) : text;
    if (compared.empty()) {
        return false; // not known: a rule that asks for it does not match
    }
    const std::u16string_view folded = view.text(pattern.text);
    return (pattern.flags & policy_pattern_literal) != 0 ? same(view, folded, compared) : fits(view, folded, compared);
}

bool matches_any(const PolicyView& view, const PolicySlice& patterns, std::u16string_view text) {
    for (const PolicyPattern& pattern : view.patterns(patterns)) {
        if (matches(view, pattern, text)) {
            return true;
        }
    }
    return false;
}

std::size_t PolicyImage::resolution_size() const {
    const PolicyHeader& header = PolicyView(bytes_).header();
    const std::size_t size =
        sizeof(PolicyResolution) + std::size_t{header.groups.count} * sizeof(std::uint32_t) + header.conditions.count;
    return (size + 7) & ~std::size_t{7};
}

void PolicyImage::resolve(const ProcessFacts& facts, std::span<std::byte> memory) const {
    if (memory.size() < resolution_size()) {
        return;
    }
    const PolicyView view(bytes_);
    const PolicyHeader& header = view.header();
    auto* const resolution = reinterpret_cast<PolicyResolution*>(memory.data());
    auto* const applying = reinterpret_cast<std::uint32_t*>(resolution + 1);
    auto* const held = reinterpret_cast<std::uint8_t*>(applying + header.groups.count);

    const PolicyCondition* const conditions = view.array<PolicyCondition>(header.conditions);
    for (std::uint32_t number = 0; number < header.conditions.count; ++number) {
        held[number] = static_cast<std::uint8_t>(holds(view, conditions[number], facts));
    }
    resolution->group_count = 0;
    resolution->calls = 0;
    const PolicyGroup* const groups = view.array<PolicyGroup>(header.groups);
    for (std::uint32_t number = 0; number < header.groups.count; ++number) {
        if (applies(groups[number], held)) {
            applying[resolution->group_count++] = number;
            resolution->calls |= groups[number].calls;
        }
    }
}

bool PolicyImage::concerns(std::span<const std::byte> resolved, PolicyCall call) const {
    return resolved.size() >= sizeof(PolicyResolution) &&
           (reinterpret_cast<const PolicyResolution*>(resolved.data())->calls & static_cast<std::uint32_t>(call)) != 0;
}

} // namespace winsock_spi::core
