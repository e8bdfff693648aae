// The messages of a hand-over, values to bytes and back. Pure; every field of what comes in is checked.
//
//   HELLO      both, first: which end gives sockets (source) and which gets them (target)
//   GRANT      target: tickets, each good for one INFO. Also the back-pressure: no ticket, no socket
//   INFO       source: one socket, made for the target's process, with what its stream had read already
//   TAKEN      target: it is open here, and neither read from nor written to yet
//   DECLINED   target: it will not be taken
//   GO         source: our descriptor is closed (move), or stays (share): it is yours
//   DONE       target: its user has it
//   CANCEL     source, instead of GO: close your copy, it stays ours
//   BYE        both: why the connection ends now
//
// If the source's process ends before GO, the target owns the socket. If the channel ends before GO while the source
// lives, the target closes its copy and the source keeps its own.

import type { WinsockError } from "../../errors.js";
import { protocolInfoSize } from "../../catalog/protocol-info.js";
import { allocateFrame, badMessage } from "./frames.js";

export const messageType = {
    hello: 1,
    grant: 2,
    info: 3,
    taken: 4,
    declined: 5,
    go: 6,
    done: 7,
    cancel: 8,
    bye: 9,
} as const;

export type Role = "source" | "target";
export type ShareMode = "move" | "share";
export type SharedKind = "connected" | "listening" | "datagram" | "unconnected";
export type AdoptedPath = "native" | "emulated";

export const protocolVersion = 1;
export const ticketSize = 16;
export const secretSize = 16;
export const ledgerKeySize = 16;
/** Most tickets in one GRANT. */
export const mostTickets = 1024;
/** Most bytes of JSON that go with a socket. */
export const largestMessage = 64 * 1024;
/** Most bytes, read already by the source's stream, that go with a socket. */
export const largestData = 4 * 1024 * 1024;
const longestCode = 64;
const longestReason = 1024;
/** Our codes, Winsock's and Windows' own. */
const codePattern = /^(ERR|WSA|ERROR)_?[A-Z0-9_]{2,60}$/;

const magic = 0x49_50_53_57; // "WSPI"
const roles = ["source", "target"] as const;
const modes = ["move", "share"] as const;
const kinds = ["connected", "listening", "datagram", "unconnected"] as const;
const paths = [undefined, "native", "emulated"] as const;

export interface Hello {
    role: Role;
    /** What a ticket of `offerSocket` holds, 16 bytes; empty otherwise. */
    secret: Buffer;
    /** Of a source: the handle, in the target, of the page where it notes what it puts there (0: none), and its key. */
    ledger: number;
    ledgerKey: Buffer;
}

export interface Info {
    /** Number of the hand-over, chosen by the source, used once per channel. */
    id: number;
    kind: SharedKind;
    mode: ShareMode;
    ticket: Buffer;
    /** The 628 bytes of WSAPROTOCOL_INFOW. */
    info: Buffer;
    /** JSON text, empty if there is none. */
    message: Buffer;
    data: Buffer;
}

export interface Declined {
    id: number;
    /** Nothing was done with the info: the source may close the target's handle again. */
    untouched: boolean;
    code: string;
    reason: string;
}

export interface Bye {
    code: string;
    reason: string;
}

/** What arrives, by message. */
export interface MessageHandlers {
    hello(hello: Hello): void;
    grant(tickets: Buffer): void;
    info(info: Info): void;
    taken(id: number): void;
    declined(declined: Declined): void;
    go(id: number): void;
    done(id: number, path: AdoptedPath | undefined): void;
    cancel(id: number): void;
    bye(bye: Bye): void;
}

const empty = Buffer.alloc(0);

const helloHead = 28;

export function encodeHello({
    role,
    secret = empty,
    ledger = 0,
    ledgerKey = empty,
}: Partial<Hello> & { role: Role }): Buffer {
    const frame = allocateFrame(messageType.hello, helloHead + secret.length).fill(0, 5);
    frame.writeUInt32LE(magic, 5);
    frame.writeUInt16LE(protocolVersion, 9);
    frame[11] = roles.indexOf(role);
    frame[12] = secret.length;
    frame.writeUInt32LE(ledger, 13);
    ledgerKey.copy(frame, 17, 0, ledgerKeySize);
    secret.copy(frame, 5 + helloHead);
    return frame;
}

