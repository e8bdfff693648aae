// Policy images made at random, most of them nearly right: check() refuses or accepts, and what it accepts is resolved
// and decided, under sanitizers: nothing outside is read, everything ends, and every answer is one that there is.
#include "check.hpp"
#include "input.hpp"

#include "core/policy.hpp"
#include "core/policy_view.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

namespace core = winsock_spi::core;

namespace {

constexpr std::size_t header_words = sizeof(core::PolicyHeader) / 8;
std::uint64_t accepted = 0;
std::uint64_t matched = 0;

// An image under construction: random elements of every section, with references that mostly hold.
class Maker {
public:
    explicit Maker(check::Input& input) : input_(input) {}

    std::vector<std::uint64_t> make() {
        words_.assign(header_words, 0);
        core::PolicyHeader header{};
        counts(header);
        lay_out(header);
        fill(header);
        header.magic = core::policy_magic;
        header.abi = core::policy_abi;
        header.header_size = sizeof(core::PolicyHeader);
        header.size = static_cast<std::uint32_t>(words_.size() * 8);
        header.generation = 7;
        header.calls = small(32);
        if (input_.one_in(8)) { // one field that is wrong
            std::uint32_t wrong = static_cast<std::uint32_t>(input_.nasty());
            const std::size_t at = 16 + 4 * input_.below((sizeof(header) - 16) / 4);
            std::memcpy(reinterpret_cast<std::byte*>(&header) + at, &wrong, sizeof(wrong));
        }
        std::memcpy(words_.data(), &header, sizeof(header));
        if (input_.one_in(4)) { // and one somewhere
            words_[header_words + input_.below(words_.size() - header_words)] = input_.nasty();
        }
        sign();
        return words_;
    }

private:
    std::uint32_t small(std::uint64_t bound) { return static_cast<std::uint32_t>(input_.below(bound)); }
    // Mostly below the bound.
    std::uint32_t reference(std::uint32_t bound) {
        return input_.one_in(1000) ? static_cast<std::uint32_t>(input_.nasty()) : bound == 0 ? 0 : small(bound);
    }
    core::PolicySlice part(std::uint32_t count) {
        const std::uint32_t first = reference(count);
        const std::uint32_t rest = first <= count ? count - first : 0;
        return {first, input_.one_in(1000) ? static_cast<std::uint32_t>(input_.nasty())
                                           : small(std::min<std::uint32_t>(rest, 5) + 1)};
    }

    void counts(core::PolicyHeader& header) {
        for (core::PolicySection* section = &header.rules; section <= &header.fold_values; ++section) {
            section->count = 1 + small(8);
        }
        header.keys_ipv4.count += 12;
        header.keys_ipv6.count += 12;
        header.cells.count += 30;
        header.buckets.count += 20;
        header.lists.count += 3;
        header.texts.count += 40;
        header.fold_pages.count = 256;
        header.fold_values.count = 256 * (1 + small(2));
    }
    void lay_out(core::PolicyHeader& header) {
        static constexpr std::size_t sizes[] = {sizeof(core::PolicyRule),
                                                sizeof(core::PolicyExtra),
                                                sizeof(core::PolicyRange),
                                                sizeof(core::PolicyTime),
                                                4,
                                                sizeof(core::PolicyPattern),
                                                sizeof(core::PolicyMember),
                                                sizeof(core::PolicyCondition),
                                                sizeof(core::PolicyGroup),
                                                sizeof(core::PolicyIndex),
                                                4,
                                                sizeof(core::PolicyAddress),
                                                4,
                                                sizeof(core::PolicyCell),
                                                sizeof(core::PolicyPort),
                                                4,
                                                2,
                                                2,
                                                2};
        static_assert(sizeof(sizes) / sizeof(sizes[0]) * sizeof(core::PolicySection) + 32 ==
                      sizeof(core::PolicyHeader));
        std::size_t number = 0;
        for (core::PolicySection* section = &header.rules; section <= &header.fold_values; ++section) {
            section->offset = static_cast<std::uint32_t>(words_.size() * 8);
            words_.resize(words_.size() + (section->count * sizes[number++] + 7) / 8);
        }
    }

