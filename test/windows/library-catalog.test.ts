// The library and the CLI on a live catalog, read only: both ways of reading, backups, the loader of the addon.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { backup, diff, parseBackup, readBackup, readCatalog } from "winsock-spi";
import type { Catalog } from "winsock-spi";
import { decodeCatalogItem } from "#lib/catalog/protocol-info.js";
import { native } from "#lib/native.js";
import { cli, cliFails, cliJson, expectCode, nodes, project, run, temporaryFolder } from "./acceptance-support.js";
import { skipIfUnchangeable } from "../support/windows.js";

describe("library: reading the catalog", function () {
    this.timeout(60_000);

    it("Winsock and the registry say the same of both catalogs", async () => {
        const winsock = await readCatalog({ source: "winsock" });
        const registry = await readCatalog({ source: "registry" });
        assert.deepEqual(winsock.protocols, registry.protocols);
        assert.deepEqual(winsock.sources, { "64": "winsock", "32": "winsock" });
        assert.deepEqual(registry.sources, { "64": "registry", "32": "registry" });
        assert.deepEqual(winsock.problems, []);
        for (const bits of ["64", "32"] as const) {
            const entries = winsock.protocols[bits] ?? [];
            assert.ok(entries.length >= 6);
            assert.equal(new Set(entries.map(({ id }) => id)).size, entries.length, "ids are unique");
            assert.ok((winsock.namespaces[bits] ?? []).length > 0);
        }
    });

    it("every entry's DLL is where resolvedPath says, in the folder of its bitness", async () => {
        const { protocols } = await readCatalog();
        for (const [bits, folder] of [
            ["64", "system32"],
            ["32", "syswow64"],
        ] as const) {
            for (const entry of protocols[bits] ?? []) {
                assert.ok(fs.existsSync(entry.resolvedPath ?? ""), entry.resolvedPath);
                if (entry.path.toLowerCase().includes("%systemroot%\\system32")) {
                    assert.ok(entry.resolvedPath?.toLowerCase().includes(`\\${folder}\\`), entry.resolvedPath);
                }
            }
        }
    });

    it("Winsock and the registry say the same of the namespace catalogs", async () => {
        const winsock = await readCatalog({ source: "winsock" });
        const registry = await readCatalog({ source: "registry" });
        assert.deepEqual(winsock.namespaceSources, { "64": "winsock", "32": "winsock" });
        assert.deepEqual(registry.namespaceSources, { "64": "registry", "32": "registry" });
        for (const bits of ["64", "32"] as const) {
            const listed = (winsock.namespaces[bits] ?? []).map(({ displayName: _, ...entry }) => entry);
            assert.deepEqual(listed, registry.namespaces[bits]);
        }
    });

    it("catalog --json prints the catalogs and how they were read; 32-bit Node sees the same", async () => {
        const printed = await cliJson<Catalog & { sources: unknown }>("catalog");
        const { problems: _, sources, namespaceSources, ...catalog } = await readCatalog();
        assert.deepEqual(printed, { ...catalog, sources: { protocols: sources, namespaces: namespaceSources } });
        const { protocols } = catalog;
        const node32 = nodes["node-x86"];
        if (node32 !== undefined) {
            // By way of a backup: Wine confuses the standard handles that a 64-bit libuv hands to a 32-bit one.
            const file = path.join(temporaryFolder(), "from-32-bit-node.json");
            expectCode(await run(node32, [path.join(project, "dist", "cli", "main.js"), "backup", file]), 0);
            const { decoded } = await readBackup(file);
            assert.deepEqual(decoded.protocols, protocols);
            assert.deepEqual(decoded.applications, catalog.applications);
        }
    });

    it("catalog --json --raw gives the registry's bytes of each entry, which say the same", async () => {
        const { protocols } = await cliJson<Catalog>("catalog", "--raw");
        for (const entry of [...(protocols["64"] ?? []), ...(protocols["32"] ?? [])]) {
            const { path: dll, info } = decodeCatalogItem(Buffer.from(entry.raw ?? "", "base64"));
            assert.deepEqual([dll, info.catalogEntryId, info.name], [entry.path, entry.id, entry.name]);
        }
        assert.equal((await readCatalog()).protocols["64"]?.[0]?.raw, undefined);
        expectCode(await cli(["catalog", "--raw"]), 64);
    });

    it("catalog prints a table with every entry", async () => {
        const ended = await cli(["catalog"]);
        expectCode(ended, 0);
        for (const entry of (await readCatalog()).protocols["64"] ?? []) {
            assert.ok(ended.stdout.includes(`${entry.id}  ${entry.kind}`), ended.stdout);
        }
    });
});

