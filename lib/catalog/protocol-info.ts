// The two binary forms of a protocol catalog entry, bytes to values and back: WSAPROTOCOL_INFOW (628 bytes, the same in
// 32- and 64-bit programs) and the registry's PackedCatalogItem (888 bytes: 260 of ANSI path, then the 628). Pure.
// https://learn.microsoft.com/windows/win32/api/winsock2/ns-winsock2-wsaprotocol_infow

import { MAX_PATH, MAX_PROTOCOL_CHAIN, WSAPROTOCOL_LEN } from "./names.js";

/** sizeof(WSAPROTOCOL_INFOW). */
export const protocolInfoSize = 628;
/** Size of the registry value PackedCatalogItem. */
export const catalogItemSize = MAX_PATH + protocolInfoSize;

const offset = {
    serviceFlags1: 0,
    serviceFlags2: 4,
    serviceFlags3: 8,
    serviceFlags4: 12,
    providerFlags: 16,
    providerId: 20,
    catalogEntryId: 36,
    chainLength: 40,
    chainEntries: 44,
    version: 72,
    addressFamily: 76,
    maxSockAddr: 80,
    minSockAddr: 84,
    socketType: 88,
    protocol: 92,
    protocolMaxOffset: 96,
    networkByteOrder: 100,
    securityScheme: 104,
    messageSize: 108,
    providerReserved: 112,
    name: 116,
} as const;

const unsignedFields = [
    "serviceFlags1",
    "serviceFlags2",
    "serviceFlags3",
    "serviceFlags4",
    "providerFlags",
    "catalogEntryId",
    "messageSize",
    "providerReserved",
] as const;
const signedFields = [
    "chainLength",
    "version",
    "addressFamily",
    "maxSockAddr",
    "minSockAddr",
    "socketType",
    "protocol",
    "protocolMaxOffset",
    "networkByteOrder",
    "securityScheme",
] as const;

type NumericField = (typeof unsignedFields)[number] | (typeof signedFields)[number];

/** The members of WSAPROTOCOL_INFOW: numbers as Winsock has them (DWORDs unsigned, ints signed). */
export interface ProtocolInfoFields extends Record<NumericField, number> {
    /** GUID, upper case in braces. */
    providerId: string;
    /** All seven places of ProtocolChain.ChainEntries; those from `chainLength` on mean nothing. */
    chainEntries: readonly number[];
    /** szProtocol up to its terminating zero: at most 255 UTF-16 units, 256 if the terminator is missing. */
    name: string;
}

/** A decoded WSAPROTOCOL_INFOW with the 628 bytes that it was decoded from. */
export interface ProtocolInfo extends ProtocolInfoFields {
    readonly bytes: Uint8Array;
}

const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, "0");

