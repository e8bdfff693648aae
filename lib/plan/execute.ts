// Hands a plan to the native executor and turns its answer into a result or an error.

import { WinsockError } from "../errors.js";
import { type RecoveryResult, native } from "../native.js";
import { type Plan, planVersion } from "./plan.js";

/** What an execution may be told. */
export interface ExecuteOptions {
    /** Called before each step: its index from 0, the number of steps, its text. */
    onStep?: (index: number, count: number, text: string) => void;
}

/**
 * Refuses to plan anything on a catalog that an interrupted operation left half changed.
 *
 * @throws WinsockError `ERR_UNFINISHED`.
 */
export function requireNothingPending(): void {
    const pending = native().pendingOperation();
    if (pending !== undefined) {
        throw new WinsockError(
            `An earlier operation (${pending}) was interrupted. Run \`winsock-spi recover\` first: it finishes or ` +
                "undoes it.",
            { code: "ERR_UNFINISHED" },
        );
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
}

/** The names of these options, for those who refuse unknown ones. */
export const changeOptionNames = ["onStep", "dryRun"] as const;

/** What a change of the system did, or with `dryRun` would do. */
export interface ChangeResult {
    plan: Plan;
    /** Full path of the backup taken before; absent if nothing was done. */
    backup?: string;
}

/**
 * Executes a plan. If a step fails, everything done so far is undone before this rejects.
 *
 * @throws WinsockError what the failing step failed with (`ERR_PROBE_FAILED`, `WSANO_RECOVERY`, ...); its
 * `catalogDamaged` says that undoing failed too.
 */
export async function executePlan(plan: Plan, options: ExecuteOptions = {}): Promise<void> {
    if (plan.version !== planVersion) {
        throw new TypeError(`a plan of version ${String(plan.version)} cannot be executed, only of ${planVersion}`);
    }
    const result = await native().executePlan(JSON.stringify(plan), options.onStep ?? (() => undefined));
    if (result.error === undefined) {
        return;
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
 * Finishes or undoes the operation that was interrupted, if there is one. Files that earlier operations had to leave
 * because programs used them are deleted now, as far as they are free.
 *
 * @throws WinsockError `ERR_NOT_ELEVATED`, `ERR_UNSUPPORTED_PLATFORM`; with `catalogDamaged`, what recovering failed
 * with: the catalog may then be half changed.
 */
export async function recover(): Promise<RecoveryResult> {
    const pending = native().pendingOperation();
    if (pending === undefined) {
        if (native().machine().elevated) {
            await native().recover().catch(() => undefined); // what is left is left to the next operation
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
        throw new WinsockError(`The interrupted ${pending} could be neither finished nor undone: ${error.message}`, {
            code: error.code,
            errno: error.errno,
            syscall: error.syscall,
            catalogDamaged: error.code !== "ERR_BUSY", // another process is at it
            cause: error,
        });
    }
}
