// A ring in ordinary memory, for tests.
#pragma once

#include "core/ring.hpp"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace rings {

using namespace winsock_spi::core;

class TestRing {
public:
    explicit TestRing(std::uint32_t count)
        : size_(ring_size(count)), memory_(static_cast<std::byte*>(std::aligned_alloc(64, size_)), &std::free) {
        std::memset(memory_.get(), 0, size_);
        RingHeader& made = header();
        made.abi = ring_abi;
        made.header_size = sizeof(RingHeader);
        made.record_size = sizeof(Record);
        made.record_count = count;
        made.pid = 42;
        made.bits = 64;
        made.qpc_frequency = 10'000'000;
        writer.attach(memory_.get(), count);
        writer.publish();
    }

    RingHeader& header() { return *reinterpret_cast<RingHeader*>(memory_.get()); }
    Record& record(std::size_t slot) {
        return *reinterpret_cast<Record*>(memory_.get() + sizeof(RingHeader) + slot * sizeof(Record));
    }
    std::byte* data() { return memory_.get(); }
    std::size_t size() const { return size_; }

private:
    std::size_t size_;
    std::unique_ptr<std::byte, decltype(&std::free)> memory_;

public:
    RingWriter writer;
};

// A record whose fields all follow from one number, so that a torn one shows.
inline RecordBody body_of(std::uint64_t number) {
    RecordBody body{};
    body.begin = number;
    body.end = number + 1;
    body.socket = number * 3;
    body.bytes = ~number;
    body.thread = static_cast<std::uint32_t>(number);
    body.remote.scope = static_cast<std::uint32_t>(number >> 3);
    std::memcpy(body.padding, &number, sizeof(number));
    return body;
}

struct ReadRecord {
    std::uint64_t sequence;
    RecordBody body;
};

// Everything that can be read at this moment, and the losses.
inline std::vector<ReadRecord> read_all(RingReader& reader, std::uint64_t& lost, std::uint64_t now_ms = 0,
                                        bool writer_gone = false) {
    std::vector<ReadRecord> result;
    std::array<std::byte, 64 * sizeof(Record)> buffer;
    while (true) {
        const RingReader::Batch batch = reader.read(buffer, now_ms, writer_gone);
        lost += batch.lost;
        for (std::size_t index = 0; index < batch.records; ++index) {
            ReadRecord& record = result.emplace_back();
            std::memcpy(&record.sequence, buffer.data() + index * sizeof(Record), sizeof(record.sequence));
            std::memcpy(&record.body, buffer.data() + index * sizeof(Record) + 8, sizeof(record.body));
        }
        if (batch.records == 0 && batch.lost == 0) {
            return result;
        }
    }
}

inline bool intact(const RecordBody& body) {
    const RecordBody expected = body_of(body.begin);
    return std::memcmp(&expected, &body, sizeof(body)) == 0;
}

} // namespace rings
