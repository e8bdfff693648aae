// What there is to draw of a catalog: for each protocol who serves it, in what order, through which chain; what is
// broken in it. Pure. tree.ts and svg.ts draw it.

import { protocolTitle } from "./format.js";
import { type Catalog, type CatalogEntry, type CatalogName, type NamespaceEntry, catalogNames } from "./model.js";
import { PFL_HIDDEN } from "./names.js";

/** One place of a chain. */
export interface ChainPlace {
    id: number;
    /** Absent: the chain names an id that the catalog does not have. */
    entry?: CatalogEntry;
    /** What is wrong with it, in words. */
    fault?: string;
}

/** One entry that serves a protocol, and the way of a call through it. */
export interface ChainRow {
    entry: CatalogEntry;
    /** It is what a program gets that asks for the protocol. */
    first: boolean;
    /** Winsock's functions do not list it (PFL_HIDDEN); programs that ask for the protocol get it all the same. */
    unlisted: boolean;
    /** What a call comes to after the entry itself, in that order; empty for a base entry. */
    below: ChainPlace[];
    /** What is wrong with the chain as a whole, in words. */
    faults: string[];
}

/** Everybody who serves one protocol, in catalog order. */
export interface ProtocolView {
    /** `TCP/IPv4` */
    title: string;
    rows: ChainRow[];
}

/** An entry that only stands for its provider in chains. */
export interface HiddenView {
    entry: CatalogEntry;
    /** Ids of the entries whose chains name it. */
    namedBy: number[];
}

/** One catalog as it is drawn. */
export interface ChainView {
    bits: CatalogName;
    /** How many protocol entries there are. */
    count: number;
    protocols: ProtocolView[];
    hidden: HiddenView[];
    namespaces: NamespaceEntry[];
    /** How many faults are drawn. */
    faults: number;
}

/** The file's name in a path of Windows. */
export function dllName(path: string): string {
    return path.slice(Math.max(path.lastIndexOf("\\"), path.lastIndexOf("/")) + 1) || path;
}

/** The catalogs as they are to be drawn, 64-bit first. */
export function chainViews(catalog: Catalog): ChainView[] {
    return catalogNames.flatMap((bits) => {
        const entries = catalog.protocols[bits];
        const namespaces = catalog.namespaces[bits] ?? [];
        return entries === undefined && namespaces.length === 0 ? [] : [chainView(bits, entries ?? [], namespaces)];
    });
}

function chainView(bits: CatalogName, entries: readonly CatalogEntry[], namespaces: NamespaceEntry[]): ChainView {
    const byId = new Map<number, CatalogEntry>();
    const repeated = new Set<number>();
    for (const entry of entries) {
        if (byId.has(entry.id)) {
            repeated.add(entry.id);
        } else {
            byId.set(entry.id, entry);
        }
    }
    const protocols = new Map<string, ProtocolView>();
    for (const entry of entries) {
        if (entry.kind === "hidden") {
            continue;
        }
        const key = `${entry.family} ${entry.socketType} ${entry.protocol}`;
        const protocol = protocols.get(key) ?? { title: protocolTitle(entry), rows: [] };
        protocols.set(key, protocol);
        const row = chainRow(entry, byId, protocol.rows.length === 0);
        if (repeated.has(entry.id)) {
            row.faults.push(`another entry has the id ${entry.id} too`);
        }
        protocol.rows.push(row);
    }
    const hidden = entries
        .filter((entry) => entry.kind === "hidden")
        .map((entry) => ({
            entry,
            namedBy: entries.filter(({ chain }) => chain.includes(entry.id)).map(({ id }) => id),
        }));
    const views = [...protocols.values()];
    const rows = views.flatMap((protocol) => protocol.rows);
    const faults = rows.reduce(
        (sum, { below, faults }) => sum + faults.length + below.filter(({ fault }) => fault !== undefined).length,
        0,
    );
    return { bits, count: entries.length, protocols: views, hidden, namespaces, faults };
}

/**
 * The first place of a layered entry's chain stands for the entry itself, by the hidden entry of its provider or by its
 * own id; it is drawn only where it does not.
 */
function chainRow(entry: CatalogEntry, byId: ReadonlyMap<number, CatalogEntry>, first: boolean): ChainRow {
    const row: ChainRow = {
        entry,
        first,
        unlisted: (entry.providerFlags & PFL_HIDDEN) !== 0,
        below: [],
        faults: [],
    };
    if (entry.kind !== "layered") {
        return row;
    }
    const [head, ...rest] = entry.chain;
    const self = head === undefined ? undefined : byId.get(head);
    const standsForIt = self === entry || (self?.kind === "hidden" && sameFile(self.path, entry.path));
    for (const id of standsForIt || head === undefined ? rest : entry.chain) {
        const found = byId.get(id);
        row.below.push({ id, ...(found === undefined ? { fault: "is not in the catalog" } : { entry: found }) });
    }
    const last = row.below.at(-1);
    if (last?.entry !== undefined && last.entry.kind !== "base") {
        row.faults.push("the chain does not end at a base entry");
    }
    return row;
}

function sameFile(a: string, b: string): boolean {
    return dllName(a).toLowerCase() === dllName(b).toLowerCase();
}
