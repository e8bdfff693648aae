// Ends of a socket as records and the controller's messages carry them (RecordAddress of native/core/ring_format.hpp),
// as values. Pure.

import { formatIpv6 } from "../hooks/address.js";
import { ipBytes, parseIp } from "./ip.js";
import type { Endpoint } from "./model.js";

/** AF_INET and AF_INET6 as Windows numbers them. */
const familyIpv4 = 2;
const familyIpv6 = 23;
const at = { family: 0, port: 2, bytes: 8 } as const;
/** Where an IPv4-mapped IPv6 address has its 0xffff, and its IPv4 address. */
const mappedMark = 10;
const mappedAddress = 12;

export function isRecordFamily(family: number): boolean {
    return family === 0 || family === familyIpv4 || family === familyIpv6;
}

export function isIpv6Record(view: DataView, offset: number): boolean {
    return view.getUint16(offset + at.family, true) === familyIpv6;
}

/** Without its scope; undefined where there is none. An IPv4-mapped IPv6 address is given as IPv4, as rules match it. */
export function readEndpoint(view: DataView, offset: number): Endpoint | undefined {
    const family = view.getUint16(offset + at.family, true);
    const port = view.getUint16(offset + at.port, true);
    const bytes = new Uint8Array(view.buffer, view.byteOffset + offset + at.bytes, 16);
    if (family === familyIpv4) {
        return { address: bytes.subarray(0, 4).join("."), port };
    }
    if (family === familyIpv6) {
        return { address: formatIpv6(bytes, 0).replace(/^::ffff:(?=.*\.)/, ""), port };
    }
    return undefined;
}

/**
 * `ipv6`: of an IPv6 socket, which knows IPv4 addresses as mapped ones.
 *
 * @throws TypeError if it is no address, or no socket of that family can have it.
 */
export function writeEndpoint(view: DataView, offset: number, { address, port }: Endpoint, ipv6: boolean): void {
    const parsed = parseIp(address);
    if (parsed === undefined || (parsed.family === "ipv6" && !ipv6)) {
        throw new TypeError(
            parsed === undefined ? `"${address}" is no address` : `an IPv4 socket cannot connect to ${address}`,
        );
    }
    const mapped = ipv6 && parsed.family === "ipv4";
    view.setUint16(offset + at.family, ipv6 ? familyIpv6 : familyIpv4, true);
    view.setUint16(offset + at.port, port, true);
    if (mapped) {
        view.setUint16(offset + at.bytes + mappedMark, 0xffff);
    }
    new Uint8Array(view.buffer, view.byteOffset + offset + at.bytes, 16).set(
        ipBytes(parsed),
        mapped ? mappedAddress : 0,
    );
}
