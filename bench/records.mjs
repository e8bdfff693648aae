// Records per second that a watcher in TypeScript gets: of programs that write into their rings as fast as they can, so
// much at a time as a ring holds (nothing may be lost then), and without any pause, when what was lost must be told.
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { watch, watchBatches } from "winsock-spi";
import { formatNumber, leastPairs, median, printTable, summary } from "./measure.mjs";
import { programFile } from "./programs.mjs";

export const title = "records from rings to TypeScript";
export const inside = "provider";

const batches = "records in batches (watchBatches)";
const objects = "records as plain objects (watch)";
export const targets = { [batches]: { atLeast: 1_000_000 }, [objects]: { atLeast: 150_000 } };

const writers = 4;
const ringful = 30_000; // of the 32,768 that a ring holds

/** A program with a ring of its own (test/windows/programs/ring_writer.cpp). */
class Writer {
    #child = spawn(
        programFile("ring_writer"),
        [path.join(process.env.ProgramData ?? "C:\\ProgramData", "winsock-spi", "rings")],
        { stdio: ["pipe", "pipe", "inherit"] },
    );
    #lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    pid = this.#child.pid;

    async expect(pattern) {
        const { value } = await this.#lines.next();
        if (!pattern.test(value)) {
            throw new Error(`ring_writer: ${value}`);
        }
    }

    write(count) {
        this.#child.stdin.write(`write ${count} 1\n`);
        return this.expect(/^wrote /);
    }

    async end() {
        this.#child.stdin.end();
        await once(this.#child, "exit");
    }
}

/** The two ways to watch, as the same: each tells of how many records of whom it brought, and how many were lost. */
const ways = {
    [batches]: async (wanted, tell) => {
        const running = watchBatches({ processes: wanted });
        tell.stop = () => running.stop();
        for await (const batch of running) {
            let sends = 0;
            for (let index = 0; index < batch.length; ++index) {
                sends += batch.callNumber(index) & 1; // a field is read of each
            }
            tell.records(batch.length, sends);
            tell.lost(batch.lost);
        }
    },
    [objects]: async (wanted, tell) => {
        const running = watch({ processes: wanted });
        tell.stop = () => running.stop();
        for await (const record of running) {
            if (record.call === "dropped") {
                tell.lost(record.count);
            } else if (record.call !== "start") {
                tell.records(1, record.requested & 1);
            }
        }
    },
};

/** Watches `all`, and counts. `told(count)` resolves when so many records were read or lost since it was made. */
class Counter {
    got = 0;
    lost = 0;
    #wanted = Infinity;
    #reached;

    constructor(way, all) {
        const pids = new Set(all.map(({ pid }) => pid));
        const tell = {
            records: (count) => this.#add(count, 0),
            lost: (count) => this.#add(0, count),
        };
        this.ended = way({ has: ({ pid }) => pids.has(pid) }, tell);
        this.stop = () => tell.stop();
    }

    #add(got, lost) {
        this.got += got;
        this.lost += lost;
        if (this.got + this.lost >= this.#wanted) {
            this.#wanted = Infinity;
            this.#reached();
        }
    }

    told(count) {
        this.#wanted = this.got + this.lost + count;
        return new Promise((resolve) => (this.#reached = resolve));
    }
}

/** Records per second: each writer writes what its ring holds, and the next round begins when all of it was read. */
async function withoutLoss(counter, all, rounds) {
    const speeds = [];
    for (let round = 0; round < rounds + 1; ++round) {
        const begin = performance.now();
        const read = counter.told(writers * ringful);
        await Promise.all([read, ...all.map((writer) => writer.write(ringful))]);
        if (round > 0) {
            speeds.push((writers * ringful * 1000) / (performance.now() - begin));
        }
    }
    if (counter.lost > 0) {
        throw new Error(`${counter.lost} records were lost, though they fitted into their rings`);
    }
    return speeds;
}

/** Without a pause: what arrives and what is said to be lost is together what was written. */
async function overload(counter, all, count) {
    const before = { got: counter.got, lost: counter.lost };
    const begin = performance.now();
    await Promise.all(all.map((writer) => writer.write(count)));
    counter.stop();
    await counter.ended;
    const milliseconds = performance.now() - begin;
    const [got, lost] = [counter.got - before.got, counter.lost - before.lost];
    if (got + lost !== count * all.length) {
        throw new Error(`${got} records came and ${lost} were said to be lost, of ${count * all.length}`);
    }
    return { written: count * all.length, got, lost, perSecond: (got * 1000) / milliseconds };
}

export async function measure({ quick }) {
    const results = { figures: {}, overload: {} };
    const rows = [["", "per second, none lost (spread)", "written without a pause", "read", "said to be lost"]];
    for (const [name, way] of Object.entries(ways)) {
        const all = Array.from({ length: writers }, () => new Writer());
        await Promise.all(all.map((writer) => writer.expect(/^ready$/)));
        const counter = new Counter(way, all);
        const speeds = await withoutLoss(counter, all, quick ? 1 : 3 * leastPairs);
        const lossy = await overload(counter, all, quick ? 50_000 : 1_000_000);
        await Promise.all(all.map((writer) => writer.end()));
        results.figures[name] = { ...summary(speeds), unit: "records/s" };
        results.overload[name] = lossy;
        rows.push([
            name,
            `${formatNumber(median(speeds))} (${formatNumber(Math.min(...speeds))}-${formatNumber(Math.max(...speeds))})`,
            formatNumber(lossy.written),
            formatNumber(lossy.got),
            formatNumber(lossy.lost),
        ]);
    }
    printTable(rows);
    return results;
}
