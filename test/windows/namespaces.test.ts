// Namespace providers of the live catalog: listed both ways, installed, removed, disabled and ordered by the library and
// the CLI, in both catalogs.
import assert from "node:assert/strict";
import { lookup } from "node:dns/promises";
import {
    enableNamespace,
    installNamespace,
    orderNamespaces,
    readCatalog,
    removeNamespace,
    type NamespaceEntry,
    type Plan,
} from "winsock-spi";
import { type Bits, native } from "#lib/native.js";
import { skipIfUnchangeable } from "../support/windows.js";
import {
    bitnesses,
    cli,
    cliJson,
    expectCode,
    exportRegistry,
    keepCatalog,
    providerFile,
} from "./acceptance-support.js";

const providerId = "{6E5BB1B0-5C0C-4E0B-9D6F-0A3C53D4E6AA}";
const dll = (bits: Bits): string => providerFile(bits, "namespace_provider.dll");
const wanted = { dlls: [dll(64), dll(32)], providerId, name: "Nobody", namespace: 12 };

async function namespaces(bits: Bits): Promise<readonly NamespaceEntry[]> {
    return (await readCatalog()).namespaces[`${bits}`] ?? [];
}

const ids = async (bits: Bits): Promise<string[]> => (await namespaces(bits)).map((entry) => entry.providerId);

async function refuses(args: readonly string[], code: string): Promise<void> {
    const failed = await cli([...args, "--json"]);
    expectCode(failed, 2);
    assert.equal((JSON.parse(failed.stdout) as { error: { code: string } }).error.code, code);
}

describe("namespace providers", function () {
    this.timeout(300_000);
    before(function () {
        skipIfUnchangeable(this);
    });
    keepCatalog({ each: true });

    it("Winsock lists what the registry has, in its order", async () => {
        await installNamespace({ ...wanted, info: Uint8Array.of(1, 2, 3) });
        for (const bits of bitnesses) {
            const listed = native().enumNamespaces(bits);
            const registered = await namespaces(bits);
            assert.ok(registered.length > 1);
            assert.deepEqual(
                listed.map((one) => [one.providerId, one.namespace, one.enabled, one.version]),
                registered.map((one) => [one.providerId, one.namespace, one.enabled, one.version]),
            );
            const own = listed.at(-1)!;
            assert.deepEqual([own.name, own.providerId, [...own.info]], ["Nobody", providerId, [1, 2, 3]]);
        }
    });

    it("installs into both catalogs, each with its own DLL; names are resolved as before; removing leaves no trace", async () => {
        const before = await exportRegistry();
        const { backup } = await installNamespace(wanted);
        assert.ok(backup !== undefined);
        for (const bits of bitnesses) {
            const own = (await namespaces(bits)).at(-1)!;
            assert.deepEqual(
                [own.name, own.providerId, own.enabled, own.path.toLowerCase()],
                ["Nobody", providerId, true, dll(bits).toLowerCase()],
            );
        }
        assert.ok((await lookup("localhost")).address !== "");
        await assert.rejects(installNamespace(wanted), { code: "ERR_ALREADY_INSTALLED" });
        await removeNamespace({ provider: "nobody" });
        assert.equal(await exportRegistry(), before);
        await assert.rejects(removeNamespace({ provider: "nobody" }), { code: "ERR_UNKNOWN_PROVIDER" });
    });

    it("disables, enables and orders, in one catalog or both, and changes nothing where it is so already", async () => {
        await installNamespace(wanted);
        const order = await ids(64);
        await enableNamespace({ provider: providerId, enabled: false, catalog: "32" });
        assert.deepEqual(await Promise.all(bitnesses.map(async (bits) => (await namespaces(bits)).at(-1)?.enabled)), [
            true,
            false,
        ]);
        assert.equal(
            (await enableNamespace({ provider: providerId, enabled: true, catalog: "64" })).plan.steps.length,
            0,
        );
        await orderNamespaces({ first: ["Nobody", order[1]!], catalog: "64" });
        assert.deepEqual((await ids(64)).slice(0, 2), [providerId, order[1]]);
        assert.deepEqual([...(await ids(64))].sort(), [...order].sort());
        assert.equal((await ids(32)).at(-1), providerId);
    });

    it("keeps the last provider that answers for DNS", async () => {
        const before = await exportRegistry();
        const dns = (await namespaces(64)).filter(({ namespace, enabled }) => namespace === 12 && enabled);
        if (dns.length === 1) {
            await assert.rejects(removeNamespace({ provider: dns[0]!.providerId }), { code: "ERR_BASE_PROVIDER" });
        }
        assert.equal(await exportRegistry(), before);
    });

    it("the CLI does the same, shows plans, and says how to undo it", async () => {
        const before = await exportRegistry();
        const install = [
            "namespace",
            "install",
            dll(64),
            dll(32),
            "--name",
            "Nobody",
            "--id",
            providerId,
            "--namespace",
            "dns",
        ];
        const dry = await cliJson<{ changed: boolean; plan: Plan }>(...install, "--dry-run");
        assert.deepEqual(
            dry.plan.steps.map((step) => step.do),
            ["install-namespace", "install-namespace"],
        );
        assert.equal(await exportRegistry(), before);
        await refuses(install, "ERR_CONFIRM");
        const done = await cliJson<{ changed: boolean; undo: string; backup: string }>(...install, "--yes");
        assert.equal(done.undo, `winsock-spi namespace remove ${providerId} --yes`);
        const listed = await cli(["namespace", "list"]);
        expectCode(listed, 0);
        assert.equal(listed.stdout.match(/Nobody/g)?.length, 2, listed.stdout);
        assert.equal((await cliJson<{ changed: boolean }>("namespace", "disable", "Nobody", "--yes")).changed, true);
        assert.equal((await cliJson<{ changed: boolean }>("namespace", "disable", "Nobody", "--yes")).changed, false);
        await cliJson("namespace", "order", "Nobody", "--yes");
        assert.deepEqual((await namespaces(32))[0], { ...(await namespaces(32))[0]!, providerId, enabled: false });
        await cliJson("namespace", "remove", providerId, "--yes");
        assert.equal(await exportRegistry(), before);
        const usage = await cli([
            "namespace",
            "install",
            dll(64),
            "--name",
            "x",
            "--id",
            providerId,
            "--namespace",
            "no such",
        ]);
        expectCode(usage, 64);
    });
});
