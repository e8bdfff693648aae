/** The texts in policy files that stand for something: times, rates, ports, addresses, hours, proxies. Pure. */

import { isIPv4 } from "node:net";
import { domainToASCII } from "node:url";
import { formatIp, ipBits, lastIp, parseIp, unmapped, type IpAddress } from "./ip.js";
import type { AddressPattern, Endpoint, PortRange, Proxy, TimeRange } from "./model.js";

/** A text that means nothing; the message says why and what would. */
export class BadText extends Error {}

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** "80ms", "1.5s", "2m", "1h" in milliseconds; at most a day. */
export function parseDuration(text: string): number {
    const [, figures, unit = ""] = /^(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]+)$/i.exec(text) ?? [];
    const size = durationUnits[unit.toLowerCase()];
    if (figures === undefined || size === undefined) {
        const fix = /^\d+$/.test(text) ? `: ${text}ms, or ${text}s?` : ", like 80ms, 1.5s, 2m or 1h";
        throw new BadText(`"${text}" is no time with its unit${fix}`);
    }
    const milliseconds = Math.round(Number(figures) * size * 1000) / 1000;
    if (milliseconds > 86_400_000) {
        throw new BadText(`"${text}" is longer than a day`);
    }
    return milliseconds;
}

const rateUnits: Readonly<Record<string, number>> = {
    b: 1,
    kb: 1e3,
    mb: 1e6,
    gb: 1e9,
    kib: 2 ** 10,
    mib: 2 ** 20,
    gib: 2 ** 30,
    bit: 1 / 8,
    kbit: 125,
    mbit: 125e3,
    gbit: 125e6,
};

/** "1MB/s", "64KiB/s", "10Mbit/s" in bytes per second. */
export function parseRate(text: string): number {
    const [, figures, unit = ""] = /^(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]+)\/s$/i.exec(text) ?? [];
    const size = rateUnits[unit.toLowerCase()];
    const rate = Math.round(Number(figures) * (size ?? NaN));
    if (!(rate >= 1 && rate <= 1e12)) {
        throw new BadText(`"${text}" is no rate, like 64KB/s, 1MB/s, 512KiB/s or 10Mbit/s (1B/s to 1000GB/s)`);
    }
    return rate;
}

/** "0.1%" as 0.001. */
export function parsePercent(text: string): number {
    const [, figures] = /^(\d{1,3}(?:\.\d{1,9})?)\s*%$/.exec(text) ?? [];
    const share = Number((Number(figures) / 100).toFixed(11));
    if (!(share <= 1)) {
        throw new BadText(`"${text}" is no share, like 0.1% or 5% (at most 100%)`);
    }
    return share;
}

function parsePort(text: string): number {
    const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
    if (!(port <= 65535)) {
        throw new BadText(`"${text}" is no port: 0 to 65535`);
    }
    return port;
}

/** "80-90,443". */
export function parsePorts(text: string): PortRange[] {
    return text.split(",").map((part) => {
        const [from = "", to = from, more] = part
            .trim()
            .split("-")
            .map((each) => each.trim());
        const [first, last] = [parsePort(from), parsePort(to)];
        if (more !== undefined || first > last) {
            throw new BadText(`"${part.trim()}" is no range of ports, like 80-90`);
        }
        return { first, last };
    });
}

function addressOf(text: string): IpAddress {
    const address = parseIp(text);
    if (address === undefined) {
        throw new BadText(`"${text}" is no IP address`);
    }
    return address;
}

/** A range of addresses; IPv4-mapped ones are IPv4. */
function toRange(first: IpAddress, last: IpAddress): NonNullable<AddressPattern["range"]> {
    const [from, to] = [unmapped(first), unmapped(last)];
    // Only a range that is mapped as a whole can be told as IPv4.
    const [a, b] = from.family === to.family ? [from, to] : [first, last];
    if (a.family !== b.family || a.value > b.value) {
        throw new BadText(
            `"${formatIp(first)}-${formatIp(last)}" is no range: first and last of one family, the lower first`,
        );
    }
    return { first: formatIp(a), last: formatIp(b) };
}

function parseBlock(base: string, length: string): NonNullable<AddressPattern["range"]> {
    const address = addressOf(base);
    const bits = /^\d{1,3}$/.test(length) ? ipBits[address.family] - Number(length) : -1;
    if (bits < 0) {
        throw new BadText(`"/${length}" is no prefix length: 0 to ${ipBits[address.family]}`);
    }
    const rest = (1n << BigInt(bits)) - 1n;
    if ((address.value & rest) !== 0n) {
        const block = formatIp({ ...address, value: address.value & ~rest & lastIp[address.family] });
        throw new BadText(`"${base}/${length}" has bits behind its prefix; did you mean "${block}/${length}"?`);
    }
    return toRange(address, { ...address, value: address.value | rest });
}

