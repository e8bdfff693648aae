// Restoring by Winsock's own functions: what it plans in chosen cases.
import assert from "node:assert/strict";
import type { Catalog, CatalogEntry } from "#lib/catalog/model.js";
import { type RestoreTarget, planRestore } from "#lib/catalog/restore.js";
import type { Plan, Step } from "#lib/plan/plan.js";
import { backupOf, registryOf } from "./backups.js";
import { baseEntries, entry, withStranger } from "./catalogs.js";
import { expectSameUpToIds } from "./catalogs-random.js";
import { machineOf, simulate, unloadable } from "./simulate.js";

const machine = { catalogs: [64, 32] as const };
const stranger = "{11111111-2222-3333-4444-555555550000}";

const catalogOf = (entries: readonly CatalogEntry[]): Catalog => ({
    protocols: { "64": [...entries], "32": baseEntries() },
    namespaces: { "64": [], "32": [] },
});

function targetOf(live: Catalog, more: Partial<RestoreTarget> = {}): RestoreTarget {
    return { registry: registryOf(live), machine, catalog: live, ...more };
}

function planOf(wanted: readonly CatalogEntry[], live: readonly CatalogEntry[]): Plan {
    return planRestore(backupOf(catalogOf(wanted)), targetOf(catalogOf(live)), { way: "winsock" });
}

/** Does the plan; every state on the way is loadable, and the last one is what was wanted. */
function restored(wanted: readonly CatalogEntry[], live: readonly CatalogEntry[]): Plan {
    const plan = planOf(wanted, live);
    const now = machineOf(catalogOf(live));
    simulate(now, plan, ({ catalog }, step) => assert.deepEqual(unloadable(catalog), [], step.text));
    expectSameUpToIds(now.catalog.protocols["64"] ?? [], wanted);
    return plan;
}

const kinds = ({ steps }: Plan): string[] => steps.map((step: Step) => step.do);

