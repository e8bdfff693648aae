// Shows: random sequences of install, order, uninstall and restore, by several providers' installers and ours, on the
// live catalog. After each sequence a backup that was taken before it brings back exactly what was there: identical items
// by the registry way, identical up to one bijection of ids by the Winsock way. At no time does a chain dangle.
import assert from "node:assert/strict";
import * as path from "node:path";
import { WinsockError, backup, install, order, removeProvider, restore } from "winsock-spi";
import type { Catalog, CatalogEntry } from "winsock-spi";
import { readSystem } from "#lib/catalog/read.js";
import type { RegistryTree } from "#lib/catalog/registry.js";
import { counts } from "../support/counts.js";
import { skipIfUnchangeable } from "../support/windows.js";
import { expectSameUpToIds } from "../unit/catalogs-random.js";
import { Random, newSeed } from "../unit/catalogs.js";
import { keepCatalog, project, temporaryFolder } from "./acceptance-support.js";
import { type Layer, installLayer, layers, removeLayer } from "./strangers-support.js";

const ways = ["registry", "winsock"] as const;
type Way = (typeof ways)[number];

/** What a backup must bring back: everything, but what only counts the changes. */
interface State {
    registry: string;
    catalog: Catalog;
}

const counters = new Set(["Serial_Access_Num", "Next_Catalog_Entry_ID"]);

/** Values and keys as text; descriptors are not restored. */
function plain(tree: RegistryTree): unknown {
    return {
        values: Object.entries(tree.values)
            .filter(([name]) => !counters.has(name))
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        keys: Object.entries(tree.keys)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([name, child]) => [name, plain(child)]),
    };
}

function stateNow(): State {
    const { registry, catalog } = readSystem({ source: "registry" });
    return { registry: JSON.stringify(plain(registry)), catalog };
}

/** Every place of every chain names an entry, ids are given once, and the last place is a base entry. */
function expectSound({ catalog }: State, after: string): void {
    for (const [bits, entries] of Object.entries(catalog.protocols)) {
        const byId = new Map(entries.map((entry) => [entry.id, entry]));
        assert.equal(byId.size, entries.length, `${after}: every id of the ${bits}-bit catalog is one entry's`);
        for (const { id, name, kind, chain } of entries) {
            if (kind === "layered") {
                const missing = chain.filter((place) => !byId.has(place));
                assert.deepEqual(
                    missing,
                    [],
                    `${after}: ${bits}-bit, the chain of ${id} ${name} names nothing that is not there`,
                );
                assert.equal(
                    byId.get(chain.at(-1)!)?.kind,
                    "base",
                    `${after}: ${bits}-bit, the chain of ${id} ${name} ends at a base entry`,
                );
            }
        }
    }
}

/** A state that a restore by Winsock's functions has brought back: everything as it was under one bijection of ids. */
function expectSameButIds(now: State, wanted: State): void {
    for (const bits of ["64", "32"] as const) {
        expectSameUpToIds(now.catalog.protocols[bits] ?? [], wanted.catalog.protocols[bits] ?? []);
    }
    assert.deepEqual(now.catalog.namespaces, wanted.catalog.namespaces);
    assert.deepEqual(now.catalog.applications, wanted.catalog.applications);
}

const layerFile = (layer: Layer): string => (layer === "ours" ? "winsock_spi_lsp.dll" : `${layer}.dll`);

function entriesOfLayer({ catalog }: State, layer: Layer): CatalogEntry[] {
    return (catalog.protocols["64"] ?? []).filter(
        (entry) => path.win32.basename(entry.path).toLowerCase() === layerFile(layer),
    );
}

/** Where it lies in the package, so that no uninstall takes it away from a backup that is to be restored. */
const ownDlls = ["win32-x64", "win32-ia32"].map((folder) =>
    path.join(project, "prebuilds", folder, "winsock_spi_lsp.dll"),
);

class Sequence {
    readonly done: string[] = [];
    #state = stateNow();

    constructor(
        readonly random: Random,
        readonly backups: string[],
    ) {}

