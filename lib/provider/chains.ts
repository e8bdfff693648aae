// Where our layered entry over one triplet stands among the providers of others. Pure.
//
// Where every layer over the triplet is IFS, ours goes on top. A layer that is not IFS hands out handles of its own,
// and ours, which is IFS, cannot stand above one: there it goes directly below the lowest such layer, into the chains
// of those others themselves.

import { type CatalogEntry, type CatalogName, type Triplet, sameTriplet } from "../catalog/model.js";
import { MAX_PROTOCOL_CHAIN } from "../catalog/names.js";
import { WinsockError } from "../errors.js";
import type { Bits } from "../native.js";
import type { EntryReference, Step } from "../plan/plan.js";
import { isOurGuid, layeredEntryGuid } from "./identity.js";

/** The chain of another provider that is led through ours. */
export interface Rewrite {
    entry: CatalogEntry;
    /** The layer below which ours comes. */
    above: CatalogEntry;
    /** The whole chain, ours named by the GUID of its layered entry. */
    chain: EntryReference[];
}

/** Where our layered entry over one triplet stands. */
export interface Standing {
    /** What follows our hidden entry in its chain. */
    below: number[];
    /** Empty where ours goes on top. */
    rewrites: Rewrite[];
    /**
     * The entry directly before which ours stands in the catalog. Winsock asks IFS providers in that order whose a
     * handle is that it does not know, so ours comes before what it covers. Absent: before everything.
     */
    before?: number;
}

/** One place of a chain, as far down as the chain can be followed. */
interface Place {
    id: number;
    /** What stands there: a base or layered entry, or the hidden one of a provider without a layered entry for it. */
    entry: CatalogEntry;
    /** The entry in whose own chain the place is, and where in it. */
    owner: CatalogEntry;
    index: number;
}

/**
 * Where our layered entry over a base entry stands in a catalog without entries of ours.
 *
 * @throws WinsockError `ERR_CHAIN_FULL` if a chain that needs one entry more has 7 already; `ERR_NOT_IFS` if the
 * topmost chain has a layer that is not IFS and `rewrite` is false, or one below which ours cannot be put.
 */
export function standingOver(
    bits: CatalogName,
    base: CatalogEntry,
    entries: readonly CatalogEntry[],
    { rewrite }: { rewrite: boolean },
): Standing {
    const peers = entries.filter((entry) => entry.kind !== "hidden" && sameTriplet(entry, base));
    const top = peers[0] ?? base;
    if (top.kind === "base") {
        return { below: [top.id], rewrites: [] };
    }
    const places = placesOf(top, base, entries);
    const end = places.at(-1)?.entry;
    if (end?.kind === "base" && !end.ifs) {
        throw new WinsockError(
            `${nameOf(bits, end)}, which is below "${top.name}" (id ${top.id}), is not IFS: its sockets are no file ` +
                "handles, and a provider like this one cannot stand above it. Remove that provider first.",
            { code: "ERR_NOT_IFS" },
        );
    }
    const lowest = lowestNotIfs(places);
    if (lowest === -1) {
        // The first place of its chain is its own provider, for which its id now stands.
        const chain = [top.id, ...knownIds(top.chain.slice(1), entries)];
        if (chain.length + 1 > MAX_PROTOCOL_CHAIN) {
            throw chainFull(bits, top);
        }
        return { below: chain, rewrites: [] };
    }
    const layer = places[lowest]?.entry ?? top;
    if (!rewrite) {
        throw new WinsockError(
            `${nameOf(bits, layer)} is not IFS: its sockets are no file handles, and a provider like this one cannot ` +
                "stand above it. Below it, it can, by changes in the chains of others, which `--no-rewrite` forbids.",
            { code: "ERR_NOT_IFS" },
        );
    }
    const below = chainBelow(places.slice(lowest + 1), base, entries);
    if (below.length + 1 > MAX_PROTOCOL_CHAIN) {
        throw chainFull(bits, top);
    }
    const rewrites = peers
        .filter((entry) => entry.kind === "layered")
        .flatMap((entry) => rewriteOf(bits, entry, { base, below, entries }));
    if (!rewrites.some(({ entry }) => entry === places[lowest]?.owner)) {
        throw new WinsockError(
            `${nameOf(bits, layer)} is not IFS, and the chain of "${top.name}" (id ${top.id}) names no provider ` +
                "below it, so there is no place for this one. Remove that provider first.",
            { code: "ERR_NOT_IFS" },
        );
    }
    const covered = new Set(below.map((id) => standsFor(id, base, entries)?.id));
    const before = peers.slice(1).find((entry) => covered.has(entry.id))?.id;
    return { below, rewrites, ...(before === undefined ? {} : { before }) };
}