/** 16 bytes in the layout of the Windows GUID structure as text: upper case in braces. */
export function formatGuid(bytes: Uint8Array): string {
    if (bytes.byteLength !== 16) {
        throw new TypeError(`a GUID has 16 bytes, not ${bytes.byteLength}`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
    const tail = [...bytes.subarray(8)].map((byte) => hex(byte, 2)).join("");
    const head = [hex(view.getUint32(0, true), 8), hex(view.getUint16(4, true), 4), hex(view.getUint16(6, true), 4)];
    return `{${head.join("-")}-${tail.slice(0, 4)}-${tail.slice(4)}}`;
}

const guidPattern = /^\{?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\}?$/i;

/** A GUID in text (any case, with or without braces) as the 16 bytes of the Windows GUID structure. */
export function parseGuid(text: string): Uint8Array {
    const match = guidPattern.exec(text);
    if (match === null) {
        throw new TypeError(`not a GUID: "${text}"`);
    }
    const part = (index: number): string => match[index] ?? "";
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, Number.parseInt(part(1), 16), true);
    view.setUint16(4, Number.parseInt(part(2), 16), true);
    view.setUint16(6, Number.parseInt(part(3), 16), true);
    const tail = part(4) + part(5);
    for (let index = 0; index < 8; ++index) {
        bytes[8 + index] = Number.parseInt(tail.slice(index * 2, index * 2 + 2), 16);
    }
    return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** UTF-16LE units up to the first zero. Lone surrogates stay as they are. */
function readName(view: DataView): string {
    let name = "";
    for (let index = 0; index <= WSAPROTOCOL_LEN; ++index) {
        const unit = view.getUint16(offset.name + index * 2, true);
        if (unit === 0) {
            break;
        }
        name += String.fromCharCode(unit);
    }
    return name;
}

/**
 * The members of a WSAPROTOCOL_INFOW. Any 628 bytes decode; the result keeps a copy of them in `bytes`.
 *
 * @throws TypeError if `bytes` is not 628 bytes long.
 */
export function decodeProtocolInfo(bytes: Uint8Array): ProtocolInfo {
    if (bytes.byteLength !== protocolInfoSize) {
        throw new TypeError(`a WSAPROTOCOL_INFOW has ${protocolInfoSize} bytes, not ${bytes.byteLength}`);
    }
    const copy = bytes.slice();
    const view = viewOf(copy);
    const numbers: Partial<ProtocolInfoFields> = {};
    for (const field of unsignedFields) {
        numbers[field] = view.getUint32(offset[field], true);
    }
    for (const field of signedFields) {
        numbers[field] = view.getInt32(offset[field], true);
    }
    return {
        ...(numbers as ProtocolInfoFields),
        providerId: formatGuid(copy.subarray(offset.providerId, offset.providerId + 16)),
        chainEntries: Array.from({ length: MAX_PROTOCOL_CHAIN }, (_, index) =>
            view.getUint32(offset.chainEntries + index * 4, true),
        ),
        name: readName(view),
        bytes: copy,
    };
}

/**
 * The 628 bytes of these members. With `base`, members that are left out, and bytes that no member shows (behind the
 * name's terminator), stay as they are there; without it they are zero. So `encodeProtocolInfo(decode(b), b)` is `b`.
 *
 * @throws TypeError if a number does not fit its place, the chain has not seven places, or the name is longer than 256
 * UTF-16 units.
 */
export function encodeProtocolInfo(fields: Partial<ProtocolInfoFields>, base?: Uint8Array): Uint8Array {
    if (base !== undefined && base.byteLength !== protocolInfoSize) {
        throw new TypeError(`a WSAPROTOCOL_INFOW has ${protocolInfoSize} bytes, not ${base.byteLength}`);
    }
    const bytes = base?.slice() ?? new Uint8Array(protocolInfoSize);
    const view = viewOf(bytes);
    for (const field of unsignedFields) {
        const value = fields[field];
        if (value !== undefined) {
            view.setUint32(offset[field], inRange(field, value, 0, 0xffff_ffff), true);
        }
    }
    for (const field of signedFields) {
        const value = fields[field];
        if (value !== undefined) {
            view.setInt32(offset[field], inRange(field, value, -0x8000_0000, 0x7fff_ffff), true);
        }
    }
    if (fields.providerId !== undefined) {
        bytes.set(parseGuid(fields.providerId), offset.providerId);
    }
    if (fields.chainEntries !== undefined) {
        if (fields.chainEntries.length !== MAX_PROTOCOL_CHAIN) {
            throw new TypeError(`a protocol chain has ${MAX_PROTOCOL_CHAIN} places, not ${fields.chainEntries.length}`);
        }
        for (const [index, id] of fields.chainEntries.entries()) {
            view.setUint32(offset.chainEntries + index * 4, inRange("chainEntries", id, 0, 0xffff_ffff), true);
        }
    }
    if (fields.name !== undefined && fields.name !== readName(view)) {
        writeName(bytes, view, fields.name);
    }
    return bytes;
}

function inRange(field: string, value: number, low: number, high: number): number {
    if (!Number.isInteger(value) || value < low || value > high) {
        throw new TypeError(`${field} must be a whole number from ${low} to ${high}, not ${value}`);
    }
    return value;
}

function writeName(bytes: Uint8Array, view: DataView, name: string): void {
    if (name.length > WSAPROTOCOL_LEN + 1) {
        throw new TypeError(`a protocol's name has at most ${WSAPROTOCOL_LEN} UTF-16 units, not ${name.length}`);
    }
    bytes.fill(0, offset.name);
    for (let index = 0; index < name.length; ++index) {
        view.setUint16(offset.name + index * 2, name.charCodeAt(index), true);
    }
}

/** A decoded PackedCatalogItem with the 888 bytes that it was decoded from. */
export interface CatalogItem {
    /**
     * The provider's DLL as registered, unexpanded. One character per byte (ISO 8859-1): which ANSI code page wrote it
     * is not recorded, and paths outside ASCII are rare there.
     */
    path: string;
    info: ProtocolInfo;
    readonly bytes: Uint8Array;
}

/**
 * The parts of a PackedCatalogItem. Any 888 bytes decode.
 *
 * @throws TypeError if `bytes` is not 888 bytes long.
 */
export function decodeCatalogItem(bytes: Uint8Array): CatalogItem {
    if (bytes.byteLength !== catalogItemSize) {
        throw new TypeError(`a PackedCatalogItem has ${catalogItemSize} bytes, not ${bytes.byteLength}`);
    }
    const copy = bytes.slice();
    return { path: readPath(copy), info: decodeProtocolInfo(copy.subarray(MAX_PATH)), bytes: copy };
}

function readPath(bytes: Uint8Array): string {
    const field = bytes.subarray(0, MAX_PATH);
    const end = field.indexOf(0);
    return String.fromCharCode(...(end === -1 ? field : field.subarray(0, end)));
}

/**
 * The 888 bytes of a path and an info. With `base`, the bytes behind the path's terminator stay as they are there if
 * the path is the same.
 *
 * @throws TypeError if the path does not fit into 260 bytes (a path of exactly 260 is what a damaged item without
 * terminator decodes to, and is written back as it was) or has characters above U+00FF.
 */
export function encodeCatalogItem(item: { path: string; info: Uint8Array }, base?: Uint8Array): Uint8Array {
    if (item.info.byteLength !== protocolInfoSize) {
        throw new TypeError(`a WSAPROTOCOL_INFOW has ${protocolInfoSize} bytes, not ${item.info.byteLength}`);
    }
    const bytes = base?.slice() ?? new Uint8Array(catalogItemSize);
    if (bytes.byteLength !== catalogItemSize) {
        throw new TypeError(`a PackedCatalogItem has ${catalogItemSize} bytes, not ${bytes.byteLength}`);
    }
    if (base === undefined || readPath(bytes) !== item.path) {
        if (item.path.length > MAX_PATH) {
            throw new TypeError(`a provider's path has at most ${MAX_PATH - 1} characters, not ${item.path.length}`);
        }
        bytes.fill(0, 0, MAX_PATH);
        for (let index = 0; index < item.path.length; ++index) {
            bytes[index] = inRange("a character of the path", item.path.charCodeAt(index), 1, 0xff);
        }
    }
    bytes.set(item.info, MAX_PATH);
    return bytes;
}
