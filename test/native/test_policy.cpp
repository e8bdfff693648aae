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
        process.ancestors.push_back({static_cast<std::uint32_t>(number(ancestor, "pid")),
                                     process.programs[process.ancestors.size()]});
    }
    jobs.clear();
    for (const json::Value& job : *value.find("jobs")->array()) {
        jobs.push_back(text(&job));
    }
    process.facts = {static_cast<std::uint32_t>(number(value, "pid")), process.program, process.command_line,
                     process.user, process.ancestors, [](std::u16string_view name) {
                         return std::find(jobs.begin(), jobs.end(), name) != jobs.end();
                     }};
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
    const bool concerned = image.concerns(facts.call) &&
                           (image.concerns(resolved, facts.call) || verdict.rule == core::default_rule);
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

} // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "--cases") == 0) {
        return run_cases();
    }
    return check::result();
}