/** The chain of an entry led through ours, if it has a layer that is not IFS and ends where ours does. */
function rewriteOf(
    bits: CatalogName,
    entry: CatalogEntry,
    { base, below, entries }: { base: CatalogEntry; below: readonly number[]; entries: readonly CatalogEntry[] },
): Rewrite[] {
    const places = placesOf(entry, base, entries);
    const lowest = places[lowestNotIfs(places)];
    // One that names nothing below that layer, or goes on in the chain of another entry, which has a turn of its own.
    if (lowest === undefined || lowest.owner !== entry || lowest.index + 1 === entry.chain.length) {
        return [];
    }
    const end = places.at(-1)?.entry;
    if (end?.kind === "base" && end.id !== below.at(-1)) {
        return []; // another base entry of the same triplet, which ours does not cover
    }
    if (entry.chain.length + 1 > MAX_PROTOCOL_CHAIN) {
        throw chainFull(bits, entry);
    }
    const ours = layeredEntryGuid(base.family, base.socketType, base.protocol);
    const chain: EntryReference[] = [...entry.chain];
    chain.splice(lowest.index + 1, 0, ours);
    return [{ entry, above: lowest.entry, chain }];
}

function nameOf(bits: CatalogName, entry: CatalogEntry): string {
    return `"${entry.name}" (id ${entry.id}, ${bits}-bit catalog)`;
}

function chainFull(bits: CatalogName, entry: CatalogEntry): WinsockError {
    return new WinsockError(
        `The chain of ${nameOf(bits, entry)} has ${entry.chain.length} entries; Winsock allows ` +
            `${MAX_PROTOCOL_CHAIN}, so there is no room for one more. Remove one of its providers first.`,
        { code: "ERR_CHAIN_FULL" },
    );
}

/** What our own chain names below ours, from the places that follow the layer above it. */
function chainBelow(places: readonly Place[], base: CatalogEntry, entries: readonly CatalogEntry[]): number[] {
    const ids = places.map(({ id }) => id);
    if (places.at(-1)?.entry.kind !== "base") {
        ids.push(base.id); // a chain whose end is no longer in the catalog
    }
    // A hidden entry only stands for its provider: where that has a layered entry over just the same, ours names that.
    const next = places[0]?.entry;
    if (next?.kind === "layered" && sameTriplet(next, base)) {
        const rest = knownIds(next.chain.slice(1), entries);
        if (rest.length === ids.length - 1 && rest.every((id, index) => id === ids[index + 1])) {
            ids[0] = next.id;
        }
    }
    return ids;
}

function knownIds(ids: readonly number[], entries: readonly CatalogEntry[]): number[] {
    return ids.filter((id) => entries.some((entry) => entry.id === id));
}

function lowestNotIfs(places: readonly Place[]): number {
    return places.findLastIndex(({ entry }) => entry.kind !== "base" && !entry.ifs);
}

/**
 * The places of an entry's chain. The first is the entry itself, whatever stands in it. An id that is not in the
 * catalog stands for nothing (its provider has been removed) and is left out. A chain that ends with a layered provider
 * goes on with the chain of that.
 */
function placesOf(top: CatalogEntry, triplet: Triplet, entries: readonly CatalogEntry[]): Place[] {
    const places: Place[] = [{ id: top.id, entry: top, owner: top, index: 0 }];
    const followed = new Set<CatalogEntry>();
    for (let owner: CatalogEntry | undefined = top; owner !== undefined && !followed.has(owner);) {
        followed.add(owner);
        const chain: readonly number[] = owner.chain;
        for (let index = 1; index < chain.length; ++index) {
            const id = chain[index] ?? 0;
            const entry = standsFor(id, triplet, entries);
            if (entry !== undefined) {
                places.push({ id, entry, owner, index });
            }
        }
        const last: Place | undefined = places.at(-1);
        const goesOn: CatalogEntry | undefined = last?.entry;
        owner = undefined;
        const another = goesOn?.kind === "layered" && sameTriplet(goesOn, triplet) && !followed.has(goesOn);
        if (last !== undefined && goesOn !== undefined && another) {
            // The same provider is the first place of that chain, behind which something can be put.
            places[places.length - 1] = { ...last, owner: goesOn, index: 0 };
            owner = goesOn;
        }
    }
    return places;
}

/**
 * What an id in a chain stands for. A hidden entry stands for its provider in that triplet: the layered entry of it
 * whose chain begins with that hidden entry, or that has the same GUID; one that is not IFS if there are several, since
 * ours is safe below an IFS layer, and is not above another.
 */
function standsFor(id: number, triplet: Triplet, entries: readonly CatalogEntry[]): CatalogEntry | undefined {
    const entry = entries.find((one) => one.id === id);
    if (entry?.kind !== "hidden") {
        return entry;
    }
    const layered = entries.filter((one) => one.kind === "layered" && !isOurGuid(one.providerId));
    const named = layered.filter((one) => one.chain[0] === id);
    const provider = named.length > 0 ? named : layered.filter((one) => one.providerId === entry.providerId);
    const here = provider.filter((one) => sameTriplet(one, triplet));
    const candidates = here.length > 0 ? here : provider;
    return candidates.find((one) => !one.ifs) ?? candidates[0] ?? entry;
}

/** The step that gives an entry of another provider another chain; everything else of the entry stays. */
export function chainStep(bits: CatalogName, entry: CatalogEntry, chain: EntryReference[], text: string): Step {
    return {
        do: "update-provider",
        catalog: Number(bits) as Bits,
        providerId: entry.providerId,
        id: entry.id,
        path: entry.path,
        chain,
        text: `${bits}-bit catalog: lead the chain of "${entry.name}" (id ${entry.id}) ${text}`,
    };
}
