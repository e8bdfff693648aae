/**
 * Socket addresses as a record carries them (RecordAddress of native/core/ring_format.hpp, 24 bytes), written as
 * "127.0.0.1:80" or "[fe80::1%4]:80". Pure.
 */

/** AF_INET and AF_INET6 as Windows numbers them. */
const familyIpv4 = 2;
const familyIpv6 = 23;

/** The text of an IPv6 address in the form of RFC 5952, from its 16 bytes at `offset`. */
export function formatIpv6(bytes: Uint8Array, offset: number): string {
    const groups = Array.from(
        { length: 8 },
        (_, index) => ((bytes[offset + 2 * index] ?? 0) << 8) | (bytes[offset + 2 * index + 1] ?? 0),
    );
    if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
        return `::ffff:${bytes.subarray(offset + 12, offset + 16).join(".")}`;
    }
    let longest = { start: 0, length: 1 }; // a single zero group is never shortened
    for (let start = 0; start < 8; start++) {
        let length = 0;
        while (start + length < 8 && groups[start + length] === 0) {
            length++;
        }
        if (length > longest.length) {
            longest = { start, length };
        }
        start += length;
    }
    const text = groups.map((group) => group.toString(16));
    if (longest.length === 1) {
        return text.join(":");
    }
    return `${text.slice(0, longest.start).join(":")}::${text.slice(longest.start + longest.length).join(":")}`;
}

/**
 * The address at `offset` of raw records, or undefined where the record has none (or one of a family that Winsock's
 * records do not carry).
 */
export function formatAddress(view: DataView, offset: number): string | undefined {
    const family = view.getUint16(offset, true);
    const port = view.getUint16(offset + 2, true);
    if (family === familyIpv4) {
        const a = view.getUint8(offset + 8);
        const b = view.getUint8(offset + 9);
        const c = view.getUint8(offset + 10);
        const d = view.getUint8(offset + 11);
        return `${a}.${b}.${c}.${d}:${port}`;
    }
    if (family === familyIpv6) {
        const scope = view.getUint32(offset + 4, true);
        const bytes = new Uint8Array(view.buffer, view.byteOffset + offset + 8, 16);
        return `[${formatIpv6(bytes, 0)}${scope === 0 ? "" : `%${scope}`}]:${port}`;
    }
    return undefined;
}
