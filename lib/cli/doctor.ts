// winsock-spi doctor: what is wrong with the catalogs, what that does, and with --fix the repair.

import type { Command } from "commander";
import type { CollectOptions } from "../doctor/collect.js";
import { type Examination, examine, repair } from "../doctor/doctor.js";
import type { Finding } from "../doctor/findings.js";
import { formatFindings } from "../doctor/format.js";
import { WinsockError } from "../errors.js";
import { requireElevated } from "../plan/execute.js";
import { type Plan, formatPlan } from "../plan/plan.js";
import { planRemove } from "../provider/plan-remove.js";
import { type ChangeFlags, addChangeFlags, confirmation, howToUndo } from "./change.js";
import { type Output, confirm, exitCodes, run } from "./frame.js";

interface DoctorFlags extends ChangeFlags {
    fix?: boolean;
    remove?: string[];
    timeout?: string;
    load?: boolean;
}

export function addDoctorCommand(program: Command): void {
    const command = program
        .command("doctor")
        .description("find what is wrong with the catalogs and their providers (exit code 0: healthy, 1: findings)")
        .option("--fix", "repair what can be repaired safely, and only that")
        .option("--remove <provider...>", "with --fix: remove these providers too (name, GUID or DLL path)")
        .option("--no-load", "do not try the providers out: nothing of them is loaded anywhere")
        .option("--timeout <seconds>", "how long one provider may take before it counts as hanging", "10");
    addChangeFlags(command).action((flags: DoctorFlags) => run(flags, (output) => doctor(output, flags)));
}

const healthy = (findings: readonly Finding[]): number =>
    findings.every(({ severity }) => severity === "info") ? exitCodes.done : exitCodes.negative;

async function doctor(output: Output, flags: DoctorFlags): Promise<number> {
    const fix = flags.fix === true;
    const seconds = Number(flags.timeout);
    if (!(seconds >= 0.001 && seconds <= 3600)) {
        throw new WinsockError("--timeout must be a number of seconds up to 3600", { code: "ERR_USAGE" });
    }
    if (
        !fix &&
        (flags.remove !== undefined || flags.dryRun === true || flags.yes === true || flags.confirmWithin !== undefined)
    ) {
        throw new WinsockError("--remove, --dry-run, --yes and --confirm-within go with --fix", { code: "ERR_USAGE" });
    }
    const options = { timeout: Math.round(seconds * 1000), load: flags.load !== false };
    const examination = await examine(options);
    const { findings } = examination;
    output.text(formatFindings(findings));
    if (!fix) {
        const removals = removalPlans(examination);
        output.value({ findings, removals });
        for (const { provider, plan } of removals) {
            output.text(
                `\nTo remove "${provider}": winsock-spi doctor --fix --remove "${provider}", which would do this:`,
            );
            output.text(formatPlan(plan).split("\n").slice(1).join("\n"));
        }
        return healthy(findings);
    }
    return mend(output, flags, examination, options);
}

/** For findings without a safe repair: what it would take to remove the provider. */
function removalPlans({ facts, findings }: Examination): { provider: string; plan: Plan }[] {
    const unsafe = findings.filter(
        ({ severity, repair: mending, provider, entries }) =>
            severity !== "info" && mending?.safe !== true && provider !== undefined && entries.length > 0,
    );
    const names = new Map(
        unsafe.flatMap(({ provider }) => (provider === undefined ? [] : [[provider.providerId, provider.name]])),
    );
    return [...names].flatMap(([guid, name]) => {
        try {
            return [{ provider: name, plan: planRemove(facts.catalog, { providers: [guid] }) }];
        } catch (error) {
            if (error instanceof WinsockError) {
                return []; // one that is not to be removed
            }
            throw error;
        }
    });
}

async function mend(
    output: Output,
    flags: DoctorFlags,
    examination: Examination,
    options: CollectOptions,
): Promise<number> {
    const { findings } = examination;
    const remove = flags.remove ?? [];
    const how = confirmation(flags);
    const { plan } = await repair(examination, { ...how, remove, dryRun: true });
    if (flags.dryRun === true || plan.steps.length === 0) {
        output.value({ findings, changed: false, plan });
        output.text(
            plan.steps.length === 0 ? "\nThere is nothing that can be repaired safely." : `\n${formatPlan(plan)}`,
        );
        return healthy(findings);
    }
    requireElevated();
    if (flags.yes !== true) {
        output.note(formatPlan(plan));
    }
    if (!(await confirm(`${plan.text}?`, { yes: flags.yes }))) {
        output.value({ findings, changed: false, plan });
        output.text("Nothing was changed.");
        return exitCodes.negative;
    }
    const done = await repair(examination, {
        ...how,
        remove,
        onStep: (index, count, text) => output.note(`[${index + 1}/${count}] ${text}`),
    });
    const undo = `winsock-spi restore "${done.backup ?? "FILE"}" --yes`;
    const { findings: remaining } = await examine(options);
    const { backup, unconfirmedUntil } = done;
    output.value({ findings, changed: true, backup, undo, unconfirmedUntil, plan: done.plan, remaining });
    output.text(`\nRepaired. What is left:\n\n${formatFindings(remaining)}`);
    output.text(`Backup of what was there before: ${done.backup ?? ""}`);
    output.text(howToUndo(done, undo));
    return healthy(remaining);
}
