#include "plan.hpp"

#include "step_members.hpp"
#include "text.hpp"

namespace winsock_spi::spi {

using core::json::Value;

namespace {

constexpr std::int64_t shortest_confirmation = 1000;
constexpr std::int64_t longest_confirmation = std::int64_t{7} * 24 * 60 * 60 * 1000;

std::map<int, std::wstring> read_programs(const Value& object) {
    std::map<int, std::wstring> programs;
    for (const int bits : {64, 32}) {
        if (std::wstring path = text_member(object, std::to_string(bits).c_str()); !path.empty()) {
            programs[bits] = std::move(path);
        }
    }
    return programs;
}

Status read_confirm(const Value& confirm, Plan& plan) {
    const Value* within = confirm.find("within");
    const std::int64_t milliseconds = within != nullptr ? within->integer().value_or(0) : 0;
    if (milliseconds < shortest_confirmation || milliseconds > longest_confirmation) {
        return invalid_plan("confirm.within must be from 1000 to 604800000 milliseconds");
    }
    if (const Value* programs = confirm.find("programs")) {
        plan.guards = read_programs(*programs);
    }
    if (plan.guards.empty()) {
        return invalid_plan("confirm.programs names no winsock-spi-rescue.exe");
    }
    plan.confirm_within = static_cast<std::uint64_t>(milliseconds);
    return {};
}

} // namespace

Status parse_plan_text(std::string_view text, Plan& plan) {
    core::json::Error error;
    const std::optional<Value> source = core::json::parse(text, &error);
    if (!source) {
        return invalid_plan(std::string(error.what) + " at byte " + std::to_string(error.offset));
    }
    return parse_plan(*source, plan);
}

Status parse_plan(const Value& source, Plan& plan) {
    const Value* version = source.find("version");
    if (text_member(source, "format") != L"winsock-spi-plan" || version == nullptr || version->integer() != 1) {
        return invalid_plan("it is no winsock-spi-plan of version 1");
    }
    if (Status status = read_string(source, "operation", plan.operation); !status.ok()) {
        return status;
    }
    plan.text = narrow(text_member(source, "text"));
    plan.backup = narrow(text_member(source, "backup"));
    std::string on_failure;
    if (Status status = read_string(source, "onFailure", on_failure); !status.ok()) {
        return status;
    }
    if (on_failure != "undo" && on_failure != "finish") {
        return invalid_plan("onFailure must be \"undo\" or \"finish\"");
    }
    plan.on_failure = on_failure == "undo" ? OnFailure::undo : OnFailure::finish;
    if (const Value* helpers = source.find("helpers")) {
        plan.helpers = read_programs(*helpers);
    }
    if (const Value* confirm = source.find("confirm")) {
        if (Status status = read_confirm(*confirm, plan); !status.ok()) {
            return status;
        }
    }
    plan.gate = text_member(source, "gate");
    const Value* steps = source.find("steps");
    if (steps == nullptr || steps->array() == nullptr) {
        return invalid_plan("steps must be an array");
    }
    for (const Value& item : *steps->array()) {
        PlannedStep planned;
        if (Status status = make_step(item, planned.step); !status.ok()) {
            status.message += " (step " + std::to_string(plan.steps.size() + 1) + ")";
            return status;
        }
        planned.text = narrow(text_member(item, "text"));
        plan.steps.push_back(std::move(planned));
    }
    plan.source = source;
    return {};
}

std::vector<core::Guid> providers_of(const Plan& plan, int bits) {
    std::vector<core::Guid> providers;
    for (const PlannedStep& planned : plan.steps) {
        int catalog = 0;
        core::Guid provider{};
        const core::json::Value& source = planned.step->source();
        if (planned.step->changes_catalog() && read_bits(source, "catalog", catalog).ok() && catalog == bits &&
            read_guid(source, "providerId", provider).ok()) {
            providers.push_back(provider);
        }
    }
    return providers;
}

} // namespace winsock_spi::spi
