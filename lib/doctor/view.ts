// A protocol catalog as the checks look at it: who is in it, with which DLL, and what leads through whom. Pure.

import {
    type CatalogEntry,
    type CatalogName,
    type NamespaceEntry,
    type Triplet,
    catalogNames,
} from "../catalog/model.js";
import { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM } from "../catalog/names.js";
import type { Facts, FileFacts } from "./facts.js";
import type { FindingProvider } from "./findings.js";

/** The entries of one DLL in one catalog, base entries apart from the others. */
export interface Provider {
    bits: CatalogName;
    /** As a program loads it. */
    path: string;
    /** The same of all providers with this DLL. */
    key: string;
    base: boolean;
    entries: CatalogEntry[];
    who: FindingProvider;
}

/** The catalog of one bitness. */
export interface CatalogView {
    bits: CatalogName;
    entries: readonly CatalogEntry[];
    byId: ReadonlyMap<number, CatalogEntry>;
    providers: Provider[];
    providerOf: ReadonlyMap<CatalogEntry, Provider>;
    /** What programs get, by triplet: see {@link topmost}. */
    tops: ReadonlyMap<string, CatalogEntry>;
    /** Ids that chains name. */
    named: ReadonlySet<number>;
}

export function viewsOf(facts: Facts): CatalogView[] {
    return catalogNames.flatMap((bits) => {
        const entries = facts.catalog.protocols[bits];
        return entries === undefined ? [] : [viewOf(bits, entries)];
    });
}

export function viewOf(bits: CatalogName, entries: readonly CatalogEntry[]): CatalogView {
    const providers = new Map<string, Provider>();
    const providerOf = new Map<CatalogEntry, Provider>();
    for (const entry of entries) {
        const key = fileKey(entry);
        const base = entry.kind === "base";
        const group = `${base ? "base" : "layer"} ${key}`;
        let provider = providers.get(group);
        if (provider === undefined) {
            const path = entry.resolvedPath ?? entry.path;
            provider = { bits, path, key, base, entries: [], who: { name: "", providerId: "", path } };
            providers.set(group, provider);
        }
        provider.entries.push(entry);
        providerOf.set(entry, provider);
    }
    for (const provider of providers.values()) {
        const named = provider.entries.find(({ kind }) => kind === "hidden") ?? provider.entries[0];
        provider.who.name = named?.name ?? "";
        provider.who.providerId = named?.providerId ?? "";
    }
    const byId = new Map([...entries].reverse().map((entry) => [entry.id, entry]));
    const tops = new Map(
        entries
            .filter(({ kind }) => kind !== "hidden")
            .reverse()
            .map((entry) => [tripletKey(entry), entry]),
    );
    const named = new Set(entries.flatMap(({ kind, chain }) => (kind === "layered" ? chain : [])));
    return { bits, entries, byId, providers: [...providers.values()], providerOf, tops, named };
}

/** By which a DLL is the same one: its full path, without regard to case. */
export function fileKey({ path, resolvedPath }: { path: string; resolvedPath?: string }): string {
    return (resolvedPath ?? path).toLowerCase();
}

export function fileOf(facts: Facts, entry: CatalogEntry | NamespaceEntry): FileFacts | undefined {
    const path = entry.resolvedPath ?? entry.path;
    return Object.hasOwn(facts.files, path) ? facts.files[path] : undefined;
}

/** `TCP/IPv4`, `RAW/IPv6`; other kinds with Winsock's names. */
export function nameOfTriplet({ family, familyName, socketType, socketTypeName, protocolName }: CatalogEntry): string {
    const families = new Map([
        [AF_INET, "IPv4"],
        [AF_INET6, "IPv6"],
    ]);
    const types = new Map([
        [SOCK_STREAM, "TCP"],
        [SOCK_DGRAM, "UDP"],
        [SOCK_RAW, "RAW"],
    ]);
    const known = families.get(family);
    const type = types.get(socketType);
    return known !== undefined && type !== undefined
        ? `${type}/${known}`
        : `${familyName}/${socketTypeName}/${protocolName}`;
}

export function namesOfTriplets(entries: readonly CatalogEntry[]): string {
    return [...new Set(entries.filter(({ kind }) => kind !== "hidden").map(nameOfTriplet))].join(", ");
}

/** IPv4 or IPv6, TCP or UDP: what every program needs. */
export function isEssential({ family, socketType }: Triplet): boolean {
    return (family === AF_INET || family === AF_INET6) && (socketType === SOCK_STREAM || socketType === SOCK_DGRAM);
}

const tripletKey = ({ family, socketType, protocol }: Triplet): string => `${family} ${socketType} ${protocol}`;

/** What programs get for the triplet of an entry: the first that stands for more than a place in chains. */
export function topmost(view: CatalogView, triplet: Triplet): CatalogEntry | undefined {
    return view.tops.get(tripletKey(triplet));
}

/** The entries that a chain names, without its own hidden entry and what is not in the catalog. */
export function below(view: CatalogView, entry: CatalogEntry): CatalogEntry[] {
    return entry.chain.slice(1).flatMap((id) => view.byId.get(id) ?? []);
}

/** The entries that programs get, and which lead through the provider. */
export function reached(view: CatalogView, provider: Provider): CatalogEntry[] {
    return [...view.tops.values()].filter(
        (top) =>
            view.providerOf.get(top) === provider ||
            below(view, top).some((entry) => view.providerOf.get(entry)?.key === provider.key),
    );
}

/** What becomes of programs when a provider does not work at all. */
export function lossOf(view: CatalogView, provider: Provider, failure: string): string {
    const names = namesOfTriplets(reached(view, provider));
    return names === ""
        ? `Programs do not come through it as the catalog stands; whoever asks for its entries gets ${failure}.`
        : `Every new ${view.bits}-bit program gets ${failure} when it opens a socket (${names}): no network.`;
}

export const failedInit = "WSAEPROVIDERFAILEDINIT (10106)";
