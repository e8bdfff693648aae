// Policy images. By itself: what check() refuses. With --cases: decides the calls that stand on standard input, which
// test/unit/policy-property.test.ts compares with lib/policy/decide.ts. One JSON value per line:
//   {"image": base64}      the image from now on; answered by "image" or "refused"
//   {"process": {...}}     whose calls follow
//   {"call": {...}}        answered by kind, rule, error, target, timeout, otherwise and its error
// Texts are arrays of UTF-16 units.
#include "check.hpp"

#include "core/base64.hpp"
#include "core/json.hpp"
#include "core/policy.hpp"
#include "core/policy_view.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

namespace core = winsock_spi::core;
namespace json = winsock_spi::core::json;

namespace {

std::int64_t number(const json::Value& value, const char* name, std::int64_t otherwise = 0) {
    const json::Value* found = value.find(name);
    return found == nullptr ? otherwise : found->integer().value_or(otherwise);
}

std::u16string text(const json::Value* value) {
    std::u16string result;
    if (value != nullptr) {
        for (const json::Value& unit : *value->array()) {
            result += static_cast<char16_t>(*unit.integer());
        }
    }
    return result;
}

core::RecordAddress address(const json::Value* value) {
    core::RecordAddress result{};
    if (value != nullptr) {
        result.family = static_cast<std::uint16_t>(number(*value, "family"));
        result.port = static_cast<std::uint16_t>(number(*value, "port"));
        std::size_t at = 0;
        for (const json::Value& byte : *value->find("bytes")->array()) {
            result.bytes[at++] = static_cast<std::uint8_t>(*byte.integer());
        }
    }
    return result;
}

// A process with the texts that its facts refer to.
struct Process {
    std::u16string program;
    std::u16string command_line;
    std::u16string user;
    std::vector<std::u16string> programs;
    std::vector<core::Ancestor> ancestors;
    core::ProcessFacts facts;
};
std::vector<std::u16string> jobs;

void read_process(const json::Value& value, Process& process) {
    process = {};
    process.program = text(value.find("program"));
    process.command_line = text(value.find("commandLine"));
    process.user = text(value.find("user"));
    for (const json::Value& ancestor : *value.find("ancestors")->array()) {
        process.programs.push_back(text(ancestor.find("program")));
    }
    for (const json::Value& ancestor : *value.find("ancestors")->array()) {
        process.ancestors.push_back(
            {static_cast<std::uint32_t>(number(ancestor, "pid")), process.programs[process.ancestors.size()]});
    }
    jobs.clear();
    for (const json::Value& job : *value.find("jobs")->array()) {
        jobs.push_back(text(&job));
    }
    process.facts = {static_cast<std::uint32_t>(number(value, "pid")),
                     process.program,
                     process.command_line,
                     process.user,
                     process.ancestors,
                     [](std::u16string_view name) { return std::find(jobs.begin(), jobs.end(), name) != jobs.end(); }};
}

void answer(const core::PolicyImage& image, std::span<const std::byte> resolved, const json::Value& value) {
    core::CallFacts facts;
    facts.call = static_cast<core::PolicyCall>(number(value, "call"));
    facts.protocol = static_cast<std::uint8_t>(number(value, "protocol"));
    facts.local = address(value.find("local"));
    facts.remote = address(value.find("remote"));
    const std::u16string module = text(value.find("module"));
    facts.module = module;
    facts.minute_of_week = static_cast<std::uint16_t>(number(value, "minute"));
    const core::Verdict verdict = image.decide(resolved, facts);
    std::cout << static_cast<int>(verdict.kind) << ' ' << verdict.rule << ' ' << verdict.error << ' '
              << verdict.target.family << ' ' << verdict.target.port << ' ';
    for (const std::uint8_t byte : verdict.target.bytes) {
        std::cout << int{byte} << '.';
    }
    const bool concerned =
        image.concerns(facts.call) && (image.concerns(resolved, facts.call) || verdict.rule == core::default_rule);
    std::cout << ' ' << verdict.timeout << ' ' << static_cast<int>(verdict.otherwise) << ' ' << verdict.otherwise_error
              << ' ' << (concerned ? 1 : 0) << '\n';
}

int run_cases() {
    std::vector<std::uint64_t> words;
    core::PolicyImage image;
    Process process;
    std::vector<std::uint64_t> memory;
    const auto resolved = [&] { return std::as_writable_bytes(std::span(memory)); };
    for (std::string line; std::getline(std::cin, line);) {
        const auto value = json::parse(line);
        if (!value) {
            return 2;
        }
        if (const json::Value* encoded = value->find("image")) {
            const auto decoded = core::decode_base64(*encoded->string());
            if (!decoded) {
                return 2;
            }
            words.assign((decoded->size() + 7) / 8, 0); // aligned as a mapping is
            std::memcpy(words.data(), decoded->data(), decoded->size());
            const auto bytes = std::as_bytes(std::span(words)).first(decoded->size());
            std::cout << (core::PolicyImage::check(bytes, image) ? "image" : "refused") << '\n';
        } else if (const json::Value* facts = value->find("process")) {
            read_process(*facts, process);
            memory.assign(image.resolution_size() / 8, ~std::uint64_t{0});
            image.resolve(process.facts, resolved());
        } else if (const json::Value* call = value->find("call")) {
            answer(image, resolved(), *call);
        }
    }
    return 0;
}

// An image of one rule, made by hand: everything else about images is tested on those that the compiler makes.
struct Smallest {
    core::PolicyHeader header{};
    std::uint8_t gap[64 - sizeof(core::PolicyHeader) % 64]{};
    core::PolicyRule rules[2]{};
    core::PolicyGroup group{};
    core::PolicyIndex index{};
    core::PolicyCell cell{};
    std::uint32_t keys[2]{}; // one, and what aligns the next
    std::uint16_t pages[256]{};

