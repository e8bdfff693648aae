// `receiveSockets`: the sockets that other processes send here, as an async iterable.

import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { type PeerCheck, checkPeerCheck } from "./peer.js";
import { type ReceivedOptions, type ReceivedSocket, build } from "./received.js";
import { type Arrival, TargetLink } from "./target-link.js";
import type { Channel, ChannelListener, TransportName } from "./transports/channel.js";
import { transport as findTransport } from "./transports/index.js";

export interface ReceiveOptions extends ReceivedOptions {
    /** The address to listen at (what senders give as `to`), or one Channel that is there already. */
    at: string | Channel;
    /** Default `pipe`. */
    transport?: TransportName | undefined;
    /** From whom sockets are taken. Default: processes of this user. */
    peer?: PeerCheck | undefined;
    /** Ends the iteration with the signal's reason. */
    signal?: AbortSignal | undefined;
    /** Milliseconds that a sender has to say who it is, and to finish a message. Default 10,000. */
    timeout?: number | undefined;
    /** Sockets that one sender may have on their way, or waiting here to be asked for. Default 512. */
    window?: number | undefined;
    /** Senders connected at a time. One more, and the one that has been idle longest is disconnected. Default 256. */
    maxConnections?: number | undefined;
    /** Who may connect, as SDDL text, where the transport has a security descriptor. Default: this user alone. */
    sddl?: string | undefined;
    /** Hears what went wrong with one sender; the others are served on. */
    onError?: ((error: unknown) => void) | undefined;
}

const optionNames = [
    "at",
    "transport",
    "peer",
    "signal",
    "timeout",
    "window",
    "maxConnections",
    "sddl",
    "onError",
    "raw",
    "allowHalfOpen",
    "pauseOnCreate",
    "emulate",
] as const;

/** Iterated once; `break`, `close()` and `await using` end it. */
export interface SocketReceiver extends AsyncIterableIterator<ReceivedSocket>, AsyncDisposable {
    /** Resolves to the address at which it listens, once it does. */
    readonly listening: Promise<string>;
    /**
     * Takes nothing more: senders keep what they still own, what is ours already is delivered before the iteration
     * ends. `break` in a `for await` closes those instead. May be called again.
     */
    close(): Promise<void>;
    /** Stops receiving, as leaving the loop does. */
    return(): Promise<IteratorResult<ReceivedSocket, undefined>>;
}

interface Waiter {
    resolve(result: IteratorResult<ReceivedSocket, undefined>): void;
    reject(error: unknown): void;
}

