// What install, uninstall and restore have in common: show the plan, ask, do it step by step, say how to undo it.

import type { Command } from "commander";
import { describePending } from "../plan/confirm.js";
import { type ChangeOptions, type ChangeResult, requireElevated } from "../plan/execute.js";
import { formatPlan } from "../plan/plan.js";
import { parseDuration } from "./confirm-within.js";
import { type Output, confirm, exitCodes } from "./frame.js";

/** The options of every command that changes the system. */
export interface ChangeFlags {
    json?: boolean;
    dryRun?: boolean;
    yes?: boolean;
    confirmWithin?: number;
}

/** Adds these options to a command. */
export function addChangeFlags(command: Command): Command {
    return command
        .option("--dry-run", "print the plan and change nothing")
        .option("--yes", "do not ask")
        .option(
            "--confirm-within <time>",
            "undo the change after this time (60s, 5m), or at the next start of Windows, unless `confirm` comes first",
            parseDuration,
        )
        .option("--json", "print one JSON value");
}

/** What the flags say about confirming, for the library. */
export function confirmation({ confirmWithin }: ChangeFlags): Pick<ChangeOptions, "confirmWithin"> {
    return confirmWithin === undefined ? {} : { confirmWithin };
}

/** How a change that was made can be undone; one that is not confirmed yet undoes itself. */
export function howToUndo({ plan, unconfirmedUntil }: ChangeResult, undo: string): string {
    return unconfirmedUntil === undefined
        ? `To undo: ${undo}`
        : describePending({ operation: plan.operation, state: "unconfirmed", until: unconfirmedUntil });
}

/** A change of the system, as a command describes it. */
export interface Change {
    /** Plans it, and unless `dryRun` does it. */
    apply(options: ChangeOptions): Promise<ChangeResult>;
    /** How to undo it, once it is done. */
    undo(result: ChangeResult): string;
    /** What to say when it is done. */
    done(result: ChangeResult): string;
    /** What to say if the plan has no steps. */
    nothing?: string;
}

/** Plans, asks, executes and reports a change; the exit code. */
export async function applyChange(output: Output, flags: ChangeFlags, change: Change): Promise<number> {
    const how = confirmation(flags);
    const { plan } = await change.apply({ ...how, dryRun: true });
    for (const warning of plan.warnings ?? []) {
        output.note(`Warning: ${warning}`);
    }
    if (flags.dryRun === true) {
        output.value({ changed: false, plan });
        output.text(plan.steps.length === 0 && change.nothing !== undefined ? change.nothing : formatPlan(plan));
        return exitCodes.done;
    }
    if (plan.steps.length === 0 && change.nothing !== undefined) {
        output.value({ changed: false, plan });
        output.text(change.nothing);
        return exitCodes.done;
    }
    requireElevated();
    if (flags.yes !== true) {
        output.note(formatPlan(plan));
    }
    if (!(await confirm(`${plan.text}?`, { yes: flags.yes }))) {
        output.value({ changed: false, plan });
        output.text("Nothing was changed.");
        return exitCodes.negative;
    }
    const result = await change.apply({
        ...how,
        onStep: (index, count, text) => output.note(`[${index + 1}/${count}] ${text}`),
    });
    const { unconfirmedUntil, notes } = result;
    output.value({
        changed: true,
        backup: result.backup,
        undo: change.undo(result),
        unconfirmedUntil,
        notes,
        plan: result.plan,
    });
    output.text(change.done(result));
    for (const note of notes ?? []) {
        output.text(note);
    }
    if (result.backup !== undefined) {
        output.text(`Backup of what was there before: ${result.backup}`);
    }
    output.text(howToUndo(result, change.undo(result)));
    return exitCodes.done;
}
