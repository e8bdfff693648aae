// What differs between two catalogs: added, removed, moved, and changed field by field. Pure. The serial number and the
// next free catalog id make no difference: Windows counts them up with every change and never back.

import type { Backup } from "./backup.js";
import { applicationCatalogKey, applicationsOfRegistry } from "./categories.js";
import {
    type ApplicationEntry,
    type Catalog,
    type CatalogEntry,
    type CatalogName,
    type NamespaceEntry,
    catalogNames,
} from "./model.js";
import {
    type RegistryTree,
    catalogOfRegistry,
    dword,
    entriesKey,
    isAccessKey,
    keyAt,
    namespaceCatalogKey,
    own,
    protocolCatalogKey,
} from "./registry.js";

/** One difference between two lists of entries. */
export type EntryChange<Entry> =
    | { change: "added"; entry: Entry; position: number }
    | { change: "removed"; entry: Entry; position: number }
    /** Positions count from 0 in each list. */
    | { change: "moved"; entry: Entry; from: number; to: number }
    /** `entry` as it was before. */
    | { change: "changed"; entry: Entry; fields: FieldChange[] };

/** One field of an entry that has another value. */
export interface FieldChange {
    name: string;
    before: unknown;
    after: unknown;
}

/** A registry value or key outside the decoded entries that differs; `undefined` where there is none. */
export interface RegistryChange {
    /** Relative to WinSock2\Parameters. A key that is there on one side only ends with a backslash. */
    path: string;
    before?: { type: number; data: string };
    after?: { type: number; data: string };
}

/** The LSP categories of a layered provider that differ, as LSP_ bits; 0: none. */
export interface CategoryChange {
    providerId: string;
    /** As the catalog calls it, before or after. */
    name: string;
    before: number;
    after: number;
}

/** A counter of the registry. That it went on counting is no difference, but tells that there were changes. */
export interface CounterChange {
    /** Relative to WinSock2\\Parameters. */
    path: string;
    before?: number;
    after?: number;
}

/** What {@link diff} finds. */
export interface CatalogDiff {
    same: boolean;
    protocols: { [bits in CatalogName]?: EntryChange<CatalogEntry>[] };
    namespaces: { [bits in CatalogName]?: EntryChange<NamespaceEntry>[] };
    /** Of a catalog of which both sides know. */
    categories: { [bits in CatalogName]?: CategoryChange[] };
    /** Which categories programs permit. Their order means nothing. */
    applications: EntryChange<ApplicationEntry>[];
    /** Only when both sides are backups: registry values that no entry shows. */
    registry: RegistryChange[];
    /** Only when both sides are backups, and no part of `same`. */
    counters: CounterChange[];
}

/** A backup, or what else has the registry's values. */
export type Registered = Pick<Backup, "registry"> & Partial<Pick<Backup, "decoded">>;

/**
 * Compares two catalogs, each given as a {@link Catalog} or a {@link Backup} (whose registry counts, not its decoded
 * copy). Entries belong together by provider GUID and catalog id; if there is none with that id, by GUID and triplet.
 * Where a DLL path leads on this machine (`resolvedPath`), translated names and raw bytes are not compared.
 */
export function diff(before: Catalog | Registered, after: Catalog | Registered): CatalogDiff {
    const left = catalogOf(before);
    const right = catalogOf(after);
    const result: CatalogDiff = {
        same: true,
        protocols: {},
        namespaces: {},
        categories: {},
        applications: [],
        registry: [],
        counters: [],
    };
    for (const bits of catalogNames) {
        const protocols = compareLists(left.protocols[bits], right.protocols[bits], protocolKeys);
        if (protocols.length > 0) {
            result.protocols[bits] = protocols;
        }
        const namespaces = compareLists(left.namespaces[bits], right.namespaces[bits], namespaceKeys);
        if (namespaces.length > 0) {
            result.namespaces[bits] = namespaces;
        }
        const categories = compareCategories(left, right, bits);
        if (categories.length > 0) {
            result.categories[bits] = categories;
        }
    }
    if (left.applications !== undefined && right.applications !== undefined) {
        const changes = compareLists(left.applications, right.applications, applicationKeys);
        result.applications = changes.filter(({ change }) => change !== "moved");
    }
    if ("registry" in before && "registry" in after) {
        compareKeys([], before.registry, after.registry, result);
        result.counters = compareCounters(before.registry, after.registry);
    }
    result.same =
        Object.keys(result.protocols).length === 0 &&
        Object.keys(result.namespaces).length === 0 &&
        Object.keys(result.categories).length === 0 &&
        result.applications.length === 0 &&
        result.registry.length === 0;
    return result;
}

