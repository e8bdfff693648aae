// Plans taking any provider out: a pure function from a catalog to steps. First the chains of other providers that lead
// through it are shortened, then its entries go, those that others of its own name last, so that at no moment a chain
// names an entry that is not there.

import { win32 as path } from "node:path";
import { type Catalog, type CatalogEntry, type CatalogName, catalogNames, sameTriplet } from "../catalog/model.js";
import { categoriesOf } from "../catalog/categories.js";
import { MAX_PROTOCOL_CHAIN } from "../catalog/names.js";
import { refuseUnknownOptions } from "../errors.js";
import type { Bits } from "../native.js";
import { type Plan, type Step, planFormat, planVersion } from "../plan/plan.js";
import { chainStep } from "./chains.js";
import { type Provider, findProvider, providersOf, requireRemovable } from "./providers.js";

/** What {@link planRemove} needs to know beside the catalog. */
export interface RemovePlanOptions {
    /**
     * The providers: by name (of the provider, of one of its entries, or of its DLL; any case), GUID in braces, or
     * catalog id. All entries of a provider go, whichever of them is named.
     */
    providers: readonly (string | number)[];
    /** Only out of this catalog. Default: out of each that has the provider. */
    catalog?: CatalogName;
    /**
     * Delete the providers' DLLs too, but for those that an entry which stays is registered with. One that programs
     * have loaded is renamed, and deleted later.
     */
    deleteDll?: boolean;
}

/**
 * The plan that takes providers out of the catalogs, whoever made them. Pure. Chains of others that lead through them
 * are led past; nothing else changes.
 *
 * @throws WinsockError `ERR_UNKNOWN_PROVIDER` (the message lists those that there are), `ERR_AMBIGUOUS_PROVIDER` (it
 * lists what was meant by the name), `ERR_BASE_PROVIDER` for a base provider of the system, or one that chains of
 * others end with.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export function planRemove(catalog: Catalog, options: RemovePlanOptions): Plan {
    refuseUnknownOptions("planRemove", options, ["providers", "catalog", "deleteDll"]);
    const { providers, catalog: only, deleteDll = false } = options;
    if (!Array.isArray(providers) || providers.length === 0 || !providers.every(isName)) {
        throw new TypeError("planRemove: providers must be a list of names, GUIDs and catalog ids");
    }
    if (only !== undefined && !catalogNames.includes(only)) {
        throw new TypeError(`planRemove: catalog must be "64" or "32", not ${String(only)}`);
    }
    const all = providersOf(catalog);
    const leaving = [...new Set(providers.map((wanted: string | number) => findProvider(all, wanted, only)))];
    for (const provider of leaving) {
        requireRemovable(catalog, provider, leaving, only);
    }
    const names = catalogNames.filter(
        (bits) => (only === undefined || only === bits) && leaving.some(({ entries }) => entries[bits] !== undefined),
    );
    const goingIn = (bits: CatalogName): CatalogEntry[] => leaving.flatMap(({ entries }) => entries[bits] ?? []);
    const who = leaving.map(({ name }) => `"${name}"`).join(" and ");
    return {
        format: planFormat,
        version: planVersion,
        operation: "uninstall",
        text: `Take ${who} out of the ${names.join("- and the ")}-bit catalog`,
        onFailure: "finish",
        steps: [
            ...names.flatMap((bits) => removalSteps(catalog, bits, goingIn(bits))),
            ...(deleteDll ? dllSteps(catalog, names, leaving) : []),
        ],
    };
}

function isName(value: unknown): boolean {
    return (typeof value === "string" && value !== "") || (typeof value === "number" && Number.isInteger(value));
}

/** The steps that take entries out of one catalog and lead the chains of all others past them. */
export function removalSteps(catalog: Catalog, bits: CatalogName, going: readonly CatalogEntry[]): Step[] {
    const entries = catalog.protocols[bits] ?? [];
    const leaving = new Map(going.map((entry) => [entry.id, entry]));
    const gone = goneBelow(leaving, entries);
    const others = entries.filter((entry) => !leaving.has(entry.id) && entry.chain.some((id) => leaving.has(id)));
    const guids = inOrder(going);
    return [
        ...others.map((entry) => {
            const chain = chainPast(entry, { leaving, gone, entries });
            return chainStep(bits, entry, chain, `past the provider: ${chain.join(" over ")}`);
        }),
        ...guids
            .filter(({ providerId }) => (categoriesOf(catalog, bits, providerId) ?? 0) !== 0)
            .map(({ providerId, name }): Step => ({
                do: "set-provider-category",
                catalog: Number(bits) as Bits,
                providerId,
                categories: 0,
                text: `${bits}-bit catalog: take the LSP categories from "${name}"`,
            })),
        ...guids.map(({ providerId, name, id }): Step => ({
            do: "deinstall-provider",
            catalog: Number(bits) as Bits,
            providerId,
            text: `${bits}-bit catalog: remove "${name}" (id ${id})`,
        })),
    ];
}

