/** Addresses as bytes and as text. */
import * as net from "node:net";

/** The 4 or 16 bytes of an address in text; undefined: it is none (a name, perhaps). A scope is left out. */
export function addressBytes(text: string): Buffer | undefined {
    const plain = text.replace(/%.*$/s, "");
    if (net.isIPv4(plain)) {
        return Buffer.from(plain.split(".").map(Number));
    }
    if (!net.isIPv6(plain)) {
        return undefined;
    }
    // The last 32 bits may be written as IPv4.
    const last = plain.lastIndexOf(":") + 1;
    const tail = plain.slice(last);
    const dotted = tail.includes(".") ? tail.split(".").map(Number) : undefined;
    const hex = dotted === undefined
        ? plain
        : `${plain.slice(0, last)}${((dotted[0]! << 8) | dotted[1]!).toString(16)}:${((dotted[2]! << 8) | dotted[3]!).toString(16)}`;
    const [head = "", rest] = hex.split("::");
    const groups = (part: string): number[] => (part === "" ? [] : part.split(":").map((group) => parseInt(group, 16)));
    const [before, after] = [groups(head), rest === undefined ? [] : groups(rest)];
    const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
    const bytes = Buffer.alloc(16);
    all.forEach((group, index) => bytes.writeUInt16BE(group, index * 2));
    return bytes;
}

/** Of 4 or 16 bytes, in the canonical form of RFC 5952 as Node's own functions have it. */
export function addressText(bytes: Buffer): string {
    if (bytes.length === 4) {
        return bytes.join(".");
    }
    const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
    return new net.SocketAddress({ family: "ipv6", address: groups.join(":") }).address;
}

const mappedPrefix = "::ffff:";

/** The IPv4 address that an IPv4-mapped IPv6 address holds. */
export function unmapped(address: string): string | undefined {
    const bytes = addressBytes(address);
    const mapped = bytes?.length === 16 && bytes.readUInt32BE(8) === 0xffff && bytes.subarray(0, 8).every((b) => b === 0);
    return mapped ? addressText(bytes.subarray(12)) : undefined;
}

export function mapped(address: string): string {
    return `${mappedPrefix}${address}`;
}

/** One form for each address, without scope; IPv4-mapped ones as IPv4. For comparing. */
export function canonical(address: string): string {
    const bytes = addressBytes(address);
    return bytes === undefined ? address.toLowerCase() : unmapped(address) ?? addressText(bytes);
}

export function isUnspecified(address: string): boolean {
    return addressBytes(address)?.every((byte) => byte === 0) ?? false;
}

export function isLoopback(address: string): boolean {
    const plain = canonical(address);
    return plain === "::1" || (net.isIPv4(plain) && plain.startsWith("127."));
}

/** Multicast of either family, and the limited broadcast address. */
export function isGroup(address: string): boolean {
    const bytes = addressBytes(canonical(address));
    if (bytes === undefined) {
        return false;
    }
    return bytes.length === 16 ? bytes[0] === 0xff : bytes[0]! >= 224;
}
