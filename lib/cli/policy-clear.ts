// winsock-spi policy clear: no policy any more.

import type { Command } from "commander";
import { native } from "../native.js";
import { clearPolicy, readStored, requireAdministrator } from "../policy/store.js";
import { confirm, exitCodes, type Output, run } from "./frame.js";

interface ClearFlags {
    json?: boolean;
    dryRun?: boolean;
    yes?: boolean;
}

/** The file that the policy in force came from, if that can be told. */
function sourceOf(generation: number): string | undefined {
    try {
        return readStored(generation).source;
    } catch {
        return undefined; // it is to be cleared, whatever state it is in
    }
}

async function clear(output: Output, flags: ClearFlags): Promise<number> {
    const { generation, fault } = native().readPolicyState();
    if (flags.dryRun === true) {
        output.value({ changed: false, generation });
        output.text(
            generation === 0 && fault === undefined
                ? "No policy is in force."
                : `Would clear the policy (number ${generation}): every call passes then. Nothing was changed.`,
        );
        return exitCodes.done;
    }
    requireAdministrator();
    if (!(await confirm("Clear the policy, so that every call of every program passes?", flags))) {
        output.value({ changed: false });
        output.text("Nothing was changed.");
        return exitCodes.negative;
    }
    const source = sourceOf(generation);
    const cleared = await clearPolicy();
    const undo = `winsock-spi policy apply ${source === undefined ? "FILE" : `"${source}"`} --yes`;
    output.value({ changed: cleared !== 0, generation: cleared, ...(cleared === 0 ? {} : { undo }) });
    output.text(cleared === 0 ? "No policy was in force." : "Cleared: every call passes, in running programs too.");
    if (cleared !== 0) {
        output.text(`To undo: ${undo}`);
    }
    return exitCodes.done;
}

export function addPolicyClearCommand(group: Command): void {
    group
        .command("clear")
        .description("end the policy: every call of every program passes; also what `run` has put in force")
        .option("--dry-run", "change nothing")
        .option("--yes", "do not ask")
        .option("--json", "print one JSON value")
        .action((flags: ClearFlags) => run(flags, (output) => clear(output, flags)));
}
