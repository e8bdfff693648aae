// Who serves under a name: one process after the other. Each finds the one before it at an address, takes from it what
// it served with, and is there for the one after it.

import { setTimeout as delay } from "node:timers/promises";
import { WinsockError, refuseUnknownOptions } from "../../errors.js";
import { type PeerCheck, checkPeerCheck } from "../peer.js";
import type { RawSocket } from "../raw-socket.js";
import { type SocketReceiver, receiveSockets } from "../receive.js";
import type { ReceivedSocket } from "../received.js";
import { SourceLink } from "../source-link.js";
import type { Channel, ChannelListener, Transport, TransportName } from "../transports/channel.js";
import { transport as transportOf } from "../transports/index.js";

export interface SuccessionOptions {
    /** The address at which the next process finds this one, e.g. `"my-service"`: one per service. */
    name: string;
    /** How they speak to each other. Default `pipe`. */
    transport?: TransportName;
    /** Whom to take over from, and whom to give to. Default: processes of this user. */
    peer?: PeerCheck;
    /** Milliseconds in which this process must have taken over, or begun anew. Default 10,000. */
    timeout?: number;
    /** Hears what went wrong and was mended: a successor that failed, a connection that stayed here. */
    onError?: (error: unknown) => void;
}

export const successionOptionNames = ["name", "transport", "peer", "timeout", "onError"] as const;

export function checkSuccessionOptions(caller: string, options: SuccessionOptions, known: readonly string[]): void {
    if (typeof options !== "object" || options === null) {
        throw new TypeError(`${caller}: options must be an object`);
    }
    refuseUnknownOptions(caller, options, known);
    if (typeof options.name !== "string" || options.name === "") {
        throw new TypeError(`${caller}: name must be the address at which this service's processes find each other`);
    }
    checkMilliseconds(caller, "timeout", options.timeout);
    checkPeerCheck(caller, options.peer);
    if (options.onError !== undefined && typeof options.onError !== "function") {
        throw new TypeError(`${caller}: onError must be a function`);
    }
}

export function checkMilliseconds(caller: string, name: string, value: unknown): void {
    if (
        value !== undefined &&
        !(Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 0x7fff_ffff)
    ) {
        throw new TypeError(`${caller}: ${name} must be a whole number of milliseconds`);
    }
}

/** What a service does with its sockets. */
export interface Heir {
    /** What is sent with the first socket, so that services of different kinds do not take each other's. */
    readonly tag: string;
    /** Begins as the first of all. May fail with WSAEADDRINUSE while a former process is still letting go. */
    begin(): Promise<void>;
    /** Begins with the predecessor's first socket. */
    inherit(socket: RawSocket): Promise<void>;
    /** More that the predecessor gives, until it ends the connection. */
    inheritMore?(receiver: SocketReceiver): Promise<void>;
    /** Gives the first socket. If it fails, this process goes on as before. */
    give(link: SourceLink): Promise<void>;
    /** Gives everything else; false if the successor failed and this process has begun to serve again. */
    giveMore?(link: SourceLink): Promise<boolean>;
}

/** Milliseconds between two tries to get what another process is just letting go of. */
const retryPause = 20;
/** Milliseconds for whoever connects to prove a successor, and take the first socket. */
const successorTimeout = 5000;

export class Succession {
    readonly #options: SuccessionOptions;
    readonly #heir: Heir;
    #transport!: Transport;
    #door: ChannelListener | undefined;
    #receiver: SocketReceiver | undefined;
    #link: SourceLink | undefined;
    #closing = false;
    /** The process that this one has taken over from; undefined if it is the first. */
    predecessor: number | undefined;
    /** Resolves with the process that has taken over everything. */
    readonly replaced: Promise<number>;
    #onReplaced!: (pid: number) => void;

