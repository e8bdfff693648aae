// What the issue promises of every plan, on random catalogs: a restore brings any catalog to any other, and no state on
// the way keeps programs from getting through their chains.
import assert from "node:assert/strict";
import { parseBackup } from "#lib/catalog/backup.js";
import { diff } from "#lib/catalog/diff.js";
import type { Catalog } from "#lib/catalog/model.js";
import { catalogNames } from "#lib/catalog/model.js";
import { catalogOfRegistry } from "#lib/catalog/registry.js";
import { type RestoreWay, planRestore } from "#lib/catalog/restore.js";
import { counts } from "../support/counts.js";
import { backupOf, registryOf } from "./backups.js";
import { Random, newSeed } from "./catalogs.js";
import { expectSameUpToIds, randomCatalog, randomNeighbourhood } from "./catalogs-random.js";
import { machineOf, simulate, unloadable } from "./simulate.js";

/** Which categories which program permits. */
const permitted = ({ applications = [] }: Catalog): string[] =>
    applications.map(({ program, categories }) => `${program} ${categories}`).sort();

describe("restore on random catalogs", () => {
    const seed = newSeed();

    /** Restores x over y, both random and of the same neighbourhood or of two. */
    function restored(random: Random, way: RestoreWay): { wanted: Catalog; now: Catalog; steps: number } {
        const bits = random.chance(80) ? (["64", "32"] as const) : (["32"] as const);
        const place = randomNeighbourhood(random);
        const wanted = randomCatalog(random, place, bits);
        const live = randomCatalog(random, random.chance(80) ? place : randomNeighbourhood(random), bits);
        assert.deepEqual([unloadable(wanted), unloadable(live)], [[], []], "what the test begins with");
        const backup = parseBackup(JSON.stringify(backupOf(wanted)));
        const registry = registryOf(live, random.below(100));
        const target = {
            registry,
            machine: { catalogs: bits.map((name) => (name === "64" ? 64 : 32)) },
            catalog: live,
        };
        const plan = planRestore(backup, target, { way });
        assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan, "a plan is plain data");
        const machine = machineOf(live);
        simulate(machine, plan, ({ catalog }, step) => assert.deepEqual(unloadable(catalog), [], step.text));
        return { wanted, now: machine.catalog, steps: plan.steps.length };
    }

    it(`the registry way: restore(backup(x)) over any y is x, ids and all (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        for (let round = 0; round < counts.catalogs; ++round) {
            const {
                wanted: { categories: _, ...wanted },
                now,
            } = restored(random, "registry");
            // The categories of providers are wherever Windows keeps them: the bytes below Parameters, all of them.
            assert.deepEqual({ ...diff(wanted, now), counters: [] }, diff(wanted, wanted), `round ${round}`);
            assert.deepEqual(now.protocols, catalogOfRegistry(registryOf(wanted)).protocols);
        }
    });

    it(`the Winsock way: the same up to one renaming of ids in entries and chains (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        let steps = 0;
        for (let round = 0; round < counts.catalogs; ++round) {
            const result = restored(random, "winsock");
            for (const bits of catalogNames) {
                expectSameUpToIds(result.now.protocols[bits] ?? [], result.wanted.protocols[bits] ?? []);
                assert.deepEqual(result.now.namespaces[bits], result.wanted.namespaces[bits]);
                assert.deepEqual(result.now.categories?.[bits] ?? {}, result.wanted.categories?.[bits] ?? {});
            }
            assert.deepEqual(permitted(result.now), permitted(result.wanted));
            steps += result.steps;
        }
        assert.ok(steps > counts.catalogs, `only ${steps} steps`);
    });
});
