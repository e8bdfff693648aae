// Shows: what install puts into the catalog, and that uninstall leaves the registry as it was, value by value.
import assert from "node:assert/strict";
import * as path from "node:path";
import {
    bitnesses,
    cli,
    cliJson,
    entriesOf,
    expectCode,
    exportRegistry,
    keepCatalog,
    ours,
    program,
    readCatalog,
} from "./acceptance-support.js";
import type { Bits, Catalog, CatalogEntry } from "./acceptance-support.js";

const covered = [
    { family: 2, socketType: 1, protocol: 6 },
    { family: 2, socketType: 2, protocol: 17 },
    { family: 2, socketType: 3, protocol: 0 },
    { family: 23, socketType: 1, protocol: 6 },
    { family: 23, socketType: 2, protocol: 17 },
    { family: 23, socketType: 3, protocol: 0 },
];

function isOurs({ providerId }: CatalogEntry): boolean {
    return providerId.startsWith(ours);
}

function checkInstalled(before: Catalog, installed: Catalog, bits: Bits): void {
    const old = entriesOf(before, bits);
    const now = entriesOf(installed, bits);
    const mine = now.filter(isOurs);
    const hidden = mine.filter(({ kind }) => kind === "hidden");
    const layered = mine.filter(({ kind }) => kind === "layered");
    assert.equal(hidden.length, 1, "one hidden entry");
    assert.equal(layered.length, covered.length, "one layered entry for each covered base entry");
    assert.equal(mine.length, 1 + covered.length, "and nothing else");
    assert.deepEqual(hidden[0]!.chain, []);
    assert.deepEqual(now.slice(0, layered.length), layered, "layered entries are first");
    assert.equal(new Set(mine.map(({ providerId }) => providerId)).size, mine.length, "each has a GUID of its own");
    for (const triplet of covered) {
        const matches = (entry: CatalogEntry): boolean =>
            entry.family === triplet.family &&
            entry.socketType === triplet.socketType &&
            entry.protocol === triplet.protocol;
        const base = old.find((entry) => entry.kind === "base" && matches(entry));
        const entry = layered.find(matches);
        assert.ok(base !== undefined && entry !== undefined, JSON.stringify(triplet));
        assert.deepEqual(entry.chain, [hidden[0]!.id, base.id], "the chain is ours, then the base");
        assert.equal(entry.name, `winsock-spi over [${base.name}]`);
        assert.equal(entry.ifs, true);
    }
    const architecture = bits === 64 ? "x64" : "x86";
    for (const entry of mine) {
        assert.ok(path.win32.isAbsolute(entry.resolvedPath), entry.resolvedPath);
        const [product, , folder, file] = entry.resolvedPath.split("\\").slice(-4);
        assert.deepEqual([product, folder, file], ["winsock-spi", architecture, "winsock_spi_lsp.dll"]);
    }
    assert.deepEqual(
        now.filter((entry) => !isOurs(entry)),
        old,
        "what was there is untouched and in the same order",
    );
}

describe("acceptance: the catalog before, during and after", function () {
    this.timeout(180_000);
    const keep = keepCatalog({ each: false });

    it("install adds a hidden and a layered entry per covered base entry, and uninstall leaves no trace", async () => {
        const exported = await exportRegistry();
        const before = await readCatalog();
        const fresh: Partial<Record<Bits, Record<string, unknown>>> = {};
        for (const bits of bitnesses) {
            assert.ok(!entriesOf(before, bits).some(isOurs), "not installed yet");
            fresh[bits] = await program(bits, "getsockopt_info");
        }
        expectCode(await cli(["install", "--yes"]), 0);

        const installed = await readCatalog();
        for (const bits of bitnesses) {
            checkInstalled(before, installed, bits);
            const layered = entriesOf(installed, bits).filter((entry) => isOurs(entry) && entry.kind === "layered");
            const chosen = await program(bits, "getsockopt_info");
            assert.equal(chosen["ok"], true, JSON.stringify(chosen));
            for (const kind of ["tcp4", "udp4", "tcp6", "udp6"]) {
                const was = fresh[bits]![kind] as Record<string, unknown>;
                const is = chosen[kind] as Record<string, unknown>;
                const entry = layered.find(({ id }) => id === is["id"]);
                assert.ok(entry !== undefined, `${kind}: a ${bits}-bit socket is ours, not ${JSON.stringify(is)}`);
                assert.deepEqual(is["chain"], entry.chain);
                assert.deepEqual([is["family"], is["type"], is["ifs"]], [was["family"], was["type"], true]);
            }
            const base = await program(bits, "sio_base_handle");
            const own = ["tcp4", "udp4", "tcp6", "udp6"].map((kind) => base[kind]);
            assert.deepEqual(own, [true, true, true, true], "SIO_BASE_HANDLE is the socket itself");
        }
        assert.notEqual(await exportRegistry(), exported);

        expectCode(await cli(["uninstall", "--yes"]), 0);
        assert.equal(await exportRegistry(), exported, "reg.exe exports what it exported before");
        const different = await cli(["diff", keep.backup()]);
        expectCode(different, 0);
        assert.equal(different.stdout, "", "diff prints nothing");
    });

    it("a second round gives the same", async () => {
        const before = await readCatalog();
        expectCode(await cli(["install", "--yes"]), 0);
        const installed = await readCatalog();
        for (const bits of bitnesses) {
            checkInstalled(before, installed, bits);
        }
        expectCode(await cli(["uninstall", "--yes"]), 0);
        assert.deepEqual(await readCatalog(), before);
    });

    it("restore brings back the installed catalog, and the catalog without us", async () => {
        const without = keep.backup();
        expectCode(await cli(["install", "--yes"]), 0);
        const installed = await exportRegistry();
        const backup = without.replace(/\.json$/, "-installed.json");
        expectCode(await cli(["backup", backup]), 0);
        expectCode(await cli(["restore", without, "--yes"]), 0);
        expectCode(await cli(["diff", without]), 0);
        const differs = await cli(["diff", without, backup]);
        expectCode(differs, 1);
        assert.notEqual(differs.stdout, "");
        expectCode(await cli(["restore", backup, "--yes"]), 0);
        assert.equal(await exportRegistry(), installed);
        assert.equal((await program(64, "getsockopt_info"))["ok"], true, "and it works");
        expectCode(await cli(["uninstall", "--yes"]), 0);
        // The counters go on counting, which is told and makes no difference.
        const { counters, ...rest } = await cliJson<{ counters: unknown[] }>("diff", without);
        assert.equal(counters.length, 2);
        assert.deepEqual({ counters: [], ...rest }, await cliJson<unknown>("diff", without, without));
    });
});
