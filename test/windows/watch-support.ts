// What the tests of watch share: the provider installed for the time of a test file, and a program that writes a ring.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { readCatalog } from "#lib/catalog/read.js";
import { watch } from "#lib/hooks/watch.js";
import type { WatchRecord } from "#lib/hooks/records.js";
import type { Watch, WatchOptions } from "#lib/hooks/watch.js";
import { native } from "#lib/native.js";
import { ourEntries } from "#lib/provider/identity.js";
import { install } from "#lib/provider/install.js";
import { uninstall } from "#lib/provider/uninstall.js";
import { builds, skipIfUnchangeable } from "../support/windows.js";

/** Installs the provider before the first test of a file and takes it out after the last, unless it was there. */
export function withProvider(): void {
    let found = true;
    before(async function () {
        this.timeout(120_000);
        skipIfUnchangeable(this);
        const { protocols } = await readCatalog();
        found = Object.values(protocols).some((entries) => ourEntries(entries).length > 0);
        if (!found) {
            await install();
        }
    });
    after(async function () {
        this.timeout(120_000);
        if (!found) {
            await uninstall();
        }
    });
}

export const dataFolder = (): string => path.join(native().machine().programData, "winsock-spi");
export const ringsFolder = (): string => path.join(dataFolder(), "rings");
export const ringFile = (name: string): string => path.join(ringsFolder(), name);

/** The watching words: [control.bin, watch.bin]. */
export function watchingWords(): [number, number] {
    const word = (name: string): number => fs.readFileSync(path.join(dataFolder(), name)).readUInt32LE(20);
    return [word("control.bin"), word("watch.bin")];
}

/** The name that the ring of a running process has. */
export function ringNameOf(pid: number): string {
    const name = native()
        .listProcessRings()
        .find((candidate) => candidate.startsWith(`${pid}-`));
    assert.ok(name !== undefined, `process ${pid} runs`);
    return name;
}

/** A child that speaks in lines; it ends when its stdin does. */
export class LineProgram {
    readonly #lines: AsyncIterator<string>;

    constructor(readonly child: ChildProcess) {
        this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    }

    get pid(): number {
        return this.child.pid!;
    }

    async line(): Promise<string> {
        const { value, done } = await this.#lines.next();
        assert.ok(done !== true, "the program speaks another line");
        return value;
    }

    ask(question: string): Promise<string> {
        this.child.stdin!.write(`${question}\n`);
        return this.line();
    }

    /** Ends it as it likes to end. */
    async end(): Promise<void> {
        if (this.child.exitCode === null && this.child.signalCode === null) {
            this.child.stdin!.end();
            await once(this.child, "exit");
        }
    }
}

const running = new Set<LineProgram>();
afterEach(async function () {
    await Promise.all([...running].map((program) => program.end()));
    running.clear();
});

export async function startLines(file: string, args: readonly string[], first: string): Promise<LineProgram> {
    const program = new LineProgram(spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] }));
    running.add(program);
    assert.equal(await program.line(), first);
    return program;
}

/** A program with a ring of its own (programs/ring_writer.cpp). */
export function startWriter(): Promise<LineProgram> {
    return startLines(path.join(builds[64], "programs", "ring_writer.exe"), [ringsFolder()], "ready");
}

/** A Node that runs `source` and ends when its stdin does; `say(text)` prints a line. */
export function startNode(source: string, ...args: readonly string[]): Promise<LineProgram> {
    const frame = `const say = (text) => require("fs").writeSync(1, text + "\\n");
        process.stdin.on("end", () => process.exit()).resume();`;
    return startLines(process.execPath, ["-e", `${frame}${source}; say("started")`, ...args], "started");
}

/** Everything a watch has brought so far, collected in the background. */
export class Collected {
    readonly records: WatchRecord[] = [];
    readonly ended: Promise<void>;
    readonly #changed: (() => void)[] = [];

    constructor(watched: Watch<WatchRecord>) {
        this.ended = (async () => {
            for await (const record of watched) {
                this.records.push(record);
                this.#changed.splice(0).forEach((wake) => wake());
            }
        })();
        this.ended.catch(() => undefined);
    }

    of(pid: number): WatchRecord[] {
        return this.records.filter((record) => record.pid === pid);
    }

    /** Resolves when `condition` holds; the time-out of the test is the limit. */
    async until(condition: () => boolean): Promise<void> {
        while (!condition()) {
            await new Promise<void>((resolve) => this.#changed.push(resolve));
        }
    }
}

/** A watch that is closed when the test ends, with what it collects. */
export function collect(options: WatchOptions = {}): { watched: Watch<WatchRecord>; collected: Collected } {
    const watched = watch(options);
    open.add(watched);
    return { watched, collected: new Collected(watched) };
}
const open = new Set<Watch<WatchRecord>>();
afterEach(async () => {
    await Promise.all([...open].map((watched) => watched.close()));
    open.clear();
});
