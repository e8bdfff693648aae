/** IP addresses as numbers: what ranges are made of, and what policies compare. Pure. */

import { isIPv4, isIPv6 } from "node:net";
import { formatIpv6 } from "../hooks/address.js";

export type IpFamily = "ipv4" | "ipv6";

export interface IpAddress {
    readonly family: IpFamily;
    readonly value: bigint;
}

/** Bits of an address. */
export const ipBits = { ipv4: 32, ipv6: 128 } as const;

/** The last address of a family. */
export const lastIp = { ipv4: (1n << 32n) - 1n, ipv6: (1n << 128n) - 1n } as const;

const mapped = 0xffffn << 32n; // ::ffff:0:0/96

function ipv4Value(text: string): bigint {
    return BigInt(text.split(".").reduce((value, part) => value * 256 + Number(part), 0));
}

function ipv6Value(text: string): bigint {
    const dotted = /[^:]+\.[^:]+$/.exec(text)?.[0];
    const whole =
        dotted === undefined
            ? text
            : text.slice(0, -dotted.length) +
              [16n, 0n].map((bits) => ((ipv4Value(dotted) >> bits) & 0xffffn).toString(16)).join(":");
    const [before = "", after] = whole.split("::");
    const groups = (part: string): string[] => (part === "" ? [] : part.split(":"));
    const [head, tail] = [groups(before), groups(after ?? "")];
    const zeros = after === undefined ? 0 : 8 - head.length - tail.length;
    return BigInt(
        `0x${[...head, ...Array<string>(zeros).fill("0"), ...tail].map((each) => each.padStart(4, "0")).join("")}`,
    );
}

/** The address of a text such as "10.0.0.1" or "2001:db8::1" (a scope, "%4", is left out), or undefined. */
export function parseIp(text: string): IpAddress | undefined {
    if (isIPv4(text)) {
        return { family: "ipv4", value: ipv4Value(text) };
    }
    const plain = text.replace(/%.*$/s, "");
    return isIPv6(plain) ? { family: "ipv6", value: ipv6Value(plain) } : undefined;
}

/** An IPv4-mapped IPv6 address as the IPv4 address that it stands for; any other as it is. */
export function unmapped(address: IpAddress): IpAddress {
    return address.family === "ipv6" && address.value >> 32n === mapped >> 32n
        ? { family: "ipv4", value: address.value & lastIp.ipv4 }
        : address;
}

/** The bytes of an address, 4 or 16. */
export function ipBytes({ family, value }: IpAddress): Uint8Array {
    return Uint8Array.from(
        { length: ipBits[family] / 8 },
        (_, index, shift = BigInt(ipBits[family] - 8 * (index + 1))) => Number((value >> shift) & 0xffn),
    );
}

/** Canonical text, without brackets. */
export function formatIp(address: IpAddress): string {
    const bytes = ipBytes(address);
    return address.family === "ipv4" ? bytes.join(".") : formatIpv6(bytes, 0);
}
