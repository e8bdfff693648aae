/**
 * What a host name changes. Images know no names, so a provider leaves rules out that name hosts; once the relay has
 * heard the name, those that stand before the rule that sent the stream here are asked again.
 */
import { decide } from "../policy/decide.js";
import type { HeldCall } from "../policy/controller-model.js";
import type { Action, CallFacts, Endpoint, PolicyCall, RelayAction, Rule } from "../policy/model.js";

export type Outcome =
    | { readonly kind: "relay"; readonly action: RelayAction }
    | { readonly kind: "direct" }
    | { readonly kind: "redirect"; readonly to: Endpoint }
    | { readonly kind: "deny" };

export interface Renaming {
    decide(name: string): Outcome;
}

const namesHosts = ({ match }: Rule): boolean => match.to?.some(({ host }) => host !== undefined) ?? false;

function policyCallOf({ call, protocol }: HeldCall): PolicyCall {
    return protocol === "udp" && !/Connect|JoinLeaf/.test(call) ? "sendto" : "connect";
}

function minuteOfWeek(now: Date): number {
    const mondayFirst = (now.getDay() + 6) % 7;
    return (mondayFirst * 24 + now.getHours()) * 60 + now.getMinutes();
}

function factsOf(held: HeldCall): CallFacts {
    const { pid, program, protocol, local, remote, process = { pid, program } } = held;
    return {
        call: policyCallOf(held),
        protocol,
        process,
        ...(local !== undefined && { local }),
        ...(remote !== undefined && { remote }),
        minuteOfWeek: minuteOfWeek(new Date()),
    };
}

/**
 * Whether the rule that a process says it was sent here by can have decided this call, as far as that can be told from
 * outside: a process could name any rule, and have its proxy's password used for it.
 */
export function canBeDecidedBy(held: HeldCall, rule: Rule): boolean {
    const { call, direction, protocol, family, to, pid, program } = rule.match;
    const asked = held.program === "" ? undefined : program;
    const match = Object.fromEntries(
        Object.entries({ call, direction, protocol, family, to, pid, program: asked }).filter(
            ([, value]) => value !== undefined,
        ),
    ) as Rule["match"];
    const only = { version: 1, default: { kind: "allow" }, rules: [{ ...rule, match }] } as const;
    return decide(only, factsOf(held)).rule === 1;
}

/** undefined: no name can change what is done with this call. */
export function renamingOf(held: HeldCall): Renaming | undefined {
    const { policy, rule } = held;
    const index = policy.rules.findIndex((each) => each === rule || each.name === rule?.name);
    const before = policy.rules.slice(0, Math.max(index, 0)).filter(namesHosts);
    if (rule?.then.kind !== "relay") {
        return undefined;
    }
    const { then } = rule;
    if (before.length === 0 && then.proxy?.at(-1)?.names !== true) {
        return undefined;
    }
    const rules = [...before, { ...rule, match: {} }];
    return {
        decide: (host) => {
            const decision = decide({ ...policy, rules }, { ...factsOf(held), host });
            return decision.rule === rules.length ? { kind: "relay", action: then } : toOutcome(decision.then);
        },
    };
}

function toOutcome(then: Action): Outcome {
    switch (then.kind) {
        case "allow":
        case "observe":
            return { kind: "direct" };
        case "deny":
            return { kind: "deny" };
        case "redirect":
            return { kind: "redirect", to: then.to[0]! };
        case "relay":
            return { kind: "relay", action: then };
        // The program's connect is over: nobody waits who could be held until an answer comes.
        case "ask":
            return toOutcome(then.otherwise);
    }
}
