// The table of sockets (core/handle_table.hpp).
#include "check.hpp"
#include "core/handle_table.hpp"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using namespace winsock_spi::core;

namespace {

std::atomic<int> allocated_chunks;

void* allocate(std::size_t size) {
    ++allocated_chunks;
    void* const memory = std::aligned_alloc(64, size);
    std::memset(memory, 0, size);
    return memory;
}
void release(void* memory, std::size_t) {
    --allocated_chunks;
    std::free(memory);
}
void* refuse(std::size_t) {
    return nullptr;
}

// A table lives as long as its process and never frees its chunks; `tables` keeps them reachable for LeakSanitizer.
HandleTable& new_table() {
    static auto& tables = *new std::vector<std::unique_ptr<HandleTable>>;
    return *tables.emplace_back(std::make_unique<HandleTable>());
}

constexpr HandleTable::Memory memory{allocate, release};

RecordAddress address(std::uint16_t port) {
    RecordAddress result{};
    result.family = 2;
    result.port = port;
    std::memset(result.bytes, port & 0xFF, sizeof(result.bytes));
    return result;
}

} // namespace

int main() {
    check::run("a claimed handle is found with its slot, an unknown one is not", [] {
        HandleTable& table = new_table();
        CHECK(!table.find(212));
        CHECK(table.claim(212, 5, memory));
        CHECK(table.find(212) && table.find(212).slot() == 5);
        CHECK(!table.find(216) && !table.find(0));
    });

    check::run("a handle value that is used again starts with nothing of its old life", [] {
        HandleTable& table = new_table();
        table.claim(212, 5, memory);
        const HandleTable::Socket old_life = table.find(212);
        table.set_remote(old_life, address(80));
        table.retire(old_life);
        CHECK(!table.find(212));
        table.claim(212, 6, memory);
        const HandleTable::Socket new_life = table.find(212);
        CHECK(new_life.slot() == 6 && table.addresses(new_life).remote.family == 0);
        table.set_remote(old_life, address(81)); // a thread that was late
        table.set_local(old_life, address(82));
        CHECK(table.addresses(new_life).remote.family == 0 && table.addresses(new_life).local.family == 0);
        table.set_remote(new_life, address(443));
        CHECK(table.addresses(new_life).remote.port == 443);
        CHECK(table.addresses(old_life).remote.family == 0);
        table.retire(old_life);
        CHECK(table.find(212));
    });

    check::run("a handle that was closed past us and is used again starts anew, too", [] {
        HandleTable& table = new_table();
        table.claim(212, 5, memory);
        table.set_local(table.find(212), address(80));
        table.claim(212, 5, memory);
        CHECK(table.addresses(table.find(212)).local.family == 0);
    });

    check::run("a close that fails gives the socket back, unless a new life has begun", [] {
        HandleTable& table = new_table();
        table.claim(212, 5, memory);
        const HandleTable::Socket socket = table.find(212);
        table.set_local(socket, address(80));
        table.retire(socket);
        table.revive(socket);
        CHECK(table.find(212) && table.addresses(table.find(212)).local.port == 80);
        table.retire(socket);
        table.claim(212, 6, memory);
        table.revive(socket);
        CHECK(table.find(212).slot() == 6);
    });

    check::run("notes belong to one life, and nobody who is late changes those of the next", [] {
        HandleTable& table = new_table();
        const auto note = [](HandleTable::Notes& notes) {
            notes.flags |= 5;
            notes.number = -7;
            notes.original = address(443);
            notes.target = address(8080);
        };
        table.claim(212, 5, memory);
        const HandleTable::Socket old_life = table.find(212);
        CHECK(table.note_flags(old_life) == 0 && table.notes(old_life).original.family == 0);
        CHECK(table.change_notes(old_life, note));
        CHECK(table.note_flags(old_life) == 5 && table.notes(old_life).number == -7);
        CHECK(table.notes(old_life).original.port == 443 && table.notes(old_life).target.port == 8080);
        CHECK(table.addresses(old_life).remote.family == 0);
        table.set_remote(old_life, address(1));
        CHECK(table.notes(old_life).original.port == 443);

        table.claim(212, 5, memory);
        const HandleTable::Socket new_life = table.find(212);
        CHECK(!table.change_notes(old_life, note));
        CHECK(table.note_flags(new_life) == 0 && table.notes(new_life).original.family == 0);
        CHECK(table.note_flags(old_life) == 0 && table.notes(old_life).original.family == 0);
        CHECK(!table.change_notes({}, note) && table.note_flags({}) == 0);
    });

    check::run("an attachment stays with the handle value and knows its life", [] {
        HandleTable& table = new_table();
        CHECK(HandleTable::attachment({}).pointer == nullptr);
        table.claim(212, 5, memory);
        const HandleTable::Attachment first = HandleTable::attachment(table.find(212));
        int something = 0;
        first.pointer->store(&something);
        table.claim(212, 5, memory);
        const HandleTable::Attachment second = HandleTable::attachment(table.find(212));
        CHECK(second.pointer->load() == &something && second.life != first.life);
    });

    check::run("forgetting a slot forgets its sockets only", [] {
        HandleTable& table = new_table();
        for (std::uint64_t handle = 4; handle <= 40'000; handle += 4) {
            CHECK(table.claim(handle, handle % 8 == 0 ? 1 : 2, memory));
        }
        table.forget_slot(1);
        CHECK(!table.find(8) && table.find(4) && !table.find(40'000) && table.find(39'996));
    });

    check::run("dense handles all find room: a quarter of a million", [] {
        HandleTable& table = new_table();
        constexpr std::uint64_t count = HandleTable::chunk_entries * HandleTable::chunk_count;
        for (std::uint64_t index = 1; index < count; ++index) {
            CHECK(table.claim(index * 4, 0, memory));
        }
        for (std::uint64_t index = 1; index < count; ++index) {
            CHECK(table.find(index * 4));
        }
    });

    check::run("a handle that finds no room is unknown, and the others stay right", [] {
        HandleTable& table = new_table();
        constexpr std::uint64_t step = HandleTable::chunk_entries * HandleTable::chunk_count * 4;
        std::uint64_t known = 0;
        for (std::uint64_t round = 1; round <= 2000; ++round) {
            const bool claimed = table.claim(round * step * 16, 3, memory);
            CHECK(static_cast<bool>(table.find(round * step * 16)) == claimed);
            known += claimed;
        }
        CHECK(known > 0 && known < 2000);
    });

    check::run("no memory is no room", [] {
        HandleTable& table = new_table();
        CHECK(!table.claim(212, 1, {refuse, release}));
        CHECK(!table.find(212));
        CHECK(table.claim(212, 1, memory));
    });

    check::run("a slot beyond the last is refused", [] {
        HandleTable& table = new_table();
        CHECK(!table.claim(212, HandleTable::max_slots, memory));
        CHECK(!table.find(212));
    });

    check::run("threads that open, close and look at the same handles never see a torn or foreign address", [] {
        HandleTable& table = new_table();
        constexpr int rounds = 30'000;
        std::atomic<bool> stop = false;
        std::atomic<int> wrong = 0;
        // Owner of handle h writes only addresses whose bytes all equal the low byte of the port.
        const auto owner = [&](std::uint64_t handle) {
            for (int round = 1; round <= rounds; ++round) {
                table.claim(handle, 1, memory);
                const HandleTable::Socket socket = table.find(handle);
                if (!socket || table.addresses(socket).local.family != 0) {
                    ++wrong;
                    continue;
                }
                table.set_local(socket, address(static_cast<std::uint16_t>(round)));
                table.set_remote(socket, address(static_cast<std::uint16_t>(round + 1)));
                table.retire(socket);
            }
        };
        const auto onlooker = [&] {
            while (!stop) {
                for (const std::uint64_t handle : {200, 204}) {
                    const HandleTable::Socket socket = table.find(handle);
                    const HandleTable::Addresses seen = table.addresses(socket);
                    for (const RecordAddress& one : {seen.local, seen.remote}) {
                        for (const std::uint8_t byte : one.bytes) {
                            wrong += one.family != 0 && byte != (one.port & 0xFF);
                        }
                    }
                    wrong += seen.local.family != 0 && seen.remote.family != 0 &&
                             static_cast<std::uint16_t>(seen.local.port + 1) != seen.remote.port;
                    if (seen.local.family != 0) {
                        table.set_remote(socket, address(static_cast<std::uint16_t>(seen.local.port + 1)));
                    }
                }
            }
        };
        std::thread first(owner, 200);
        std::thread second(owner, 204);
        std::thread watcher(onlooker);
        first.join();
        second.join();
        stop = true;
        watcher.join();
        CHECK(wrong == 0);
    });

    check::run("threads that make the same chunk at the same time keep one", [] {
        HandleTable& table = new_table();
        const int before = allocated_chunks;
        std::vector<std::thread> threads;
        for (std::uint64_t index = 1; index <= 8; ++index) {
            threads.emplace_back([&table, index] { table.claim(index * 4, 1, memory); });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        CHECK(allocated_chunks == before + 1);
        for (std::uint64_t index = 1; index <= 8; ++index) {
            CHECK(table.find(index * 4));
        }
    });
    return check::result();
}
