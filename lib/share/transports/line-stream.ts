// A line of the addon (lib/native/transports.ts: shared memory, anonymous pipes) as a stream of Node.

import { Duplex } from "node:stream";
import { WinsockError, toWinsockError } from "../../errors.js";
import type { Link, LinkEvents } from "../../native/transports.js";

type Callback = (error?: Error | null) => void;

/** How long nothing may have come before the end of the other process counts as the end of its data. */
const grace = 100;

/** What a writer is told by mechanisms whose other end has gone. */
const endings = new Set(["ERROR_BROKEN_PIPE", "ERROR_NO_DATA", "ERROR_PIPE_NOT_CONNECTED"]);

export class LineStream extends Duplex {
    #link: Link | undefined;
    #writing: Callback | undefined;
    #readEnded = false;
    #peerGone = false;
    #peerTimer: NodeJS.Timeout | undefined;

    constructor() {
        super({ allowHalfOpen: false });
    }

    /** `open` makes the link; resolves when it works. */
    static async open(open: (onEvents: (events: LinkEvents) => void) => Link): Promise<LineStream> {
        const stream = new LineStream();
        await new Promise<void>((resolve, reject) => {
            stream.#link = open((events) => {
                if (events.ready) {
                    resolve();
                } else if (events.ended) {
                    reject(toWinsockError(events.error) ?? stream.#gone());
                }
                stream.#take(events);
            });
        });
        return stream;
    }

    /** The other end's process has ended; what is still on its way may arrive. */
    peerEnds(): void {
        if (this.#peerTimer === undefined && !this.destroyed) {
            this.#peerTimer = setTimeout(() => this.#peerEnded(), grace);
        }
    }

    ref(): this {
        this.#link?.ref();
        return this;
    }

    unref(): this {
        this.#link?.unref();
        return this;
    }

    #gone(): WinsockError {
        return new WinsockError("The process at the other end of the channel has ended, or closed it.", {
            code: "ERR_PEER_GONE",
        });
    }

    #take(events: LinkEvents): void {
        if (this.destroyed) {
            return;
        }
        this.#peerTimer?.refresh();
        for (const bytes of events.messages) {
            if (!this.#readEnded && !this.push(bytes)) {
                this.#link?.pause();
            }
        }
        const [failure] = events.failures;
        if (failure !== undefined && !endings.has(failure.error.code)) {
            this.destroy(toWinsockError(failure.error) as Error);
            return;
        }
        if (events.sent > 0 && this.#writing !== undefined) {
            const writing = this.#writing;
            this.#writing = undefined;
            writing(failure === undefined ? null : this.#gone());
        }
        if (events.error !== undefined) {
            this.destroy(toWinsockError(events.error) as Error);
        } else if (events.ended) {
            this.#endReading();
        }
    }

    #endReading(): void {
        if (!this.#readEnded) {
            this.#readEnded = true;
            this.push(null);
            this.read(0); // where nothing waits to be read the end is seen at once, though nobody reads
        }
    }

    #peerEnded(): void {
        this.#peerGone = true;
        this.#endReading();
        const writing = this.#writing;
        this.#writing = undefined;
        writing?.(this.#gone());
    }

    override _read(): void {
        this.#link?.resume();
    }

    override _write(data: Buffer, _encoding: string, callback: Callback): void {
        if (this.#peerGone) {
            callback(this.#gone());
            return;
        }
        this.#writing = callback;
        this.#link?.send("", data);
    }

    override _writev(chunks: { chunk: Buffer }[], callback: Callback): void {
        this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "buffer", callback);
    }

    override _final(callback: Callback): void {
        if (this.#peerGone) {
            callback();
            return;
        }
        this.#writing = () => callback(); // that the other end has gone is no failure to end
        this.#link?.finish();
    }

    override _destroy(error: Error | null, callback: Callback): void {
        clearTimeout(this.#peerTimer);
        this.#link?.close();
        callback(error);
    }
}
