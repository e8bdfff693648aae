// WSPStartup: finds our place in the chain, loads the provider below and hands out the functions of a slot.
// It comes once per chain (each layered entry has its own GUID), once per base provider in whose place we stand, again
// for every provider above us that names us in its chain, and again after WSPCleanup.
// https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wspstartup
#include <algorithm>
#include <bit>

#include "functions.hpp"
#include "lock.hpp"
#include "process.hpp"
#include "replaced_base.hpp"
#include "spi/last_error.hpp"

namespace winsock_spi::lsp {

namespace {

constexpr WORD spi_version = MAKEWORD(2, 2);

// A program keeps pointers to our extension functions, and other threads may be inside a call of ours while one cleans
// up, so this DLL stays once it has been started; so do the mapped files and the ring.
void stay_loaded() {
    HMODULE module = nullptr;
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                       std::bit_cast<LPCWSTR>(&stay_loaded), &module);
}

void initialise_once() {
    const LockScope scope(process.lock);
    if (!process.initialised) {
        stay_loaded();
        process.policy.initialise(process.recorder.initialise());
        process.initialised = true;
    }
}

// Our place by the catalog as it is now; read again once if the chain names an entry that is not there (yet).
int locate(const WSPUPCALLTABLE& upcalls, const core::ProtocolInfo& started, spi::CatalogArray& catalog,
           core::Place& place) {
    constexpr int attempts = 2;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        const int error = spi::read_catalog(upcalls, catalog);
        if (error != 0) {
            return error;
        }
        place = core::find_place(catalog.view(), started);
        if (place.fault == core::PlaceFault::none && !place.skipped) {
            break;
        }
    }
    return 0;
}

void describe_fault(core::PlaceFault fault) {
    switch (fault) {
    case core::PlaceFault::not_in_chain:
        process.recorder.pass_through(L"a protocol chain does not name this provider");
        break;
    case core::PlaceFault::no_own_entry:
        process.recorder.pass_through(L"the catalog has no layered entry of this provider for a protocol chain");
        break;
    case core::PlaceFault::no_next:
    case core::PlaceFault::none: break;
    }
}

SOCKET WSPAPI refuse_socket(int, int, int, LPWSAPROTOCOL_INFOW, GROUP, DWORD, LPINT error) {
    *error = WSAENETDOWN;
    return INVALID_SOCKET;
}

// Hands out our functions over a lower provider that has been started.
void hand_out(ChainStart& start, Slot* slot, WSPPROC_TABLE& functions) {
    if (slot == nullptr) {
        // The network matters more than seeing it: Winsock calls the lower provider directly, which therefore stays.
        // But not more than a policy that must not be got round.
        functions = start.lower.functions;
        start.lower.module.release();
        if (process.policy.fail_closed()) {
            functions.lpWSPSocket = refuse_socket;
        }
    } else {
        functions = functions_of(*slot);
    }
}

Slot* enter_slot_or_say(ChainStart& start) {
    Slot* const slot = enter_slot(start);
    if (slot == nullptr) {
        process.recorder.pass_through(L"more protocol chains than this provider has places for");
    }
    return slot;
}

// We stand in the place of a base provider: there is no chain, and its own DLL is below.
int start_in_place_of(const core::ProtocolInfo& base, const WSPUPCALLTABLE& upcalls, WSPPROC_TABLE& functions) {
    ChainStart start{};
    start.upcalls = upcalls;
    start.own = base;
    start.next = base;
    start.below.ids[start.below.length++] = base.catalog_entry_id;
    start.started_id = base.catalog_entry_id;
    start.in_place_of_base = true;
    const int error = start_original(upcalls, base, start.lower);
    if (error == 0) {
        hand_out(start, enter_slot_or_say(start), functions);
    }
    return error;
}

int start_chain(const core::ProtocolInfo& started, const WSPUPCALLTABLE& upcalls, WSPPROC_TABLE& functions) {
    if (core::is_base(started) && !core::is_our_guid(started.provider_id)) {
        return start_in_place_of(started, upcalls, functions);
    }
    spi::CatalogArray catalog;
    core::Place place;
    if (locate(upcalls, started, catalog, place) != 0 || place.next == nullptr) {
        return WSAEPROVIDERFAILEDINIT;
    }
    if (place.fault == core::PlaceFault::not_in_chain && leads_to_us(upcalls, *place.next)) {
        return start_in_place_of(*place.next, upcalls, functions); // by a layer that gave its own info to its base
    }
    ChainStart start{};
    start.upcalls = upcalls;
    start.next = *place.next;
    start.below = place.below;
    start.started_id = started.catalog_entry_id;
    const int error =
        spi::load_provider(upcalls, start.next, core::is_base(start.next) ? start.next : started, start.lower);
    if (error != 0) {
        return error;
    }

    Slot* slot = nullptr;
    if (place.fault == core::PlaceFault::none) {
        start.own = *place.own;
        slot = enter_slot_or_say(start);
    } else {
        describe_fault(place.fault);
    }
    hand_out(start, slot, functions);
    return 0;
}

} // namespace

} // namespace winsock_spi::lsp

extern "C" int WSPAPI WSPStartup(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE upcalls,
                                 LPWSPPROC_TABLE functions) {
    using namespace winsock_spi;
    const spi::LastErrorKeeper keeper;
    if (data == nullptr || info == nullptr || functions == nullptr) {
        return WSAEFAULT;
    }
    if (LOBYTE(version) < 2 || (LOBYTE(version) == 2 && HIBYTE(version) < 2)) {
        return WSAVERNOTSUPPORTED;
    }
    lsp::initialise_once();
    const int error = lsp::start_chain(spi::to_core(*info), upcalls, *functions);
    if (error != 0) {
        return error;
    }
    lsp::process.recorder.announce();
    constexpr std::wstring_view description = L"winsock-spi";
    std::copy(description.begin(), description.end(), data->szDescription);
    data->szDescription[description.size()] = L'\0';
    data->wVersion = lsp::spi_version;
    data->wHighVersion = lsp::spi_version;
    return 0;
}
