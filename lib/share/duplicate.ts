// `duplicateSocket`: a live socket as the 628 bytes from which another process opens it.

import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { type ProtocolInfo, decodeProtocolInfo } from "../catalog/protocol-info.js";
import { native } from "../native.js";
import { type SocketState, stateOf, tripletOf } from "./model.js";
import { RawSocket } from "./raw-socket.js";
import { type Shareable, isOfNode, socketOf } from "./socket-handle.js";

/**
 * A socket on its way to another process: a WSAPROTOCOL_INFOW, for whom it was made, and what the socket was then.
 *
 * `bytes` are the 628 bytes that any program on Windows understands (Python's `socket.fromshare`, .NET's
 * `SocketInformation`, WSASocketW). Whoever reads `bytes` may give them away, so from then on the export counts as sent.
 */
export interface SharedSocketInfo extends ProtocolInfo {
    /** The only process that can open it, once. */
    readonly pid: number;
    readonly state: SocketState;
}

type Phase = "kept" | "sent" | "taken" | "revoked";

interface Export {
    readonly pid: number;
    readonly start: bigint;
    readonly handle: number;
    readonly bytes: Uint8Array;
    phase: Phase;
}

const exports = new WeakMap<SharedSocketInfo, Export>();

function exportOf(info: SharedSocketInfo): Export {
    const found = typeof info === "object" && info !== null ? exports.get(info) : undefined;
    if (found === undefined) {
        throw new TypeError("info must be what duplicateSocket returned in this thread");
    }
    return found;
}

const doubled = new WeakSet<object>();

/** Remembers to which process an object's socket was duplicated: it may be this one. */
export function markDoubled(socket: Shareable, pid: number): void {
    if (pid === process.pid && typeof socket === "object") {
        doubled.add(socket);
    }
}

/** Whether this very process may have another descriptor of the object's socket. */
export function isDoubled(socket: object): boolean {
    return doubled.has(socket);
}

/** Whether this is what duplicateSocket returned here. */
export function isExport(info: object): info is SharedSocketInfo {
    return exports.has(info as SharedSocketInfo);
}

/**
 * Puts a handle on the socket into the process `pid` and returns what that process opens it from. The source keeps the
 * socket as it is. Until the other process opens it, or it is revoked, the handle stays open there.
 *
 * Needs the right PROCESS_DUP_HANDLE on the process: Windows gives it for processes of the same user that are not more
 * privileged. Otherwise the more privileged side must be the one that sends.
 *
 * https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsaduplicatesocketw
 *
 * @throws WinsockError `ERR_NO_PROCESS`, `ERR_PROCESS_RIGHTS`, `ERR_SOCKET_CLOSED`, `ERR_NO_SOCKET`, `WSAENOTSOCK`,
 * `WSAEINVAL` (Winsock shares no socket with quality of service), `ERR_RUNTIME_UNSUPPORTED`.
 */
export function duplicateSocket(socket: Shareable, pid: number): SharedSocketInfo {
    if (!Number.isInteger(pid) || pid < 0 || pid > 0xffff_ffff) {
        throw new TypeError(`pid must be the id of a process, not ${String(pid)}`);
    }
    const value = socketOf(socket);
    const { info, start } = native().duplicateSocket(value, pid);
    markDoubled(socket, pid);
    const { bytes, ...fields } = decodeProtocolInfo(info);
    const nonBlocking = socket instanceof RawSocket ? socket.nonBlocking : isOfNode(socket) ? true : undefined;
    const state = stateOf(value, nonBlocking, tripletOf(fields));
    const record: Export = { pid, start, handle: fields.providerReserved, bytes, phase: "kept" };
    const shared: SharedSocketInfo = {
        ...fields,
        get bytes() {
            markSent(shared);
            return record.bytes;
        },
        pid,
        state,
    };
    exports.set(shared, record);
    return shared;
}

/** The 628 bytes, for code of this library that says itself when they have left (see {@link markSent}). */
export function bytesToSend(info: SharedSocketInfo): Uint8Array {
    return exportOf(info).bytes;
}

/** From now on the other process may have the socket. */
export function markSent(info: SharedSocketInfo): void {
    const record = exportOf(info);
    if (record.phase === "kept") {
        record.phase = "sent";
    }
}

/** The other process has opened it. */
export function markTaken(info: SharedSocketInfo): void {
    const record = exportOf(info);
    if (record.phase !== "revoked") {
        record.phase = "taken";
    }
}

/** What {@link revoke} may be told. */
export interface RevokeOptions {
    /** The receiver has said, in a way that you trust, that it has not opened and will not open the socket. */
    declined?: boolean;
}

/**
 * Takes an export back: closes the handle that waits in the other process. Possible while its bytes have not been given
 * away, or after the receiver declined it. Not otherwise: once the other process has opened the socket, the handle's
 * number may be anything there. May be called again. If that process has ended there is nothing left to close.
 *
 * @throws WinsockError `ERR_ALREADY_SENT`, `ERR_ALREADY_TAKEN`, `ERR_PROCESS_RIGHTS`.
 * @throws TypeError if `info` is not what `duplicateSocket` returned.
 */
export function revoke(info: SharedSocketInfo, options: RevokeOptions = {}): void {
    refuseUnknownOptions("revoke", options, ["declined"]);
    const record = exportOf(info);
    if (record.phase === "revoked") {
        return;
    }
    if (record.phase === "taken") {
        throw new WinsockError(`Process ${record.pid} has opened the socket.`, { code: "ERR_ALREADY_TAKEN" });
    }
    if (record.phase === "sent" && options.declined !== true) {
        throw new WinsockError(
            `The info has been given away: process ${record.pid} may have opened the socket, and its handle cannot ` +
                "be told from another one any more.",
            { code: "ERR_ALREADY_SENT" },
        );
    }
    native().revokeExport(record.pid, record.start, record.handle);
    record.phase = "revoked";
}