    /** One random operation, and what must be true after it. */
    async step(): Promise<void> {
        const present = layers.filter((layer) => entriesOfLayer(this.#state, layer).length > 0);
        const absent = layers.filter((layer) => !present.includes(layer));
        const draw = this.random.below(100);
        if (draw < 45 && absent.length > 0) {
            await this.#install(this.random.pick(absent));
        } else if (draw < 65 && present.length > 0) {
            const layer = this.random.pick(present);
            // By its own uninstaller, or by what takes out anybody's.
            const guid = entriesOfLayer(this.#state, layer)[0]!.providerId;
            await (layer === "ours" || this.random.chance(50)
                ? this.#do(`remove ${layer}`, () => removeLayer(layer))
                : this.#do(`uninstall ${guid} (${layer})`, () =>
                      removeProvider({ providers: [guid] }).then(() => undefined),
                  ));
        } else if (draw < 85 && present.length > 0) {
            await this.#order(this.random.pick(present));
        } else if (this.backups.length > 0) {
            const way = this.random.pick(ways);
            await this.restore(this.random.pick(this.backups), way);
        }
    }

    async restore(file: string, way: Way): Promise<void> {
        await this.#do(`restore ${path.basename(file)} --way ${way}`, () =>
            restore(file, { way }).then(() => undefined),
        );
    }

    get state(): State {
        return this.#state;
    }

    async #install(layer: Layer): Promise<void> {
        await this.#do(`install ${layer}`, () =>
            layer === "ours" ? install({ dlls: ownDlls }).then(() => undefined) : installLayer(layer),
        );
    }

    /** A layer to the top, or its entries in another order at the top; what would bypass a layer is refused. */
    async #order(layer: Layer): Promise<void> {
        const ids = entriesOfLayer(this.#state, layer)
            .filter(({ kind }) => kind === "layered")
            .map(({ id }) => id);
        const first = this.random.chance(50) ? ids : ids.reverse();
        const before = this.#state.registry;
        await this.#do(`order ${layer} first`, async () => {
            try {
                await order({ first, catalog: "64" });
            } catch (error) {
                assert.ok(error instanceof WinsockError && error.code === "ERR_BYPASSED", String(error));
                assert.equal(stateNow().registry, before, "what is refused changes nothing");
            }
        });
    }

    async #do(what: string, work: () => Promise<void>): Promise<void> {
        this.done.push(what);
        const begin = performance.now();
        await work();
        this.done.push(`${this.done.pop()!} (${((performance.now() - begin) / 1000).toFixed(1)} s)`);
        this.#state = stateNow();
        expectSound(this.#state, what);
    }
}

describe("random sequences on the live catalog", function () {
    before(function () {
        skipIfUnchangeable(this);
    });
    keepCatalog({ each: false });

    it(`after each of ${counts.catalogSequences} a backup brings back exactly what was there before`, async function () {
        this.timeout(120_000 + counts.catalogSequences * 120_000);
        const seed = newSeed();
        const random = new Random(seed);
        const backups: string[] = [];
        let operations = 0;
        for (let number = 0; number < counts.catalogSequences; number++) {
            const file = path.join(temporaryFolder(), `sequence-${number}.json`);
            await backup({ file });
            const wanted = stateNow();
            const sequence = new Sequence(random, backups);
            const way = ways[number % ways.length]!;
            try {
                for (let length = 2 + random.below(4); length > 0; length--) {
                    await sequence.step();
                }
                const middle = path.join(temporaryFolder(), `middle-${number}.json`);
                await backup({ file: middle });
                await sequence.restore(file, way);
                if (way === "registry") {
                    assert.equal(sequence.state.registry, wanted.registry, "identical items");
                } else {
                    expectSameButIds(sequence.state, wanted);
                }
                // The next one begins with what this one came to, so that they do not all begin with next to nothing.
                await sequence.restore(middle, random.pick(ways));
                backups.push(file, middle);
                backups.splice(0, backups.length - 8);
            } catch (error) {
                const story = [`seed ${seed}, sequence ${number}`, ...sequence.done].join("\n    ");
                throw new Error(`${story}\n${error instanceof Error ? error.message : String(error)}`, {
                    cause: error,
                });
            }
            operations += sequence.done.length;
            if (number % 20 === 19) {
                console.log(`      ${number + 1} sequences, ${operations} operations, seed ${seed}`);
            }
        }
        console.log(
            `      ${counts.catalogSequences} sequences, ${operations} operations, seed ${seed}: no chain dangled, nothing was lost`,
        );
    });
});