    constructor(options: SuccessionOptions, heir: Heir) {
        this.#options = options;
        this.#heir = heir;
        this.replaced = new Promise((resolve) => (this.#onReplaced = resolve));
    }

    async start(): Promise<void> {
        this.#transport = await transportOf(this.#options.transport ?? "pipe");
        const deadline = this.#deadline();
        while (!(await this.#inherit(deadline)) && !(await this.#begin(deadline))) {
            await delay(retryPause); // one process is letting go, and the next has not opened its door yet
        }
        await this.#openDoor(deadline);
        void this.#serveSuccessors();
    }

    /** No successor from now on. One that is taking over keeps what it has. */
    async close(): Promise<void> {
        this.#closing = true;
        this.#link?.destroy();
        await Promise.all([this.#door?.close(), this.#receiver?.close()]);
    }

    report(error: unknown): void {
        this.#options.onError?.(error);
    }

    #deadline(): number {
        return performance.now() + (this.#options.timeout ?? 10_000);
    }

    /** Takes over from the process that is there; false if there is none, or it gave up. */
    async #inherit(deadline: number): Promise<boolean> {
        let channel: Channel;
        try {
            channel = await this.#transport.connect(this.#options.name, { timeout: remaining(deadline) });
        } catch (error) {
            if (error instanceof WinsockError && error.code === "ERR_NO_LISTENER") {
                return false;
            }
            throw error;
        }
        const receiver = receiveSockets({
            at: channel,
            raw: true,
            peer: this.#options.peer,
            timeout: remaining(deadline),
            onError: (error) => this.report(error),
        });
        const socket = await this.#firstSocket(receiver, remaining(deadline));
        if (socket === undefined) {
            await receiver.return();
            return false;
        }
        this.predecessor = channel.peerPid;
        await this.#heir.inherit(socket);
        this.#receiver = receiver;
        void this.#inheritMore(receiver);
        return true;
    }

    async #firstSocket(receiver: SocketReceiver, timeout: number): Promise<RawSocket | undefined> {
        const limit = setTimeout(() => void receiver.return(), timeout);
        try {
            const { value } = (await receiver.next()) as IteratorResult<ReceivedSocket, undefined>;
            if (value === undefined || value.message === this.#heir.tag) {
                return value?.socket as RawSocket | undefined;
            }
            (value.socket as RawSocket).close();
            throw new WinsockError(`What answers to "${this.#options.name}" is a service of another kind.`, {
                code: "ERR_OTHER_SERVICE",
            });
        } catch (error) {
            this.report(error); // it is tried again until the time is over
            return undefined;
        } finally {
            clearTimeout(limit);
        }
    }

    async #inheritMore(receiver: SocketReceiver): Promise<void> {
        try {
            await this.#heir.inheritMore?.(receiver);
        } catch (error) {
            this.report(error); // the predecessor is gone, and what it had not given with it
        }
        await receiver.close();
    }

    /** False if the address is taken and there is time to try again. */
    async #begin(deadline: number): Promise<boolean> {
        try {
            await this.#heir.begin();
            return true;
        } catch (error) {
            if (error instanceof WinsockError && error.code === "WSAEADDRINUSE" && remaining(deadline) > retryPause) {
                return false;
            }
            throw error;
        }
    }

    async #openDoor(deadline: number): Promise<void> {
        for (;;) {
            try {
                this.#door = await this.#transport.listen(this.#options.name, {
                    onError: (error) => this.report(error),
                });
                if (this.#closing) {
                    await this.#door.close();
                }
                return;
            } catch (error) {
                // The predecessor may not have closed its own yet.
                const taken = error instanceof WinsockError && error.code === "ERR_ADDRESS_IN_USE";
                if (!taken || remaining(deadline) <= retryPause) {
                    throw error;
                }
                await delay(retryPause);
            }
        }
    }

    /** One after the other, until one has everything. */
    async #serveSuccessors(): Promise<void> {
        try {
            for (;;) {
                const link = await this.#nextSuccessor();
                if (link === undefined) {
                    return; // closed
                }
                if ((await this.#heir.giveMore?.(link)) ?? true) {
                    const { pid } = link.peer;
                    await link.close();
                    this.#onReplaced(pid);
                    return;
                }
                await this.#openDoor(this.#deadline());
            }
        } catch (error) {
            this.report(error); // this process serves on; the next one cannot take over from it
        }
    }

    /** Waits at the door for one that takes the first socket, and closes the door behind it. */
    async #nextSuccessor(): Promise<SourceLink | undefined> {
        for await (const channel of this.#door!) {
            let link: SourceLink | undefined;
            try {
                link = new SourceLink(channel, { check: this.#options.peer ?? {}, timeout: successorTimeout });
                this.#link = link;
                await this.#heir.give(link);
                await this.#door!.close();
                return link;
            } catch (error) {
                this.report(error);
                link?.destroy();
                channel.stream.destroy();
            }
        }
        return undefined;
    }
}

/** How the first socket is offered. */

/** A service that a later process takes over: what services of every kind have. */
export abstract class Successive implements Heir, AsyncDisposable {
    abstract readonly tag: string;
    protected readonly succession: Succession;

    constructor(options: SuccessionOptions) {
        this.succession = new Succession(options, this);
    }

    abstract begin(): Promise<void>;
    abstract inherit(socket: RawSocket): Promise<void>;
    abstract give(link: SourceLink): Promise<void>;
    /** Lets go of the sockets too; may be called again. */
    abstract close(): Promise<void>;

    async start(): Promise<this> {
        try {
            await this.succession.start();
            return this;
        } catch (error) {
            await this.close();
            throw error;
        }
    }

    get predecessor(): number | undefined {
        return this.succession.predecessor;
    }

    get replaced(): Promise<number> {
        return this.succession.replaced;
    }

    [Symbol.asyncDispose](): Promise<void> {
        return this.close();
    }
}

export const giveTimeout = successorTimeout;

function remaining(deadline: number): number {
    return Math.max(1, Math.ceil(deadline - performance.now()));
}
