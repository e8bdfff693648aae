// Stopping a socket in its source process so that another process can go on with it, and letting go of it there.
//
// Nothing here shuts a connection down: a shutdown acts on every descriptor, whoever has it.

import * as dgram from "node:dgram";
import * as net from "node:net";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { native } from "../native.js";
import { adoptedPath } from "./adopt.js";
import { isDoubled } from "./duplicate.js";
import { RawSocket } from "./raw-socket.js";
import { type Shareable, handleOf, socketOf } from "./socket-handle.js";

/** How long Windows may take to cancel a pending receive, in milliseconds; it takes microseconds. */
const longestCancel = 1000;
/** How long events (see {@link adoptedPath}) may take through the system's wait threads to libuv, in milliseconds. */
const longestEvent = 50;

/** What {@link suspendSocket} may be told. */
export interface SuspendOptions {
    /** Gives up waiting for what the socket has still to write. */
    signal?: AbortSignal;
}

function openHandleOf(socket: net.Socket): NonNullable<ReturnType<typeof handleOf>> {
    const handle = handleOf(socket);
    if (handle === undefined || socket.destroyed || socket.connecting) {
        throw new WinsockError(`The socket is ${socket.connecting ? "still connecting" : "closed"}.`, {
            code: socket.connecting ? "ERR_SOCKET_CONNECTING" : "ERR_SOCKET_CLOSED",
        });
    }
    return handle;
}

function checkStream(caller: string, socket: net.Socket): void {
    if (!(socket instanceof net.Socket)) {
        throw new TypeError(`${caller}: socket must be a net.Socket`);
    }
    if (socket instanceof TLSSocket) {
        throw new WinsockError(
            "A TLS connection cannot be moved: its keys live in this process. Share the socket under it, or move the " +
                "connection before the TLS handshake.",
            { code: "ERR_TLS_STATE" },
        );
    }
}

/**
 * Stops reading and gives the bytes that the stream had read from the system and nobody has consumed. They belong
 * before everything that is read from the socket afterwards: pass them on as `initialData`. No event is emitted.
 *
 * @throws WinsockError `ERR_SOCKET_CLOSED`, `ERR_SOCKET_CONNECTING`, `ERR_TLS_STATE`; `ERR_STREAM_ENCODED` if the bytes
 * have been decoded to text already (`setEncoding`).
 */
export function takeBuffered(socket: net.Socket): Buffer {
    checkStream("takeBuffered", socket);
    const handle = openHandleOf(socket);
    const decoder = (socket as unknown as { _readableState?: { decoder?: { lastNeed?: number } | null } })
        ._readableState?.decoder;
    if (socket.readableEncoding !== null && (socket.readableLength > 0 || (decoder?.lastNeed ?? 0) > 0)) {
        throw new WinsockError("The stream has decoded bytes to text (setEncoding) that nobody has read yet.", {
            code: "ERR_STREAM_ENCODED",
        });
    }
    socket.pause();
    handle.reading = false;
    handle.readStop();
    return socket.readableLength === 0 ? Buffer.alloc(0) : readQuietly(socket);
}

/** read() would tell the listeners of 'data' and ask for more; both are replaced for this one call. */
function readQuietly(socket: net.Socket): Buffer {
    const shadows = { emit: () => false, _read: () => undefined };
    const old = Object.entries(shadows).map(([name, value]) => {
        const descriptor = Object.getOwnPropertyDescriptor(socket, name);
        Object.defineProperty(socket, name, { value, configurable: true, writable: true });
        return [name, descriptor] as const;
    });
    try {
        // All of it by its number: read() without one would end the stream where the end is known already.
        return (socket.read(socket.readableLength) as Buffer | null) ?? Buffer.alloc(0);
    } finally {
        for (const [name, descriptor] of old) {
            Reflect.deleteProperty(socket, name);
            if (descriptor !== undefined) {
                Object.defineProperty(socket, name, descriptor);
            }
        }
    }
}

/** Resolves when the system has taken everything that was written, and the shutdown of an ended socket is done. */
async function drained(socket: net.Socket, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (socket.writableEnded ? socket.writableFinished : socket.writableLength === 0) {
        return;
    }
    let cleanUp = (): void => undefined;
    try {
        await new Promise<void>((resolve, reject) => {
            const onClose = (): void => {
                const message = "The socket was closed before it had written all.";
                reject(new WinsockError(message, { code: "ERR_SOCKET_CLOSED" }));
            };
            const onAbort = (): void => {
                reject(signal?.reason as Error);
            };
            const onDone = (error?: Error | null): void => {
                if (error) {
                    reject(error);
                } else {
                    resolve();
                }
            };
            cleanUp = () => {
                socket.off("close", onClose).off("finish", onDone);
                signal?.removeEventListener("abort", onAbort);
            };
            socket.once("close", onClose);
            signal?.addEventListener("abort", onAbort, { once: true });
            if (socket.writableEnded) {
                socket.once("finish", onDone);
            } else {
                socket.write(Buffer.alloc(0), onDone); // nothing, after all that was written before
            }
        });
    } finally {
        cleanUp();
    }
}

/** Sockets whose pending receive was cancelled and that have not read since. */
const cancelled = new WeakSet<net.Socket>();

