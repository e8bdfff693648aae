// Frames: how messages lie in the stream of bytes. Each is a length (4 bytes, little endian, of what follows), a type (1
// byte) and a payload. Pure. The other end may be anyone's: lengths are limits to check, never sizes to allocate.

import { WinsockError } from "../../errors.js";

/** Bytes before the payload. */
export const frameHeaderSize = 5;

/** The largest payload: an INFO with all that it may carry (see messages.ts). */
export const largestPayload = 4 * 1024 * 1024 + 128 * 1024;

/** The largest payload before the other end has said who it is. */
export const largestFirstPayload = 1024;

/** What a peer sent breaks the protocol. The connection is of no use after it. */
export function badMessage(what: string): WinsockError {
    return new WinsockError(`The other process sent what the protocol does not know: ${what}.`, {
        code: "ERR_BAD_MESSAGE",
    });
}

/** A new buffer with the header written and `payloadSize` bytes after it to be filled, all of them. */
export function allocateFrame(type: number, payloadSize: number): Buffer {
    const frame = Buffer.allocUnsafe(frameHeaderSize + payloadSize);
    frame.writeUInt32LE(payloadSize + 1, 0);
    frame[4] = type;
    return frame;
}

/**
 * Takes the stream in pieces of any size and gives whole frames. A payload is a view of memory that nobody writes to
 * afterwards. Once it has thrown it throws for ever.
 */
export class FrameParser {
    /** The largest payload that is accepted from now on. */
    limit: number;
    readonly #onFrame: (type: number, payload: Buffer) => void;
    /** The beginning of a frame whose rest has not come: it grows with what comes, not with what is announced. */
    #held: Buffer = Buffer.alloc(0);
    #heldLength = 0;
    #failure: WinsockError | undefined;

    constructor(onFrame: (type: number, payload: Buffer) => void, limit = largestPayload) {
        this.#onFrame = onFrame;
        this.limit = limit;
    }

    /** Bytes of a frame that has not come to its end. */
    get pending(): number {
        return this.#heldLength;
    }

    /** @throws WinsockError `ERR_BAD_MESSAGE`; whatever `onFrame` throws */
    push(chunk: Buffer): void {
        if (this.#failure !== undefined) {
            throw this.#failure;
        }
        let rest = chunk;
        while (this.#heldLength > 0 && rest.length > 0) {
            const wanted = this.#heldLength < 4 ? 4 : this.#frameSize(this.#held);
            const taken = Math.min(wanted - this.#heldLength, rest.length);
            this.#hold(rest.subarray(0, taken));
            rest = rest.subarray(taken);
            if (this.#heldLength >= 4 && this.#heldLength === this.#frameSize(this.#held)) {
                const frame = this.#held.subarray(0, this.#heldLength);
                this.#held = Buffer.alloc(0);
                this.#heldLength = 0;
                this.#onFrame(frame[4]!, frame.subarray(frameHeaderSize));
            }
        }
        let start = 0;
        while (rest.length - start >= 4) {
            const end = start + this.#frameSize(rest, start);
            if (end > rest.length) {
                break;
            }
            this.#onFrame(rest[start + 4]!, rest.subarray(start + frameHeaderSize, end));
            start = end;
        }
        if (start < rest.length) {
            this.#hold(rest.subarray(start));
        }
    }

    /** Size of the frame at `start`, header included, of which at least 4 bytes are there. */
    #frameSize(bytes: Buffer, start = 0): number {
        const length = bytes.readUInt32LE(start);
        if (length === 0 || length - 1 > this.limit) {
            this.#failure = badMessage(`a frame of ${length} bytes (the most is ${this.limit + 1})`);
            throw this.#failure;
        }
        return 4 + length;
    }

    #hold(bytes: Buffer): void {
        const length = this.#heldLength + bytes.length;
        if (length > this.#held.length) {
            const larger = Buffer.allocUnsafe(Math.max(64, length, Math.min(2 * length, this.limit + frameHeaderSize)));
            this.#held.copy(larger, 0, 0, this.#heldLength);
            this.#held = larger;
        }
        bytes.copy(this.#held, this.#heldLength);
        this.#heldLength = length;
    }
}
