// Shows: version N runs under load, is upgraded to N+1 and downgraded again: nothing fails, and watch sees both.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { packageVersion } from "#lib/native.js";
import type { CallRecord, StartRecord } from "#lib/hooks/records.js";
import { counts } from "../support/counts.js";
import {
    bitnesses,
    cli,
    cliFails,
    entriesOf,
    expectCode,
    exportRegistry,
    keepCatalog,
    ours,
    program,
    providerFile,
    readCatalog,
    rescueFile,
    run,
} from "./acceptance-support.js";
import type { Bits } from "./acceptance-support.js";
import {
    type Package,
    Traffic,
    current,
    installedVersions,
    makePackage,
    neighbourDll,
    nextVersion,
    programsFolder,
} from "./upgrade-support.js";
import { type Collected, collect, dataFolder } from "./watch-support.js";

/** What the watch says of each version of the provider in a process, in the order of their starts. */
function startsOf(collected: Collected, pid: number): string[] {
    const starts = collected.of(pid).filter((record): record is StartRecord => record.call === "start");
    assert.deepEqual(
        starts.filter(({ mode }) => mode !== "active"),
        [],
    );
    return starts.map(({ version }) => version ?? "none");
}

/** The catalog of each bitness, with the paths of our entries taken apart from all the rest. */
async function pathsAndRest(): Promise<{ paths: string[]; rest: unknown }> {
    const catalog = await readCatalog();
    const entries = bitnesses.flatMap((bits) => [...entriesOf(catalog, bits)]);
    const isOurs = ({ providerId }: (typeof entries)[number]): boolean => providerId.startsWith(ours);
    return {
        paths: entries.filter(isOurs).map(({ path: dll }) => dll),
        rest: entries.map((entry) => (isOurs(entry) ? { ...entry, path: "", resolvedPath: "" } : entry)),
    };
}

async function expectInstalled({ installed }: Package): Promise<void> {
    const { paths } = await pathsAndRest();
    assert.equal(paths.length, 14);
    assert.deepEqual(
        paths.filter((dll) => !dll.startsWith(`${installed}\\`)),
        [],
    );
}

/** What every operation does first: it deletes what earlier ones had to leave because programs used it. */
async function sweep(): Promise<void> {
    expectCode(await cli(["recover", "--yes"]), 0);
}

async function expectProgramsWork(): Promise<void> {
    for (const bits of bitnesses) {
        const summary = await program(bits, "getsockopt_info");
        assert.equal(summary["ok"], true, JSON.stringify(summary));
    }
}

/** Names and sizes of all files of installations. */
function installedFiles(): string[] {
    return fs
        .readdirSync(programsFolder(), { recursive: true, encoding: "utf8" })
        .map((name) => {
            const status = fs.statSync(path.join(programsFolder(), name));
            return status.isFile() ? `${name} ${status.size}` : name;
        })
        .sort();
}

const brokenDlls = [
    ["whose WSPStartup fails", "fail_startup.dll"],
    ["with a hole in its table of functions", "null_entry.dll"],
    ["that crashes", "crash_startup.dll"],
] as const;

