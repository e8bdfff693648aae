// `sendSocket`: one call for the whole scenario.

import { refuseUnknownOptions } from "../errors.js";
import { type ConnectOptions, checkConnectOptions, checkSendOptions, connectLink } from "./sender.js";
import type { Shareable } from "./socket-handle.js";
import { type SendOptions, type SentSocket, notBegun } from "./hand-over.js";
import type { SourceLink } from "./source-link.js";
import type { Channel } from "./transports/channel.js";

/** What {@link sendSocket} may be told. */
export interface SendSocketOptions extends ConnectOptions, SendOptions {}

/** How long a connection that nobody uses is kept for the next socket, milliseconds. */
const keptIdle = 1000;

/** A connection that calls of sendSocket share while there are any. */
interface Shared {
    link: Promise<SourceLink>;
    users: number;
    timer: NodeJS.Timeout | undefined;
}

const byAddress = new Map<string, Shared>();
const byChannel = new WeakMap<Channel, Shared>();

function keyOf({ to, transport = "pipe", peer = {} }: ConnectOptions): string {
    return JSON.stringify([transport, to, peer.sameUser, peer.program, peer.sid]);
}

function sharedLink(options: ConnectOptions): Shared {
    const { to } = options;
    const key = typeof to === "string" ? keyOf(options) : "";
    const known = typeof to === "string" ? byAddress.get(key) : byChannel.get(to);
    if (known !== undefined) {
        return known;
    }
    const drop = (): void => {
        if (typeof to === "string") {
            if (byAddress.get(key) === made) {
                byAddress.delete(key);
            }
        }
    };
    // One caller's signal must not end the connection of the others.
    const made: Shared = { link: connectLink({ ...options, signal: undefined }), users: 0, timer: undefined };
    made.link.then((link) => void link.closed.then(drop), drop);
    if (typeof to === "string") {
        byAddress.set(key, made);
    } else {
        byChannel.set(to, made);
    }
    return made;
}

async function use<Result>(options: ConnectOptions, work: (link: SourceLink) => Promise<Result>): Promise<Result> {
    const shared = sharedLink(options);
    clearTimeout(shared.timer);
    shared.users++;
    try {
        const link = await untilAborted(shared.link, options.signal);
        link.ref();
        return await work(link);
    } finally {
        if (--shared.users === 0) {
            void shared.link.then(
                (link) => idle(shared, link, options),
                () => undefined,
            );
        }
    }
}

function idle(shared: Shared, link: SourceLink, { to }: ConnectOptions): void {
    if (shared.users > 0) {
        return;
    }
    link.unref(); // it may wait, but not keep the process
    if (typeof to === "string") {
        // a Channel is closed by whoever made it
        clearTimeout(shared.timer);
        shared.timer = setTimeout(() => void link.close(), keptIdle);
        shared.timer.unref();
    }
}

function untilAborted<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
    if (signal === undefined) {
        return promise;
    }
    return new Promise((resolve, reject) => {
        const onAbort = (): void => reject(signal.reason as Error);
        signal.addEventListener("abort", onAbort, { once: true });
        promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    });
}

/**
 * Gives a socket to another process, which takes it with `receiveSockets`. Resolves when the target's user has it.
 *
 * - `mode: "move"` (default): writing has been drained and reading stopped before; the bytes that the stream had read
 *   and nobody had consumed go along; this process's descriptor is closed, without a shutdown, before the target
 *   touches the connection. If the hand-over fails before the target has opened the socket, it is put back as it was.
 *   If this process ends in between, the target owns it.
 * - `mode: "share"`: both keep it; who reads and who writes is for them to arrange.
 *
 * Calls with the same `to`, `transport` and `peer` share one connection while there are any.
 *
 * @throws WinsockError `ERR_NO_LISTENER`, `ERR_TIMEOUT`, `ERR_PEER_REFUSED`, `ERR_PROCESS_RIGHTS` (the target is more
 * privileged: it must be the one that sends), `ERR_NO_PROCESS`, `ERR_CHANNEL_CLOSED` (the socket is still ours),
 * `ERR_UNCONFIRMED` (it is not: the target ended while it was being given), `ERR_SOCKET_CLOSED`, and the codes with
 * which a target declines; the signal's reason; TypeError on misuse.
 *
 * @example
 * const { pid } = await sendSocket(socket, { to: "my-service", message: { head: "GET /" } });
 */
export async function sendSocket(socket: Shareable, options: SendSocketOptions): Promise<SentSocket> {
    checkConnectOptions("sendSocket", options);
    const { mode, message, ...connect } = options;
    refuseUnknownOptions("sendSocket", connect, ["to", "transport", "peer", "signal", "timeout"]);
    checkSendOptions("sendSocket", options);
    const send = (): Promise<SentSocket> =>
        use(connect, (link) => link.send(socket, { mode, message, signal: options.signal, timeout: options.timeout }));
    try {
        return await send();
    } catch (error) {
        // The connection that was shared had been closed by the other side, as it does with idle ones: once more.
        if (typeof options.to === "string" && typeof error === "object" && error !== null && notBegun.has(error)) {
            return await send();
        }
        throw error;
    }
}
