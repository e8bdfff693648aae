/** What is allowed in a policy and probably not meant: names that stand twice, rules that nothing reaches. Pure. */

import { callsOf } from "./applies.js";
import { matchesHost } from "./decide.js";
import { foldText } from "./fold.js";
import { parseIp } from "./ip.js";
import type { AddressPattern, Match, Policy, PortRange, Rule } from "./model.js";

export interface PolicyWarning {
    readonly code: "duplicate-name" | "unreachable" | "host-name";
    /** Number of the rule, from 1. */
    readonly rule: number;
    readonly message: string;
}

/** So many earlier rules are compared with each rule: the ones with the fewest conditions, which hide most. */
const comparedRules = 300;

function within<T>(
    inner: readonly T[] | undefined,
    outer: readonly T[] | undefined,
    covers: (one: T, other: T) => boolean,
): boolean {
    return outer === undefined || (inner?.every((each) => outer.some((other) => covers(other, each))) ?? false);
}

function sameText(one: string, other: string): boolean {
    return one === "*" || foldText(one) === foldText(other);
}

function sameValue(one: unknown, other: unknown): boolean {
    return JSON.stringify(one) === JSON.stringify(other);
}

function coversRange(outer: { first: number; last: number }, inner: { first: number; last: number }): boolean {
    return outer.first <= inner.first && inner.last <= outer.last;
}

const anyPort: readonly PortRange[] = [{ first: 0, last: 65535 }];

function coversTarget(outer: AddressPattern, inner: AddressPattern): boolean {
    const name = inner.host?.replace(/^\*\./, "any.");
    if (outer.host !== undefined && outer.host !== inner.host && !matchesHost(outer.host, name)) {
        return false;
    }
    if (outer.range !== undefined) {
        const [a, b] = [outer.range.first, outer.range.last].map(parseIp);
        const [c, d] = [inner.range?.first, inner.range?.last].map((text) =>
            text === undefined ? undefined : parseIp(text),
        );
        if (
            a === undefined ||
            b === undefined ||
            c === undefined ||
            d === undefined ||
            a.family !== c.family ||
            c.value < a.value ||
            d.value > b.value
        ) {
            return false;
        }
    }
    return within(inner.ports ?? anyPort, outer.ports, coversRange);
}

/** Whether every call that `inner` matches is matched by `outer` too. Says no where that is not plain. */
function coversMatch(outer: Rule, inner: Rule): boolean {
    const [a, b]: [Match, Match] = [outer.match, inner.match];
    const calls = callsOf(outer);
    return (
        callsOf(inner).every((call) => calls.includes(call)) &&
        within(b.protocol, a.protocol, sameValue) &&
        (a.family === undefined || a.family === b.family) &&
        within(b.program, a.program, sameText) &&
        within(b.commandLine, a.commandLine, sameText) &&
        within(b.user, a.user, sameText) &&
        within(b.module, a.module, sameText) &&
        within(b.pid, a.pid, sameValue) &&
        within(b.tree, a.tree, sameValue) &&
        within(b.to, a.to, coversTarget) &&
        within(b.local, a.local, coversTarget) &&
        within(b.time, a.time, coversRange)
    );
}

function weight({ match }: Rule): number {
    return Object.keys(match).length + (match.to?.length ?? 0) + (match.program?.length ?? 0);
}

function unreachable(rules: readonly Rule[]): PolicyWarning[] {
    const warnings: PolicyWarning[] = [];
    const broad = rules
        .map((rule, index) => ({ rule, index }))
        .sort((a, b) => weight(a.rule) - weight(b.rule))
        .slice(0, comparedRules);
    const first = new Map<string, number>();
    for (const [index, rule] of rules.entries()) {
        const key = JSON.stringify([rule.match, callsOf(rule)]);
        const twin = first.get(key);
        const hiding = twin ?? broad.find((each) => each.index < index && coversMatch(each.rule, rule))?.index;
        if (twin === undefined) {
            first.set(key, index);
        }
        if (hiding !== undefined) {
            warnings.push({
                code: "unreachable",
                rule: index + 1,
                message:
                    `no call comes to the rule "${rule.name}": rule ${hiding + 1}, "${rules[hiding]?.name ?? ""}", ` +
                    "matches all of them before; the first that matches counts",
            });
        }
    }
    return warnings;
}

/** Warnings in the order of the rules. */
export function checkPolicy(policy: Policy): PolicyWarning[] {
    const warnings = unreachable(policy.rules);
    const names = new Map<string, number>();
    const relays = policy.rules.some(({ then }) => then.kind === "relay");
    for (const [index, { name, match }] of policy.rules.entries()) {
        const before = names.get(name);
        if (before === undefined) {
            names.set(name, index + 1);
        } else {
            warnings.push({
                code: "duplicate-name",
                rule: index + 1,
                message: `rule ${before} has the name "${name}" too; records and questions would not tell which`,
            });
        }
        const hosts = match.to?.flatMap(({ host }) => (host === undefined ? [] : [host])) ?? [];
        if (hosts.length > 0) {
            warnings.push({
                code: "host-name",
                rule: index + 1,
                message:
                    `the rule "${name}" asks for a host's name (${hosts.slice(0, 3).join(", ")}), which is known only ` +
                    "of connections that a rule leads through the relay (from TLS or HTTP); of all others the name does not match" +
                    (relays ? "" : ". No rule of this policy leads anything there: for example { capture: true }"),
            });
        }
    }
    return warnings.sort((a, b) => a.rule - b.rule);
}
