// Who is at the other end of a channel, as the operating system knows it, and whether that is who it should be.

import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { guard, native } from "../native.js";
import { type PeerHandle, peerMethods } from "../native/peer.js";
import type { Channel } from "./transports/channel.js";

/** Whom to hand sockets to, or to take them from. Everything that is given must hold. */
export interface PeerCheck {
    /** The process belongs to this process's user. Default true, unless `sid` names a user. */
    sameUser?: boolean | undefined;
    /** Full path of its program, e.g. `process.execPath`; compared as Windows does, without regard to case. */
    program?: string | undefined;
    /** SID of its user as text, e.g. `S-1-5-18` for a service that runs as SYSTEM. */
    sid?: string | undefined;
}

/** A process, as the operating system describes it. */
export interface PeerInfo {
    pid: number;
    /** Full path of its program; empty where this process may not ask. */
    program: string;
    /** SID of its user as text; empty where this process may not ask. */
    user: string;
}

export function checkPeerCheck(caller: string, check: PeerCheck | undefined): void {
    if (check === undefined) {
        return;
    }
    if (typeof check !== "object" || check === null) {
        throw new TypeError(`${caller}: peer must be an object`);
    }
    refuseUnknownOptions(`${caller}: peer`, check, ["sameUser", "program", "sid"]);
    if (check.sameUser !== undefined && typeof check.sameUser !== "boolean") {
        throw new TypeError(`${caller}: peer.sameUser must be a boolean`);
    }
    for (const name of ["program", "sid"] as const) {
        if (check[name] !== undefined && typeof check[name] !== "string") {
            throw new TypeError(`${caller}: peer.${name} must be a string`);
        }
    }
}

let ownUser: string | undefined;

function refusal(info: PeerInfo, check: PeerCheck): string | undefined {
    const { sameUser = check.sid === undefined, program, sid } = check;
    ownUser ??= native().ownUser();
    if (sameUser && info.user !== ownUser) {
        return `belongs to ${info.user || "a user who may not be asked for"} and not to this process's user`;
    }
    if (sid !== undefined && info.user.toUpperCase() !== sid.toUpperCase()) {
        return `belongs to ${info.user || "a user who may not be asked for"} and not to ${sid}`;
    }
    if (program !== undefined && info.program.toLowerCase() !== program.toLowerCase()) {
        return `runs ${info.program || "a program that may not be asked for"} and not ${program}`;
    }
    return undefined;
}

/** A socket in the other process that waits to be adopted there. */
export interface Export {
    /** The 628 bytes of WSAPROTOCOL_INFOW. */
    readonly info: Uint8Array;
    /** Number of the handle there. */
    readonly handle: number;
}

/** Where dwProviderReserved is. */
const handleOffset = 112;

/** The process at the other end of a channel, held open: its id cannot come to mean another process. */
export class Peer {
    readonly info: PeerInfo;
    readonly #handle: PeerHandle;

    /**
     * @throws WinsockError `ERR_NO_PROCESS`, `ERR_PROCESS_RIGHTS`, `ERR_PEER_REFUSED`
     */
    constructor(channel: Channel, check: PeerCheck, forExport: boolean) {
        const pid = channel.peerPid;
        this.#handle = guard(native().openPeer(pid, forExport), peerMethods);
        try {
            // Asked again now that the process is held: else the number might have passed to another process meanwhile.
            if (channel.verify !== undefined && channel.verify() !== pid) {
                throw new WinsockError(`Process ${pid} at the other end of the channel has ended.`, {
                    code: "ERR_NO_PROCESS",
                });
            }
            this.info = { pid, program: this.#handle.program(), user: this.#user() };
            const problem = refusal(this.info, check);
            if (problem !== undefined) {
                throw new WinsockError(`Process ${pid} at the other end of the channel ${problem}.`, {
                    code: "ERR_PEER_REFUSED",
                });
            }
        } catch (error) {
            this.#handle.close();
            throw error;
        }
    }

    #user(): string {
        try {
            return this.#handle.user();
        } catch {
            return ""; // another user's process; what the check makes of it is its own affair
        }
    }

    /** Puts a socket into the process, held by `Peer(..., forExport)`. */
    duplicate(socket: bigint, id: number): Export {
        const info = this.#handle.duplicate(socket, id);
        return { info, handle: Buffer.from(info.buffer, info.byteOffset).readUInt32LE(handleOffset) };
    }

    /**
     * Notes from now on what is put into the process, where it can read it: the handle there. 0 if that is not possible;
     * sockets can be sent all the same.
     */
    makeLedger(key: Uint8Array): number {
        try {
            return this.#handle.makeLedger(key);
        } catch {
            return 0;
        }
    }

    /** @throws WinsockError `ERR_BAD_LEDGER` */
    openLedger(handle: number, key: Uint8Array): void {
        this.#handle.openLedger(handle, key);
    }

    /** The process has ended: closes what it had put here and not told us of, after the hand-over of that number. */
    closeUnclaimed(id: number): void {
        this.#handle.closeUnclaimed(id);
    }

    /** Takes back what the process has not adopted. */
    revoke({ handle }: Export): void {
        this.#handle.revoke(handle);
    }

    isAlive(): boolean {
        return this.#handle.isAlive();
    }

    /**
     * Resolves to whether the process has ended, which takes a moment after its channel broke. `background`: the wait
     * does not keep this process running.
     */
    async hasEnded(milliseconds: number, { background = false } = {}): Promise<boolean> {
        const deadline = performance.now() + milliseconds;
        while (this.#handle.isAlive()) {
            if (performance.now() >= deadline) {
                return false;
            }
            await new Promise((resolve) => {
                const timer = setTimeout(resolve, 5);
                if (background) {
                    timer.unref();
                }
            });
        }
        return true;
    }

    close(): void {
        this.#handle.close();
    }
}
