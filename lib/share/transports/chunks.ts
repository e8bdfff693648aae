/**
 * A reliable, ordered stream of bytes over single messages of limited size, in both directions: what the mechanisms that
 * know only messages (mailslots, WM_COPYDATA, atoms, DDE) have in common. Pure: no timer, no system call.
 *
 * A chunk is {kind, channel, sequence, acknowledged, limit, length, crc32, data}. Each carries how far its sender has
 * received everything (`acknowledged`) and how far the other may send (`limit`), so that a receiver that is not read
 * from is not flooded. What is not acknowledged is sent again; what comes twice is dropped; what is damaged, foreign or
 * malformed is as if it had not come.
 */
import { crc32 } from "node:zlib";

/** Bytes of a chunk before its data. */
export const chunkHeaderSize = 40;
export const channelIdSize = 16;

const magic = 0x7731; // "w1"

export const chunkKinds = { hello: 1, data: 2, end: 3, acknowledge: 4, probe: 5, reset: 6 } as const;
export type ChunkKind = (typeof chunkKinds)[keyof typeof chunkKinds];

export interface Chunk {
    readonly kind: ChunkKind;
    /** 128 random bits, as hex: which channel, known to its two ends only. */
    readonly channel: string;
    /** Number of this chunk among the hello, data and end chunks of its direction, from 0; else 0. */
    readonly sequence: number;
    /** Every chunk below this number has been received. */
    readonly acknowledged: number;
    /** Chunks below this number may be sent. */
    readonly limit: number;
    readonly data: Buffer;
}

const at = { magic: 0, kind: 2, channel: 4, sequence: 20, acknowledged: 24, limit: 28, length: 32, crc: 36 } as const;

/** Sequence numbers do not wrap: a channel that has used this many chunks ends. */
const lastSequence = 0xffff_fff0;

export function encodeChunk(chunk: Chunk): Buffer {
    const bytes = Buffer.alloc(chunkHeaderSize + chunk.data.length);
    bytes.writeUInt16LE(magic, at.magic);
    bytes.writeUInt16LE(chunk.kind, at.kind);
    bytes.write(chunk.channel, at.channel, channelIdSize, "hex");
    bytes.writeUInt32LE(chunk.sequence, at.sequence);
    bytes.writeUInt32LE(chunk.acknowledged, at.acknowledged);
    bytes.writeUInt32LE(chunk.limit, at.limit);
    bytes.writeUInt32LE(chunk.data.length, at.length);
    chunk.data.copy(bytes, chunkHeaderSize);
    bytes.writeUInt32LE(checksum(bytes), at.crc);
    return bytes;
}

/** Of everything but the checksum itself. */
function checksum(bytes: Buffer): number {
    return crc32(bytes.subarray(chunkHeaderSize), crc32(bytes.subarray(0, at.crc)));
}

/** The chunk in a message, or undefined if it is none, whole and undamaged. Its `data` is a view of the message. */
export function decodeChunk(bytes: Buffer): Chunk | undefined {
    if (bytes.length < chunkHeaderSize || bytes.readUInt16LE(at.magic) !== magic) {
        return undefined;
    }
    const kind = bytes.readUInt16LE(at.kind);
    if (kind < chunkKinds.hello || kind > chunkKinds.reset) {
        return undefined;
    }
    if (bytes.readUInt32LE(at.length) !== bytes.length - chunkHeaderSize) {
        return undefined;
    }
    if (bytes.readUInt32LE(at.crc) !== checksum(bytes)) {
        return undefined;
    }
    return {
        kind: kind as ChunkKind,
        channel: bytes.toString("hex", at.channel, at.channel + channelIdSize),
        sequence: bytes.readUInt32LE(at.sequence),
        acknowledged: bytes.readUInt32LE(at.acknowledged),
        limit: bytes.readUInt32LE(at.limit),
        data: bytes.subarray(chunkHeaderSize),
    };
}

export interface ChunkOptions {
    readonly channel: string;
    /** Most bytes of one message, header included. */
    readonly messageSize: number;
    /** Most chunks that may be on their way to one end, or wait there to be read. */
    readonly window: number;
}

/** What came in order: the client's greeting, bytes, the end of them. */
export interface Received {
    readonly kind: "hello" | "data" | "end";
    readonly data: Buffer;
}

/** Milliseconds after which something is sent again: at first, and at most. */
const firstPatience = 250;
const longestPatience = 2000;
/** The same where the other end said that it had no room just now. */
const shortestPatience = 20;

