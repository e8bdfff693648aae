// A ChannelListener whose mechanism calls back for each connection. Those that nobody has taken yet wait here, up to a
// cap; beyond it the oldest goes, for who has waited longest without a word being said is the likeliest not to speak.

import { WinsockError } from "../../errors.js";
import type { Channel, ChannelListener, TransportOptions } from "./channel.js";

const mostWaiting = 128;

export class AcceptQueue implements ChannelListener {
    readonly address: string;
    readonly #options: TransportOptions;
    readonly #stop: () => void;
    readonly #waiting: Channel[] = [];
    #wake: (() => void) | undefined;
    #closed = false;
    #failure: { reason: unknown } | undefined;
    readonly #onAbort = (): void => {
        this.#failure = { reason: this.#options.signal?.reason };
        void this.close();
    };

    /** `stop` ends the mechanism; it is called once. */
    constructor(address: string, options: TransportOptions, stop: () => void) {
        this.address = address;
        this.#options = options;
        this.#stop = stop;
        options.signal?.addEventListener("abort", this.#onAbort, { once: true });
    }

    push(channel: Channel): void {
        if (this.#closed) {
            channel.stream.destroy();
            return;
        }
        channel.stream.on("error", ignore); // whoever takes it listens for itself
        this.#waiting.push(channel);
        if (this.#waiting.length > mostWaiting) {
            const oldest = this.#waiting.shift()!;
            oldest.stream.destroy();
            this.#options.onError?.(
                new WinsockError(`Too many connections at ${this.address} wait to be taken: one was closed.`, {
                    code: "ERR_TOO_MANY_CONNECTIONS",
                }),
            );
        }
        this.#wake?.();
    }

    /** Ends the iteration with an error: the mechanism failed. */
    fail(reason: unknown): void {
        this.#failure ??= { reason };
        void this.close();
    }

    close(): Promise<void> {
        if (!this.#closed) {
            this.#closed = true;
            this.#options.signal?.removeEventListener("abort", this.#onAbort);
            this.#stop();
            for (const { stream } of this.#waiting.splice(0)) {
                stream.destroy();
            }
            this.#wake?.();
        }
        return Promise.resolve();
    }

    [Symbol.asyncDispose](): Promise<void> {
        return this.close();
    }

    async *[Symbol.asyncIterator](): AsyncGenerator<Channel, void, undefined> {
        try {
            while (!this.#closed) {
                const channel = this.#waiting.shift();
                if (channel !== undefined) {
                    channel.stream.off("error", ignore);
                    yield channel;
                    continue;
                }
                await new Promise<void>((resolve) => (this.#wake = resolve));
                this.#wake = undefined;
            }
            if (this.#failure !== undefined) {
                throw this.#failure.reason;
            }
        } finally {
            await this.close();
        }
    }
}

const ignore = (): void => undefined;
