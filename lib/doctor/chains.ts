// What a chain is to be like, and how one is put right. Pure.

import { type CatalogEntry, sameTriplet } from "../catalog/model.js";
import { MAX_PROTOCOL_CHAIN } from "../catalog/names.js";
import { chainWithout } from "../provider/plan-remove.js";

/**
 * The chain of an entry with what is certain put right: ids that name nothing go, what is there twice stays once, and a
 * chain that no longer ends in a base provider gets the one of its own triplet. The first place is the provider itself
 * and stays, whatever stands in it.
 *
 * @param gone Entries that are to go.
 * @returns Undefined where there is no such chain: no base provider, or no room.
 */
export function mendedChain(
    entry: CatalogEntry,
    entries: readonly CatalogEntry[],
    gone: ReadonlySet<number> = new Set(),
): number[] | undefined {
    const there = new Map(entries.filter(({ id }) => !gone.has(id)).map((one) => [one.id, one]));
    const leaving = new Map(entries.filter(({ id }) => gone.has(id)).map((one) => [one.id, one]));
    const [own, ...rest] = chainWithout(entry.chain, leaving);
    if (own === undefined) {
        return undefined;
    }
    const known = [...new Set(rest)].filter((id) => there.has(id) && id !== own && id !== entry.id);
    const chain = [own, ...known];
    if (endsInBase(chain, there, entry)) {
        return chain;
    }
    const base = entries.find((one) => one.kind === "base" && !gone.has(one.id) && sameTriplet(one, entry));
    return base === undefined || chain.length === MAX_PROTOCOL_CHAIN ? undefined : [...chain, base.id];
}

/**
 * Whether a chain leads to a base provider: its last place is one, or a layered entry of somebody else whose own chain
 * goes on to one.
 */
export function endsInBase(
    chain: readonly number[],
    entries: ReadonlyMap<number, CatalogEntry>,
    owner: CatalogEntry,
): boolean {
    return chain.length > 1 && baseFrom(chain.at(-1), entries, owner) !== undefined;
}

/** The base entry at a chain's end, if it leads to one. */
export function baseOf(entry: CatalogEntry, entries: ReadonlyMap<number, CatalogEntry>): CatalogEntry | undefined {
    return baseFrom(entry.chain.at(-1), entries, entry);
}

/** The base entry that the last place of a chain of `owner` leads to. */
function baseFrom(
    last: number | undefined,
    entries: ReadonlyMap<number, CatalogEntry>,
    owner: CatalogEntry,
): CatalogEntry | undefined {
    const followed = new Set<number>([owner.id]);
    let end = entries.get(last ?? 0);
    while (end !== undefined && end.kind === "layered" && !followed.has(end.id)) {
        followed.add(end.id);
        end = entries.get(end.chain.at(-1) ?? 0);
    }
    return end?.kind === "base" ? end : undefined;
}
