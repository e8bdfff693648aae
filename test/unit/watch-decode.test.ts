// Raw records to values: layouts, absent fields, addresses, hostile bytes.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { CounterConverter } from "#lib/hooks/clock.js";
import { RecordBatch, callName } from "#lib/hooks/decode.js";
import { extensionCalls, layout, providerCalls, recordFlags, recordSize } from "#lib/hooks/records.js";
import type { WatchedProcess } from "#lib/hooks/records.js";
import { maxRingParts, nextRingName, parseRingName } from "#lib/hooks/ring-names.js";
import { toRecords } from "#lib/hooks/watch.js";
import { packageRoot } from "#lib/native.js";
import { counts } from "../support/counts.js";

const ringFormat = fs.readFileSync(`${packageRoot}/native/core/ring_format.hpp`, "utf8");

const program = "C:\\programs\\client.exe";
const watched: WatchedProcess = {
    pid: 4711,
    parentPid: 4700,
    startTime: 0x01dd_7959_c264_fea0n,
    program,
    bits: 64,
    mode: "active",
};

/** 2026-11-21T01:00:00Z, at counter 2^40, a counter of 10 MHz. */
const sampledAt = BigInt(Date.UTC(2026, 10, 21, 1)) * 10_000n + 116_444_736_000_000_000n;
const counter = 1n << 40n;
const clock = new CounterConverter({ counter, filetime: sampledAt, hertz: 10_000_000 });

interface Fields {
    begin?: bigint;
    end?: bigint;
    socket?: bigint;
    requested?: bigint;
    bytes?: bigint;
    error?: number;
    call?: number;
    flags?: number;
    thread?: number;
    rule?: number;
    verdict?: number;
    local?: Uint8Array;
    remote?: Uint8Array;
}

function address(family: number, port: number, scope: number, bytes: readonly number[]): Uint8Array {
    const made = Buffer.alloc(24);
    made.writeUInt16LE(family, 0);
    made.writeUInt16LE(port, 2);
    made.writeUInt32LE(scope, 4);
    made.set(bytes, 8);
    return made;
}

function raw(fields: Fields): Uint8Array {
    const made = Buffer.alloc(recordSize);
    made.writeBigUInt64LE(2n, layout.sequence);
    made.writeBigUInt64LE(fields.begin ?? counter - 100n, layout.begin);
    made.writeBigUInt64LE(fields.end ?? counter - 50n, layout.end);
    made.writeBigUInt64LE(fields.socket ?? 0n, layout.socket);
    made.writeBigUInt64LE(fields.requested ?? 0n, layout.requested);
    made.writeBigUInt64LE(fields.bytes ?? 0n, layout.bytes);
    made.writeUInt32LE(fields.error ?? 0, layout.error);
    made.writeUInt16LE(fields.call ?? 8, layout.call);
    made.writeUInt16LE(fields.flags ?? 0, layout.flags);
    made.writeUInt32LE(fields.thread ?? 0, layout.thread);
    made.writeUInt32LE(fields.rule ?? 0, layout.rule);
    made.writeUInt32LE(fields.verdict ?? 0, layout.verdict);
    made.set(fields.local ?? [], layout.local);
    made.set(fields.remote ?? [], layout.remote);
    return made;
}

const batchOf = (...records: Fields[]): RecordBatch =>
    new RecordBatch({ process: watched, raw: Buffer.concat(records.map(raw)), clock });
const decode = (fields: Fields): object => batchOf(fields).record(0);
const common = { time: "2026-11-21T00:59:59.999990Z", pid: 4711, program, durationNs: 5000 };