function catalogOf(source: Catalog | Registered): Catalog {
    if (!("registry" in source)) {
        return source;
    }
    const categories = source.decoded?.categories;
    return {
        ...catalogOfRegistry(source.registry),
        ...(categories === undefined ? {} : { categories }), // where Windows keeps them is not documented
        applications: applicationsOfRegistry(source.registry),
    };
}

function compareCategories(before: Catalog, after: Catalog, bits: CatalogName): CategoryChange[] {
    const [left, right] = [before.categories?.[bits], after.categories?.[bits]];
    if (left === undefined || right === undefined) {
        return [];
    }
    const entries = [...(before.protocols[bits] ?? []), ...(after.protocols[bits] ?? [])];
    const nameOf = (guid: string): string => entries.find(({ providerId }) => providerId === guid)?.name ?? "";
    return [...new Set([...Object.keys(left), ...Object.keys(right)])]
        .map((providerId) => ({
            providerId,
            name: nameOf(providerId),
            before: own(left, providerId) ?? 0,
            after: own(right, providerId) ?? 0,
        }))
        .filter((one) => one.before !== one.after);
}

function compareCounters(before: RegistryTree, after: RegistryTree): CounterChange[] {
    return [...counters].flatMap((path): CounterChange[] => {
        const [key = "", name = ""] = path.split("\\");
        const [left, right] = [dword(keyAt(before, key), name), dword(keyAt(after, key), name)];
        if (left === right) {
            return [];
        }
        const sides = {
            ...(left === undefined ? {} : { before: left }),
            ...(right === undefined ? {} : { after: right }),
        };
        return [{ path, ...sides }];
    });
}

/** Names by which an entry finds its counterpart, the most exact first. */
type KeysOf<Entry> = (entry: Entry) => string[];

const protocolKeys: KeysOf<CatalogEntry> = (entry) => [
    `${entry.providerId} ${entry.id}`,
    `${entry.providerId} ${entry.family} ${entry.socketType} ${entry.protocol} ${entry.kind}`,
];

const applicationKeys: KeysOf<ApplicationEntry> = ({ key, program, args }) => [
    `${key} ${program.toLowerCase()} ${args}`,
    `${program.toLowerCase()} ${args.toLowerCase()}`,
];

const namespaceKeys: KeysOf<NamespaceEntry> = (entry) => [`${entry.providerId} ${entry.namespace}`, entry.providerId];

function compareLists<Entry extends object>(
    before: readonly Entry[] = [],
    after: readonly Entry[] = [],
    keysOf: KeysOf<Entry>,
): EntryChange<Entry>[] {
    const counterpart = pair(before, after, keysOf);
    const changes: EntryChange<Entry>[] = [];
    const stayed = longestIncreasing(counterpart);
    for (const [position, entry] of before.entries()) {
        const to = counterpart[position];
        const other = to === undefined ? undefined : after[to];
        if (to === undefined || other === undefined) {
            changes.push({ change: "removed", entry, position });
            continue;
        }
        const fields = compareFields(entry, other);
        if (fields.length > 0) {
            changes.push({ change: "changed", entry, fields });
        }
        if (!stayed.has(position)) {
            changes.push({ change: "moved", entry, from: position, to });
        }
    }
    const taken = new Set(counterpart);
    for (const [position, entry] of after.entries()) {
        if (!taken.has(position)) {
            changes.push({ change: "added", entry, position });
        }
    }
    return changes;
}

/** For each entry before, the position of its counterpart after, if it has one. */
function pair<Entry>(before: readonly Entry[], after: readonly Entry[], keysOf: KeysOf<Entry>): (number | undefined)[] {
    const counterpart = new Array<number | undefined>(before.length).fill(undefined);
    const free = new Set(after.keys());
    for (const level of [0, 1]) {
        const places = new Map<string, number[]>();
        for (const position of free) {
            const entry = after[position];
            const key = entry === undefined ? undefined : keysOf(entry)[level];
            if (key !== undefined) {
                places.set(key, [...(places.get(key) ?? []), position]);
            }
        }
        for (const [position, entry] of before.entries()) {
            if (counterpart[position] !== undefined) {
                continue;
            }
            const found = places.get(keysOf(entry)[level] ?? "")?.shift();
            if (found !== undefined) {
                counterpart[position] = found;
                free.delete(found);
            }
        }
    }
    return counterpart;
}

