// One socket on its way to another process, as its source sees it.

import type { ShareMode, SocketPath } from "./model.js";
import type { Export } from "./peer.js";
import type { Shareable } from "./socket-handle.js";
import type { StoppedSocket } from "./source-socket.js";

/** How a socket is handed over. */
export interface SendOptions {
    /** `move` (default): the target alone has it afterwards; what the stream had read goes along. `share`: both do. */
    mode?: ShareMode | undefined;
    /** Anything that JSON can hold, at most 64 KiB of it. */
    message?: unknown;
    /** Takes the hand-over back, with the signal's reason, as long as the target has not opened the socket. */
    signal?: AbortSignal | undefined;
    /** Milliseconds for the target to open the socket. Default 10,000. */
    timeout?: number | undefined;
}

/** A socket that the target has. */
export interface SentSocket {
    /** The process that has it. */
    pid: number;
    mode: ShareMode;
    /** How the target's libuv waits for it; undefined where it is not libuv that does. */
    path: SocketPath | undefined;
}

let lost = 0;

export function countLost(exports: number): void {
    lost += exports;
}

/**
 * How many sockets this process has put into others that never said what became of them: handles that may be open there
 * until those processes end. A hand-over that timed out is not one if the target still answers.
 */
export function lostExports(): number {
    return lost;
}

/** Marks errors of hand-overs that never began: they may be tried again on another connection. */
export const notBegun = new WeakSet<object>();

/**
 * draining -> waiting (for a ticket) -> offered -> releasing -> given; `cancelled` is offered and taken back, until the
 * target has answered all the same.
 */
export type Phase = "draining" | "waiting" | "offered" | "cancelled" | "releasing" | "given";

export interface HandOver {
    readonly socket: Shareable;
    readonly mode: ShareMode;
    readonly message: Buffer | undefined;
    readonly resolve: (sent: SentSocket) => void;
    readonly reject: (error: unknown) => void;
    phase: Phase;
    id: number;
    exported: Export | undefined;
    stopped: StoppedSocket | undefined;
    timer: NodeJS.Timeout | undefined;
    signal: AbortSignal | undefined;
    onAbort: (() => void) | undefined;
}
