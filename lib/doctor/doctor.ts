// The doctor: examines this machine's Winsock catalogs, and repairs what can be repaired safely.

import { executeWithBackup } from "../catalog/backup.js";
import type { Reading } from "../catalog/read.js";
import { refuseUnknownOptions } from "../errors.js";
import { type MachineFacts, packageRoot } from "../native.js";
import { withConfirmation } from "../plan/confirm.js";
import {
    type ChangeOptions,
    type ChangeResult,
    changeOptionNames,
    requireElevated,
    requireNothingPending,
} from "../plan/execute.js";
import { packagedHelpers } from "../plan/helpers.js";
import type { Plan } from "../plan/plan.js";
import { type CollectOptions, collectFacts } from "./collect.js";
import { diagnose } from "./diagnose.js";
import type { Facts } from "./facts.js";
import type { Finding } from "./findings.js";
import { planRepair } from "./plan-repair.js";

/** An examination of this machine: what was found, and what it was found in. */
export interface Examination {
    findings: Finding[];
    facts: Facts;
    reading: Reading;
}

/**
 * Examines the Winsock catalogs of this machine. Nothing is changed. Providers are loaded and tried out in processes of
 * their own, never in this one. Works on a machine whose Winsock cannot start.
 *
 * @throws WinsockError `ERR_UNSUPPORTED_PLATFORM`.
 * @throws TypeError if there is no such option.
 */
export async function examine(options: CollectOptions = {}): Promise<Examination> {
    refuseUnknownOptions("examine", options, ["timeout", "load"]);
    const { facts, reading } = await collectFacts(options);
    return { findings: diagnose(facts), facts, reading };
}

/** What {@link repair} may be told. */
export interface RepairRunOptions extends ChangeOptions {
    /** Names, GUIDs or DLL paths of providers that are to be removed though no repair of them is safe. */
    remove?: readonly string[];
}

/**
 * Repairs what an examination found and what can be repaired safely, and nothing else; a backup is taken before.
 *
 * @throws WinsockError `ERR_UNKNOWN_PROVIDER`, `ERR_BASE_PROVIDER`, `ERR_NOT_ELEVATED`, `ERR_UNFINISHED`; what a call of
 * Windows failed with.
 * @throws TypeError if there is no such option.
 */
export async function repair(examination: Examination, options: RepairRunOptions = {}): Promise<ChangeResult> {
    refuseUnknownOptions("repair", options, ["remove", ...changeOptionNames]);
    const { remove = [], ...change } = options;
    const { facts, findings, reading } = examination;
    const probed = withProbe(planRepair(facts, findings, { remove }), remaining(findings, remove), reading.machine);
    const plan = withConfirmation(probed, change, reading.machine);
    if (change.dryRun === true || plan.steps.length === 0) {
        return { plan };
    }
    requireNothingPending();
    requireElevated();
    return executeWithBackup(plan, reading, change);
}

/**
 * Fresh programs are to have a network afterwards, and else everything is undone: but only where nothing is left that
 * may keep them from it.
 */
function withProbe(plan: Plan, left: readonly Finding[], machine: MachineFacts): Plan {
    const helpers = packagedHelpers(packageRoot, machine);
    if (plan.steps.length === 0 || left.some(({ severity }) => severity === "error")) {
        return { ...plan, helpers };
    }
    const text = "See whether fresh programs have a network; undo everything if they do not";
    return { ...plan, helpers, steps: [...plan.steps, { do: "probe", programs: helpers, text }] };
}

/** The findings that the repair leaves: not safe to repair, and not about a provider that is to be removed. */
function remaining(findings: readonly Finding[], remove: readonly string[]): Finding[] {
    const names = new Set(remove.map((name) => name.toLowerCase()));
    return findings.filter(
        ({ repair: mending, provider }) =>
            mending?.safe !== true &&
            ![provider?.name, provider?.providerId, provider?.path].some((name) =>
                names.has((name ?? "").toLowerCase()),
            ),
    );
}
