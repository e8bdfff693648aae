// The executor: whatever becomes of the process that changes the catalog, the next start brings the machine to exactly
// before or exactly after. Plans are executed in child processes, which are ended from here, most of them at a
// chosen write.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { on, once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { Worker } from "node:worker_threads";
import { backup, install, restore, uninstall } from "winsock-spi";
import { native } from "#lib/native.js";
import { counts } from "../support/counts.js";
import { skipIfUnchangeable } from "../support/windows.js";
import { makePackage, neighbourDll, nextVersion } from "./upgrade-support.js";
import { exportRegistry, keepCatalog, parameters, rescueFile, run, temporaryFolder } from "./acceptance-support.js";
import {
    type Attempt,
    type Tally,
    catalogState,
    data,
    execute,
    files,
    journal,
    killAtEveryPoint,
    plan,
    programs,
    recover,
} from "./executor-support.js";
import { addon } from "./gate.js";

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
        const tally: Tally = { tried: 0, recoveries: 0, losses: 0 };
        after(() =>
            console.log(
                `      ${tally.tried} kill points tried, ${tally.recoveries} of recoveries, ${tally.losses} losses`,
            ),
        );
        const killEverywhere = (attempt: Attempt): Promise<void> => killAtEveryPoint(attempt, tally);

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

        it("an upgrade, everything is as before or as after", async () => {
            const next = makePackage("next", nextVersion, (bits) => neighbourDll("next", bits));
            await install();
            const operation = await next.plan();
            assert.equal(operation.operation, "upgrade");
            await killEverywhere({
                operation,
                onFailure: "undo",
                begin: async () => {
                    // from nothing, or down again
                    await install().catch((error: unknown) => assert.equal(code(error), "ERR_ALREADY_INSTALLED"));
                    await recover(false);
                },
            });
        });

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
        assert.equal(native().pendingChange(), undefined);
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

    it("plans that are not valid are refused before anything is done", () => {
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
        assert.equal(native().pendingChange(), undefined);
    });

    it("a second operation waits for none that was interrupted: it says so", async () => {
        const step = { do: "make-folder", path: path.join(programs, "test"), access: "program" };
        assert.ok((await execute(plan([step]), { killAt: 3 })).killed);
        assert.equal(native().pendingChange()?.operation, "test");
        assert.equal((await execute(plan([step]))).result?.rejected, "ERR_UNFINISHED");
        await recover(true);
    });

    for (const onFailure of ["undo", "finish"] as const) {
        it(`a catalog that Winsock was killed in the middle of writing loses no entry: ${onFailure}`, async () => {
            const before = catalogState();
            const ids = (): number[] =>
                native()
                    .enumProtocols(64)
                    .map(({ info }) => Buffer.from(info).readUInt32LE(36));
            const former = ids();
            const step = { do: "write-order", catalog: 64, order: [...former].reverse() };
            // Killed when the step is announced; then the order half written: one entry twice, another nowhere.
            assert.ok((await execute(plan([step], { onFailure }), { killAt: 4 })).killed);
            const entries = String.raw`${parameters}\Protocol_Catalog9\Catalog_Entries64`;
            const from = String.raw`${entries}\000000000001`;
            const copied = await run("reg.exe", ["copy", from, String.raw`${entries}\000000000003`, "/s", "/f"]);
            assert.equal(copied.code, 0, copied.stdout);
            assert.equal(new Set(ids()).size, former.length - 1);
            await recover(onFailure === "undo");
            assert.deepEqual(ids(), onFailure === "undo" ? former : step.order);
            assert.equal((await execute(plan([{ ...step, order: former }]))).result?.error, undefined);
            assert.deepEqual(catalogState(), before);
        });
    }

    it("a damaged journal is not acted upon; a restore puts it away", async () => {
        const file = path.join(temporaryFolder(), "damaged.json");
        await backup({ file });
        // Killed when the step is announced and nothing of it is done yet.
        assert.ok((await execute(plan([{ do: "make-control" }]), { killAt: 4 })).killed);
        const text = fs.readFileSync(journal, "utf8");
        fs.writeFileSync(journal, text.replace("begin", "begun"));
        await assert.rejects(native().recover(), { code: "ERR_JOURNAL_DAMAGED" });
        const done = await run(rescueFile(64), ["restore", file]);
        assert.equal(done.code, 0, done.stdout);
        assert.equal(native().pendingChange(), undefined);
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
        for (let round = 0; round < counts.endedWorkers; round++) {
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
        }
    });
});
