/**
 * From a policy to the image that every process maps and native/core evaluates (native/core/policy_format.hpp). The
 * image has no host names, no secrets and no ask texts. Pure: what needs the system (users' SIDs) is asked of the caller.
 */

import { errorNumber } from "../error-names.js";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { callsOf, isFailClosed, isLocalCall, isOfProtocol, protocolNumber } from "./applies.js";
import { makeBuckets, makeCells, type IndexItem } from "./image-cells.js";
import { ImageWriter, nothing, type Bytes, type Slice } from "./image-writer.js";
import { ipBits, ipBytes, lastIp, parseIp, type IpFamily } from "./ip.js";
import { policyCalls, type Action, type AddressPattern, type Policy, type PolicyCall, type Rule } from "./model.js";

/** What {@link compilePolicy} needs beside the policy. */
export interface CompileOptions {
    /** Number of the image; not 0. */
    generation: number;
    /** The SID of a user, from the system; undefined: there is no such user. Only asked for names. */
    resolveUser?: ((name: string) => string | undefined) | undefined;
}

const kinds = { allow: 1, deny: 2, redirect: 3, relay: 4, ask: 5, observe: 6 } as const;
const families = { ipv4: 2, ipv6: 23 } as const;
const flagBits = { failClosed: 1, needsModule: 2, needsTime: 4 } as const;
const conditionKinds = { program: 1, commandLine: 2, user: 3, pid: 4, tree: 5 } as const;
const memberKinds = { pid: 1, program: 2, job: 3 } as const;
const protocolClasses = [6, 17, undefined] as const; // TCP, UDP, any other

/** How long a provider waits for the relay's answer, beside what the rule delays: a proxy far away has to be dialled. */
export const relayTimeout = 30_000;

function timeoutOf(then: Action): number {
    if (then.kind === "ask") {
        return then.timeout;
    }
    return then.kind === "relay" ? relayTimeout + (then.delay ?? 0) + (then.jitter ?? 0) : 0;
}

/** One class of calls: a kind with a protocol. */
interface Class {
    readonly call: PolicyCall;
    readonly protocol: number | undefined;
}
const classes: readonly Class[] = policyCalls.flatMap((call) =>
    protocolClasses.map((protocol) => ({ call, protocol })),
);

function isOfClass(rule: Rule, calls: readonly PolicyCall[], { call, protocol }: Class): boolean {
    return (
        calls.includes(call) &&
        (protocol === undefined
            ? (rule.match.protocol?.some((each) => typeof each === "number" && each !== 6 && each !== 17) ?? true)
            : isOfProtocol(rule, protocol))
    );
}

/** Whether a rule of this class asks anything of a call that the index does not answer. */
function isCertain({ match }: Rule, { call, protocol }: Class): boolean {
    return (
        match.module === undefined &&
        match.time === undefined &&
        (match.local === undefined || isLocalCall(call)) &&
        (protocol !== undefined || match.protocol === undefined)
    );
}

/** What the rule's patterns of one end say about addresses of one family; host names are left to the relay. */
function toItems(
    rule: number,
    patterns: readonly AddressPattern[] | undefined,
    family: IpFamily,
    certain: boolean,
): IndexItem[] {
    if (patterns === undefined) {
        return [{ range: undefined, firstPort: 0, lastPort: 65535, rule, certain }];
    }
    return patterns
        .filter(({ host }) => host === undefined)
        .flatMap(({ range, ports = [{ first: 0, last: 65535 }] }) => {
            const first = range === undefined ? undefined : parseIp(range.first);
            const last = range === undefined ? undefined : parseIp(range.last);
            if (range !== undefined && (first?.family !== family || last === undefined)) {
                return [];
            }
            const between =
                first === undefined || last === undefined ? undefined : { first: first.value, last: last.value };
            return ports.map((port) => ({ range: between, firstPort: port.first, lastPort: port.last, rule, certain }));
        });
}

/** A rule with its number and what it applies to. */
interface NumberedRule {
    readonly number: number;
    readonly rule: Rule;
    readonly calls: readonly PolicyCall[];
}

class Compiler {
    readonly #writer = new ImageWriter();
    readonly #options: CompileOptions;

    constructor(options: CompileOptions) {
        this.#options = options;
    }

    compile(policy: Policy): Uint8Array {
        this.#addRule({ name: "", match: {}, then: policy.default });
        for (const rule of policy.rules) {
            this.#addRule(rule);
        }
        const groups = new Map<string, NumberedRule[]>();
        for (const [index, rule] of policy.rules.entries()) {
            const key = this.#conditions(rule).join();
            const numbered = { number: index + 1, rule, calls: callsOf(rule) };
            const group = groups.get(key);
            if (group === undefined) {
                groups.set(key, [numbered]);
            } else {
                group.push(numbered);
            }
        }
        let calls = 0;
        for (const [key, rules] of groups) {
            calls |= this.#addGroup(key.split(",").map(Number), rules);
        }
        const has = (key: "module" | "time"): boolean => policy.rules.some(({ match }) => match[key] !== undefined);
        const flags =
            (isFailClosed(policy) ? flagBits.failClosed : 0) |
            (has("module") ? flagBits.needsModule : 0) |
            (has("time") ? flagBits.needsTime : 0);
        return this.#writer.finish({ generation: this.#options.generation, flags, calls });
    }

