// `SocketSender`: one connection to a target, for many sockets.

import { refuseUnknownOptions } from "../errors.js";
import type { PeerCheck, PeerInfo } from "./peer.js";
import { checkCommon, checkPlace } from "./receive.js";
import type { Shareable } from "./socket-handle.js";
import type { SendOptions, SentSocket } from "./hand-over.js";
import { SourceLink } from "./source-link.js";
import type { Channel, TransportName } from "./transports/channel.js";
import { transport as findTransport } from "./transports/index.js";

/** To whom {@link connectSender} connects. */
export interface ConnectOptions {
    /** Where the target receives (its `at`), or a Channel to it that is there already. */
    to: string | Channel;
    /** Default `pipe`. */
    transport?: TransportName | undefined;
    /** To whom sockets are given. Default: a process of this user. */
    peer?: PeerCheck | undefined;
    /** Ends the wait for a connection with the signal's reason. */
    signal?: AbortSignal | undefined;
    /** Milliseconds for the connection to come about, and for the target to say who it is. Default 10,000. */
    timeout?: number | undefined;
}

export function checkSendOptions(caller: string, options: SendOptions): void {
    const { mode } = options;
    if (mode !== undefined && mode !== "move" && mode !== "share") {
        throw new TypeError(`${caller}: mode must be "move" or "share", not ${String(mode)}`);
    }
    checkCommon(caller, { signal: options.signal, timeout: options.timeout });
}

/**
 * A connection to a process that receives sockets. Any number may be on their way at a time; beyond what the target has
 * granted they wait here. The sockets are settled one by one: what becomes of one does not touch the others.
 */
export class SocketSender implements AsyncDisposable {
    readonly #link: SourceLink;

    /** Made by {@link connectSender}. @internal */
    constructor(link: SourceLink) {
        this.#link = link;
    }

    /** The process that gets the sockets. */
    get peer(): PeerInfo {
        return this.#link.peer;
    }

    /** Sockets that were given to `send` and are not settled yet. */
    get inFlight(): number {
        return this.#link.inFlight;
    }

    /** False once it was closed or the target's end is gone: `send` fails. */
    get open(): boolean {
        return this.#link.open;
    }

    /** Resolves when the connection has ended, whoever ended it. */
    get closed(): Promise<void> {
        return this.#link.closed;
    }

    /** As {@link sendSocket}, over this connection. */
    async send(socket: Shareable, options: SendOptions = {}): Promise<SentSocket> {
        refuseUnknownOptions("send", options, ["mode", "message", "signal", "timeout"]);
        checkSendOptions("send", options);
        return this.#link.send(socket, options);
    }

    /** Waits for what is in flight, then closes the connection. May be called again. */
    close(): Promise<void> {
        return this.#link.close();
    }

    /** As `close()`. */
    [Symbol.asyncDispose](): Promise<void> {
        return this.close();
    }

    /** An open connection keeps the process running, as sockets of Node do, unless this was called. */
    unref(): this {
        this.#link.unref();
        return this;
    }

    /** Keeps the process running again while the connection is open. */
    ref(): this {
        this.#link.ref();
        return this;
    }
}

/** @internal */
export async function connectLink(options: ConnectOptions, onIdle?: (idle: boolean) => void): Promise<SourceLink> {
    const { to, transport = "pipe", peer = {}, signal, timeout = 10_000 } = options;
    signal?.throwIfAborted();
    const channel =
        typeof to === "string" ? await (await findTransport(transport)).connect(to, { signal, timeout }) : to;
    return new SourceLink(channel, { check: peer, timeout, onIdle });
}

/** @internal */
export function checkConnectOptions(caller: string, options: ConnectOptions): void {
    if (typeof options !== "object" || options === null) {
        throw new TypeError(`${caller}: options must be an object`);
    }
    checkPlace(caller, "to", options.to);
    checkCommon(caller, options);
}

/**
 * Connects to a process that receives sockets, for more than one of them.
 *
 * @throws WinsockError `ERR_NO_LISTENER`, `ERR_TIMEOUT`, `ERR_PEER_REFUSED` (it is not who it should be),
 * `ERR_PROCESS_RIGHTS` (it is more privileged than this process), `ERR_NO_PROCESS`; the signal's reason; TypeError on misuse.
 */
export async function connectSender(options: ConnectOptions): Promise<SocketSender> {
    checkConnectOptions("connectSender", options);
    refuseUnknownOptions("connectSender", options, ["to", "transport", "peer", "signal", "timeout"]);
    return new SocketSender(await connectLink(options));
}