/** What stands for several ranges at once. */
const namedRanges: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
    loopback: [
        ["127.0.0.0", "8"],
        ["::1", "128"],
    ],
    localhost: [
        ["127.0.0.0", "8"],
        ["::1", "128"],
    ],
    private: [
        ["10.0.0.0", "8"],
        ["172.16.0.0", "12"],
        ["192.168.0.0", "16"],
        ["169.254.0.0", "16"],
        ["fc00::", "7"],
        ["fe80::", "10"],
    ],
};

function parseHost(text: string): string {
    const name = text.startsWith("*.") ? text.slice(2) : text;
    const ascii = domainToASCII(name).replace(/\.$/, "");
    const isName = /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/.test(ascii) && ascii.length <= 253;
    if (/^[\d.]+$/.test(text) || /[/\s*?]/.test(name) || !isName) {
        throw new BadText(
            `"${text}" is no address, block, range or host name, like 10.0.0.1, 10.0.0.0/8, 10.0.0.1-10.0.0.9, ` +
                "[2001:db8::]/32, example.com or *.example.com",
        );
    }
    return text.startsWith("*.") ? `*.${ascii}` : ascii;
}

/** The part of a target before the port: ranges (undefined: any address), or a host's name. */
function parseWhere(text: string): readonly AddressPattern[] {
    if (text === "" || text === "*") {
        return [{}];
    }
    const named = namedRanges[text.toLowerCase()];
    if (named !== undefined) {
        return named.map(([base, length]) => ({ range: parseBlock(base, length) }));
    }
    const [base = "", length, more] = text.split("/");
    const plainBase = base.replace(/^\[(.*)\]$/, "$1");
    if (length !== undefined && more === undefined && (parseIp(plainBase) !== undefined || /^[\d.]+$/.test(base))) {
        return [{ range: parseBlock(plainBase, length) }];
    }
    const address = parseIp(text.replace(/^\[(.*)\]$/, "$1"));
    if (address !== undefined) {
        return [{ range: toRange(address, address) }];
    }
    const [from = "", to, third] = text.split("-").map((each) => each.trim().replace(/^\[(.*)\]$/, "$1"));
    if (to !== undefined && third === undefined && (isIPv4(from) || from.includes(":"))) {
        return [{ range: toRange(addressOf(from), addressOf(to)) }];
    }
    if (text.includes(":") || text.includes("[")) {
        throw new BadText(
            `"${text}" is no IPv6 address; with a port it stands in brackets: [2001:db8::1]:443, ` +
                "[2001:db8::]/32:443",
        );
    }
    return [{ host: parseHost(text) }];
}

/** One target of `to` or `local`: "ADDRESS", "ADDRESS:PORTS", ":PORTS"; loopback and private are several ranges. */
export function parseTarget(text: string): AddressPattern[] {
    const whole = text.trim();
    if (whole === "") {
        throw new BadText("an empty target means nothing; leave the key out for any");
    }
    // IPv6 without brackets has no port; else the port follows the last colon outside of brackets.
    const bare = !whole.includes("[") && whole.split(":").length > 2;
    const colon = bare ? -1 : whole.lastIndexOf(":");
    const hasPorts = colon > whole.lastIndexOf("]");
    const where = parseWhere(hasPorts ? whole.slice(0, colon) : whole);
    const ports = hasPorts && whole.slice(colon + 1) !== "*" ? parsePorts(whole.slice(colon + 1)) : undefined;
    return where.map((each) => ({ ...each, ...(ports !== undefined && { ports }) }));
}

/** "127.0.0.1:80", "[::1]:80", or without a port: it stays. */
export function parseEndpoint(text: string): Endpoint {
    const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/.exec(text.trim()) ?? [];
    const address = parseIp(bracketed ?? plain ?? text.trim()) ?? parseIp(text.trim());
    if (address === undefined) {
        throw new BadText(
            `"${text}" is no address to go to, like 127.0.0.1:8080, [::1]:8080, or 10.0.0.1 (the port stays)`,
        );
    }
    return {
        address: formatIp(unmapped(address)),
        port: port === undefined || parseIp(text.trim()) ? 0 : parsePort(port),
    };
}

const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
const dayMinutes = 1440;
const weekMinutes = 7 * dayMinutes;

function parseDay(text: string): number {
    const day = days.findIndex((each) => each === text.toLowerCase().slice(0, 3));
    if (day === -1 || !/^(mon|tues?|wed(nes)?|thu(rs)?|fri|sat(ur)?|sun)(day)?$/i.test(text)) {
        throw new BadText(`"${text}" is no day: ${days.join(", ")}`);
    }
    return day;
}

