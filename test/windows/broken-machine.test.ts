// Shows: on a machine whose network is gone everything that reads and mends the catalog works. Either every socket call
// fails, or no Node can start; then winsock-spi-rescue alone does it.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import {
    bitnesses,
    cli,
    cliJson,
    entriesOf,
    expectCode,
    exportRegistry,
    keepCatalog,
    nodes,
    ours,
    program,
    providerFile,
    readCatalog,
    rescueFile,
    run,
    second,
    setup,
    temporaryFolder,
} from "./acceptance-support.js";
import type { Bits, Catalog, Ended } from "./acceptance-support.js";

/** WSAENETDOWN: what mute.dll answers to everything. */
const netDown = 10050;

interface Finding {
    code: string;
    severity: string;
    provider?: { name: string };
}

async function rescue(...args: readonly string[]): Promise<Ended> {
    const done = await run(rescueFile(64), args);
    expectCode(done, 0);
    return done;
}

/** The broken provider on top of every chain of both catalogs, under the second provider's names and GUIDs. */
async function installBroken(dll: string): Promise<void> {
    for (const bits of bitnesses) {
        await setup(bits, "install", providerFile(bits, dll));
    }
}

/** The GUID of the hidden entry of the broken provider. */
async function brokenGuid(): Promise<string> {
    const listed = JSON.parse((await rescue("list", "--json")).stdout) as Catalog;
    return entriesOf(listed, 64).find(({ kind, providerId }) => kind === "hidden" && providerId.startsWith(second))!
        .providerId;
}

async function expectSockets(error: number | undefined): Promise<void> {
    for (const bits of bitnesses) {
        const summary = await program(bits, "getsockopt_info");
        assert.equal(summary["ok"], error === undefined, JSON.stringify(summary));
        if (error !== undefined) {
            assert.equal(summary["error"], `socket: ${error}`, `${bits}-bit`);
        }
    }
}

/** What rescue lists is what the CLI lists, as far as it goes. */
function expectSameEntries(listed: Catalog, catalog: Catalog, bits: Bits): void {
    const plain = (of: Catalog): unknown =>
        entriesOf(of, bits).map(
            ({ id, name, providerId, path: dll, chain, kind, family, socketType, protocol, ifs }) => ({
                id,
                name,
                providerId,
                dll,
                chain,
                kind,
                family,
                socketType,
                protocol,
                ifs,
            }),
        );
    assert.deepEqual(plain(listed), plain(catalog));
}

describe("a machine on which every socket call fails", function () {
    this.timeout(600_000);
    const keep = keepCatalog({ each: false });
    let pristine = "";
    let withOurs = "";

    before(async () => {
        pristine = await exportRegistry();
        expectCode(await cli(["install", "--yes"]), 0);
        withOurs = await exportRegistry();
    });

    beforeEach(async () => {
        await installBroken("mute.dll");
        await expectSockets(netDown);
    });

    it("catalog, doctor, backup, diff and rescue list work, and doctor names the provider", async () => {
        const catalog = await readCatalog();
        for (const bits of bitnesses) {
            assert.ok(entriesOf(catalog, bits)[0]?.providerId.startsWith(second), "the broken provider is on top");
        }
        const listed = JSON.parse((await rescue("list", "--json")).stdout) as Catalog;
        for (const bits of bitnesses) {
            expectSameEntries(listed, catalog, bits);
        }
        expectCode(await cli(["catalog", "--tree"]), 0);
        const file = path.join(temporaryFolder(), "broken.json");
        expectCode(await cli(["backup", file]), 0);
        expectCode(await cli(["diff", file]), 0);
        expectCode(await cli(["diff", keep.backup()]), 1);
        const doctor = await cli(["doctor", "--json"]);
        expectCode(doctor, 1);
        const { findings } = JSON.parse(doctor.stdout) as { findings: Finding[] };
        const blamed = findings
            .filter(({ severity }) => severity === "error")
            .map(({ provider }) => provider?.name ?? "");
        assert.ok(blamed.length > 0 && blamed.every((name) => name.startsWith("second")), JSON.stringify(findings));
        const now = await readCatalog();
        assert.deepEqual(now, catalog, "and nothing was mended unasked");
        for (const bits of bitnesses) {
            await setup(bits, "remove");
        }
        assert.equal(await exportRegistry(), withOurs);
    });

    const waysBack: Readonly<Record<string, () => Promise<string>>> = {
        "uninstall PROVIDER": async () => {
            expectCode(await cli(["uninstall", "second", "--yes"]), 0);
            return withOurs;
        },
        "rescue remove NAME": async () => {
            await rescue("remove", "second");
            return withOurs;
        },
        // From here on without ours.
        restore: async () => {
            expectCode(await cli(["restore", keep.backup(), "--yes"]), 0);
            return pristine;
        },
        "rescue restore": async () => {
            await rescue("restore", keep.backup());
            return pristine;
        },
    };
    for (const [name, way] of Object.entries(waysBack)) {
        it(`${name} brings the network back`, async () => {
            const wanted = await way();
            assert.equal(await exportRegistry(), wanted);
            await expectSockets(undefined);
        });
    }
});

