// The policy in force as the machine keeps it (native/spi/policy_store.hpp): what it is made of, and changing it.

import { WinsockError, toWinsockError } from "../errors.js";
import { guard, native } from "../native.js";
import { type PolicyStoreHandle, policyStoreMethods } from "../native/policy.js";
import type { PolicyLayers, RunLayer } from "./layers.js";
import type { Policy } from "./model.js";

export { composePolicy, type PolicyLayers, type RunLayer } from "./layers.js";

const textFormat = "winsock-spi-policy";
const textVersion = 1;

/** What is in force on this machine. */
export interface PolicyInForce {
    /** Number of this policy; 0: none. */
    readonly generation: number;
    /** What cannot be decided is denied: some rule says so. */
    readonly failClosed: boolean;
    /** What was applied; undefined where there is nothing but what `run` has put in force, or nothing at all. */
    readonly policy: Policy | undefined;
    /** The file it was read from. */
    readonly source?: string;
    /** What `run` has put in force for one process tree each. */
    readonly runs: readonly RunLayer[];
    /** The controller's process id; it may have crashed. */
    readonly controller?: number;
}

/** Throws where this process may not change the policy. */
export function requireAdministrator(): void {
    if (!native().machine().elevated) {
        throw new WinsockError(
            "A policy holds for every program of the machine, so it needs administrator rights: repeat it from an " +
                "elevated terminal. Nothing was changed.",
            { code: "ERR_NOT_ELEVATED" },
        );
    }
}

interface StoredText extends PolicyLayers {
    readonly source?: string;
}

/** The text of a generation's JSON file. */
export function formatStored({ base, runs, source }: StoredText): string {
    const stored = {
        format: textFormat,
        version: textVersion,
        ...(source === undefined ? {} : { source }),
        base: base ?? null,
        runs: runs.map(({ start, ...run }) => ({ ...run, start: String(start) })),
    };
    return `${JSON.stringify(stored, undefined, 2)}\n`;
}

/** What {@link formatStored} wrote. Only administrators can have written it, but perhaps with another version. */
export function parseStored(text: string, generation: number): StoredText {
    try {
        const stored = JSON.parse(text) as {
            format: unknown;
            version: unknown;
            source?: unknown;
            base: Policy | null;
            runs: (Omit<RunLayer, "start"> & { start: string })[];
        };
        if (stored.format !== textFormat || stored.version !== textVersion) {
            throw new Error("it is of another version of winsock-spi");
        }
        if (stored.base !== null && !Array.isArray(stored.base.rules)) {
            throw new Error("it has no rules");
        }
        return {
            base: stored.base ?? undefined,
            runs: stored.runs.map((run) => ({ ...run, start: BigInt(run.start) })),
            ...(typeof stored.source === "string" ? { source: stored.source } : {}),
        };
    } catch (error) {
        throw new WinsockError(
            `policy-${generation}.json, the text of the policy in force, cannot be read: ${(error as Error).message}. ` +
                "`winsock-spi policy apply FILE` puts another one in its place, `winsock-spi policy clear` none.",
            { code: "ERR_POLICY_DAMAGED", cause: error },
        );
    }
}

/** The layers of a generation, for administrators. */
export function readStored(generation: number): StoredText {
    return generation === 0
        ? { base: undefined, runs: [] }
        : parseStored(native().readPolicyText(generation), generation);
}

/**
 * What is in force. Needs administrator rights, as a policy may hold passwords.
 *
 * @throws WinsockError `ERR_NOT_INSTALLED`, `ERR_CONTROL_DAMAGED`, `ERR_NOT_ELEVATED`, `ERR_POLICY_DAMAGED`,
 * `ERR_UNSUPPORTED_PLATFORM`.
 */
export function readPolicy(): Promise<PolicyInForce> {
    return Promise.resolve().then(() => {
        const state = native().readPolicyState();
        if (state.fault !== undefined) {
            throw toWinsockError(state.fault);
        }
        const { generation, failClosed, controllerPid } = state;
        if (generation !== 0) {
            requireAdministrator();
        }
        const { base, runs, source } = readStored(generation);
        return {
            generation,
            failClosed,
            policy: base,
            runs,
            ...(source === undefined ? {} : { source }),
            ...(controllerPid === 0 ? {} : { controller: controllerPid }),
        };
    });
}

/** Makes one change of the policy; no other process makes one meanwhile. `gate`: for kill tests. */
export function withStore<T>(change: (store: PolicyStoreHandle) => T, gate?: string): T {
    requireAdministrator();
    const store = guard(native().openPolicyStore(gate), policyStoreMethods);
    try {
        return change(store);
    } finally {
        store.close();
    }
}

/** What {@link publishImage} puts in force. */
export interface PublishedImage extends StoredText {
    /** Makes the image of that generation. */
    readonly image: (generation: number) => { readonly bytes: Uint8Array; readonly failClosed: boolean };
}

/** Puts an image in force; its generation. */
export function publishImage(store: PolicyStoreHandle, { image, ...text }: PublishedImage): number {
    const generation = store.reserve();
    const { bytes, failClosed } = image(generation);
    store.publish(generation, bytes, formatStored(text), failClosed);
    return generation;
}

/**
 * No policy: every call passes. Also removes what says that undecided calls are denied.
 *
 * @param options `gate`: for kill tests.
 * @returns the generation that was in force; 0 if there was none.
 * @throws WinsockError `ERR_NOT_ELEVATED`, `ERR_NOT_INSTALLED`, `ERR_CONTROL_DAMAGED` (after everything else is cleared),
 * `ERR_BUSY`, `ERR_UNSUPPORTED_PLATFORM`.
 */
export function clearPolicy({ gate }: { gate?: string } = {}): Promise<number> {
    return Promise.resolve().then(() =>
        withStore((store) => {
            const { generation } = native().readPolicyState();
            store.clear();
            return generation;
        }, gate),
    );
}
