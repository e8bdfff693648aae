// The commands of winsock-spi-rescue.exe. Each prints what it does and returns the program's exit code.
#pragma once

#include <string>
#include <vector>

#include "spi/plan.hpp"

namespace winsock_spi::rescue {

// As the CLI has them.
enum ExitCode {
    exit_done = 0,
    exit_failed = 2,        // nothing changed
    exit_needs_restore = 3, // failed, and undoing it failed too
    exit_usage = 64,
};

using Arguments = std::vector<std::wstring>;

int list(const Arguments& arguments);
int recover(const Arguments& arguments);
int backup(const Arguments& arguments);
int restore(const Arguments& arguments);
int remove(const Arguments& arguments);
int probe(const Arguments& arguments);
int inspect(const Arguments& arguments);
int steps(const Arguments& arguments);
int confirm(const Arguments& arguments);
int roll_back(const Arguments& arguments);
int service(const Arguments& arguments);

// Prints the error; what the exit code is depends on what became of the catalog.
int report(const spi::Status& status, int code = exit_failed);

// Parses and executes a plan made here, printing its steps.
int execute(const core::json::Value& plan);

} // namespace winsock_spi::rescue
