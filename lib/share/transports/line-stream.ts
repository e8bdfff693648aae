// A line of the addon (lib/native/transports.ts: shared memory, anonymous pipes) as a stream of Node.

import { toWinsockError } from "../../errors.js";
import type { Link, LinkEvents } from "../../native/transports.js";
import { type Callback, PeerStream, peerGone } from "./peer-stream.js";

/** What a writer is told by mechanisms whose other end has gone. */
const endings = new Set(["ERROR_BROKEN_PIPE", "ERROR_NO_DATA", "ERROR_PIPE_NOT_CONNECTED"]);

export class LineStream extends PeerStream {
    #link: Link | undefined;
    #writing: Callback | undefined;
    #peerGone = false;

    /** `open` makes the link; resolves when it works. */
    static async open(open: (onEvents: (events: LinkEvents) => void) => Link): Promise<LineStream> {
        const stream = new LineStream();
        await new Promise<void>((resolve, reject) => {
            stream.#link = open((events) => {
                if (events.ready) {
                    resolve();
                } else if (events.ended) {
                    reject(toWinsockError(events.error) ?? peerGone());
                }
                stream.#take(events);
            });
        });
        return stream;
    }

    ref(): this {
        this.#link?.ref();
        return this;
    }

    unref(): this {
        this.#link?.unref();
        return this;
    }

    #take(events: LinkEvents): void {
        if (this.destroyed) {
            return;
        }
        this.heard();
        for (const bytes of events.messages) {
            if (!this.readEnded && !this.push(bytes)) {
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
            writing(failure === undefined ? null : peerGone());
        }
        if (events.error !== undefined) {
            this.destroy(toWinsockError(events.error) as Error);
        } else if (events.ended) {
            this.endReading();
        }
    }

    protected override peerEnded(): void {
        this.#peerGone = true;
        this.endReading();
        const writing = this.#writing;
        this.#writing = undefined;
        writing?.(peerGone());
    }

    override _read(): void {
        this.#link?.resume();
    }

    override _write(data: Buffer, _encoding: string, callback: Callback): void {
        if (this.#peerGone) {
            callback(peerGone());
            return;
        }
        this.#writing = callback;
        this.#link?.send("", data);
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
        this.#link?.close();
        super._destroy(error, callback);
    }
}
