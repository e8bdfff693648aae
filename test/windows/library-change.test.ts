// The library and the CLI changing the live catalog: dry runs, what is copied and deleted, chosen entries, names and
// DLLs, undoing by themselves, restoring.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { backup, install, readCatalog, recover, restore, uninstall } from "winsock-spi";
import type { CatalogEntry, ChangeResult, Plan } from "winsock-spi";
import { native, packageRoot, packageVersion } from "#lib/native.js";
import { isOurGuid } from "#lib/provider/identity.js";
import {
    cli,
    cliFails,
    cliJson,
    expectCode,
    exportRegistry,
    keepCatalog,
    temporaryFolder,
} from "./acceptance-support.js";
import { gated } from "./gate.js";
import { skipIfUnchangeable } from "../support/windows.js";

const programs = (): string => path.join(native().machine().programFiles, "winsock-spi");
const data = (): string => path.join(native().machine().programData, "winsock-spi");

async function ours(bits: "64" | "32"): Promise<CatalogEntry[]> {
    return ((await readCatalog()).protocols[bits] ?? []).filter(({ providerId }) => isOurGuid(providerId));
}

function digest(file: string): string {
    return createHash("sha256").update(fs.readFileSync(file)).digest("hex");
}

function code(expected: string): { name: string; code: string } {
    return { name: "WinsockError", code: expected };
}