describe("planRestore, the Winsock way", () => {
    const bases = baseEntries();
    const layered = withStranger(bases, { firstId: 1020, guid: stranger, count: 2 });

    it("has no steps where nothing differs", () => {
        assert.deepEqual(planOf(layered, layered).steps, []);
        assert.equal(planOf(layered, layered).onFailure, "undo");
    });

    it("takes out what came, layered entries before the hidden one", () => {
        const plan = restored(bases, layered);
        assert.deepEqual(kinds(plan), Array<string>(3).fill("deinstall-provider"));
        assert.match(plan.steps[2]?.text ?? "", /1020/);
    });

    it("installs what went with new ids, the hidden entry first, the order last", () => {
        const plan = restored(layered, bases);
        assert.deepEqual(kinds(plan), ["install-entries", "install-provider", "install-provider", "write-order"]);
        assert.deepEqual(
            plan.steps.map((step) => "catalog" in step && step.catalog),
            [64, 64, 64, 64],
        );
    });

    it("only puts in order what merely moved, and only updates what merely changed", () => {
        assert.deepEqual(kinds(restored(layered, layered.toReversed())), ["write-order"]);
        const renamed = layered.map((one) => (one.id === 1021 ? { ...one, name: "renamed" } : one));
        assert.deepEqual(kinds(restored(renamed, layered)), ["update-provider"]);
        const elsewhere = layered.map((one) => (one.id === 1021 ? { ...one, path: "C:\\other.dll" } : one));
        assert.deepEqual(kinds(restored(elsewhere, layered)), ["set-provider-path"]);
    });

    it("gives base providers their DLL back in one step, and never takes them out for a change", () => {
        const redirected = bases.map((one) => (one.family === 2 ? { ...one, path: "C:\\ours.dll" } : one));
        const plan = restored(bases, redirected);
        assert.deepEqual(kinds(plan), ["set-provider-path"]);
        assert.equal(plan.warnings, undefined);
        const renamed = bases.map((one) => ({ ...one, name: `${one.name} in another language` }));
        assert.deepEqual(kinds(restored(bases, renamed)), Array<string>(6).fill("update-provider"));
    });

    it("keeps the ids of what is there under other ids, and leads chains to those", () => {
        const other = withStranger(baseEntries(1101), { firstId: 1130, guid: stranger, count: 2 });
        assert.deepEqual(restored(layered, other).steps, []);
    });

    it("turns round a stack of two providers without a circle on the way", () => {
        const hidden = [
            entry({ id: 1020, providerId: "{11111111-2222-3333-4444-555555550000}", chain: [], providerFlags: 4 }),
            entry({ id: 1030, providerId: "{22222222-2222-3333-4444-555555550000}", chain: [], providerFlags: 4 }),
        ];
        const stack = (a: number[], b: number[]): CatalogEntry[] => [
            entry({ id: 1021, providerId: "{11111111-2222-3333-4444-555555550001}", chain: a, name: "A" }),
            entry({ id: 1031, providerId: "{22222222-2222-3333-4444-555555550001}", chain: b, name: "B" }),
            ...bases,
            ...hidden,
        ];
        const plan = restored(stack([1020, 1031, 1001], [1030, 1001]), stack([1020, 1001], [1030, 1021, 1001]));
        assert.deepEqual(kinds(plan), ["update-provider", "update-provider"]);
    });

    it("installs a provider whose entries share one GUID and name each other", () => {
        const shared = layered.map((one) => (one.id >= 1020 ? { ...one, providerId: stranger } : one));
        const plan = restored(shared, bases);
        assert.deepEqual(kinds(plan), ["install-entries", "update-provider", "update-provider", "write-order"]);
    });

    it("takes a provider out and puts it in again where its entries became more, and those above it with it", () => {
        const shared = (count: number): CatalogEntry[] => {
            const entries = withStranger(bases, { firstId: 1020, guid: stranger, count });
            return entries.map((one) => (one.id >= 1020 ? { ...one, providerId: stranger } : one));
        };
        const above = (entries: CatalogEntry[]): CatalogEntry[] => [
            entry({ id: 1050, providerId: "{33333333-2222-3333-4444-555555550000}", chain: [1051, 1021, 1001] }),
            ...entries,
            entry({ id: 1051, providerId: "{33333333-2222-3333-4444-555555550001}", chain: [], providerFlags: 4 }),
        ];
        const plan = restored(above(shared(4)), above(shared(2)));
        assert.equal(kinds(plan).filter((kind) => kind === "deinstall-provider").length, 2);
        assert.equal(plan.warnings, undefined);
    });

    it("warns where a base provider goes", () => {
        const [tcp, ...others] = bases;
        assert.ok(tcp !== undefined);
        const plan = restored(bases, others);
        assert.match(plan.warnings?.[0] ?? "", /base provider .* taken out for a moment/);
        const rfcomm = entry({ id: 1060, name: "RFCOMM", family: 32, protocol: 3, providerId: stranger });
        assert.match(restored(bases, [...bases, rfcomm]).warnings?.[0] ?? "", /RFCOMM.* is taken out\./);
    });

    it("refuses what Winsock's functions cannot make, and says which way can", () => {
        const refused = { code: "ERR_RESTORE_WAY", message: /--way registry/ };
        const dangling = bases.concat(entry({ id: 1021, providerId: stranger, chain: [1020, 1001] }));
        assert.throws(() => planOf(dangling, bases), refused);
        assert.throws(() => planOf([...bases, ...bases], bases), refused);
        const damaged = registryOf(catalogOf(bases));
        const first = damaged.keys["Protocol_Catalog9"]?.keys["Catalog_Entries64"]?.keys["000000000001"];
        assert.ok(first !== undefined);
        first.values["PackedCatalogItem"] = { type: 3, data: "AAAA" };
        const target = targetOf(catalogOf(bases), { registry: damaged });
        assert.throws(() => planRestore(backupOf(catalogOf(bases)), target, { way: "winsock" }), refused);
    });

    it("warns of registry values that only the other way brings back", () => {
        const registry = registryOf(catalogOf(bases));
        registry.values["Vendor"] = { type: 1, data: "" };
        const plan = planRestore(backupOf(catalogOf(bases), registry), targetOf(catalogOf(bases)), { way: "winsock" });
        assert.match(plan.warnings?.join() ?? "", /Vendor/);
        assert.deepEqual(plan.steps, []);
    });

    it("warns of DLLs that are gone or have changed, by either way", () => {
        const dlls = [
            { file: "C:\\a.dll", entries: ['"A" (64-bit catalog)'] },
            { file: "C:\\b.dll", before: "11", now: "22", entries: ['"B" (64-bit catalog)'] },
            { file: "C:\\c.dll", before: "11", now: "11", entries: ['"C" (64-bit catalog)'] },
            { file: "C:\\d.dll", now: "11", entries: ['"D" (64-bit catalog)'] },
        ];
        for (const way of ["registry", "winsock"] as const) {
            const plan = planRestore(backupOf(catalogOf(bases)), targetOf(catalogOf(bases), { dlls }), { way });
            assert.equal(plan.warnings?.length, 2);
            assert.match(plan.warnings?.[0] ?? "", /C:\\a\.dll is not there any more.*"A"/);
            assert.match(plan.warnings?.[1] ?? "", /C:\\b\.dll is another file.*"B"/);
        }
    });

    it("knows no other way and no other option", () => {
        const target = targetOf(catalogOf(bases));
        const backup = backupOf(catalogOf(bases));
        assert.throws(() => planRestore(backup, target, { way: "magic" as "winsock" }), TypeError);
        assert.throws(() => planRestore(backup, target, { weg: "winsock" } as object), TypeError);
    });
});
