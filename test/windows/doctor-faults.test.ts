// Shows: every fault that the doctor knows, planted in the real catalog, is found and named; what can be repaired is,
// by a plan that touches nothing else: a healthy provider of somebody else is left to the last byte.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { type Finding, type FindingCode, type RegistryTree, findingCodes, recover, repair } from "winsock-spi";
import { nextIdValue } from "#lib/doctor/checks-registry.js";
import { dwordValue, protocolCatalogKey } from "#lib/catalog/registry.js";
import { native } from "#lib/native.js";
import { plantedInFacts } from "../support/doctor-plants.js";
import { counts } from "../support/counts.js";
import { skipIfUnchangeable } from "../support/windows.js";
import { keepCatalog, providerFile, temporaryFolder } from "./acceptance-support.js";
import {
    CatalogTree,
    codes,
    copyOf,
    execute,
    faultyDll,
    quick,
    readTree,
    serious,
    setDword,
    withoutCounters,
    writeTree,
} from "./doctor-support.js";
import { installSecond } from "./second-provider.js";

const guid = (number: number): string =>
    `{D0C70000-0000-4000-8000-${number.toString(16).toUpperCase().padStart(12, "0")}}`;

/** Where the base entries are in the catalog with the second provider in it: behind its six layered ones. */
const base = { tcp4: 6, udp4: 7, raw4: 8, tcp6: 9, udp6: 10, raw6: 11 } as const;
const all: readonly number[] = Object.values(base);

/** A hidden entry and layered ones over base entries, ids from `first` on. */
function victim(
    catalog: CatalogTree,
    dll: string,
    {
        first = 9001,
        name = "Victim",
        over = all,
        flags = undefined as number | undefined,
        chain = undefined as ((base: number) => number[]) | undefined,
    } = {},
): void {
    const infos = catalog.decoded().map(({ info }) => info);
    const layered = over.map((like, index) => ({
        id: first + 1 + index,
        name: `${name} over [${infos[like]!.name}]`,
        guid: guid(first + 1 + index),
        path: dll,
        like,
        chain: chain?.(infos[like]!.catalogEntryId) ?? [first, infos[like]!.catalogEntryId],
        ...(flags === undefined ? {} : { flags }),
    }));
    catalog.plant({ id: first, name, guid: guid(first), path: dll, like: base.tcp4, chain: [] }, ...layered);
}

const healthy = (): string => faultyDll(64, "healthy");
const healthy32 = (): string => faultyDll(32, "healthy");
const gone = (): string => path.join(temporaryFolder(), "gone.dll");

/** A healthy provider in both catalogs, as the ground for faults of chains. */
function both(tree: RegistryTree, options: Parameters<typeof victim>[2] = {}): CatalogTree {
    victim(new CatalogTree(tree, "32"), healthy32(), options);
    const catalog = new CatalogTree(tree, "64");
    victim(catalog, healthy(), options);
    return catalog;
}

interface Plant {
    /** Changes the tree that is written then. */
    tree?: (tree: RegistryTree) => void;
    /** What else is done, afterwards; and how it is undone. */
    also?: () => Promise<void>;
    undo?: () => Promise<void>;
    /** What the registry is after the repair: as it was before (`base`), or as this makes it. */
    repaired?: "base" | ((tree: RegistryTree) => void);
}

function applications(tree: RegistryTree): RegistryTree {
    return (tree.keys["AppId_Catalog"] ??= { values: {}, keys: {} });
}

const namespaces = (tree: RegistryTree): RegistryTree => tree.keys["NameSpace_Catalog5"]!.keys["Catalog_Entries64"]!;

const wsl = path.join(native().machine().systemRoot, "System32", "wsl.exe");
let madeWsl = false;

