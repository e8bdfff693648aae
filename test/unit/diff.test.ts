import assert from "node:assert/strict";
import { type CatalogDiff, diff, formatDiff } from "#lib/catalog/diff.js";
import { categoryNames } from "#lib/catalog/categories.js";
import type { ApplicationEntry, Catalog, CatalogEntry, NamespaceEntry } from "#lib/catalog/model.js";
import { dwordValue, keyAt } from "#lib/catalog/registry.js";
import { backupOf, binary, registryOf } from "./backups.js";
import { Random, baseEntries, cases, entry, freshCatalog, newSeed } from "./catalogs.js";

const only64 = (entries: CatalogEntry[]): Catalog => ({ protocols: { "64": entries }, namespaces: {} });

function changes64(result: CatalogDiff): string[] {
    return (result.protocols["64"] ?? []).map((change) => `${change.change} ${change.entry.id}`);
}

const dns: NamespaceEntry = {
    name: "Tcpip",
    providerId: "{22059D40-7E9E-11CF-AE5A-00AA00A7112B}",
    path: "%SystemRoot%\\System32\\mswsock.dll",
    namespace: 12,
    namespaceName: "NS_DNS",
    enabled: true,
    version: 0,
    storesServiceClassInfo: false,
};

describe("diff", () => {
    it("finds nothing between equal catalogs, and says nothing", () => {
        const result = diff(freshCatalog(), freshCatalog());
        assert.ok(result.same);
        assert.equal(formatDiff(result), "");
    });

    it("tells what was added and what was removed, with its place", () => {
        const more = [
            entry({ id: 1020, name: "new", providerId: "{11111111-2222-3333-4444-555555550000}" }),
            ...baseEntries(),
        ];
        const added = diff(only64(baseEntries()), only64(more));
        assert.deepEqual(changes64(added), ["added 1020"]);
        assert.match(formatDiff(added), /^64-bit protocol catalog\n {2}\+ 1020 new \{1{8}-.*\} {2}\(place 1\)$/);
        assert.deepEqual(changes64(diff(only64(more), only64(baseEntries()))), ["removed 1020"]);
    });

    it("tells of as few moved entries as there can be", () => {
        const [first, ...rest] = baseEntries();
        assert.ok(first !== undefined);
        const moved = diff(only64(baseEntries()), only64([...rest, first]));
        assert.deepEqual(changes64(moved), ["moved 1001"]);
        assert.match(formatDiff(moved), /1001 .* from place 1 to 6/);
    });

    it("tells field by field what changed, and does not mind where a path leads on this machine", () => {
        const changed = baseEntries().map((one, index) =>
            index === 2 ? { ...one, path: "C:\\evil.dll", messageSize: 7 } : { ...one, resolvedPath: "C:\\x" },
        );
        const result = diff(only64(baseEntries()), only64(changed));
        assert.deepEqual(changes64(result), ["changed 1003"]);
        const change = result.protocols["64"]?.[0];
        assert.ok(change?.change === "changed");
        assert.deepEqual(change.fields.map((field) => field.name).sort(), ["messageSize", "path"]);
        assert.match(formatDiff(result), /path: "%SystemRoot%.*" -> "C:\\\\evil.dll"/);
    });

    it("tells of LSP categories of providers and programs, where both sides know of them", () => {
        const guid = baseEntries()[0]?.providerId ?? "";
        const application = (categories: number): ApplicationEntry => ({
            key: "12345678",
            program: "C:\\Windows\\System32\\wsl.exe",
            args: "",
            categories,
            categoryNames: categoryNames(categories),
        });
        const known = (categories: number, program: number): Catalog => ({
            ...freshCatalog(),
            categories: { "64": categories === 0 ? {} : { [guid]: categories } },
            applications: program === 0 ? [] : [application(program)],
        });
        const result = diff(known(0, 0x8000_0000), known(4, 1));
        assert.ok(!result.same);
        const { name } = baseEntries()[0] ?? { name: "" };
        assert.deepEqual(result.categories, { "64": [{ providerId: guid, name, before: 0, after: 4 }] });
        assert.deepEqual(
            result.applications.map(({ change }) => change),
            ["changed"],
        );
        assert.match(formatDiff(result), /64-bit LSP categories\n {2}~ .*: none -> LSP_PROXY/);
        assert.match(formatDiff(result), /wsl\.exe: LSP_SYSTEM\n.*categories: 2147483648 -> 1/);
        assert.deepEqual(
            diff(known(0, 0), known(0, 1)).applications.map(({ change }) => change),
            ["added"],
        );
        assert.ok(diff(known(4, 1), known(4, 1)).same);
        assert.ok(diff(freshCatalog(), known(4, 1)).same, "one side does not know");
    });

    it("tells of counters beside a difference, and takes them for none", () => {
        const counted = diff(backupOf(freshCatalog()), backupOf(freshCatalog(), registryOf(freshCatalog(), 9, 1200)));
        assert.ok(counted.same);
        assert.equal(formatDiff(counted), "");
        assert.deepEqual(counted.counters, [
            { path: "Protocol_Catalog9\\Serial_Access_Num", before: 5, after: 9 },
            { path: "Protocol_Catalog9\\Next_Catalog_Entry_ID", before: 1100, after: 1200 },
            { path: "NameSpace_Catalog5\\Serial_Access_Num", before: 5, after: 9 },
        ]);
        const fewer: Catalog = { ...freshCatalog(), namespaces: {} };
        const text = formatDiff(diff(backupOf(freshCatalog()), backupOf(fewer, registryOf(fewer, 9))));
        assert.match(text, /counters.*\n {4}Protocol_Catalog9\\Serial_Access_Num: 5 -> 9/);
    });

    it("prints no control character of a name, which could move the cursor", () => {
        const evil = [...baseEntries(), entry({ id: 1020, name: "evil \u001b[2J" })];
        const text = formatDiff(diff(only64(baseEntries()), only64(evil)));
        assert.ok(text.includes("evil \uFFFD[2J"), text);
        assert.ok(!/[^\P{Cc}\n]/u.test(text));
    });

    it("recognises an entry that got another id by its GUID and triplet", () => {
        const result = diff(only64(baseEntries()), only64(baseEntries(2001)));
        assert.equal(result.protocols["64"]?.length, 6);
        assert.ok(
            result.protocols["64"].every((change) => change.change === "changed" && change.fields[0]?.name === "id"),
        );
    });

    it("does not take an id that another provider uses now for the same entry", () => {
        const other = entry({ id: 1001, providerId: "{11111111-2222-3333-4444-555555550000}" });
        const result = diff(only64(baseEntries()), only64([other, ...baseEntries().slice(1)]));
        assert.deepEqual(changes64(result), ["removed 1001", "added 1001"]);
    });

    it("tells of a catalog that is there on one side only", () => {
        const result = diff(freshCatalog(), only64(baseEntries()));
        assert.equal(result.protocols["32"]?.length, 6);
        assert.ok(result.protocols["64"] === undefined);
    });

    it("compares namespaces too", () => {
        const before: Catalog = { protocols: {}, namespaces: { "64": [dns] } };
        const after: Catalog = { protocols: {}, namespaces: { "64": [{ ...dns, enabled: false }] } };
        assert.match(
            formatDiff(diff(before, after)),
            /64-bit namespace catalog\n {2}~ Tcpip .*\n {6}enabled: true -> false/,
        );
        assert.deepEqual(
            diff(before, { protocols: {}, namespaces: {} }).namespaces["64"]?.map((change) => change.change),
            ["removed"],
        );
    });

    it("passes over the serial number and the next free id, and over access keys", () => {
        const after = registryOf(freshCatalog(), 99, 5000);
        const catalogKey = keyAt(after, "Protocol_Catalog9");
        assert.ok(catalogKey !== undefined);
        catalogKey.keys["0000001C"] = { values: {}, keys: {} };
        assert.ok(diff(backupOf(freshCatalog()), backupOf(freshCatalog(), after)).same);
    });

    it("finds registry values that no entry shows", () => {
        const before = registryOf(freshCatalog());
        const after = registryOf(freshCatalog());
        after.values["AutodialDLL"] = binary(Uint8Array.of(1, 2));
        after.keys["AppId_Catalog"] = {
            values: {},
            keys: { "2AB45678": { values: { PermittedLspCategories: dwordValue(1) }, keys: {} } },
        };
        const result = diff(backupOf(freshCatalog(), before), backupOf(freshCatalog(), after));
        assert.ok(!result.same);
        assert.deepEqual(
            result.registry.map((change) => change.path),
            [
                "AutodialDLL",
                "AppId_Catalog\\",
                "AppId_Catalog\\2AB45678\\",
                "AppId_Catalog\\2AB45678\\PermittedLspCategories",
            ],
        );
        assert.match(formatDiff(result), /AutodialDLL: \(none\) -> type 3, 0102/);
    });

    it("finds bytes of an item that no member shows, and a counter that is wrong", () => {
        const after = registryOf(freshCatalog());
        const item = keyAt(after, "Protocol_Catalog9", "Catalog_Entries64", "000000000002");
        assert.ok(item?.values["PackedCatalogItem"] !== undefined);
        const bytes = Buffer.from(item.values["PackedCatalogItem"].data, "base64");
        bytes[887] = 1; // behind the name's terminator
        item.values["PackedCatalogItem"] = binary(bytes);
        const result = diff(backupOf(freshCatalog()), backupOf(freshCatalog(), after));
        assert.deepEqual(result.protocols, {});
        assert.deepEqual(
            result.registry.map((change) => change.path),
            ["Protocol_Catalog9\\Catalog_Entries64\\000000000002\\PackedCatalogItem"],
        );
    });

    it("does not tell twice of a list that differs", () => {
        const more: Catalog = {
            ...freshCatalog(),
            protocols: { ...freshCatalog().protocols, "64": [...baseEntries(), entry({ id: 1020 })] },
        };
        const result = diff(backupOf(freshCatalog()), backupOf(more));
        assert.deepEqual(result.registry, []);
        assert.deepEqual(changes64(result), ["added 1020"]);
    });

    const seed = newSeed();
    it(`describes any change completely: applied to the one side it gives the other (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        for (let round = 0; round < cases(500); ++round) {
            const before = randomEntries(random);
            const after = changeSome(random, before);
            const result = diff(only64(before), only64(after));
            assert.deepEqual(applyChanges(before, after.length, result.protocols["64"] ?? []), after);
            assert.equal(result.same, JSON.stringify(before) === JSON.stringify(after));
        }
    });
});

function randomEntries(random: Random): CatalogEntry[] {
    const ids = new Set(Array.from({ length: random.below(12) }, () => 1001 + random.below(40)));
    return [...ids].map((id) => entry({ id, providerId: random.guid(), name: `entry ${random.below(5)}` }));
}

function changeSome(random: Random, before: readonly CatalogEntry[]): CatalogEntry[] {
    const kept = before
        .filter(() => random.chance(80))
        .map((one) => (random.chance(20) ? { ...one, name: "other", messageSize: random.below(9) } : one));
    for (let swaps = random.below(4); swaps > 0 && kept.length > 0; --swaps) {
        kept.splice(random.below(kept.length), 0, ...kept.splice(random.below(kept.length), 1));
    }
    for (let added = random.below(3); added > 0; --added) {
        kept.splice(random.below(kept.length + 1), 0, entry({ id: 2000 + added, providerId: random.guid() }));
    }
    return kept;
}

function applyChanges(
    before: readonly CatalogEntry[],
    length: number,
    changes: NonNullable<CatalogDiff["protocols"]["64"]>,
): CatalogEntry[] {
    const result = new Array<CatalogEntry | undefined>(length).fill(undefined);
    const fieldsOf = new Map(
        changes.flatMap((change) => (change.change === "changed" ? [[change.entry, change.fields] as const] : [])),
    );
    const changed = (one: CatalogEntry): CatalogEntry => {
        const fields = (fieldsOf.get(one) ?? []).map((field) => [field.name, field.after]);
        return { ...one, ...Object.fromEntries(fields) } as CatalogEntry;
    };
    const placed = new Set<CatalogEntry>();
    for (const change of changes) {
        if (change.change === "added") {
            result[change.position] = change.entry;
        } else if (change.change === "moved") {
            result[change.to] = changed(change.entry);
            placed.add(change.entry);
        } else if (change.change === "removed") {
            placed.add(change.entry);
        }
    }
    // What is not told of keeps its order in the places that are left.
    for (const one of before.filter((other) => !placed.has(other))) {
        result[result.indexOf(undefined)] = changed(one);
    }
    return result.filter((one) => one !== undefined);
}
