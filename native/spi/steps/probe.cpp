// The step that proves that fresh programs still have a network: rescue of each bitness, in a process of its own, makes
// a connection to itself. It changes nothing.
#include "spi/step.hpp"

#include "spi/process.hpp"
#include "spi/step_members.hpp"
#include "spi/text.hpp"

namespace winsock_spi::spi {
namespace {

using core::json::Value;

constexpr std::uint32_t probe_milliseconds = 20000;

class Probe final : public Step {
public:
    using Step::Step;

    Status observe(Context&, Value& before) override {
        before.add("changes", false);
        return {};
    }

    Status apply(Context& context, const Value&) override {
        std::map<int, std::wstring> programs;
        if (const Value* own = source().find("programs")) {
            for (const int bits : {64, 32}) {
                if (std::wstring path = text_member(*own, std::to_string(bits).c_str()); !path.empty()) {
                    programs[bits] = std::move(path);
                }
            }
        } else {
            programs = context.helpers;
        }
        if (programs.empty()) {
            return invalid_plan("the probe has no program to run");
        }
        for (const auto& [bits, program] : programs) {
            const std::string who = "a fresh " + std::to_string(bits) + "-bit process";
            ProgramResult result;
            if (Status status = run_program(program, {L"probe"}, probe_milliseconds, result); !status.ok()) {
                return own_error("ERR_PROBE_FAILED", who + " could not be started: " + status.message);
            }
            if (result.timed_out) {
                return own_error("ERR_PROBE_FAILED", who + " did not answer within 20 s");
            }
            if (result.exit_code != 0) {
                return own_error("ERR_PROBE_FAILED",
                                 who + " could not connect to itself: " +
                                     (result.output.empty() ? "it ended with code " + std::to_string(result.exit_code)
                                                            : result.output));
            }
        }
        return {};
    }

    Status undo(Context&, const Value&) override { return {}; }
};

} // namespace

Status make_probe(const Value& source, std::unique_ptr<Step>& step) {
    step = std::make_unique<Probe>(source);
    return {};
}

} // namespace winsock_spi::spi
