// The executor: whatever becomes of the process that changes the catalog, the next start brings the machine to exactly
// before or exactly after. Plans are executed in child processes, which end themselves at a chosen write ("killAt") or
// are ended from here.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { on, once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { Worker } from "node:worker_threads";
import { backup, install, restore, uninstall } from "winsock-spi";
import type { Plan } from "winsock-spi";
import { type RegistryKey, addonCandidates, native, packageRoot } from "#lib/native.js";
import { counts } from "../support/counts.js";
import { skipIfUnchangeable } from "../support/windows.js";
import { exportRegistry, keepCatalog, rescueFile, run, temporaryFolder } from "./acceptance-support.js";

const machine = native().machine();
const programs = path.join(machine.programFiles, "winsock-spi");
const data = path.join(machine.programData, "winsock-spi");
const journal = path.join(data, "journal.json");
const addon = addonCandidates(packageRoot, process.arch).find((file) => fs.existsSync(file))!;

/** The exit code with which a process ends itself at its kill point. */
const killed = 9;

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
async function execute(plan: object): Promise<{ code: number | null; result?: Outcome }> {
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

function plan(steps: readonly object[], more: object = {}): object {
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
function files(): string[] {
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
async function recover(byRescue: boolean): Promise<void> {
    if (byRescue) {
        const done = await run(rescueFile(64), ["recover"]);
        assert.equal(done.code, 0, done.stdout);
    } else {
        await native().recover();
    }
    assert.equal(native().pendingOperation(), undefined);
    assert.equal((await native().recover()).action, "none");
}

/** Numbers from 1 to `last`, at most counts.killPoints of them, evenly spread, the first and the last among them. */
function points(last: number): number[] {
    const count = Math.min(last, counts.killPoints);
    return Array.from({ length: count }, (_, index) => 1 + Math.round((index * (last - 1)) / Math.max(1, count - 1)));
}

describe("executor", function () {
    this.timeout(1_800_000);
    before(function () {
        skipIfUnchangeable(this);
    });
    keepCatalog({ each: false });

    const code = (error: unknown): string | undefined => (error as { code?: string }).code;
    const begone = async (): Promise<void> => {
        await uninstall({ leftovers: true }).catch((error: unknown) => assert.equal(code(error), "ERR_NOT_INSTALLED"));
    };
    beforeEach(begone);
    after(begone);

    describe("killed at a write of", () => {
        let losses = 0;
        let tried = 0;
        after(() => console.log(`      ${tried} kill points tried, ${losses} losses`));

        interface Attempt {
            operation: Plan;
            /** Brings about the state before the operation. */
            begin: () => Promise<void>;
            onFailure: "undo" | "finish";
        }

        /** Kills the operation at each point; once recovered, everything is as before it or as after it. */
        async function killEverywhere({ operation, begin, onFailure }: Attempt): Promise<void> {
            await begin();
            const whole = await execute({ ...operation, onFailure });
            assert.equal(whole.result?.error, undefined);
            await recover(true);
            const after = { shape: catalogShape(), files: files() };
            const writes = whole.result?.writes ?? 0;
            assert.ok(writes > 10, `${writes} writes`);
            let fresh = false;
            for (const [index, killAt] of points(writes).entries()) {
                if (!fresh) {
                    await begin();
                }
                const before = { state: catalogState(), files: files() };
                tried++;
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
                        losses++;
                        throw error;
                    }
                }
            }
        }

        it("an installation, everything is as before or as after", async () => {
            const { plan: operation } = await install({ dryRun: true });
            await killEverywhere({
                operation,
                onFailure: "undo",
                begin: async () => {
                    await begone();
                    await recover(false);
                },
            });
        });

        for (const onFailure of ["finish", "undo"] as const) {
            it(`an uninstallation that recovery will ${onFailure}, everything is as before or as after`, async () => {
                await install();
                // The plan of an uninstallation names GUIDs and paths, no ids: one serves all.
                const { plan: operation } = await uninstall({ dryRun: true });
                await uninstall();
                await killEverywhere({
                    operation,
                    onFailure,
                    begin: async () => {
                        await install().catch((error: unknown) => assert.equal(code(error), "ERR_ALREADY_INSTALLED"));
                        await recover(false);
                    },
                });
            });
        }

        it("a restore, everything is as before or as after", async () => {
            const file = path.join(temporaryFolder(), "installed.json");
            await install();
            await backup({ file });
            await uninstall();
            const { plan: operation } = await restore(file, { dryRun: true });
            const empty = path.join(temporaryFolder(), "empty.json");
            await backup({ file: empty });
            await killEverywhere({
                operation,
                onFailure: "finish",
                begin: async () => {
                    await restore(empty);
                },
            });
        });
    });

    it("a step that fails takes everything before it back", async () => {
        const folder = path.join(programs, "test");
        const source = path.join(temporaryFolder(), "source.bin");
        fs.writeFileSync(source, "not what was planned");
        const before = { catalog: await exportRegistry(), files: files() };
        const { result } = await execute(
            plan([
                { do: "make-folder", path: folder, access: "program" },
                { do: "make-control" },
                { do: "copy-file", from: source, to: path.join(folder, "copy.bin"), sha256: "0".repeat(64) },
            ]),
        );
        assert.equal(result?.error?.code, "ERR_HASH_MISMATCH");
        assert.equal(result?.error?.step, 2);
        assert.equal(result?.undone, true);
        assert.deepEqual({ catalog: await exportRegistry(), files: files() }, before);
        assert.equal(native().pendingOperation(), undefined);
    });

    it("a file that is replaced or deleted comes back the same when a later step fails", async () => {
        const folder = path.join(temporaryFolder(), "files");
        fs.mkdirSync(folder);
        const source = path.join(temporaryFolder(), "new.bin");
        fs.writeFileSync(source, "new");
        const [one, two] = [path.join(folder, "one.bin"), path.join(folder, "two.bin")];
        fs.writeFileSync(one, "one");
        fs.writeFileSync(two, "two");
        const sha256 = createHash("sha256").update("new").digest("hex");
        const steps = [
            { do: "copy-file", from: source, to: one, sha256 },
            { do: "delete-file", path: two },
            { do: "delete-folder", path: path.join(folder, "none") },
        ];
        const nobody = { do: "deinstall-provider", catalog: 64, providerId: "{00000000-0000-0000-0000-000000000000}" };
        const failing = await execute(plan([...steps, nobody, { do: "probe", programs: { 64: source } }]));
        assert.equal(failing.result?.error?.code, "ERR_PROBE_FAILED");
        assert.deepEqual(fs.readdirSync(folder).sort(), ["one.bin", "two.bin"]);
        assert.equal(fs.readFileSync(one, "utf8") + fs.readFileSync(two, "utf8"), "onetwo");
        const done = await execute(plan(steps));
        assert.equal(done.result?.error, undefined);
        assert.deepEqual(fs.readdirSync(folder), ["one.bin"]);
        assert.equal(fs.readFileSync(one, "utf8"), "new");
    });

    it("a DLL in use is put aside, and deleted by the next operation", async () => {
        const folder = path.join(temporaryFolder(), "in-use");
        fs.mkdirSync(folder);
        const copy = path.join(folder, "loaded.node");
        fs.copyFileSync(addon, copy);
        const script = `require(process.argv[1]); console.log("loaded"); process.stdin.resume();`;
        const child = spawn(process.execPath, ["-e", script, copy], { stdio: ["pipe", "pipe", "inherit"] });
        await once(child.stdout, "data");
        const done = await execute(plan([{ do: "delete-file", path: copy }]));
        assert.equal(done.result?.error, undefined);
        const [aside, ...others] = fs.readdirSync(folder);
        assert.match(aside ?? "", /^loaded\.node\.[0-9a-f]{16}\.old$/);
        assert.deepEqual(others, []);
        child.stdin.end();
        await once(child, "close");
        await native().recover();
        assert.deepEqual(fs.readdirSync(folder), []);
    });

    it("plans that are not valid are refused before anything is done", async () => {
        const wrong: [object, string][] = [
            [{}, "ERR_PLAN_INVALID"],
            [plan([{ do: "format-disk" }]), "ERR_PLAN_INVALID"],
            [plan([{ do: "delete-file", path: "relative.txt" }]), "ERR_PLAN_INVALID"],
            [plan([{ do: "write-order", catalog: 16, order: [] }]), "ERR_PLAN_INVALID"],
            [plan([], { version: 2 }), "ERR_PLAN_INVALID"],
        ];
        for (const [value, expected] of wrong) {
            assert.throws(() => native().executePlan(JSON.stringify(value), () => undefined), { code: expected });
        }
        assert.throws(() => native().executePlan("{", () => undefined), { code: "ERR_PLAN_INVALID" });
        assert.equal(native().pendingOperation(), undefined);
    });

    it("a second operation waits for none that was interrupted: it says so", async () => {
        const step = { do: "make-folder", path: path.join(programs, "test"), access: "program" };
        assert.equal((await execute(plan([step], { killAt: 3 }))).code, killed);
        assert.equal(native().pendingOperation(), "test");
        assert.equal((await execute(plan([step]))).result?.rejected, "ERR_UNFINISHED");
        await recover(true);
    });

    it("a damaged journal is not acted upon; a restore puts it away", async () => {
        const file = path.join(temporaryFolder(), "damaged.json");
        await backup({ file });
        // Killed when the step is announced and nothing of it is done yet.
        assert.equal((await execute(plan([{ do: "make-control" }], { killAt: 4 }))).code, killed);
        const text = fs.readFileSync(journal, "utf8");
        fs.writeFileSync(journal, text.replace("begin", "begun"));
        await assert.rejects(native().recover(), { code: "ERR_JOURNAL_DAMAGED" });
        const done = await run(rescueFile(64), ["restore", file]);
        assert.equal(done.code, 0, done.stdout);
        assert.equal(native().pendingOperation(), undefined);
        fs.rmSync(path.join(data, "journal.damaged.json"));
    });

    it("goes on when the worker that began it is ended", async () => {
        const folder = path.join(programs, "test");
        const text = JSON.stringify(
            plan([
                { do: "make-folder", path: folder, access: "program" },
                { do: "probe", programs: { 64: rescueFile(64), 32: rescueFile(32) } },
            ]),
        );
        const worker = new Worker(
            `const { workerData, parentPort } = require("node:worker_threads");
             require(workerData.addon).executePlan(workerData.text, (index) => parentPort.postMessage(index));`,
            { eval: true, workerData: { addon, text } },
        );
        for await (const [index] of on(worker, "message") as AsyncIterable<[number]>) {
            if (index === 1) {
                break;
            }
        }
        await worker.terminate();
        // The lock is held until it is done; the recovery waits for it and finds nothing left to do.
        assert.equal((await native().recover()).action, "none");
        assert.ok(fs.existsSync(folder));
        fs.rmSync(programs, { recursive: true });
    });
});
