// What transports between processes are made of: rings of bytes in shared memory, and the text of atoms.
#include "check.hpp"

#include "core/atom_text.hpp"
#include "core/byte_ring.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace core = winsock_spi::core;

namespace {

constexpr std::uint32_t capacity = 64;
using Result = core::ByteRing::Result;

struct Shared {
    core::ByteRingHeader header{};
    std::uint8_t data[capacity] = {};
    core::ByteRing ring() { return {&header, data, capacity}; }
};

std::vector<std::uint8_t> bytes_from(std::size_t size, std::uint8_t first) {
    std::vector<std::uint8_t> bytes(size);
    for (std::size_t index = 0; index < size; ++index) {
        bytes[index] = static_cast<std::uint8_t>(first + index);
    }
    return bytes;
}

void gives_back_what_was_written() {
    Shared shared;
    core::ByteRing writer = shared.ring();
    core::ByteRing reader = shared.ring();
    std::uint8_t first = 0;
    for (std::size_t size = 1; size <= capacity; ++size) { // passes the end of the memory in every way
        const auto bytes = bytes_from(size, first);
        std::size_t done = 0;
        CHECK(writer.write(bytes.data(), bytes.size(), done) == Result::some && done == size);
        std::vector<std::uint8_t> got(size);
        CHECK(reader.read(got.data(), got.size(), done) == Result::some && done == size);
        CHECK(got == bytes);
        first = static_cast<std::uint8_t>(first + size);
    }
}

void stops_when_full_and_when_empty() {
    Shared shared;
    core::ByteRing writer = shared.ring();
    core::ByteRing reader = shared.ring();
    const auto bytes = bytes_from(capacity + 10, 1);
    std::vector<std::uint8_t> got(200);
    std::size_t done = 0;
    CHECK(reader.read(got.data(), got.size(), done) == Result::none && done == 0);
    CHECK(writer.write(bytes.data(), bytes.size(), done) == Result::some && done == capacity);
    CHECK(writer.write(bytes.data(), 1, done) == Result::none && done == 0);
    CHECK(reader.read(got.data(), 5, done) == Result::some && done == 5);
    CHECK(writer.write(bytes.data(), bytes.size(), done) == Result::some && done == 5);
}

void tells_the_end_after_the_last_byte() {
    Shared shared;
    core::ByteRing writer = shared.ring();
    core::ByteRing reader = shared.ring();
    std::uint8_t byte = 7;
    std::size_t done = 0;
    CHECK(writer.write(&byte, 1, done) == Result::some);
    writer.finish();
    CHECK(reader.read(&byte, 1, done) == Result::some && done == 1);
    CHECK(reader.read(&byte, 1, done) == Result::finished);
    reader.abandon();
    CHECK(writer.write(&byte, 1, done) == Result::finished && done == 0);
}

void refuses_positions_that_cannot_be() {
    Shared shared;
    core::ByteRing writer = shared.ring();
    core::ByteRing reader = shared.ring();
    std::uint8_t byte = 7;
    std::size_t done = 0;
    shared.header.written.store(capacity + 1);
    CHECK(reader.read(&byte, 1, done) == Result::broken && done == 0);
    shared.header.read.store(1); // more was read than written
    CHECK(writer.write(&byte, 1, done) == Result::broken && done == 0);
}

void carries_bytes_between_threads() {
    const auto shared = std::make_unique<Shared>();
    constexpr std::uint32_t count = 300'000;
    std::thread other([&] {
        core::ByteRing writer = shared->ring();
        for (std::uint32_t sent = 0; sent < count;) {
            std::uint8_t some[17];
            const std::size_t size = std::min<std::size_t>(sizeof(some), count - sent);
            for (std::size_t index = 0; index < size; ++index) {
                some[index] = static_cast<std::uint8_t>((sent + index) * 31);
            }
            std::size_t done = 0;
            writer.write(some, size, done);
            sent += static_cast<std::uint32_t>(done);
            if (done == 0) {
                std::this_thread::yield();
            }
        }
        writer.finish();
    });
    core::ByteRing reader = shared->ring();
    std::uint32_t got = 0;
    bool same = true;
    for (;;) {
        std::uint8_t some[23];
        std::size_t done = 0;
        const Result result = reader.read(some, sizeof(some), done);
        if (result == Result::finished) {
            break;
        }
        for (std::size_t index = 0; index < done; ++index, ++got) {
            same = same && some[index] == static_cast<std::uint8_t>(got * 31);
        }
        if (result == Result::none) {
            std::this_thread::yield();
        }
    }
    other.join();
    CHECK(same && got == count);
}

void atoms_give_back_every_length() {
    for (std::size_t size = 1; size <= core::most_atom_bytes; ++size) {
        const auto bytes = bytes_from(size, static_cast<std::uint8_t>(size));
        const std::u16string text = core::atom_text(bytes);
        CHECK(!text.empty() && text.size() <= core::longest_atom);
        for (const char16_t unit : text) {
            CHECK(unit >= 0x4E00 && unit <= 0x8DFF); // no case, nothing that an atom's name cannot hold
        }
        CHECK(core::atom_bytes(text) == bytes);
    }
    CHECK(core::atom_text(bytes_from(core::most_atom_bytes + 1, 0)).empty());
    CHECK(core::atom_text({}).empty());
}

void atoms_of_others_are_none_of_ours() {
    for (const std::u16string_view text :
         {u"", u"Progman", u"#1234", u"\u4E00", u"\u4E01", u"\u4E01\u8E00", u"\u4E02\u4E00\u4E00\u4E00"}) {
        CHECK(core::atom_bytes(text).empty());
    }
    CHECK(core::atom_bytes(u"\u4E01\u4E01").empty());        // bits behind the last byte
    CHECK(core::atom_bytes(u"\u4E01\u4E40").size() == 1);    // 0x40 << 6 bits
    CHECK(core::atom_bytes(std::u16string(300, u'\u4E05')).empty());
}

} // namespace

int main() {
    check::run("a ring gives back what was written", gives_back_what_was_written);
    check::run("a ring stops when it is full and when it is empty", stops_when_full_and_when_empty);
    check::run("a ring tells the end after the last byte", tells_the_end_after_the_last_byte);
    check::run("a ring refuses positions that cannot be", refuses_positions_that_cannot_be);
    check::run("a ring carries bytes between threads", carries_bytes_between_threads);
    check::run("the text of an atom gives back bytes of every length", atoms_give_back_every_length);
    check::run("the text of somebody else's atom is none of ours", atoms_of_others_are_none_of_ours);
    return check::result();
}
