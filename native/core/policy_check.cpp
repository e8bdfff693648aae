// Is this an image that can be read in place? Everything that resolve() and decide() take for granted is looked at
// here, in time that grows with the image's size alone. The order of keys and ports is not, nor what buckets say: out
// of order they lead to another cell of the same table, never outside.
#include "policy.hpp"

#include "policy_view.hpp"

#include <cstring>

namespace winsock_spi::core {

namespace {

bool within(const PolicySlice& slice, const PolicySection& section) {
    return slice.first <= section.count && slice.count <= section.count - slice.first;
}

template <typename T>
bool stands(const PolicySection& section, std::uint32_t size) {
    return section.offset % 8 == 0 && section.offset >= sizeof(PolicyHeader) && section.offset <= size &&
           section.count <= (size - section.offset) / sizeof(T);
}

bool check_sections(const PolicyHeader& header) {
    const std::uint32_t size = header.size;
    return stands<PolicyRule>(header.rules, size) && stands<PolicyExtra>(header.extras, size) &&
           stands<PolicyRange>(header.ranges, size) && stands<PolicyTime>(header.times, size) &&
           stands<std::uint32_t>(header.numbers, size) && stands<PolicyPattern>(header.patterns, size) &&
           stands<PolicyMember>(header.members, size) && stands<PolicyCondition>(header.conditions, size) &&
           stands<PolicyGroup>(header.groups, size) && stands<PolicyIndex>(header.indexes, size) &&
           stands<std::uint32_t>(header.keys_ipv4, size) && stands<PolicyAddress>(header.keys_ipv6, size) &&
           stands<std::uint32_t>(header.buckets, size) && stands<PolicyCell>(header.cells, size) &&
           stands<PolicyPort>(header.ports, size) && stands<std::uint32_t>(header.lists, size) &&
           stands<char16_t>(header.texts, size) && stands<std::uint16_t>(header.fold_pages, size) &&
           stands<std::uint16_t>(header.fold_values, size) && header.rules.count > 0 &&
           header.rules.count < policy_candidate_list && header.fold_pages.count == 256;
}

// Whether `good` says yes to every element.
template <typename T, typename Good>
bool every(const PolicyView& view, const PolicySection& section, Good good) {
    const T* const elements = view.array<T>(section);
    for (std::uint32_t number = 0; number < section.count; ++number) {
        if (!good(elements[number], number)) {
            return false;
        }
    }
    return true;
}

bool is_plain(std::uint8_t kind) {
    return kind == static_cast<std::uint8_t>(VerdictKind::allow) ||
           kind == static_cast<std::uint8_t>(VerdictKind::deny);
}

bool check_rules(const PolicyView& view) {
    const PolicyHeader& header = view.header();
    return every<PolicyRule>(view, header.rules,
                             [&](const PolicyRule& rule, std::uint32_t number) {
                                 return rule.kind >= static_cast<std::uint8_t>(VerdictKind::allow) &&
                                        rule.kind <= static_cast<std::uint8_t>(VerdictKind::observe) &&
                                        is_plain(rule.otherwise) && (number != default_rule || is_plain(rule.kind)) &&
                                        rule.extra <= header.extras.count && within(rule.name, header.texts);
                             }) &&
           every<PolicyExtra>(view, header.extras, [&](const PolicyExtra& extra, std::uint32_t) {
               return within(extra.local, header.ranges) && within(extra.modules, header.patterns) &&
                      within(extra.times, header.times) && within(extra.protocols, header.numbers);
           });
}

bool check_conditions(const PolicyView& view) {
    const PolicyHeader& header = view.header();
    return every<PolicyPattern>(
               view, header.patterns,
               [&](const PolicyPattern& pattern, std::uint32_t) { return within(pattern.text, header.texts); }) &&
           every<PolicyMember>(
               view, header.members,
               [&](const PolicyMember& member, std::uint32_t) {
                   return member.kind == PolicyMemberKind::pid ||
                          ((member.kind == PolicyMemberKind::program || member.kind == PolicyMemberKind::job) &&
                           member.value < header.patterns.count);
               }) &&
           every<PolicyCondition>(view, header.conditions,
                                  [&](const PolicyCondition& condition, std::uint32_t) {
                                      switch (condition.kind) {
                                      case PolicyConditionKind::program:
                                      case PolicyConditionKind::command_line:
                                      case PolicyConditionKind::user:
                                          return within(condition.elements, header.patterns);
                                      case PolicyConditionKind::pid: return within(condition.elements, header.numbers);
                                      case PolicyConditionKind::tree: return within(condition.elements, header.members);
                                      }
                                      return false;
                                  }) &&
           every<std::uint16_t>(view, header.fold_pages, [&](std::uint16_t page, std::uint32_t) {
               return page <= header.fold_values.count / 256;
           });
}

bool check_table(const PolicyView& view, const PolicyTable& table, const PolicySection& keys, unsigned bits) {
    const PolicyHeader& header = view.header();
    if (!within(table.keys, keys) || !within({table.first_cell, table.keys.count}, header.cells)) {
        return false;
    }
    if (table.bucket_bits == 0 || table.keys.count == 0) {
        return table.bucket_bits == 0;
    }
    const unsigned told = unsigned{table.prefix_bits} + table.bucket_bits;
    if (table.bucket_bits > max_bucket_bits || told > bits ||
        !within({table.first_bucket, (1u << table.bucket_bits) + 1}, header.buckets)) {
        return false;
    }
    return true; // what a bucket says is held within the table where it is read: tables may share their buckets
}

bool check_groups(const PolicyView& view) {
    const PolicyHeader& header = view.header();
    return every<PolicyGroup>(view, header.groups, [&](const PolicyGroup& group, std::uint32_t) {
        for (const std::uint32_t condition : group.conditions) {
            if (condition > header.conditions.count) {
                return false;
            }
        }
        for (const std::uint32_t index : group.indexes) {
            if (index > header.indexes.count) {
                return false;
            }
        }
        return true;
    });
}

// Which rules a list names is looked at when it is read: lists may share their elements.
bool check_candidate(const PolicyView& view, std::uint32_t candidate) {
    const PolicyHeader& header = view.header();
    if ((candidate & policy_candidate_list) == 0) {
        return candidate < header.rules.count;
    }
    const std::uint32_t place = candidate & ~policy_candidate_list;
    return place < header.lists.count && view.array<std::uint32_t>(header.lists)[place] < header.lists.count - place;
}

bool check_indexes(const PolicyView& view) {
    const PolicyHeader& header = view.header();
    return every<PolicyIndex>(view, header.indexes,
                              [&](const PolicyIndex& index, std::uint32_t) {
                                  return check_table(view, index.ipv4, header.keys_ipv4, 32) &&
                                         check_table(view, index.ipv6, header.keys_ipv6, 128) &&
                                         check_candidate(view, index.unknown);
                              }) &&
           every<PolicyCell>(view, header.cells,
                             [&](const PolicyCell& cell, std::uint32_t number) {
                                 return cell.next <= number &&
                                        (cell.count == 1 ? check_candidate(view, cell.first)
                                                         : within({cell.first, cell.count}, header.ports));
                             }) &&
           every<PolicyPort>(view, header.ports, [&](const PolicyPort& port, std::uint32_t) {
               return check_candidate(view, port.candidate);
           });
}

} // namespace

std::uint32_t policy_checksum(std::span<const std::byte> words) {
    constexpr std::uint32_t multiplier = 0x9E37'79B1;
    std::uint32_t lanes[4] = {1, 2, 3, 4};
    for (std::size_t at = 0; at + 4 <= words.size(); at += 4) {
        std::uint32_t word = 0;
        std::memcpy(&word, words.data() + at, sizeof(word));
        std::uint32_t& lane = lanes[at / 4 % 4];
        lane = (lane ^ word) * multiplier;
        lane ^= lane >> 15;
    }
    std::uint32_t sum = static_cast<std::uint32_t>(words.size());
    for (const std::uint32_t lane : lanes) {
        sum = (sum ^ lane) * multiplier;
        sum ^= sum >> 13;
    }
    return sum;
}

bool PolicyImage::check(std::span<const std::byte> bytes, PolicyImage& image) {
    if (bytes.size() < sizeof(PolicyHeader) || reinterpret_cast<std::uintptr_t>(bytes.data()) % 8 != 0) {
        return false;
    }
    const PolicyView view(bytes);
    const PolicyHeader& header = view.header();
    if (header.magic != policy_magic || header.abi != policy_abi || header.header_size != sizeof(PolicyHeader) ||
        header.size < sizeof(PolicyHeader) || header.size > bytes.size() || header.size > max_policy_size ||
        header.size % 8 != 0) {
        return false;
    }
    if (header.checksum != policy_checksum(bytes.subspan(sizeof(PolicyHeader), header.size - sizeof(PolicyHeader))) ||
        !check_sections(header) || !check_rules(view) || !check_conditions(view) || !check_groups(view) ||
        !check_indexes(view)) {
        return false;
    }
    image.bytes_ = bytes.first(header.size);
    return true;
}

} // namespace winsock_spi::core