    template <typename T, typename Make>
    void each(const core::PolicySection& section, Make make) {
        for (std::uint32_t n = 0; n < section.count; ++n) {
            const T value = make(n);
            std::memcpy(reinterpret_cast<std::byte*>(words_.data()) + section.offset + n * sizeof(T), &value,
                        sizeof(T));
        }
    }
    std::uint32_t candidate(const core::PolicyHeader& header) {
        return input_.one_in(3) ? core::policy_candidate_list | reference(header.lists.count - 3)
                                : reference(header.rules.count);
    }
    core::PolicyTable table(const core::PolicyHeader& header, const core::PolicySection& keys, unsigned bits) {
        core::PolicyTable made{};
        made.keys = {0, keys.count};
        made.first_cell = reference(header.cells.count - std::min(keys.count, header.cells.count) + 1);
        if (input_.one_in(2)) {
            made.bucket_bits = static_cast<std::uint8_t>(1 + small(4));
            made.prefix_bits = static_cast<std::uint8_t>(small(bits));
            made.prefix = {input_.nasty(), input_.nasty()};
        }
        return made;
    }

    void fill(const core::PolicyHeader& header) {
        each<core::PolicyRule>(header.rules, [&](std::uint32_t n) {
            core::PolicyRule rule{};
            input_.fill(std::as_writable_bytes(std::span(&rule, 1)));
            rule.kind = static_cast<std::uint8_t>(1 + small(n == 0 ? 2 : 6));
            rule.otherwise = static_cast<std::uint8_t>(1 + small(2));
            rule.extra = input_.one_in(2) ? 0 : reference(header.extras.count + 1);
            rule.name = part(header.texts.count);
            return rule;
        });
        each<core::PolicyExtra>(header.extras, [&](std::uint32_t) {
            return core::PolicyExtra{part(header.ranges.count), part(header.patterns.count), part(header.times.count),
                                     part(header.numbers.count)};
        });
        each<core::PolicyRange>(header.ranges, [&](std::uint32_t) {
            return core::PolicyRange{{0, input_.below(4)},
                                     {input_.nasty(), input_.nasty()},
                                     std::array<std::uint16_t, 3>{0, 2, 23}[small(3)],
                                     0,
                                     static_cast<std::uint16_t>(input_.nasty()),
                                     0};
        });
        each<std::uint32_t>(header.numbers, [&](std::uint32_t) { return small(20); });
        each<core::PolicyPattern>(
            header.patterns, [&](std::uint32_t) { return core::PolicyPattern{part(header.texts.count), small(4)}; });
        each<core::PolicyMember>(header.members, [&](std::uint32_t) {
            return core::PolicyMember{static_cast<core::PolicyMemberKind>(1 + small(3)),
                                      reference(header.patterns.count)};
        });
        const std::uint32_t fewest = std::min({header.patterns.count, header.numbers.count, header.members.count});
        each<core::PolicyCondition>(header.conditions, [&](std::uint32_t) {
            return core::PolicyCondition{static_cast<core::PolicyConditionKind>(1 + small(5)), part(fewest)};
        });
        each<core::PolicyGroup>(header.groups, [&](std::uint32_t) {
            core::PolicyGroup group{};
            group.conditions[small(5)] = reference(header.conditions.count + 1);
            group.first_rule = small(4);
            group.calls = small(32);
            for (std::uint32_t& index : group.indexes) {
                index = reference(header.indexes.count + 1);
            }
            return group;
        });
        each<core::PolicyIndex>(header.indexes, [&](std::uint32_t) {
            return core::PolicyIndex{table(header, header.keys_ipv4, 28), table(header, header.keys_ipv6, 124),
                                     candidate(header), 0};
        });
        each<std::uint32_t>(header.keys_ipv4,
                            [&](std::uint32_t n) { return n == 0 ? 0 : static_cast<std::uint32_t>(input_.nasty()); });
        each<core::PolicyAddress>(header.keys_ipv6,
                                  [&](std::uint32_t) { return core::PolicyAddress{input_.nasty(), input_.nasty()}; });
        each<std::uint32_t>(header.buckets, [&](std::uint32_t) { return reference(header.keys_ipv4.count); });
        each<core::PolicyCell>(header.cells, [&](std::uint32_t n) {
            const core::PolicySlice ports = part(header.ports.count);
            return core::PolicyCell{ports.count == 1 ? candidate(header) : ports.first, ports.count, reference(n + 1),
                                    small(9)};
        });
        each<core::PolicyPort>(header.ports, [&](std::uint32_t n) {
            return core::PolicyPort{static_cast<std::uint16_t>(n * 5000), 0, candidate(header)};
        });
        each<std::uint32_t>(header.lists, [&](std::uint32_t) { return small(3); });
        static constexpr char16_t letters[] = u"*?\\AB.";
        each<char16_t>(header.texts, [&](std::uint32_t) { return letters[small(6)]; });
        each<std::uint16_t>(header.fold_pages, [&](std::uint32_t n) {
            return static_cast<std::uint16_t>(n == 0 ? 1 : reference(header.fold_values.count / 256 + 1));
        });
        each<std::uint16_t>(header.fold_values, [&](std::uint32_t n) { return static_cast<std::uint16_t>(n & 0xDF); });
    }

