#include "shared_memory.hpp"

#include "core/byte_ring.hpp"
#include "own_user.hpp"
#include "window_port.hpp"
#include "../text.hpp"

#include <atomic>
#include <map>
#include <mutex>

namespace winsock_spi::spi {
namespace {

constexpr std::uint32_t door_magic = 0x726f6f64; // "door"
constexpr std::uint32_t slot_magic = 0x746f6c73; // "slot"
constexpr std::uint32_t abi = 1;
constexpr std::uint32_t ring_size = 64 * 1024;   // of each ring
constexpr std::size_t most_claimed = 64;         // slots that were claimed and not yet taken over

struct DoorMemory {
    std::uint32_t magic;
    std::uint32_t abi;
    std::atomic<std::uint32_t> free_slot; // 0: none
};

struct SlotMemory {
    std::uint32_t magic;
    std::uint32_t abi;
    std::uint32_t capacity;
    std::atomic<std::uint32_t> claimed;
    core::ByteRingHeader to_listener;
    core::ByteRingHeader to_client;
    alignas(64) std::uint8_t to_listener_bytes[ring_size];
    std::uint8_t to_client_bytes[ring_size];
};

struct ViewTraits {
    using type = void*;
    static type invalid() { return nullptr; }
    static void close(type value) { UnmapViewOfFile(value); }
};

// A named mapping with one view of it, of the size of T.
template <typename T>
class Shared {
public:
    Status create(const std::wstring& name, SECURITY_ATTRIBUTES* security) {
        section_.reset(CreateFileMappingW(INVALID_HANDLE_VALUE, security, PAGE_READWRITE, 0, sizeof(T), name.c_str()));
        const DWORD error = GetLastError();
        if (!section_ || error == ERROR_ALREADY_EXISTS) {
            section_.reset();
            return system_error(error, "CreateFileMappingW", narrow(name));
        }
        return map(FILE_MAP_READ | FILE_MAP_WRITE, name);
    }
    Status open(const std::wstring& name, DWORD access) {
        section_.reset(OpenFileMappingW(access, FALSE, name.c_str()));
        return section_ ? map(access, name) : last_error("OpenFileMappingW", narrow(name));
    }
    T* operator->() const { return static_cast<T*>(view_.get()); }

private:
    Status map(DWORD access, const std::wstring& name) {
        view_.reset(MapViewOfFile(section_.get(), access, 0, 0, sizeof(T))); // fails where the section is smaller
        return view_ ? Status{} : last_error("MapViewOfFile", narrow(name));
    }

    UniqueHandle section_;
    Unique<ViewTraits> view_;
};

std::wstring door_name(const std::wstring& name) {
    return L"Local\\winsock-spi-memory-" + name;
}

// Everything that belongs to one slot, under names made of the door's and the slot's number.
struct Slot {
    Shared<SlotMemory> memory;
    UniqueHandle claimed;
    UniqueHandle to_listener_data;
    UniqueHandle to_listener_room;
    UniqueHandle to_client_data;
    UniqueHandle to_client_room;

    Status create(const std::wstring& door, std::uint32_t number, SECURITY_ATTRIBUTES* security) {
        const std::wstring name = slot_name(door, number);
        if (Status status = memory.create(name, security); !status.ok()) {
            return status;
        }
        memory->abi = abi;
        memory->capacity = ring_size;
        memory->magic = slot_magic;
        return events(name, [security](const std::wstring& event) {
            UniqueHandle made(CreateEventW(security, FALSE, FALSE, event.c_str()));
            if (GetLastError() == ERROR_ALREADY_EXISTS) {
                made.reset();
            }
            return made;
        });
    }
    Status open(const std::wstring& door, std::uint32_t number) {
        const std::wstring name = slot_name(door, number);
        if (Status status = memory.open(name, FILE_MAP_READ | FILE_MAP_WRITE); !status.ok()) {
            return status;
        }
        if (memory->magic != slot_magic || memory->abi != abi || memory->capacity != ring_size) {
            return own_error("ERR_BAD_PEER", narrow(name) + " is no slot of this version");
        }
        return events(name, [](const std::wstring& event) {
            return UniqueHandle(OpenEventW(SYNCHRONIZE | EVENT_MODIFY_STATE, FALSE, event.c_str()));
        });
    }

private:
    static std::wstring slot_name(const std::wstring& door, std::uint32_t number) {
        return door_name(door) + L"-" + std::to_wstring(number);
    }
    template <typename Make>
    Status events(const std::wstring& name, Make make) {
        struct Named {
            UniqueHandle& event;
            const wchar_t* suffix;
        };
        for (const Named& named : {Named{claimed, L"-claimed"}, Named{to_listener_data, L"-listener-data"},
                                   Named{to_listener_room, L"-listener-room"}, Named{to_client_data, L"-client-data"},
                                   Named{to_client_room, L"-client-room"}}) {
            named.event = make(name + named.suffix);
            if (!named.event) {
                return last_error("CreateEventW", narrow(name + named.suffix));
            }
        }
        return {};
    }
};

// One end of a slot.
class SharedMemoryLine : public Mechanism {
public:
    SharedMemoryLine(MechanismOptions options, bool listener) : options_(std::move(options)), listener_(listener) {}

