// Calls that go elsewhere than the program says; see redirect.hpp.
#include "redirect.hpp"

#include <cstring>

#include "address.hpp"
#include "socket_notes.hpp"
#include "spi/guarded.hpp"

namespace winsock_spi::lsp {

namespace {

constexpr std::uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

bool is_mapped(const core::RecordAddress& address) {
    return address.family == AF_INET6 && std::memcmp(address.bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

constexpr std::uint16_t network_order(std::uint16_t port) {
    return static_cast<std::uint16_t>(port << 8 | port >> 8);
}

// The pairs of one socket. Lives as long as the process, with the handle value, and belongs to one life at a time.
// Readers take no lock: they read again when a writer was there meanwhile.
class DatagramMap {
public:
    // False: no place for it, another original has that target, or another writer does not come to an end.
    bool set(std::uint32_t life, const core::RecordAddress& original, const core::RecordAddress& target) {
        if (!lock()) {
            return false;
        }
        if (life_.load(std::memory_order_relaxed) != life) {
            for (Words& words : pairs_) {
                store(words, {});
            }
            life_.store(life, std::memory_order_release);
        }
        const std::uint64_t now = GetTickCount64();
        Words* const place = find_place(original, target, now);
        if (place != nullptr) {
            store(*place, {original, target, now});
        }
        version_.fetch_add(1, std::memory_order_release);
        return place != nullptr;
    }

    bool find(std::uint32_t life, const core::RecordAddress& target, core::RecordAddress& original) const {
        constexpr int attempts = 1000;
        for (int attempt = 0; attempt < attempts; ++attempt) {
            const std::uint32_t before = version_.load(std::memory_order_acquire);
            if ((before & 1) != 0) {
                continue;
            }
            bool found = false;
            for (std::size_t index = 0; index < room && !found; ++index) {
                const Pair pair = load(pairs_[index]);
                found = pair.original.family != 0 && same_end(pair.target, target);
                if (found) {
                    original = pair.original;
                }
            }
            const bool own = life_.load(std::memory_order_acquire) == life;
            if (version_.load(std::memory_order_acquire) == before) {
                return own && found;
            }
        }
        return false;
    }

private:
    static constexpr std::size_t room = 32;
    static constexpr std::uint64_t answers_come_within = 60'000; // milliseconds, as routers assume of UDP

    struct Pair {
        core::RecordAddress original; // family 0 = free
        core::RecordAddress target;
        std::uint64_t used_at;
    };
    static constexpr std::size_t word_count = sizeof(Pair) / sizeof(std::uint64_t);
    using Words = std::array<std::atomic<std::uint64_t>, word_count>;

    static void store(Words& words, const Pair& pair) {
        std::array<std::uint64_t, word_count> values;
        std::memcpy(values.data(), &pair, sizeof(pair));
        for (std::size_t index = 0; index < word_count; ++index) {
            words[index].store(values[index], std::memory_order_release);
        }
    }
    static Pair load(const Words& words) {
        std::array<std::uint64_t, word_count> values;
        for (std::size_t index = 0; index < word_count; ++index) {
            values[index] = words[index].load(std::memory_order_acquire);
        }
        Pair pair;
        std::memcpy(&pair, values.data(), sizeof(pair));
        return pair;
    }

    bool lock() {
        constexpr int attempts = 1000;
        for (int attempt = 0; attempt < attempts; ++attempt) {
            std::uint32_t seen = version_.load(std::memory_order_relaxed);
            if ((seen & 1) == 0 && version_.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) {
                return true;
            }
        }
        return false;
    }

    // The pair for these two, or a place for it; nullptr where there is none.
    Words* find_place(const core::RecordAddress& original, const core::RecordAddress& target, std::uint64_t now) {
        Words* place = nullptr;
        for (Words& words : pairs_) {
            const Pair pair = load(words);
            const bool free = pair.original.family == 0 || now - pair.used_at > answers_come_within;
            if (pair.original.family != 0 && same_end(pair.target, target)) {
                return free || same_end(pair.original, original) ? &words : nullptr;
            }
            if (free && place == nullptr) {
                place = &words;
            }
        }
        return place;
    }

    std::atomic<std::uint32_t> version_; // odd = being written
    std::atomic<std::uint32_t> life_;
    std::array<Words, room> pairs_;
};

DatagramMap* map_of(const core::HandleTable::Attachment& attachment, bool make) {
    if (attachment.pointer == nullptr) {
        return nullptr;
    }
    void* map = attachment.pointer->load(std::memory_order_acquire);
    if (map == nullptr && make) {
        void* const made = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof(DatagramMap));
        if (made != nullptr && attachment.pointer->compare_exchange_strong(map, made)) {
            map = made;
        } else if (made != nullptr) {
            HeapFree(GetProcessHeap(), 0, made);
        }
    }
    return static_cast<DatagramMap*>(map);
}

} // namespace

bool to_lower(const core::RecordAddress& address, LowerAddress& lower) {
    lower.storage = {};
    lower.address = address;
    if (address.family == AF_INET) {
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_port = network_order(address.port);
        std::memcpy(&name.sin_addr, address.bytes, sizeof(name.sin_addr));
        std::memcpy(&lower.storage, &name, sizeof(name));
        lower.length = sizeof(name);
        return true;
    }
    if (address.family == AF_INET6) {
        sockaddr_in6 name{};
        name.sin6_family = AF_INET6;
        name.sin6_port = network_order(address.port);
        name.sin6_scope_id = address.scope;
        std::memcpy(&name.sin6_addr, address.bytes, sizeof(name.sin6_addr));
        std::memcpy(&lower.storage, &name, sizeof(name));
        lower.length = sizeof(name);
        return true;
    }
    return false;
}

bool redirect_target(const core::RecordAddress& asked, const core::RecordAddress& target, LowerAddress& lower) {
    core::RecordAddress result = target;
    if (target.family == AF_INET && is_mapped(asked)) {
        result.family = AF_INET6;
        std::memcpy(result.bytes, mapped_prefix, sizeof(mapped_prefix));
        std::memcpy(result.bytes + sizeof(mapped_prefix), target.bytes, 4);
    }
    if (result.port == 0) {
        result.port = asked.port;
    }
    return result.family == asked.family && to_lower(result, lower);
}

bool same_end(const core::RecordAddress& a, const core::RecordAddress& b) {
    const std::size_t size = a.family == AF_INET ? 4 : sizeof(a.bytes);
    return a.family == b.family && a.port == b.port && std::memcmp(a.bytes, b.bytes, size) == 0;
}

int write_address(const core::RecordAddress& address, sockaddr* name, int* length) {
    LowerAddress lower;
    int room = 0;
    if (!to_lower(address, lower) || name == nullptr || !spi::guarded_read(room, length) || room < lower.length ||
        !spi::guarded_copy(name, &lower.storage, static_cast<std::size_t>(lower.length))) {
        return WSAEFAULT;
    }
    return spi::guarded_write(length, lower.length) ? 0 : WSAEFAULT;
}

bool map_datagrams(const core::HandleTable::Socket& socket, const core::RecordAddress& original,
                   const core::RecordAddress& target) {
    const core::HandleTable::Attachment attachment = core::HandleTable::attachment(socket);
    DatagramMap* const map = map_of(attachment, true);
    return map != nullptr && map->set(attachment.life, original, target) &&
           (has_note(socket, note_datagram_map) || add_note(socket, note_datagram_map));
}

bool original_of(const core::HandleTable::Socket& socket, const core::RecordAddress& from,
                 core::RecordAddress& original) {
    const std::uint32_t flags = note_flags(socket);
    if ((flags & note_redirected) != 0) {
        const core::HandleTable::Notes notes = notes_of(socket);
        original = notes.original;
        return same_end(notes.target, from);
    }
    if ((flags & note_datagram_map) == 0) {
        return false;
    }
    const core::HandleTable::Attachment attachment = core::HandleTable::attachment(socket);
    const DatagramMap* const map = map_of(attachment, false);
    return map != nullptr && map->find(attachment.life, from, original);
}

void show_original(const core::HandleTable::Socket& socket, sockaddr* from, int* from_length) {
    core::RecordAddress original;
    if (from != nullptr && original_of(socket, read_address(from, from_length), original)) {
        // The address that stands there has the same family, so there is room.
        LowerAddress lower;
        if (to_lower(original, lower)) {
            spi::guarded_copy(from, &lower.storage, static_cast<std::size_t>(lower.length));
        }
    }
}

} // namespace winsock_spi::lsp
