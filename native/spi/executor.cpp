#include "executor.hpp"

#include "catalog_lock.hpp"
#include "executor_run.hpp"
#include "files.hpp"
#include "machine.hpp"
#include "registry_json.hpp"
#include "security.hpp"

namespace winsock_spi::spi {
namespace {

Status make_or_claim(const std::wstring& path, Access access) {
    WritePoints uncounted; // being there is no part of any operation
    Status status = create_folder(path, access, uncounted);
    return status.number == ERROR_ALREADY_EXISTS ? claim_folder(path, access, uncounted) : status;
}

// A restore brings the catalog to what the backup says whatever was begun before. What that left of files is put right
// first, if it can be.
Status clear_the_way(const std::wstring& data, const Journal& journal) {
    RecoverResult former;
    WritePoints uncounted;
    if (recover_locked(data, former, uncounted, Caller::other).ok()) {
        return {};
    }
    const std::wstring aside = data + L"\\journal.damaged.json"; // the latest one only, to be looked at
    if (Status status = delete_file(aside, uncounted); !status.ok()) {
        return status;
    }
    return rename_file(journal.path(), aside, uncounted);
}

// The end of a plan whose steps are all done.
Status conclude(const Plan& plan, Run& run, ExecuteResult& result) {
    if (plan.confirm_within == 0) {
        return run.commit();
    }
    Deadline deadline;
    if (Status status = run.await_confirmation(deadline); !status.ok()) {
        return status;
    }
    result.unconfirmed_until = deadline.wall;
    return {};
}

} // namespace

Status prepare_folders(std::wstring& data, std::wstring& backups) {
    if (Status status = data_folder(data); !status.ok()) {
        return status;
    }
    if (Status status = make_or_claim(data, Access::data); !status.ok()) {
        return status;
    }
    backups = data + L"\\backups";
    return make_or_claim(backups, Access::private_access);
}

Status execute_plan(const Plan& plan, const OnStep& on_step, ExecuteResult& result) {
    CatalogLock lock;
    if (Status status = lock.acquire(); !status.ok()) {
        return status;
    }
    std::wstring data;
    std::wstring backups;
    if (Status status = prepare_folders(data, backups); !status.ok()) {
        return status;
    }
    Journal journal(data);
    if (journal.exists()) {
        if (const PendingChange pending = pending_in(data); pending.unconfirmed_until != 0) {
            return unconfirmed_error(pending);
        }
        if (plan.operation != "restore") {
            return unfinished_error();
        }
        if (Status status = clear_the_way(data, journal); !status.ok()) {
            return status;
        }
    }
    RegistryTree snapshot;
    if (Status status = read_tree(winsock_parameters, snapshot);
        !status.ok() && status.number != ERROR_FILE_NOT_FOUND) {
        return status;
    }
    WritePoints points(plan.gate);
    Leftovers leftovers(data);
    leftovers.retry(points);
    leftovers.save(points);
    if (plan.confirm_within != 0) {
        // Before the journal: whatever is begun from here on, somebody sees to it that it ends.
        Status status = arm_guard(data, plan.guards, leftovers, points);
        leftovers.save(points);
        if (!status.ok()) {
            return status;
        }
    }
    const auto disarm = [&] {
        if (plan.confirm_within != 0) {
            Leftovers current(data);
            static_cast<void>(disarm_guard(data, Caller::other, current, points)); // else it goes by itself
            current.save(points);
        }
    };
    if (Status status = journal.create(plan.source, to_json(snapshot), points); !status.ok()) {
        disarm();
        return status;
    }
    Run run(plan, data, journal, points);
    result.error = run.forward(on_step, result.step);
    if (result.error.ok()) {
        result.error = conclude(plan, run, result);
    }
    if (!result.error.ok()) {
        const Status end = run.backward(result.error, snapshot, result.catalog_damaged);
        result.undone = end.ok();
        if (end.ok()) {
            disarm();
        } else {
            result.error.message += "; undoing it failed: " + end.message + restore_advice(plan);
        }
    } else if (plan.confirm_within == 0) {
        // Should the journal not go away, recovery finds the committed record in it and tries again.
        static_cast<void>(run.tidy_after_commit());
    }
    result.notes = run.notes();
    result.writes = points.count();
    return {};
}

} // namespace winsock_spi::spi