    #addRule(rule: Rule): void {
        const { then } = rule;
        const writer = this.#writer;
        const otherwise = "otherwise" in then ? then.otherwise : ({ kind: "allow" } as const);
        const target = (family: IpFamily) =>
            then.kind === "redirect" ? then.to.find(({ address }) => parseIp(address)?.family === family) : undefined;
        const bytesOf = (address: string | undefined, size: number): readonly number[] => {
            const parsed = address === undefined ? undefined : parseIp(address);
            return parsed === undefined ? Array<number>(size).fill(0) : [...ipBytes(parsed)];
        };
        const [four, six] = [target("ipv4"), target("ipv6")];
        const name = writer.text(rule.name);
        const extra = this.#extra(rule);
        writer.add("rules", (bytes) =>
            bytes
                .u8(kinds[then.kind], kinds[otherwise.kind])
                .u16((four === undefined ? 0 : 1) | (six === undefined ? 0 : 2))
                .u32(this.#error(then), this.#error(otherwise), timeoutOf(then))
                .u16(four?.port ?? 0, six?.port ?? 0)
                .u8(...bytesOf(four?.address, 4), ...bytesOf(six?.address, 16))
                .u32(extra, name.first, name.count, 0, 0, 0),
        );
    }

    #error(then: Action): number {
        if (then.kind !== "deny") {
            return 0;
        }
        const number = errorNumber(then.error);
        if (number === undefined) {
            throw new TypeError(`compilePolicy: there is no error "${then.error}"`);
        }
        return number;
    }

    /** Number plus 1 of what is to be asked beyond the index; 0 = nothing. */
    #extra({ match }: Rule): number {
        const { local, module, time, protocol } = match;
        const others = protocol?.some((each) => typeof each === "number" && each !== 6 && each !== 17) ?? false;
        if (local === undefined && module === undefined && time === undefined && !others) {
            return 0;
        }
        const writer = this.#writer;
        const slices: readonly Slice[] = [
            this.#ranges(local),
            module === undefined ? nothing : writer.patterns(module, "path"),
            time === undefined
                ? nothing
                : writer.addOnce("times", JSON.stringify(time), time.length, (bytes) => {
                      for (const { first, last } of time) {
                          bytes.u16(first, last);
                      }
                  }),
            others ? writer.numbers(protocol?.map(protocolNumber) ?? []) : nothing,
        ];
        return (
            writer.addOnce("extras", JSON.stringify(slices), 1, (bytes) => {
                for (const { first, count } of slices) {
                    bytes.u32(first, count);
                }
            }).first + 1
        );
    }

    #ranges(patterns: readonly AddressPattern[] | undefined): Slice {
        const all = (patterns ?? []).flatMap(({ range, ports = [{ first: 0, last: 65535 }] }) =>
            ports.map((port) => ({ range, port })),
        );
        return this.#writer.addOnce("ranges", JSON.stringify(all), all.length, (bytes) => {
            for (const { range, port } of all) {
                const [first, last] = range === undefined ? [] : [parseIp(range.first), parseIp(range.last)];
                for (const value of [first?.value ?? 0n, last?.value ?? 0n]) {
                    bytes.u128(value);
                }
                bytes.u16(first === undefined ? 0 : families[first.family], port.first, port.last, 0);
            }
        });
    }

    /** Numbers plus 1 of the rule's conditions on the process, 0 where it has none of a kind. */
    #conditions({ name, match }: Rule): number[] {
        const { program, commandLine, user, pid, tree } = match;
        const writer = this.#writer;
        const condition = (kind: keyof typeof conditionKinds, elements: Slice | undefined): number =>
            elements === undefined
                ? 0
                : writer.addOnce("conditions", `${kind} ${elements.first} ${elements.count}`, 1, (bytes) =>
                      bytes.u32(conditionKinds[kind], elements.first, elements.count),
                  ).first + 1;
        return [
            condition("program", program && writer.patterns(program, "path")),
            condition("commandLine", commandLine && writer.patterns(commandLine, "text")),
            condition(
                "user",
                user &&
                    writer.patterns(
                        user.map((each) => this.#sid(each, name)),
                        "text",
                    ),
            ),
            condition("pid", pid && writer.numbers(pid)),
            condition(
                "tree",
                tree &&
                    writer.addOnce("members", JSON.stringify(tree), tree.length, (bytes) => {
                        for (const member of tree) {
                            if (typeof member === "number") {
                                bytes.u32(memberKinds.pid, member);
                            } else if (typeof member === "string") {
                                bytes.u32(memberKinds.program, writer.patterns([member], "path").first);
                            } else {
                                bytes.u32(memberKinds.job, writer.plainText(member.job));
                            }
                        }
                    }),
            ),
        ];
    }

    #sid(user: string, rule: string): string {
        const sid = /^S-\d/i.test(user) ? user : this.#options.resolveUser?.(user);
        if (sid === undefined) {
            throw new WinsockError(
                `Rule "${rule}": this machine knows no user "${user}". Write the name as DOMAIN\\name, or the SID ` +
                    "(whoami /user).",
                { code: "ERR_POLICY_USER" },
            );
        }
        return sid;
    }

    /** Returns the calls that the group concerns, as bits. */
    #addGroup(conditions: readonly number[], rules: readonly NumberedRule[]): number {
        const members = classes.map((one) => rules.filter(({ rule, calls }) => isOfClass(rule, calls, one)));
        const indexes: number[] = [];
        for (const [place, one] of classes.entries()) {
            // Classes of the same rules, about the same end, share one index.
            const twin = classes.findIndex(
                (other, before) =>
                    before < place &&
                    isLocalCall(other.call) === isLocalCall(one.call) &&
                    isSame(members[before], members[place]) &&
                    (members[place] ?? []).every(({ rule }) => isCertain(rule, other) === isCertain(rule, one)),
            );
            indexes.push(twin === -1 ? this.#addIndex(members[place] ?? [], one) : (indexes[twin] ?? 0));
        }
        const calls = rules
            .flatMap((each) => each.calls)
            .reduce((bits, call) => bits | (1 << policyCalls.indexOf(call)), 0);
        this.#writer.add("groups", (bytes) => bytes.u32(...conditions, rules[0]?.number ?? 0, calls, ...indexes));
        return calls;
    }

    /** Number plus 1 of the index of these rules; 0 = there are none. */
    #addIndex(rules: readonly NumberedRule[], one: Class): number {
        if (rules.length === 0) {
            return 0;
        }
        const end = isLocalCall(one.call) ? "local" : "to";
        const certain = new Set(rules.filter(({ rule }) => isCertain(rule, one)).map(({ number }) => number));
        const writer = this.#writer;
        const tables = (["ipv4", "ipv6"] as const).map((family) =>
            this.#addTable(
                family,
                rules
                    .filter(({ rule }) => rule.match.family === undefined || rule.match.family === family)
                    .flatMap(({ number, rule }) => toItems(number, rule.match[end], family, certain.has(number))),
            ),
        );
        const anywhere = rules
            .filter(({ rule }) => rule.match[end] === undefined && rule.match.family === undefined)
            .map(({ number }) => number);
        const last = anywhere.findIndex((number) => certain.has(number));
        const unknown = writer.candidate(last === -1 ? anywhere : anywhere.slice(0, last + 1), (rule) =>
            certain.has(rule),
        );
        return (
            writer.add("indexes", (bytes) => {
                for (const write of tables) {
                    write(bytes);
                }
                bytes.u32(unknown, 0);
            }).first + 1
        );
    }

    /** Writes what a PolicyTable leads to; returns what writes the table itself. */
    #addTable(family: IpFamily, items: readonly IndexItem[]): (bytes: Bytes) => void {
        const writer = this.#writer;
        const certain = new Set(items.filter((item) => item.certain).map(({ rule }) => rule));
        const { keys, cells } = makeCells(items, lastIp[family]);
        const firstCell = writer.cells(cells, (rule) => certain.has(rule)).first;
        const { first } =
            family === "ipv4"
                ? writer.add("keysIpv4", (bytes) => bytes.u32s(keys.map(Number)))
                : writer.add("keysIpv6", (bytes) => keys.forEach((key) => bytes.u128(key)));
        const buckets = makeBuckets(keys, ipBits[family]);
        const firstBucket =
            buckets === undefined ? 0 : writer.add("buckets", (bytes) => bytes.u32s(buckets.places)).first;
        const { prefixBits = 0, bucketBits = 0, prefix = 0n } = buckets ?? {};
        return (bytes) =>
            bytes
                .u32(first, keys.length, firstCell, firstBucket)
                .u8(prefixBits, bucketBits)
                .u16(0)
                .u32(0)
                .u128(prefix << BigInt(128 - ipBits[family]));
    }
}

function isSame(one: readonly NumberedRule[] | undefined, other: readonly NumberedRule[] | undefined): boolean {
    return one !== undefined && one.length === other?.length && one.every((rule, index) => rule === other[index]);
}

/** The image of a policy, to be written as `policy-<generation>.bin`. */
export function compilePolicy(policy: Policy, options: CompileOptions): Uint8Array {
    refuseUnknownOptions("compilePolicy", options, ["generation", "resolveUser"]);
    const { generation } = options;
    if (!Number.isInteger(generation) || generation < 1 || generation > 0xffff_ffff) {
        throw new TypeError(
            `compilePolicy: generation must be a whole number from 1 to 4294967295, not ${String(generation)}`,
        );
    }
    return new Compiler(options).compile(policy);
}
