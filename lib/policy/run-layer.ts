// A policy for one process tree: in force from before the tree's first instruction until it has ended.

import { randomUUID } from "node:crypto";
import { native } from "../native.js";
import { changeLayers } from "./apply.js";
import type { Policy } from "./model.js";

/** A layer that is in force; the processes of the named job object are under it. */
export interface AppliedRun {
    /** Name for the job object. */
    readonly job: string;
    readonly generation: number;
    /** Takes the layer out again. May be called again. */
    remove(): void;
}

/**
 * Puts a policy in force for the members of a job object that the caller makes afterwards.
 *
 * @throws WinsockError as applyPolicy; `ERR_POLICY_TREE`.
 */
export function applyRun(policy: Policy, program: string): AppliedRun {
    const own = native().openPeer(process.pid, false);
    const start = own.start();
    own.close();
    // Global: the same name in every session. A job object there needs no privilege, unlike a section.
    const job = `Global\\winsock-spi-run-${randomUUID()}`;
    const layer = { job, pid: process.pid, start, program, policy };
    const generation = changeLayers((layers) => ({ ...layers, runs: [layer, ...layers.runs] }));
    let removed = false;
    return {
        job,
        generation,
        remove: () => {
            if (!removed) {
                changeLayers((layers) => {
                    const runs = layers.runs.filter((one) => one.job !== job);
                    return runs.length === layers.runs.length ? undefined : { ...layers, runs };
                });
                removed = true;
            }
        },
    };
}
