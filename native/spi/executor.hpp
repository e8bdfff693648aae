// Carries out plans so that nothing half-done stays: every step is journalled before it is done, a step that fails is
// undone with all before it, and after a kill at any point recovery finishes or undoes what the journal shows.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "plan.hpp"
#include "recovery.hpp"
#include "status.hpp"

namespace winsock_spi::spi {

struct ExecuteResult {
    bool undone = false;         // it failed and everything is as before
    bool catalog_damaged = false; // it failed and undoing failed too; the journal stays
    Status error;                // why; fine when the plan was carried out
    std::size_t step = 0;        // index of the step that failed
    std::uint64_t writes = 0;    // to registry and disk
    std::uint64_t unconfirmed_until = 0; // FILETIME; 0 = it is done for good
    std::vector<std::string> notes; // what steps have to tell: what a probe could not try, for example
};

// Told before each step. Called on the executing thread.
using OnStep = std::function<void(std::size_t index, std::size_t count, const std::string& text)>;

// An error return means that nothing was begun; what became of a plan that was begun is in `result`.
Status execute_plan(const Plan& plan, const OnStep& on_step, ExecuteResult& result);

// Makes the data folder and its backups folder with their access rights, or takes over what is there and ours.
Status prepare_folders(std::wstring& data, std::wstring& backups);

} // namespace winsock_spi::spi