type Sequenced = typeof chunkKinds.hello | typeof chunkKinds.data | typeof chunkKinds.end;

interface Unacknowledged {
    readonly sequence: number;
    readonly kind: Sequenced;
    readonly data: Buffer;
}

/**
 * One end of a channel. The caller hands it messages and the time, sends what `outgoing` gives, and wakes it at
 * `wakeAt`. Nothing here grows beyond the window but `queued`, which the caller bounds.
 */
export class ChunkEnd {
    readonly #options: ChunkOptions;
    // Outgoing
    readonly #queue: { kind: Sequenced; data: Buffer }[] = [];
    readonly #flying: Unacknowledged[] = [];
    readonly #again = new Set<number>();
    #queuedBytes = 0;
    #nextSequence = 0;
    /** Chunks below this were sent before something was found to be lost. */
    #lostBelow = 0;
    #limit: number;
    #patience = firstPatience;
    #sentAt = 0;
    #probe = false;
    #reset = false;
    #resetSent = false;
    // Incoming
    readonly #early = new Map<number, Received>();
    #expected = 0;
    /** What the reader has taken; chunks up to this plus the window may come. */
    #taken = 0;
    #toldLimit = 0;
    #mustAcknowledge = false;
    readonly #ready: Received[] = [];
    #ended = false;
    #wasReset = false;

    constructor(options: ChunkOptions) {
        if (options.messageSize <= chunkHeaderSize || options.window < 1) {
            throw new RangeError("a message must hold more than a header, and the window at least one chunk");
        }
        this.#options = options;
        this.#limit = options.window; // until the other end says otherwise
        this.#toldLimit = options.window;
    }

    /** Most bytes of one chunk. */
    get dataSize(): number {
        return this.#options.messageSize - chunkHeaderSize;
    }

    /** Bytes that were given to `write` and have not been sent for the first time. */
    get queuedBytes(): number {
        return this.#queuedBytes;
    }

    /** Everything that was given has arrived. */
    get delivered(): boolean {
        return this.#queue.length === 0 && this.#flying.length === 0;
    }

    /** The other end broke the channel off. */
    get wasReset(): boolean {
        return this.#wasReset;
    }

    /** The numbers of chunks are used up: the channel cannot go on. */
    get exhausted(): boolean {
        return this.#nextSequence >= lastSequence;
    }

    hello(data: Buffer): void {
        if (data.length > this.dataSize) {
            throw new RangeError("a greeting must fit into one chunk");
        }
        this.#enqueue(chunkKinds.hello, data);
    }

    write(data: Buffer): void {
        for (let begin = 0; begin < data.length; begin += this.dataSize) {
            this.#enqueue(chunkKinds.data, data.subarray(begin, begin + this.dataSize));
        }
    }

    end(): void {
        this.#enqueue(chunkKinds.end, Buffer.alloc(0));
    }

    /** Breaks the channel off: the other end is told once, nothing else is sent any more. */
    reset(): void {
        this.#reset = true;
    }

