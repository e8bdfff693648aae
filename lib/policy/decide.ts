/**
 * What a policy says about a call: rule after rule, the first that matches. The plain way, beside which the image's way
 * (native/core) is tested; the relay uses it once it knows a host's name, and `explain` on top of it. Pure.
 */

import { win32 as path } from "node:path";
import { callsOf, isLocalCall, isOfProtocol, protocolNumber } from "./applies.js";
import { foldText } from "./fold.js";
import { parseIp, unmapped, type IpAddress } from "./ip.js";
import type { Action, AddressPattern, CallFacts, Decision, Endpoint, Match, Policy, Rule } from "./model.js";

/** Keys of `match`, in the order in which they are asked. */
export const matchKeys = [
    "call",
    "direction",
    "protocol",
    "family",
    "to",
    "local",
    "program",
    "commandLine",
    "pid",
    "tree",
    "user",
    "module",
    "time",
] as const satisfies readonly (keyof Match)[];
export type MatchKey = (typeof matchKeys)[number];

/** An end of a call, as patterns are compared with it. */
interface End extends IpAddress {
    readonly port: number;
}

/** What is worked out once per call. */
interface Call {
    readonly facts: CallFacts;
    readonly protocol: number;
    readonly local: End | undefined;
    /** Never of bind and listen. */
    readonly remote: End | undefined;
    /** The end that the call is about: of bind and listen the local one. */
    readonly about: End | undefined;
}

function toEnd(endpoint: Endpoint | undefined): End | undefined {
    const address = endpoint === undefined ? undefined : parseIp(endpoint.address);
    return address === undefined ? undefined : { ...unmapped(address), port: endpoint?.port ?? 0 };
}

function toCall(facts: CallFacts): Call {
    const local = toEnd(facts.local);
    const remote = isLocalCall(facts.call) ? undefined : toEnd(facts.remote);
    return {
        facts,
        local,
        remote,
        protocol: protocolNumber(facts.protocol),
        about: isLocalCall(facts.call) ? local : remote,
    };
}

const patterns = new Map<string, RegExp>();

/** A pattern with `*` and `?` against a text, without regard to case. */
export function matchesText(pattern: string, text: string | undefined): boolean {
    if (text === undefined || text === "") {
        return false;
    }
    let regExp = patterns.get(pattern);
    if (regExp === undefined) {
        if (patterns.size > 10_000) {
            patterns.clear();
        }
        const source = foldText(pattern).replace(/[*?]|[^A-Z0-9 ]/g, (unit) =>
            unit === "*" ? "[^]*" : unit === "?" ? "[^]" : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
        );
        regExp = new RegExp(`^${source}$`);
        patterns.set(pattern, regExp);
    }
    return regExp.test(foldText(text));
}

/** A program or module: a pattern without a backslash is compared with the file's name alone. */
export function matchesFile(pattern: string, file: string | undefined): boolean {
    return matchesText(pattern, pattern.includes("\\") ? file : file?.slice(file.lastIndexOf("\\") + 1));
}

/** "*.example.com" is every name below, at any depth; anything else is that name. */
export function matchesHost(pattern: string, host: string | undefined): boolean {
    const name = host?.toLowerCase().replace(/\.$/, "");
    if (name === undefined || name === "") {
        return false;
    }
    return pattern === "*" || (pattern.startsWith("*.") ? name.endsWith(pattern.slice(1)) : name === pattern);
}

function matchesEnd({ range, host, ports }: AddressPattern, end: End | undefined, name: string | undefined): boolean {
    if (end === undefined || (host !== undefined && !matchesHost(host, name))) {
        return false;
    }
    if (ports !== undefined && !ports.some(({ first, last }) => first <= end.port && end.port <= last)) {
        return false;
    }
    if (range === undefined) {
        return true;
    }
    const [first, last] = [parseIp(range.first), parseIp(range.last)];
    return first?.family === end.family && first.value <= end.value && end.value <= (last?.value ?? -1n);
}

function matchesUser(user: string, { user: sid, userName }: CallFacts["process"]): boolean {
    const wanted = foldText(user);
    if (/^S-\d/i.test(user)) {
        return sid !== undefined && foldText(sid) === wanted;
    }
    const name = foldText(userName ?? "");
    return name === wanted || (!user.includes("\\") && name !== "" && path.basename(name) === wanted);
}

function matchesTree(
    member: NonNullable<Match["tree"]>[number],
    { ancestors = [], ...own }: CallFacts["process"],
): boolean {
    if (typeof member === "object") {
        return own.jobs?.includes(member.job) ?? false;
    }
    const line = [own, ...ancestors];
    return typeof member === "number"
        ? line.some(({ pid }) => pid === member)
        : line.some(({ program }) => matchesFile(member, program));
}

/** Whether one key of a rule's match holds. A key that the rule does not have does. */
function holds(key: MatchKey, rule: Rule, call: Call): boolean {
    const { match } = rule;
    const { facts } = call;
    const { process } = facts;
    switch (key) {
        case "call":
            return callsOf(rule).includes(facts.call);
        case "direction":
            return true; // callsOf has asked
        case "protocol":
            return isOfProtocol(rule, call.protocol);
        case "family":
            return match.family === undefined || match.family === call.about?.family;
        case "to":
            return match.to?.some((each) => matchesEnd(each, call.remote, facts.host)) ?? true;
        case "local":
            return match.local?.some((each) => matchesEnd(each, call.local, undefined)) ?? true;
        case "program":
            return match.program?.some((each) => matchesFile(each, process.program)) ?? true;
        case "commandLine":
            return match.commandLine?.some((each) => matchesText(each, process.commandLine)) ?? true;
        case "pid":
            return match.pid?.includes(process.pid) ?? true;
        case "tree":
            return match.tree?.some((each) => matchesTree(each, process)) ?? true;
        case "user":
            return match.user?.some((each) => matchesUser(each, process)) ?? true;
        case "module":
            return match.module?.some((each) => matchesFile(each, facts.module)) ?? true;
        case "time": {
            const minute = facts.minuteOfWeek ?? -1;
            return match.time?.some(({ first, last }) => first <= minute && minute < last) ?? true;
        }
    }
}

/** The first key of the rule's match that does not hold, or undefined: it matches. */
export function firstMismatch(rule: Rule, facts: CallFacts): MatchKey | undefined {
    const call = toCall(facts);
    return matchKeys.find((key) => !holds(key, rule, call));
}

/** A redirect goes to the address of the call's family; where there is none, its `otherwise` holds. */
function carriedOut(then: Action, about: End | undefined): Action {
    const family = about?.family;
    return then.kind === "redirect" && !then.to.some(({ address }) => parseIp(address)?.family === family)
        ? then.otherwise
        : then;
}

/** What the policy says about this call. A host name matters only if it is given. */
export function decide(policy: Policy, facts: CallFacts): Decision {
    const call = toCall(facts);
    const index = policy.rules.findIndex((rule) => matchKeys.every((key) => holds(key, rule, call)));
    const rule = policy.rules[index];
    return rule === undefined
        ? { rule: 0, then: policy.default }
        : { rule: index + 1, name: rule.name, then: carriedOut(rule.then, call.about) };
}