/** The faults that are seen without loading anything. */
const plants: Partial<Record<FindingCode, Plant>> = {
    "item-damaged": {
        tree: (tree) => {
            const catalog = new CatalogTree(tree, "64");
            const broken = {
                values: { PackedCatalogItem: { type: 3, data: Buffer.alloc(100).toString("base64") } },
                keys: {},
            };
            catalog.set([...catalog.items(), broken]);
        },
        repaired: "base",
    },
    "winsock-unreadable": {
        tree: (tree) => {
            const catalog = new CatalogTree(tree, "64");
            catalog.set([...catalog.items(), { values: {}, keys: {} }]);
        },
        repaired: "base",
    },
    "keys-not-contiguous": {
        tree: (tree) => {
            const { key } = new CatalogTree(tree, "32");
            const last = Object.keys(key.keys).sort().at(-1)!;
            key.keys["000000000099"] = key.keys[last]!;
            delete key.keys[last];
        },
        repaired: "base",
    },
    "counter-entries": {
        also: () => setDword(protocolCatalogKey, "Num_Catalog_Entries64", 5),
        repaired: "base",
    },
    "counter-next-id": { also: () => setDword(protocolCatalogKey, nextIdValue, 1001), repaired: "base" },
    "namespace-item-damaged": {
        tree: (tree) => (namespaces(tree).keys["000000000099"] = { values: {}, keys: {} }),
        repaired: "base",
    },
    "namespace-counter": {
        also: () => setDword("NameSpace_Catalog5", "Num_Catalog_Entries", 1),
        repaired: "base",
    },
    "id-duplicate": {
        tree: (tree) => {
            const catalog = new CatalogTree(tree, "64");
            catalog.set([...catalog.items(), catalog.items()[2]!]);
        },
        repaired: "base",
    },
    "chain-dangling": {
        tree: (tree) => both(tree, { chain: (id) => [9001, 7777, id] }),
        repaired: (tree) => both(tree),
    },
    "chain-no-base": {
        tree: (tree) => both(tree, { chain: () => [9001, 7777] }),
        repaired: (tree) => both(tree),
    },
    "chain-loop": {
        tree: (tree) => both(tree, { chain: (id) => [9001, 9001, id] }),
        repaired: (tree) => both(tree),
    },
    "chain-length": { tree: (tree) => both(tree).change(9002, { chainLength: 40 }) },
    "chain-full": { tree: (tree) => both(tree, { chain: (id) => [9001, 9001, 9001, 9001, 9001, 9001, id] }) },
    "chain-wrong-base": {
        tree: (tree) => {
            const catalog = both(tree);
            const udp = catalog.decoded().find(({ info }) => info.chainLength === 1 && info.socketType === 2)!;
            catalog.change(9002, { chainLength: 2, chainEntries: [9001, udp.info.catalogEntryId, 0, 0, 0, 0, 0] });
        },
    },
    "ifs-above-other": {
        tree: (tree) => {
            both(tree, { flags: 0x66 });
            for (const [bits, dll] of [
                ["64", healthy()],
                ["32", healthy32()],
            ] as const) {
                victim(new CatalogTree(tree, bits), dll, {
                    first: 9101,
                    name: "Above",
                    over: [base.tcp4 + 6],
                    chain: (id) => [9101, 9002, id],
                });
            }
        },
    },
    "not-ifs": { tree: (tree) => both(tree, { flags: 0x66 }) },
    "dummy-missing": { tree: (tree) => both(tree).take(9001) },
    "dummy-orphan": { tree: (tree) => both(tree, { over: [] }), repaired: "base" },
    bypassed: {
        tree: (tree) => {
            const catalog = both(tree);
            const items = catalog.items();
            // Behind everything; the second provider's own entries are taken out of the way with it.
            catalog.set([...items.slice(12), ...items.slice(0, 12)]);
        },
    },
    "base-missing": {
        tree: (tree) => {
            const catalog = new CatalogTree(tree, "64");
            catalog.set(catalog.items().filter((_, index) => index !== base.udp4));
        },
    },
    "base-foreign": {
        tree: (tree) => {
            const catalog = new CatalogTree(tree, "64");
            const { info } = catalog.decoded()[base.tcp4]!;
            catalog.change(info.catalogEntryId, {}, healthy());
        },
    },
    "coverage-protocol": { tree: (tree) => both(tree, { over: [base.tcp4, base.tcp6] }) },
    "coverage-family": { tree: (tree) => both(tree, { over: [base.tcp4, base.udp4] }) },
    "twin-missing": { tree: (tree) => victim(new CatalogTree(tree, "64"), healthy(), { name: "Alone" }) },
    "twin-differs": {
        tree: (tree) => {
            victim(new CatalogTree(tree, "64"), healthy());
            victim(new CatalogTree(tree, "32"), healthy32(), { over: [base.tcp4, base.udp4] });
        },
    },
    uncategorised: { tree: (tree) => both(tree) },
    "path-relative": { tree: (tree) => victim(new CatalogTree(tree, "64"), "victim.dll") },
    "dll-missing": { tree: (tree) => victim(new CatalogTree(tree, "64"), gone()), repaired: "base" },
    "dll-unreadable": {
        tree: (tree) => {
            const folder = path.join(temporaryFolder(), "folder.dll");
            fs.mkdirSync(folder, { recursive: true });
            victim(new CatalogTree(tree, "64"), folder);
        },
    },
    "dll-damaged": {
        tree: (tree) => {
            const file = copyOf(providerFile(64, "doctor_fault.dll"), 64, "cut.dll");
            fs.truncateSync(file, 1500);
            victim(new CatalogTree(tree, "64"), file);
        },
        repaired: "base",
    },
    "dll-wrong-bitness": { tree: (tree) => victim(new CatalogTree(tree, "32"), healthy()), repaired: "base" },
    "dll-no-startup": {
        tree: (tree) => {
            const other = path.join(native().machine().systemRoot, "System32", "version.dll");
            victim(new CatalogTree(tree, "64"), copyOf(other, 64, "no-startup.dll"));
        },
        repaired: "base",
    },
    "dll-unsigned": { tree: (tree) => both(tree) },
    "wsl-not-excluded": {
        also: async () => {
            if (!fs.existsSync(wsl)) {
                fs.writeFileSync(wsl, "not a program");
                madeWsl = true;
            }
            return Promise.resolve();
        },
        undo: async () => {
            if (madeWsl) {
                fs.rmSync(wsl);
                madeWsl = false;
            }
            return Promise.resolve();
        },
    },
    "application-damaged": {
        tree: (tree) => (applications(tree).keys["00C0FFEE"] = { values: {}, keys: {} }),
    },
    "application-gone": {
        also: () =>
            execute([{ do: "set-application-category", program: gone(), categories: 0x8000_0000, text: "a program" }]),
    },
};

