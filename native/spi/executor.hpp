// Carries out plans so that nothing half-done stays: every step is journalled before it is done, a step that fails is
// undone with all before it, and after a kill at any point recovery finishes or undoes what the journal shows.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "plan.hpp"
#include "status.hpp"

namespace winsock_spi::spi {

struct ExecuteResult {
    bool undone = false;         // it failed and everything is as before
    bool catalog_damaged = false; // it failed and undoing failed too; the journal stays
    Status error;                // why; fine when the plan was carried out
    std::size_t step = 0;        // index of the step that failed
    std::uint64_t writes = 0;    // to registry and disk
};

// Told before each step. Called on the executing thread.
using OnStep = std::function<void(std::size_t index, std::size_t count, const std::string& text)>;

// An error return means that nothing was begun; what became of a plan that was begun is in `result`.
Status execute_plan(const Plan& plan, const OnStep& on_step, ExecuteResult& result);

enum class Recovery { none, finished, undone };

struct RecoverResult {
    Recovery action = Recovery::none;
    std::string operation; // of the plan that was pending
    bool catalog_damaged = false;
    std::uint64_t writes = 0;
};

// Deals with a pending journal. An error means that it is still pending.
Status recover(RecoverResult& result, std::uint64_t kill_at = 0);

// The operation of a pending journal; empty where there is none. A journal that this user may not read counts too.
Status pending_operation(std::string& operation);

// Makes the data folder and its backups folder with their access rights, or takes over what is there and ours.
Status prepare_folders(std::wstring& data, std::wstring& backups);

} // namespace winsock_spi::spi
