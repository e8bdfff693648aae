// The replace-base method on the live catalog: programs work, each call is seen, nothing but paths changes, and every
// way out brings back what was there.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { install, readCatalog, recover, replacedEntries, restore, rollBack, uninstall } from "winsock-spi";
import type { Catalog } from "winsock-spi";
import { native, packageVersion } from "#lib/native.js";
import { counts } from "../support/counts.js";
import { skipIfUnchangeable } from "../support/windows.js";
import {
    bitnesses,
    cli,
    cliFails,
    combinations,
    expectCode,
    expectSameCounts,
    exportRegistry,
    keepCatalog,
    nodes,
    program,
    programFile,
    project,
    rescueFile,
    run,
    scenarioFile,
    watch,
} from "./acceptance-support.js";
import type { Bits, ProcessRecords } from "./acceptance-support.js";
import { replaceBase, skipIfNotSigned, withoutUs } from "./replace-base-support.js";
import { counted, installSecond, makeLog, removeSecond } from "./second-provider.js";

const method = ["--method", "replace-base"];
const pairs: readonly (readonly [parent: Bits, child: Bits])[] = [
    [64, 64],
    [64, 32],
    [32, 64],
    [32, 32],
];

/** Ours saw each call that the program made; the connection that AcceptEx accepted has a record more. */
function expectCounted(seen: ProcessRecords, made: Record<string, number>): void {
    for (const name of counted) {
        const viaAcceptEx = name === "WSPAccept" ? (made["AcceptEx"] ?? 0) : 0;
        assert.equal(seen.count(name), made[name]! + viaAcceptEx, `ours saw ${name}`);
    }
}

