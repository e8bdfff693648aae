/**
 * The client's side of SOCKS5 (RFC 1928) with user and password (RFC 1929), for streams and datagrams.
 *
 * Not by a library: those of npm hand the socket over flowing, so that what a server says first is lost while the
 * program's own connection is on its way, and tell the proxy's refusal as prose where a Winsock error has to come of
 * it.
 */
import * as net from "node:net";
import type { Duplex } from "node:stream";
import type { Proxy } from "../policy/model.js";
import { addressBytes, addressText } from "./addresses.js";
import { WayError } from "./errors.js";
import { Handshake } from "./handshake.js";

/** Where a proxy is to connect to: an address, or a host name that it resolves. */
export interface Target {
    readonly host: string;
    readonly port: number;
}

const version = 5;
const none = 0;
const userPassword = 2;
const noneAcceptable = 0xff;
const commands = { connect: 1, associate: 3 } as const;
const types = { ipv4: 1, name: 3, ipv6: 4 } as const;

/** What a reply says, as the Winsock error that the program gets, and whose fault it is. */
const replies: ReadonlyMap<number, readonly [text: string, code: string, side: "proxy" | "target"]> = new Map([
    [1, ["general failure", "WSAEHOSTUNREACH", "target"]],
    [2, ["not allowed by its rules", "WSAEACCES", "target"]],
    [3, ["network unreachable", "WSAENETUNREACH", "target"]],
    [4, ["host unreachable", "WSAEHOSTUNREACH", "target"]],
    [5, ["connection refused", "WSAECONNREFUSED", "target"]],
    [6, ["TTL expired", "WSAEHOSTUNREACH", "target"]],
    [7, ["command not supported", "WSAEOPNOTSUPP", "proxy"]],
    [8, ["address type not supported", "WSAEAFNOSUPPORT", "proxy"]],
] as const);

export function encodeTarget({ host, port }: Target): Buffer {
    const end = Buffer.from([port >> 8, port & 0xff]);
    const address = addressBytes(host);
    if (address !== undefined) {
        return Buffer.concat([Buffer.from([address.length === 4 ? types.ipv4 : types.ipv6]), address, end]);
    }
    const name = Buffer.from(host, "latin1");
    if (name.length === 0 || name.length > 255) {
        throw new WayError(`the name "${host}" is too long for SOCKS5`, { code: "WSAEHOSTUNREACH", side: "target" });
    }
    return Buffer.concat([Buffer.from([types.name, name.length]), name, end]);
}

function fault(message: string): WayError {
    return new WayError(message, { code: "WSAECONNABORTED", side: "proxy" });
}

async function readTarget(talk: Handshake, type: number): Promise<Target> {
    const length =
        type === types.ipv4 ? 4 : type === types.ipv6 ? 16 : type === types.name ? (await talk.read(1))[0]! : -1;
    if (length < 0) {
        throw fault(`the SOCKS5 proxy's reply has an address of the unknown type ${type}`);
    }
    const bytes = await talk.read(length + 2);
    const address = bytes.subarray(0, length);
    const host = type === types.name ? address.toString("latin1") : addressText(address);
    return { host, port: bytes.readUInt16BE(length) };
}

/** Greets a SOCKS5 proxy over `stream` and shows it who we are. */
export async function greetSocks5(stream: Duplex, { user, password }: Proxy): Promise<void> {
    const talk = new Handshake(stream);
    try {
        talk.write(Buffer.from(user === undefined ? [version, 1, none] : [version, 2, none, userPassword]));
        const [spoken, method] = await talk.read(2);
        if (spoken !== version) {
            throw fault("the proxy does not speak SOCKS5");
        }
        if (method === userPassword && user !== undefined) {
            await authenticate(talk, user, password ?? "");
        } else if (method !== none) {
            const text = method === noneAcceptable ? "wants a user and a password" : `wants the method ${method}`;
            throw new WayError(`the SOCKS5 proxy ${text}`, { code: "WSAEACCES", side: "proxy" });
        }
    } finally {
        talk.end();
    }
}

async function authenticate(talk: Handshake, user: string, password: string): Promise<void> {
    const [name, secret] = [Buffer.from(user), Buffer.from(password)];
    if (name.length === 0 || name.length > 255 || secret.length > 255) {
        throw new WayError("user and password of a SOCKS5 proxy may have 255 bytes", {
            code: "WSAEACCES",
            side: "proxy",
        });
    }
    talk.write(Buffer.concat([Buffer.from([1, name.length]), name, Buffer.from([secret.length]), secret]));
    const [, status] = await talk.read(2);
    if (status !== 0) {
        throw new WayError("the SOCKS5 proxy does not accept user and password", { code: "WSAEACCES", side: "proxy" });
    }
}

/** Asks a SOCKS5 proxy that was greeted. Gives the address that it answers with. */
async function request(stream: Duplex, command: keyof typeof commands, target: Target): Promise<Target> {
    const talk = new Handshake(stream);
    try {
        talk.write(Buffer.concat([Buffer.from([version, commands[command], 0]), encodeTarget(target)]));
        const reply = await talk.read(4);
        if (reply[0] !== version) {
            throw fault("the proxy's reply is not SOCKS5");
        }
        if (reply[1] !== 0) {
            const [text, code, side] =
                replies.get(reply[1]!) ?? ([`failure ${reply[1]}`, "WSAEHOSTUNREACH", "target"] as const);
            throw new WayError(`the SOCKS5 proxy on ${target.host}:${target.port}: ${text}`, { code, side });
        }
        return await readTarget(talk, reply[3]!);
    } finally {
        talk.end();
    }
}

/** From now on `stream` leads to `target`. */
export async function connectSocks5(stream: Duplex, target: Target): Promise<void> {
    await request(stream, "connect", target);
}

/** Where the proxy takes datagrams as long as `stream` is open. */
export async function associateSocks5(stream: net.Socket): Promise<Target> {
    const any = stream.remoteFamily === "IPv6" ? "::" : "0.0.0.0";
    const relay = await request(stream, "associate", { host: any, port: 0 });
    // Many a proxy says 0.0.0.0 and means: at my address.
    const unspecified = relay.host === "0.0.0.0" || relay.host === "::";
    return unspecified ? { host: stream.remoteAddress ?? relay.host, port: relay.port } : relay;
}

/** A datagram as it goes to the proxy. */
export function encodeDatagram(target: Target, payload: Uint8Array): Buffer {
    return Buffer.concat([Buffer.from([0, 0, 0]), encodeTarget(target), payload]);
}

/** A datagram as it comes from the proxy; undefined: none of SOCKS5, or a fragment. */
export function parseDatagram(bytes: Buffer): { from: Target; payload: Buffer } | undefined {
    if (bytes.length < 5 || bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 0) {
        return undefined;
    }
    const type = bytes[3];
    const begin = type === types.name ? 5 : 4;
    const length = type === types.ipv4 ? 4 : type === types.ipv6 ? 16 : type === types.name ? bytes[4]! : -1;
    if (length < 0 || bytes.length < begin + length + 2) {
        return undefined;
    }
    const address = bytes.subarray(begin, begin + length);
    const host = type === types.name ? address.toString("latin1") : addressText(address);
    const end = begin + length;
    return { from: { host, port: bytes.readUInt16BE(end) }, payload: bytes.subarray(end + 2) };
}