/**
 * One entry of each GUID, since one call removes all entries of one; each before those that its chain names, and hidden
 * entries, which only chains name, last.
 */
function inOrder(going: readonly CatalogEntry[]): CatalogEntry[] {
    const layered = going.filter((entry) => entry.kind !== "hidden");
    const hidden = going.filter((entry) => entry.kind === "hidden");
    const left = new Map([...layered, ...hidden].map((entry) => [entry.providerId, entry]));
    const ordered: CatalogEntry[] = [];
    while (left.size > 0) {
        const named = (candidate: CatalogEntry): boolean =>
            going.some(
                (entry) =>
                    left.has(entry.providerId) &&
                    entry.providerId !== candidate.providerId &&
                    entry.chain.some((id) => going.find((one) => one.id === id)?.providerId === candidate.providerId),
            );
        const next = [...left.values()].find((entry) => !named(entry)) ?? [...left.values()][0];
        if (next !== undefined) {
            left.delete(next.providerId);
            ordered.push(next);
        }
    }
    return ordered;
}

/**
 * What stood below those that leave when they were installed and has gone since, without a word to those who named it.
 * They got over that; who stands above them and names the same is to be able to without them, too.
 */
function goneBelow(leaving: ReadonlyMap<number, CatalogEntry>, entries: readonly CatalogEntry[]): ReadonlySet<number> {
    const there = new Set(entries.map(({ id }) => id));
    return new Set([...leaving.values()].flatMap(({ chain }) => chain).filter((id) => !there.has(id)));
}

interface Leaving {
    leaving: ReadonlyMap<number, CatalogEntry>;
    gone: ReadonlySet<number>;
    entries: readonly CatalogEntry[];
}

/** The chain of somebody else's entry when others have left. */
function chainPast(entry: CatalogEntry, { leaving, gone, entries }: Leaving): number[] {
    const whole = chainWithout(entry.chain, leaving);
    // The first place is the provider itself; and a chain of one would be a base entry's.
    const known = whole.filter((id, index) => index === 0 || !gone.has(id));
    const chain = known.length > 1 ? known : whole;
    if (chain.length > 1) {
        return chain;
    }
    // It named nothing but what leaves: then what such a socket is in the end.
    const base = entries.find((other) => other.kind === "base" && !leaving.has(other.id) && sameTriplet(other, entry));
    return base === undefined ? chain : [...(chain.length === 0 ? [entry.id] : chain), base.id];
}

/**
 * A chain without the entries that leave. Usually what is below them is in the chain itself and they merely fall out; a
 * chain that ends with one goes on with what that entry stands over.
 */
export function chainWithout(chain: readonly number[], leaving: ReadonlyMap<number, CatalogEntry>): number[] {
    const long = [...chain];
    const followed = new Set<CatalogEntry>();
    for (
        let last = leaving.get(long.at(-1) ?? -1);
        last !== undefined && !followed.has(last);
        last = leaving.get(long.at(-1) ?? -1)
    ) {
        followed.add(last);
        long.push(...last.chain);
    }
    const whole = long.filter((id) => !leaving.has(id));
    // Together they may be longer than a chain can be; the base is what nobody can do without.
    return whole.length <= MAX_PROTOCOL_CHAIN ? whole : [...whole.slice(0, MAX_PROTOCOL_CHAIN - 1), ...whole.slice(-1)];
}

/** DLLs of those that leave, where nobody stays who is registered with them. */
function dllSteps(catalog: Catalog, names: readonly CatalogName[], leaving: readonly Provider[]): Step[] {
    const fileOf = (entry: { path: string; resolvedPath?: string }): string => entry.resolvedPath ?? entry.path;
    const key = (file: string): string => path.normalize(file).toLowerCase();
    const going = new Map<CatalogName, ReadonlySet<CatalogEntry>>(
        names.map((bits) => [bits, new Set(leaving.flatMap(({ entries }) => entries[bits] ?? []))]),
    );
    const staying = catalogNames.flatMap((bits) => [
        ...(catalog.protocols[bits] ?? []).filter((entry) => going.get(bits)?.has(entry) !== true),
        ...(catalog.namespaces[bits] ?? []),
    ]);
    const kept = new Set(staying.map((entry) => key(fileOf(entry))));
    const files = new Map(
        [...going.values()].flatMap((entries) => [...entries].map((entry) => [key(fileOf(entry)), fileOf(entry)])),
    );
    return [...files]
        .filter(([name, file]) => !kept.has(name) && path.isAbsolute(file) && !file.includes("%"))
        .map(([, file]): Step => ({ do: "delete-file", path: path.normalize(file), text: `Delete ${file}` }));
}
