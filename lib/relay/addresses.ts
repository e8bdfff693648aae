/** What the relay asks about addresses in text. */
import { formatIpv6 } from "../hooks/address.js";
import { formatIp, ipBytes, parseIp, unmapped as unmappedIp } from "../policy/ip.js";

/** The 4 or 16 bytes of an address in text; undefined: it is none (a name, perhaps). A scope is left out. */
export function addressBytes(text: string): Buffer | undefined {
    const address = parseIp(text);
    return address === undefined ? undefined : Buffer.from(ipBytes(address));
}

/** Of 4 or 16 bytes. */
export function addressText(bytes: Buffer): string {
    return bytes.length === 4 ? bytes.join(".") : formatIpv6(bytes, 0);
}

/** The IPv4 address that an IPv4-mapped IPv6 address holds. */
export function unmapped(text: string): string | undefined {
    const address = parseIp(text);
    const plain = address?.family === "ipv6" ? unmappedIp(address) : undefined;
    return plain?.family === "ipv4" ? formatIp(plain) : undefined;
}

export function mapped(address: string): string {
    return `::ffff:${address}`;
}

/** One form for each address, without scope; IPv4-mapped ones as IPv4. For comparing. */
export function canonical(text: string): string {
    const address = parseIp(text);
    return address === undefined ? text.toLowerCase() : formatIp(unmappedIp(address));
}

export function isUnspecified(address: string): boolean {
    return parseIp(address)?.value === 0n;
}

export function isLoopback(address: string): boolean {
    const plain = canonical(address);
    return plain === "::1" || /^127\.[\d.]+$/.test(plain);
}

/** Multicast of either family, and the limited broadcast address. */
export function isGroup(address: string): boolean {
    const bytes = addressBytes(canonical(address));
    if (bytes === undefined) {
        return false;
    }
    return bytes.length === 16 ? bytes[0] === 0xff : bytes[0]! >= 224;
}
