#include "executor.hpp"

#include "catalog_lock.hpp"
#include "files.hpp"
#include "helper.hpp"
#include "journal.hpp"
#include "leftovers.hpp"
#include "machine.hpp"
#include "registry.hpp"
#include "registry_json.hpp"
#include "security.hpp"
#include "snapshot.hpp"
#include "step_members.hpp"
#include "text.hpp"

namespace winsock_spi::spi {
namespace {

using core::json::Value;

Status make_or_claim(const std::wstring& path, Access access) {
    WritePoints uncounted; // being there is no part of any operation
    Status status = create_folder(path, access, uncounted);
    return status.number == ERROR_ALREADY_EXISTS ? claim_folder(path, access, uncounted) : status;
}

// One operation from its journal on, whether it has just begun or is being recovered.
class Run {
public:
    Run(const Plan& plan, const std::wstring& folder, Journal& journal, WritePoints& points)
        : plan_(plan), journal_(journal), points_(points), leftovers_(folder), before_(plan.steps.size()),
          begun_(plan.steps.size()), context_{points_, leftovers_, plan.helpers} {}

    void resume(const JournalState& state) {
        for (const auto& [index, before] : state.before) {
            if (index < before_.size()) {
                before_[index] = before;
                begun_[index] = true;
            }
        }
    }

    // Steps from the first to the last. Those that the journal shows as begun are done again.
    Status forward(const OnStep& on_step, std::size_t& failed) {
        for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
            failed = i;
            if (on_step) {
                on_step(i, plan_.steps.size(), plan_.steps[i].text);
            }
            if (Status status = one_step(i); !status.ok()) {
                return status;
            }
        }
        if (Status status = flush_registry(winsock_parameters); !status.ok()) {
            return status;
        }
        return journal_.committed(points_);
    }

    // After the committed record nothing fails any more: what cannot be removed now is removed later.
    Status tidy_after_commit() {
        for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
            plan_.steps[i].step->commit(context_, before_[i]);
        }
        return tidy();
    }

    Status tidy() {
        leftovers_.save(points_);
        return journal_.remove(points_);
    }

    // Steps that were begun, from the last to the first. `snapshot`: the registry as it was before the first.
    Status backward(const Status& reason, const RegistryTree& snapshot, bool& catalog_damaged) {
        // A full disk is a reason to undo, not to leave it: should this process be killed while it undoes without the
        // record, recovery begins from the steps that the journal shows, which is as good.
        static_cast<void>(journal_.undoing(reason, points_));
        Status problem;
        Status catalog_problem;
        bool catalog_touched = false;
        for (std::size_t i = plan_.steps.size(); i-- > 0;) {
            if (!begun_[i]) {
                continue;
            }
            Step& step = *plan_.steps[i].step;
            catalog_touched = catalog_touched || step.changes_catalog();
            Status status = step.undo(context_, before_[i]);
            if (Status& first = step.changes_catalog() ? catalog_problem : problem; first.ok()) {
                first = std::move(status);
            }
        }
        if (catalog_touched) {
            // A catalog step that could not be undone by itself is put right here, from the whole picture.
            bool left_alone = false;
            Status status = put_back_catalogs(plan_, snapshot, points_, left_alone);
            if (status.ok() && left_alone) {
                status = std::move(catalog_problem);
            }
            if (!status.ok()) {
                catalog_damaged = true;
                return status;
            }
        }
        if (problem.ok()) {
            problem = flush_registry(winsock_parameters);
        }
        if (!problem.ok()) {
            return problem;
        }
        static_cast<void>(journal_.undone(points_));
        return tidy();
    }

private:
    Status one_step(std::size_t i) {
        Step& step = *plan_.steps[i].step;
        if (!begun_[i]) {
            Value before;
            if (Status status = step.observe(context_, before); !status.ok()) {
                return status;
            }
            before_[i] = std::move(before);
            if (Status status = journal_.step(i, before_[i], points_); !status.ok()) {
                return status;
            }
            begun_[i] = true;
        }
        if (Status status = step.apply(context_, before_[i]); !status.ok()) {
            return status;
        }
        return journal_.done(i, points_);
    }

    const Plan& plan_;
    Journal& journal_;
    WritePoints& points_;
    Leftovers leftovers_;
    std::vector<Value> before_;
    std::vector<bool> begun_;
    Context context_;
};

std::string restore_advice(const Plan& plan) {
    return plan.backup.empty() ? std::string() : "; run: winsock-spi restore \"" + plan.backup + "\"";
}

