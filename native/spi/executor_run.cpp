#include "executor_run.hpp"

#include "confirm_guard.hpp"
#include "registry_json.hpp"
#include "snapshot.hpp"

namespace winsock_spi::spi {

using core::json::Value;

namespace {

// While a change is unconfirmed its helpers are the guard's own copies: the guard runs as SYSTEM, and must not run
// programs out of a folder that may be anyone's.
std::map<int, std::wstring> helpers_of(const Plan& plan, const std::wstring& folder) {
    std::map<int, std::wstring> helpers = plan.helpers;
    if (plan.confirm_within != 0) {
        for (auto& [bits, path] : guard_programs(folder)) {
            helpers[bits] = std::move(path);
        }
    }
    return helpers;
}

} // namespace

Run::Run(const Plan& plan, const std::wstring& folder, Journal& journal, WritePoints& points)
    : plan_(plan), journal_(journal), points_(points), leftovers_(folder), before_(plan.steps.size()),
      begun_(plan.steps.size()), context_{points_, leftovers_, helpers_of(plan, folder)} {}

void Run::resume(const JournalState& state) {
    for (const auto& [index, before] : state.before) {
        if (index < before_.size()) {
            before_[index] = before;
            begun_[index] = true;
        }
    }
}

Status Run::forward(const OnStep& on_step, std::size_t& failed) {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
        failed = i;
        if (on_step) {
            on_step(i, plan_.steps.size(), plan_.steps[i].text);
        }
        if (Status status = one_step(i); !status.ok()) {
            return status;
        }
    }
    return flush_registry(winsock_parameters);
}

Status Run::commit() {
    return journal_.committed(points_);
}

Status Run::await_confirmation(Deadline& deadline) {
    if (Status status = begin_deadline(guard_key, plan_.confirm_within, deadline, points_); !status.ok()) {
        return status;
    }
    return journal_.unconfirmed(deadline, points_);
}

Status Run::tidy_after_commit() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
        plan_.steps[i].step->commit(context_, before_[i]);
    }
    return tidy();
}

Status Run::tidy() {
    leftovers_.save(points_);
    return journal_.remove(points_);
}

Status Run::backward(const Status& reason, const RegistryTree& snapshot, bool& catalog_damaged) {
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

Status Run::one_step(std::size_t i) {
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

std::string restore_advice(const Plan& plan) {
    return plan.backup.empty() ? std::string() : "; run: winsock-spi restore \"" + plan.backup + "\"";
}

Status read_pending(Journal& journal, std::optional<Pending>& pending) {
    std::optional<JournalState> state;
    if (Status status = journal.open(state); !status.ok() || !state) {
        return status;
    }
    Pending found;
    if (Status status = parse_plan(state->plan, found.plan); !status.ok()) {
        return status;
    }
    if (Status status = from_json(state->registry, found.snapshot); !status.ok()) {
        return status;
    }
    found.state = std::move(*state);
    pending = std::move(found);
    return {};
}

} // namespace winsock_spi::spi
