// Every kind of plan on random catalogs: no state on the way, after any step, keeps programs from getting through their
// chains; and what is put in and taken out again leaves everything as it was.
import assert from "node:assert/strict";
import type { Catalog, CatalogEntry, CatalogName } from "#lib/catalog/model.js";
import { catalogNames } from "#lib/catalog/model.js";
import { diagnose } from "#lib/doctor/diagnose.js";
import type { Facts } from "#lib/doctor/facts.js";
import { planRepair } from "#lib/doctor/plan-repair.js";
import { WinsockError } from "#lib/errors.js";
import type { Plan } from "#lib/plan/plan.js";
import { type InstallPlanOptions, type ProviderFiles, planInstall } from "#lib/provider/plan-install.js";
import { planRemove } from "#lib/provider/plan-remove.js";
import { giveBackSteps, planReplace } from "#lib/provider/plan-replace.js";
import { planUninstall } from "#lib/provider/plan-uninstall.js";
import { planUpgrade } from "#lib/provider/plan-upgrade.js";
import { providersOf } from "#lib/provider/providers.js";
import { counts } from "../support/counts.js";
import { registryOf } from "./backups.js";
import { Random, newSeed } from "./catalogs.js";
import { randomCatalog } from "./catalogs-random.js";
import { danglingChains, machineOf, simulate, unloadable } from "./simulate.js";

function filesOf(version: string): ProviderFiles {
    const sha256 = Buffer.from(version.padEnd(32)).toString("hex");
    return {
        provider: { from: `Z:\\${version}\\winsock_spi_lsp.dll`, sha256 },
        rescue: { from: `Z:\\${version}\\winsock-spi-rescue.exe`, sha256 },
    };
}

const optionsFor = (version: string): InstallPlanOptions => ({
    files: { "64": filesOf(version), "32": filesOf(version) },
    version,
    programFiles: "C:\\Program Files",
    programData: "C:\\ProgramData",
});

/** Does a plan; after every step each fault is one that was there before. */
function done(catalog: Catalog, plan: Plan): Catalog {
    const former = new Set(unloadable(catalog));
    const machine = machineOf(catalog);
    simulate(machine, plan, (now, step) =>
        assert.deepEqual(
            unloadable(now.catalog).filter((fault) => !former.has(fault)),
            [],
            step.text,
        ),
    );
    return machine.catalog;
}

/** A plan, or nothing where it is refused for one of these reasons. */
function planned(plan: () => Plan, ...reasons: readonly string[]): Plan | undefined {
    try {
        return plan();
    } catch (error) {
        assert.ok(error instanceof WinsockError && reasons.includes(error.code), String(error));
        return undefined;
    }
}

const entriesOf = (catalog: Catalog): CatalogEntry[] => catalogNames.flatMap((bits) => catalog.protocols[bits] ?? []);