describe("a machine on which no Node can start", function () {
    this.timeout(600_000);
    const keep = keepCatalog({ each: false });
    let pristine = "";

    before(async () => {
        pristine = await exportRegistry();
        expectCode(await cli(["install", "--yes"]), 0);
        await installBroken("crash_startup.dll");
        const node = await run(nodes["node"]!, ["-e", "console.log('started')"], { timeout: 60_000 });
        assert.ok(node.code !== 0 && !node.stdout.includes("started"), `no Node starts: ${node.code} ${node.stdout}`);
    });

    it("rescue says no to what is not there, what is Windows' own, and what is no backup; nothing changes", async () => {
        const before = await exportRegistry();
        const refused = async (code: string, ...args: readonly string[]): Promise<void> => {
            const done = await run(rescueFile(64), args);
            expectCode(done, 2);
            assert.ok(done.stdout.includes(code), done.stdout);
        };
        const base = entriesOf(JSON.parse((await rescue("list", "--json")).stdout) as Catalog, 64).find(
            ({ kind }) => kind === "base",
        )!;
        await refused("ERR_UNKNOWN_PROVIDER", "remove", "nobody");
        await refused("ERR_BASE_PROVIDER", "remove", base.name);
        await refused("ERR_BASE_PROVIDER", "remove", base.providerId);
        await refused("ERR_BASE_PROVIDER", "remove", String(base.id));
        const file = path.join(temporaryFolder(), "no-backup.json");
        fs.writeFileSync(file, "{}");
        await refused("ERR_BACKUP", "restore", file);
        expectCode(await run(rescueFile(64), ["list", "--jsn"]), 64);
        assert.equal(await exportRegistry(), before);
    });

    it("rescue alone lists, backs up to a file, removes ours, removes the culprit, and restores the file", async () => {
        const listed = JSON.parse((await rescue("list", "--json")).stdout) as Catalog & {
            namespaces: Record<string, unknown[]>;
        };
        for (const bits of bitnesses) {
            assert.ok(entriesOf(listed, bits).some(({ providerId }) => providerId.startsWith(ours)));
            assert.ok(entriesOf(listed, bits)[0]?.providerId.startsWith(second));
            assert.ok(listed.namespaces[`${bits}`]!.length > 0, "namespaces are listed too");
        }
        assert.match((await rescue("list")).stdout, /64-bit catalog, \d+ entries/);

        const file = path.join(temporaryFolder(), "no-node.json");
        await rescue("backup", file);
        const broken = await exportRegistry();

        await rescue("remove");
        const without = JSON.parse((await rescue("list", "--json")).stdout) as Catalog;
        for (const bits of bitnesses) {
            const entries = entriesOf(without, bits);
            const ids = new Set(entries.map(({ id }) => id));
            assert.ok(
                entries.every(({ providerId }) => !providerId.startsWith(ours)),
                "ours is gone",
            );
            assert.ok(
                entries.some(({ providerId }) => providerId.startsWith(second)),
                "and nothing else",
            );
            assert.ok(
                entries.every(({ kind, chain }) => kind !== "layered" || chain.every((id) => ids.has(id))),
                "no chain dangles",
            );
        }

        await rescue("remove", await brokenGuid());
        assert.equal(await exportRegistry(), pristine, "all that is left is what was there first");
        await expectSockets(undefined);
        assert.equal(
            (await cliJson<Catalog>("catalog")).protocols["64"]?.length,
            entriesOf(without, 64).filter(({ providerId }) => !providerId.startsWith(second)).length,
        );

        await rescue("restore", file);
        assert.equal(await exportRegistry(), broken, "the file brings back exactly what was backed up");
        await rescue("restore", keep.backup());
        assert.equal(await exportRegistry(), pristine);
    });
});