describe("library: changing the catalog", function () {
    this.timeout(240_000);
    before(function () {
        skipIfUnchangeable(this);
    });
    keepCatalog({ each: true });

    // Every test begins and ends without an unfinished operation, and begins without us, whatever an earlier one left.
    afterEach(() => recover());
    beforeEach(async () => {
        await recover();
        await uninstall({ leftovers: true }).catch((error: unknown) =>
            assert.equal((error as { code?: string }).code, "ERR_NOT_INSTALLED"),
        );
    });

    it("--dry-run prints the plan, needs no yes, and changes nothing", async () => {
        const before = await exportRegistry();
        const dry = await cliJson<{ changed: boolean; plan: Plan }>("install", "--dry-run");
        assert.equal(dry.changed, false);
        assert.equal(dry.plan.operation, "install");
        assert.equal(dry.plan.steps.at(-1)?.do, "probe");
        const text = await cli(["install", "--dry-run"]);
        expectCode(text, 0);
        assert.equal(text.stdout.trimEnd().split(/\r?\n/).length, dry.plan.steps.length + 1);
        assert.equal(await exportRegistry(), before);
        assert.ok(!fs.existsSync(programs()));

        await install();
        const installed = await exportRegistry();
        assert.equal((await cliJson<{ plan: Plan }>("uninstall", "--dry-run")).plan.operation, "uninstall");
        assert.equal(await exportRegistry(), installed);
    });

    it("install is refused on ARM64 before anything is planned, a dry run included", async () => {
        const binding = native();
        const { machine } = binding;
        const before = await exportRegistry();
        binding.machine = () => ({ ...machine(), arch: "arm64" });
        try {
            await assert.rejects(install(), code("ERR_ARM64_UNPROVEN"));
            await assert.rejects(install({ dryRun: true }), code("ERR_ARM64_UNPROVEN"));
        } finally {
            binding.machine = machine;
        }
        assert.equal(await exportRegistry(), before);
    });

    it("install tells each step, copies the files whole, names the backup; uninstall leaves only backups", async () => {
        const steps: string[] = [];
        const result = await install({ onStep: (index, count, text) => steps.push(`${index} of ${count}: ${text}`) });
        assert.deepEqual(
            steps,
            result.plan.steps.map((step, index) => `${index} of ${result.plan.steps.length}: ${step.text}`),
        );
        assert.ok(result.backup !== undefined && fs.existsSync(result.backup));
        const version = packageVersion();
        for (const [folder, prebuilds] of [
            ["x64", "win32-x64"],
            ["x86", "win32-ia32"],
        ] as const) {
            for (const name of ["winsock_spi_lsp.dll", "winsock-spi-rescue.exe"]) {
                assert.equal(
                    digest(path.join(programs(), version, folder, name)),
                    digest(path.join(packageRoot, "prebuilds", prebuilds, name)),
                );
            }
        }
        assert.deepEqual(
            ["control.bin", "rings", "watch.bin"].filter((name) => !fs.existsSync(path.join(data(), name))),
            [],
        );

        const removed: ChangeResult = await uninstall();
        assert.ok(!fs.existsSync(programs()), "no folder of ours is left among the programs");
        assert.deepEqual(fs.readdirSync(data()), ["backups"]);
        assert.ok(removed.backup !== undefined && fs.existsSync(removed.backup) && fs.existsSync(result.backup));
    });

    it("what restore or rescue left on the disk is deleted by uninstall --leftovers, and only so", async () => {
        const { backup: before } = await install();
        assert.ok(before !== undefined);
        await restore(before);
        await assert.rejects(uninstall(), { ...code("ERR_NOT_INSTALLED"), message: /--leftovers/ });
        assert.ok(fs.existsSync(programs()));
        expectCode(await cli(["uninstall", "--leftovers", "--yes"]), 0);
        assert.ok(!fs.existsSync(programs()));
        await assert.rejects(uninstall({ leftovers: true }), code("ERR_NOT_INSTALLED"));
    });

    it("covers only the entries that --over names, under the name that --name gives", async () => {
        const [first, second] = (await readCatalog()).protocols["64"] ?? [];
        assert.ok(first !== undefined && second !== undefined);
        const over = ["--over", String(first.id), "--over", String(second.id)];
        expectCode(await cli(["install", "--yes", "--name", "Überwacher", ...over]), 0);
        const entries = await ours("64");
        assert.deepEqual(
            entries.map(({ name }) => name),
            [`Überwacher over [${first.name}]`, `Überwacher over [${second.name}]`, "Überwacher"],
        );
        assert.deepEqual(
            entries.slice(0, 2).map(({ chain }) => chain.at(-1)),
            [first.id, second.id],
        );
        await uninstall();
    });

    it("registers a DLL where it is, in the catalog of its bitness, and leaves it there at uninstall", async () => {
        const dll = path.join(temporaryFolder(), "my provider.dll");
        fs.copyFileSync(path.join(packageRoot, "prebuilds", "win32-ia32", "winsock_spi_lsp.dll"), dll);
        await install({ dlls: [dll] });
        assert.deepEqual(await ours("64"), []);
        assert.ok((await ours("32")).every((entry) => entry.path === dll));
        await uninstall();
        assert.ok(fs.existsSync(dll));
        await assert.rejects(install({ dlls: [dll, dll] }), TypeError);
    });

    it("undoes everything by itself if a provider does not work", async () => {
        const before = await exportRegistry();
        // A sound DLL that is no provider: no program could open a socket through it.
        const dll = path.join(temporaryFolder(), "no-provider.dll");
        fs.copyFileSync(path.join(native().machine().systemRoot, "System32", "version.dll"), dll);
        await assert.rejects(install({ dlls: [dll] }), code("ERR_PROBE_FAILED"));
        assert.equal(await exportRegistry(), before);
        assert.ok(!fs.existsSync(programs()));
        await cliFails(["install", "--yes", "--dll", dll], "ERR_PROBE_FAILED");
        assert.equal(await exportRegistry(), before);
    });

    it("restore of what is there does nothing and says so", async () => {
        const file = path.join(temporaryFolder(), "same.json");
        await backup({ file });
        const ended = await cli(["restore", file]);
        expectCode(ended, 0);
        assert.match(ended.stdout, /already/);
        assert.equal((await restore(file)).backup, undefined);
    });

    it("restore brings back every byte, the backup that it took undoes it, and --dry-run changes nothing", async () => {
        const file = path.join(temporaryFolder(), "before.json");
        await backup({ file });
        const before = await exportRegistry();
        await install();
        const installed = await exportRegistry();
        const dry = await cliJson<{ plan: Plan }>("restore", file, "--dry-run");
        assert.deepEqual(
            dry.plan.steps.map((step) => step.do),
            ["write-registry"],
        );
        assert.equal(await exportRegistry(), installed);
        const { backup: undo } = await restore(file);
        assert.equal(await exportRegistry(), before);
        assert.ok(undo !== undefined);
        await restore(undo);
        assert.equal(await exportRegistry(), installed);
        await uninstall();
        assert.equal(await exportRegistry(), before);
    });

    /** Leaves an install unfinished, as a process does that is killed. */
    async function killInstall(): Promise<void> {
        const { plan } = await install({ dryRun: true });
        assert.ok((await gated("executePlan", plan, { killAt: 80 })).killed);
        assert.equal(native().pendingChange()?.operation, "install");
    }

    it("an interrupted operation bars every other until recover has undone it", async () => {
        const before = await exportRegistry();
        await killInstall();
        for (const command of [
            ["install", "--yes"],
            ["uninstall", "--yes"],
            ["uninstall", "--dry-run"],
        ]) {
            await cliFails(command, "ERR_UNFINISHED");
        }
        await cliFails(["recover"], "ERR_CONFIRM");
        assert.deepEqual((await cliJson<{ action: string; operation: string }>("recover", "--yes")).action, "undone");
        assert.equal(await exportRegistry(), before);
    });

    it("a restore goes through an interrupted operation", async () => {
        const before = await exportRegistry();
        const file = path.join(temporaryFolder(), "before.json");
        await backup({ file });
        await killInstall();
        await restore(file);
        assert.equal(native().pendingChange(), undefined);
        assert.equal(await exportRegistry(), before);
    });

    it("there is nothing to recover after an operation that ended", async () => {
        await install();
        assert.deepEqual(await cliJson("recover", "--yes"), { action: "none" });
        await uninstall();
        assert.deepEqual(await cliJson("recover", "--yes"), { action: "none" });
    });
});