    void sign() {
        auto& header = *reinterpret_cast<core::PolicyHeader*>(words_.data());
        header.checksum = core::policy_checksum(std::as_bytes(std::span(words_)).subspan(sizeof(header)));
        if (input_.one_in(1000)) {
            header.checksum ^= 1u << input_.below(32);
        }
    }

    check::Input& input_;
    std::vector<std::uint64_t> words_;
};

core::RecordAddress random_address(check::Input& input) {
    core::RecordAddress address{};
    address.family = std::array<std::uint16_t, 4>{0, 2, 23, 23}[input.below(4)];
    address.port = static_cast<std::uint16_t>(input.nasty());
    const std::array<std::uint64_t, 2> bytes{input.nasty(), input.nasty()};
    std::memcpy(address.bytes, bytes.data(), sizeof(bytes));
    return address;
}

void one_call(check::Input& input, const core::PolicyImage& image, std::span<const std::byte> resolved) {
    core::CallFacts facts;
    facts.call = static_cast<core::PolicyCall>(input.one_in(10) ? input.below(256) : 1 << input.below(5));
    facts.protocol = static_cast<std::uint8_t>(std::array<unsigned, 3>{6, 17, 1}[input.below(3)]);
    facts.local = random_address(input);
    facts.remote = random_address(input);
    facts.module = u"a\\b.AB";
    facts.minute_of_week = static_cast<std::uint16_t>(input.nasty());
    const core::Verdict verdict = image.decide(resolved, facts);
    CHECK(verdict.rule <= image.rule_count());
    CHECK(verdict.kind >= core::VerdictKind::allow && verdict.kind <= core::VerdictKind::observe);
    CHECK(verdict.otherwise == core::VerdictKind::allow || verdict.otherwise == core::VerdictKind::deny);
    CHECK(verdict.kind != core::VerdictKind::redirect || verdict.target.family == 2 || verdict.target.family == 23);
    matched += verdict.rule != core::default_rule ? 1 : 0;
    CHECK(image.rule_name(verdict.rule).size() <= core::max_policy_size);
    (void)image.concerns(facts.call);
    (void)image.concerns(resolved, facts.call);
}

void one_image(check::Input& input) {
    std::vector<std::uint64_t> words = Maker(input).make();
    if (input.one_in(20)) {
        words.resize(input.below(words.size() + 1));
    }
    core::PolicyImage image;
    if (!core::PolicyImage::check(std::as_bytes(std::span(words)), image)) {
        return;
    }
    ++accepted;
    std::vector<std::uint64_t> memory(image.resolution_size() / 8, ~std::uint64_t{0});
    const auto resolved = std::as_writable_bytes(std::span(memory));
    const std::array<core::Ancestor, 2> ancestors{{{3, u"C:\\AB.B"}, {4, {}}}};
    core::ProcessFacts facts;
    facts.pid = static_cast<std::uint32_t>(input.below(20));
    facts.program = input.one_in(8) ? u"" : u"C:\\a\\bA.b";
    facts.command_line = u"ab.ba.ab.ba";
    facts.user = u"AB";
    facts.ancestors = ancestors;
    facts.in_job = [](std::u16string_view name) { return name.size() % 2 == 0; };
    image.resolve(facts, resolved);
    for (int n = 0; n < 8; ++n) {
        one_call(input, image, resolved);
    }
}

} // namespace

int main(int argc, char** argv) {
    const check::FuzzOptions options = check::fuzz_options(argc, argv);
    std::uint64_t count = 0;
    const int result = check::fuzz("fuzz_policy", options, [&](std::mt19937_64& random) {
        check::Input input(random);
        one_image(input);
        ++count;
        // A fuzzer whose images are all refused would find nothing.
        CHECK(count < 1000 || (accepted > count / 10 && matched > count / 10));
    });
    std::printf("# accepted %llu, calls that met a rule %llu\n", static_cast<unsigned long long>(accepted),
                static_cast<unsigned long long>(matched));
    return result;
}
