// The source's end of a connection: many sockets on their way at a time, each settled by itself.

import { WinsockError } from "../errors.js";
import { markDoubled } from "./duplicate.js";
import { type HandOver, type Phase, type SendOptions, type SentSocket, countLost, notBegun } from "./hand-over.js";
import type { SocketPath } from "./model.js";
import type { Export, PeerCheck, PeerInfo } from "./peer.js";
import { releaseSocket } from "./release.js";
import { type Shareable, socketOf } from "./socket-handle.js";
import { drain, kindOf, stop } from "./source-socket.js";
import type { Channel } from "./transports/channel.js";
import { Link } from "./wire/link.js";
import {
    type Declined,
    type Hello,
    encodeCancel,
    encodeGo,
    encodeInfo,
    largestData,
    largestMessage,
    ticketSize,
} from "./wire/messages.js";

export interface SourceLinkOptions {
    check: PeerCheck;
    /** Milliseconds for the other end's HELLO. */
    timeout: number;
    /** Throws if whoever is there must not get anything. */
    onHello?: ((hello: Hello) => void) | undefined;
    /** Nothing is in flight any more (true), or something is again. */
    onIdle?: ((idle: boolean) => void) | undefined;
}

/** Sockets that are being moved: nobody can give one away twice. */
const moving = new WeakSet<object>();

/** Sockets that are put into the target's process before the messages about them are written, together. */
const batch = 16;
/** Bytes that may wait in this process to be written. */
const mostBacklog = 1024 * 1024;

export class SourceLink {
    readonly peer: PeerInfo;
    readonly #link: Link;
    readonly #onIdle: ((idle: boolean) => void) | undefined;
    readonly #all = new Set<HandOver>();
    readonly #waiting: HandOver[] = [];
    readonly #sent = new Map<number, HandOver>();
    readonly #tickets: Buffer[] = [];
    #lastId = 0;
    #scheduled = false;
    #closing = false;
    #ended: { error: WinsockError | undefined } | undefined;
    #whenEmpty: (() => void)[] = [];
    /** Resolves when the connection has ended, whoever ended it. */
    readonly closed: Promise<void>;
    #onClosed!: () => void;

    constructor(channel: Channel, { check, timeout, onHello, onIdle }: SourceLinkOptions) {
        this.#onIdle = onIdle;
        this.closed = new Promise((resolve) => (this.#onClosed = resolve));
        const unexpected = (): never => {
            throw new WinsockError("The other process sent a message of a source.", { code: "ERR_BAD_MESSAGE" });
        };
        this.#link = new Link(
            channel,
            { role: "source", check, timeout },
            {
                hello: (hello) => onHello?.(hello),
                grant: (tickets) => this.#granted(tickets),
                taken: (id) => this.#taken(id),
                declined: (declined) => this.#declined(declined),
                done: (id, path) => this.#done(id, path),
                info: unexpected,
                go: unexpected,
                cancel: unexpected,
            },
            (error) => this.#end(error),
        );
        this.#link.onIdle = () => this.#pump();
        this.peer = this.#link.peer.info;
    }

    get inFlight(): number {
        return this.#all.size;
    }

    get open(): boolean {
        return !this.#closing && this.#ended === undefined;
    }

    /** The options have been checked. */
    send(socket: Shareable, options: SendOptions): Promise<SentSocket> {
        const { mode = "move", message, signal, timeout = 10_000 } = options;
        if (signal?.aborted === true) {
            return Promise.reject(signal.reason as Error);
        }
        if (!this.open) {
            return Promise.reject(this.#notBegun());
        }
        const json = message === undefined ? undefined : Buffer.from(JSON.stringify(message) ?? "null");
        if (json !== undefined && json.length > largestMessage) {
            return Promise.reject(
                new TypeError(`message has ${json.length} bytes as JSON; the most is ${largestMessage}`),
            );
        }
        if (mode === "move" && typeof socket === "object") {
            if (moving.has(socket)) {
                return Promise.reject(new TypeError("the socket is being moved to a process already"));
            }
            moving.add(socket);
        }
        return new Promise((resolve, reject) => {
            const handOver: HandOver = {
                socket,
                mode,
                message: json,
                resolve,
                reject,
                phase: "draining",
                id: 0,
                exported: undefined,
                stopped: undefined,
                timer: undefined,
                signal,
                onAbort: undefined,
            };
            const drained = mode === "move" ? drain(socket) : undefined;
            if (this.#all.size === 0) {
                this.#onIdle?.(false);
            }
            this.#all.add(handOver);
            if (signal !== undefined) {
                handOver.onAbort = () => this.#takeBack(handOver, signal.reason);
                signal.addEventListener("abort", handOver.onAbort, { once: true });
            }
            handOver.timer = setTimeout(() => {
                this.#takeBack(
                    handOver,
                    new WinsockError(`Process ${this.peer.pid} did not take the socket within ${timeout} ms.`, {
                        code: "ERR_TIMEOUT",
                    }),
                );
            }, timeout);
            if (drained === undefined) {
                this.#wait(handOver);
            } else {
                drained.then(
                    () => handOver.phase === "draining" && this.#all.has(handOver) && this.#wait(handOver),
                    (error: unknown) => this.#fail(handOver, error),
                );
            }
        });
    }

    /** Waits for what is in flight, then closes. May be called again. */
    async close(): Promise<void> {
        this.#closing = true;
        if (this.#ended === undefined && this.#all.size + this.#sent.size > 0) {
            await new Promise<void>((resolve) => {
                this.#whenEmpty.push(resolve);
                if (this.#all.size === 0) {
                    // only answers about what was taken back are missing
                    setTimeout(resolve, 1000).unref();
                }
            });
        }
        this.destroy();
    }

    /** Closes now; what is in flight fails, and what has not been taken comes back. */
    destroy(reason?: unknown): void {
        if (this.#ended === undefined) {
            this.#link.close(reason);
            this.#end(undefined);
        }
    }

    ref(): void {
        this.#link.ref();
    }

    unref(): void {
        this.#link.unref();
    }

    #wait(handOver: HandOver): void {
        handOver.phase = "waiting";
        this.#waiting.push(handOver);
        if (!this.#scheduled) {
            this.#scheduled = true;
            process.nextTick(() => {
                this.#scheduled = false;
                this.#pump();
            });
        }
    }

