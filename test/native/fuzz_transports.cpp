// What another process may leave in shared memory, or in an atom: nothing outside the ring is touched, and every text
// is either one that atom_text makes or none.
#include "check.hpp"
#include "input.hpp"

#include "core/atom_text.hpp"
#include "core/byte_ring.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace core = winsock_spi::core;

namespace {

void hostile_ring(check::Input& input) {
    const auto capacity = static_cast<std::uint32_t>(1u << input.below(8));
    const auto header = std::make_unique<core::ByteRingHeader>();
    const auto data = std::make_unique<std::uint8_t[]>(capacity); // of this size, so that the sanitizer sees every slip
    core::ByteRing writer(header.get(), data.get(), capacity);
    core::ByteRing reader(header.get(), data.get(), capacity);
    for (auto steps = input.below(40); steps > 0; --steps) {
        switch (input.below(6)) {
        case 0: header->written.store(static_cast<std::uint32_t>(input.nasty())); break;
        case 1: header->read.store(static_cast<std::uint32_t>(input.nasty())); break;
        case 2: header->finished.store(static_cast<std::uint32_t>(input.below(3))); break;
        case 3: header->abandoned.store(static_cast<std::uint32_t>(input.below(2))); break;
        case 4: {
            std::vector<std::uint8_t> bytes(input.below(300));
            std::size_t done = 0;
            writer.write(bytes.data(), bytes.size(), done);
            CHECK(done <= bytes.size() && done <= capacity);
            break;
        }
        default: {
            std::vector<std::uint8_t> bytes(input.below(300));
            std::size_t done = 0;
            reader.read(bytes.data(), bytes.size(), done);
            CHECK(done <= bytes.size() && done <= capacity);
        }
        }
    }
}

void hostile_atom(check::Input& input) {
    std::u16string text;
    if (input.one_in(2)) {
        std::vector<std::uint8_t> bytes(1 + input.below(core::most_atom_bytes));
        for (std::uint8_t& byte : bytes) {
            byte = static_cast<std::uint8_t>(input.number());
        }
        text = core::atom_text(bytes);
        CHECK(core::atom_bytes(text) == bytes);
    }
    for (auto changes = input.below(4); changes > 0; --changes) {
        const auto unit = static_cast<char16_t>(input.one_in(2) ? 0x4E00 + input.below(0x4000) : input.nasty());
        if (text.empty() || input.one_in(4)) {
            text.push_back(unit);
        } else {
            text[input.below(text.size())] = unit;
        }
    }
    text.shrink_to_fit();
    const auto bytes = core::atom_bytes(text);
    CHECK(bytes.size() <= core::most_atom_bytes);
    CHECK(bytes.empty() || core::atom_text(bytes) == text);
}

void once(std::mt19937_64& random) {
    check::Input input(random);
    hostile_ring(input);
    hostile_atom(input);
}

} // namespace

int main(int argc, char** argv) {
    return check::fuzz("transports", check::fuzz_options(argc, argv), once);
}
