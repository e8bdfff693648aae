#include "recovery.hpp"

#include "catalog_lock.hpp"
#include "executor_run.hpp"
#include "half_written.hpp"
#include "helper.hpp"
#include "machine.hpp"
#include "step_members.hpp"
#include "text.hpp"

namespace winsock_spi::spi {
namespace {

bool is_unconfirmed(const JournalState& state) {
    return state.unconfirmed && !state.undoing && !state.committed && !state.undone;
}

bool has_time(const JournalState& state) {
    return is_unconfirmed(state) && milliseconds_left(guard_key, *state.unconfirmed) > 0;
}

enum class Decision { settle, confirm, roll_back };

// Why a change is undone, for its journal.
Status reason_of(const JournalState& state) {
    return is_unconfirmed(state) ? own_error("ERR_UNCONFIRMED", "the change was not confirmed")
                                 : own_error("ERR_UNFINISHED", "the operation was interrupted");
}

Status settle(Pending& pending, const std::wstring& data, Journal& journal, WritePoints& points, Decision decision,
              RecoverResult& result) {
    const JournalState& state = pending.state;
    Run run(pending.plan, data, journal, points);
    run.resume(state);
    if (state.committed) {
        result.action = Recovery::finished;
        return run.tidy_after_commit();
    }
    if (state.undone) {
        result.action = Recovery::undone;
        return run.tidy();
    }
    Status reason = reason_of(state);
    if (decision == Decision::confirm) {
        result.action = Recovery::finished;
        if (Status status = run.commit(); !status.ok()) {
            return status; // it is still unconfirmed
        }
        return run.tidy_after_commit();
    }
    if (Status status = mend_half_written(pending.plan, pending.snapshot, points); !status.ok()) {
        return status;
    }
    const bool all_done = state.done.size() == pending.plan.steps.size();
    // What was to be confirmed is never finished by itself.
    if (pending.plan.confirm_within == 0 && !state.undoing &&
        (all_done || pending.plan.on_failure == OnFailure::finish)) {
        std::size_t failed = 0;
        reason = run.forward({}, failed);
        if (reason.ok()) {
            reason = run.commit();
        }
        if (reason.ok()) {
            result.action = Recovery::finished;
            return run.tidy_after_commit();
        }
    }
    result.action = Recovery::undone;
    return run.backward(reason, pending.snapshot, result.catalog_damaged);
}

Status nothing_unconfirmed() {
    return own_error("ERR_NOTHING_UNCONFIRMED",
                     "no change of the catalog waits for a confirmation: there was none, it has been confirmed, or it "
                     "has been undone because its time was over");
}

// What confirm and roll back have in common.
Status decide(Decision decision, RecoverResult& result, const std::wstring& gate) {
    std::wstring data;
    if (Status status = data_folder(data); !status.ok()) {
        return status;
    }
    if (!Journal(data).exists()) { // also without the rights that all else needs
        return nothing_unconfirmed();
    }
    CatalogLock lock;
    if (Status status = lock.acquire(); !status.ok()) {
        return status;
    }
    Journal journal(data);
    if (!journal.exists()) {
        return nothing_unconfirmed();
    }
    WritePoints points(gate);
    std::optional<Pending> pending;
    if (Status status = read_pending(journal, pending); !status.ok()) {
        return status;
    }
    if (!pending || !is_unconfirmed(pending->state)) {
        return unfinished_error();
    }
    result.operation = pending->plan.operation;
    Status status = settle(*pending, data, journal, points, decision, result);
    if (status.ok()) {
        Leftovers leftovers(data);
        // Should the guard not go away now, it finds nothing to do and goes by itself.
        static_cast<void>(disarm_guard(data, Caller::other, leftovers, points));
        leftovers.save(points);
    } else {
        status.message += restore_advice(pending->plan);
    }
    result.writes = points.count();
    return status;
}

} // namespace

Status unconfirmed_error(const PendingChange& pending) {
    return own_error("ERR_UNCONFIRMED", unconfirmed_text(pending));
}

std::string unconfirmed_text(const PendingChange& pending) {
    return "A change of the catalog (" + pending.operation + ") waits to be confirmed until " +
           time_text(pending.unconfirmed_until) +
           ", when it is undone. To keep it: winsock-spi confirm. To undo it now: winsock-spi confirm --rollback. "
           "Without "
           "Node: winsock-spi-rescue.exe confirm, or rollback.";
}

Status unfinished_error() {
    return own_error("ERR_UNFINISHED", "an earlier operation was not finished: run winsock-spi recover");
}

Status recover_locked(const std::wstring& data, RecoverResult& result, WritePoints& points, Caller caller) {
    {
        Leftovers leftovers(data);
        leftovers.retry(points);
        leftovers.save(points);
    }
    remove_helper_files(data);
    Journal journal(data);
    if (journal.exists()) {
        std::optional<Pending> pending;
        if (Status status = read_pending(journal, pending); !status.ok()) {
            return status;
        }
        Status status;
        if (!pending) { // killed while it wrote the begin record
            status = journal.remove(points);
        } else {
            result.operation = pending->plan.operation;
            if (has_time(pending->state)) {
                result.action = Recovery::unconfirmed;
                result.unconfirmed_until = pending->state.unconfirmed->wall;
                return {};
            }
            status = settle(*pending, data, journal, points, Decision::settle, result);
            if (!status.ok()) {
                status.message += restore_advice(pending->plan);
            }
        }
        result.writes = points.count();
        if (!status.ok()) {
            return status;
        }
    }
    Leftovers leftovers(data);
    // Where it fails the guard is only one too many: it goes by itself.
    static_cast<void>(disarm_guard(data, caller, leftovers, points));
    leftovers.save(points);
    result.writes = points.count();
    return {};
}

Status recover(RecoverResult& result, const std::wstring& gate) {
    std::wstring data;
    if (Status status = data_folder(data); !status.ok()) {
        return status;
    }
    // Also without the rights that all else needs.
    if (!Journal(data).exists() && Leftovers(data).empty() && !has_guard(data)) {
        return {};
    }
    CatalogLock lock;
    if (Status status = lock.acquire(); !status.ok()) {
        return status;
    }
    WritePoints points(gate);
    return recover_locked(data, result, points, Caller::other);
}

Status confirm_change(RecoverResult& result, const std::wstring& gate) {
    return decide(Decision::confirm, result, gate);
}

Status roll_back_change(RecoverResult& result, const std::wstring& gate) {
    return decide(Decision::roll_back, result, gate);
}

PendingChange pending_in(const std::wstring& data) {
    PendingChange pending;
    const Journal journal(data);
    if (!journal.exists()) {
        return pending;
    }
    pending.operation = "unknown";
    std::optional<JournalState> state;
    if (journal.peek(state).ok() && state) {
        pending.operation = narrow(text_member(state->plan, "operation"));
        if (has_time(*state)) {
            pending.unconfirmed_until = state->unconfirmed->wall;
        }
    }
    return pending;
}

Status pending_change(PendingChange& pending) {
    std::wstring data;
    if (Status status = data_folder(data); !status.ok()) {
        return status;
    }
    pending = pending_in(data);
    return {};
}

} // namespace winsock_spi::spi
