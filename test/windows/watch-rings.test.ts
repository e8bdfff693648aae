// watch() on rings that are not written by Winsock calls: order, losses, several watchers, and hostile files.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { Worker } from "node:worker_threads";
import type { CallRecord } from "#lib/hooks/records.js";
import type { WatchNotice } from "#lib/hooks/session.js";
import { watch, watchBatches } from "#lib/hooks/watch.js";
import { native, packageRoot } from "#lib/native.js";
import { builds } from "../support/windows.js";
import {
    Collected,
    collect,
    ringFile,
    ringNameOf,
    ringsFolder,
    startNode,
    startWriter,
    watchingWords,
    withProvider,
} from "./watch-support.js";

const libraryUrl = import.meta.resolve("#lib/index.js");
const headerSize = 4096;
const recordCount = 32768;
const ringSize = headerSize + 128 * recordCount;

/** A ring as the provider makes it, with no record yet. */
function emptyRing(name: string): Buffer {
    const [pid, start] = name.replace(".ring", "").split("-");
    const ring = Buffer.alloc(ringSize);
    ring.write("WSIR", 0, "latin1");
    ring.writeUInt16LE(1, 4);
    ring.writeUInt16LE(headerSize, 6);
    ring.writeUInt32LE(128, 8);
    ring.writeUInt32LE(recordCount, 12);
    ring.writeUInt32LE(Number(pid), 16);
    ring.writeBigUInt64LE(BigInt(`0x${start}`), 24);
    ring.writeUInt32LE(64, 32);
    ring.writeUInt32LE(1, 40); // the performance counter
    ring.writeBigUInt64LE(10_000_000n, 64);
    ring.writeUInt16LE(4, 80);
    ring.write("evil", 88, "utf16le");
    return ring;
}

/** Offset of `next` in the header. */
const nextOffset = 2688;