/** `tickets` is any number of 16 bytes after one another, at most `mostTickets` of them. */
export function encodeGrant(tickets: Uint8Array): Buffer {
    const frame = allocateFrame(messageType.grant, tickets.length);
    frame.set(tickets, 5);
    return frame;
}

const infoHead = 16 + ticketSize + protocolInfoSize;

export interface OutgoingInfo extends Omit<Info, "ticket" | "info" | "message" | "data"> {
    ticket: Uint8Array;
    info: Uint8Array;
    message?: Uint8Array | undefined;
    data?: Uint8Array | undefined;
}

export function encodeInfo(given: OutgoingInfo): Buffer {
    const message = given.message ?? empty;
    const data = given.data ?? empty;
    const frame = allocateFrame(messageType.info, infoHead + message.length + data.length);
    frame.writeUInt32LE(given.id, 5);
    frame[9] = kinds.indexOf(given.kind);
    frame[10] = modes.indexOf(given.mode);
    frame.writeUInt16LE(0, 11);
    frame.writeUInt32LE(message.length, 13);
    frame.writeUInt32LE(data.length, 17);
    frame.set(given.ticket, 21);
    frame.set(given.info, 21 + ticketSize);
    frame.set(message, 5 + infoHead);
    frame.set(data, 5 + infoHead + message.length);
    return frame;
}

function encodeId(type: number, id: number): Buffer {
    const frame = allocateFrame(type, 4);
    frame.writeUInt32LE(id, 5);
    return frame;
}

export const encodeTaken = (id: number): Buffer => encodeId(messageType.taken, id);
export const encodeGo = (id: number): Buffer => encodeId(messageType.go, id);
export const encodeCancel = (id: number): Buffer => encodeId(messageType.cancel, id);

export function encodeDone(id: number, path: AdoptedPath | undefined): Buffer {
    const frame = allocateFrame(messageType.done, 5);
    frame.writeUInt32LE(id, 5);
    frame[9] = paths.indexOf(path);
    return frame;
}

/** Text cut to that many bytes of UTF-8. */
function cut(text: string, most: number): Buffer {
    const bytes = Buffer.from(text);
    return bytes.length <= most ? bytes : bytes.subarray(0, most);
}

export function encodeDeclined({ id, untouched, code, reason }: Declined): Buffer {
    const codeBytes = cut(code, longestCode);
    const reasonBytes = cut(reason, longestReason);
    const frame = allocateFrame(messageType.declined, 6 + codeBytes.length + reasonBytes.length);
    frame.writeUInt32LE(id, 5);
    frame[9] = untouched ? 1 : 0;
    frame[10] = codeBytes.length;
    codeBytes.copy(frame, 11);
    reasonBytes.copy(frame, 11 + codeBytes.length);
    return frame;
}

export function encodeBye({ code, reason }: Bye): Buffer {
    const codeBytes = cut(code, longestCode);
    const reasonBytes = cut(reason, longestReason);
    const frame = allocateFrame(messageType.bye, 1 + codeBytes.length + reasonBytes.length);
    frame[5] = codeBytes.length;
    codeBytes.copy(frame, 6);
    reasonBytes.copy(frame, 6 + codeBytes.length);
    return frame;
}

function name<Name>(names: readonly Name[], index: number, what: string): Name {
    if (index >= names.length) {
        throw badMessage(`${what} ${index}`);
    }
    return names[index]!;
}

function need(payload: Buffer, size: number, what: string): void {
    if (payload.length !== size) {
        throw badMessage(`a ${what} of ${payload.length} bytes instead of ${size}`);
    }
}

/** The code is compared by programs, the reason is shown to people: neither may hold anything but what it is for. */
function decodeReason(payload: Buffer, start: number): Bye {
    const codeLength = payload[start] ?? 0;
    if (start + 1 + codeLength > payload.length) {
        throw badMessage(`a refusal whose code has ${codeLength} bytes`);
    }
    const code = payload.toString("latin1", start + 1, start + 1 + codeLength);
    const reasonBytes = payload.subarray(start + 1 + codeLength);
    if (!codePattern.test(code) || reasonBytes.length > longestReason) {
        throw badMessage("a refusal without a code");
    }
    return { code, reason: reasonBytes.toString().replace(/[\u0000-\u001f\u007f-\u009f]/g, " ") };
}