    #enqueue(kind: Sequenced, data: Buffer): void {
        this.#queue.push({ kind, data });
        this.#queuedBytes += data.length;
    }

    /** A chunk of this channel has come in. */
    receive(chunk: Chunk): void {
        if (chunk.kind === chunkKinds.reset) {
            this.#wasReset = true;
            return;
        }
        this.#hear(chunk);
        if (chunk.kind === chunkKinds.probe) {
            this.#mustAcknowledge = true;
        } else if (chunk.kind !== chunkKinds.acknowledge) {
            this.#take(chunk);
        }
    }

    /** What the other end says of what it has and wants. What it cannot have is not believed. */
    #hear({ acknowledged, limit }: Chunk): void {
        if (acknowledged > this.#nextSequence || limit > acknowledged + this.#options.window) {
            return;
        }
        let heard = false;
        while (this.#flying.length > 0 && this.#flying[0]!.sequence < acknowledged) {
            this.#again.delete(this.#flying.shift()!.sequence);
            heard = true;
        }
        const first = this.#flying[0];
        if (heard && first !== undefined && first.sequence < this.#lostBelow) {
            this.#again.add(first.sequence); // where one was lost, the next may be too
        }
        if (limit > this.#limit) {
            // messages may overtake each other: an older word does not take back a newer one
            this.#limit = limit;
            heard = true;
        }
        if (heard) {
            this.#patience = firstPatience;
            this.#sentAt = 0; // counted anew from the next look at the clock
        }
    }

    #take(chunk: Chunk): void {
        this.#mustAcknowledge = true; // also of what came before: the acknowledgement may have been lost
        const { sequence } = chunk;
        if (sequence < this.#expected || sequence >= this.#taken + this.#options.window || this.#early.has(sequence)) {
            return;
        }
        const kind = chunk.kind === chunkKinds.hello ? "hello" : chunk.kind === chunkKinds.end ? "end" : "data";
        this.#early.set(sequence, { kind, data: chunk.data });
        for (let next = this.#early.get(this.#expected); next !== undefined; next = this.#early.get(this.#expected)) {
            this.#early.delete(this.#expected);
            this.#expected += 1;
            if (!this.#ended) {
                // what follows an end is acknowledged and dropped
                this.#ready.push(next);
                this.#ended = next.kind === "end";
            } else {
                this.#taken += 1;
            }
        }
    }

    /** The next that came in order; with it taken, the other end may send more. */
    read(): Received | undefined {
        const next = this.#ready.shift();
        if (next !== undefined) {
            this.#taken += 1;
            // Told when half the window is free, or nothing waits: not for each chunk.
            const limit = this.#taken + this.#options.window;
            if (limit - this.#toldLimit >= this.#options.window / 2 || this.#ready.length === 0) {
                this.#mustAcknowledge = true;
            }
        }
        return next;
    }

    /** A message that `outgoing` gave was refused: it is sent again soon. */
    refused(): void {
        this.#patience = shortestPatience;
    }

    /** The messages to send now. `now` in milliseconds of any clock that does not go back. */
    outgoing(now: number): Buffer[] {
        const messages: Buffer[] = [];
        if (this.#reset) {
            if (!this.#resetSent) {
                this.#resetSent = true;
                messages.push(this.#encode(chunkKinds.reset, 0, Buffer.alloc(0)));
            }
            return messages;
        }
        if (this.#sentAt === 0) {
            this.#sentAt = now;
        }
        this.#lookAtClock(now);
        for (const sequence of this.#again) {
            const chunk = this.#flying.find((flying) => flying.sequence === sequence);
            if (chunk !== undefined) {
                messages.push(this.#encode(chunk.kind, sequence, chunk.data));
            }
        }
        this.#again.clear();
        while (this.#maySend()) {
            const { kind, data } = this.#queue.shift()!;
            this.#queuedBytes -= data.length;
            if (this.#flying.length === 0) {
                this.#sentAt = now;
            }
            this.#flying.push({ sequence: this.#nextSequence, kind, data });
            messages.push(this.#encode(kind, this.#nextSequence, data));
            this.#nextSequence += 1;
        }
        if (this.#probe) {
            this.#probe = false;
            messages.push(this.#encode(chunkKinds.probe, 0, Buffer.alloc(0)));
        }
        if (this.#mustAcknowledge && messages.length === 0) {
            messages.push(this.#encode(chunkKinds.acknowledge, 0, Buffer.alloc(0)));
        }
        return messages;
    }

    #maySend(): boolean {
        return (
            this.#queue.length > 0 &&
            this.#flying.length < this.#options.window &&
            this.#nextSequence < this.#limit &&
            !this.exhausted
        );
    }

    /** Waits for the other end: for an acknowledgement, or for leave to send. */
    get #waits(): boolean {
        return this.#flying.length > 0 || this.#queue.length > 0;
    }

    #lookAtClock(now: number): void {
        if (!this.#waits || now - this.#sentAt < this.#patience) {
            return;
        }
        const first = this.#flying[0];
        if (first !== undefined) {
            this.#again.add(first.sequence); // one: who is busy must not be buried
            this.#lostBelow = this.#nextSequence;
        } else if (!this.#maySend()) {
            this.#probe = true; // the word that we may send again can be lost too
        } else {
            return;
        }
        this.#sentAt = now;
        this.#patience = Math.min(this.#patience * 2, longestPatience);
    }

    /** When `outgoing` has something to do again although nothing comes in; undefined: never. */
    wakeAt(): number | undefined {
        return this.#reset || !this.#waits ? undefined : this.#sentAt + this.#patience;
    }

    #encode(kind: ChunkKind, sequence: number, data: Buffer): Buffer {
        this.#mustAcknowledge = false;
        this.#toldLimit = this.#taken + this.#options.window;
        return encodeChunk({
            kind,
            channel: this.#options.channel,
            sequence,
            acknowledged: this.#expected,
            limit: this.#taken + this.#options.window,
            data,
        });
    }
}
