// What becomes of an operation whose journal is still there: one that was interrupted is finished or undone, one that
// waits for its confirmation is confirmed or rolled back.
#pragma once

#include <cstdint>
#include <string>

#include "confirm_guard.hpp"
#include "status.hpp"

namespace winsock_spi::spi {

enum class Recovery { none, finished, undone, unconfirmed };

struct RecoverResult {
    Recovery action = Recovery::none;
    std::string operation; // of the plan that was pending
    std::uint64_t unconfirmed_until = 0; // FILETIME, of Recovery::unconfirmed
    bool catalog_damaged = false;
    std::uint64_t writes = 0;
};

// Deals with a pending journal. An error means that it is still pending. A change that may still be confirmed is left
// alone.
Status recover(RecoverResult& result, const std::wstring& gate = {});

// Makes the unconfirmed change final. ERR_NOTHING_UNCONFIRMED where there is none.
Status confirm_change(RecoverResult& result, const std::wstring& gate = {});

// Undoes the unconfirmed change now. ERR_NOTHING_UNCONFIRMED where there is none.
Status roll_back_change(RecoverResult& result, const std::wstring& gate = {});

struct PendingChange {
    std::string operation;               // empty: nothing is pending
    std::uint64_t unconfirmed_until = 0; // FILETIME; 0: it was interrupted, or its time is over
};

// A journal that this user may not read counts too, as "unknown".
Status pending_change(PendingChange& pending);

// "A change (install) waits to be confirmed until ...": for people.
std::string unconfirmed_text(const PendingChange& pending);

// The errors of those who come while something is pending.
Status unconfirmed_error(const PendingChange& pending);
Status unfinished_error();

// For executor and guard, with the catalog lock held.
Status recover_locked(const std::wstring& data, RecoverResult& result, WritePoints& points, Caller caller);
PendingChange pending_in(const std::wstring& data);

} // namespace winsock_spi::spi
