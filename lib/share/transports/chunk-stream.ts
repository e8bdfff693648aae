// A channel over chunks as a stream of Node.

import { WinsockError } from "../../errors.js";
import type { Chunk, ChunkOptions } from "./chunks.js";
import { ChunkEnd } from "./chunks.js";
import { type Callback, PeerStream, peerGone } from "./peer-stream.js";

export interface ChunkStreamOptions extends ChunkOptions {
    send(message: Buffer): void;
    /** The other end's greeting. */
    greeted?(data: Buffer): void;
    /** Called once, when nothing is sent any more. */
    closed(): void;
    ref(): void;
    unref(): void;
}

export class ChunkStream extends PeerStream {
    readonly #options: ChunkStreamOptions;
    readonly #end: ChunkEnd;
    #timer: NodeJS.Timeout | undefined;
    #writing: Callback | undefined;
    #finishing: Callback | undefined;
    #wanted = false;
    #peerGone = false;

    constructor(options: ChunkStreamOptions) {
        super();
        this.#options = options;
        this.#end = new ChunkEnd(options);
    }

    greet(data: Buffer): void {
        this.#end.hello(data);
        this.flush();
    }

    receive(chunk: Chunk): void {
        this.#end.receive(chunk);
        this.heard();
    }

    /** Gives on what came in and sends what is to be sent. */
    flush(): void {
        if (this.destroyed) {
            return;
        }
        if (this.#end.wasReset) {
            this.#deliver();
            this.peerEnded();
            return;
        }
        this.#deliver();
        this.#pump();
    }

    /** A message to the other end was refused: it is sent again soon. */
    refused(): void {
        this.#end.refused();
        this.#pump();
    }

    ref(): this {
        this.#options.ref();
        return this;
    }

    unref(): this {
        this.#options.unref();
        return this;
    }

    protected override peerEnded(): void {
        if (this.#peerGone || this.destroyed) {
            return;
        }
        this.#peerGone = true;
        clearTimeout(this.#timer);
        this.endReading();
        // A write that waits fails; who only waits for the end has it.
        const [writing, finishing] = [this.#writing, this.#finishing];
        this.#writing = undefined;
        this.#finishing = undefined;
        writing?.(peerGone());
        finishing?.();
    }

    #deliver(): void {
        while (this.#wanted && !this.readEnded) {
            const next = this.#end.read();
            if (next === undefined) {
                return;
            }
            if (next.kind === "data") {
                this.#wanted = next.data.length === 0 || this.push(next.data);
            } else if (next.kind === "end") {
                this.endReading();
            } else {
                this.#options.greeted?.(next.data);
            }
        }
    }

    #pump(): void {
        if (this.#peerGone) {
            return;
        }
        const now = performance.now();
        for (const message of this.#end.outgoing(now)) {
            this.#options.send(message);
        }
        if (this.#end.exhausted) {
            this.destroy(
                new WinsockError("The channel has carried all that it can number.", {
                    code: "ERR_CHANNEL_CLOSED",
                }),
            );
            return;
        }
        if (this.#writing !== undefined && this.#end.queuedBytes === 0) {
            const writing = this.#writing;
            this.#writing = undefined;
            writing();
        }
        if (this.#finishing !== undefined && this.#end.delivered) {
            const finishing = this.#finishing;
            this.#finishing = undefined;
            finishing();
        }
        const wakeAt = this.#end.wakeAt();
        clearTimeout(this.#timer);
        if (wakeAt !== undefined) {
            this.#timer = setTimeout(() => this.#pump(), Math.max(wakeAt - now, 1));
        }
    }

    override _read(): void {
        this.#wanted = true;
        this.flush();
    }

    override _write(data: Buffer, _encoding: string, callback: Callback): void {
        if (this.#peerGone) {
            callback(peerGone());
            return;
        }
        this.#end.write(data);
        this.#writing = callback;
        this.#pump();
    }

    override _final(callback: Callback): void {
        if (this.#peerGone) {
            callback();
            return;
        }
        this.#end.end();
        this.#finishing = callback;
        this.#pump();
    }

    override _destroy(error: Error | null, callback: Callback): void {
        clearTimeout(this.#timer);
        if (!this.#peerGone) {
            if (!(this.readEnded && this.writableFinished)) {
                this.#end.reset();
            }
            for (const message of this.#end.outgoing(performance.now())) {
                this.#options.send(message);
            }
        }
        this.#options.closed();
        super._destroy(error, callback);
    }
}
