// The protocol between two processes that hand a socket over, as bytes. Whatever the other end sends is either the
// message that it says, or an error: never a crash, never memory without bounds.
import assert from "node:assert/strict";
import { WinsockError } from "#lib/errors.js";
import { FrameParser, largestFirstPayload, largestPayload } from "#lib/share/wire/frames.js";
import {
    type MessageHandlers,
    dispatch,
    encodeBye,
    encodeCancel,
    encodeDeclined,
    encodeDone,
    encodeGo,
    encodeGrant,
    encodeHello,
    encodeInfo,
    encodeTaken,
    largestData,
    largestMessage,
    ledgerKeySize,
    messageType,
    mostTickets,
    secretSize,
    ticketSize,
    toReason,
} from "#lib/share/wire/messages.js";
import { counts } from "../support/counts.js";
import { Random, newSeed } from "./catalogs.js";

type Heard = [name: keyof MessageHandlers, ...values: unknown[]];

/** Handlers that write down what they are called with; buffers as hexadecimal text. */
function recorder(): { heard: Heard[]; handlers: MessageHandlers } {
    const heard: Heard[] = [];
    const plain = (value: unknown): unknown =>
        value instanceof Uint8Array
            ? Buffer.from(value).toString("hex")
            : typeof value === "object" && value !== null
              ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
              : value;
    const names = ["hello", "grant", "info", "taken", "declined", "go", "done", "cancel", "bye"] as const;
    const handlers = Object.fromEntries(
        names.map((name) => [name, (...values: unknown[]) => void heard.push([name, ...values.map(plain)])]),
    ) as unknown as MessageHandlers;
    return { heard, handlers };
}

/** What comes out at the other end, and the error that ended it; pieces of the given sizes, the last size repeated. */
function transmit(
    bytes: Buffer,
    sizes: () => number,
    limit = largestPayload,
): { heard: Heard[]; error?: WinsockError } {
    const { heard, handlers } = recorder();
    const parser = new FrameParser((type, payload) => dispatch(type, payload, handlers), limit);
    try {
        for (let at = 0; at < bytes.length;) {
            const size = Math.max(1, sizes());
            parser.push(bytes.subarray(at, at + size));
            at += size;
        }
    } catch (error) {
        assert.ok(error instanceof WinsockError && error.code === "ERR_BAD_MESSAGE", String(error));
        return { heard, error };
    }
    return { heard };
}

const bytesOf = (size: number, value: number): Buffer => Buffer.alloc(size, value);

const info = {
    id: 7,
    kind: "connected",
    mode: "move",
    ticket: bytesOf(ticketSize, 3),
    info: bytesOf(628, 4),
    message: Buffer.from('{"a":1}'),
    data: bytesOf(100, 5),
} as const;

const everyMessage: readonly Buffer[] = [
    encodeHello({ role: "target" }),
    encodeHello({ role: "target", secret: bytesOf(secretSize, 9) }),
    encodeHello({ role: "source", ledger: 0x1234, ledgerKey: bytesOf(ledgerKeySize, 8) }),
    encodeGrant(bytesOf(3 * ticketSize, 1)),
    encodeInfo(info),
    encodeInfo({ ...info, id: 0xffff_ffff, kind: "datagram", mode: "share", message: undefined, data: undefined }),
    encodeTaken(7),
    encodeDeclined({ id: 8, untouched: true, code: "ERR_SOCKET_KIND", reason: "no such kind" }),
    encodeGo(7),
    encodeDone(7, "native"),
    encodeDone(7, undefined),
    encodeCancel(9),
    encodeBye({ code: "WSAEACCES", reason: "not you" }),
];

