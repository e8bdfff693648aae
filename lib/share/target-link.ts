// The target's end of a connection: opens what arrives, and gives it out once it is its own.

import { randomFillSync } from "node:crypto";
import { WinsockError } from "../errors.js";
import { adoptRaw } from "./adopt.js";
import type { ShareMode, SharedKind, SocketPath } from "./model.js";
import type { PeerCheck, PeerInfo } from "./peer.js";
import type { RawSocket } from "./raw-socket.js";
import type { Channel } from "./transports/channel.js";
import { Link } from "./wire/link.js";
import {
    type Info,
    encodeDeclined,
    encodeDone,
    encodeGrant,
    encodeTaken,
    mostTickets,
    ticketSize,
    toReason,
} from "./wire/messages.js";

/** A socket that is this process's now, and that nobody has asked for yet. */
export interface Arrival {
    readonly raw: RawSocket;
    readonly kind: SharedKind;
    readonly mode: ShareMode;
    readonly message: unknown;
    /** What the source's stream had read already. */
    readonly data: Buffer;
    readonly peer: PeerInfo;
    /** The user has it: the source is told, and may send another one. */
    done(path: SocketPath | undefined): void;
}

export interface TargetLinkOptions {
    check: PeerCheck;
    timeout: number;
    /** Sockets that may be on their way, or arrived and not asked for, at a time. */
    window: number;
    secret?: Buffer | undefined;
    /** Kinds that will be taken. */
    accepts(kind: SharedKind): boolean;
    deliver(arrival: Arrival): void;
    onError(error: unknown): void;
    /** Nothing more comes from this link. */
    onEnd(): void;
}

/** How long after its channel broke a source's process may take to end, milliseconds. */
const endOfProcess = 2000;
/** The same where nothing depends on it but handles that it may have left here. */
const endOfIdleProcess = 500;

/** Random bytes for tickets, made many at a time. */
const pool = Buffer.alloc(64 * ticketSize);
let poolUsed = pool.length;

function makeTickets(count: number): Buffer {
    const tickets = Buffer.allocUnsafe(count * ticketSize);
    for (let made = 0; made < tickets.length; made += ticketSize) {
        if (poolUsed === pool.length) {
            randomFillSync(pool);
            poolUsed = 0;
        }
        pool.copy(tickets, made, poolUsed, poolUsed + ticketSize);
        poolUsed += ticketSize;
    }
    return tickets;
}

interface Taken extends Omit<Arrival, "done"> {
    readonly id: number;
}

export class TargetLink {
    readonly peer: PeerInfo;
    readonly #link: Link;
    readonly #options: TargetLinkOptions;
    readonly #tickets = new Set<string>();
    /** Opened here, and the source has not let go yet. */
    readonly #taken = new Map<number, Taken>();
    #undelivered = 0;
    #toGrant: number;
    #lastId = 0;
    #draining: (() => void) | undefined;
    #ended = false;
    /** When something last came, by performance.now(). */
    lastActive = performance.now();