/**
 * Cancels what is pending on a socket that does not read any more: until then the target could not take it off this
 * process's completion port. Libuv hears of it in the next turns of the loop.
 */
export function cancelReads(socket: net.Socket): void {
    if (!isDoubled(socket)) {
        // else what is pending on the other descriptor would be cancelled too
        native().cancelPending(socketOf(socket), longestCancel);
        cancelled.add(socket);
    }
}

/** Turns of the loop, or the time, after which libuv has heard that a receive was cancelled. */
async function cancellationHeard(socket: net.Socket): Promise<void> {
    await nextTurn();
    await nextTurn();
    if (adoptedPath(socket) === "emulated") {
        await delay(longestEvent);
    }
}

/**
 * Brings a connection to rest for a hand-over: stops reading, waits until everything written is with the system, cancels
 * what is pending, and gives the bytes of {@link takeBuffered}. Afterwards {@link releaseSocket} lets go of it, or
 * {@link resumeSocket} goes on. If it fails the socket reads on as before.
 *
 * @throws WinsockError as {@link takeBuffered}, or the signal's reason.
 */
export async function suspendSocket(socket: net.Socket, options: SuspendOptions = {}): Promise<Buffer> {
    refuseUnknownOptions("suspendSocket", options, ["signal"]);
    options.signal?.throwIfAborted();
    const flowing = socket.readableFlowing === true;
    const buffered = takeBuffered(socket);
    try {
        await drained(socket, options.signal);
        cancelReads(socket);
        await nextTurn();
        await nextTurn();
        openHandleOf(socket);
    } catch (error) {
        if (!socket.destroyed) {
            await resumeSocket(socket, buffered, { flowing });
        }
        throw error;
    }
    return buffered;
}

/** Goes on with a suspended socket, the bytes that were taken from it first. `flowing` (default true): `resume()`. */
export async function resumeSocket(
    socket: net.Socket,
    buffered: Uint8Array,
    options: { flowing?: boolean } = {},
): Promise<void> {
    refuseUnknownOptions("resumeSocket", options, ["flowing"]);
    if (socket.destroyed) {
        return;
    }
    if (buffered.byteLength > 0) {
        socket.unshift(Buffer.from(buffered));
    }
    await restartReading(socket);
    if (options.flowing ?? true) {
        socket.resume();
    }
}

/**
 * Undoes the stop of {@link takeBuffered} and {@link cancelReads}: the stream may believe that a read is under way, and
 * would never ask again. Reading begins when libuv has heard of the cancellation, which it would else take for an error.
 */
export async function restartReading(socket: net.Socket): Promise<void> {
    if (cancelled.delete(socket)) {
        await cancellationHeard(socket);
    }
    const handle = handleOf(socket);
    if (handle !== undefined && !socket.destroyed && !socket.readableEnded && !cancelled.has(socket)) {
        handle.reading = true;
        handle.readStart();
    }
}

/**
 * Closes this process's descriptor and nothing else: the connection, listener or UDP socket lives on in the processes
 * that have it too. What was written goes out first. The object is closed as by `destroy()` or `close()`; connections
 * that a released server had accepted stay open.
 *
 * `destroy()` alone would not do for a socket that is reading: libuv closes it over a receive that is pending.
 *
 * @throws WinsockError as {@link socketOf}, or the signal's reason. Resolves at once if it is closed already.
 */
export async function releaseSocket(socket: Shareable, options: SuspendOptions = {}): Promise<void> {
    refuseUnknownOptions("releaseSocket", options, ["signal"]);
    if (typeof socket === "bigint") {
        native().closeSocket(socket);
    } else if (socket instanceof RawSocket) {
        socket.close();
    } else if (socket instanceof net.Server) {
        await releaseServer(socket);
    } else if (socket instanceof dgram.Socket) {
        await releaseDatagram(socket);
    } else {
        await releaseStream(socket, options.signal);
    }
}

async function releaseStream(socket: net.Socket, signal: AbortSignal | undefined): Promise<void> {
    const handle = handleOf(socket);
    if (handle === undefined || socket.destroyed) {
        return;
    }
    socket.pause();
    handle.reading = false;
    handle.readStop();
    await drained(socket, signal);
    if (handleOf(socket) !== undefined) {
        cancelReads(socket);
        await nextTurn();
        await nextTurn();
    }
    if (!socket.closed) {
        await new Promise<void>((resolve) => {
            socket.once("close", () => {
                resolve();
            });
            socket.destroy();
        });
    }
}

async function releaseServer(server: net.Server): Promise<void> {
    if (handleOf(server) === undefined) {
        return;
    }
    // That of http.Server would also close the connections that are idle.
    net.Server.prototype.close.call(server);
    await nextTurn();
    await nextTurn();
}

async function releaseDatagram(socket: dgram.Socket): Promise<void> {
    await new Promise<void>((resolve, reject) => {
        try {
            socket.close(() => {
                resolve();
            });
        } catch (error) {
            if ((error as { code?: unknown }).code === "ERR_SOCKET_DGRAM_NOT_RUNNING") {
                resolve();
            } else {
                reject(error);
            }
        }
    });
}
