// One operation from its journal on, whether it has just begun or is being recovered, confirmed or rolled back. All of
// it with the catalog lock held.
#pragma once

#include <string>
#include <vector>

#include "executor.hpp"
#include "journal.hpp"
#include "leftovers.hpp"
#include "plan.hpp"
#include "registry.hpp"

namespace winsock_spi::spi {

class Run {
public:
    Run(const Plan& plan, const std::wstring& folder, Journal& journal, WritePoints& points);

    // Takes up what the journal shows.
    void resume(const JournalState& state);

    // Steps from the first to the last. Those that the journal shows as begun are done again.
    Status forward(const OnStep& on_step, std::size_t& failed);

    Status commit();
    // Leaves the change to be confirmed until the deadline.
    Status await_confirmation(Deadline& deadline);

    // After the committed record nothing fails any more: what cannot be removed now is removed later.
    Status tidy_after_commit();
    Status tidy();

    // Steps that were begun, from the last to the first. `snapshot`: the registry as it was before the first.
    Status backward(const Status& reason, const RegistryTree& snapshot, bool& catalog_damaged);

    const std::vector<std::string>& notes() const { return context_.notes; }

private:
    Status one_step(std::size_t i);

    const Plan& plan_;
    Journal& journal_;
    WritePoints& points_;
    Leftovers leftovers_;
    std::vector<core::json::Value> before_;
    std::vector<bool> begun_;
    Context context_;
};

// ": run winsock-spi restore ..." where there is a backup to restore.
std::string restore_advice(const Plan& plan);

// What an operation left in the journal, ready to go on.
struct Pending {
    JournalState state;
    Plan plan;
    RegistryTree snapshot;
};

// Opens the journal. Empty where not even its begin record is whole: then nothing has been done, and it can go.
Status read_pending(Journal& journal, std::optional<Pending>& pending);

} // namespace winsock_spi::spi