describe("watch() on rings", function () {
    this.timeout(60_000);
    withProvider();

    it("agrees with native/core/ring_format.hpp where these tests write", () => {
        const text = fs.readFileSync(`${packageRoot}/native/core/ring_format.hpp`, "utf8");
        assert.match(text, /default_record_count = 32768/);
        assert.match(text, /std::uint8_t padding\[4096 - 2760\]/, "dropped is at 2752, next one cache line before it");
        assert.equal(nextOffset, 2752 - 64);
    });

    it("brings every record of a process in order, after a start record", async () => {
        const { watched, collected } = collect();
        const writer = await startWriter();
        for (let round = 0; round < 5; round++) {
            assert.match(await writer.ask("write 5000 1"), /^wrote 5000 /);
        }
        await writer.end();
        watched.stop();
        await collected.ended;
        const records = collected.of(writer.pid);
        assert.deepEqual(
            { ...records[0], program: undefined },
            { call: "start", pid: writer.pid, program: undefined, bits: 64, mode: "active" },
        );
        assert.match(records[0]!.program, /ring_writer\.exe$/);
        const calls = records.slice(1) as CallRecord[];
        const numbers = Array.from({ length: 25_000 }, (_, index) => index + 1);
        assert.deepEqual(
            calls.map(({ socket }) => Number(socket)),
            numbers,
        );
        assert.ok(calls.every(({ requested, socket }) => requested === 100 + (Number(socket) % 1000)));
    });

    it("tells times between the beginning and the end of what was done", async () => {
        const { watched, collected } = collect();
        const writer = await startWriter();
        const before = new Date(Date.now() - 2).toISOString();
        await writer.ask("write 1000 1");
        const after = new Date(Date.now() + 2).toISOString();
        watched.stop();
        await collected.ended;
        const calls = collected.of(writer.pid).slice(1) as CallRecord[];
        assert.equal(calls.length, 1000);
        for (const { time, durationNs } of calls) {
            assert.ok(time >= before && time <= after, `${before} <= ${time} <= ${after}`);
            assert.ok(durationNs > 50 && durationNs < 100_000, `a thousand ticks took ${durationNs} ns`);
        }
        assert.ok(calls.every(({ time }, index) => index === 0 || time >= calls[index - 1]!.time));
    });

    it("counts what was overwritten before it could be read, and loses nothing else", async () => {
        const batches = watchBatches();
        const writer = await startWriter();
        assert.match(await writer.ask("write 1000000 4"), /^wrote/); // nobody reads meanwhile
        await writer.end();
        batches.stop();
        let seen = 0;
        let lost = 0;
        for await (const batch of batches) {
            if (batch.process.pid === writer.pid) {
                seen += batch.length;
                lost += batch.lost;
            }
        }
        assert.equal(seen + lost, 1_000_000);
        assert.ok(seen > 30_000 && seen <= recordCount, `a full ring was read: ${seen}`);
    });

    it("reads on while several threads write, each record whole", async () => {
        const batches = watchBatches();
        const writer = await startWriter();
        const written = writer
            .ask("write 3000000 4")
            .then(() => writer.end())
            .then(() => batches.stop());
        let seen = 0;
        let lost = 0;
        for await (const batch of batches) {
            lost += batch.lost;
            seen += batch.length;
            for (let index = 0; index < batch.length; index++) {
                const number = Number(batch.socket(index));
                assert.equal(batch.requested(index), 100 + (number % 1000));
                assert.equal(batch.call(index), number % 2 === 0 ? "WSPSend" : "WSPRecv");
            }
        }
        await written;
        assert.equal(seen + lost, 3_000_000);
        assert.ok(seen > 0);
    });

    it("brings two watchers everything each, and one that comes later only what comes later", async () => {
        const one = collect();
        const two = collect();
        const writer = await startWriter();
        await writer.ask("write 100 1");
        await one.collected.until(() => one.collected.of(writer.pid).length === 101);
        const three = collect();
        await writer.ask("write 50 1");
        for (const { watched, collected } of [one, two, three]) {
            watched.stop();
            await collected.ended;
        }
        const numbers = ({ collected }: typeof one): number[] =>
            collected
                .of(writer.pid)
                .slice(1)
                .map((record) => Number((record as CallRecord).socket));
        const all = Array.from({ length: 150 }, (_, index) => index + 1);
        assert.deepEqual(numbers(one), all);
        assert.deepEqual(numbers(two), all);
        assert.deepEqual(numbers(three), all.slice(100));
        assert.equal(three.collected.of(writer.pid)[0]?.call, "start");
    });

    it("reports only the processes that were asked for", async () => {
        const wanted = await startWriter();
        const other = await startWriter();
        const { watched, collected } = collect({ processes: { has: ({ pid }) => pid === wanted.pid } });
        await wanted.ask("write 10 1");
        await other.ask("write 10 1");
        watched.stop();
        await collected.ended;
        assert.equal(collected.of(wanted.pid).length, 11);
        assert.equal(collected.of(other.pid).length, 0);
    });

    it("sets the watching word while it watches, and takes it back", async () => {
        assert.deepEqual(watchingWords(), [0, 0]);
        const one = watch();
        const two = watch();
        assert.equal(watchingWords()[0] + watchingWords()[1], 2);
        await one.close();
        await one.close();
        assert.equal(watchingWords()[0] + watchingWords()[1], 1);
        await two[Symbol.asyncDispose]();
        assert.deepEqual(watchingWords(), [0, 0]);
    });

    it("counts out a watcher that crashed, when the next one comes", async () => {
        const crashing = await startNode(
            `import(${JSON.stringify(libraryUrl)}).then(({ watch }) => {
                globalThis.watched = watch(); say("watching"); })`,
        );
        assert.equal(await crashing.line(), "watching");
        assert.equal(watchingWords()[0] + watchingWords()[1], 1);
        crashing.child.kill("SIGKILL");
        await once(crashing.child, "exit");
        const next = watch();
        assert.equal(watchingWords()[0] + watchingWords()[1], 1);
        await next.close();
        assert.deepEqual(watchingWords(), [0, 0]);
    });

    it("counts out the watcher of a worker thread that is terminated", async () => {
        const worker = new Worker(
            `import(require("worker_threads").workerData).then(({ watch }) => {
                globalThis.watched = watch();
                setInterval(() => undefined, 1000);
                require("worker_threads").parentPort.postMessage("watching");
            });`,
            { eval: true, workerData: libraryUrl },
        );
        await once(worker, "message");
        assert.equal(watchingWords()[0] + watchingWords()[1], 1);
        await worker.terminate();
        assert.deepEqual(watchingWords(), [0, 0]);
    });

    it("puts the watching word right when somebody clears it", async () => {
        const { collected } = collect();
        const writer = await startWriter();
        const file = fs.openSync(`${ringsFolder()}/../control.bin`, "r+");
        fs.writeSync(file, Buffer.alloc(4), 0, 4, 20);
        fs.closeSync(file);
        await writer.ask("write 1 1");
        await collected.until(() => collected.of(writer.pid).length === 2);
        assert.equal(watchingWords()[0], 1);
    });

    it("ends with the signal's reason, and gives everything back", async () => {
        const controller = new AbortController();
        const { collected } = collect({ signal: controller.signal });
        const writer = await startWriter();
        await collected.until(() => collected.of(writer.pid).length === 1);
        controller.abort(new Error("enough"));
        await assert.rejects(collected.ended, /enough/);
        assert.deepEqual(watchingWords(), [0, 0]);
        assert.throws(() => watch({ signal: controller.signal }), /enough/);
        assert.deepEqual(watchingWords(), [0, 0]);
    });

    it("ends normally when it is closed or left, also before the first record", async () => {
        const closed = watch();
        const collected = new Collected(closed);
        await closed.close();
        await collected.ended;
        const writer = await startWriter();
        const left = watch({ processes: { has: ({ pid }) => pid === writer.pid } });
        await writer.ask("write 3 1");
        for await (const record of left) {
            assert.equal(record.pid, writer.pid);
            break;
        }
        assert.deepEqual(watchingWords(), [0, 0]);
    });

    it("takes away the rings of processes that have ended", async () => {
        const { watched, collected } = collect();
        const writer = await startWriter();
        const name = ringNameOf(writer.pid);
        await writer.ask("write 1 1");
        assert.ok(fs.existsSync(ringFile(name)));
        await writer.end();
        watched.stop();
        await collected.ended;
        assert.equal(collected.of(writer.pid).length, 2);
        assert.ok(!fs.existsSync(ringFile(name)));
    });

    it("never takes away the ring of a process that runs", async () => {
        const writer = await startWriter();
        const name = ringNameOf(writer.pid);
        assert.equal(native().removeRing(name), false);
        await watch().close();
        assert.ok(fs.existsSync(ringFile(name)));
    });

    it("refuses wrong arguments", () => {
        assert.throws(() => watch({ signal: {} as AbortSignal }), TypeError);
        assert.throws(() => watch({ processes: {} as never }), TypeError);
        assert.throws(() => watch({ nosuch: 1 } as never), TypeError);
        assert.throws(() => watch(null as never), TypeError);
        assert.throws(() => native().openRing("..\\control.bin"), TypeError);
        assert.deepEqual(watchingWords(), [0, 0]);
    });

    it("waits for a ring that is being made", async () => {
        const maker = await startNode("");
        const name = ringNameOf(maker.pid);
        const honest = await startWriter();
        const notices: WatchNotice[] = [];
        const { collected } = collect({ onNotice: (notice) => notices.push(notice) });
        let sent = 0;
        const meanwhile = async (): Promise<void> => {
            for (let round = 0; round < 10; round++) {
                await honest.ask("write 1 1");
                sent += 1;
                await collected.until(() => collected.of(honest.pid).length === sent + 1);
            }
        };
        const whole = emptyRing(name);
        const file = fs.openSync(ringFile(name), "wx+");
        try {
            await meanwhile();
            fs.writeSync(file, whole.subarray(4), 0, whole.length - 4, 4);
            await meanwhile();
            fs.writeSync(file, whole.subarray(0, 4), 0, 4, 0);
            await collected.until(() => collected.of(maker.pid).length === 1);
        } finally {
            fs.closeSync(file);
        }
        assert.equal(collected.of(maker.pid)[0]?.program, "evil");
        assert.deepEqual(notices, []);
    });

    /** What the watcher says first of a process whose ring is this file. */
    async function startOf(ring: (name: string) => Buffer): Promise<Record<string, unknown>> {
        const maker = await startNode("");
        const name = ringNameOf(maker.pid);
        const notices: WatchNotice[] = [];
        const { watched, collected } = collect({ onNotice: (notice) => notices.push(notice) });
        try {
            fs.writeFileSync(ringFile(name), ring(name));
            await collected.until(() => collected.of(maker.pid).length > 0);
            watched.stop();
            await collected.ended;
        } finally {
            fs.rmSync(ringFile(name), { force: true });
        }
        const [start, ...rest] = collected.of(maker.pid);
        assert.deepEqual([notices, rest], [[], []]);
        return { ...start, pid: start?.pid === maker.pid ? "its own" : start?.pid };
    }

    const ofAbi =
        (abi: number, size = ringSize) =>
        (name: string): Buffer => {
            const ring = emptyRing(name);
            ring.writeUInt16LE(abi, 4);
            ring.writeUInt32LE(0x00_01_02_03, 84);
            return ring.subarray(0, size);
        };

    it("reads a ring of the previous ABI", async () => {
        assert.deepEqual(await startOf(ofAbi(0)), {
            call: "start",
            pid: "its own",
            program: "evil",
            bits: 64,
            mode: "active",
            version: "1.2.3",
        });
    });

    for (const [what, ring] of [
        ["the next ABI", ofAbi(2)],
        ["a far one", ofAbi(65535)],
        ["one, no longer than its header,", ofAbi(2, headerSize)],
    ] as const) {
        it(`tells a process whose ring is of ${what} as unobserved, by what the system says of it`, async () => {
            const { reason, program, ...start } = await startOf(ring);
            assert.deepEqual(start, { call: "start", pid: "its own", bits: 64, mode: "unobserved" });
            assert.match(String(reason), /version/);
            assert.equal(String(program).toLowerCase(), process.execPath.toLowerCase());
        });
    }

    describe("with a hostile ring", () => {
        /** What a file of that content makes the watcher say; it must go on reading an honest ring meanwhile. */
        async function noticesFor(
            content: (name: string) => Buffer | "folder",
            into: (file: string, made: Buffer) => void = fs.writeFileSync,
        ): Promise<string[]> {
            const hostile = await startNode("");
            const name = ringNameOf(hostile.pid);
            const notices: WatchNotice[] = [];
            const honest = await startWriter();
            const { watched, collected } = collect({ onNotice: (notice) => notices.push(notice) });
            const made = content(name);
            try {
                if (made === "folder") {
                    fs.mkdirSync(ringFile(name));
                } else {
                    into(ringFile(name), made);
                }
                for (let sent = 1; notices.length === 0; sent++) {
                    // a ring may be unfinished for a while
                    await honest.ask("write 1 1");
                    await collected.until(() => collected.of(honest.pid).length === sent + 1);
                }
                watched.stop();
                await collected.ended;
            } finally {
                fs.rmSync(ringFile(name), { recursive: true, force: true });
            }
            assert.equal(collected.of(hostile.pid).length, 0);
            assert.ok(notices.every(({ code, message }) => code === "ERR_RING_IGNORED" && message.includes(name)));
            return notices.map(({ message }) => message);
        }

        const changed =
            (change: (ring: Buffer) => void) =>
            (name: string): Buffer => {
                const ring = emptyRing(name);
                change(ring);
                return ring;
            };
        const cases: [string, (name: string) => Buffer | "folder"][] = [
            ["an empty file", () => Buffer.alloc(0)],
            ["a file shorter than a header", () => Buffer.alloc(4095, 1)],
            ["a ring whose making never ends", changed((ring) => ring.writeUInt32LE(0, 0))],
            ["something else than a ring", () => randomBytes(ringSize)],
            ["a header of another size", changed((ring) => ring.writeUInt16LE(64, 6))],
            ["records of another size", changed((ring) => ring.writeUInt32LE(64, 8))],
            ["no record", changed((ring) => ring.writeUInt32LE(0, 12))],
            ["a record count that is no power of two", changed((ring) => ring.writeUInt32LE(3, 12))],
            ["more records than the file has", changed((ring) => ring.writeUInt32LE(recordCount * 2, 12))],
            ["more records than there can be", changed((ring) => ring.writeUInt32LE(0x8000_0000, 12))],
            ["another process's pid", changed((ring) => ring.writeUInt32LE(process.pid, 16))],
            ["another process's start time", changed((ring) => ring.writeBigUInt64LE(1n, 24))],
            ["a bitness that is none", changed((ring) => ring.writeUInt32LE(16, 32))],
            ["a mode that is none", changed((ring) => ring.writeUInt32LE(7, 36))],
            ["a clock that is none", changed((ring) => ring.writeUInt32LE(7, 40))],
            ["a program name longer than its room", changed((ring) => ring.writeUInt16LE(65535, 80))],
            ["a folder of that name", () => "folder"],
        ];
        it("ignores a ring in a process's name whose file is another user's", async function () {
            const guests = "S-1-5-32-546";
            const unnamed = path.join(ringsFolder(), "unnamed");
            const own = (file: string): number | null =>
                spawnSync(path.join(builds[64], "programs", "own_file.exe"), [file, guests]).status;
            fs.writeFileSync(unnamed, "");
            const status = own(unnamed);
            fs.rmSync(unnamed);
            if (status === 50) {
                this.skip(); // Wine keeps the owner of the file on the disk
            }
            assert.equal(status, 0);
            const [message, ...others] = await noticesFor(emptyRing, (file, made) => {
                fs.writeFileSync(unnamed, made);
                assert.equal(own(unnamed), 0);
                fs.renameSync(unnamed, file);
            });
            assert.match(message!, /not of the process it names/);
            assert.deepEqual(others, []);
        });

        for (const [what, content] of cases) {
            it(`ignores ${what}, and says so once`, async () => {
                assert.equal((await noticesFor(content)).length, 1);
            });
        }

        it("survives a process that scribbles over its ring without end", async () => {
            const scribbler = await startNode(
                `const fs = require("fs"), { randomBytes } = require("crypto");
                 process.stdin.once("data", (name) => {
                     const file = fs.openSync(String(name).trim(), "r+");
                     const work = () => {
                         for (let i = 0; i < 50; i++) {
                             const n = randomBytes(8);
                             if (i % 3 === 0) n.fill(255, 3);
                             fs.writeSync(file, n, 0, 8, ${nextOffset});
                             fs.writeSync(file, randomBytes(4096), 0, 4096, 4096 + 4096 * (n[0] % 64));
                             fs.writeSync(file, randomBytes(2048), 0, 2048, 100);
                         }
                         setImmediate(work);
                     };
                     work();
                     say("scribbling");
                 })`,
            );
            const name = ringNameOf(scribbler.pid);
            fs.writeFileSync(ringFile(name), emptyRing(name));
            const honest = await startWriter();
            const { watched, collected } = collect();
            assert.equal(await scribbler.ask(ringFile(name)), "scribbling");
            for (let round = 1; round <= 200; round++) {
                await honest.ask("write 100 1");
                await collected.until(() => collected.of(honest.pid).length >= 100 * round + 1);
            }
            watched.stop();
            await collected.ended;
            await scribbler.end();
            const lost = collected.of(honest.pid).filter(({ call }) => call === "dropped");
            assert.deepEqual(lost, [], "the honest process lost nothing");
            assert.equal(collected.of(honest.pid).length, 20_001);
            assert.ok(collected.of(scribbler.pid).length > 0);
        });
    });
});