/** Those that show only when a provider is used: doctor-behaviour.test.ts plants them. */
const byUse: readonly FindingCode[] = [
    "dll-not-loadable",
    "provider-crashes",
    "provider-hangs",
    "startup-fails",
    "procedure-table",
    "provider-version",
    "socket-fails",
    "calls-fail",
    "base-handle",
];

describe("doctor: planted faults", function () {
    this.timeout(300_000);
    before(function () {
        skipIfUnchangeable(this);
    });
    keepCatalog({ each: false });

    let ground: RegistryTree;
    before(async () => {
        await recover();
        await installSecond({ guid: "entry", chain: "entry" });
        await setDword(protocolCatalogKey, nextIdValue, 10_000);
        ground = readTree();
    });
    afterEach(async () => {
        for (const { undo } of Object.values(plants)) {
            await undo?.();
        }
        await writeTree(ground); // which never lets the next id go down, and brings it up again
    });

    const planted = (change: (tree: RegistryTree) => void): RegistryTree => {
        const tree = structuredClone(ground);
        change(tree);
        tree.keys[protocolCatalogKey]!.values[nextIdValue] = dwordValue(10_000);
        return tree;
    };

    async function plant({ tree, also }: Plant): Promise<void> {
        if (tree !== undefined) {
            await writeTree(planted(tree));
        }
        await also?.();
    }

    it("every code has a planted fault", () => {
        const here = [...Object.keys(plants), ...byUse, ...plantedInFacts].sort();
        assert.deepEqual(here, Object.keys(findingCodes).sort());
    });

    it("finds nothing that matters in a healthy catalog with somebody else's provider in it", async () => {
        const { findings } = await quick();
        assert.deepEqual(serious(findings), []);
    });

    for (const [code, fault] of Object.entries(plants) as [FindingCode, Plant][]) {
        it(`${code}: found and named${fault.repaired === undefined ? "" : ", and repairable"}`, async () => {
            await plant(fault);
            const { findings } = await quick();
            const found = findings.filter((finding) => finding.code === code);
            assert.ok(found.length > 0, `found: ${codes(findings).join(", ")}`);
            for (const finding of found) {
                expectWhole(finding);
            }
            if (fault.repaired !== undefined) {
                assert.ok(
                    findings.some(({ repair: mending }) => mending?.safe === true),
                    JSON.stringify(found),
                );
            }
        });
    }

    const repairable = (Object.entries(plants) as [FindingCode, Plant][]).filter(
        ([, { repaired }]) => repaired !== undefined,
    );
    const chosen =
        counts.everyCombination === 1
            ? repairable
            : repairable.filter(([code]) =>
                  ["dll-missing", "counter-next-id", "chain-dangling", "dummy-orphan"].includes(code),
              );
    for (const [code, fault] of chosen) {
        it(`${code}: repaired, and nothing else is touched`, async () => {
            await plant(fault);
            const examination = await quick();
            const result = await repair(examination);
            assert.ok(result.plan.steps.length > 0);
            assert.ok(result.backup !== undefined && fs.existsSync(result.backup));
            const expected = planted(typeof fault.repaired === "function" ? fault.repaired : () => undefined);
            assert.deepEqual(withoutCounters(readTree()), withoutCounters(expected));
            const { findings } = await quick();
            assert.deepEqual(serious(findings), []);
            assert.deepEqual((await repair(await quick())).plan.steps, [], "nothing is left to be done");
        });
    }

    it("wsl-not-excluded: excluded by --fix, and nothing else is touched", async () => {
        await plant(plants["wsl-not-excluded"]!);
        const examination = await quick();
        const { plan } = await repair(examination);
        assert.deepEqual(
            plan.steps.map((step) => step.do),
            ["set-application-category", "probe"],
        );
        assert.ok(!codes((await quick()).findings).includes("wsl-not-excluded"));
        const { AppId_Catalog: _, ...keys } = readTree().keys;
        const { AppId_Catalog: __, ...before } = ground.keys;
        assert.deepEqual(withoutCounters({ values: {}, keys }), withoutCounters({ values: {}, keys: before }));
    });

    it("repairs many faults at once, and leaves the healthy providers among them as they are", async () => {
        const broken: [string, string][] = [
            ["Missing", gone()],
            ["Cut", copyOf(providerFile(64, "doctor_fault.dll"), 64, "cut-too.dll")],
            ["Other bitness", healthy32()],
        ];
        fs.truncateSync(broken[1]![1], 900);
        await writeTree(
            planted((tree) => {
                const catalog = both(tree, { chain: (id) => [9001, 7777, 9001, id] });
                for (const [index, [name, dll]] of broken.entries()) {
                    victim(catalog, dll, {
                        first: 9101 + 100 * index,
                        name,
                        over: all.map((like) => like + 6 * (index + 1)),
                    });
                }
                // A provider of somebody else above a broken one: its chain is led past it.
                victim(catalog, healthy(), {
                    first: 9501,
                    name: "Above",
                    over: [base.tcp4 + 24],
                    chain: (id) => [9501, 9102, id],
                });
                victim(new CatalogTree(tree, "32"), healthy32(), { first: 9501, name: "Above", over: [base.tcp4 + 6] });
                const items = catalog.items();
                catalog.set([...items, items[0]!, { values: {}, keys: {} }]);
                namespaces(tree).keys["000000000077"] = { values: {}, keys: {} };
            }),
        );
        await setDword(protocolCatalogKey, "Num_Catalog_Entries", 1);
        await setDword(protocolCatalogKey, nextIdValue, 7);
        const examination = await quick();
        for (const code of [
            "dll-missing",
            "dll-damaged",
            "dll-wrong-bitness",
            "item-damaged",
            "id-duplicate",
            "counter-entries",
            "counter-next-id",
            "chain-dangling",
            "chain-loop",
            "namespace-item-damaged",
        ] as const) {
            assert.ok(
                codes(examination.findings).includes(code),
                `${code}; found: ${codes(examination.findings).join(", ")}`,
            );
        }
        await repair(examination);
        const expected = planted((tree) => {
            const catalog = both(tree);
            victim(catalog, healthy(), { first: 9501, name: "Above", over: [base.tcp4 + 6] });
            victim(new CatalogTree(tree, "32"), healthy32(), { first: 9501, name: "Above", over: [base.tcp4 + 6] });
        });
        assert.deepEqual(withoutCounters(readTree()), withoutCounters(expected));
        assert.deepEqual(serious((await quick()).findings), []);
    });
});

/** A finding says what, whose, what follows, and what to do, in sentences. */
function expectWhole(finding: Finding): void {
    const { message, consequence, severity, repair: mending } = finding;
    assert.match(message, /^.{15,}\.$/s);
    assert.match(consequence, /^.{15,}\.$/s);
    assert.ok(["error", "warning", "info"].includes(severity));
    assert.ok(!/undefined|\[object|NaN/.test(message + consequence), message + consequence);
    if (severity !== "info") {
        assert.ok(mending !== undefined && mending.text.length > 15, `${finding.code} says what to do`);
    }
}