describe("every state on the way of every plan", () => {
    const seed = newSeed();

    it(`install, upgrade, uninstall: each loadable, and in the end all is as it was (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        let installed = 0;
        for (let round = 0; round < counts.catalogs; ++round) {
            const before = randomCatalog(random);
            const plan = planned(
                () => planInstall(before, optionsFor("1.0.0")),
                "ERR_CHAIN_FULL",
                "ERR_NOTHING_TO_COVER",
                "ERR_NOT_IFS",
            );
            if (plan === undefined) {
                continue;
            }
            ++installed;
            let now = done(before, plan);
            if (random.chance(50)) {
                now = done(now, planUpgrade(now, { ...optionsFor("1.1.0"), found: [] }));
            }
            assert.deepEqual(done(now, planUninstall(now)), before);
        }
        assert.ok(installed > counts.catalogs / 4, `only ${installed} could be installed into`);
    });

    it(`taking the place of base providers and giving it back: as it was (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        let replaced = 0;
        for (let round = 0; round < counts.catalogs; ++round) {
            const before = randomCatalog(random);
            const plan = planned(
                () => planReplace(before, optionsFor("1.0.0")),
                "ERR_NOTHING_TO_COVER",
                "ERR_UNSUPPORTED_PROVIDER",
            );
            if (plan === undefined) {
                continue;
            }
            ++replaced;
            const now = done(before, plan);
            const paths = (bits: CatalogName): Record<string, string> =>
                Object.fromEntries((before.protocols[bits] ?? []).map(({ providerId, path }) => [providerId, path]));
            const originals = { "64": paths("64"), "32": paths("32") };
            assert.deepEqual(done(now, { ...plan, steps: giveBackSteps(now, originals) }), before);
        }
        assert.ok(replaced > counts.catalogs / 4, `only ${replaced} were replaced`);
    });

    it(`removing anyone's provider: each loadable, all others keep their entries (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        let removed = 0;
        for (let round = 0; round < counts.catalogs; ++round) {
            const before = randomCatalog(random);
            const providers = providersOf(before);
            const guid = random.pick(providers).providerIds[0] ?? "";
            const leaving = providers.find(({ providerIds }) => providerIds[0] === guid);
            assert.ok(leaving !== undefined);
            const plan = planned(
                () => planRemove(before, { providers: [guid] }),
                "ERR_BASE_PROVIDER",
                "ERR_AMBIGUOUS_PROVIDER",
            );
            if (plan === undefined) {
                continue;
            }
            ++removed;
            const after = done(before, plan);
            assert.deepEqual(danglingChains(after), []);
            const gone = new Set(catalogNames.flatMap((bits) => leaving.entries[bits] ?? []));
            const besidesChain = (one: CatalogEntry): object => ({ ...one, chain: [], kind: "" });
            assert.deepEqual(
                entriesOf(after).map(besidesChain),
                entriesOf(before)
                    .filter((one) => !gone.has(one))
                    .map(besidesChain),
            );
        }
        assert.ok(removed > counts.catalogs / 4, `only ${removed} were removed`);
    });

    it(`repairing a catalog from which an entry went: nothing new breaks, and nothing dangles (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        let repaired = 0;
        for (let round = 0; round < counts.catalogs; ++round) {
            const catalog = randomCatalog(random);
            for (const bits of catalogNames) {
                const entries = catalog.protocols[bits] ?? [];
                catalog.protocols[bits] = entries.filter((one) => one.kind === "base" || !random.chance(15));
            }
            const plan = planRepair(...factsOf(catalog));
            if (plan.steps.length === 0) {
                assert.deepEqual(danglingBelow(catalog), [], "what is not repaired is whole");
                continue;
            }
            ++repaired;
            const after = done(catalog, plan);
            assert.deepEqual(danglingBelow(after), []);
            const [facts, findings] = factsOf(after);
            assert.deepEqual(planRepair(facts, findings).steps, [], "once is enough");
        }
        assert.ok(repaired > counts.catalogs / 10, `only ${repaired} were repaired`);
    });
});

/**
 * Places of chains below the first that name nothing. The first is the provider itself: a layered entry whose hidden one
 * has gone still loads its own DLL, and the doctor leaves it.
 */
function danglingBelow(catalog: Catalog): string[] {
    return catalogNames.flatMap((bits) => {
        const entries = catalog.protocols[bits] ?? [];
        const layered = entries.filter(({ kind }) => kind === "layered");
        return layered.flatMap(({ id, chain }) =>
            chain
                .slice(1)
                .filter((place) => !entries.some((one) => one.id === place))
                .map((place) => `${id}: ${place}`),
        );
    });
}

/** The facts of a machine whose DLLs are all in order. */
function factsOf(catalog: Catalog): [Facts, ReturnType<typeof diagnose>] {
    const facts: Facts = {
        machine: { arch: "x64", catalogs: [64, 32], systemRoot: "C:\\Windows" },
        registry: registryOf(catalog, 5, 9000),
        catalog,
        winsock: {},
        files: {},
        trials: {},
        sensitivePrograms: [],
        programs: {},
    };
    return [facts, diagnose(facts)];
}
