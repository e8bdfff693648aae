// What differs between two catalogs: added, removed, moved, and changed field by field. Pure. The serial number and the
// next free catalog id are no part of it: Windows counts them up with every change and never back.

import type { Backup } from "./backup.js";
import { type Catalog, type CatalogEntry, type CatalogName, type NamespaceEntry, catalogNames } from "./model.js";
import {
    type RegistryTree, catalogOfRegistry, entriesKey, isAccessKey, keyAt, namespaceCatalogKey, own, protocolCatalogKey,
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

/** What {@link diff} finds. */
export interface CatalogDiff {
    same: boolean;
    protocols: { [bits in CatalogName]?: EntryChange<CatalogEntry>[] };
    namespaces: { [bits in CatalogName]?: EntryChange<NamespaceEntry>[] };
    /** Only when both sides are backups: registry values that no entry shows. */
    registry: RegistryChange[];
}

/** A backup, or what else has the registry's values. */
export type Registered = Pick<Backup, "registry">;

/**
 * Compares two catalogs, each given as a {@link Catalog} or a {@link Backup} (whose registry counts, not its decoded
 * copy). Entries belong together by provider GUID and catalog id; if there is none with that id, by GUID and triplet.
 * Where a DLL path leads on this machine (`resolvedPath`) is not compared.
 */
export function diff(before: Catalog | Registered, after: Catalog | Registered): CatalogDiff {
    const left = catalogOf(before);
    const right = catalogOf(after);
    const result: CatalogDiff = { same: true, protocols: {}, namespaces: {}, registry: [] };
    for (const bits of catalogNames) {
        const protocols = compareLists(left.protocols[bits], right.protocols[bits], protocolKeys);
        if (protocols.length > 0) {
            result.protocols[bits] = protocols;
        }
        const namespaces = compareLists(left.namespaces[bits], right.namespaces[bits], namespaceKeys);
        if (namespaces.length > 0) {
            result.namespaces[bits] = namespaces;
        }
    }
    if ("registry" in before && "registry" in after) {
        compareKeys([], before.registry, after.registry, result);
    }
    result.same =
        Object.keys(result.protocols).length === 0 &&
        Object.keys(result.namespaces).length === 0 &&
        result.registry.length === 0;
    return result;
}

function catalogOf(source: Catalog | Registered): Catalog {
    return "registry" in source ? catalogOfRegistry(source.registry) : source;
}

/** Names by which an entry finds its counterpart, the most exact first. */
type KeysOf<Entry> = (entry: Entry) => string[];

const protocolKeys: KeysOf<CatalogEntry> = (entry) => [
    `${entry.providerId} ${entry.id}`,
    `${entry.providerId} ${entry.family} ${entry.socketType} ${entry.protocol} ${entry.kind}`,
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

function compareFields<Entry extends object>(before: Entry, after: Entry): FieldChange[] {
    const left = before as Readonly<Record<string, unknown>>;
    const right = after as Readonly<Record<string, unknown>>;
    const names = new Set([...Object.keys(left), ...Object.keys(right)]);
    names.delete("resolvedPath");
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

const title = (entry: CatalogEntry | NamespaceEntry): string =>
    "id" in entry ? `${entry.id} ${entry.name} ${entry.providerId}` : `${entry.name} ${entry.providerId}`;

function describeChange(change: EntryChange<CatalogEntry | NamespaceEntry>): string[] {
    switch (change.change) {
        case "added":
            return [`  + ${title(change.entry)}  (place ${change.position + 1})`];
        case "removed":
            return [`  - ${title(change.entry)}  (place ${change.position + 1})`];
        case "moved":
            return [`  > ${title(change.entry)}  from place ${change.from + 1} to ${change.to + 1}`];
        case "changed":
            return [
                `  ~ ${title(change.entry)}`,
                ...change.fields.map(
                    (field) => `      ${field.name}: ${JSON.stringify(field.before)} -> ${JSON.stringify(field.after)}`,
                ),
            ];
    }
}

function describeValue(value: { type: number; data: string } | undefined): string {
    if (value === undefined) {
        return "(none)";
    }
    return `type ${value.type}, ${Buffer.from(value.data, "base64").toString("hex") || "empty"}`;
}

/** A {@link CatalogDiff} as text for people; empty if nothing differs. */
export function formatDiff(changes: CatalogDiff): string {
    const lines: string[] = [];
    for (const bits of catalogNames) {
        for (const what of ["protocol", "namespace"] as const) {
            const list = what === "protocol" ? changes.protocols[bits] : changes.namespaces[bits];
            if (list !== undefined) {
                lines.push(`${bits}-bit ${what} catalog`, ...list.flatMap(describeChange));
            }
        }
    }
    if (changes.registry.length > 0) {
        lines.push("registry below WinSock2\\Parameters");
        for (const { path, before, after } of changes.registry) {
            const values = `${describeValue(before)} -> ${describeValue(after)}`;
            lines.push(path.endsWith("\\") ? `  ! ${path}` : `  ~ ${path}: ${values}`);
        }
    }
    return lines.join("\n");
}
