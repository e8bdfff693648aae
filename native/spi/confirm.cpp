#include "confirm.hpp"

#include <algorithm>

#include "catalog_lock.hpp"
#include "journal.hpp"
#include "machine.hpp"
#include "recovery.hpp"

namespace winsock_spi::spi {
namespace {

// A wait does not count the time that the machine sleeps, so it is taken in pieces.
constexpr std::uint64_t longest_wait_milliseconds = 5000;
constexpr int attempts = 5;

// How long the change may still be confirmed; 0: something is to be done now, be it only to remove the guard.
std::uint64_t time_left(const std::wstring& data) {
    const Journal journal(data);
    std::optional<JournalState> state;
    if (!journal.exists() || !journal.peek(state).ok() || !state || !state->unconfirmed || state->undoing ||
        state->committed || state->undone) {
        return 0;
    }
    return milliseconds_left(guard_key, *state->unconfirmed);
}

} // namespace

Status guard_change(HANDLE stop) {
    std::wstring data;
    if (Status status = data_folder(data); !status.ok()) {
        return status;
    }
    CatalogLock lock; // whoever changes something holds it
    Status failure;
    for (int failures = 0; failures < attempts;) {
        bool acquired = false;
        if (Status status = lock.acquire_unless(stop, acquired); !status.ok() || !acquired) {
            return status;
        }
        std::uint64_t wait = time_left(data);
        if (wait == 0) {
            RecoverResult result;
            WritePoints points;
            failure = recover_locked(data, result, points, Caller::guard);
            if (failure.ok() && result.action != Recovery::unconfirmed) {
                return {};
            }
            ++failures; // a file in use, perhaps
            wait = longest_wait_milliseconds;
        }
        lock.release();
        if (WaitForSingleObject(stop, static_cast<DWORD>(std::min(wait, longest_wait_milliseconds))) != WAIT_TIMEOUT) {
            return {};
        }
    }
    return failure;
}

} // namespace winsock_spi::spi
