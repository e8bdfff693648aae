// The step that proves that fresh programs still have a network: rescue of each bitness, in a process of its own, makes
// connections to itself; and once more as Windows starts programs that it trusts less, where the system has such. It
// changes nothing.
#include "spi/step.hpp"

#include <algorithm>
#include <string_view>

#include "probe_lines.hpp"
#include "spi/process.hpp"
#include "spi/step_members.hpp"
#include "spi/text.hpp"

namespace winsock_spi::spi {
namespace {

using core::json::Value;

constexpr std::uint32_t probe_milliseconds = 30000;

struct Kind {
    Confinement confinement;
    const char* who;
    bool must_work; // else what goes wrong is only told
};

// Processes that take Microsoft's binaries only load no provider of anyone else: whether they have a network beside one
// is for the user to know, and not in this provider's hands.
constexpr Kind kinds[] = {
    {Confinement::none, "process", true},
    {Confinement::low_integrity, "process with low integrity", true},
    {Confinement::app_container, "process in an AppContainer", true},
    {Confinement::signed_only, "process that loads only DLLs of Microsoft", false},
};

std::vector<std::string> lines_of(const std::string& output) {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < output.size();) {
        const std::size_t end = std::min(output.find('\n', begin), output.size());
        std::string line = output.substr(begin, end - begin);
        begin = end + 1;
        if (!line.empty() && line.back() == '\r') {
            line.pop_back();
        }
        if (!line.empty()) {
            lines.push_back(std::move(line));
        }
    }
    return lines;
}

void take_skipped(const std::string& who, const std::string& output, std::vector<std::string>& notes) {
    for (const std::string& line : lines_of(output)) {
        if (line.starts_with(skipped_line)) {
            notes.push_back(who + ": " + line.substr(std::string_view(skipped_line).size()));
        }
    }
}

// What went wrong, of all that a probe printed.
std::string complaints(const std::string& output) {
    std::string text;
    for (const std::string& line : lines_of(output)) {
        if (!line.ends_with(": works") && !line.starts_with(skipped_line)) {
            text += (text.empty() ? "" : "; ") + line;
        }
    }
    return text;
}

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
        for (const Kind& kind : kinds) {
            for (const auto& [bits, program] : programs) {
                const bool native = bits == programs.rbegin()->first;
                if (kind.confinement == Confinement::none || native) {
                    if (Status status = run(kind, bits, program, context.notes); !status.ok()) {
                        return status;
                    }
                }
            }
        }
        return {};
    }

    Status undo(Context&, const Value&) override { return {}; }

private:
    static Status run(const Kind& kind, int bits, const std::wstring& program, std::vector<std::string>& notes) {
        const bool confined = kind.confinement != Confinement::none;
        const std::string who = "a fresh " + std::to_string(bits) + "-bit " + kind.who;
        std::vector<std::wstring> arguments = {L"probe"};
        if (confined) {
            arguments.push_back(confinement_name(kind.confinement));
        }
        ProgramResult result;
        if (Status status = run_program(program, arguments, probe_milliseconds, result, 65536, kind.confinement);
            !status.ok()) {
            const std::string text = who + " could not be started: " + status.message;
            if (confined) { // it says nothing about the network
                notes.push_back(text);
                return {};
            }
            return own_error("ERR_PROBE_FAILED", text);
        }
        if (confined && result.exit_code == not_confined_exit_code && !result.timed_out) {
            notes.push_back(who + " was not tried: this system starts no such process");
            return {};
        }
        take_skipped(who, result.output, notes);
        std::string problem;
        if (result.timed_out) {
            problem = " did not answer within 30 s";
        } else if (result.exit_code != 0) {
            const std::string text = complaints(result.output);
            problem = " could not connect to itself: " +
                      (text.empty() ? "it ended with code " + std::to_string(result.exit_code) : text);
        }
        if (problem.empty()) {
            return {};
        }
        if (!kind.must_work) {
            notes.push_back(who + problem);
            return {};
        }
        return own_error("ERR_PROBE_FAILED", who + problem);
    }
};

} // namespace

Status make_probe(const Value& source, std::unique_ptr<Step>& step) {
    step = std::make_unique<Probe>(source);
    return {};
}

} // namespace winsock_spi::spi
