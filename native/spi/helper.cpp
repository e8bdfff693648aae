#include "helper.hpp"

#include "files.hpp"
#include "leftovers.hpp"
#include "machine.hpp"
#include "process.hpp"
#include "step_members.hpp"
#include "text.hpp"

namespace winsock_spi::spi {
namespace {

using core::json::Value;

constexpr std::uint32_t helper_milliseconds = 60000;

std::int64_t number_member(const Value& object, const char* name) {
    const Value* member = object.find(name);
    return member != nullptr ? member->integer().value_or(0) : 0;
}

// Request and result, gone before and after. The names are always the same: one operation runs at a time, in a folder
// where only administrators write.
class HelperFiles {
public:
    explicit HelperFiles(const std::wstring& folder)
        : request(folder + L"\\helper-request.json"), result(folder + L"\\helper-result.json") {
        remove();
    }
    ~HelperFiles() { remove(); }
    HelperFiles(const HelperFiles&) = delete;
    HelperFiles& operator=(const HelperFiles&) = delete;

    const std::wstring request;
    const std::wstring result;

private:
    void remove() const {
        DeleteFileW(request.c_str());
        DeleteFileW(result.c_str());
    }
};

} // namespace

void remove_helper_files(const std::wstring& folder) {
    const HelperFiles files(folder);
}

Status run_helper(Context& context, int bits, HelperAction action, const Step& step, const Value& before,
                  Value* observed) {
    const auto helper = context.helpers.find(bits);
    if (context.is_helper || helper == context.helpers.end()) {
        return own_error("ERR_OTHER_BITNESS", "the " + std::to_string(bits) +
                                                  "-bit catalog can only be changed so by a " + std::to_string(bits) +
                                                  "-bit program, and the plan names none");
    }
    std::wstring folder;
    if (Status status = data_folder(folder); !status.ok()) {
        return status;
    }
    const HelperFiles files(folder);
    Value request;
    request.add("format", "winsock-spi-steps");
    request.add("version", 1);
    request.add("action", action == HelperAction::observe ? "observe"
                          : action == HelperAction::apply ? "apply"
                                                          : "undo");
    request.add("step", step.source());
    request.add("before", before);
    request.add("gate", narrow(context.points.gate()));
    request.add("result", narrow(files.result));
    const std::string text = core::json::write(request);
    WritePoints uncounted; // the helper's own files are no part of the change
    if (Status status = write_new_file(files.request, text.data(), text.size(), Access::private_access, uncounted);
        !status.ok()) {
        return status;
    }
    ProgramResult run;
    if (Status status = run_program(helper->second, {L"steps", files.request}, helper_milliseconds, run);
        !status.ok()) {
        return status;
    }
    const std::string name = narrow(helper->second);
    if (run.timed_out) {
        return system_error(WAIT_TIMEOUT, "WaitForSingleObject", name);
    }
    if (run.exit_code != 0) {
        return own_error("ERR_HELPER", name + " ended with code " + std::to_string(run.exit_code) + ": " + run.output);
    }
    std::string answer;
    if (Status status = read_trusted_file(files.result, answer); !status.ok()) {
        return status;
    }
    const std::optional<Value> result = core::json::parse(answer);
    if (!result) {
        return own_error("ERR_HELPER", name + " gave no answer that can be read");
    }
    context.points.add(static_cast<std::uint64_t>(number_member(*result, "writes")));
    if (const Value* found = result->find("before"); found != nullptr && observed != nullptr) {
        *observed = *found;
    }
    Status status;
    status.number = static_cast<std::uint32_t>(number_member(*result, "number"));
    status.own_code = narrow(text_member(*result, "ownCode"));
    status.syscall = narrow(text_member(*result, "syscall"));
    status.message = narrow(text_member(*result, "message"));
    return status;
}

Status serve_helper_request(const std::wstring& path) {
    std::string text;
    if (Status status = read_trusted_file(path, text); !status.ok()) {
        return status;
    }
    const std::optional<Value> request = core::json::parse(text);
    const Value* source = request ? request->find("step") : nullptr;
    const Value* before = request ? request->find("before") : nullptr;
    if (source == nullptr || before == nullptr || text_member(*request, "format") != L"winsock-spi-steps" ||
        number_member(*request, "version") != 1) {
        return invalid_plan(narrow(path) + " is no request for a helper");
    }
    const std::wstring action = text_member(*request, "action");
    std::wstring result_path;
    if (Status status = read_path(*request, "result", result_path); !status.ok()) {
        return status;
    }
    std::unique_ptr<Step> step;
    if (Status status = make_step(*source, step); !status.ok()) {
        return status;
    }
    if (!step->changes_catalog() || (action != L"observe" && action != L"apply" && action != L"undo")) {
        return invalid_plan("a helper only changes the catalog");
    }
    WritePoints points(text_member(*request, "gate"));
    std::wstring folder;
    if (Status status = data_folder(folder); !status.ok()) {
        return status;
    }
    Leftovers leftovers(folder);
    Context context{points, leftovers, {}, true};
    Value observed;
    const Status done = action == L"observe" ? step->observe(context, observed)
                        : action == L"apply" ? step->apply(context, *before)
                                             : step->undo(context, *before);
    Value result;
    if (action == L"observe") {
        result.add("before", observed);
    }
    result.add("number", done.number);
    result.add("ownCode", done.own_code);
    result.add("syscall", done.syscall);
    result.add("message", done.message);
    result.add("writes", static_cast<std::int64_t>(points.count()));
    const std::string answer = core::json::write(result);
    WritePoints uncounted;
    return write_new_file(result_path, answer.data(), answer.size(), Access::private_access, uncounted);
}

} // namespace winsock_spi::spi
