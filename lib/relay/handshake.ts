/**
 * What two sides say to each other before a stream begins: read to the byte, so that what follows stays in the stream
 * (a server that speaks first may have its words in the same packet as the proxy's answer).
 */
import type { Duplex } from "node:stream";

export class Handshake {
    readonly #stream: Duplex;
    #bytes: Buffer = Buffer.alloc(0);

    constructor(stream: Duplex) {
        this.#stream = stream;
    }

    write(bytes: Uint8Array | string): void {
        this.#stream.write(bytes);
    }

    async read(count: number): Promise<Buffer> {
        while (this.#bytes.length < count) {
            await this.#more();
        }
        return this.#take(count);
    }

    /** Up to and including `mark`. Rejects when it does not come within `most` bytes. */
    async readUntil(mark: string, most: number): Promise<Buffer> {
        for (;;) {
            const index = this.#bytes.indexOf(mark);
            if (index >= 0 && index + mark.length <= most) {
                return this.#take(index + mark.length);
            }
            if (this.#bytes.length >= most) {
                throw new Error(`no end of the answer within ${most} bytes`);
            }
            await this.#more();
        }
    }

    /** Gives what was read too far back to the stream. Once, at the end. */
    end(): void {
        if (this.#bytes.length > 0 && !this.#stream.destroyed) {
            this.#stream.unshift(this.#bytes);
        }
        this.#bytes = Buffer.alloc(0);
    }

    #take(count: number): Buffer {
        const taken = this.#bytes.subarray(0, count);
        this.#bytes = this.#bytes.subarray(count);
        return taken;
    }

    async #more(): Promise<void> {
        this.#bytes = Buffer.concat([this.#bytes, await nextChunk(this.#stream)]);
    }
}

/**
 * The next bytes of a stream that nobody else reads. Rejects at its end, when it fails, when it is destroyed; after
 * `signal` it takes nothing more from the stream and never settles.
 */
export function nextChunk(stream: Duplex, signal?: AbortSignal): Promise<Buffer> {
    return new Promise((resolve, reject) => {
        const done = (): void => {
            stream.off("readable", look).off("end", onEnd).off("error", onError).off("close", onEnd);
            signal?.removeEventListener("abort", done);
        };
        const look = (): void => {
            // By its length: reading "all" of a stream that has ended would let the end out before what is read too far
            // could be given back.
            const { readableLength } = stream;
            const chunk = (readableLength > 0 ? stream.read(readableLength) : stream.read()) as Buffer | null;
            if (chunk !== null) {
                done();
                resolve(chunk);
            }
        };
        const onError = (error: Error): void => {
            done();
            reject(error);
        };
        const onEnd = (): void => onError(Object.assign(new Error("the other end closed"), { code: "ECONNRESET" }));
        if (stream.errored !== null) {
            reject(stream.errored);
            return;
        }
        if (stream.destroyed || stream.readableEnded) {
            onEnd();
            return;
        }
        signal?.addEventListener("abort", done, { once: true });
        stream.on("readable", look).on("end", onEnd).on("error", onError).on("close", onEnd);
        look();
    });
}
