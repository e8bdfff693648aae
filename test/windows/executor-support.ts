// What tests of the executor share: plans are executed in child processes, which are ended from here at a chosen write;
// then everything must be as before or as after.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Plan } from "winsock-spi";
import { type RecoveryResult, type RegistryKey, native } from "#lib/native.js";
import { counts } from "../support/counts.js";
import { rescueFile, run } from "./acceptance-support.js";
import { type Gated, type GatedOptions, gated } from "./gate.js";

const machine = native().machine();
export const programs = path.join(machine.programFiles, "winsock-spi");
export const data = path.join(machine.programData, "winsock-spi");
export const journal = path.join(data, "journal.json");

export interface Outcome {
    undone?: boolean;
    catalogDamaged?: boolean;
    writes?: number;
    until?: number;
    error?: { code: string; message: string; step: number };
    rejected?: string;
}

/** Executes a plan in a process of its own, which is ended at a write if that is asked for. */
export function execute(operation: object, options: GatedOptions = {}): Promise<Gated<Outcome>> {
    return gated<Outcome>("executePlan", operation, options);
}

export function plan(steps: readonly object[], more: object = {}): object {
    return { format: "winsock-spi-plan", version: 1, operation: "test", onFailure: "undo", steps, ...more };
}

/** Everything that counts of the catalog: all but the two counters, with the keys' security. */
export function catalogState(): unknown {
    const plain = (key: RegistryKey): unknown => ({
        security: key.security,
        values: Object.entries(key.values)
            .filter(([name]) => name !== "Serial_Access_Num" && name !== "Next_Catalog_Entry_ID")
            .map(([name, { type, data: bytes }]) => [name, type, Buffer.from(bytes).toString("hex")].join(" "))
            .sort(),
        keys: Object.entries(key.keys).map(([name, child]) => [name, plain(child)]),
    });
    return plain(native().readRegistry());
}

/** The same with ids replaced by positions: what a second installation has in common with the first. */
export function catalogShape(): unknown {
    return [64, 32].map((bits) => {
        const entries = native()
            .enumProtocols(bits as 32 | 64)
            .map(({ path: dll, info }) => ({ dll, info: Buffer.from(info) }));
        const position = new Map(entries.map(({ info }, index) => [info.readUInt32LE(36), index]));
        return entries.map(({ dll, info }) => {
            const length = info.readInt32LE(40) > 1 ? info.readInt32LE(40) : 0;
            const chain = Array.from({ length }, (_, index) => position.get(info.readUInt32LE(44 + 4 * index)));
            assert.ok(!chain.includes(undefined), "no chain names an entry that is not there");
            return { dll, chain, provider: info.toString("hex", 20, 36), name: info.toString("utf16le", 116) };
        });
    });
}

/** Names and sizes of all files of ours but backups. */
export function files(): string[] {
    return [programs, data]
        .flatMap((root) =>
            fs.existsSync(root)
                ? fs
                      .readdirSync(root, { recursive: true, encoding: "utf8" })
                      .filter((name) => !name.startsWith("backups"))
                      .map((name) => `${path.join(root, name)} ${fs.statSync(path.join(root, name)).size}`)
                : [],
        )
        .sort();
}

/** Recovers as the CLI does or as rescue does; twice, since the second time must find nothing to do. */
export async function recover(byRescue: boolean): Promise<void> {
    if (byRescue) {
        const done = await run(rescueFile(64), ["recover"]);
        assert.equal(done.code, 0, done.stdout);
    } else {
        await native().recover();
    }
    assert.equal(native().pendingChange(), undefined);
    assert.equal((await native().recover()).action, "none");
}

/** Numbers from 1 to `last`, at most so many, evenly spread, the first and the last among them. */
export function points(last: number, most: number): number[] {
    const count = Math.min(last, most);
    return Array.from({ length: count }, (_, index) => 1 + Math.round((index * (last - 1)) / Math.max(1, count - 1)));
}

/** An operation that is to be killed. */
export interface Attempt {
    operation: Plan;
    /** Brings about the state before the operation. */
    begin: () => Promise<void>;
    onFailure: "undo" | "finish";
    /** Points at which it is killed, at most. */
    most?: number;
}

/** What was tried and what was lost. */
export interface Tally {
    tried: number;
    /** Kills of a recovery from a kill. */
    recoveries?: number;
    losses: number;
}

/** As if the kill had come in the middle of a journal record: its first bytes, as many as the number says. */
function halfARecord(number: number): void {
    if (fs.existsSync(journal)) {
        fs.appendFileSync(journal, '{"sum":"0123456789abcdef","record":{"type":"st'.slice(0, number % 40));
    }
}

/**
 * Kills the operation at each point; once recovered, everything is as before it or as after it. Every third time (in the
 * full run always) the recovery is killed too, at another of its writes each time.
 */
export async function killAtEveryPoint(
    { operation, begin, onFailure, most = counts.killPoints }: Attempt,
    tally: Tally,
): Promise<void> {
    await begin();
    const whole = await execute({ ...operation, onFailure });
    assert.equal(whole.result?.error, undefined);
    assert.equal(whole.writes, whole.result?.writes, "the executor announces every write that it counts");
    await recover(true);
    const after = { shape: catalogShape(), files: files() };
    const { writes } = whole;
    assert.ok(writes > 10, `${writes} writes`);
    let fresh = false;
    for (const [index, killAt] of points(writes, most).entries()) {
        if (!fresh) {
            await begin();
        }
        const before = { state: catalogState(), files: files() };
        tally.tried++;
        const during = index % 2 === 1;
        const { killed } = await execute({ ...operation, onFailure }, { killAt, during });
        assert.ok(killed, `it was ended at write ${killAt} of ${writes}`);
        halfARecord(killAt);
        if (counts.everyCombination === 1 || index % 3 === 1) {
            const again = await gated<RecoveryResult>("recover", undefined, { killAt: 1 + (index % 16), during });
            tally.recoveries = (tally.recoveries ?? 0) + (again.killed ? 1 : 0);
            halfARecord(killAt + 20);
        }
        await recover(index % 2 === 0);
        const ended = { state: catalogState(), files: files() };
        try {
            assert.deepEqual(ended, before, `killed at write ${killAt} of ${writes}`);
            fresh = true;
        } catch (error) {
            fresh = false;
            try {
                assert.deepEqual({ shape: catalogShape(), files: ended.files }, after);
            } catch {
                tally.losses++;
                throw error;
            }
        }
    }
}
