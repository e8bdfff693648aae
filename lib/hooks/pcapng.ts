/**
 * The blocks of a pcapng file (draft-ietf-opsawg-pcapng) with raw IP packets, and the packets themselves. Pure. All is
 * little-endian, and says so.
 */
import type { Endpoint } from "../policy/model.js";
import { addressBytes } from "../relay/addresses.js";

const options = { end: 0, comment: 1, application: 4, interfaceName: 2, timeResolution: 9 } as const;
/** LINKTYPE_RAW: IPv4 or IPv6, as the first four bits say. */
const rawIp = 101;

function pad(bytes: Buffer): Buffer {
    const rest = bytes.length % 4;
    return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(4 - rest)]);
}

function option(code: number, value: Buffer): Buffer {
    const head = Buffer.alloc(4);
    head.writeUInt16LE(code, 0);
    head.writeUInt16LE(value.length, 2);
    return Buffer.concat([head, pad(value)]);
}

function block(type: number, ...parts: Buffer[]): Buffer {
    const length = 12 + parts.reduce((sum, part) => sum + part.length, 0);
    const [head, tail] = [Buffer.alloc(8), Buffer.alloc(4)];
    head.writeUInt32LE(type, 0);
    head.writeUInt32LE(length, 4);
    tail.writeUInt32LE(length, 0);
    return Buffer.concat([head, ...parts, tail]);
}

const endOfOptions = Buffer.alloc(4);

/** A section header and one interface with times in nanoseconds: the beginning of a file. */
export function pcapngHead(): Buffer {
    const section = Buffer.alloc(16);
    section.writeUInt32LE(0x1a2b3c4d, 0);
    section.writeUInt16LE(1, 4);
    section.writeBigInt64LE(-1n, 8); // length not told
    const application = option(options.application, Buffer.from("winsock-spi"));
    const link = Buffer.alloc(8);
    link.writeUInt16LE(rawIp, 0);
    const name = option(options.interfaceName, Buffer.from("winsock-spi relay"));
    const resolution = option(options.timeResolution, Buffer.from([9]));
    return Buffer.concat([
        block(0x0a0d0d0a, section, application, endOfOptions),
        block(1, link, name, resolution, endOfOptions),
    ]);
}

/** A packet, taken at `time` (nanoseconds since 1970), with a comment. */
export function pcapngPacket(packet: Buffer, time: bigint, comment: Buffer): Buffer {
    const head = Buffer.alloc(20);
    head.writeUInt32LE(Number(time >> 32n), 4);
    head.writeUInt32LE(Number(time & 0xffff_ffffn), 8);
    head.writeUInt32LE(packet.length, 12);
    head.writeUInt32LE(packet.length, 16);
    return block(6, head, pad(packet), ...(comment.length > 0 ? [option(options.comment, comment), endOfOptions] : []));
}

function sum(bytes: Buffer, begin: number): number {
    let total = begin;
    const even = bytes.length & ~1;
    for (let at = 0; at < even; at += 2) {
        total += bytes.readUInt16BE(at);
    }
    if (even !== bytes.length) {
        total += bytes[even]! << 8;
    }
    return total;
}

function folded(total: number): number {
    let value = total;
    while (value > 0xffff) {
        value = (value & 0xffff) + Math.floor(value / 0x1_0000);
    }
    return ~value & 0xffff;
}

/** One end of a packet; both have addresses of one family. */
export interface PacketEnd {
    readonly address: Buffer;
    readonly port: number;
}

export interface PacketEnds {
    readonly source: PacketEnd;
    readonly destination: PacketEnd;
}

/** The packets from one end to the other; where the families differ, IPv4 becomes IPv4-mapped. */
export function packetEnds(source: Endpoint, destination: Endpoint): PacketEnds {
    const wide = (bytes: Buffer): Buffer =>
        bytes.length === 16 ? bytes : Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), bytes]);
    const from = addressBytes(source.address) ?? Buffer.alloc(4);
    const to = addressBytes(destination.address) ?? Buffer.alloc(4);
    const same = from.length === to.length;
    return {
        source: { address: same ? from : wide(from), port: source.port },
        destination: { address: same ? to : wide(to), port: destination.port },
    };
}

/** Around a TCP segment or a UDP datagram, whose checksum is at `checksumAt` and still 0. */
function ipPacket(ends: PacketEnds, protocol: 6 | 17, segment: Buffer, checksumAt: number): Buffer {
    const [from, to] = [ends.source.address, ends.destination.address];
    const pseudo = sum(from, 0) + sum(to, 0) + protocol + segment.length;
    const checksum = folded(sum(segment, pseudo));
    // 0 means "none" in UDP; its complement is the same number.
    segment.writeUInt16BE(protocol === 17 && checksum === 0 ? 0xffff : checksum, checksumAt);
    if (from.length === 16) {
        const head = Buffer.alloc(8);
        head[0] = 0x60;
        head.writeUInt16BE(segment.length, 4);
        head[6] = protocol;
        head[7] = 64;
        return Buffer.concat([head, from, to, segment]);
    }
    const head = Buffer.alloc(12);
    head[0] = 0x45;
    head.writeUInt16BE(20 + segment.length, 2);
    head.writeUInt16BE(0x4000, 6); // do not fragment
    head[8] = 64;
    head[9] = protocol;
    const whole = Buffer.concat([head, from, to]);
    whole.writeUInt16BE(folded(sum(whole, 0)), 10);
    return Buffer.concat([whole, segment]);
}

export const tcpFlags = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

/** The largest piece of a stream that one packet takes. */
export const mostSegment = 32 * 1024;

export function tcpPacket(
    ends: PacketEnds,
    given: { sequence: number; acknowledged: number; flags: number },
    payload: Buffer,
): Buffer {
    const head = Buffer.alloc(20);
    head.writeUInt16BE(ends.source.port, 0);
    head.writeUInt16BE(ends.destination.port, 2);
    head.writeUInt32BE(given.sequence >>> 0, 4);
    head.writeUInt32BE(given.acknowledged >>> 0, 8);
    head[12] = 5 << 4;
    head[13] = given.flags;
    head.writeUInt16BE(0xffff, 14);
    return ipPacket(ends, 6, Buffer.concat([head, payload]), 16);
}

export function udpPacket(ends: PacketEnds, payload: Buffer): Buffer {
    const head = Buffer.alloc(8);
    head.writeUInt16BE(ends.source.port, 0);
    head.writeUInt16BE(ends.destination.port, 2);
    head.writeUInt16BE(8 + payload.length, 4);
    return ipPacket(ends, 17, Buffer.concat([head, payload]), 6);
}
