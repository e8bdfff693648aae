/** A policy as the text of a policy file: what `policy export`, `show` and remembered answers write. Pure. */

import { parseIp, type IpAddress } from "./ip.js";
import type {
    Action,
    AddressPattern,
    Endpoint,
    Match,
    Otherwise,
    Policy,
    PortRange,
    Proxy,
    TimeRange,
} from "./model.js";

/** JSON values. */
type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

export interface FormatOptions {
    /** Passwords are written as "***". */
    hideSecrets?: boolean | undefined;
}

export function formatPorts(ports: readonly PortRange[]): string {
    return ports.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`)).join(",");
}

/** The prefix length of a range that is a block, else undefined. */
function prefixLength(first: IpAddress, last: IpAddress): number | undefined {
    const size = last.value - first.value + 1n;
    const bits = size.toString(2).length - 1;
    const whole = first.family === "ipv4" ? 32 : 128;
    return size === 1n << BigInt(bits) && first.value % size === 0n ? whole - bits : undefined;
}

function formatRange({ first, last }: NonNullable<AddressPattern["range"]>): string {
    const [from, to] = [parseIp(first), parseIp(last)];
    const bracket = (text: string): string => (text.includes(":") ? `[${text}]` : text);
    if (first === last) {
        return bracket(first);
    }
    const length = from === undefined || to === undefined ? undefined : prefixLength(from, to);
    return length === undefined ? `${bracket(first)}-${bracket(last)}` : `${bracket(first)}/${length}`;
}

/** One target, as `parseTarget` reads it. */
export function formatTarget({ range, host, ports }: AddressPattern): string {
    const where = range === undefined ? (host ?? "") : formatRange(range);
    const said = ports === undefined ? "" : `:${formatPorts(ports)}`;
    return where === "" && said === "" ? "*" : `${where}${said}`;
}

export function formatEndpoint({ address, port }: Endpoint): string {
    const where = address.includes(":") ? `[${address}]` : address;
    return port === 0 ? where : `${where}:${port}`;
}

const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

function formatClock(minutes: number): string {
    return [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, "0")).join(":");
}

/** Ranges of the week, a text for each day that they touch; days of the same hours together. */
export function formatTimes(times: readonly TimeRange[]): string[] {
    const byHours = new Map<string, string[]>();
    for (const { first, last } of times) {
        for (let begin = first; begin < last;) {
            const day = Math.floor(begin / 1440);
            const end = Math.min(last, (day + 1) * 1440);
            const hours = `${formatClock(begin % 1440)}-${formatClock(end - day * 1440)}`;
            byHours.set(hours, [...(byHours.get(hours) ?? []), days[day] ?? ""]);
            begin = end;
        }
    }
    return [...byHours].map(([hours, on]) => `${on.join(",")}${hours === "00:00-24:00" ? "" : ` ${hours}`}`);
}

export function formatDuration(milliseconds: number): string {
    return milliseconds >= 1000 && milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;
}

/** One value alone, several as a list. */
function oneOrList(values: readonly Json[]): Json {
    const [only] = values;
    return values.length === 1 && only !== undefined ? only : values;
}

function formatProxy({ kind, host, port, user, password, names }: Proxy, { hideSecrets }: FormatOptions): string {
    const secret = password === undefined ? "" : `:${hideSecrets ? "***" : encodeURIComponent(password)}`;
    const who = user === undefined ? "" : `${encodeURIComponent(user)}${secret}@`;
    return `${kind}${names === true ? "h" : ""}://${who}${host.includes(":") ? `[${host}]` : host}:${port}`;
}

export function formatMatch(match: Match): { readonly [key: string]: Json } {
    const { program, commandLine, pid, tree, user, module, call, direction, protocol, family, to, local, time } = match;
    return {
        ...(program && { program: oneOrList(program) }),
        ...(commandLine && { commandLine: oneOrList(commandLine) }),
        ...(pid && { pid: oneOrList(pid) }),
        ...(tree && { tree: oneOrList(tree) }),
        ...(user && { user: oneOrList(user) }),
        ...(module && { module: oneOrList(module) }),
        ...(call && { call: oneOrList(call) }),
        ...(direction && { direction }),
        ...(protocol && { protocol: oneOrList(protocol) }),
        ...(family && { family }),
        ...(to && { to: oneOrList(to.map(formatTarget)) }),
        ...(local && { local: oneOrList(local.map(formatTarget)) }),
        ...(time && { time: oneOrList(formatTimes(time)) }),
    };
}

function formatPlain(plain: Otherwise): Json {
    return plain.kind === "allow" ? "allow" : { deny: plain.error };
}

function formatShare(share: number): string {
    return `${(share * 100).toFixed(9).replace(/\.?0+$/, "")}%`;
}

export function formatAction(then: Action, options: FormatOptions = {}): { readonly [key: string]: Json } {
    switch (then.kind) {
        case "allow":
            return { allow: true };
        case "observe":
            return { observe: true };
        case "deny":
            return { deny: then.error };
        case "redirect":
            return { redirect: oneOrList(then.to.map(formatEndpoint)), otherwise: formatPlain(then.otherwise) };
        case "ask":
            return {
                ask: then.text ?? true,
                timeout: formatDuration(then.timeout),
                otherwise: formatPlain(then.otherwise),
            };
        case "relay":
            return {
                ...(then.proxy && { proxy: oneOrList(then.proxy.map((each) => formatProxy(each, options))) }),
                ...(then.delay !== undefined && { delay: formatDuration(then.delay) }),
                ...(then.jitter !== undefined && { jitter: formatDuration(then.jitter) }),
                ...(then.rate !== undefined && { rate: `${then.rate}B/s` }),
                ...(then.loss !== undefined && { loss: formatShare(then.loss) }),
                ...(then.reset !== undefined && { reset: formatShare(then.reset) }),
                ...(then.rewrite && { rewrite: true }),
                ...(then.capture && { capture: true }),
                otherwise: formatPlain(then.otherwise),
            };
    }
}

/** The policy as the value that a policy file in JSON has. */
export function toPolicyFile(policy: Policy, options: FormatOptions = {}): { readonly [key: string]: Json } {
    return {
        version: 1,
        default: formatPlain(policy.default),
        ...(policy.failClosed !== undefined && { failClosed: policy.failClosed }),
        rules: policy.rules.map(({ name, match, then }) => ({
            name,
            ...(Object.keys(match).length > 0 && { match: formatMatch(match) }),
            then: formatAction(then, options),
        })),
    };
}

/** The policy as JSON that `parsePolicy` reads as the same policy (but for secrets that are hidden). */
export function formatPolicy(policy: Policy, options: FormatOptions = {}): string {
    return `${JSON.stringify(toPolicyFile(policy, options), undefined, 2)}\n`;
}
