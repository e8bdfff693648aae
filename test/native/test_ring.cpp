// Writing and reading rings (core/ring.hpp), one thread at a time.
#include "check.hpp"
#include "rings.hpp"

using namespace rings;

int main() {
    check::run("what is written is read, once and in order", [] {
        TestRing ring(16);
        RingReader reader;
        CHECK(reader.open(ring.data(), ring.size()) == RingFault::none);
        std::uint64_t lost = 0;
        CHECK(read_all(reader, lost).empty());
        for (std::uint64_t number = 0; number < 10; ++number) {
            ring.writer.append(body_of(number));
        }
        const std::vector<ReadRecord> records = read_all(reader, lost);
        CHECK(records.size() == 10 && lost == 0);
        for (std::uint64_t number = 0; number < 10; ++number) {
            CHECK(records[number].sequence == 2 * number + 2 && records[number].body.begin == number &&
                  intact(records[number].body));
        }
        CHECK(read_all(reader, lost).empty() && lost == 0);
    });

    check::run("what was overwritten counts as lost", [] {
        TestRing ring(16);
        RingReader reader;
        reader.open(ring.data(), ring.size());
        for (std::uint64_t number = 0; number < 100; ++number) {
            ring.writer.append(body_of(number));
        }
        std::uint64_t lost = 0;
        const std::vector<ReadRecord> records = read_all(reader, lost);
        CHECK(lost == 84 && records.size() == 16);
        CHECK(records.front().body.begin == 84 && records.back().body.begin == 99);
    });

    check::run("a watcher that comes late may leave out what was before it", [] {
        TestRing ring(16);
        for (std::uint64_t number = 0; number < 100; ++number) {
            ring.writer.append(body_of(number));
        }
        RingReader reader;
        reader.open(ring.data(), ring.size());
        reader.seek_to_end();
        std::uint64_t lost = 0;
        CHECK(read_all(reader, lost).empty() && lost == 0);
        ring.writer.append(body_of(100));
        CHECK(read_all(reader, lost).size() == 1 && lost == 0);
    });

    check::run("a writer that finds its place still being written gives up, and the reader counts it", [] {
        TestRing ring(16);
        for (std::uint64_t number = 0; number < 16; ++number) {
            ring.writer.append(body_of(number));
        }
        RingReader reader;
        reader.open(ring.data(), ring.size());
        std::uint64_t lost = 0;
        CHECK(read_all(reader, lost).size() == 16);
        ring.record(0).sequence = 1; // record 0 is being written, by a thread that was stopped
        for (std::uint64_t number = 16; number < 20; ++number) {
            ring.writer.append(body_of(number));
        }
        CHECK(ring.header().dropped == 1 && ring.record(0).sequence == 1);
        CHECK(read_all(reader, lost, 1000).empty() && lost == 0);
        CHECK(read_all(reader, lost, 1000 + RingReader::patience_ms - 1).empty() && lost == 0);
        const std::vector<ReadRecord> records = read_all(reader, lost, 1000 + RingReader::patience_ms);
        CHECK(records.size() == 3 && records.front().body.begin == 17 && lost == 1);
    });

    check::run("many that are missing together are waited for once", [] {
        TestRing ring(64);
        ring.writer.skip(20);
        ring.writer.append(body_of(20));
        RingReader reader;
        reader.open(ring.data(), ring.size());
        std::uint64_t lost = 0;
        CHECK(read_all(reader, lost, 5).empty());
        CHECK(read_all(reader, lost, 5 + RingReader::patience_ms).size() == 1 && lost == 20);
    });

    check::run("when the writer is gone nothing is waited for", [] {
        TestRing ring(64);
        ring.writer.skip(3);
        ring.writer.append(body_of(3));
        RingReader reader;
        reader.open(ring.data(), ring.size());
        std::uint64_t lost = 0;
        CHECK(read_all(reader, lost, 0, true).size() == 1 && lost == 3);
    });

    check::run("a slow writer that was overtaken by a whole lap gives up", [] {
        TestRing ring(16);
        ring.record(3).sequence = 2 * 19 + 2; // record 19 stands where record 3 would go
        ring.header().next = 3;
        ring.writer.append(body_of(3));
        CHECK(ring.header().dropped == 1 && ring.record(3).sequence == 2 * 19 + 2);
    });

    check::run("every damaged header is refused for its own reason, one of the previous ABI is read", [] {
        struct Case {
            RingFault fault;
            void (*damage)(RingHeader&);
        };
        const Case cases[] = {
            {RingFault::not_ready, [](RingHeader& header) { header.magic = 0; }},
            {RingFault::not_a_ring, [](RingHeader& header) { header.magic ^= 1; }},
            {RingFault::other_abi, [](RingHeader& header) { header.abi = ring_abi + 1; }},
            {RingFault::other_abi, [](RingHeader& header) { header.abi = static_cast<std::uint16_t>(ring_abi - 2); }},
            {RingFault::none, [](RingHeader& header) { header.abi = ring_abi - 1; }},
            {RingFault::bad_header, [](RingHeader& header) { header.header_size = 4095; }},
            {RingFault::bad_header, [](RingHeader& header) { header.record_size = 64; }},
            {RingFault::bad_header, [](RingHeader& header) { header.record_count = 0; }},
            {RingFault::bad_header, [](RingHeader& header) { header.record_count = 15; }},
            {RingFault::bad_header, [](RingHeader& header) { header.record_count = max_record_count * 2; }},
            {RingFault::bad_header, [](RingHeader& header) { header.bits = 16; }},
            {RingFault::bad_header, [](RingHeader& header) { header.qpc_frequency = 0; }},
            {RingFault::bad_header, [](RingHeader& header) { header.mode = static_cast<RingMode>(2); }},
            {RingFault::bad_header, [](RingHeader& header) { header.clock = static_cast<RingClock>(2); }},
            {RingFault::bad_header, [](RingHeader& header) { header.program_length = 1025; }},
            {RingFault::bad_header, [](RingHeader& header) { header.reason_length = 257; }},
            {RingFault::too_small, [](RingHeader& header) { header.record_count = 32; }},
        };
        for (const Case& one : cases) {
            TestRing ring(16);
            RingReader reader;
            one.damage(ring.header());
            CHECK(reader.open(ring.data(), ring.size()) == one.fault);
        }
        TestRing ring(16);
        RingReader reader;
        CHECK(reader.open(ring.data(), sizeof(RingHeader) - 1) == RingFault::too_small);
        CHECK(reader.open(ring.data(), ring.size() - 1) == RingFault::too_small);
        CHECK(reader.open(ring.data(), ring.size()) == RingFault::none);
    });

    check::run("the reader keeps to the header that it checked", [] {
        TestRing ring(16);
        RingReader reader;
        reader.open(ring.data(), ring.size());
        ring.header().record_count = max_record_count;
        ring.header().program_length = 0xFFFF;
        CHECK(reader.header().record_count == 16 && reader.header().program_length == 0);
        for (std::uint64_t number = 0; number < 40; ++number) {
            ring.writer.append(body_of(number));
        }
        std::uint64_t lost = 0;
        CHECK(read_all(reader, lost).size() == 16 && lost == 24);
    });
    return check::result();
}
