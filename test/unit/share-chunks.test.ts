// Streams over single messages (lib/share/transports/chunks.ts), with a network between the two ends that does what it
// likes; and what the ends make of bytes that nobody of ours sent.
import assert from "node:assert/strict";
import { WinsockError } from "#lib/errors.js";
import type { Chunk, ChunkKind } from "#lib/share/transports/chunks.js";
import { ChunkEnd, chunkHeaderSize, chunkKinds, decodeChunk, encodeChunk } from "#lib/share/transports/chunks.js";
import { parseProofLine } from "#lib/share/transports/prove.js";
import { counts } from "../support/counts.js";
import { Random, cases, newSeed } from "./catalogs.js";

const channel = "00112233445566778899aabbccddeeff";

const chunk = (more: Partial<Chunk> = {}): Chunk => ({
    kind: chunkKinds.data,
    channel,
    sequence: 5,
    acknowledged: 3,
    limit: 20,
    data: Buffer.from("some bytes"),
    ...more,
});

describe("share chunks: one message", () => {
    it("comes out as it went in", () => {
        for (const kind of Object.values(chunkKinds)) {
            const made = chunk({ kind, sequence: 0xffff_fff0, acknowledged: 7, limit: 0xffff_ffff });
            assert.deepEqual(decodeChunk(encodeChunk(made)), made);
        }
        const empty = chunk({ data: Buffer.alloc(0) });
        assert.equal(encodeChunk(empty).length, chunkHeaderSize);
        assert.deepEqual(decodeChunk(encodeChunk(empty)), empty);
    });

    it("is none if a single bit of it is another", () => {
        const message = encodeChunk(chunk());
        for (let bit = 0; bit < message.length * 8; bit += 1) {
            message[bit >> 3]! ^= 1 << (bit & 7);
            assert.equal(decodeChunk(message), undefined, `bit ${bit}`);
            message[bit >> 3]! ^= 1 << (bit & 7);
        }
        assert.ok(decodeChunk(message) !== undefined);
    });

    it("is none if it is cut or has something behind it", () => {
        const message = encodeChunk(chunk());
        for (let length = 0; length < message.length; length += 1) {
            assert.equal(decodeChunk(message.subarray(0, length)), undefined);
        }
        assert.equal(decodeChunk(Buffer.concat([message, Buffer.alloc(1)])), undefined);
    });
});

/** Two ends and what is between them: messages are lost, doubled, delayed past each other and damaged. */
class Network {
    readonly #random: Random;
    readonly #percent: { lost: number; doubled: number; damaged: number; late: number };
    now = 1;
    #flying: { at: number; to: ChunkEnd; message: Buffer }[] = [];
    messages = 0;

    constructor(random: Random, percent: { lost: number; doubled: number; damaged: number; late: number }) {
        this.#random = random;
        this.#percent = percent;
    }