    Smallest() {
        header.magic = core::policy_magic;
        header.abi = core::policy_abi;
        header.header_size = sizeof(header);
        header.size = sizeof(*this);
        header.generation = 5;
        header.calls = 1;
        for (core::PolicySection* section = &header.rules; section <= &header.fold_values; ++section) {
            section->offset = sizeof(header);
        }
        header.rules = {place(rules), 2};
        header.groups = {place(&group), 1};
        header.indexes = {place(&index), 1};
        header.cells = {place(&cell), 1};
        header.keys_ipv4 = {place(keys), 1};
        header.fold_pages = {place(pages), 256};
        rules[0].kind = rules[0].otherwise = rules[1].otherwise = 1;
        rules[1].kind = 2;
        rules[1].error = 10013;
        group.first_rule = group.calls = 1;
        group.indexes[0] = 1;
        index.ipv4.keys = {0, 1};
        cell.first = cell.count = 1;
        sign();
    }
    std::uint32_t place(const void* member) const {
        return static_cast<std::uint32_t>(static_cast<const std::byte*>(member) -
                                          reinterpret_cast<const std::byte*>(this));
    }
    std::span<const std::byte> bytes() const { return {reinterpret_cast<const std::byte*>(this), sizeof(*this)}; }
    void sign() { header.checksum = core::policy_checksum(bytes().subspan(sizeof(header))); }
    bool good() const {
        core::PolicyImage image;
        return core::PolicyImage::check(bytes(), image);
    }
};
static_assert(sizeof(Smallest) % 8 == 0);

void decides_by_the_smallest_image() {
    alignas(8) const Smallest made;
    core::PolicyImage image;
    CHECK(core::PolicyImage::check(made.bytes(), image));
    CHECK(image.generation() == 5 && image.rule_count() == 1 && !image.fail_closed());
    CHECK(image.concerns(core::PolicyCall::connect) && !image.concerns(core::PolicyCall::bind));
    std::vector<std::uint64_t> memory(image.resolution_size() / 8);
    const auto resolved = std::as_writable_bytes(std::span(memory));
    image.resolve({}, resolved);
    core::CallFacts facts;
    facts.protocol = 6;
    facts.remote.family = 2;
    CHECK(image.decide(resolved, facts).kind == core::VerdictKind::deny &&
          image.decide(resolved, facts).error == 10013);
    facts.call = core::PolicyCall::bind;
    CHECK(image.decide(resolved, facts).kind == core::VerdictKind::allow);
}

template <typename Change>
bool refused_after(Change change) {
    alignas(8) Smallest made;
    change(made);
    made.sign();
    return !made.good();
}

void refuses_what_is_no_image() {
    CHECK(!refused_after([](Smallest&) {}));
    CHECK(refused_after([](Smallest& made) { made.header.magic ^= 1; }));
    CHECK(refused_after([](Smallest& made) { ++made.header.abi; }));
    CHECK(refused_after([](Smallest& made) { made.header.size -= 4; }));
    CHECK(refused_after([](Smallest& made) { made.header.size += 8; }));
    CHECK(refused_after([](Smallest& made) { made.header.rules.count = 0; }));
    CHECK(refused_after([](Smallest& made) { made.header.rules.offset += 4; }));
    CHECK(refused_after([](Smallest& made) { made.header.rules.offset = sizeof(Smallest) + 8; }));
    CHECK(refused_after([](Smallest& made) { made.header.texts.count = 0xFFFF'FFFF; }));
    CHECK(refused_after([](Smallest& made) { made.rules[1].kind = 7; }));
    CHECK(refused_after([](Smallest& made) { made.rules[0].kind = 3; }));
    CHECK(refused_after([](Smallest& made) { made.rules[1].extra = 1; }));
    CHECK(refused_after([](Smallest& made) { made.rules[1].name = {0, 1}; }));
    CHECK(refused_after([](Smallest& made) { made.group.indexes[3] = 2; }));
    CHECK(refused_after([](Smallest& made) { made.group.conditions[0] = 1; }));
    CHECK(refused_after([](Smallest& made) { made.index.ipv4.keys.count = 2; }));
    CHECK(refused_after([](Smallest& made) { made.index.ipv4.first_cell = 1; }));
    CHECK(refused_after([](Smallest& made) { made.index.ipv4.bucket_bits = 1; }));
    CHECK(refused_after([](Smallest& made) { made.cell.first = 2; }));
    CHECK(refused_after([](Smallest& made) { made.cell.count = 2; }));
    CHECK(refused_after([](Smallest& made) { made.cell.next = 1; }));
    CHECK(refused_after([](Smallest& made) { made.pages[1] = 1; }));
}

// A bit that turned on the disk, anywhere: damage is noticed before anything is decided by it.
void refuses_damage() {
    alignas(8) Smallest made;
    auto* const bytes = reinterpret_cast<std::uint8_t*>(&made);
    for (std::size_t bit = sizeof(core::PolicyHeader) * 8; bit < sizeof(made) * 8; ++bit) {
        bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
        CHECK(!made.good());
        bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    }
    core::PolicyImage image;
    for (std::size_t size = 0; size < sizeof(made); ++size) {
        CHECK(!core::PolicyImage::check(made.bytes().first(size), image));
    }
    CHECK(made.good());
}

} // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "--cases") == 0) {
        return run_cases();
    }
    check::run("decides by the smallest image", decides_by_the_smallest_image);
    check::run("refuses what is no image", refuses_what_is_no_image);
    check::run("refuses damage", refuses_damage);
    return check::result();
}