    Status receive(Inbox& inbox, HANDLE stop) override {
        core::ByteRing ring = in();
        Status status = read_all(ring, inbox, stop);
        ring.abandon();
        SetEvent((listener_ ? slot_.to_listener_room : slot_.to_client_room).get());
        return status;
    }

private:
    Status read_all(core::ByteRing& ring, Inbox& inbox, HANDLE stop) {
        const HANDLE wake[] = {stop, (listener_ ? slot_.to_listener_data : slot_.to_client_data).get()};
        const HANDLE room = (listener_ ? slot_.to_listener_room : slot_.to_client_room).get();
        inbox.ready();
        std::vector<std::uint8_t> buffer(ring_size);
        while (inbox.wait_for_room()) {
            std::size_t count = 0;
            switch (ring.read(buffer.data(), buffer.size(), count)) {
            case core::ByteRing::Result::some:
                SetEvent(room);
                inbox.deliver({buffer.data(), count});
                break;
            case core::ByteRing::Result::none:
                if (WaitForMultipleObjects(2, wake, FALSE, INFINITE) == WAIT_OBJECT_0) {
                    return {};
                }
                break;
            case core::ByteRing::Result::finished: return {};
            case core::ByteRing::Result::broken: return broken();
            }
        }
        return {};
    }

public:
    Status send(const std::wstring&, Bytes bytes, HANDLE stop) override {
        const HANDLE wake[] = {stop, (listener_ ? slot_.to_client_room : slot_.to_listener_room).get()};
        while (!bytes.empty()) {
            std::size_t count = 0;
            switch (out_.write(bytes.data(), bytes.size(), count)) {
            case core::ByteRing::Result::some:
                SetEvent(out_data());
                bytes = bytes.subspan(count);
                break;
            case core::ByteRing::Result::none:
                if (WaitForMultipleObjects(2, wake, FALSE, INFINITE) == WAIT_OBJECT_0) {
                    return {};
                }
                break;
            case core::ByteRing::Result::finished:
                return system_error(ERROR_BROKEN_PIPE, "WaitForMultipleObjects",
                                    "the other end does not read any more");
            case core::ByteRing::Result::broken: return broken();
            }
        }
        return {};
    }

    void finish() override {
        out_.finish();
        SetEvent(out_data());
    }
    void end_sending() override { finish(); } // however it ends, the other end is told

protected:
    // After the slot was opened.
    void attach() {
        out_ = listener_ ? core::ByteRing(&slot_.memory->to_client, slot_.memory->to_client_bytes, ring_size)
                         : core::ByteRing(&slot_.memory->to_listener, slot_.memory->to_listener_bytes, ring_size);
    }

    MechanismOptions options_;
    Slot slot_;

private:
    static Status broken() { return own_error("ERR_BAD_PEER", "the other end broke the ring in the shared memory"); }
    core::ByteRing in() {
        return listener_ ? core::ByteRing(&slot_.memory->to_listener, slot_.memory->to_listener_bytes, ring_size)
                         : core::ByteRing(&slot_.memory->to_client, slot_.memory->to_client_bytes, ring_size);
    }
    HANDLE out_data() const { return (listener_ ? slot_.to_client_data : slot_.to_listener_data).get(); }

    bool listener_;
    core::ByteRing out_{nullptr, nullptr, ring_size};
};

class SharedMemorySlot final : public SharedMemoryLine {
public:
    SharedMemorySlot(MechanismOptions options, std::uint32_t number)
        : SharedMemoryLine(std::move(options), true), number_(number) {}

    Status open() override {
        Status status = slot_.open(options_.name, number_);
        if (status.ok()) {
            attach();
        }
        return status;
    }

private:
    std::uint32_t number_;
};

class SharedMemoryClient final : public SharedMemoryLine {
public:
    explicit SharedMemoryClient(MechanismOptions options) : SharedMemoryLine(std::move(options), false) {}

