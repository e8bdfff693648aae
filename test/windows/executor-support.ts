// What tests of the executor share: plans are executed in child processes, which end themselves at a chosen write
// ("killAt"); then everything must be as before or as after.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Plan } from "winsock-spi";
import { type RegistryKey, addonCandidates, native, packageRoot } from "#lib/native.js";
import { counts } from "../support/counts.js";
import { rescueFile, run, temporaryFolder } from "./acceptance-support.js";

const machine = native().machine();
export const programs = path.join(machine.programFiles, "winsock-spi");
export const data = path.join(machine.programData, "winsock-spi");
export const journal = path.join(data, "journal.json");
export const addon = addonCandidates(packageRoot, process.arch).find((file) => fs.existsSync(file))!;

/** The exit code with which a process ends itself at its kill point. */
export const killed = 9;

/** Executes the plan in the file argv[2]; prints the result as one JSON value. */
const childScript = `
    const fs = require("node:fs");
    const text = fs.readFileSync(process.argv[2], "utf8");
    require(process.argv[1]).executePlan(text, () => {}).then(
        (result) => fs.writeFileSync(process.argv[2] + ".result", JSON.stringify(result)),
        ({ code }) => fs.writeFileSync(process.argv[2] + ".result", JSON.stringify({ rejected: code })));
`;

interface Outcome {
    undone?: boolean;
    catalogDamaged?: boolean;
    writes?: number;
    error?: { code: string; message: string; step: number };
    rejected?: string;
}

/** Executes a plan in a process of its own: its exit code, and the result if it came to one. */
export async function execute(plan: object): Promise<{ code: number | null; result?: Outcome }> {
    const file = path.join(temporaryFolder(), `plan-${plans++}.json`);
    fs.writeFileSync(file, JSON.stringify(plan));
    const { code, stdout } = await run(process.execPath, ["-e", childScript, addon, file]);
    if (!fs.existsSync(`${file}.result`)) {
        assert.equal(code, killed, stdout);
        return { code };
    }
    return { code, result: JSON.parse(fs.readFileSync(`${file}.result`, "utf8")) as Outcome };
}
let plans = 0;

export function plan(steps: readonly object[], more: object = {}): object {
    return { format: "winsock-spi-plan", version: 1, operation: "test", onFailure: "undo", steps, ...more };
}

/** Everything that counts of the catalog: all but the two counters, with the keys' security. */
function catalogState(): unknown {
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
function catalogShape(): unknown {
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
    return [programs, data].flatMap((root) =>
        fs.existsSync(root)
            ? fs
                  .readdirSync(root, { recursive: true, encoding: "utf8" })
                  .filter((name) => !name.startsWith("backups"))
                  .map((name) => `${path.join(root, name)} ${fs.statSync(path.join(root, name)).size}`)
            : [],
    ).sort();
}

/** Recovers as the CLI does or as rescue does; twice, since the second time must find nothing to do. */
export async function recover(byRescue: boolean): Promise<void> {
    if (byRescue) {
        const done = await run(rescueFile(64), ["recover"]);
        assert.equal(done.code, 0, done.stdout);
    } else {
        await native().recover();
    }
    assert.equal(native().pendingOperation(), undefined);
    assert.equal((await native().recover()).action, "none");
}

/** Numbers from 1 to `last`, at most so many, evenly spread, the first and the last among them. */
function points(last: number, most: number): number[] {
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

/** Kills the operation at each point; once recovered, everything is as before it or as after it. */
export async function killAtEveryPoint(
    { operation, begin, onFailure, most = counts.killPoints }: Attempt, tally: { tried: number; losses: number },
): Promise<void> {
    await begin();
    const whole = await execute({ ...operation, onFailure });
    assert.equal(whole.result?.error, undefined);
    await recover(true);
    const after = { shape: catalogShape(), files: files() };
    const writes = whole.result?.writes ?? 0;
    assert.ok(writes > 10, `${writes} writes`);
    let fresh = false;
    for (const [index, killAt] of points(writes, most).entries()) {
        if (!fresh) {
            await begin();
        }
        const before = { state: catalogState(), files: files() };
        tally.tried++;
        const { code } = await execute({ ...operation, onFailure, killAt });
        assert.equal(code, killed, `the process ends itself at write ${killAt} of ${writes}`);
        if (fs.existsSync(journal)) {
            // As if the kill had come in the middle of a journal record.
            fs.appendFileSync(journal, '{"sum":"0123456789abcdef","record":{"type":"st'.slice(0, killAt % 40));
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