// With the lock held.
Status recover_locked(const std::wstring& folder, RecoverResult& result, std::uint64_t kill_at) {
    WritePoints points(kill_at);
    Leftovers leftovers(folder);
    leftovers.retry(points);
    leftovers.save(points);
    remove_helper_files(folder);
    Journal journal(folder);
    if (!journal.exists()) {
        return {};
    }
    std::optional<JournalState> state;
    if (Status status = journal.open(state); !status.ok()) {
        return status;
    }
    if (!state) { // killed while it wrote the begin record
        return journal.remove(points);
    }
    Plan plan;
    if (Status status = parse_plan(state->plan, plan); !status.ok()) {
        return status;
    }
    RegistryTree snapshot;
    if (Status status = from_json(state->registry, snapshot); !status.ok()) {
        return status;
    }
    result.operation = plan.operation;
    Run run(plan, folder, journal, points);
    run.resume(*state);
    Status status;
    if (state->committed) {
        result.action = Recovery::finished;
        status = run.tidy_after_commit();
    } else if (state->undone) {
        result.action = Recovery::undone;
        status = run.tidy();
    } else {
        const bool all_done = state->done.size() == plan.steps.size();
        Status reason = own_error("ERR_UNFINISHED", "the operation was interrupted");
        bool finished = false;
        if (!state->undoing && (all_done || plan.on_failure == OnFailure::finish)) {
            std::size_t failed = 0;
            reason = run.forward({}, failed);
            finished = reason.ok();
        }
        result.action = finished ? Recovery::finished : Recovery::undone;
        status = finished ? run.tidy_after_commit() : run.backward(reason, snapshot, result.catalog_damaged);
    }
    result.writes = points.count();
    if (!status.ok()) {
        status.message += restore_advice(plan);
    }
    return status;
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
    std::wstring folder;
    std::wstring backups;
    if (Status status = prepare_folders(folder, backups); !status.ok()) {
        return status;
    }
    Journal journal(folder);
    if (plan.operation == "restore" && journal.exists()) {
        // A restore brings the catalog to what the backup says whatever was begun before. What that left of files is
        // put right first, if it can be.
        RecoverResult former;
        if (Status status = recover_locked(folder, former, 0); !status.ok()) {
            WritePoints uncounted;
            const std::wstring aside = folder + L"\\journal.damaged.json"; // the latest one only, to be looked at
            status = delete_file(aside, uncounted);
            if (status.ok()) {
                status = rename_file(journal.path(), aside, uncounted);
            }
            if (!status.ok()) {
                return status;
            }
        }
    }
    RegistryTree snapshot;
    if (Status status = read_tree(winsock_parameters, snapshot);
        !status.ok() && status.number != ERROR_FILE_NOT_FOUND) {
        return status;
    }
    WritePoints points(plan.kill_at);
    if (Status status = journal.create(plan.source, to_json(snapshot), points); !status.ok()) {
        return status;
    }
    Leftovers leftovers(folder);
    leftovers.retry(points);
    leftovers.save(points);
    Run run(plan, folder, journal, points);
    result.error = run.forward(on_step, result.step);
    if (result.error.ok()) {
        // Should the journal not go away, recovery finds the committed record in it and tries again.
        static_cast<void>(run.tidy_after_commit());
    } else {
        const Status end = run.backward(result.error, snapshot, result.catalog_damaged);
        result.undone = end.ok();
        if (!end.ok()) {
            result.error.message += "; undoing it failed: " + end.message + restore_advice(plan);
        }
    }
    result.writes = points.count();
    return {};
}

Status recover(RecoverResult& result, std::uint64_t kill_at) {
    std::wstring folder;
    if (Status status = data_folder(folder); !status.ok()) {
        return status;
    }
    if (!Journal(folder).exists() && Leftovers(folder).empty()) { // also without the rights that all else needs
        return {};
    }
    CatalogLock lock;
    if (Status status = lock.acquire(); !status.ok()) {
        return status;
    }
    return recover_locked(folder, result, kill_at);
}

Status pending_operation(std::string& operation) {
    std::wstring folder;
    if (Status status = data_folder(folder); !status.ok()) {
        return status;
    }
    const Journal journal(folder);
    if (!journal.exists()) {
        return {};
    }
    operation = "unknown";
    std::optional<JournalState> state;
    if (journal.peek(state).ok() && state) {
        operation = narrow(text_member(state->plan, "operation"));
    }
    return {};
}

} // namespace winsock_spi::spi