describe("watch: raw records", () => {
    it("decodes a call with everything that can apply", () => {
        assert.deepEqual(
            decode({
                call: 24,
                socket: 412n,
                local: address(2, 50000, 0, [127, 0, 0, 1]),
                remote: address(2, 80, 0, [10, 1, 2, 3]),
                requested: 70000n,
                bytes: 65536n,
                thread: 99,
                verdict: 3,
                rule: 17,
                flags: recordFlags.hasRequested | recordFlags.hasBytes | recordFlags.hasVerdict,
            }),
            {
                ...common,
                call: "WSPSend",
                socket: 412n,
                local: "127.0.0.1:50000",
                remote: "10.1.2.3:80",
                requested: 70000,
                bytes: 65536,
                verdict: "redirect",
                rule: 17,
            },
        );
    });

    it("leaves out what does not apply, whatever stands there", () => {
        const decoded = decode({ call: 6, requested: 5n, bytes: 6n, verdict: 1, rule: 2 });
        assert.deepEqual(decoded, { ...common, call: "WSPCleanup" });
    });

    it("tells zero bytes from no bytes", () => {
        assert.deepEqual(decode({ call: 20, socket: 1n, flags: recordFlags.hasBytes }), {
            ...common,
            call: "WSPRecv",
            socket: 1n,
            bytes: 0,
        });
    });

    it("marks pending and peeking calls", () => {
        assert.deepEqual(decode({ call: 20, socket: 1n, flags: recordFlags.pending | recordFlags.peek }), {
            ...common,
            call: "WSPRecv",
            socket: 1n,
            pending: true,
            peek: true,
        });
    });

    it("names Winsock's errors", () => {
        assert.deepEqual(decode({ call: 8, socket: 1n, error: 10061 }), {
            ...common,
            call: "WSPConnect",
            socket: 1n,
            error: "WSAECONNREFUSED",
        });
    });

    it("says that an accept came by AcceptEx", () => {
        assert.deepEqual(decode({ call: 1, socket: 1n, flags: recordFlags.viaAcceptEx }), {
            ...common,
            call: "WSPAccept",
            socket: 1n,
            via: "AcceptEx",
        });
    });

    it("has no socket where the provider made none, in 64-bit and 32-bit programs", () => {
        assert.equal(batchOf({ socket: 0xffff_ffff_ffff_ffffn }).socket(0), undefined);
        assert.equal(batchOf({ socket: 0xffff_ffffn }).socket(0), 0xffff_ffffn);
        const process: WatchedProcess = { ...watched, bits: 32 };
        const narrow = new RecordBatch({ process, raw: raw({ socket: 0xffff_ffffn }), clock });
        assert.equal(narrow.socket(0), undefined);
    });

    it("writes IPv6 addresses as RFC 5952 does, with the scope where there is one", () => {
        const remote = (scope: number, ...bytes: number[]): string | undefined =>
            batchOf({ remote: address(23, 443, scope, bytes) }).remote(0);
        assert.equal(remote(0), "[::]:443");
        assert.equal(remote(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), "[::1]:443");
        assert.equal(remote(7, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 3, 0, 4), "[fe80::1:2:3:4%7]:443");
        assert.equal(remote(0, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1), "[2001:db8:0:1::1]:443");
        assert.equal(remote(0, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1), "[2001:db8:0:1:1:1:1:1]:443");
        assert.equal(remote(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1), "[::ffff:192.0.2.1]:443");
    });

    it("has no address of a family that Winsock's records do not carry", () => {
        assert.equal(batchOf({ remote: address(1, 443, 0, []) }).remote(0), undefined);
    });

    it("numbers the calls as native/core/ring_format.hpp does", () => {
        const body = /enum class Call[^{]*\{([^}]*)\}/.exec(ringFormat)?.[1] ?? "";
        let next = 0;
        const numbers = new Map<string, number>();
        for (const [, name, value] of body.replace(/\/\/.*$/gm, "").matchAll(/(\w+)(?:\s*=\s*(\d+))?\s*(?:,|$)/g)) {
            next = value === undefined ? next : Number(value);
            numbers.set(name!, next++);
        }
        numbers.delete("none");
        assert.equal(numbers.size, providerCalls.length + extensionCalls.length);
        for (const [name, number] of numbers) {
            assert.equal(callName(number), name);
        }
        assert.equal(callName(0), "unknown(0)");
        assert.equal(callName(31), "unknown(31)");
        assert.equal(callName(65535), "unknown(65535)");
    });

    it("has the flags of native/core/ring_format.hpp", () => {
        const found = [...ringFormat.matchAll(/record_(\w+) = 1 << (\d+)/g)];
        const native = found.map(([, name, bit]) => [name!.replaceAll("_", ""), 1 << Number(bit)]);
        const here = Object.entries(recordFlags).map(([name, bit]) => [name.toLowerCase(), bit]);
        assert.deepEqual(here, native);
    });

    it("yields a start record, then what was lost, then the calls", () => {
        const start = { call: "start", pid: 4711, program, bits: 64, mode: "active" } as const;
        const batch = new RecordBatch({ process: watched, raw: raw({}), clock, lost: 3, start });
        assert.deepEqual(
            [...toRecords(batch)].map((record) => record.call),
            ["start", "dropped", "WSPConnect"],
        );
        assert.deepEqual([...toRecords(batch)][1], { call: "dropped", pid: 4711, program, count: 3 });
    });

    it("refuses indices outside the batch and a torn buffer", () => {
        assert.throws(() => batchOf({}).record(1), RangeError);
        assert.throws(() => batchOf({}).bytes(-1), RangeError);
        assert.throws(() => batchOf({}).call(0.5), RangeError);
        assert.throws(() => new RecordBatch({ process: watched, raw: new Uint8Array(127), clock }), TypeError);
    });

    it("decodes any bytes without failing, into values of the right kind", function () {
        this.timeout(120_000);
        for (let round = 0; round < 20_000 * counts.cases; round++) {
            const bytes = randomBytes(recordSize);
            if (round % 2 === 0) {
                bytes.writeUInt16LE(round % 4 === 0 ? 2 : 23, layout.local); // let the address text be made
            }
            const record = new RecordBatch({ process: watched, raw: bytes, clock }).record(0);
            const shown = bytes.toString("hex");
            assert.match(record.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, shown);
            assert.ok(record.time <= "2026-11-21T01:00:00.000000Z", `nothing began after it was read: ${shown}`);
            assert.ok(record.durationNs >= 0 && Number.isFinite(record.durationNs), shown);
            assert.equal(typeof record.call, "string", shown);
        }
    });
});

