// The policy of the tests of held calls: one rule, which asks the controller (or its relay) about calls of the test
// programs and of Node.
import { applyPolicy } from "#lib/policy/apply.js";
import type { Action, Otherwise, PolicyCall } from "#lib/policy/model.js";
import { clearPolicy } from "#lib/policy/store.js";
import { withProvider } from "./watch-support.js";

export interface HoldRule {
    /** Milliseconds; not for tickets. */
    readonly timeout?: number;
    /** Error of what is done without an answer; absent: allow. */
    readonly otherwise?: string;
    readonly calls?: readonly PolicyCall[];
    readonly relay?: boolean;
}

export async function applyHoldRule({ timeout = 60_000, otherwise, calls, relay }: HoldRule): Promise<void> {
    const instead: Otherwise = otherwise === undefined ? { kind: "allow" } : { kind: "deny", error: otherwise };
    const then: Action =
        relay === true ? { kind: "relay", delay: 1, otherwise: instead } : { kind: "ask", timeout, otherwise: instead };
    await applyPolicy({
        version: 1,
        default: { kind: "allow" },
        rules: [
            {
                name: "held",
                match: { program: ["held_calls.exe", "node.exe"], call: calls ?? ["connect", "sendto"] },
                then,
            },
        ],
    });
}

/** Provider and policy for all tests of a file. */
export function withHoldRule(rule: HoldRule): void {
    after(async function () {
        if (this.test?.parent?.pending !== true) {
            await clearPolicy();
        }
    });
    withProvider();
    before(() => applyHoldRule(rule).then(() => undefined));
}