describe("replace-base", function () {
    this.timeout(600_000);
    before(async function () {
        skipIfUnchangeable(this);
        await skipIfNotSigned(this);
    });
    after(withoutUs); // before the catalog is compared
    const keep = keepCatalog({ each: false });
    const programs = path.join(native().machine().programFiles, "winsock-spi");
    let found = "";
    let former: Catalog;
    before(async () => {
        await withoutUs();
        former = await readCatalog();
        found = await exportRegistry();
    });

    it("--dry-run changes nothing", async () => {
        const { plan } = await install({ method: "replace-base", acceptRisk: true, dryRun: true });
        assert.equal(plan.steps.filter((step) => step.do === "set-provider-path").length, 4);
        assert.equal(await exportRegistry(), found);
        assert.ok(!fs.existsSync(programs));
    });

    describe("installed", () => {
        const without: Partial<Record<Bits, Record<string, unknown>>> = {};
        before(async () => {
            for (const bits of bitnesses) {
                without[bits] = await program(bits, "calls");
            }
            await replaceBase();
        });
        after(withoutUs);

        it("only paths have changed, of every entry of Windows' TCP/IP", async () => {
            const { protocols } = await readCatalog();
            for (const bits of ["64", "32"] as const) {
                const entries = protocols[bits] ?? [];
                const plain = (list: typeof entries): unknown =>
                    list.map((entry) => ({ ...entry, path: undefined, resolvedPath: undefined }));
                assert.deepEqual(plain(entries), plain(former.protocols[bits] ?? []));
                assert.ok(replacedEntries(entries).length >= 6);
                const folder = bits === "64" ? "x64" : "x86";
                const dll = path.join(programs, packageVersion(), folder, "winsock_spi_lsp.dll");
                assert.ok(replacedEntries(entries).every((entry) => entry.path === dll));
            }
        });

        it("nothing can be installed over it", async () => {
            await assert.rejects(install(), { code: "ERR_ALREADY_INSTALLED", message: /no upgrade.*uninstall/ });
            await cliFails(["install", ...method, "--accept-risk", "--yes"], "ERR_ALREADY_INSTALLED");
        });

        it("rescue list names it", async () => {
            const { stdout } = await run(rescueFile(64), ["list"]);
            assert.ok((stdout.match(/winsock-spi in its place/g) ?? []).length >= 12, stdout);
        });

        for (const [index, [name, file]] of Object.entries(nodes).entries()) {
            const bits: Bits = name === "node-x86" ? 32 : 64;
            const [scenario, ...args] = [
                ["server-and-client", "--requests", `${counts.requests}`, "--connections", "4"],
                ["udp-echo", "--datagrams", `${counts.datagrams}`],
                ["transfer", "--megabytes", `${counts.transferMegabytes}`],
            ][index % 3]!;
            it(`${name}: ${scenario}: every call and every byte is seen`, async () => {
                const all = [scenarioFile(scenario!), ...args, "--family", index % 2 === 0 ? "4" : "6"];
                expectSameCounts(await watch(file, all), bits);
            });
        }

        for (const bits of bitnesses) {
            it(`one of every call: a ${bits}-bit program has the results of before, and watch each call`, async () => {
                const watched = await watch(programFile(bits, "calls"));
                const { summary } = watched;
                assert.equal(summary["ok"], true, JSON.stringify(summary));
                assert.deepEqual({ ...summary, pid: 0 }, { ...without[bits], pid: 0 });
                const seen = watched.of(Number(summary["pid"]));
                seen.expectActive(bits);
                const made = summary["counts"] as Record<string, number>;
                expectCounted(seen, made);
            });
        }

        const shared = combinations(pairs, ["tcp4", "tcp6", "udp4"]);
        for (const [[parent, child], kind] of counts.everyCombination === 1 ? shared : shared.slice(1, 3)) {
            it(`a ${parent}-bit process duplicates a ${kind} socket into a ${child}-bit one`, async () => {
                const args = [programFile(child, "duplicate_target"), kind];
                const watched = await watch(programFile(parent, "duplicate_source"), args);
                const { summary } = watched;
                assert.equal(summary["ok"], true, JSON.stringify(summary));
                watched.of(Number(summary["pid"])).expectActive(parent);
                const target = watched.of(Number(summary["target"]));
                target.expectActive(child);
                assert.equal(target.bytesSent, 14 + 27, "what the target sends on it is seen");
            });
        }

        it("a socket answers with the base provider's own entry, and SIO_BASE_HANDLE with itself", async () => {
            for (const bits of bitnesses) {
                const info = await program(bits, "getsockopt_info");
                assert.equal(info["ok"], true, JSON.stringify(info));
                const handle = await program(bits, "sio_base_handle");
                assert.equal(handle["ok"], true, JSON.stringify(handle));
            }
        });

        for (const guid of counts.everyCombination === 1 ? (["entry", "shared"] as const) : (["shared"] as const)) {
            it(`a stranger's layer (GUID: ${guid}) above it sees and is seen`, async () => {
                await installSecond({ guid, chain: "hidden" });
                try {
                    for (const bits of bitnesses) {
                        const log = makeLog();
                        const watched = await watch(programFile(bits, "calls"), [], { env: log.env });
                        const pid = Number(watched.summary["pid"]);
                        const made = watched.summary["counts"] as Record<string, number>;
                        watched.of(pid).expectActive(bits);
                        for (const name of counted) {
                            assert.equal(log.of(pid)[name], made[name], `${bits}: the stranger saw ${name}`);
                        }
                        expectCounted(watched.of(pid), made);
                    }
                } finally {
                    await removeSecond();
                }
            });
        }
    });

    describe("taken out", () => {
        beforeEach(withoutUs);
        afterEach(withoutUs);

        it("uninstall brings back every byte below WinSock2\\Parameters, and leaves no file but backups", async () => {
            await replaceBase();
            await uninstall();
            assert.equal(await exportRegistry(), found);
            assert.ok(!fs.existsSync(programs));
            await replaceBase();
            expectCode(await cli(["uninstall", "--yes"]), 0); // a process that has the DLL loaded itself
            assert.equal(await exportRegistry(), found);
        });

        it("so does rescue remove, of either bitness", async () => {
            for (const bits of counts.everyCombination === 1 ? bitnesses : ([32] as const)) {
                await replaceBase();
                expectCode(await run(rescueFile(bits), ["remove"]), 0);
                assert.equal(await exportRegistry(), found, `${bits}-bit rescue`);
            }
            await withoutUs();
        });

        it("so does restore of the backup that it took, by the library and by rescue", async () => {
            const backup = await replaceBase();
            const replaced = await exportRegistry();
            const { backup: undo } = await restore(backup);
            assert.equal(await exportRegistry(), found);
            await restore(undo!);
            assert.equal(await exportRegistry(), replaced, "and back again: paths and what is written down for them");
            expectCode(await run(rescueFile(64), ["restore", keep.backup()]), 0);
            assert.equal(await exportRegistry(), found);
            await uninstall({ leftovers: true });
            assert.ok(!fs.existsSync(programs));
        });

        it("so does restore by Winsock's functions; what was written down goes with the leftovers", async () => {
            const backup = await replaceBase();
            await restore(backup, { way: "winsock" });
            assert.deepEqual((await readCatalog()).protocols, former.protocols);
            await uninstall({ leftovers: true });
            assert.equal(await exportRegistry(), found);
            assert.ok(!fs.existsSync(programs));
        });

        it("waits to be confirmed, a minute if nothing is said, and can be rolled back until then", async () => {
            const how = { method: "replace-base", acceptRisk: true } as const;
            const { plan, unconfirmedUntil } = await install(how);
            assert.equal(plan.confirm?.within, 60_000);
            assert.ok(unconfirmedUntil !== undefined);
            await assert.rejects(uninstall(), { code: "ERR_UNCONFIRMED" });
            await rollBack();
            assert.equal(await exportRegistry(), found);
            assert.equal((await install({ ...how, confirmWithin: 5000, dryRun: true })).plan.confirm?.within, 5000);
        });

        it("a stranger's layer that came after stays whole when ours goes", async () => {
            await replaceBase();
            await installSecond({ guid: "entry", chain: "entry" });
            await uninstall();
            for (const bits of bitnesses) {
                const log = makeLog();
                const summary = await program(bits, "calls", [], { env: log.env });
                assert.equal(summary["ok"], true, JSON.stringify(summary));
                assert.ok((log.of(Number(summary["pid"]))["WSPSend"] ?? 0) > 0);
            }
            await removeSecond();
            assert.equal(await exportRegistry(), found);
            assert.equal((await recover()).action, "none");
        });
    });
});