describe("watch: names of rings", () => {
    it("gives pid and start time", () => {
        assert.deepEqual(parseRingName("4711-01dd7959c264fea0.ring"), { pid: 4711, startTime: 0x01dd_7959_c264_fea0n });
    });

    it("knows the rings of further versions of the provider in the same process", () => {
        const first = "4711-01dd7959c264fea0.ring";
        const names = [first];
        for (let next = nextRingName(first); next !== undefined; next = nextRingName(next)) {
            names.push(next);
        }
        const digits = ["", "-2", "-3", "-4"];
        assert.deepEqual(
            names,
            digits.map((part) => first.replace(".", `${part}.`)),
        );
        assert.equal(names.length, maxRingParts);
        assert.match(ringFormat, new RegExp(`max_ring_parts = ${maxRingParts};`));
        assert.deepEqual(
            names.map(parseRingName),
            names.map(() => parseRingName(first)),
        );
    });

    const strangers = [
        "4711-01dd7959c264fea0-1.ring",
        "4711-01dd7959c264fea0-5.ring",
        "4711-01dd7959c264fea0-.ring",
        "4711-01dd7959c264fea.ring",
        "0-01dd7959c264fea0.ring",
        "4294967296-01dd7959c264fea0.ring",
        "-01dd7959c264fea0.ring",
        "4711-01dd7959c264fea0.ring.bak",
        "..\\4711-01dd7959c264fea0.ring",
        "4711-01dd7959c264feag.ring",
    ];
    for (const name of strangers) {
        it(`takes ${name} for no ring`, () => {
            assert.equal(parseRingName(name), undefined);
        });
    }
});
