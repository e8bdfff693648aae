// One running chain; see slot.hpp. Here: entering and leaving a slot, and claiming sockets for it.
#include "slot.hpp"

#include "functions.hpp"
#include "hold.hpp"
#include "lock.hpp"
#include "process.hpp"
#include "short_receive.hpp"

namespace winsock_spi::lsp {

constinit ProcessState process{};

namespace {

void* allocate_zeroed(std::size_t size) {
    return VirtualAlloc(nullptr, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

void release_memory(void* memory, std::size_t) {
    VirtualFree(memory, 0, MEM_RELEASE);
}

constexpr core::HandleTable::Memory table_memory{allocate_zeroed, release_memory};

bool same_chain(const Slot& slot, const ChainStart& start) {
    return slot.started_id == start.started_id && slot.module == start.lower.module.get() &&
           slot.own.catalog_entry_id == start.own.catalog_entry_id &&
           slot.next.catalog_entry_id == start.next.catalog_entry_id;
}

Slot* find_slot(const ChainStart& start) {
    Slot* unused = nullptr;
    for (Slot& slot : process.slots) {
        if (slot.state == SlotState::active && same_chain(slot, start)) {
            return &slot;
        }
        if (slot.state == SlotState::free && unused == nullptr) {
            unused = &slot;
        }
    }
    return unused;
}

} // namespace

Slot* enter_slot(ChainStart& start) {
    const LockScope scope(process.lock);
    Slot* const slot = find_slot(start);
    if (slot == nullptr) {
        return nullptr;
    }
    if (slot->state == SlotState::free) {
        slot->index = static_cast<std::uint32_t>(slot - process.slots.data());
        slot->lower = start.lower.functions;
        slot->own = start.own;
        slot->next = start.next;
        slot->below = start.below;
        slot->started_id = start.started_id;
        slot->module = start.lower.module.get();
        slot->in_place_of_base = start.in_place_of_base;
        slot->references = 0;
        mend_short_receives(*slot);
        slot->state = SlotState::active;
    }
    ++slot->references;
    slot->upcalls = start.upcalls;
    slot->modify_handle.store(start.upcalls.lpWPUModifyIFSHandle, std::memory_order_release);
    start.lower.module.release(); // one reference to the lower DLL for each start
    return slot;
}

int leave_slot(Slot& slot, int* error) {
    spi::UniqueModule module;
    LPWSPCLEANUP cleanup = nullptr;
    bool last = false;
    {
        const LockScope scope(process.lock);
        if (slot.state != SlotState::active) {
            *error = WSANOTINITIALISED;
            return SOCKET_ERROR;
        }
        cleanup = slot.lower.lpWSPCleanup;
        module.reset(slot.module);
        last = --slot.references == 0;
        if (last) {
            slot.state = SlotState::closing;
        }
    }
    if (last) {
        hold_cleanup(slot);
    }
    // Each start of ours started the lower provider once.
    const int result = cleanup(error);
    if (last) {
        process.sockets.forget_slot(slot.index);
        for (std::atomic<FARPROC>& extension : slot.extensions) {
            extension.store(nullptr, std::memory_order_release);
        }
        const LockScope scope(process.lock);
        slot.lower = closed_functions;
        slot.state = SlotState::free;
    }
    return result;
}

WSPUPCALLTABLE upcalls_of(const Slot& slot) {
    const LockScope scope(process.lock);
    return slot.upcalls;
}

int Slot::claim(SOCKET& socket) {
    if (in_place_of_base) { // which has claimed it, for an entry that leads to us
        adopt(socket);
        return 0;
    }
    int error = 0;
    const SOCKET claimed = modify_handle.load(std::memory_order_acquire)(own.catalog_entry_id, socket, &error);
    if (claimed == INVALID_SOCKET) {
        return error == 0 ? WSASYSCALLFAILURE : error;
    }
    socket = claimed;
    process.sockets.claim(socket, index, table_memory);
    return 0;
}

// When Winsock refuses, nobody may be left holding the socket; except where it does not know our entry, because that
// has gone from its catalog while this process runs: then the socket stays the lower provider's, and the program has
// its network.
SOCKET Slot::claim_new(SOCKET socket, int* error) {
    const SOCKET made = socket;
    const int refused = claim(socket);
    if (refused == 0) {
        return socket;
    }
    if (refused == WSAEINVAL) {
        return made;
    }
    int ignored = 0;
    lower.lpWSPCloseSocket(made, &ignored);
    *error = refused;
    return INVALID_SOCKET;
}

void Slot::adopt(SOCKET socket) const {
    process.sockets.claim(socket, index, table_memory);
}

} // namespace winsock_spi::lsp