describe("replace-base, asked for carelessly", function () {
    this.timeout(120_000);
    before(function () {
        skipIfUnchangeable(this);
    });

    it("wants the risk accepted, and refuses options that say nothing to it", async () => {
        const found = await exportRegistry();
        await cliFails(["install", ...method, "--yes"], "ERR_RISK_NOT_ACCEPTED");
        await cliFails(["install", ...method, "--accept-risk", "--name", "x", "--yes"], "ERR_USAGE", 64);
        const how = { method: "replace-base" } as const;
        await assert.rejects(install({ ...how, dryRun: true }), { code: "ERR_RISK_NOT_ACCEPTED" });
        await assert.rejects(install({ method: "replace-base", acceptRisk: true, dlls: ["C:\\x.dll"] }), TypeError);
        await assert.rejects(install({ method: "other" as "layered" }), TypeError);
        assert.equal(await exportRegistry(), found);
    });

    it("on Windows refuses a DLL that is not signed", async function () {
        if (native().machine().wine) {
            this.skip(); // nothing is signed here, and nothing asks for it
        }
        const dll = path.join(project, "prebuilds", `win32-${process.arch}`, "winsock_spi_lsp.dll");
        if ((await native().readSignature(dll)).trusted) {
            this.skip();
        }
        await cliFails(["install", ...method, "--accept-risk", "--yes"], "ERR_NOT_SIGNED");
    });
});
