// Hands a plan to the native executor and turns its answer into a result or an error.

import { WinsockError } from "../errors.js";
import { type ExecutionResult, type RecoveryResult, native } from "../native.js";
import { describePending, pendingChange } from "./confirm.js";
import { type Plan, planVersion } from "./plan.js";

/** What an execution may be told. */
export interface ExecuteOptions {
    /** Called before each step: its index from 0, the number of steps, its text. */
    onStep?: (index: number, count: number, text: string) => void;
}

/**
 * Refuses to plan anything on a catalog that an interrupted operation left half changed, or while an earlier change
 * waits to be confirmed.
 *
 * @throws WinsockError `ERR_UNFINISHED`, `ERR_UNCONFIRMED`.
 */
export function requireNothingPending(): void {
    const pending = pendingChange();
    if (pending?.state === "interrupted") {
        throw new WinsockError(describePending(pending), { code: "ERR_UNFINISHED" });
    }
    requireNothingUnconfirmed();
}

/**
 * Refuses while an earlier change waits to be confirmed: two of them could not be told apart afterwards.
 *
 * @throws WinsockError `ERR_UNCONFIRMED`.
 */
export function requireNothingUnconfirmed(): void {
    const pending = pendingChange();
    if (pending?.state === "unconfirmed") {
        throw new WinsockError(describePending(pending), { code: "ERR_UNCONFIRMED" });
    }
}

/**
 * Refuses where this process may not change the catalog.
 *
 * @throws WinsockError `ERR_NOT_ELEVATED`.
 */
export function requireElevated(): void {
    if (!native().machine().elevated) {
        throw new WinsockError(
            "Changing the Winsock catalog needs administrator rights: repeat it from an elevated terminal.",
            { code: "ERR_NOT_ELEVATED" },
        );
    }
}

/** What every change of the system may be told. */
export interface ChangeOptions extends ExecuteOptions {
    /** Only plan: nothing is changed, and no administrator rights are needed. */
    dryRun?: boolean;
    /**
     * The change is undone this many milliseconds after its last step, or at the next start of Windows, unless
     * `confirm()` comes first; also if this process ends before that. From 1000 to 604800000 (a week).
     */
    confirmWithin?: number;
}

/** The names of these options, for those who refuse unknown ones. */
export const changeOptionNames = ["onStep", "dryRun", "confirmWithin"] as const;

/** What a change of the system did, or with `dryRun` would do. */
export interface ChangeResult {
    plan: Plan;
    /** Full path of the backup taken before; absent if nothing was done. */
    backup?: string;
    /** With `confirmWithin`: when it is undone unless it is confirmed, ISO 8601, UTC. */
    unconfirmedUntil?: string;
    /** What steps have to tell, in sentences: what the probe could not try, for example. */
    notes?: string[];
}

/**
 * Executes a plan. If a step fails, everything done so far is undone before this rejects.
 *
 * @throws WinsockError what the failing step failed with (`ERR_PROBE_FAILED`, `WSANO_RECOVERY`, ...); its
 * `catalogDamaged` says that undoing failed too.
 */
export async function executePlan(plan: Plan, options: ExecuteOptions = {}): Promise<ExecutionResult> {
    const version: number = plan.version;
    if (version !== planVersion) {
        throw new TypeError(`a plan of version ${version} cannot be executed, only of ${planVersion}`);
    }
    const result = await native().executePlan(JSON.stringify(plan), options.onStep ?? (() => undefined));
    if (result.error === undefined) {
        return result;
    }
    const { code, errno, syscall, message, step } = result.error;
    const text = plan.steps[step]?.text;
    const outcome = result.catalogDamaged
        ? "What was done before could not be undone."
        : "Everything done before was undone; the catalog is as it was.";
    throw new WinsockError(`${text === undefined ? "" : `${text}: `}${message.replace(/\.$/, "")}. ${outcome}`, {
        code,
        errno: errno === 0 ? undefined : errno,
        syscall: syscall === "" ? undefined : syscall,
        catalogDamaged: result.catalogDamaged,
        backup: plan.backup,
    });
}

/**
 * Finishes or undoes the operation that was interrupted, if there is one; a change that waits to be confirmed is left
 * alone. Files that earlier operations had to leave
 * because programs used them are deleted now, as far as they are free.
 *
 * @throws WinsockError `ERR_NOT_ELEVATED`, `ERR_UNSUPPORTED_PLATFORM`; with `catalogDamaged`, what recovering failed
 * with: the catalog may then be half changed.
 */
export async function recover(): Promise<RecoveryResult> {
    const pending = pendingChange();
    if (pending === undefined) {
        if (native().machine().elevated) {
            await native()
                .recover()
                .catch(() => undefined); // what is left is left to the next operation
        }
        return { action: "none" };
    }
    requireElevated();
    try {
        return await native().recover();
    } catch (error) {
        if (!(error instanceof WinsockError)) {
            throw error;
        }
        throw new WinsockError(
            `The interrupted ${pending.operation} could be neither finished nor undone: ${error.message}`,
            {
                code: error.code,
                errno: error.errno,
                syscall: error.syscall,
                catalogDamaged: error.code !== "ERR_BUSY", // another process is at it
                cause: error,
            },
        );
    }
}