    Status open() override {
        Shared<DoorMemory> door;
        if (Status status = door.open(door_name(options_.name), FILE_MAP_READ); !status.ok()) {
            return status;
        }
        if (door->magic != door_magic || door->abi != abi) {
            return own_error("ERR_BAD_PEER", narrow(options_.name) + " is no door of this version");
        }
        for (int tries = 0; tries < 100; ++tries) {
            const std::uint32_t number = door->free_slot.load();
            if (number == 0 || !slot_.open(options_.name, number).ok()) {
                continue;
            }
            std::uint32_t unclaimed = 0;
            if (slot_.memory->claimed.compare_exchange_strong(unclaimed, 1)) {
                SetEvent(slot_.claimed.get());
                attach();
                return {};
            }
        }
        return system_error(ERROR_BUSY, "OpenFileMappingW", "no slot of " + narrow(options_.name) + " is free");
    }
};

class SharedMemoryDoor final : public Mechanism {
public:
    explicit SharedMemoryDoor(MechanismOptions options) : options_(std::move(options)) {}

    Status open() override {
        if (Status status = lock_.take(L"memory-lock", options_); !status.ok()) {
            return status;
        }
        if (Status status = sddl_or_own_user(options_.sddl, sddl_); !status.ok()) {
            return status;
        }
        changed_.reset(CreateEventW(nullptr, FALSE, FALSE, nullptr));
        SecurityAttributes security(sddl_.c_str()); // lock_ has used the same text
        if (Status status = door_.create(door_name(options_.name), security.get()); !status.ok()) {
            return status;
        }
        door_->abi = abi;
        door_->magic = door_magic;
        return {};
    }

    Status receive(Inbox& inbox, HANDLE stop) override {
        bool told = false;
        for (std::uint32_t number = 1; number != 0; ++number) {
            auto slot = std::make_unique<Slot>();
            SecurityAttributes security(sddl_.c_str());
            if (Status status = slot->create(options_.name, number, security.get()); !status.ok()) {
                if (status.number == ERROR_ALREADY_EXISTS) {
                    continue; // a client of an earlier listener of this name still has it
                }
                return status;
            }
            door_->free_slot.store(number);
            if (!told) {
                inbox.ready();
                told = true;
            }
            const HANDLE either[] = {stop, slot->claimed.get()};
            if (WaitForMultipleObjects(2, either, FALSE, INFINITE) == WAIT_OBJECT_0) {
                return {};
            }
            if (slot->memory->claimed.load() == 0) {
                continue; // somebody only set the event
            }
            door_->free_slot.store(0);
            if (!keep(number, std::move(slot), stop) || !inbox.wait_for_room()) {
                return {};
            }
            const std::uint8_t bytes[] = {static_cast<std::uint8_t>(number), static_cast<std::uint8_t>(number >> 8),
                                          static_cast<std::uint8_t>(number >> 16),
                                          static_cast<std::uint8_t>(number >> 24)};
            inbox.deliver(bytes);
        }
        return own_error("ERR_INTERNAL", "every slot number has been used");
    }

    Status send(const std::wstring&, Bytes, HANDLE) override {
        return system_error(ERROR_NOT_SUPPORTED, "SetEvent", "a door only receives");
    }

    void forget(const std::wstring& number) override {
        const std::lock_guard lock(mutex_);
        claimed_.erase(number);
        SetEvent(changed_.get());
    }

private:
    bool keep(std::uint32_t number, std::unique_ptr<Slot> slot, HANDLE stop) {
        const HANDLE either[] = {stop, changed_.get()};
        for (;;) {
            {
                const std::lock_guard lock(mutex_);
                if (claimed_.size() < most_claimed) {
                    claimed_.emplace(std::to_wstring(number), std::move(slot));
                    return true;
                }
            }
            if (WaitForMultipleObjects(2, either, FALSE, INFINITE) == WAIT_OBJECT_0) {
                return false;
            }
        }
    }

    MechanismOptions options_;
    NameLock lock_;
    std::wstring sddl_;
    Shared<DoorMemory> door_;
    UniqueHandle changed_;
    std::mutex mutex_;
    std::map<std::wstring, std::unique_ptr<Slot>> claimed_;
};

} // namespace

std::unique_ptr<Mechanism> make_shared_memory_door(const MechanismOptions& options) {
    return std::make_unique<SharedMemoryDoor>(options);
}
std::unique_ptr<Mechanism> make_shared_memory_slot(const MechanismOptions& options, std::uint32_t slot) {
    return std::make_unique<SharedMemorySlot>(options, slot);
}
std::unique_ptr<Mechanism> make_shared_memory_client(const MechanismOptions& options) {
    return std::make_unique<SharedMemoryClient>(options);
}

} // namespace winsock_spi::spi
