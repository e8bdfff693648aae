// One end of a connection that speaks the protocol: frames in and out of a Channel's stream, with the peer's process
// held open. What the messages mean is the business of source-link.ts and target-link.ts.

import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { WinsockError } from "../../errors.js";
import { Peer, type PeerCheck } from "../peer.js";
import type { Channel } from "../transports/channel.js";
import { FrameParser, badMessage, largestFirstPayload, largestPayload } from "./frames.js";
import {
    type Hello,
    type MessageHandlers,
    type Role,
    dispatch,
    encodeBye,
    encodeHello,
    ledgerKeySize,
    toReason,
} from "./messages.js";

export interface LinkOptions {
    role: Role;
    check: PeerCheck;
    /** Milliseconds for the other end's HELLO, and for the rest of any message once it has begun. */
    timeout: number;
    secret?: Buffer | undefined;
}

/** After this much the batch is written even if more may follow. */
const batchSize = 48 * 1024;

/** What a stream may have besides being a Duplex: net.Socket has it. */
interface Referable extends Duplex {
    ref?(): void;
    unref?(): void;
}

export class Link {
    readonly peer: Peer;
    readonly #stream: Referable;
    readonly #parser: FrameParser;
    readonly #handlers: MessageHandlers;
    readonly #onEnd: (error: WinsockError | undefined) => void;
    readonly #timeout: number;
    #timer: NodeJS.Timeout | undefined;
    #frames = 0;
    #batch: Buffer[] = [];
    #batchBytes = 0;
    #scheduled = false;
    #writing = 0;
    #ended = false;
    /** Why the other end says that it ends the connection. */
    #bye: WinsockError | undefined;
    /** Called whenever everything written has been given to the system. */
    onIdle: (() => void) | undefined;

