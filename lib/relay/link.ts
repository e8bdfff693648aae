/**
 * A socket as a stream that is slower than it, looked at, or both: what is written and what is read goes through a
 * {@link Line} each way. Ends and resets travel with the data, in its order.
 */
import type * as net from "node:net";
import { Duplex } from "node:stream";
import { type Impairment, Line } from "./line.js";
import { nameIn } from "./names.js";
import { reset } from "./resets.js";

export interface LinkOptions {
    readonly impairment?: Impairment | undefined;
    readonly random: () => number;
    /** Hear what is read from this stream and what is written to it, when it passes the socket. */
    readonly onRead?: ((bytes: Buffer) => void) | undefined;
    readonly onWrite?: ((bytes: Buffer) => void) | undefined;
    /** How the socket's directions end: `end` = no more to read, `final` = no more is written. */
    readonly onEnd?: ((how: "end" | "final" | "reset" | "reset-by-us") => void) | undefined;
    /** Is asked once what the socket says first can be judged, before any of it passes. False: it is reset. */
    readonly gate?: ((name: string | undefined) => boolean) | undefined;
    /** Was read from the socket before. */
    readonly first?: Buffer | undefined;
}

type Travelling = { readonly bytes: Buffer } | { readonly end: true } | { readonly reset: Error };

const straight: Impairment = { delay: 0, jitter: 0, rate: undefined };

export class Link extends Duplex {
    readonly #socket: net.Socket;
    readonly #options: LinkOptions;
    readonly #in: Line<Travelling>;
    readonly #out: Line<Travelling>;
    /** Waiting for room on the outward line, or for all of it to have left. */
    #afterWrite: ((error?: Error | null) => void) | undefined;
    #final: ((error?: Error | null) => void) | undefined;
    #read = false;
    #gone = false;
    /** What came in before the gate was opened. */
    #first: Buffer | undefined;

    constructor(socket: net.Socket, options: LinkOptions) {
        super({ allowHalfOpen: true });
        this.#socket = socket;
        this.#options = options;
        const { random, impairment = straight } = options;
        this.#in = new Line({ ...impairment, random, deliver: (item) => this.#arrive(item) });
        this.#out = new Line({ ...impairment, random, deliver: (item) => this.#leave(item) });
        this.#first = options.gate === undefined ? undefined : Buffer.alloc(0);
        socket.on("data", (bytes: Buffer) => this.#enter(bytes));
        socket.on("end", () => this.#enter(undefined));
        socket.on("error", (error) => this.#lost(error));
        socket.on("close", () => {
            if (!socket.readableEnded && !this.#gone) {
                this.#lost(Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" }));
            }
        });
        socket.on("drain", () => this.#out.resume());
        if (options.first !== undefined) {
            this.#enter(options.first);
        }
        if (socket.readableEnded) {
            this.#enter(undefined);
        }
        socket.pause();
    }

    /** As of a socket: the other end gets a reset, what is on the line is lost. */
    resetAndDestroy(): this {
        if (!this.#gone) {
            this.#gone = true;
            this.#options.onEnd?.("reset-by-us");
            reset(this.#socket);
        }
        return this.destroy();
    }

    override _read(): void {
        this.#read = true;
        this.#in.resume();
        this.#flow();
    }

    override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
        this.#feed(this.#out, bytes);
        if (this.#out.bytes < this.#out.room) {
            done();
        } else {
            this.#afterWrite = done;
        }
    }

    override _final(done: (error?: Error | null) => void): void {
        this.#final = done;
        this.#out.push({ end: true }, 0);
    }

    override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
        this.#in.close();
        this.#out.close();
        if (!this.#gone) {
            this.#gone = true;
            // Both directions ended: the socket closes by itself once it has sent what it has. A failure (of a hook, of
            // what is piped here) must not look like an end to who is behind the socket.
            if (error !== null) {
                this.#options.onEnd?.("reset-by-us");
                reset(this.#socket);
            } else if (!this.readableEnded || !this.writableFinished) {
                this.#socket.destroy();
            }
        }
        done(error);
    }

    /** From the socket: bytes, or its end. */
    #enter(bytes: Buffer | undefined): void {
        let passing = bytes;
        if (this.#first !== undefined) {
            this.#first = Buffer.concat([this.#first, bytes ?? Buffer.alloc(0)]);
            const found = nameIn(this.#first);
            if (found.state === "more" && bytes !== undefined) {
                return;
            }
            if (this.#options.gate?.(found.state === "known" ? found.name : undefined) === false) {
                reset(this);
                return;
            }
            passing = this.#first;
            this.#first = undefined;
        }
        if (passing !== undefined && passing.length > 0) {
            this.#feed(this.#in, passing);
        }
        if (bytes === undefined) {
            this.#in.push({ end: true }, 0);
        }
    }

    #feed(line: Line<Travelling>, bytes: Buffer): void {
        const { piece } = line;
        for (let begin = 0; begin < bytes.length; begin += piece) {
            const part = begin === 0 && bytes.length <= piece ? bytes : bytes.subarray(begin, begin + piece);
            line.push({ bytes: part }, part.length);
        }
        this.#flow();
    }

    /** Reads from the socket while the inward line has room. */
    #flow(): void {
        const room = this.#read && this.#in.bytes < this.#in.room;
        if (room && this.#socket.isPaused()) {
            this.#socket.resume();
        } else if (!room && !this.#socket.isPaused()) {
            this.#socket.pause();
        }
    }

    #arrive(item: Travelling): boolean {
        if ("end" in item) {
            this.#options.onEnd?.("end");
            this.push(null);
            return true;
        }
        if ("reset" in item) {
            this.destroy(item.reset);
            return false;
        }
        this.#options.onRead?.(item.bytes);
        const more = this.push(item.bytes);
        this.#read = more;
        this.#flow();
        return more;
    }

    #leave(item: Travelling): boolean {
        if ("end" in item) {
            this.#options.onEnd?.("final");
            this.#socket.end();
            this.#final?.();
            return true;
        }
        if ("reset" in item) {
            return false;
        }
        this.#options.onWrite?.(item.bytes);
        const more = this.#socket.write(item.bytes);
        if (this.#afterWrite !== undefined && this.#out.bytes < this.#out.room) {
            const done = this.#afterWrite;
            this.#afterWrite = undefined;
            done();
        }
        return more;
    }

    /** The other end has reset the connection: that travels like everything else. */
    #lost(error: Error): void {
        if (this.#gone) {
            return;
        }
        this.#gone = true;
        this.#options.onEnd?.("reset");
        if (this.#in.bytes === 0 || this.#read) {
            this.#in.push({ reset: error }, 0);
        } else {
            this.destroy(error);
        }
    }
}