function decodeHello(payload: Buffer): Hello {
    if (payload.length < helloHead || payload.readUInt32LE(0) !== magic) {
        throw badMessage("something else than a HELLO of winsock-spi");
    }
    const version = payload.readUInt16LE(4);
    if (version !== protocolVersion) {
        throw badMessage(`version ${version} of the protocol (here it is ${protocolVersion})`);
    }
    const secretLength = payload[7]!;
    if (secretLength !== 0 && secretLength !== secretSize) {
        throw badMessage(`a secret of ${secretLength} bytes`);
    }
    need(payload, helloHead + secretLength, "HELLO");
    return {
        role: name(roles, payload[6]!, "role"),
        secret: payload.subarray(helloHead),
        ledger: payload.readUInt32LE(8),
        ledgerKey: payload.subarray(12, helloHead),
    };
}

function decodeInfo(payload: Buffer): Info {
    if (payload.length < infoHead) {
        throw badMessage(`an INFO of ${payload.length} bytes`);
    }
    const messageLength = payload.readUInt32LE(8);
    const dataLength = payload.readUInt32LE(12);
    if (messageLength > largestMessage || dataLength > largestData) {
        throw badMessage(`an INFO with a message of ${messageLength} bytes and data of ${dataLength} bytes`);
    }
    need(payload, infoHead + messageLength + dataLength, "INFO");
    if (payload.readUInt16LE(6) !== 0) {
        throw badMessage("an INFO with unknown flags");
    }
    return {
        id: payload.readUInt32LE(0),
        kind: name(kinds, payload[4]!, "kind of socket"),
        mode: name(modes, payload[5]!, "mode"),
        ticket: payload.subarray(16, 16 + ticketSize),
        info: payload.subarray(16 + ticketSize, infoHead),
        message: payload.subarray(infoHead, infoHead + messageLength),
        data: payload.subarray(infoHead + messageLength),
    };
}

function decodeId(payload: Buffer, what: string): number {
    need(payload, 4, what);
    return payload.readUInt32LE(0);
}

/**
 * Decodes one frame and calls the handler of its message.
 *
 * @throws WinsockError `ERR_BAD_MESSAGE`; whatever the handler throws
 */
export function dispatch(type: number, payload: Buffer, handlers: MessageHandlers): void {
    switch (type) {
        case messageType.hello:
            handlers.hello(decodeHello(payload));
            return;
        case messageType.grant:
            if (
                payload.length === 0 ||
                payload.length % ticketSize !== 0 ||
                payload.length > mostTickets * ticketSize
            ) {
                throw badMessage(`a GRANT of ${payload.length} bytes`);
            }
            handlers.grant(payload);
            return;
        case messageType.info:
            handlers.info(decodeInfo(payload));
            return;
        case messageType.taken:
            handlers.taken(decodeId(payload, "TAKEN"));
            return;
        case messageType.go:
            handlers.go(decodeId(payload, "GO"));
            return;
        case messageType.cancel:
            handlers.cancel(decodeId(payload, "CANCEL"));
            return;
        case messageType.done:
            need(payload, 5, "DONE");
            handlers.done(payload.readUInt32LE(0), name(paths, payload[4]!, "path"));
            return;
        case messageType.declined: {
            if (payload.length < 7 || payload[4]! > 1) {
                throw badMessage(`a DECLINED of ${payload.length} bytes`);
            }
            const { code, reason } = decodeReason(payload, 5);
            handlers.declined({ id: payload.readUInt32LE(0), untouched: payload[4] === 1, code, reason });
            return;
        }
        case messageType.bye:
            handlers.bye(decodeReason(payload, 0));
            return;
        default:
            throw badMessage(`a message of type ${type}`);
    }
}

/** For errors that go over the wire: ours and Windows' own have a code, anything else is a fault of this side. */
export function toReason(error: unknown): Bye {
    const { code, message } = (typeof error === "object" && error !== null ? error : {}) as Partial<WinsockError>;
    const known = typeof code === "string" && codePattern.test(code);
    return { code: known ? code : "ERR_INTERNAL", reason: typeof message === "string" ? message : String(error) };
}