describe("library: backups", function () {
    this.timeout(120_000);

    it("a backup holds what is live, and diff finds no difference", async () => {
        const file = path.join(temporaryFolder(), "live.json");
        const written = await backup({ file });
        assert.equal(written.file, file);
        const read = await readBackup(file);
        assert.deepEqual(read, written.backup);
        assert.ok(diff(read, await readCatalog()).same);
        assert.ok(diff(read, (await backup({ file })).backup).same);
        for (const [dll, facts] of Object.entries(read.dlls)) {
            assert.equal(facts?.size, fs.existsSync(dll) ? fs.statSync(dll).size : undefined, dll);
        }
        expectCode(await cli(["diff", file]), 0);
    });

    it("that has no folder to go to says so", async () => {
        await cliFails(["backup", path.join(temporaryFolder(), "no", "b.json")], "ERR_NOT_WRITABLE");
    });

    it("without a file goes into the folder of automatic backups, of which the newest 20 are kept", async function () {
        skipIfUnchangeable(this);
        const { programData } = native().machine();
        const folder = path.join(programData, "winsock-spi", "backups");
        const first = await backup();
        assert.equal(path.dirname(first.file), folder);
        const note = path.join(folder, "note of somebody.json");
        fs.writeFileSync(note, "kept");
        try {
            const written = [first.file];
            while (written.length < 23) {
                written.push((await backup()).file);
            }
            assert.equal(new Set(written).size, 23);
            const names = fs.readdirSync(folder).filter((name) => name !== path.basename(note));
            const left = names.map((name) => path.join(folder, name));
            assert.deepEqual(left.sort(), written.slice(-20).sort());
            assert.equal(fs.readFileSync(note, "utf8"), "kept");
            parseBackup(fs.readFileSync(written.at(-1) ?? "", "utf8"));
        } finally {
            fs.rmSync(note);
        }
    });
});

describe("the loader of the addon", function () {
    this.timeout(60_000);

    it("cannot be sent elsewhere by the environment", async () => {
        const planted = path.join(temporaryFolder(), "planted");
        for (const folder of ["build/Release", "prebuilds/win32-x64"]) {
            fs.mkdirSync(path.join(planted, folder), { recursive: true });
            fs.writeFileSync(path.join(planted, folder, "winsock_spi.node"), "not ours");
        }
        const env = {
            WINSOCK_SPI_PREBUILD: planted,
            npm_config_arch: "ia32",
            npm_config_platform: "linux",
            PREBUILDS_ONLY: "1",
        };
        expectCode(await cli(["catalog", "--json"], { env }), 0);
    });

    it("says what it tried and what to do if the addon is missing or is none", async () => {
        // A copy of the package without the addon, then with a file that is no addon.
        const copy = path.join(temporaryFolder(), "copy");
        fs.cpSync(path.join(project, "dist"), path.join(copy, "dist"), { recursive: true });
        fs.copyFileSync(path.join(project, "package.json"), path.join(copy, "package.json"));
        for (const name of ["commander", "node-gyp-build"]) {
            fs.cpSync(path.join(project, "node_modules", name), path.join(copy, "node_modules", name), {
                recursive: true,
            });
        }
        const node = nodes["node"];
        assert.ok(node !== undefined);
        const failure = async (): Promise<{ code: string; message: string }> => {
            const ended = await run(node, [path.join(copy, "dist", "cli", "main.js"), "catalog", "--json"]);
            expectCode(ended, 2);
            return (JSON.parse(ended.stdout) as { error: { code: string; message: string } }).error;
        };
        const missing = await failure();
        assert.equal(missing.code, "ERR_NATIVE_LOAD");
        assert.match(missing.message, /prebuilds\\win32-x64\\winsock_spi\.node: no such file/);
        assert.match(missing.message, /install the package again/);
        const file = path.join(copy, "prebuilds", "win32-x64", "winsock_spi.node");
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.copyFileSync(path.join(project, "prebuilds", "win32-ia32", "winsock_spi.node"), file);
        assert.match((await failure()).message, /winsock_spi\.node \(made for ia32\): [^]*delete it and install/);
        fs.writeFileSync(file, "not an addon");
        const broken = await failure();
        assert.equal(broken.code, "ERR_NATIVE_LOAD");
        assert.match(broken.message, /Smart App Control.*event 3077/);
        assert.match(broken.message, /build\\Release\\winsock_spi\.node: no such file/);
        assert.ok(broken.message.includes(file), broken.message);
    });
});
