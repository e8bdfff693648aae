// What streams to another process have in common: how they end with it.

import { Duplex } from "node:stream";
import { WinsockError } from "../../errors.js";

export type Callback = (error?: Error | null) => void;

/** How long nothing may have come before the end of the other process counts as the end of its data. */
const grace = 100;

export const peerGone = (): WinsockError =>
    new WinsockError("The process at the other end of the channel has ended, or closed it.", {
        code: "ERR_PEER_GONE",
    });

export abstract class PeerStream extends Duplex {
    protected readEnded = false;
    #timer: NodeJS.Timeout | undefined;

    constructor() {
        super({ allowHalfOpen: false });
    }

    /** The other end's process has ended, or its port has gone; what is still on its way may arrive. */
    peerEnds(): void {
        if (this.#timer === undefined && !this.destroyed) {
            this.#timer = setTimeout(() => this.peerEnded(), grace);
        }
    }

    /** Nothing more comes. */
    protected abstract peerEnded(): void;

    /** Something came from the other end: its end waits for more. */
    protected heard(): void {
        this.#timer?.refresh();
    }

    protected endReading(): void {
        if (!this.readEnded) {
            this.readEnded = true;
            this.push(null);
            this.read(0); // where nothing waits to be read the end is seen at once, though nobody reads
        }
    }

    abstract override _write(data: Buffer, encoding: string, callback: Callback): void;

    override _writev(chunks: { chunk: Buffer }[], callback: Callback): void {
        this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "buffer", callback);
    }

    override _destroy(error: Error | null, callback: Callback): void {
        clearTimeout(this.#timer);
        callback(error);
    }
}