    #granted(tickets: Buffer): void {
        if (this.#tickets.length > 64 * 1024) {
            throw new WinsockError("The other process grants tickets without end.", { code: "ERR_BAD_MESSAGE" });
        }
        const copy = Buffer.from(tickets);
        for (let start = 0; start < copy.length; start += ticketSize) {
            this.#tickets.push(copy.subarray(start, start + ticketSize));
        }
        this.#pump();
    }

    /**
     * Puts sockets into the target's process, a few, and writes at once what tells the target of them: if this process
     * is killed in between, those handles stay open in the target.
     */
    #pump(): void {
        if (!this.#link.idle || this.#link.ended) {
            return; // called again when what waits has been written
        }
        let count = 0;
        while (
            count < batch &&
            this.#waiting.length > 0 &&
            this.#tickets.length > 0 &&
            this.#link.backlog < mostBacklog
        ) {
            const handOver = this.#waiting.shift()!;
            if (handOver.phase === "waiting") {
                count++;
                this.#offer(handOver);
            }
        }
        this.#link.flush();
    }

    #offer(handOver: HandOver): void {
        try {
            const stopped = handOver.mode === "move" ? stop(handOver.socket) : undefined;
            handOver.stopped = stopped;
            if (stopped !== undefined && stopped.data.length > largestData) {
                throw new WinsockError(
                    `The socket's stream holds ${stopped.data.length} bytes that nobody has read; the most that go ` +
                        `along is ${largestData}.`,
                    { code: "ERR_TOO_MUCH_DATA" },
                );
            }
            const kind = kindOf(handOver.socket);
            const id = ++this.#lastId;
            const exported = this.#link.peer.duplicate(socketOf(handOver.socket), id);
            markDoubled(handOver.socket, this.peer.pid);
            handOver.exported = exported;
            handOver.id = id;
            handOver.phase = "offered";
            this.#sent.set(id, handOver);
            this.#link.send(
                encodeInfo({
                    id,
                    kind,
                    mode: handOver.mode,
                    ticket: this.#tickets.shift()!,
                    info: exported.info,
                    message: handOver.message,
                    data: stopped?.data,
                }),
            );
        } catch (error) {
            this.#fail(handOver, error);
        }
    }

    #taken(id: number): void {
        const handOver = this.#expect(id, "offered");
        if (handOver === undefined) {
            return;
        }
        this.#disarm(handOver);
        handOver.phase = "releasing";
        if (handOver.mode === "share") {
            this.#give(handOver);
            return;
        }
        releaseSocket(handOver.socket).then(
            () => this.#give(handOver),
            (error: unknown) => {
                this.#link.send(encodeCancel(id));
                this.#sent.delete(id);
                this.#fail(handOver, error);
            },
        );
    }

    #give(handOver: HandOver): void {
        if (this.#ended === undefined) {
            handOver.phase = "given";
            this.#link.send(encodeGo(handOver.id));
        }
    }

    #done(id: number, path: SocketPath | undefined): void {
        const handOver = this.#expect(id, "given");
        if (handOver !== undefined) {
            this.#sent.delete(id);
            handOver.resolve({ pid: this.peer.pid, mode: handOver.mode, path });
            this.#forget(handOver);
        }
    }

    #declined({ id, untouched, code, reason }: Declined): void {
        const exported = this.#sent.get(id)?.exported;
        const handOver = this.#expect(id, "offered");
        this.#sent.delete(id);
        if (untouched && exported !== undefined) {
            this.#revoke(exported);
        }
        if (handOver !== undefined) {
            this.#fail(
                handOver,
                new WinsockError(`Process ${this.peer.pid} did not take the socket: ${reason}`, { code }),
            );
        }
    }

    #revoke(exported: Export): void {
        try {
            this.#link.peer.revoke(exported);
        } catch {
            countLost(1);
        }
    }

    /** The hand-over that an answer is about; undefined if it was taken back and the answer crossed that. */
    #expect(id: number, phase: Phase): HandOver | undefined {
        const handOver = this.#sent.get(id);
        if (handOver?.phase === "cancelled" && phase === "offered") {
            this.#sent.delete(id);
            this.#checkEmpty();
            return undefined;
        }
        if (handOver?.phase !== phase) {
            throw new WinsockError(
                `The other process answered for a socket (${id}) that is not there to be answered for.`,
                {
                    code: "ERR_BAD_MESSAGE",
                },
            );
        }
        return handOver;
    }

    #takeBack(handOver: HandOver, reason: unknown): void {
        if (handOver.phase === "offered") {
            handOver.phase = "cancelled"; // stays in #sent until the target has answered
            this.#link.send(encodeCancel(handOver.id));
            this.#fail(handOver, reason);
        } else if (handOver.phase === "draining" || handOver.phase === "waiting") {
            handOver.phase = "cancelled";
            this.#fail(handOver, reason);
        }
    }

    #fail(handOver: HandOver, error: unknown): void {
        if (this.#all.has(handOver)) {
            if (handOver.phase === "waiting" || handOver.phase === "draining") {
                handOver.phase = "cancelled";
            }
            handOver.stopped?.putBack();
            if (typeof handOver.socket === "object" && handOver.mode === "move") {
                moving.delete(handOver.socket);
            }
            handOver.reject(error);
            this.#forget(handOver);
        }
    }

    #disarm(handOver: HandOver): void {
        clearTimeout(handOver.timer);
        if (handOver.onAbort !== undefined) {
            handOver.signal?.removeEventListener("abort", handOver.onAbort);
        }
    }

    #forget(handOver: HandOver): void {
        this.#disarm(handOver);
        this.#all.delete(handOver);
        this.#checkEmpty();
    }

    #checkEmpty(): void {
        if (this.#all.size === 0) {
            this.#onIdle?.(true);
            if (this.#sent.size === 0) {
                for (const resolve of this.#whenEmpty.splice(0)) {
                    resolve();
                }
            }
        }
    }

    #notBegun(): WinsockError {
        const error =
            this.#ended?.error ??
            new WinsockError("The connection to the target has ended.", { code: "ERR_CHANNEL_CLOSED" });
        notBegun.add(error);
        return error;
    }

    /** In a process that has ended nothing is open. In one that lives the handles may be waiting for ever. */
    async #count(unanswered: number): Promise<void> {
        if (unanswered > 0 && !(await this.#link.peer.hasEnded(2000))) {
            countLost(unanswered);
        }
        this.#link.release();
    }

    #end(error: WinsockError | undefined): void {
        if (this.#ended !== undefined) {
            return;
        }
        this.#ended = { error };
        const { pid } = this.peer;
        const unanswered = [...this.#sent.values()].filter(({ phase }) => phase === "offered" || phase === "cancelled");
        this.#sent.clear();
        void this.#count(unanswered.length);
        this.#waiting.length = 0;
        const untaken = (): WinsockError =>
            error ??
            new WinsockError(`The connection to process ${pid} ended before it had taken the socket.`, {
                code: "ERR_CHANNEL_CLOSED",
            });
        const unconfirmed = (): WinsockError =>
            new WinsockError(
                `The connection to process ${pid} ended before it had confirmed that it owns the socket.`,
                { code: "ERR_UNCONFIRMED", cause: error },
            );
        for (const handOver of [...this.#all]) {
            const { phase } = handOver;
            this.#fail(
                handOver,
                phase === "releasing" || phase === "given"
                    ? unconfirmed()
                    : phase === "offered"
                      ? untaken()
                      : this.#notBegun(),
            );
        }
        this.#onClosed();
    }
}