const everyHeard: readonly Heard[] = [
    ["hello", { role: "target", secret: "", ledger: 0, ledgerKey: "00".repeat(ledgerKeySize) }],
    ["hello", { role: "target", secret: "09".repeat(secretSize), ledger: 0, ledgerKey: "00".repeat(ledgerKeySize) }],
    ["hello", { role: "source", secret: "", ledger: 0x1234, ledgerKey: "08".repeat(ledgerKeySize) }],
    ["grant", "01".repeat(3 * ticketSize)],
    [
        "info",
        {
            id: 7,
            kind: "connected",
            mode: "move",
            ticket: "03".repeat(ticketSize),
            info: "04".repeat(628),
            message: Buffer.from('{"a":1}').toString("hex"),
            data: "05".repeat(100),
        },
    ],
    [
        "info",
        {
            id: 0xffff_ffff,
            kind: "datagram",
            mode: "share",
            ticket: "03".repeat(ticketSize),
            info: "04".repeat(628),
            message: "",
            data: "",
        },
    ],
    ["taken", 7],
    ["declined", { id: 8, untouched: true, code: "ERR_SOCKET_KIND", reason: "no such kind" }],
    ["go", 7],
    ["done", 7, "native"],
    ["done", 7, undefined],
    ["cancel", 9],
    ["bye", { code: "WSAEACCES", reason: "not you" }],
];

describe("share: the protocol's messages", () => {
    it("arrive as they were sent, whatever the pieces in which they come", () => {
        const stream = Buffer.concat(everyMessage);
        for (const size of [1, 2, 3, 4, 5, 7, 64, 633, 1000, stream.length]) {
            assert.deepEqual(
                transmit(stream, () => size),
                { heard: everyHeard },
                `pieces of ${size}`,
            );
        }
    });

    it("hold as much as is allowed, and no more", () => {
        const most = encodeInfo({ ...info, message: bytesOf(largestMessage, 32), data: bytesOf(largestData, 1) });
        const { heard, error } = transmit(most, () => 65_536);
        assert.equal(error, undefined);
        assert.equal(heard.length, 1);
        for (const tooMuch of [{ message: bytesOf(largestMessage + 1, 32) }, { data: bytesOf(largestData + 1, 1) }]) {
            assert.match(transmit(encodeInfo({ ...info, ...tooMuch }), () => 65_536).error!.message, /bytes/);
        }
        assert.equal(transmit(encodeGrant(bytesOf(mostTickets * ticketSize, 1)), () => 999).error, undefined);
        assert.ok(transmit(encodeGrant(bytesOf((mostTickets + 1) * ticketSize, 1)), () => 999).error);
    });

    it("of a size that is not allowed are refused when their size is known, not when they are there", () => {
        const head = Buffer.alloc(4);
        for (const size of [0, largestPayload + 2, 0x7fff_ffff, 0xffff_ffff]) {
            head.writeUInt32LE(size);
            assert.ok(transmit(head, () => 1).error, String(size));
        }
        head.writeUInt32LE(largestFirstPayload + 2);
        assert.ok(transmit(head, () => 4, largestFirstPayload).error);
        assert.equal(transmit(head, () => 4).error, undefined);
    });

    it("that are announced large take memory as they come", () => {
        const parser = new FrameParser(() => assert.fail("nothing is whole"));
        const head = Buffer.alloc(5);
        head.writeUInt32LE(largestPayload);
        const before = process.memoryUsage();
        const parsers = Array.from({ length: 2000 }, () => {
            const each = new FrameParser(() => assert.fail("nothing is whole"));
            each.push(head);
            return each;
        });
        const after = process.memoryUsage();
        assert.ok(after.arrayBuffers + after.rss - before.arrayBuffers - before.rss < 200 * 1024 * 1024);
        assert.equal(parsers[0]!.pending, 5);
        parser.push(head);
        assert.equal(parser.pending, 5);
    });

    it("are refused where a field is not one of those that there are", () => {
        const spoil = (frame: Buffer, at: number, value: number): Buffer => {
            const copy = Buffer.from(frame);
            copy[5 + at] = value;
            return copy;
        };
        const [hello, , , , whole] = everyMessage as [Buffer, Buffer, Buffer, Buffer, Buffer];
        const spoiled: Record<string, Buffer> = {
            "another magic": spoil(hello, 0, 0),
            "another version": spoil(hello, 4, 2),
            "another role": spoil(hello, 6, 2),
            "a secret that is not there": spoil(hello, 7, secretSize),
            "an odd secret": spoil(hello, 7, 3),
            "another kind": spoil(whole, 4, 4),
            "another mode": spoil(whole, 5, 2),
            flags: spoil(whole, 6, 1),
            "a longer message": spoil(whole, 8, 8),
            "longer data": spoil(whole, 12, 101),
            "another path": spoil(encodeDone(1, "native"), 4, 3),
            "a code in lower case": encodeBye({ code: "err_x", reason: "" }),
            "no code": encodeBye({ code: "", reason: "" }),
            "a longer code": spoil(encodeBye({ code: "ERR_ABC", reason: "" }), 0, 200),
            "declined in a third way": spoil(
                encodeDeclined({ id: 1, untouched: true, code: "ERR_ABC", reason: "" }),
                4,
                2,
            ),
            "an id of three bytes": Buffer.from([4, 0, 0, 0, messageType.go, 1, 2, 3]),
            "a grant of half a ticket": encodeGrant(bytesOf(ticketSize / 2, 1)),
            "an empty grant": encodeGrant(bytesOf(0, 1)),
            "type 0": Buffer.from([1, 0, 0, 0, 0]),
            "type 10": Buffer.from([1, 0, 0, 0, 10]),
        };
        for (const [what, bytes] of Object.entries(spoiled)) {
            const { heard, error } = transmit(bytes, () => 4096);
            assert.ok(error, what);
            assert.deepEqual(heard, [], what);
        }
    });

    it("show people no control characters of the other side's choice", () => {
        const { heard } = transmit(encodeBye({ code: "ERR_ABC", reason: "a\u001b[2Jb\nc" }), () => 99);
        assert.deepEqual(heard, [["bye", { code: "ERR_ABC", reason: "a [2Jb c" }]]);
    });

    it("carry any error's code, and ERR_INTERNAL for what has none", () => {
        assert.equal(toReason(new WinsockError("x", { code: "WSAEACCES" })).code, "WSAEACCES");
        assert.equal(toReason(new TypeError("x")).code, "ERR_INTERNAL");
        assert.equal(toReason(Object.assign(new Error("x"), { code: "EPIPE" })).code, "ERR_INTERNAL");
        for (const thrown of [undefined, null, "text", 5]) {
            const bye = toReason(thrown);
            assert.deepEqual(transmit(encodeBye(bye), () => 9).heard, [["bye", bye]]);
        }
    });

    it("after an error are not heard", () => {
        const { heard, handlers } = recorder();
        const parser = new FrameParser((type, payload) => dispatch(type, payload, handlers), 100);
        assert.throws(() => parser.push(Buffer.alloc(4)), { code: "ERR_BAD_MESSAGE" });
        assert.throws(() => parser.push(encodeGo(1)), { code: "ERR_BAD_MESSAGE" });
        assert.deepEqual(heard, []);
    });
});

