// Shows: what happens when a provider is used is found in processes of its own, whatever it does there: crash, hang,
// fail or lie. This process loads none of them. The command line tool: exit codes, JSON, dry run, removal.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import {
    type Examination,
    type Finding,
    type FindingCode,
    type RegistryTree,
    examine,
    recover,
    repair,
    uninstall,
} from "winsock-spi";
import { protocolCatalogKey } from "#lib/catalog/registry.js";
import { counts } from "../support/counts.js";
import { skipIfUnchangeable } from "../support/windows.js";
import { cli, cliFails, expectCode, exportRegistry, keepCatalog, providerFile } from "./acceptance-support.js";
import type { Bits } from "./acceptance-support.js";
import {
    CatalogTree,
    copyOf,
    faultyDll,
    readTree,
    serious,
    setDword,
    withoutCounters,
    writeTree,
} from "./doctor-support.js";
import { installSecond } from "./second-provider.js";
import { installLayer, removeLayer } from "./strangers-support.js";

const guid = (number: number): string =>
    `{D0C70000-0000-4000-8000-${number.toString(16).toUpperCase().padStart(12, "0")}}`;

interface Broken {
    name: string;
    /** Any of these. */
    codes: readonly FindingCode[];
    file: (bits: Bits) => string;
}

const faulty = (name: string, ...codes: FindingCode[]): Broken => ({
    name,
    codes,
    file: (bits) => faultyDll(bits, name),
});
const other = (name: string, ...codes: FindingCode[]): Broken => ({
    name,
    codes,
    file: (bits) => copyOf(providerFile(bits, `${name}.dll`), bits, `${name}.dll`),
});

const broken: readonly Broken[] = [
    faulty("no-init", "dll-not-loadable"),
    // The loader takes an exception in DllMain for a refusal, or lets it end the program.
    faulty("load-crash", "provider-crashes", "dll-not-loadable"),
    faulty("start-hang", "provider-hangs"),
    other("crash_startup", "provider-crashes"),
    other("fail_startup", "startup-fails"),
    other("null_entry", "procedure-table"),
    faulty("old-version", "provider-version"),
    faulty("no-socket", "socket-fails"),
    faulty("socket-crash", "provider-crashes"),
    faulty("no-calls", "calls-fail"),
    faulty("no-base", "base-handle"),
    faulty("healthy"),
    faulty("noisy"),
    ...(counts.everyCombination === 1 ? [faulty("load-hang", "provider-hangs")] : []),
];

const idOf = (index: number): number => 9001 + 10 * index;

/** Providers over TCP/IPv4, each by itself over the base entry, behind everything: no program gets one unasked. */
function plantAll(tree: RegistryTree): void {
    for (const [bits, name] of [
        [64, "64"],
        [32, "32"],
    ] as const) {
        const catalog = new CatalogTree(tree, name);
        const like = catalog
            .decoded()
            .findIndex(({ info }) => info.chainLength === 1 && info.addressFamily === 2 && info.socketType === 1);
        const tcp = catalog.decoded()[like]!.info.catalogEntryId;
        const items = broken.flatMap((one, index) => {
            const first = idOf(index);
            const common = { name: one.name, path: one.file(bits), like };
            return [
                catalog.make({ ...common, id: first, guid: guid(first), chain: [] }),
                catalog.make({ ...common, id: first + 1, guid: guid(first + 1), chain: [first, tcp] }),
            ];
        });
        catalog.set([...catalog.items(), ...items]);
    }
}

