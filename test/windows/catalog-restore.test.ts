// Restore both ways on the live catalog, the order of entries, and the automatic backups.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import {
    backup,
    diff,
    enableNamespace,
    exclude,
    formatDiff,
    include,
    listBackups,
    order,
    orderNamespaces,
    readBackup,
    readCatalog,
    removeNamespace,
    restore,
    uninstall,
} from "winsock-spi";
import type { BackupListing, Catalog, CatalogEntry } from "winsock-spi";
import { native } from "#lib/native.js";
import { counts } from "../support/counts.js";
import {
    bitnesses,
    cli,
    cliFails,
    cliJson,
    expectCode,
    exportRegistry,
    keepCatalog,
    providerFile,
    setup,
    temporaryFolder,
} from "./acceptance-support.js";
import { killAtEveryPoint } from "./executor-support.js";
import { expectTraffic, installLayer, removeLayer, shapeOfCatalog } from "./strangers-support.js";
import { installSecond, removeSecond } from "./second-provider.js";
import { skipIfUnchangeable } from "../support/windows.js";

let files = 0;
async function backupNow(): Promise<string> {
    const file = path.join(temporaryFolder(), `restore-${files++}.json`);
    await backup({ file });
    return file;
}

/** Everything of the entries but ids, which are replaced by places, in chains too. */
async function entriesByPlace(): Promise<unknown> {
    const { protocols } = await readCatalog({ source: "registry" });
    return (["64", "32"] as const).map((bits) => {
        const entries = protocols[bits] ?? [];
        const places = new Map(entries.map(({ id }, place) => [id, place]));
        return entries.map((entry) => {
            const dangling = entry.chain.filter((id) => id !== 0 && !places.has(id));
            assert.deepEqual(dangling, [], `the chain of ${entry.name} names nothing that is gone`);
            return { ...entry, id: places.get(entry.id), chain: entry.chain.map((id) => places.get(id) ?? "none") };
        });
    });
}