describe("share: the protocol's parser and what nobody would send", () => {
    const seed = newSeed();

    it(`hears the same, whole or in pieces, of ${counts.parserInputs} spoiled streams (seed ${seed})`, function () {
        this.timeout(600_000);
        const random = new Random(seed);
        let refused = 0;
        for (let round = 0; round < counts.parserInputs; round++) {
            const stream = spoil(random);
            const whole = transmit(stream, () => stream.length);
            const pieces = transmit(stream, () => 1 + random.below(200));
            assert.deepEqual(pieces.heard, whole.heard);
            assert.equal(pieces.error?.message, whole.error?.message);
            refused += whole.error === undefined ? 0 : 1;
        }
        assert.ok(refused > counts.parserInputs / 10 && refused < counts.parserInputs, `${refused} were refused`);
    });

    /** Some messages with bytes changed, cut out, put in or repeated; now and then nothing but noise. */
    function spoil(random: Random): Buffer {
        if (random.below(20) === 0) {
            return Buffer.from(Array.from({ length: 1 + random.below(100) }, () => random.below(256)));
        }
        const parts = Array.from(
            { length: 1 + random.below(4) },
            () => everyMessage[random.below(everyMessage.length)]!,
        );
        let stream = Buffer.concat(parts);
        for (let changes = random.below(4); changes > 0; changes--) {
            const at = random.below(stream.length);
            switch (random.below(4)) {
                case 0:
                    stream[at] = random.below(256);
                    break;
                case 1:
                    stream[at] = stream[at]! ^ (1 << random.below(8));
                    break;
                case 2:
                    stream = Buffer.concat([stream.subarray(0, at), stream.subarray(at + 1 + random.below(9))]);
                    break;
                default:
                    stream = Buffer.concat([stream.subarray(0, at), stream.subarray(random.below(at + 1))]);
            }
            if (stream.length === 0) {
                return Buffer.from([0]);
            }
        }
        return stream;
    }
});