describe("doctor: providers in use", function () {
    this.timeout(300_000);
    before(function () {
        skipIfUnchangeable(this);
    });
    keepCatalog({ each: false });

    let ground: RegistryTree;
    let groundText = "";
    before(async () => {
        await recover();
        await installSecond({ guid: "entry", chain: "entry" });
        await setDword(protocolCatalogKey, "Next_Catalog_Entry_ID", 10_000);
        ground = readTree();
        groundText = await exportRegistry();
    });
    afterEach(async () => {
        await recover();
        await writeTree(ground);
    });

    // (upcalls has an entry whose WSPStartup is to fail; nonifs and liar are not healthy.)
    const healthyCatalogs: [string, () => Promise<void>, () => Promise<void>][] = [
        ["somebody else's provider", async () => Promise.resolve(), async () => Promise.resolve()],
        ["ours above somebody else's", () => installLayer("ours"), () => removeLayer("ours")],
        ...(counts.everyCombination === 1 ? (["all30", "twice"] as const) : (["all30"] as const)).map(
            (layer): [string, () => Promise<void>, () => Promise<void>] => [
                `${layer} on top`,
                () => installLayer(layer),
                () => removeLayer(layer),
            ],
        ),
    ];
    for (const [name, install, remove] of healthyCatalogs) {
        it(`a healthy catalog, with ${name}, gives nothing above info`, async () => {
            await install();
            try {
                const { findings, facts } = await examine({ timeout: 60_000 });
                assert.deepEqual(serious(findings), []);
                for (const bits of ["64", "32"] as const) {
                    const trial = facts.trials[bits];
                    assert.equal(trial?.fault, undefined);
                    assert.ok(Object.keys(trial?.sockets ?? {}).length >= 6, "sockets were opened");
                }
            } finally {
                await remove();
            }
        });
    }

    let examination: Examination;
    it("finds what each broken provider does, in programs of both bitnesses, and blames no other", async () => {
        const tree = structuredClone(ground);
        plantAll(tree);
        await writeTree(tree);
        examination = await examine({ timeout: 5000 });
        const { findings } = examination;
        for (const bits of ["64", "32"] as const) {
            for (const [index, { name, codes }] of broken.entries()) {
                const found = behaviour(findings).filter(
                    (one) =>
                        one.catalog === bits && one.entries.some((id) => id === idOf(index) || id === idOf(index) + 1),
                );
                const where = `${bits}-bit ${name}: ${JSON.stringify(found)}`;
                assert.equal(found.length, Math.min(codes.length, 1), where);
                assert.ok(
                    found.every((one) => codes.includes(one.code)),
                    where,
                );
                assert.ok(
                    found.every((one) => one.repair?.safe === false),
                    "it is not removed without being told to",
                );
                assert.ok(found.every((one) => one.provider?.name === name));
            }
            const others = behaviour(findings).filter(
                (one) => one.catalog === bits && one.entries.every((id) => id < 9000),
            );
            assert.deepEqual(others, []);
        }
    });

    it("leaves them with --fix, and removes those that it is told to, and nothing else", async () => {
        const tree = structuredClone(ground);
        plantAll(tree);
        await writeTree(tree);
        const left = await repair(examination, { dryRun: true });
        assert.deepEqual(left.plan.steps, []);
        const result = await repair(examination, { remove: broken.map(({ name }) => name) });
        assert.ok(result.plan.steps.some((step) => step.do === "deinstall-provider"));
        assert.equal(
            result.plan.steps.at(-1)?.do,
            "probe",
            "nothing is left that could keep programs from the network",
        );
        assert.deepEqual(withoutCounters(readTree()), withoutCounters(ground));
        await assert.rejects(repair(examination, { remove: ["nobody"] }), { code: "ERR_UNKNOWN_PROVIDER" });
        await assert.rejects(repair(examination, { remove: ["{E70F1AA0-AB8B-11CF-8CA3-00805F48A192}"] }), {
            code: "ERR_BASE_PROVIDER",
        });
    });

    it("the command: 0 for healthy, 1 for findings, --dry-run changes nothing, --fix repairs", async () => {
        const healthy = await cli(["doctor", "--no-load", "--json"]);
        expectCode(healthy, 0);
        assert.ok(Array.isArray((JSON.parse(healthy.stdout) as { findings: unknown }).findings));

        const tree = structuredClone(ground);
        const catalog = new CatalogTree(tree, "64");
        const [tcp] = catalog
            .decoded()
            .filter(({ info }) => info.chainLength === 1)
            .map(({ info }) => info.catalogEntryId);
        const file = copyOf(providerFile(64, "doctor_fault.dll"), 64, "cut.dll");
        fs.truncateSync(file, 2000);
        const gone = { name: "Cut", path: file, like: 6 };
        catalog.plant(
            { ...gone, id: 9001, guid: guid(9001), chain: [] },
            { ...gone, id: 9002, guid: guid(9002), chain: [9001, tcp!] },
        );
        await writeTree(tree);
        const planted = await exportRegistry();

        const text = await cli(["doctor", "--no-load"]);
        expectCode(text, 1);
        assert.match(text.stdout, /ERROR dll-damaged, 64-bit catalog[^]*cut\.dll[^]*10106[^]*Repair \(doctor --fix\)/);
        const dry = await cli(["doctor", "--no-load", "--fix", "--dry-run", "--json"]);
        expectCode(dry, 1);
        const value = JSON.parse(dry.stdout) as { changed: boolean; plan: { operation: string; steps: unknown[] } };
        assert.equal(value.changed, false);
        assert.equal(value.plan.operation, "repair");
        assert.ok(value.plan.steps.length >= 2);
        assert.equal(await exportRegistry(), planted);
        await cliFails(["doctor", "--fix", "--no-load"], "ERR_CONFIRM");
        await cliFails(["doctor", "--remove", "x"], "ERR_USAGE", 64);

        const fixed = await cli(["doctor", "--no-load", "--fix", "--yes", "--json"]);
        expectCode(fixed, 0);
        const done = JSON.parse(fixed.stdout) as {
            changed: boolean;
            undo: string;
            backup: string;
            remaining: Finding[];
        };
        assert.equal(done.changed, true);
        assert.ok(done.undo.includes(done.backup));
        assert.deepEqual(serious(done.remaining), []);
        assert.equal(await exportRegistry(), groundText);
        expectCode(await cli(["restore", done.backup, "--yes"]), 0);
        assert.equal(await exportRegistry(), planted, "what it says undoes it");
    });

    after(async () => {
        await uninstall({ leftovers: true }).catch(() => undefined);
    });
});

/** Findings from use, without those that every unsigned provider over TCP alone gets. */
function behaviour(findings: readonly Finding[]): Finding[] {
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
        "winsock-start",
        "not-tried",
    ];
    return findings.filter(({ code }) => byUse.includes(code));
}
