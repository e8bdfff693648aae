/** Random policies and calls, small enough that they often meet. */

import { callsOf } from "#lib/policy/applies.js";
import { formatIp, lastIp, type IpFamily } from "#lib/policy/ip.js";
import {
    policyCalls,
    type Action,
    type AddressPattern,
    type CallFacts,
    type Endpoint,
    type Match,
    type Otherwise,
    type Policy,
} from "#lib/policy/model.js";

/** Numbers from a seed (mulberry32). */
export class Random {
    #state: number;

    constructor(seed: number) {
        this.#state = seed >>> 0;
    }
    /** A whole number below the bound. */
    below(bound: number): number {
        this.#state = (this.#state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
    }
    oneIn(count: number): boolean {
        return this.below(count) === 0;
    }
    pick<T>(from: readonly T[]): T {
        return from[this.below(from.length)] as T;
    }
    some<T>(from: readonly T[], most = 3): T[] {
        return Array.from({ length: 1 + this.below(most) }, () => this.pick(from));
    }
}

const programs = [
    "C:\\Program Files\\App\\updater.exe",
    "C:\\tools\\curl.exe",
    "D:\\ÄPP\\Spiel.exe",
    "C:\\x\\node.exe",
];
const programPatterns = [
    "curl.exe",
    "CURL.*",
    "*\\updater.exe",
    "c:\\tools\\*",
    "*",
    "d:\\äpp\\sp?el.exe",
    "*node*",
    "*a*e*.exe",
    "????.exe",
    "C:\\Program Files\\App\\updater.exe",
    "nobody.exe",
];
const commandLines = ["curl.exe -v http://x", "node server.js --port 80", "", '"a b" ÉTÉ'];
const linePatterns = ["*--port*", "curl*", "*été", "?url*x", "*"];
const sids = ["S-1-5-21-1-2-3-1001", "S-1-5-18", "S-1-5-21-1-2-3-1002"];
const userNames = ["PC\\ci", "NT AUTHORITY\\SYSTEM", "PC\\anna"];
const users = [...sids, "ci", "pc\\CI", "system", "anna"];
const jobs = ["job one", "Job Two"];
const ports = [0, 1, 53, 80, 81, 443, 8080, 65534, 65535];
const errors = ["WSAEACCES", "WSAECONNREFUSED", "WSAENETUNREACH"];
const protocols = ["tcp", "udp", 1, 47] as const;

/** The SID of a name, as the random processes have them. */
export function resolveUser(name: string): string | undefined {
    const wanted = name.toLowerCase();
    const index = userNames.findIndex(
        (each) => each.toLowerCase() === wanted || each.toLowerCase().endsWith(`\\${wanted}`),
    );
    return index === -1 ? undefined : sids[index];
}

function address(random: Random, family: IpFamily): bigint {
    const bases =
        family === "ipv4"
            ? [0n, 0x0a000000n, 0x0a000005n, 0x0a0000ffn, 0x7f000001n, 0xcb007100n, lastIp.ipv4]
            : [0n, 1n, 0x20010db8n << 96n, (0x20010db8n << 96n) + 5n, 0xfe80n << 112n, lastIp.ipv6];
    const value = random.pick(bases) + BigInt(random.below(5)) - 2n;
    return value < 0n ? 0n : value > lastIp[family] ? lastIp[family] : value;
}

function endpoint(random: Random): Endpoint {
    const family = random.pick(["ipv4", "ipv6"] as const);
    const value = address(random, family);
    const mapped = family === "ipv4" && random.oneIn(4);
    return {
        address: mapped ? `::ffff:${formatIp({ family, value })}` : formatIp({ family, value }),
        port: random.oneIn(8) ? random.below(65536) : random.pick(ports),
    };
}

function range(random: Random): { first: string; last: string } {
    const family = random.pick(["ipv4", "ipv6"] as const);
    const one = address(random, family);
    const other = random.oneIn(3)
        ? one
        : random.oneIn(2)
          ? address(random, family)
          : one | ((1n << BigInt(random.below(family === "ipv4" ? 33 : 129))) - 1n);
    const [first, last] = one < other ? [one, other] : [other, one];
    return { first: formatIp({ family, value: first }), last: formatIp({ family, value: last }) };
}