class Receiver implements SocketReceiver {
    readonly listening: Promise<string>;
    readonly #options: ReceiveOptions;
    readonly #arrivals: Arrival[] = [];
    readonly #waiters: Waiter[] = [];
    readonly #links = new Set<TargetLink>();
    #listener: ChannelListener | undefined;
    #closing: Promise<void> | undefined;
    /** Nothing more arrives. */
    #finished = false;
    #failure: { reason: unknown } | undefined;
    readonly #onAbort = (): void => {
        this.#failure = { reason: this.#options.signal?.reason };
        this.#discard();
        void this.close();
    };

    constructor(options: ReceiveOptions) {
        this.#options = options;
        options.signal?.addEventListener("abort", this.#onAbort, { once: true });
        this.listening = typeof options.at === "string" ? this.#listen(options.at) : this.#single(options.at);
        this.listening.catch((error: unknown) => {
            this.#failure ??= { reason: error };
            this.#finish();
        });
    }

    [Symbol.asyncIterator](): this {
        return this;
    }

    next(): Promise<IteratorResult<ReceivedSocket, undefined>> {
        return new Promise((resolve, reject) => {
            this.#waiters.push({ resolve, reject });
            this.#match();
        });
    }

    async return(): Promise<IteratorResult<ReceivedSocket, undefined>> {
        this.#discard();
        await this.close();
        this.#discard();
        return { done: true, value: undefined };
    }

    close(): Promise<void> {
        this.#closing ??= this.#close();
        return this.#closing;
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.return();
    }

    async #close(): Promise<void> {
        this.#options.signal?.removeEventListener("abort", this.#onAbort);
        await this.listening.catch(() => undefined);
        await Promise.all([this.#listener?.close(), ...[...this.#links].map((link) => link.close())]);
        this.#finish();
    }

    async #listen(address: string): Promise<string> {
        const { transport = "pipe", signal, sddl, timeout } = this.#options;
        const mechanism = await findTransport(transport);
        const listener = await mechanism.listen(address, {
            signal,
            sddl,
            timeout,
            onError: (error) => this.#report(error),
        });
        this.#listener = listener;
        void this.#serve(listener);
        return listener.address;
    }

    async #single(channel: Channel): Promise<string> {
        await Promise.resolve(); // the caller has its receiver, and may listen for errors
        this.#connect(channel, (error) => {
            this.#failure ??= { reason: error };
        });
        return "";
    }

    async #serve(listener: ChannelListener): Promise<void> {
        try {
            for await (const channel of listener) {
                try {
                    this.#makeRoom();
                    this.#connect(channel, (error) => this.#report(error));
                } catch (error) {
                    this.#report(error);
                }
            }
        } catch (error) {
            this.#failure ??= { reason: error };
        }
        void this.close();
    }

    #connect(channel: Channel, onError: (error: unknown) => void): void {
        const { peer = {}, timeout = 10_000, window = 512 } = this.#options;
        const only = typeof this.#options.at !== "string";
        const link = new TargetLink(channel, {
            check: peer,
            timeout,
            window,
            accepts: () => true,
            deliver: (arrival) => this.#arrive(arrival),
            onError,
            onEnd: () => {
                this.#links.delete(link);
                if (only) {
                    void this.close();
                }
            },
        });
        this.#links.add(link);
    }

    /**
     * Closes one connection where there are too many: of the process that has most of them, the one that has been idle
     * longest. Whoever floods us disconnects itself.
     */
    #makeRoom(): void {
        if (this.#links.size < (this.#options.maxConnections ?? 256)) {
            return;
        }
        const counts = new Map<number, number>();
        for (const {
            peer: { pid },
        } of this.#links) {
            counts.set(pid, (counts.get(pid) ?? 0) + 1);
        }
        let worst: TargetLink | undefined;
        for (const link of this.#links) {
            if (!link.idle) {
                continue;
            }
            const more = worst === undefined ? 1 : counts.get(link.peer.pid)! - counts.get(worst.peer.pid)!;
            if (more > 0 || (more === 0 && link.lastActive < worst!.lastActive)) {
                worst = link;
            }
        }
        if (worst !== undefined) {
            this.#links.delete(worst);
            const error = new WinsockError(
                `Too many senders are connected: one of process ${worst.peer.pid} was disconnected.`,
                { code: "ERR_TOO_MANY_CONNECTIONS" },
            );
            worst.destroy(error);
            this.#report(error);
        }
    }

    #report(error: unknown): void {
        this.#options.onError?.(error);
    }

    #arrive(arrival: Arrival): void {
        if (this.#failure !== undefined || this.#finished) {
            arrival.raw.close();
            return;
        }
        this.#arrivals.push(arrival);
        this.#match();
    }

    #match(): void {
        while (this.#waiters.length > 0 && this.#arrivals.length > 0) {
            const arrival = this.#arrivals.shift()!;
            try {
                const value = build(arrival, this.#options);
                this.#waiters.shift()!.resolve({ done: false, value });
            } catch (error) {
                this.#report(error);
            }
        }
        if (this.#finished && this.#arrivals.length === 0) {
            for (const waiter of this.#waiters.splice(0)) {
                if (this.#failure !== undefined) {
                    const { reason } = this.#failure;
                    this.#failure = undefined;
                    waiter.reject(reason);
                } else {
                    waiter.resolve({ done: true, value: undefined });
                }
            }
        }
    }

    #finish(): void {
        this.#finished = true;
        this.#match();
    }

    /** Closes what has arrived and nobody will ask for. */
    #discard(): void {
        for (const { raw } of this.#arrivals.splice(0)) {
            raw.close();
        }
    }
}

/** Throws a TypeError unless it is a whole number of at least 1. */
export function checkCount(caller: string, name: string, value: number | undefined): void {
    if (value !== undefined && !(Number.isInteger(value) && value >= 1 && value <= 0x7fff_ffff)) {
        throw new TypeError(`${caller}: ${name} must be a whole number of at least 1`);
    }
}

/** Throws a TypeError unless it is the address of something or a Channel. */
export function checkPlace(caller: string, name: string, value: string | Channel): void {
    const channel = typeof value === "object" && value !== null && typeof value.stream?.write === "function";
    if (!channel && (typeof value !== "string" || value === "")) {
        throw new TypeError(`${caller}: ${name} must be an address or a Channel`);
    }
}

/** Throws a TypeError unless all of them are what they should be. */
export function checkCommon(
    caller: string,
    { signal, timeout, peer }: Pick<ReceiveOptions, "signal" | "timeout" | "peer">,
): void {
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
        throw new TypeError(`${caller}: signal must be an AbortSignal`);
    }
    checkCount(caller, "timeout", timeout);
    checkPeerCheck(caller, peer);
}

/**
 * Takes the sockets that other processes send here with `sendSocket`. Each is this process's alone (mode `move`) or
 * shared with the sender (mode `share`), as the sender says. A sender that breaks off, stalls or sends nonsense does not
 * disturb the others: `onError` hears of it.
 *
 * Who it is that sends is known from the operating system, and checked (`peer`) before anything is taken.
 *
 * @throws TypeError on misuse; the signal's reason if it is aborted. The iteration fails with a WinsockError where the
 * address cannot be listened at: `ERR_ADDRESS_IN_USE`.
 *
 * @example
 * for await (const { socket, message } of receiveSockets({ at: "my-service" })) {
 *     server.emit("connection", socket);
 * }
 */
export function receiveSockets(options: ReceiveOptions): SocketReceiver {
    const caller = "receiveSockets";
    if (typeof options !== "object" || options === null) {
        throw new TypeError(`${caller}: options must be an object`);
    }
    refuseUnknownOptions(caller, options, optionNames);
    checkPlace(caller, "at", options.at);
    checkCommon(caller, options);
    checkCount(caller, "window", options.window);
    checkCount(caller, "maxConnections", options.maxConnections);
    options.signal?.throwIfAborted();
    return new Receiver(options);
}