    /**
     * @param handlers hears of messages after the HELLOs were exchanged; `hello` is that moment
     * @param onEnd called once, when nothing comes any more; with an error unless the other end just closed
     * @throws WinsockError where the peer is not to be talked to: it has been told, and the stream is closed
     */
    constructor(
        channel: Channel,
        options: LinkOptions,
        handlers: Omit<MessageHandlers, "bye">,
        onEnd: (error: WinsockError | undefined) => void,
    ) {
        const { role, check, timeout, secret } = options;
        this.#stream = channel.stream;
        this.#timeout = timeout;
        this.#onEnd = onEnd;
        this.#handlers = {
            ...handlers,
            hello: (hello) => this.#receiveHello(hello, role, handlers),
            bye: ({ code, reason }) => {
                this.#bye = new WinsockError(`The other process ended the connection: ${reason}`, { code });
            },
        };
        this.#parser = new FrameParser((type, payload) => {
            this.#frames++;
            if (!this.#ended) {
                if (this.#frames === 1 && type !== 1 && type !== 9) {
                    throw badMessage(`a message of type ${type} before its HELLO`);
                }
                dispatch(type, payload, this.#handlers);
            }
        }, largestFirstPayload);
        this.#stream.on("error", (error: Error) => this.#end(error));
        try {
            this.peer = new Peer(channel, check, role === "source");
        } catch (error) {
            this.#ended = true;
            this.#stream.end(encodeBye(toReason(error)));
            this.#closeSoon();
            throw error;
        }
        if (role === "source") {
            const ledgerKey = randomBytes(ledgerKeySize);
            this.send(encodeHello({ role, ledger: this.peer.makeLedger(ledgerKey), ledgerKey }));
        } else {
            this.send(encodeHello({ role, ...(secret !== undefined && { secret }) }));
        }
        this.#startTimer();
        this.#stream.on("data", (chunk: Buffer) => this.#receive(chunk));
        this.#stream.once("end", () => this.#end(undefined));
        this.#stream.once("close", () => this.#end(undefined));
    }

    get ended(): boolean {
        return this.#ended;
    }

    /** False while something that was written has not been given to the system yet. */
    get idle(): boolean {
        return this.#writing === 0 && this.#batch.length === 0;
    }

    /** Bytes that wait to be written. */
    get backlog(): number {
        return this.#batchBytes + this.#stream.writableLength;
    }

    /** Writes a frame, together with the others of this turn. */
    send(frame: Buffer): void {
        if (this.#ended) {
            return;
        }
        this.#batch.push(frame);
        this.#batchBytes += frame.length;
        if (this.#batchBytes >= batchSize) {
            this.flush();
        } else if (!this.#scheduled) {
            this.#scheduled = true;
            process.nextTick(() => this.flush());
        }
    }

    flush(): void {
        this.#scheduled = false;
        const batch = this.#batch;
        if (batch.length === 0 || this.#ended) {
            return;
        }
        const bytes = batch.length === 1 ? batch[0]! : Buffer.concat(batch, this.#batchBytes);
        this.#batch = [];
        this.#batchBytes = 0;
        this.#writing++;
        this.#stream.write(bytes, () => {
            this.#writing--;
            if (this.idle && !this.#ended) {
                this.onIdle?.();
            }
        });
    }

    ref(): void {
        this.#stream.ref?.();
    }

    unref(): void {
        this.#stream.unref?.();
    }

    /**
     * Writes what waits, says why if there is a reason, and closes. `onEnd` is not called. `abrupt`: the stream is gone
     * in a moment, whether the other end reads or not.
     */
    close(reason?: unknown, abrupt = false): void {
        if (this.#ended) {
            return;
        }
        if (reason !== undefined) {
            this.send(encodeBye(toReason(reason)));
        }
        this.flush();
        this.#ended = true;
        clearTimeout(this.#timer);
        if (abrupt) {
            this.#stream.write("", () => this.#stream.destroy());
            setTimeout(() => this.#stream.destroy(), 100).unref();
        } else {
            this.#stream.end();
            this.#closeSoon();
        }
    }

    /** Lets go of the peer's process. To be called when the last question about it has been asked. */
    release(): void {
        this.peer.close();
    }

    /** A peer that does not read must not keep the stream. */
    #closeSoon(): void {
        const stream = this.#stream;
        stream.resume(); // what still comes is of no interest, but the end must be seen
        const timer = setTimeout(() => stream.destroy(), Math.min(this.#timeout, 2000));
        timer.unref();
        stream.once("finish", () => setImmediate(() => stream.destroy()));
        stream.once("close", () => clearTimeout(timer));
    }

    #receiveHello(hello: Hello, role: Role, handlers: Omit<MessageHandlers, "bye">): void {
        if (this.#frames > 1) {
            throw badMessage("a second HELLO");
        }
        if (hello.role === role) {
            throw new WinsockError(
                role === "source"
                    ? "Both ends of the channel want to give sockets, none to take them."
                    : "Both ends of the channel want to take sockets, none to give them.",
                { code: "ERR_SAME_ROLE" },
            );
        }
        this.#parser.limit = largestPayload;
        if (hello.ledger !== 0 && role === "target") {
            this.peer.openLedger(hello.ledger, hello.ledgerKey);
        }
        handlers.hello(hello);
    }

    #receive(chunk: Buffer): void {
        if (this.#ended) {
            return;
        }
        const frames = this.#frames;
        try {
            this.#parser.push(chunk);
        } catch (error) {
            this.#fail(error);
            return;
        }
        if (this.#parser.pending === 0 && this.#frames > 0) {
            clearTimeout(this.#timer);
            this.#timer = undefined;
        } else if (this.#frames > frames || this.#timer === undefined) {
            this.#startTimer();
        }
    }

    #startTimer(): void {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => {
            const what = this.#frames === 0 ? "said nothing" : "did not finish a message that it began";
            this.#fail(new WinsockError(`The other process ${what} for ${this.#timeout} ms.`, { code: "ERR_TIMEOUT" }));
        }, this.#timeout);
        this.#timer.unref();
    }

    #fail(error: unknown): void {
        if (!this.#ended) {
            const reason =
                error instanceof WinsockError
                    ? error
                    : new WinsockError(String(error), { code: "ERR_INTERNAL", cause: error });
            this.close(reason);
            this.#onEnd(reason);
        }
    }

    #end(error: Error | undefined): void {
        if (this.#ended) {
            return;
        }
        this.#ended = true;
        clearTimeout(this.#timer);
        this.#stream.destroy();
        this.#onEnd(
            this.#bye ??
                (error === undefined
                    ? undefined
                    : new WinsockError(`The channel failed: ${error.message}`, {
                          code: "ERR_CHANNEL_CLOSED",
                          cause: error,
                      })),
        );
    }
}