function pattern(random: Random, names: boolean): AddressPattern {
    const some = random.below(names ? 6 : 5);
    const portRanges = random
        .some(ports)
        .map((one, _, [other = one]) => ({ first: Math.min(one, other), last: Math.max(one, other) }));
    return {
        ...(some !== 0 && some !== 5 && { range: range(random) }),
        ...(some === 5 && { host: random.pick(["*.example.com", "example.com"]) }),
        ...((some === 0 || random.oneIn(2)) && { ports: portRanges }),
    };
}

function match(random: Random): Match {
    const maybe = (chance: number) => random.oneIn(chance);
    return {
        ...(maybe(4) && { program: random.some(programPatterns) }),
        ...(maybe(12) && { commandLine: random.some(linePatterns) }),
        ...(maybe(12) && { pid: random.some([1, 2, 3]) }),
        ...(maybe(12) && {
            tree: random.some<number | string | { job: string }>([
                1,
                2,
                9,
                "curl.exe",
                "*\\node.exe",
                { job: "job one" },
                { job: "Job Two" },
            ]),
        }),
        ...(maybe(12) && { user: random.some(users) }),
        ...(maybe(8) && { module: random.some(programPatterns) }),
        ...(maybe(3) && { call: random.some(policyCalls) }),
        ...(maybe(8) && { direction: random.pick(["in", "out"] as const) }),
        ...(maybe(4) && { protocol: random.some(protocols) }),
        ...(maybe(6) && { family: random.pick(["ipv4", "ipv6"] as const) }),
        ...(!maybe(4) && { to: Array.from({ length: 1 + random.below(4) }, () => pattern(random, true)) }),
        ...(maybe(6) && { local: Array.from({ length: 1 + random.below(3) }, () => pattern(random, false)) }),
        ...(maybe(8) && { time: [{ first: random.below(100), last: 100 + random.below(200) }] }),
    };
}

function otherwise(random: Random): Otherwise {
    return random.oneIn(2) ? { kind: "allow" } : { kind: "deny", error: random.pick(errors) };
}

function action(random: Random): Action {
    switch (random.below(7)) {
        case 0:
            return { kind: "allow" };
        case 1:
            return { kind: "observe" };
        case 2:
            return {
                kind: "redirect",
                otherwise: otherwise(random),
                to: [
                    ...(random.oneIn(2) ? [{ address: "127.0.0.1", port: random.pick([0, 15432]) }] : []),
                    ...(random.oneIn(2) ? [{ address: "2001:db8::7", port: random.pick([0, 9]) }] : []),
                ],
            };
        case 3:
            return { kind: "relay", delay: random.below(100), otherwise: otherwise(random) };
        case 4:
            return { kind: "ask", timeout: random.below(10_000), otherwise: otherwise(random) };
        default:
            return { kind: "deny", error: random.pick(errors) };
    }
}

export function randomPolicy(random: Random, rules = random.below(20)): Policy {
    return {
        version: 1,
        default: random.oneIn(2) ? { kind: "allow" } : { kind: "deny", error: random.pick(errors) },
        rules: Array.from({ length: rules }, (_, index) => ({
            name: `rule ${index}`,
            match: match(random),
            then: action(random),
        })),
    };
}

/** The same without rules that a file may not have: that can match no call, or lead nowhere. */
export function writable(policy: Policy): Policy {
    return {
        ...policy,
        rules: policy.rules.filter(
            (rule) => callsOf(rule).length > 0 && !(rule.then.kind === "redirect" && rule.then.to.length === 0),
        ),
    };
}

export function randomProcess(random: Random): CallFacts["process"] {
    const user = random.below(sids.length);
    return {
        pid: random.below(4),
        program: random.oneIn(10) ? "" : random.oneIn(3) ? random.pick(programs).toUpperCase() : random.pick(programs),
        commandLine: random.pick(commandLines),
        ...(!random.oneIn(5) && { user: sids[user] ?? "", userName: userNames[user] ?? "" }),
        ancestors: Array.from({ length: random.below(3) }, () => ({
            pid: random.below(10),
            ...(!random.oneIn(4) && { program: random.pick(programs) }),
        })),
        jobs: jobs.filter(() => random.oneIn(4)),
    };
}

export function randomCall(random: Random, process: CallFacts["process"]): CallFacts {
    return {
        call: random.pick(policyCalls),
        protocol: random.pick(protocols),
        ...(!random.oneIn(3) && { local: endpoint(random) }),
        ...(!random.oneIn(6) && { remote: endpoint(random) }),
        ...(!random.oneIn(4) && { module: random.pick(programs) }),
        minuteOfWeek: random.below(300),
        process,
    };
}
