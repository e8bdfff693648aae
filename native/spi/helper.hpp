// Steps in the catalog of the other bitness: WSCInstallProvider writes only the catalog of the process that calls it,
// so rescue of that bitness is started with a request file in the private folder and answers in a result file there.
//   request: { "format": "winsock-spi-steps", "version": 1, "action": "observe" | "apply" | "undo", "step": {...},
//              "before": {...}, "gate": string, "result": path }
//   result:  { "number": n, "ownCode": string, "syscall": string, "message": string, "writes": n, "before"?: {...} }
#pragma once

#include <string>

#include "step.hpp"

namespace winsock_spi::spi {

enum class HelperAction { observe, apply, undo };

// Has the helper of that bitness do it. The journal is this process's business; the helper only acts. `observed`: for
// what Winsock tells only to a process of that bitness, becomes what the step's `observe` found.
Status run_helper(Context& context, int bits, HelperAction action, const Step& step, const core::json::Value& before,
                  core::json::Value* observed = nullptr);

// Removes what a helper's caller left when it was killed.
void remove_helper_files(const std::wstring& folder);

// The other side: does what the request file says. For an error of the step itself the answer is in the result file
// and the return value is fine.
Status serve_helper_request(const std::wstring& request);

} // namespace winsock_spi::spi