describe("acceptance: upgrade and downgrade", function () {
    this.timeout(600_000);
    keepCatalog({ each: false });
    let next: Package;

    before(() => {
        next = makePackage("next", nextVersion, (bits) => neighbourDll("next", bits));
    });
    afterEach(() => Traffic.endAll());
    after(async () => {
        await cli(["recover", "--yes"]);
        await cli(["uninstall", "--leftovers", "--yes"]);
    });

    it("under load, up and down: nothing fails, both are seen, a folder goes with its last program", async () => {
        await current.install();
        const { rest } = await pathsAndRest();
        const { watched, collected } = collect();
        const { requests } = counts;
        const before = [await Traffic.start(64), await Traffic.start(32, 6)];

        const dry = await next.cli("install", "--dry-run");
        expectCode(dry, 0);
        assert.match(dry.stdout, new RegExp(`^Upgrade winsock-spi ${packageVersion()} to ${nextVersion} in the 64-`));
        await expectInstalled(current);
        const told = await next.install();
        assert.match(told, new RegExp(`Upgrade winsock-spi ${packageVersion()} to ${nextVersion}`));
        assert.match(told, new RegExp(`To undo: npx winsock-spi@${packageVersion()} install --yes`));
        await expectInstalled(next);
        assert.deepEqual((await pathsAndRest()).rest, rest, "ids, names, chains and order stay");
        assert.deepEqual(installedVersions(), [current.version, next.version], "the old DLLs are in use");
        const between = [await Traffic.start(64, 6), await Traffic.start(32)];
        await Promise.all([...before, ...between].map((traffic) => traffic.more(requests)));

        const downgrade = await current.json<{ plan: { text: string } }>("install", "--yes");
        assert.match(downgrade.plan.text, new RegExp(`^Downgrade winsock-spi ${nextVersion} to ${packageVersion()} `));
        await expectInstalled(current);
        assert.deepEqual((await pathsAndRest()).rest, rest);
        const after = [await Traffic.start(64), await Traffic.start(32)];
        const all = [...before, ...between, ...after];
        await Promise.all(all.map((traffic) => traffic.more(requests)));

        assert.deepEqual(installedVersions(), [current.version, next.version], "programs still use the newer DLLs");
        const totals = await Promise.all(all.map((traffic) => traffic.end()));
        watched.stop();
        await collected.ended;
        const versions = [packageVersion(), nextVersion, packageVersion()].flatMap((version) => [[version], [version]]);
        assert.deepEqual(
            all.map(({ pid }) => startsOf(collected, pid)),
            versions,
        );
        for (const { pid, requests: made, echoes } of totals) {
            const calls = collected.of(pid).filter(({ call }) => call === "ConnectEx" || call === "WSPConnect");
            assert.ok(made >= requests && echoes >= requests && calls.length > 0, `${pid} worked, and was seen`);
        }

        // Nobody has the newer DLLs any more: the next operation takes them away.
        await expectProgramsWork();
        await sweep();
        assert.deepEqual(installedVersions(), [current.version]);
    });

    it("a program that turns to another protocol after the upgrade has both versions, and both are seen", async () => {
        const { watched, collected } = collect();
        const traffic = await Traffic.start(64);
        await next.install();
        await traffic.udp();
        await traffic.end();
        watched.stop();
        await collected.ended;
        const records = collected.of(traffic.pid);
        assert.deepEqual(startsOf(collected, traffic.pid), [packageVersion(), nextVersion]);
        const sent = records.filter(({ call }) => call === "WSPSendTo").map((record) => (record as CallRecord).bytes);
        assert.deepEqual(sent, ["there".length, "there and back".length], "what the newer one carried is seen too");
        await current.install();
    });

    it(`${counts.upgrades} upgrades and downgrades in a row, with programs old and new, leave nothing`, async () => {
        const { paths, rest } = await pathsAndRest();
        for (let round = 0; round < counts.upgrades; round++) {
            const bits: Bits = round % 2 === 0 ? 64 : 32;
            const older = await Traffic.start(bits);
            await next.install();
            const newer = await Traffic.start(bits);
            await older.end();
            await current.install();
            await newer.end();
        }
        assert.deepEqual(await pathsAndRest(), { paths, rest });
        await sweep();
        assert.deepEqual(installedVersions(), [current.version]);
        assert.equal(fs.readdirSync(current.installed, { recursive: true }).length, 6, "two folders with two files");
        const data = fs.readdirSync(dataFolder()).sort();
        assert.deepEqual(data, ["backups", "control.bin", "rings", "watch.bin"]);
    });

    for (const [index, [what, dll]] of brokenDlls.entries()) {
        it(`a newer version ${what} is taken back by itself, and programs at work notice nothing`, async () => {
            const broken = makePackage(`broken-${dll}`, nextVersion, (one) => providerFile(one, dll));
            const bits: readonly Bits[] = counts.everyCombination === 1 ? bitnesses : [index % 2 === 0 ? 64 : 32];
            const traffic = await Promise.all(bits.map((one) => Traffic.start(one)));
            const before = { registry: await exportRegistry(), files: installedFiles() };
            const ended = await broken.cli("install", "--yes", "--json");
            expectCode(ended, 2);
            assert.equal((JSON.parse(ended.stdout) as { error: { code: string } }).error.code, "ERR_PROBE_FAILED");
            assert.deepEqual({ registry: await exportRegistry(), files: installedFiles() }, before);
            await expectProgramsWork();
            await Promise.all(traffic.map((one) => one.more(1)));
            await Promise.all(traffic.map((one) => one.end()));
        });
    }

    it("another build of the same version goes into a folder of its own, and back", async () => {
        const rebuilt = makePackage("rebuilt", packageVersion(), (bits) => neighbourDll("next", bits));
        const traffic = await Traffic.start(64);
        const told = await rebuilt.install();
        assert.match(told, new RegExp(`Replace winsock-spi ${packageVersion()} by another build of it`));
        const [first, second] = installedVersions();
        assert.equal(first, packageVersion());
        assert.match(second ?? "", new RegExp(`^${packageVersion().replaceAll(".", "\\.")}\\+[0-9a-f]{8}$`));
        await traffic.more(1);
        const again = await rebuilt.cli("install", "--yes", "--json");
        assert.equal((JSON.parse(again.stdout) as { error: { code: string } }).error.code, "ERR_ALREADY_INSTALLED");
        await current.install();
        await traffic.end();
        await sweep(); // the CLI itself was a program that had the other build loaded
        assert.deepEqual(installedVersions(), [packageVersion()]);
    });

    for (const way of ["uninstall", "rescue remove"] as const) {
        it(`${way} of any version takes all away, also one that is in use; no restore brings them back`, async () => {
            await current.install().catch(() => undefined);
            const traffic = await Traffic.start(way === "uninstall" ? 64 : 32);
            const { backup } = await next.json<{ backup: string }>("install", "--yes");
            const removed = way === "uninstall" ? next.cli("uninstall", "--yes") : run(rescueFile(64), ["remove"]);
            expectCode(await removed, 0);
            assert.deepEqual((await pathsAndRest()).paths, []);
            await traffic.more(1);
            await traffic.end();
            await sweep();
            assert.deepEqual(installedVersions(), []);
            // The backup names DLLs that are gone: programs would have no network.
            await cliFails(["restore", "--yes", backup], "ERR_FILE_NOT_FOUND");
            await expectProgramsWork();
        });
    }
});
