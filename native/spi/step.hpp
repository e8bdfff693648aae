// One step of a plan. The executor journals what `observe` found before it calls `apply`; `undo` gets the same again.
// apply and undo are idempotent: a process killed anywhere in them is followed by one that calls them from the start.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "status.hpp"
#include "winsock.hpp"
#include "write_points.hpp"

namespace winsock_spi::spi {

class Leftovers;

// What steps share while a plan runs.
struct Context {
    WritePoints& points;
    Leftovers& leftovers;
    std::map<int, std::wstring> helpers; // winsock-spi-rescue.exe of each bitness
    bool is_helper = false;              // this process is such a helper itself and starts no further one
    Winsock winsock{};
    std::vector<std::string> notes{}; // for people: what a step could not try, for example
};

class Step {
public:
    explicit Step(core::json::Value source) : source_(std::move(source)) {}
    virtual ~Step() = default;
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

    // Only reads. `before` becomes whatever apply and undo need to know of the state before the step.
    virtual Status observe(Context& context, core::json::Value& before) = 0;
    virtual Status apply(Context& context, const core::json::Value& before) = 0;
    virtual Status undo(Context& context, const core::json::Value& before) = 0;
    // After the whole plan is done for good: removes what undo would have needed. What is in use becomes a leftover.
    virtual void commit(Context&, const core::json::Value&) {}
    // Whether an undo that fails leaves a damaged catalog.
    virtual bool changes_catalog() const { return false; }

    const core::json::Value& source() const { return source_; } // as it stands in the plan

private:
    core::json::Value source_;
};

// Makes the step of a JSON description. ERR_PLAN_INVALID with what is wrong where it is none.
Status make_step(const core::json::Value& source, std::unique_ptr<Step>& step);

// The constructors that make_step chooses from, one file in steps/ per group. Each checks its own members.
Status make_make_folder(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_copy_file(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_write_file(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_delete_file(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_delete_folder(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_make_control(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_install_provider(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_install_entries(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_deinstall_provider(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_update_provider(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_set_provider_path(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_write_order(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_write_registry(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_set_provider_category(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_set_application_category(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_install_namespace(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_remove_namespace(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_enable_namespace(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_order_namespaces(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_delete_registry(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_clear_policy(const core::json::Value& source, std::unique_ptr<Step>& step);
Status make_probe(const core::json::Value& source, std::unique_ptr<Step>& step);

} // namespace winsock_spi::spi
