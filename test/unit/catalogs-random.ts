// Random catalogs for the tests of plans: bases in various numbers, strangers that install themselves in various
// manners, over each other and with GUIDs of their own or shared. All are loadable.
import assert from "node:assert/strict";
import { categoryNames } from "#lib/catalog/categories.js";
import type { Catalog, CatalogEntry, NamespaceEntry } from "#lib/catalog/model.js";
import { sameTriplet } from "#lib/catalog/model.js";
import { namespaceName } from "#lib/catalog/names.js";
import { Random, baseEntries, entry } from "./catalogs.js";

/** Providers that may be in one random catalog and in another: restoring finds the same GUIDs, in other shapes. */
export interface Neighbourhood {
    readonly guids: readonly string[];
}

export function randomNeighbourhood(random: Random): Neighbourhood {
    return { guids: Array.from({ length: 5 }, () => random.guid()) };
}

/** A GUID of the neighbourhood's n-th provider for one of its entries. */
function guidOf({ guids }: Neighbourhood, provider: number, part: number): string {
    const guid = guids[provider] ?? "";
    return `${guid.slice(0, -3)}${part.toString(16).toUpperCase().padStart(2, "0")}}`;
}

function shuffled<T>(random: Random, list: readonly T[]): T[] {
    return list
        .map((value) => ({ value, key: random.below(0x1_0000) }))
        .sort((a, b) => a.key - b.key)
        .map(({ value }) => value);
}

/** The entries of one catalog. */
export function randomEntries(random: Random, place: Neighbourhood): CatalogEntry[] {
    const first = 1001 + random.below(3) * random.below(50);
    let entries = random.chance(70) ? baseEntries(first) : shuffled(random, baseEntries(first)).slice(random.below(3));
    for (let extra = random.below(3); extra > 0; --extra) {
        const one = entry({
            id: first + 10 + extra,
            name: `other base ${extra}`,
            providerId: guidOf(place, 0, extra),
            family: random.pick([2, 23, 32, 34]),
            protocol: random.pick([3, 6]),
        });
        entries.splice(random.below(entries.length + 1), 0, one);
    }
    let next = first + 20 + random.below(200);
    for (const provider of shuffled(random, [1, 2, 3, 4]).slice(random.below(5))) {
        const added = stranger(random, place, provider, entries, next);
        next += added.length + random.below(5);
        entries = random.chance(80) ? [...added.slice(1), ...entries, ...added.slice(0, 1)] : [...entries, ...added];
    }
    return random.chance(20) ? shuffled(random, entries) : entries;
}

/** A hidden entry and layered ones over some of what is there, above each other's or below. */
function stranger(
    random: Random,
    place: Neighbourhood,
    provider: number,
    entries: readonly CatalogEntry[],
    id: number,
): CatalogEntry[] {
    const style = random.below(3); // a GUID each, one for the layered ones, one for all
    const byHidden = random.chance(50);
    const hidden = entry({
        id,
        name: `stranger ${provider}`,
        providerId: guidOf(place, provider, 0),
        chain: [],
        providerFlags: 4,
        path: `C:\\stranger\\${provider}.dll`,
    });
    const tops = entries.filter((one) => one.kind !== "hidden" && first(entries, one) === one && one.chain.length < 7);
    const layered = tops
        .filter(() => random.chance(60))
        .map((top, index) => {
            const below = top.kind === "base" ? [top.id] : byHidden ? top.chain : [top.id, ...top.chain.slice(1)];
            const chain = random.chance(10) && top.kind === "layered" ? [id, top.id] : [id, ...below];
            return entry({
                id: id + 1 + index,
                name: `stranger ${provider} over ${top.family} ${top.socketType} ${top.protocol}`,
                providerId: guidOf(place, provider, style === 0 ? index + 1 : style === 1 ? 99 : 0),
                path: `C:\\stranger\\${random.chance(90) ? provider : "other"}.dll`,
                chain,
                family: top.family,
                socketType: top.socketType,
                protocol: top.protocol,
                flags: random.pick([0x20066, 0x66]),
            });
        });
    return [hidden, ...layered];
}

function first(entries: readonly CatalogEntry[], one: CatalogEntry): CatalogEntry | undefined {
    return entries.find((other) => other.kind !== "hidden" && sameTriplet(other, one));
}

export function randomNamespaces(random: Random, place: Neighbourhood): NamespaceEntry[] {
    const all = [0, 1, 2, 3].map((index): NamespaceEntry => ({
        name: `namespace ${index}${random.chance(10) ? " renamed" : ""}`,
        providerId: guidOf(place, 4, 0xa0 + index),
        path: `C:\\namespace\\${index}.dll`,
        namespace: 12 + index,
        namespaceName: namespaceName(12 + index),
        enabled: random.chance(80),
        version: random.below(2),
        storesServiceClassInfo: false,
    }));
    return shuffled(random, all).slice(random.below(4));
}

/** Both catalogs, or sometimes the 32-bit one alone. */
export function randomCatalog(
    random: Random,
    place = randomNeighbourhood(random),
    bits: readonly ("64" | "32")[] = ["64", "32"],
): Catalog {
    const catalog: Catalog = { protocols: {}, namespaces: {} };
    for (const name of bits) {
        catalog.protocols[name] = randomEntries(random, place);
        catalog.namespaces[name] = randomNamespaces(random, place);
        const layered = catalog.protocols[name].filter(({ kind }) => kind !== "base" && random.chance(20));
        const categories = layered.map(({ providerId }) => [providerId, 1 + random.below(255)] as const);
        catalog.categories = { ...catalog.categories, [name]: Object.fromEntries(categories) };
    }
    catalog.applications = [0, 1, 2]
        .filter(() => random.chance(40))
        .map((index) => {
            const categories = random.pick([1, 0x80000000]);
            const program = `C:\\program ${index}.exe`;
            return { key: `0000000${index}`, program, args: "", categories, categoryNames: categoryNames(categories) };
        });
    return catalog;
}

/** Fails unless the entries are the same under one bijection of ids, which holds for every chain. */
export function expectSameUpToIds(actual: readonly CatalogEntry[], expected: readonly CatalogEntry[]): void {
    assert.equal(actual.length, expected.length);
    const ids = new Map(expected.map((one, index) => [one.id, actual[index]?.id ?? -1]));
    assert.equal(new Set(ids.values()).size, expected.length, "every id is another one's");
    const renamed = expected.map((one) => ({
        ...one,
        id: ids.get(one.id),
        chain: one.chain.map((id) => ids.get(id) ?? id),
    }));
    assert.deepEqual(actual, renamed);
}