/** "mon-fri,sun" as numbers of days. */
function parseDays(text: string): number[] {
    return text.split(",").flatMap((part) => {
        const [from = "", to = from] = part.trim().split("-");
        const [first, last] = [parseDay(from.trim()), parseDay(to.trim())];
        return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, index) => (first + index) % 7);
    });
}

function parseClock(text: string): number {
    const [, hour, minute] = /^(\d{1,2}):(\d{2})$/.exec(text.trim()) ?? [];
    const minutes = Number(hour) * 60 + Number(minute);
    if (!(minutes <= dayMinutes && Number(minute) < 60)) {
        throw new BadText(`"${text.trim()}" is no time of day, like 09:00 or 17:30`);
    }
    return minutes;
}

/** "mon-fri 09:00-17:30", "sat,sun", "22:00-06:00" (until the next morning): ranges of the week in order. */
export function parseTimes(text: string): TimeRange[] {
    const [, dayPart, clockPart] =
        /^\s*([a-z][a-z,\s-]*?)?\s*(\d{1,2}:\d{2}\s*-\s*\d{1,2}:\d{2})?\s*$/i.exec(text) ?? [];
    if (dayPart === undefined && clockPart === undefined) {
        throw new BadText(`"${text}" is no time of the week, like mon-fri 09:00-17:30, sat,sun or 22:00-06:00`);
    }
    const [from, to] = clockPart === undefined ? [0, dayMinutes] : clockPart.split("-").map(parseClock);
    const [first = 0, end = dayMinutes] = [from, to];
    if (first === end) {
        throw new BadText(`"${text}" begins when it ends; leave the hours out for the whole day`);
    }
    const chosen = dayPart === undefined ? days.map((_, day) => day) : parseDays(dayPart);
    return [...new Set(chosen)].flatMap((day) => {
        const begin = day * dayMinutes + first;
        const stop = day * dayMinutes + end + (end < first ? dayMinutes : 0);
        return stop <= weekMinutes
            ? [{ first: begin, last: stop }]
            : [
                  { first: begin, last: weekMinutes },
                  { first: 0, last: stop - weekMinutes },
              ];
    });
}

/** Ranges in order, those that touch or overlap as one. */
export function joinTimes(times: readonly TimeRange[]): TimeRange[] {
    const joined: { first: number; last: number }[] = [];
    for (const { first, last } of [...times].sort((a, b) => a.first - b.first)) {
        const before = joined.at(-1);
        if (before !== undefined && first <= before.last) {
            before.last = Math.max(before.last, last);
        } else {
            joined.push({ first, last });
        }
    }
    return joined;
}

function decodePart(text: string | undefined, what: string): string | undefined {
    if (text === undefined) {
        return undefined;
    }
    let plain: string;
    try {
        plain = decodeURIComponent(text);
    } catch {
        throw new BadText(`the ${what} has a % that begins no escape: write %25 for %`);
    }
    const size = Buffer.byteLength(plain);
    if (size === 0 || size > 255) {
        throw new BadText(`the ${what} must have 1 to 255 bytes`);
    }
    return plain;
}

/**
 * "socks5://user:pw@host:port", "http://host:port", socks5h as curl has it: the proxy resolves names. The text holds a
 * password: messages do not repeat it.
 */
export function parseProxy(text: string): Proxy {
    const [, scheme = "", credentials, bracketed, plain, portText = ""] =
        /^([a-z0-9+.-]+):\/\/(?:(.*)@)?(?:\[([^\]]*)\]|([^:/@[\]]*))(?::(\d*))?\/?$/i.exec(text.trim()) ?? [];
    const kind = { socks5: "socks5", socks5h: "socks5", http: "http" }[scheme.toLowerCase()];
    if (kind !== "socks5" && kind !== "http") {
        throw new BadText("a proxy is written socks5://user:password@host:port or http://user:password@host:port");
    }
    if (portText === "" || parsePort(portText) === 0) {
        throw new BadText(`the proxy's port is missing: ${kind}://...:${kind === "http" ? 3128 : 1080}`);
    }
    const host = bracketed ?? plain ?? "";
    const address = parseIp(host);
    if (bracketed !== undefined && address?.family !== "ipv6") {
        throw new BadText(`"[${bracketed}]" is no IPv6 address`);
    }
    const colon = credentials?.indexOf(":") ?? -1;
    const user = decodePart(colon === -1 ? credentials : credentials?.slice(0, colon), "user name");
    const password = decodePart(colon === -1 ? undefined : credentials?.slice(colon + 1), "password");
    return {
        kind,
        port: parsePort(portText),
        host: address === undefined ? parseHost(host) : formatIp(address),
        ...(user !== undefined && { user }),
        ...(password !== undefined && { password }),
        ...(scheme.toLowerCase() === "socks5h" && { names: true }),
    };
}