    send(to: ChunkEnd, messages: readonly Buffer[]): void {
        for (const message of messages) {
            this.messages += 1;
            const { lost, doubled, damaged, late } = this.#percent;
            if (this.#random.chance(lost)) {
                continue;
            }
            for (let copies = this.#random.chance(doubled) ? 2 : 1; copies > 0; copies -= 1) {
                const bytes = Buffer.from(message);
                if (this.#random.chance(damaged)) {
                    bytes[this.#random.below(bytes.length)]! ^= 1 + this.#random.below(255);
                }
                const delay = this.#random.chance(late) ? this.#random.below(900) : 1;
                this.#flying.push({ at: this.now + delay, to, message: bytes });
            }
        }
    }

    /** Time goes to the next thing that happens. False: nothing will ever happen. */
    step(ends: readonly ChunkEnd[]): boolean {
        const times = [...this.#flying.map(({ at }) => at), ...ends.flatMap((end) => end.wakeAt() ?? [])];
        if (times.length === 0) {
            return false;
        }
        this.now = Math.max(this.now, Math.min(...times));
        const due = this.#flying.filter(({ at }) => at <= this.now);
        this.#flying = this.#flying.filter(({ at }) => at > this.now);
        for (const { to, message } of due) {
            const decoded = decodeChunk(message);
            if (decoded !== undefined) {
                to.receive(decoded);
            }
        }
        return true;
    }
}

interface Run {
    sent: Buffer[];
    got: Buffer[];
    greetings: string[];
    ended: number;
    messages: number;
}

/** Sends random bytes both ways at once until both ends have everything, and gives what arrived. */
function converse(random: Random, percent: ConstructorParameters<typeof Network>[1], size: number): Run {
    const network = new Network(random, percent);
    const options = { channel, messageSize: chunkHeaderSize + 1 + random.below(200), window: 1 + random.below(16) };
    const ends = [new ChunkEnd(options), new ChunkEnd(options)] as const;
    const sent = ends.map(() => Buffer.from(random.bytes(random.below(size))));
    const got = ends.map(() => Buffer.alloc(0));
    const [finished, greetings] = [[false, false], [] as string[]];
    ends[0].hello(Buffer.from("hi").subarray(0, options.messageSize - chunkHeaderSize));
    ends.forEach((end, index) => {
        end.write(sent[index]!);
        end.end();
    });
    for (let steps = 0; !(finished[0] && finished[1] && ends[0].delivered && ends[1].delivered); steps += 1) {
        assert.ok(steps < 1_000_000, "it comes to an end");
        ends.forEach((end, index) => {
            // A reader that does not always read: the other end must stop, and go on.
            while (random.chance(70)) {
                const next = end.read();
                if (next?.kind === "data") {
                    assert.equal(finished[index], false, "nothing comes behind the end");
                    got[index] = Buffer.concat([got[index]!, next.data]);
                } else if (next?.kind === "end") {
                    finished[index] = true;
                } else if (next?.kind === "hello") {
                    greetings.push(`${index}: ${next.data.toString()}`);
                }
            }
            network.send(ends[1 - index]!, end.outgoing(network.now));
        });
        network.step(ends);
    }
    return { sent, got, greetings, ended: network.now, messages: network.messages };
}

describe("share chunks: a channel", () => {
    it("carries every byte once and in order where nothing is lost", () => {
        const random = new Random(1);
        const { sent, got, greetings, ended } = converse(random, { lost: 0, doubled: 0, damaged: 0, late: 0 }, 20_000);
        assert.deepEqual(got, [sent[1], sent[0]]);
        assert.equal(greetings.length, 1);
        assert.ok(greetings[0]!.startsWith("1: h"));
        assert.ok(ended > 1);
    });

    const seed = newSeed();
    it(`carries every byte once and in order whatever happens to its messages (seed ${seed})`, function () {
        this.timeout(600_000);
        const random = new Random(seed);
        for (let run = 0; run < cases(60); run += 1) {
            const percent = {
                lost: random.below(40),
                doubled: random.below(30),
                damaged: random.below(20),
                late: random.below(60),
            };
            const { sent, got } = converse(random, percent, 4000);
            assert.ok(got[0]!.equals(sent[1]!) && got[1]!.equals(sent[0]!), `run ${run}`);
        }
    });

    it("sends no more than the window while the other end is not read from, and asks now and then", () => {
        const options = { channel, messageSize: chunkHeaderSize + 10, window: 4 };
        const [source, target] = [new ChunkEnd(options), new ChunkEnd(options)];
        source.write(Buffer.alloc(1000));
        let data = 0;
        let probes = 0;
        let now = 1;
        for (let round = 0; round < 50; round += 1, now += 500) {
            for (const message of source.outgoing(now)) {
                const sent = decodeChunk(message)!;
                data += sent.kind === chunkKinds.data ? 1 : 0;
                probes += sent.kind === chunkKinds.probe ? 1 : 0;
                target.receive(sent);
            }
            target.outgoing(now).forEach((message) => source.receive(decodeChunk(message)!));
        }
        assert.equal(data, 4);
        assert.ok(probes >= 5 && probes <= 15, `${probes} questions in 25 s`);
        assert.equal(source.queuedBytes, 960);
    });

    it("tells the other end once that it was broken off, and nothing else any more", () => {
        const options = { channel, messageSize: 100, window: 4 };
        const [source, target] = [new ChunkEnd(options), new ChunkEnd(options)];
        source.write(Buffer.alloc(100));
        source.reset();
        const messages = source.outgoing(1);
        assert.equal(messages.length, 1);
        target.receive(decodeChunk(messages[0]!)!);
        assert.ok(target.wasReset);
        assert.deepEqual([source.outgoing(10_000), source.wakeAt()], [[], undefined]);
    });

    it("does not believe acknowledgements and leave that cannot be", () => {
        const source = new ChunkEnd({ channel, messageSize: chunkHeaderSize + 10, window: 2 });
        source.write(Buffer.alloc(100));
        assert.equal(source.outgoing(1).length, 2);
        const lie = (acknowledged: number, limit: number): void =>
            source.receive(chunk({ kind: chunkKinds.acknowledge, acknowledged, limit, data: Buffer.alloc(0) }));
        lie(3, 5);
        lie(0, 1000);
        lie(0xffff_ffff, 0xffff_ffff);
        assert.deepEqual(source.outgoing(2), []);
        lie(1, 3);
        assert.equal(source.outgoing(3).length, 1);
    });
});

describe("share chunks: bytes of strangers", () => {
    const seed = newSeed();
    it(`are refused, or are a chunk that is encoded to the same bytes (seed ${seed})`, function () {
        this.timeout(1_200_000);
        const random = new Random(seed);
        const good = encodeChunk(chunk());
        let accepted = 0;
        for (let input = 0; input < counts.parserInputs; input += 1) {
            let bytes = Buffer.from(good);
            for (let changes = random.below(4); changes > 0; changes -= 1) {
                bytes[random.below(bytes.length)] = random.below(256);
            }
            if (random.chance(20)) {
                bytes = bytes.subarray(0, random.below(bytes.length + 1));
            } else if (random.chance(10)) {
                bytes = Buffer.from(random.bytes(random.below(100)));
            }
            const decoded = decodeChunk(bytes);
            if (decoded !== undefined) {
                accepted += 1;
                assert.ok(encodeChunk(decoded).equals(bytes));
            }
        }
        assert.ok(accepted > 0 && accepted < counts.parserInputs / 2);
    });

    it(`in valid chunks of the channel never break its bounds (seed ${seed})`, function () {
        this.timeout(1_200_000);
        const random = new Random(seed);
        const window = 8;
        const nasty = (): number =>
            random.pick([
                random.below(12),
                random.below(12),
                0xffff_ffff - random.below(20),
                random.below(0x1_0000_0000),
            ]);
        let end = new ChunkEnd({ channel, messageSize: 100, window });
        for (let input = 0; input < counts.parserInputs; input += 1) {
            if (input % 1000 === 0) {
                end = new ChunkEnd({ channel, messageSize: 100, window });
                end.write(Buffer.alloc(500));
            }
            end.receive({
                kind: (1 + random.below(5)) as ChunkKind,
                channel,
                sequence: nasty(),
                acknowledged: nasty(),
                limit: nasty(),
                data: Buffer.alloc(random.below(3)),
            });
            // The queue is 9 chunks: more than those, one answer and one question is never said at once.
            assert.ok(end.outgoing(input).length <= window + 2);
            if (random.chance(5)) {
                let held = 0;
                while (end.read() !== undefined) {
                    held += 1;
                }
                assert.ok(held <= window, `${held} chunks were held`);
            }
        }
    });

    it(`in a proof are one member of one object, or an error (seed ${seed})`, function () {
        this.timeout(1_200_000);
        const random = new Random(seed);
        const good = ['{"pid":4711}', '{"handle":1234}', '{"ok":true}', `{"answer":"${"ab".repeat(32)}"}`];
        for (let input = 0; input < counts.parserInputs; input += 1) {
            const line = Buffer.from(random.pick(good));
            for (let changes = random.below(4); changes > 0; changes -= 1) {
                line[random.below(line.length)] = random.below(128);
            }
            try {
                const [name] = parseProofLine(line.toString());
                assert.equal(typeof name, "string");
            } catch (error) {
                assert.ok(error instanceof WinsockError && error.code === "ERR_BAD_PEER", String(error));
            }
        }
    });
});
