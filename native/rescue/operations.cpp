// Commands that end something: recover, backup, restore, steps; and how all of them execute plans and report errors.
#include "commands.hpp"

#include "output.hpp"
#include "spi/backup.hpp"
#include "spi/executor.hpp"
#include "spi/files.hpp"
#include "spi/helper.hpp"
#include "spi/registry_json.hpp"
#include "spi/text.hpp"

namespace winsock_spi::rescue {

using core::json::Value;

int report(const spi::Status& status, int code) {
    print_error(status.code() + ": " + status.message);
    return code;
}

int execute(const Value& source) {
    spi::Plan plan;
    if (spi::Status status = spi::parse_plan(source, plan); !status.ok()) {
        return report(status);
    }
    spi::ExecuteResult result;
    const auto on_step = [](std::size_t index, std::size_t count, const std::string& text) {
        print("[" + std::to_string(index + 1) + "/" + std::to_string(count) + "] " + text);
    };
    if (spi::Status status = spi::execute_plan(plan, on_step, result); !status.ok()) {
        return report(status);
    }
    if (!result.error.ok()) {
        return report(result.error, result.undone ? exit_failed : exit_needs_restore);
    }
    for (const std::string& note : result.notes) {
        print(note);
    }
    return exit_done;
}

int recover(const Arguments&) {
    spi::RecoverResult result;
    if (spi::Status status = spi::recover(result); !status.ok()) {
        return report(status, result.catalog_damaged ? exit_needs_restore : exit_failed);
    }
    switch (result.action) {
    case spi::Recovery::none: print("Nothing to recover."); break;
    case spi::Recovery::finished: print("The interrupted operation (" + result.operation + ") is finished."); break;
    case spi::Recovery::undone: print("The interrupted operation (" + result.operation + ") is undone."); break;
    case spi::Recovery::unconfirmed: print(spi::unconfirmed_text({result.operation, result.unconfirmed_until})); break;
    }
    return exit_done;
}

int confirm(const Arguments&) {
    spi::RecoverResult result;
    if (spi::Status status = spi::confirm_change(result); !status.ok()) {
        return report(status);
    }
    print("Confirmed: the change (" + result.operation + ") stays.");
    return exit_done;
}

int roll_back(const Arguments&) {
    spi::RecoverResult result;
    if (spi::Status status = spi::roll_back_change(result); !status.ok()) {
        return report(status, result.catalog_damaged ? exit_needs_restore : exit_failed);
    }
    print("The unconfirmed change (" + result.operation + ") is undone.");
    return exit_done;
}

int backup(const Arguments& arguments) {
    spi::Machine machine;
    std::string text;
    if (spi::Status status = spi::read_machine(machine); !status.ok()) {
        return report(status);
    }
    if (spi::Status status = spi::make_backup(machine, text); !status.ok()) {
        return report(status);
    }
    spi::WritePoints uncounted;
    if (spi::Status status = spi::write_new_file(arguments[0], text.data(), text.size(), uncounted); !status.ok()) {
        return report(status);
    }
    print("Backup written to " + spi::narrow(arguments[0]));
    return exit_done;
}

int restore(const Arguments& arguments) {
    spi::Machine machine;
    spi::Backup stored;
    std::wstring former;
    if (spi::Status status = spi::read_machine(machine); !status.ok()) {
        return report(status);
    }
    if (spi::Status status = spi::read_backup(arguments[0], machine, stored); !status.ok()) {
        return report(status);
    }
    if (spi::Status status = spi::write_automatic_backup(machine, former); !status.ok()) {
        return report(status);
    }
    Value step;
    step.add("do", "write-registry");
    step.add("key", "");
    step.add("tree", spi::to_json(stored.registry));
    step.add("text", "Restore the catalogs of " + stored.created);
    Value plan;
    plan.add("format", "winsock-spi-plan");
    plan.add("version", 1);
    plan.add("operation", "restore");
    plan.add("text", "Restore a backup");
    plan.add("backup", spi::narrow(former));
    plan.add("onFailure", "finish");
    plan.add("steps", core::json::Array{step});
    const int code = execute(plan);
    if (code == exit_done) {
        print("Restored. Running programs notice when they start Winsock again.");
        print("What was there before is in " + spi::narrow(former));
    }
    return code;
}

int steps(const Arguments& arguments) {
    const spi::Status status = spi::serve_helper_request(arguments[0]);
    return status.ok() ? exit_done : report(status);
}

} // namespace winsock_spi::rescue
