// winsock-spi policy apply: puts a policy in force for every program of the machine.

import type { Command } from "commander";
import { WinsockError } from "../errors.js";
import { native } from "../native.js";
import { type ApplyResult, applyPolicy, applyPreviousPolicy } from "../policy/apply.js";
import { checkPolicy } from "../policy/check.js";
import type { Policy } from "../policy/model.js";
import { requireAdministrator } from "../policy/store.js";
import { confirm, exitCodes, inputPath, type Output, run } from "./frame.js";

interface ApplyFlags {
    json?: boolean;
    dryRun?: boolean;
    yes?: boolean;
    previous?: boolean;
}

function summary({ policy, size, failClosed }: ApplyResult): string {
    const rules = `${policy.rules.length} ${policy.rules.length === 1 ? "rule" : "rules"}`;
    const closed = failClosed ? "what cannot be decided is denied" : "what cannot be decided passes";
    return `${rules}, image of ${size} bytes; ${closed}`;
}

function needsController({ rules }: Policy): boolean {
    return rules.some(({ then }) => then.kind === "relay" || then.kind === "ask");
}

async function apply(output: Output, file: string, flags: ApplyFlags): Promise<number> {
    const path = inputPath(file);
    const planned = await applyPolicy(path, { dryRun: true }); // whatever is wrong with it is said before anything else
    const { failClosed } = planned;
    for (const { rule, message } of checkPolicy(planned.policy)) {
        output.note(`Warning: rule ${rule}: ${message}`);
    }
    if (flags.dryRun === true) {
        output.value({ changed: false, rules: planned.policy.rules.length, size: planned.size, failClosed });
        output.text(`Would apply ${path} to every program of this machine: ${summary(planned)}. Nothing was changed.`);
        return exitCodes.done;
    }
    requireAdministrator();
    if (!(await confirm(`Apply ${path} to every program of this machine (${summary(planned)})?`, flags))) {
        output.value({ changed: false });
        output.text("Nothing was changed.");
        return exitCodes.negative;
    }
    const applied = await applyPolicy(path);
    const undo =
        applied.before.base === undefined
            ? "winsock-spi policy clear --yes"
            : "winsock-spi policy apply --previous --yes";
    output.value({
        changed: true,
        generation: applied.generation,
        rules: applied.policy.rules.length,
        size: applied.size,
        failClosed,
        undo,
    });
    output.text(`In force since now, in running programs too: ${summary(applied)}.`);
    if (needsController(applied.policy) && native().readPolicyState().controllerPid === 0) {
        output.text("Some rules relay or ask: they take their `otherwise` until `winsock-spi policy controller` runs.");
    }
    output.text(`To undo: ${undo}`);
    return exitCodes.done;
}

async function applyPrevious(output: Output, flags: ApplyFlags): Promise<number> {
    if (flags.dryRun === true) {
        output.value({ changed: false });
        output.text("Would put back the policy that was in force before the present one. Nothing was changed.");
        return exitCodes.done;
    }
    requireAdministrator();
    if (!(await confirm("Put back the policy that was in force before the present one?", flags))) {
        output.value({ changed: false });
        output.text("Nothing was changed.");
        return exitCodes.negative;
    }
    const generation = await applyPreviousPolicy();
    const undo = "winsock-spi policy apply --previous --yes";
    output.value({ changed: true, generation, undo });
    output.text(
        generation === 0 ? "There was none before: no policy is in force." : "The policy before is in force again.",
    );
    output.text(`To undo: ${undo}`);
    return exitCodes.done;
}

export function addPolicyApplyCommand(group: Command): void {
    group
        .command("apply")
        .description("put a policy in force for every program, those that run included")
        .argument("[file]", "the policy, YAML or JSON")
        .option("--previous", "instead of a file: the policy that was in force before the present one")
        .option("--dry-run", "check and compile it, and change nothing")
        .option("--yes", "do not ask")
        .option("--json", "print one JSON value")
        .action((file: string | undefined, flags: ApplyFlags) =>
            run(flags, (output) => {
                if ((file === undefined) !== (flags.previous === true)) {
                    throw new WinsockError("Give the FILE of a policy, or --previous.", { code: "ERR_USAGE" });
                }
                return file === undefined ? applyPrevious(output, flags) : apply(output, file, flags);
            }),
        );
}
