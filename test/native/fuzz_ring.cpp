// A ring whose writer is hostile: any bytes in header and records, changed between reads. The reader must stay within
// its view (AddressSanitizer), end every read, and hand out only records with the sequence it expects.
#include "check.hpp"
#include "input.hpp"
#include "rings.hpp"

using namespace rings;

namespace {

// Headers that get past the checks now and then, so that reading is tried, too.
void scribble_header(check::Input& input, TestRing& ring) {
    RingHeader& header = ring.header();
    if (input.one_in(4)) {
        input.fill({ring.data() + 4, sizeof(RingHeader) - 4});
        return;
    }
    for (std::uint64_t count = input.below(4); count > 0; --count) {
        const std::size_t offset = input.below(sizeof(RingHeader) / 4) * 4;
        const auto value = static_cast<std::uint32_t>(input.nasty());
        std::memcpy(ring.data() + offset, &value, sizeof(value));
    }
    header.next = input.one_in(3) ? input.nasty() : input.below(200);
}

void scribble_records(check::Input& input, TestRing& ring, std::uint32_t count) {
    for (std::uint32_t slot = 0; slot < count; ++slot) {
        switch (input.below(6)) {
        case 0: ring.record(slot).sequence = input.nasty(); break;
        case 1: ring.record(slot).sequence = 2 * input.below(400); break;
        case 2: input.fill({reinterpret_cast<std::byte*>(&ring.record(slot)), sizeof(Record)}); break;
        default: ring.record(slot).sequence = 2 * (ring.header().next - count + slot) + 2; break;
        }
    }
}

void once(std::mt19937_64& random) {
    check::Input input(random);
    constexpr std::uint32_t count = 16;
    TestRing ring(count);
    scribble_header(input, ring);
    scribble_records(input, ring, count);
    RingReader reader;
    const std::size_t size = input.one_in(8) ? input.below(ring.size() + 1) : ring.size();
    const RingFault fault = reader.open(ring.data(), size);
    if (fault != RingFault::none) {
        return;
    }
    CHECK(ring_size(reader.header().record_count) <= size);
    CHECK(reader.header().program_length <= 1024 && reader.header().reason_length <= 256);
    std::array<std::byte, 40 * sizeof(Record)> buffer;
    std::uint64_t previous = 0;
    for (int round = 0; round < 6; ++round) {
        const std::size_t room = input.below(buffer.size() + 1);
        const RingReader::Batch batch =
            reader.read({buffer.data(), room}, static_cast<std::uint64_t>(round) * 30, input.one_in(4));
        CHECK(batch.records <= room / sizeof(Record));
        for (std::size_t index = 0; index < batch.records; ++index) {
            std::uint64_t sequence = 0;
            std::memcpy(&sequence, buffer.data() + index * sizeof(Record), sizeof(sequence));
            CHECK(sequence % 2 == 0 && sequence > previous);
            previous = sequence;
        }
        if (input.one_in(3)) {
            scribble_records(input, ring, count);
        }
        if (input.one_in(3)) {
            ring.header().next = input.nasty();
        }
        if (input.one_in(8)) {
            reader.seek_to_end();
            previous = 0;
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    return check::fuzz("ring", check::fuzz_options(argc, argv), once);
}
