import assert from "node:assert/strict";
import type { Catalog, CatalogEntry } from "#lib/catalog/model.js";
import type { Plan } from "#lib/plan/plan.js";
import { type OrderPlanOptions, planOrder } from "#lib/provider/plan-order.js";
import { counts } from "../support/counts.js";
import { Random, baseEntries, entry, newSeed, withStranger } from "./catalogs.js";
import { randomEntries, randomNeighbourhood } from "./catalogs-random.js";
import { machineOf, simulate, unloadable } from "./simulate.js";

const guid = "{11111111-2222-3333-4444-555555550000}";

const layered = (first = 1001): CatalogEntry[] =>
    withStranger(baseEntries(first), { firstId: first + 19, guid, count: 2 });

const catalogOf = (entries: CatalogEntry[], other = entries): Catalog => ({
    protocols: { "64": entries, "32": other },
    namespaces: {},
});

/** The order that a plan gives each catalog for which it has a step. */
function orders({ steps }: Plan): Record<string, readonly unknown[]> {
    return Object.fromEntries(
        steps.map((step) => {
            assert.equal(step.do, "write-order");
            return [String(step.catalog), step.order];
        }),
    );
}

const code = (expected: string): { name: string; code: string } => ({ name: "WinsockError", code: expected });

describe("planOrder", () => {
    const rest = [1001, 1002, 1003, 1004, 1005, 1006];

    it("puts an entry first by its id or its name, and leaves everything else in its order", () => {
        const entries = baseEntries();
        const expected = [1004, 1001, 1002, 1003, 1005, 1006];
        for (const name of [1004, "1004", "MSAFD Tcpip [TCP/IPv6]", "msafd tcpip [tcp/ipv6]"]) {
            const plan = planOrder(catalogOf(entries), { first: [name] });
            assert.deepEqual(orders(plan), { "64": expected, "32": expected });
            assert.equal(plan.onFailure, "undo");
            assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan);
        }
        assert.deepEqual(orders(planOrder(catalogOf(entries), { first: [1006, 1004], catalog: "32" })), {
            "32": [1006, 1004, 1001, 1002, 1003, 1005],
        });
    });

    it("takes what names a provider for all its entries that programs can get", () => {
        const appended = [...baseEntries(), ...layered().filter(({ id }) => id > 1006)];
        for (const name of ["Stranger", guid, 1020, "s.dll"]) {
            const plan = planOrder(catalogOf(appended), { first: [name], catalog: "64" });
            assert.deepEqual(orders(plan)["64"], [1021, 1022, ...rest, 1020], String(name));
        }
    });

    it("works in each catalog where everything that is named is found, and has no step where nothing changes", () => {
        const catalog = catalogOf([...baseEntries(), ...layered().filter(({ id }) => id > 1006)], baseEntries());
        assert.deepEqual(Object.keys(orders(planOrder(catalog, { first: ["Stranger"] }))), ["64"]);
        assert.deepEqual(planOrder(catalogOf(layered()), { first: ["Stranger"] }).steps, []);
        assert.throws(() => planOrder(catalog, { first: ["Stranger"], catalog: "32" }), code("ERR_UNKNOWN_PROVIDER"));
    });

    it("takes a whole order only with every entry once", () => {
        const catalog = catalogOf(baseEntries());
        const order = rest.toReversed();
        assert.deepEqual(orders(planOrder(catalog, { order, catalog: "64" })), { "64": order });
        for (const wrong of [order.slice(1), [...order, 1001], [...order.slice(1), 4711], [...order, 4711], []]) {
            assert.throws(() => planOrder(catalog, { order: wrong, catalog: "64" }), code("ERR_UNKNOWN_CATALOG_ID"));
        }
    });

    it("refuses that programs go past a layer, unless told so; one that they go past already may stay there", () => {
        const catalog = catalogOf(layered());
        assert.throws(() => planOrder(catalog, { first: [1001] }), { ...code("ERR_BYPASSED"), message: /--bypass/ });
        const plan = planOrder(catalog, { first: [1001], bypass: true, catalog: "64" });
        assert.deepEqual(orders(plan)["64"], [1001, 1021, 1022, ...rest.slice(1), 1020]);
        // Another protocol's base is not what it covers.
        assert.deepEqual(orders(planOrder(catalog, { first: [1003], catalog: "64" }))["64"]?.[0], 1003);
        const behind = catalogOf([...baseEntries(), ...layered().filter(({ id }) => id > 1006)]);
        assert.deepEqual(orders(planOrder(behind, { first: [1004], catalog: "64" }))["64"]?.[0], 1004);
    });

    it("asks which catalog where an id is another provider's there, and who where a name is of several", () => {
        const other = baseEntries().map((one) => ({ ...one, providerId: guid }));
        assert.throws(
            () => planOrder(catalogOf(baseEntries(), other), { first: [1002] }),
            code("ERR_AMBIGUOUS_PROVIDER"),
        );
        assert.ok(planOrder(catalogOf(baseEntries(), other), { first: [1002], catalog: "32" }).steps.length === 1);
        const twins = ["{1", "{2"].map((start, index) =>
            entry({ id: 1050 + index, name: "twin", providerId: `${start}${guid.slice(2)}`, family: 32 }),
        );
        const catalog = catalogOf([...baseEntries(), ...twins]);
        assert.throws(() => planOrder(catalog, { first: ["twin"] }), code("ERR_AMBIGUOUS_PROVIDER"));
    });

    it("treats wrong options as misuse", () => {
        const catalog = catalogOf(baseEntries());
        const wrong: unknown[] = [
            {},
            { first: [] },
            { first: [1001], order: rest },
            { first: [1.5] },
            { first: [""] },
            { order: ["1001"] },
            { first: [1001], catalog: "16" },
            { first: [1001], bypass: "yes" },
            { first: [1001], erste: 1 },
        ];
        for (const options of wrong) {
            assert.throws(() => planOrder(catalog, options as OrderPlanOptions), TypeError, JSON.stringify(options));
        }
    });

    const seed = newSeed();
    it(`on random catalogs: every entry once, the chosen ones first, loadable as before (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        for (let round = 0; round < counts.catalogs; ++round) {
            const entries = randomEntries(random, randomNeighbourhood(random));
            const first = entries.filter(({ kind }) => kind !== "hidden" && random.chance(30)).map(({ id }) => id);
            if (first.length === 0) {
                continue;
            }
            const catalog = catalogOf(entries);
            const plan = planOrder(catalog, { first, bypass: true });
            const machine = machineOf(catalog);
            simulate(machine, plan, (now, step) => assert.deepEqual(unloadable(now.catalog), [], step.text));
            const after = machine.catalog.protocols["64"] ?? [];
            assert.deepEqual(
                after.slice(0, first.length).map(({ id }) => id),
                first,
            );
            assert.deepEqual(
                after.slice(first.length),
                entries.filter(({ id }) => !first.includes(id)),
            );
            const back = planOrder(machine.catalog, { order: entries.map(({ id }) => id), bypass: true });
            simulate(machine, back, () => undefined);
            assert.deepEqual(machine.catalog.protocols["64"], entries);
        }
    });
});