describe("restore on the live catalog", function () {
    this.timeout(300_000);
    before(function () {
        skipIfUnchangeable(this);
    });
    keepCatalog({ each: true });
    afterEach(async () => {
        await uninstall({ leftovers: true }).catch(() => undefined);
    });

    it("the Winsock way brings back providers that went, with other ids, and programs go through them again", async () => {
        const before = await exportRegistry();
        await installLayer("all30");
        await installLayer("nonifs");
        const wanted = [await entriesByPlace(), await shapeOfCatalog()];
        const file = await backupNow();
        await removeLayer("nonifs");
        await removeLayer("all30");

        const { plan } = await restore(file, { way: "winsock", dryRun: true });
        const kinds = new Set(plan.steps.map((step) => step.do));
        assert.ok(!kinds.has("write-registry") && !kinds.has("deinstall-provider"), [...kinds].join());
        assert.equal(await exportRegistry(), before);

        const done = await restore(file, { way: "winsock" });
        assert.deepEqual([await entriesByPlace(), await shapeOfCatalog()], wanted);
        const ids = ({ protocols }: Catalog): number[] => (protocols["64"] ?? []).map(({ id }) => id);
        assert.notDeepEqual(ids(await readCatalog()), ids((await readBackup(file)).decoded), "ids are new");
        for (const bits of counts.everyCombination === 1 ? bitnesses : ([64] as const)) {
            await expectTraffic(bits, ["nonifs", "all30"]);
        }
        assert.deepEqual((await restore(file, { way: "winsock" })).plan.steps, [], "it is as it was, but for ids");

        // What it did can be undone to the last byte.
        assert.ok(done.backup !== undefined);
        await restore(done.backup);
        assert.equal(await exportRegistry(), before);
    });

    it("the Winsock way turns a stack round, keeping ids, and takes out who came since", async () => {
        await installLayer("all30");
        await installLayer("twice");
        const wanted = await entriesByPlace();
        const file = await backupNow();
        await removeLayer("twice");
        await removeLayer("all30");
        await installLayer("twice");
        await installLayer("all30");
        await installLayer("upcalls");
        const { plan } = await restore(file, { way: "winsock" });
        assert.ok(plan.steps.some((step) => step.do === "update-provider" || step.do === "write-order"));
        assert.deepEqual(await entriesByPlace(), wanted);
    });

    it("the Winsock way brings back a provider whose entries share one GUID, with its chains", async () => {
        await installSecond({ guid: "shared", chain: "hidden" });
        const wanted = await entriesByPlace();
        const file = await backupNow();
        await removeSecond();
        const { plan } = await restore(file, { way: "winsock" });
        assert.ok(plan.steps.some((step) => step.do === "install-entries"));
        assert.deepEqual(await entriesByPlace(), wanted);
    });

    it("the Winsock way brings back namespace providers, their order and state, and what programs permit", async () => {
        const before = await readCatalog();
        const others = (before.namespaces["64"] ?? []).filter(({ namespace }) => namespace !== 12); // DNS stays
        const [disabled, removed] = [others[0], others.at(-1)];
        assert.ok(disabled !== undefined && removed !== undefined && disabled !== removed);
        await enableNamespace({ provider: disabled.providerId, catalog: "64", enabled: false });
        await orderNamespaces({ first: [removed.providerId], catalog: "64" });
        await exclude({ programs: [process.execPath] });
        const file = await backupNow();
        await enableNamespace({ provider: disabled.providerId, catalog: "64", enabled: true });
        await removeNamespace({ provider: removed.providerId, catalog: "64" });
        await include({ programs: [process.execPath] });

        const { plan } = await restore(file, { way: "winsock" });
        assert.deepEqual(plan.steps.map((step) => step.do).sort(), [
            "enable-namespace",
            "install-namespace",
            "order-namespaces",
            "set-application-category",
        ]);
        const now = await readCatalog();
        assert.deepEqual(formatDiff(diff((await readBackup(file)).decoded, now)), "");
        assert.equal(now.namespaces["64"]?.[0]?.providerId, removed.providerId);
    });

    it("the Winsock way, killed at its writes, leaves everything as before or as after", async () => {
        const empty = await backupNow();
        await setup(64, "install", providerFile(64, "second_provider.dll"), "--guid", "shared", "--chain", "hidden");
        const file = await backupNow();
        await setup(64, "remove");
        const { plan: operation } = await restore(file, { way: "winsock", dryRun: true });
        assert.deepEqual([...new Set(operation.steps.map((step) => step.do))], ["install-entries", "write-order"]);
        const tally = { tried: 0, losses: 0 };
        await killAtEveryPoint(
            {
                operation,
                onFailure: operation.onFailure,
                most: counts.killPointsOfRestore,
                begin: async () => {
                    await restore(empty);
                },
            },
            tally,
        );
        console.log(`      ${tally.tried} kill points tried, ${tally.losses} losses`);
    });

    it("the registry way brings back the same to the last byte", async () => {
        await installSecond({ guid: "entry", chain: "entry" });
        const file = await backupNow();
        const wanted = await exportRegistry();
        await removeSecond();
        await restore(file);
        assert.equal(await exportRegistry(), wanted);
    });

    it("warns of DLLs that have changed or gone, and brings no entry back without its DLL unless told to", async () => {
        const dll = path.join(temporaryFolder(), "goes.dll");
        fs.copyFileSync(providerFile(64, "second_provider.dll"), dll);
        await setup(64, "install", dll, "--guid", "entry", "--chain", "entry");
        const file = await backupNow();
        await setup(64, "remove");
        const before = await exportRegistry();
        const warningsOf = async (): Promise<string> =>
            (await restore(file, { dryRun: true })).plan.warnings?.join("\n") ?? "";
        assert.ok(!(await warningsOf()).includes("goes.dll"));
        fs.appendFileSync(dll, "changed");
        assert.match(await warningsOf(), /goes\.dll is another file/);
        fs.rmSync(dll);
        assert.match(await warningsOf(), /goes\.dll is not there any more/);
        const dry = await cli(["restore", file, "--dry-run"]);
        assert.match(dry.stderr, /Warning: .*goes\.dll is not there/);
        await cliFails(["restore", file, "--yes", "--way", "winsock"], "ERR_FILE_NOT_FOUND");
        await assert.rejects(restore(file), { code: "ERR_FILE_NOT_FOUND" });
        assert.equal(await exportRegistry(), before);
        expectCode(await cli(["restore", file, "--yes", "--force"]), 0);
        assert.ok(diff(await readBackup(file), await readCatalog({ source: "registry" })).same);
    });

    it("knows no other way", async () => {
        const file = await backupNow();
        await assert.rejects(restore(file, { way: "magic" as "registry" }), TypeError);
        expectCode(await cli(["restore", file, "--way", "magic"]), 64);
    });
});

