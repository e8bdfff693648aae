// What is in force may come from several: the machine's own policy, and what `run` limits to one process tree each.
// Composed they are one policy. Pure.

import { WinsockError } from "../errors.js";
import { isFailClosed } from "./applies.js";
import type { Policy, Rule } from "./model.js";

/** A policy that holds for the members of one job object. */
export interface RunLayer {
    /** Name of the job object, different for every `run`. */
    readonly job: string;
    /** The process that keeps the job. */
    readonly pid: number;
    readonly start: bigint;
    /** What it runs, for people. */
    readonly program: string;
    readonly policy: Policy;
}

/** All policies that are in force at once: those of `run` stand in front of the machine's own. */
export interface PolicyLayers {
    /** The machine's own; undefined: none. */
    readonly base: Policy | undefined;
    /** The latest first: where trees are inside each other, the inner one decides. */
    readonly runs: readonly RunLayer[];
}

function limited(rule: Rule, { job }: RunLayer): Rule {
    if (rule.match.tree !== undefined) {
        throw new WinsockError(
            `The rule "${rule.name}" matches a process tree, and \`run\` limits its policy to one itself: leave ` +
                "`tree` out of it, or apply the policy to the machine (`winsock-spi policy apply`).",
            { code: "ERR_POLICY_TREE" },
        );
    }
    return { ...rule, match: { ...rule.match, tree: [{ job }] } };
}

/** Names that stand twice get a number, the later ones. */
function unique(rules: readonly Rule[]): Rule[] {
    const taken = new Set<string>();
    return rules.map((rule) => {
        let { name } = rule;
        for (let number = 2; taken.has(name); number++) {
            name = `${rule.name} (${number})`;
        }
        taken.add(name);
        return name === rule.name ? rule : { ...rule, name };
    });
}

/**
 * One policy of all layers: the rules of each `run` for its tree alone, behind them its default if that denies, then the
 * machine's own rules for everybody.
 *
 * @throws WinsockError `ERR_POLICY_TREE`.
 */
export function composePolicy({ base, runs }: PolicyLayers): Policy {
    if (runs.length === 0 && base !== undefined) {
        return base;
    }
    const limitedRules = runs.flatMap((run) => [
        ...run.policy.rules.map((rule) => limited(rule, run)),
        ...(run.policy.default.kind === "allow"
            ? []
            : [{ name: `default of ${run.program}`, match: { tree: [{ job: run.job }] }, then: run.policy.default }]),
    ]);
    return {
        version: 1,
        default: base?.default ?? { kind: "allow" },
        rules: unique([...limitedRules, ...(base?.rules ?? [])]),
        failClosed: [...runs.map(({ policy }) => policy), ...(base === undefined ? [] : [base])].some(isFailClosed),
    };
}