/** Positions of a longest increasing subsequence: the entries that need not have moved. */
function longestIncreasing(values: readonly (number | undefined)[]): Set<number> {
    const length = new Map<number, number>();
    const previous = new Map<number, number>();
    let last: number | undefined;
    for (const [index, value] of values.entries()) {
        if (value === undefined) {
            continue;
        }
        length.set(index, 1);
        for (const [earlier, earlierLength] of length) {
            const earlierValue = values[earlier];
            if (earlierValue !== undefined && earlierValue < value && earlierLength + 1 > (length.get(index) ?? 1)) {
                length.set(index, earlierLength + 1);
                previous.set(index, earlier);
            }
        }
        if (last === undefined || (length.get(index) ?? 0) > (length.get(last) ?? 0)) {
            last = index;
        }
    }
    const result = new Set<number>();
    for (let index = last; index !== undefined; index = previous.get(index)) {
        result.add(index);
    }
    return result;
}

/** What depends on who looks, and the bytes that are told already. */
const notCompared = ["resolvedPath", "displayName", "raw"];

function compareFields<Entry extends object>(before: Entry, after: Entry): FieldChange[] {
    const left = before as Readonly<Record<string, unknown>>;
    const right = after as Readonly<Record<string, unknown>>;
    const names = new Set([...Object.keys(left), ...Object.keys(right)]);
    for (const name of notCompared) {
        names.delete(name);
    }
    return [...names]
        .filter((name) => JSON.stringify(left[name]) !== JSON.stringify(right[name]))
        .map((name) => ({ name, before: left[name], after: right[name] }));
}

/** What counts with every change and is no difference. */
const counters: ReadonlySet<string> = new Set([
    `${protocolCatalogKey}\\Serial_Access_Num`,
    `${protocolCatalogKey}\\Next_Catalog_Entry_ID`,
    `${namespaceCatalogKey}\\Serial_Access_Num`,
]);

/** Registry paths that the decoded entries have told of already: a list that differs, and its counter. */
function toldAlready(path: string, result: CatalogDiff): boolean {
    if (path === applicationCatalogKey && result.applications.length > 0) {
        return true;
    }
    return catalogNames.some((bits) => {
        const counter = bits === "64" ? "Num_Catalog_Entries64" : "Num_Catalog_Entries";
        const protocols = [entriesKey[bits], counter].map((name) => `${protocolCatalogKey}\\${name}`);
        const namespaces = [entriesKey[bits], counter].map((name) => `${namespaceCatalogKey}\\${name}`);
        return (
            (result.protocols[bits] !== undefined && protocols.includes(path)) ||
            (result.namespaces[bits] !== undefined && namespaces.includes(path))
        );
    });
}

function compareKeys(names: readonly string[], before: RegistryTree, after: RegistryTree, result: CatalogDiff): void {
    const at = (name: string): string => [...names, name].join("\\");
    for (const name of new Set([...Object.keys(before.values), ...Object.keys(after.values)])) {
        const left = own(before.values, name);
        const right = own(after.values, name);
        const same = left !== undefined && right !== undefined && left.type === right.type && left.data === right.data;
        if (!same && !counters.has(at(name)) && !toldAlready(at(name), result)) {
            result.registry.push({
                path: at(name),
                ...(left === undefined ? {} : { before: left }),
                ...(right === undefined ? {} : { after: right }),
            });
        }
    }
    for (const name of new Set([...Object.keys(before.keys), ...Object.keys(after.keys)])) {
        const inCatalog = names.length === 1 && (names[0] === protocolCatalogKey || names[0] === namespaceCatalogKey);
        if (toldAlready(at(name), result) || (inCatalog && isAccessKey(name))) {
            continue;
        }
        const left = keyAt(before, name);
        const right = keyAt(after, name);
        if (left === undefined || right === undefined) {
            result.registry.push({ path: `${at(name)}\\` });
        }
        const empty: RegistryTree = { values: {}, keys: {} };
        compareKeys([...names, name], left ?? empty, right ?? empty, result);
    }
}

export { formatDiff } from "./diff-text.js";
