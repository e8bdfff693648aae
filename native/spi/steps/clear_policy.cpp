// The step that ends the policy: programs that run stop applying it at once. Its files and its registry key go when the
// whole plan is done for good, so that it can come back until then.
#include "spi/policy_store.hpp"
#include "spi/step.hpp"
#include "spi/step_members.hpp"

namespace winsock_spi::spi {
namespace {

using core::json::Value;

class ClearPolicy final : public Step {
public:
    using Step::Step;

    Status observe(Context&, Value& before) override {
        PolicyState state;
        static_cast<void>(
            read_policy_state(state)); // of a control.bin that is lost or damaged only the registry counts
        before.add("generation", std::int64_t{state.generation});
        before.add("previous", std::int64_t{state.previous});
        before.add("failClosed", state.fail_closed);
        before.add("registryFailClosed", state.registry_fail_closed);
        return {};
    }

    Status apply(Context& context, const Value&) override { return write_policy_state({}, context.points); }

    Status undo(Context& context, const Value& before) override {
        PolicyState state;
        if (Status status = read_number(before, "generation", state.generation); !status.ok()) {
            return status;
        }
        if (Status status = read_number(before, "previous", state.previous); !status.ok()) {
            return status;
        }
        state.fail_closed = flag(before, "failClosed");
        state.registry_fail_closed = flag(before, "registryFailClosed");
        return write_policy_state(state, context.points);
    }

    void commit(Context& context, const Value&) override {
        static_cast<void>(remove_policy_traces(context.leftovers, context.points));
    }
};

} // namespace

Status make_clear_policy(const Value& source, std::unique_ptr<Step>& step) {
    step = std::make_unique<ClearPolicy>(source);
    return {};
}

} // namespace winsock_spi::spi
