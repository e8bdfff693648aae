// winsock-spi recover: an interrupted operation is finished or undone.

import type { Command } from "commander";
import { describePending, pendingChange } from "../plan/confirm.js";
import { recover, requireElevated } from "../plan/execute.js";
import { confirm, exitCodes, run } from "./frame.js";

export function addRecoverCommand(program: Command): void {
    program
        .command("recover")
        .description("finish or undo an install, uninstall or restore that was interrupted")
        .option("--yes", "do not ask")
        .option("--json", "print one JSON value")
        .action((flags: { yes?: boolean; json?: boolean }) =>
            run(flags, async (output) => {
                const pending = pendingChange();
                if (pending === undefined) {
                    output.value(await recover()); // deletes what programs had kept in use
                    output.text("Nothing to recover: no operation was interrupted.");
                    return exitCodes.done;
                }
                if (pending.state === "unconfirmed") {
                    output.value({ action: "unconfirmed", operation: pending.operation, until: pending.until });
                    output.text(describePending(pending));
                    return exitCodes.done;
                }
                requireElevated();
                if (!(await confirm(`Finish or undo the interrupted ${pending.operation}?`, { yes: flags.yes }))) {
                    output.value({ action: "none", pending: pending.operation });
                    output.text("Nothing was changed.");
                    return exitCodes.negative;
                }
                const result = await recover();
                output.value(result);
                output.text(`The interrupted ${pending.operation} was ${result.action}.`);
                return exitCodes.done;
            }),
        );
}
