// winsock-spi recover: an interrupted operation is finished or undone.

import type { Command } from "commander";
import { WinsockError } from "../errors.js";
import { native } from "../native.js";
import { requireElevated } from "../plan/execute.js";
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
                    output.value({ action: "none" });
                    output.text("Nothing to recover: no operation was interrupted.");
                    return exitCodes.done;
                }
                requireElevated();
                if (!(await confirm(`Finish or undo the interrupted ${pending}?`, { yes: flags.yes }))) {
                    output.value({ action: "none", pending });
                    output.text("Nothing was changed.");
                    return exitCodes.negative;
                }
                const result = await recover(pending);
                output.value(result);
                output.text(`The interrupted ${pending} was ${result.action}.`);
                return exitCodes.done;
            }),
        );
}

/** A recovery that fails leaves the catalog half changed: whoever reads the exit code must know. */
async function recover(pending: string): Promise<{ action: string; operation?: string }> {
    try {
        return await native().recover();
    } catch (error) {
        if (!(error instanceof WinsockError)) {
            throw error;
        }
        throw new WinsockError(`The interrupted ${pending} could be neither finished nor undone: ${error.message}`, {
            code: error.code,
            errno: error.errno,
            syscall: error.syscall,
            catalogDamaged: true,
            cause: error,
        });
    }
}
