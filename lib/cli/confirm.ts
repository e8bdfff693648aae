// winsock-spi confirm: keeps a change that was made with --confirm-within, or undoes it at once.

import type { Command } from "commander";
import { confirm as keep, describePending, pendingChange, rollBack } from "../plan/confirm.js";
import { requireElevated } from "../plan/execute.js";
import { confirm as ask, exitCodes, run } from "./frame.js";

interface ConfirmFlags {
    rollback?: boolean;
    dryRun?: boolean;
    yes?: boolean;
    json?: boolean;
}

export function addConfirmCommand(program: Command): void {
    program
        .command("confirm")
        .description("keep a change that was made with --confirm-within")
        .option("--rollback", "undo it now instead")
        .option("--dry-run", "say what waits to be confirmed and change nothing")
        .option("--yes", "do not ask (only --rollback asks)")
        .option("--json", "print one JSON value")
        .action((flags: ConfirmFlags) =>
            run(flags, async (output) => {
                const pending = pendingChange();
                if (flags.dryRun === true) {
                    output.value({ action: "none", ...(pending === undefined ? {} : { pending }) });
                    output.text(pending === undefined ? "Nothing waits to be confirmed." : describePending(pending));
                    return exitCodes.done;
                }
                if (flags.rollback === true && pending?.state === "unconfirmed") {
                    requireElevated();
                    if (!(await ask(`Undo the unconfirmed ${pending.operation}?`, { yes: flags.yes }))) {
                        output.value({ action: "none", pending });
                        output.text("Nothing was changed.");
                        return exitCodes.negative;
                    }
                }
                const result = await (flags.rollback === true ? rollBack() : keep());
                output.value(result);
                output.text(
                    result.action === "confirmed"
                        ? `Confirmed: the ${result.operation} stays.`
                        : `The ${result.operation} is undone; the catalog is as it was before.`,
                );
                return exitCodes.done;
            }),
        );
}