    constructor(channel: Channel, options: TargetLinkOptions) {
        this.#options = options;
        this.#toGrant = options.window;
        const unexpected = (): never => {
            throw new WinsockError("The other process sent a message of a target.", { code: "ERR_BAD_MESSAGE" });
        };
        this.#link = new Link(
            channel,
            { role: "target", check: options.check, timeout: options.timeout, secret: options.secret },
            {
                hello: () => this.#grant(),
                info: (info) => this.#info(info),
                go: (id) => this.#go(id),
                cancel: (id) => this.#cancel(id),
                grant: unexpected,
                taken: unexpected,
                declined: unexpected,
                done: unexpected,
            },
            (error) => this.#end(error),
        );
        this.peer = this.#link.peer.info;
    }

    /** Whether closing it now would cost nobody anything. */
    get idle(): boolean {
        return this.#taken.size === 0 && this.#undelivered === 0;
    }

    /** Takes nothing more, waits (some seconds at most) for what is between two owners, and closes. */
    async close(): Promise<void> {
        if (!this.#ended && this.#taken.size > 0) {
            await new Promise<void>((resolve) => {
                this.#draining = resolve;
                setTimeout(resolve, endOfProcess).unref();
            });
        }
        this.#draining ??= () => undefined;
        this.destroy(undefined);
    }

    /** Closes now. With a reason the other end is told, if it listens. */
    destroy(reason: unknown): void {
        if (!this.#ended) {
            this.#link.close(reason, reason !== undefined);
            this.#end(undefined);
        }
    }

    #grant(): void {
        const room = Math.min(this.#toGrant, mostTickets);
        if (room > 0 && this.#draining === undefined) {
            this.#toGrant -= room;
            const tickets = makeTickets(room);
            for (let start = 0; start < tickets.length; start += ticketSize) {
                this.#tickets.add(tickets.toString("latin1", start, start + ticketSize));
            }
            this.#link.send(encodeGrant(tickets));
        }
    }

    #info(info: Info): void {
        this.lastActive = performance.now();
        const { id, kind, mode } = info;
        if (id <= this.#lastId || !this.#tickets.delete(info.ticket.toString("latin1"))) {
            throw new WinsockError("The other process sent a socket with a ticket that it does not have.", {
                code: "ERR_BAD_TICKET",
            });
        }
        this.#lastId = id;
        let raw: RawSocket | undefined;
        try {
            if (this.#draining !== undefined) {
                throw decline("ERR_RECEIVER_CLOSED", "it takes no more sockets.");
            }
            if (!this.#options.accepts(kind)) {
                throw decline("ERR_SOCKET_KIND", `it takes no socket of the kind ${kind}.`);
            }
            const message = parseMessage(info.message);
            raw = adoptRaw(info.info);
            // Views of the chunk in which they came would keep it in memory.
            this.#taken.set(id, { id, raw, kind, mode, message, data: Buffer.from(info.data), peer: this.peer });
            this.#link.send(encodeTaken(id));
        } catch (error) {
            raw?.close();
            this.#toGrant++;
            const { code, reason } = toReason(error);
            // Where opening it failed, the source's handle in this process is still open or never was one of a socket.
            const ours = declined.has(error as object);
            const untouched = ours || code === "ERR_NO_PROVIDER";
            this.#link.send(encodeDeclined({ id, untouched, code, reason }));
            this.#regrant();
            if (!ours) {
                this.#options.onError(error);
            }
        }
    }

    #go(id: number): void {
        this.lastActive = performance.now();
        const taken = this.#taken.get(id);
        if (taken === undefined) {
            throw new WinsockError(`The other process gave a socket (${id}) that is not there.`, {
                code: "ERR_BAD_MESSAGE",
            });
        }
        this.#taken.delete(id);
        this.#deliver(taken);
        this.#checkDrained();
    }

    #cancel(id: number): void {
        const taken = this.#taken.get(id); // none: it was declined
        if (taken !== undefined) {
            this.#taken.delete(id);
            taken.raw.close();
            this.#toGrant++;
            this.#regrant();
            this.#checkDrained();
        }
    }

    #deliver(taken: Taken): void {
        this.#undelivered++;
        const { id, ...rest } = taken;
        let done = false;
        this.#options.deliver({
            ...rest,
            done: (path) => {
                if (!done) {
                    done = true;
                    this.#undelivered--;
                    this.#link.send(encodeDone(id, path));
                    this.#toGrant++;
                    this.#regrant();
                }
            },
        });
    }

    /** Tickets go out many at a time. */
    #regrant(): void {
        if (this.#toGrant * 2 >= this.#options.window) {
            this.#grant();
        }
    }

    #checkDrained(): void {
        if (this.#taken.size === 0) {
            this.#draining?.();
        }
    }

    #end(error: WinsockError | undefined): void {
        if (this.#ended) {
            return;
        }
        this.#ended = true;
        if (error !== undefined) {
            this.#options.onError(error);
        }
        if (this.#taken.size === 0) {
            this.#finish();
            void this.#closeUnclaimed();
        } else {
            void this.#settle();
        }
    }

    #finish(): void {
        this.#draining?.();
        this.#options.onEnd();
    }

    /** If the source was killed, sockets may be open here that it had not told us of. */
    async #closeUnclaimed(): Promise<void> {
        const { peer } = this.#link;
        if (await peer.hasEnded(endOfIdleProcess, { background: true })) {
            peer.closeUnclaimed(this.#lastId);
        }
        this.#link.release();
    }

    /**
     * Sockets that we have opened and the source has not let go. If its process has ended they are ours. If it lives,
     * it keeps them, and our copies are closed: it will not go on before it sees that the channel has ended.
     */
    async #settle(): Promise<void> {
        const taken = [...this.#taken.values()];
        this.#taken.clear();
        const { peer } = this.#link;
        const ended = await peer.hasEnded(endOfProcess);
        if (ended) {
            peer.closeUnclaimed(this.#lastId);
        }
        for (const each of taken) {
            if (ended) {
                this.#deliver(each);
            } else {
                each.raw.close();
            }
        }
        this.#link.release();
        this.#finish();
    }
}

/** Refusals before anything was done with the info. */
const declined = new WeakSet<object>();

function decline(code: string, reason: string): WinsockError {
    const error = new WinsockError(reason, { code });
    declined.add(error);
    return error;
}

function parseMessage(bytes: Buffer): unknown {
    if (bytes.length === 0) {
        return undefined;
    }
    try {
        return JSON.parse(bytes.toString()) as unknown;
    } catch {
        throw decline("ERR_BAD_MESSAGE", "its message is no JSON.");
    }
}
