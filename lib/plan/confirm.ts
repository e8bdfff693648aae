// Changes that undo themselves unless they are confirmed: for people whose only way to the machine is the network that
// they are changing.

import { WinsockError } from "../errors.js";
import { type MachineFacts, native, packageRoot } from "../native.js";
import { requireElevated } from "./execute.js";
import type { Plan } from "./plan.js";
import { packagedHelpers } from "./helpers.js";

/** The shortest and the longest time, in milliseconds, for which a change may wait to be confirmed. */
export const confirmWithinLimits = { least: 1000, most: 7 * 24 * 60 * 60 * 1000 } as const;

/**
 * The same plan, to be undone unless it is confirmed in time; without `confirmWithin`, the plan as it is. Pure.
 *
 * @throws TypeError if `confirmWithin` is not a whole number of milliseconds from 1000 to 604800000 (a week).
 */
export function withConfirmation(
    plan: Plan,
    { confirmWithin }: { confirmWithin?: number | undefined },
    machine: Pick<MachineFacts, "arch" | "catalogs">,
): Plan {
    if (confirmWithin === undefined) {
        return plan;
    }
    const { least, most } = confirmWithinLimits;
    if (!Number.isInteger(confirmWithin) || confirmWithin < least || confirmWithin > most) {
        throw new TypeError(
            `confirmWithin must be a whole number of milliseconds from ${least} to ${most}, not ${String(confirmWithin)}`,
        );
    }
    return { ...plan, confirm: { within: confirmWithin, programs: packagedHelpers(packageRoot, machine) } };
}

/** A change of the catalog that is not over. */
export interface PendingChange {
    /** `install`, `upgrade`, ...; `unknown` where this user may not ask. */
    operation: string;
    /** `unconfirmed`: done, and undone at `until` unless it is confirmed. `interrupted`: for `recover`. */
    state: "unconfirmed" | "interrupted";
    /** ISO 8601, UTC. */
    until?: string;
}

/**
 * The change that waits to be confirmed, or that was interrupted, if there is one.
 *
 * @throws WinsockError `ERR_UNSUPPORTED_PLATFORM`.
 */
export function pendingChange(): PendingChange | undefined {
    const pending = native().pendingChange();
    if (pending === undefined) {
        return undefined;
    }
    const { operation, until } = pending;
    return until === undefined
        ? { operation, state: "interrupted" }
        : { operation, state: "unconfirmed", until: new Date(until).toISOString() };
}

/** A pending change in one sentence with what can be done about it. */
export function describePending({ operation, until }: PendingChange): string {
    return until === undefined
        ? `An earlier operation (${operation}) was interrupted. Run \`winsock-spi recover\`: it finishes or undoes it.`
        : `A change of the catalog (${operation}) waits to be confirmed until ${until}, when it is undone. To keep it: ` +
              "`winsock-spi confirm`; to undo it now: `winsock-spi confirm --rollback`.";
}

/** What became of a change that waited to be confirmed. */
export interface ConfirmResult {
    action: "confirmed" | "undone";
    /** `install`, `upgrade`, `uninstall`, `restore`, ... */
    operation: string;
}

/**
 * Keeps the change that was made with `confirmWithin`.
 *
 * @throws WinsockError `ERR_NOTHING_UNCONFIRMED` (also: it was undone already, as its time was over),
 * `ERR_UNFINISHED`, `ERR_NOT_ELEVATED`, `ERR_UNSUPPORTED_PLATFORM`.
 */
export async function confirm(): Promise<ConfirmResult> {
    requireUnconfirmed();
    const { operation = "unknown" } = await native().confirmChange();
    return { action: "confirmed", operation };
}

/**
 * Undoes the change that was made with `confirmWithin` now, instead of when its time is over.
 *
 * @throws WinsockError as {@link confirm} does; with `catalogDamaged`, what undoing failed with.
 */
export async function rollBack(): Promise<ConfirmResult> {
    requireUnconfirmed();
    try {
        const { operation = "unknown" } = await native().rollBackChange();
        return { action: "undone", operation };
    } catch (error) {
        if (!(error instanceof WinsockError) || harmless.includes(error.code)) {
            throw error;
        }
        const { code, errno, syscall, message } = error;
        throw new WinsockError(`The change could not be undone: ${message}`, {
            code,
            errno,
            syscall,
            catalogDamaged: true,
            cause: error,
        });
    }
}

/** What rolling back fails with before it begins. */
const harmless = ["ERR_NOTHING_UNCONFIRMED", "ERR_UNFINISHED", "ERR_BUSY"];

/** Says the same without the rights to do anything: whoever asks in vain should learn why. */
function requireUnconfirmed(): void {
    if (native().pendingChange() === undefined) {
        throw new WinsockError(
            "No change of the catalog waits to be confirmed: there was none, it has been confirmed, or it has been " +
                "undone because its time was over (`winsock-spi catalog` shows what there is).",
            { code: "ERR_NOTHING_UNCONFIRMED" },
        );
    }
    requireElevated();
}
