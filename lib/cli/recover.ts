// winsock-spi recover: an interrupted operation is finished or undone.

import type { Command } from "commander";
import { native } from "../native.js";
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
                const pending = native().pendingOperation();
                if (pending === undefined) {
                    output.value(await recover()); // deletes what programs had kept in use
                    output.text("Nothing to recover: no operation was interrupted.");
                    return exitCodes.done;
                }
                requireElevated();
                if (!(await confirm(`Finish or undo the interrupted ${pending}?`, { yes: flags.yes }))) {
                    output.value({ action: "none", pending });
                    output.text("Nothing was changed.");
                    return exitCodes.negative;
                }
                const result = await recover();
                output.value(result);
                output.text(`The interrupted ${pending} was ${result.action}.`);
                return exitCodes.done;
            }),
        );
}
