// How long a decision takes, for bench/policy.mjs: the same calls decided by an image and by a linear scan over the
// same rules, in turn, and every answer of the one compared with the other's. Nothing of Windows: runs on Linux too.
//
//   policy_decisions FILE ROUNDS     FILE as bench/policy-input.mjs writes it
//   -> {"check":ms,"resolve":us,"image":[ns...],"warm":[ns...],"linear":[ns...],"differences":n}, a number per round;
//      warm: by the image too, but 64 calls again and again, as a program makes them that talks to a few others
#include "core/policy.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace core = winsock_spi::core;

namespace {

// A rule of the linear scan: everything that can be prepared is, the process's conditions too.
struct Rule {
    std::uint64_t first_high, first_low, last_high, last_low;
    std::uint16_t family, first_port, last_port;
    std::uint8_t calls, protocol; // protocol 0: any
    std::uint32_t applies;        // to the process
    std::uint32_t number;         // several entries may be one rule's
};

struct Call {
    std::uint8_t call, protocol;
    std::uint16_t family, port, reserved;
    std::uint8_t bytes[16];
};
static_assert(sizeof(Rule) == 48 && sizeof(Call) == 24);

class Input {
public:
    explicit Input(std::vector<char> bytes) : bytes_(std::move(bytes)) {}
    template <typename T>
    std::vector<T> array() {
        const std::uint32_t count = number();
        std::vector<T> values(count);
        if (count > 0) {
            std::memcpy(values.data(), take(count * sizeof(T)), count * sizeof(T));
        }
        return values;
    }

private:
    std::uint32_t number() {
        std::uint32_t value = 0;
        std::memcpy(&value, take(sizeof(value)), sizeof(value));
        return value;
    }
    const char* take(std::size_t size) {
        if (bytes_.size() - at_ < size) {
            std::fprintf(stderr, "the input is cut off\n");
            std::exit(2);
        }
        const char* const place = bytes_.data() + at_;
        at_ += size;
        return place;
    }

    std::vector<char> bytes_;
    std::size_t at_ = 0;
};

std::uint64_t big_endian(const std::uint8_t* bytes, int count) {
    std::uint64_t value = 0;
    for (int n = 0; n < count; ++n) {
        value = value << 8 | bytes[n];
    }
    return value;
}

std::uint32_t scan(const std::vector<Rule>& rules, const core::CallFacts& facts) {
    const bool six = facts.remote.family == 23;
    const std::uint64_t high = six ? big_endian(facts.remote.bytes, 8) : 0;
    const std::uint64_t low = six ? big_endian(facts.remote.bytes + 8, 8) : big_endian(facts.remote.bytes, 4);
    for (const Rule& rule : rules) {
        if (rule.family == facts.remote.family && (rule.calls & static_cast<std::uint8_t>(facts.call)) != 0 &&
            (high > rule.first_high || (high == rule.first_high && low >= rule.first_low)) &&
            (high < rule.last_high || (high == rule.last_high && low <= rule.last_low)) &&
            rule.first_port <= facts.remote.port && facts.remote.port <= rule.last_port &&
            (rule.protocol == 0 || rule.protocol == facts.protocol) && rule.applies != 0) {
            return rule.number;
        }
    }
    return 0;
}

template <typename Decide>
double nanoseconds(const std::vector<core::CallFacts>& calls, std::size_t decisions, std::uint64_t& sum,
                   Decide decide) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t n = 0, at = 0; n < decisions; ++n) {
        sum += decide(calls[at]);
        at = at + 1 == calls.size() ? 0 : at + 1;
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    return took.count() / static_cast<double>(decisions);
}

void print(const char* name, const std::vector<double>& values) {
    std::printf("\"%s\":[", name);
    for (std::size_t n = 0; n < values.size(); ++n) {
        std::printf("%s%.2f", n == 0 ? "" : ",", values[n]);
    }
    std::printf("],");
}

} // namespace

int main(int argc, char** argv) {
    std::ifstream file(argc > 1 ? argv[1] : "", std::ios::binary);
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 0;
    if (!file || rounds < 1) {
        std::fprintf(stderr, "usage: policy_decisions FILE ROUNDS\n");
        return 64;
    }
    Input input({std::istreambuf_iterator<char>(file), {}});
    const auto words = input.array<std::uint64_t>();
    const auto rules = input.array<Rule>();
    const auto given = input.array<Call>();
    const auto program = input.array<char16_t>();

    core::PolicyImage image;
    const auto begin = std::chrono::steady_clock::now();
    if (!core::PolicyImage::check(std::as_bytes(std::span(words)), image)) {
        std::fprintf(stderr, "the image is refused\n");
        return 2;
    }
    const auto checked = std::chrono::steady_clock::now();
    std::vector<std::uint64_t> memory(image.resolution_size() / 8);
    const auto resolved = std::as_writable_bytes(std::span(memory));
    core::ProcessFacts process;
    process.pid = 1;
    process.program = {program.data(), program.size()};
    image.resolve(process, resolved);
    const auto ready = std::chrono::steady_clock::now();

    std::vector<core::CallFacts> calls;
    for (const Call& call : given) {
        core::CallFacts facts;
        facts.call = static_cast<core::PolicyCall>(call.call);
        facts.protocol = call.protocol;
        facts.remote.family = call.family;
        facts.remote.port = call.port;
        std::memcpy(facts.remote.bytes, call.bytes, sizeof(call.bytes));
        calls.push_back(facts);
    }
    const auto by_image = [&](const core::CallFacts& facts) { return image.decide(resolved, facts).rule; };
    const auto by_scan = [&](const core::CallFacts& facts) { return scan(rules, facts); };
    std::size_t differences = 0;
    for (const core::CallFacts& facts : calls) {
        differences += by_image(facts) != by_scan(facts) ? 1 : 0;
    }
    const auto last = calls.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(64, calls.size()));
    const std::vector<core::CallFacts> few(calls.begin(), last);
    std::vector<double> ours;
    std::vector<double> warm;
    std::vector<double> theirs;
    std::uint64_t sum = 0;
    const std::size_t scans =
        std::max<std::size_t>(200, std::min<std::size_t>(2'000'000, 100'000'000 / (rules.size() + 1)));
    for (int round = 0; round < rounds; ++round) {
        ours.push_back(nanoseconds(calls, 2'000'000, sum, by_image));
        warm.push_back(nanoseconds(few, 2'000'000, sum, by_image));
        theirs.push_back(nanoseconds(calls, scans, sum, by_scan));
    }
    const std::chrono::duration<double, std::milli> checking = checked - begin;
    const std::chrono::duration<double, std::micro> resolving = ready - checked;
    std::printf("{\"check\":%.3f,\"resolve\":%.1f,", checking.count(), resolving.count());
    print("image", ours);
    print("warm", warm);
    print("linear", theirs);
    std::printf("\"differences\":%zu,\"sum\":%llu}\n", differences, static_cast<unsigned long long>(sum));
    return differences == 0 ? 0 : 1;
}
