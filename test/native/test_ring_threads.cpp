// Writing and reading a ring (core/ring.hpp), many threads at once.
#include "check.hpp"
#include "rings.hpp"

#include <algorithm>
#include <thread>

using namespace rings;

namespace {

struct Outcome {
    std::uint64_t read = 0;
    std::uint64_t lost = 0;
    std::uint64_t torn = 0;
    std::uint64_t out_of_order = 0;
};

// `writers` threads append `each` records while one reads.
Outcome run(TestRing& ring, unsigned writers, std::uint64_t each) {
    std::atomic<unsigned> running = writers;
    std::vector<std::thread> threads;
    for (unsigned writer = 0; writer < writers; ++writer) {
        threads.emplace_back([&ring, &running, writer, each] {
            for (std::uint64_t index = 0; index < each; ++index) {
                ring.writer.append(body_of((std::uint64_t{writer} << 40) + index));
            }
            --running;
        });
    }
    Outcome outcome;
    RingReader reader;
    if (reader.open(ring.data(), ring.size()) != RingFault::none) {
        std::abort();
    }
    std::uint64_t previous = 0;
    std::vector<std::uint64_t> last(writers, 0);
    const auto take = [&](bool gone) {
        for (const ReadRecord& record : read_all(reader, outcome.lost, 0, gone)) {
            ++outcome.read;
            outcome.torn += !intact(record.body);
            outcome.out_of_order += record.sequence <= previous;
            previous = record.sequence;
            const std::uint64_t writer = record.body.begin >> 40;
            const std::uint64_t index = record.body.begin & 0xFFFFFFFFFF;
            outcome.out_of_order += writer >= writers || (index != 0 && index <= last[writer]);
            last[std::min<std::uint64_t>(writer, writers - 1)] = index;
        }
    };
    while (running != 0) {
        take(false);
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    take(true);
    return outcome;
}

} // namespace

int main() {
    check::run("every record is read whole or counted as lost, in order, with a ring that is far too small", [] {
        TestRing ring(16);
        constexpr std::uint64_t each = 50'000;
        const Outcome outcome = run(ring, 4, each);
        CHECK(outcome.torn == 0 && outcome.out_of_order == 0);
        CHECK(outcome.read + outcome.lost == 4 * each && ring.header().next == 4 * each);
    });

    check::run("nothing is lost in a ring that is large enough", [] {
        TestRing ring(1u << 18);
        constexpr std::uint64_t each = 50'000;
        const Outcome outcome = run(ring, 4, each);
        CHECK(outcome.torn == 0 && outcome.out_of_order == 0);
        CHECK(outcome.read == 4 * each && outcome.lost == 0 && ring.header().dropped == 0);
    });
    return check::result();
}
