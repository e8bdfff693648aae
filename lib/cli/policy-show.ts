// winsock-spi policy show: what is in force.

import type { Command } from "commander";
import { printable } from "../catalog/printable.js";
import { toPolicyFile } from "../policy/format.js";
import type { Policy } from "../policy/model.js";
import { type PolicyInForce, readPolicy } from "../policy/store.js";
import { run } from "./frame.js";

/** A policy as its file says it, without passwords. */
const shown = (policy: Policy): unknown => toPolicyFile(policy, { hideSecrets: true });

function asJson({ generation, failClosed, policy, source, runs, controller }: PolicyInForce): unknown {
    return {
        generation,
        failClosed,
        ...(source === undefined ? {} : { source }),
        ...(controller === undefined ? {} : { controller }),
        policy: policy === undefined ? null : shown(policy),
        runs: runs.map((one) => ({ pid: one.pid, program: one.program, policy: shown(one.policy) })),
    };
}

function asText({ generation, failClosed, policy, source, runs, controller }: PolicyInForce): string {
    if (generation === 0) {
        return "No policy is in force: every call passes.";
    }
    const rules = (of: Policy): string[] => {
        const file = shown(of) as { rules: { name: string; match?: unknown; then: unknown }[] };
        return file.rules.map(({ name, match, then }, index) =>
            printable(`  ${index + 1}. ${name}: ${JSON.stringify(match ?? {})} -> ${JSON.stringify(then)}`),
        );
    };
    const otherwise = ({ default: then }: Policy): string => (then.kind === "allow" ? "allow" : `deny ${then.error}`);
    return [
        `Policy ${generation}${source === undefined ? "" : ` from ${printable(source)}`}; what cannot be decided ` +
            `${failClosed ? "is denied" : "passes"}.`,
        ...(policy === undefined ? [] : [...rules(policy), `  otherwise ${otherwise(policy)}`]),
        ...runs.flatMap((one) => [
            `Under \`run\` (process ${one.pid}), for ${printable(one.program)} and what it starts:`,
            ...rules(one.policy),
            ...(one.policy.default.kind === "allow" ? [] : [`  otherwise ${otherwise(one.policy)}`]),
        ]),
        controller === undefined
            ? "No controller: rules that relay or ask take their `otherwise`."
            : `Controller: process ${controller}.`,
    ].join("\n");
}

export function addPolicyShowCommand(group: Command): void {
    group
        .command("show")
        .description("show the policy that is in force, without passwords")
        .option("--json", "print one JSON value")
        .action((flags: { json?: boolean }) =>
            run(flags, async (output) => {
                const inForce = await readPolicy();
                output.value(asJson(inForce));
                output.text(asText(inForce));
            }),
        );
}