describe("order on the live catalog", function () {
    this.timeout(300_000);
    before(function () {
        skipIfUnchangeable(this);
    });
    keepCatalog({ each: true });

    const topTcp = (catalog: Catalog): CatalogEntry | undefined =>
        catalog.protocols["64"]?.find(
            ({ kind, family, socketType }) => kind !== "hidden" && family === 2 && socketType === 1,
        );

    it("puts a provider first by its name, refuses to bypass one unless told to, and can be undone", async () => {
        const before = await exportRegistry();
        await installLayer("all30");
        const catalog = await readCatalog();
        const installed = await exportRegistry();
        const hidden = catalog.protocols["64"]?.find(({ kind }) => kind === "hidden");
        const base = catalog.protocols["64"]?.find(({ kind }) => kind === "base");
        assert.ok(hidden !== undefined && base !== undefined);
        await cliFails(["order", "--first", String(base.id), "--catalog", "64", "--yes"], "ERR_BYPASSED");
        await assert.rejects(order({ first: ["no such name"] }), { code: "ERR_UNKNOWN_PROVIDER" });
        await assert.rejects(order({}), TypeError);
        const dry = await order({ first: [base.name], bypass: true, dryRun: true });
        assert.deepEqual(
            dry.plan.steps.map((step) => step.do),
            ["write-order", "write-order"],
        );
        assert.equal(await exportRegistry(), installed);
        await cliJson("order", "--first", base.name, "--bypass", "--yes");
        assert.equal(topTcp(await readCatalog())?.kind, "base");

        // Its hidden entry's name stands for all its layered entries, in both catalogs.
        const { backup: undo } = await order({ first: [hidden.name] });
        assert.equal(topTcp(await readCatalog())?.kind, "layered");
        assert.ok(undo !== undefined);
        await restore(undo);
        assert.equal(topTcp(await readCatalog())?.kind, "base");
        await order({ catalog: "64", order: (catalog.protocols["64"] ?? []).map(({ id }) => id) });
        assert.deepEqual((await readCatalog()).protocols["64"], catalog.protocols["64"]);
        await removeLayer("all30");
        assert.equal(await exportRegistry(), before);
    });
});

describe("automatic backups", function () {
    this.timeout(300_000);
    before(function () {
        skipIfUnchangeable(this);
    });

    it("backup --list shows them newest first, damaged ones as such, and only the newest 20 are kept", async () => {
        const folder = path.join(native().machine().programData, "winsock-spi", "backups");
        const written: string[] = [];
        for (let count = 0; count < 22; ++count) {
            written.push((await backup()).file);
        }
        const listed = await cliJson<BackupListing[]>("backup", "--list");
        assert.deepEqual(
            listed.map(({ file }) => file),
            written.toReversed().slice(0, 20),
        );
        const { protocols } = await readCatalog();
        for (const { created, size, entries, problem } of listed) {
            assert.equal(problem, undefined);
            assert.ok(size > 1000 && !Number.isNaN(Date.parse(created)));
            assert.deepEqual(entries, { "64": protocols["64"]?.length, "32": protocols["32"]?.length });
        }
        const newest = written.at(-1) ?? "";
        fs.truncateSync(newest, 5000);
        fs.writeFileSync(path.join(folder, "notes.txt"), "not ours");
        try {
            const [damaged, sound] = await listBackups();
            assert.equal(damaged?.file, newest);
            assert.match(damaged.problem ?? "", /damaged/);
            assert.equal(sound?.problem, undefined);
            const text = await cli(["backup", "--list"]);
            expectCode(text, 0);
            assert.equal(text.stdout.trimEnd().split(/\r?\n/).length, 21);
            assert.match(text.stdout, /damaged/);
        } finally {
            fs.rmSync(newest);
            fs.rmSync(path.join(folder, "notes.txt"));
        }
    });
});
