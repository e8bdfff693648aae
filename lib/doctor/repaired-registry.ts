// The registry of a catalog as it must be, out of what it is: entries that cannot be read are left out, the others are
// numbered and counted anew. Pure.

import { type CatalogName, catalogNames } from "../catalog/model.js";
import { chainPlaces } from "../catalog/model.js";
import { decodeCatalogItem, encodeCatalogItem, encodeProtocolInfo, formatGuid } from "../catalog/protocol-info.js";
import { type RegistryTree, type RegistryTreeValue, dword, dwordValue, entriesKey, own } from "../catalog/registry.js";
import {
    countValue,
    entryKeyName,
    highestId,
    itemFault,
    keysInOrder,
    namespaceFault,
    nextIdValue,
} from "./checks-registry.js";
import type { CatalogEdits } from "./plan-repair.js";

/** Protocol_Catalog9 with the edits made. */
export function protocolsRepaired(catalog: RegistryTree, edits: readonly CatalogEdits[]): RegistryTree {
    const repaired = withEntries(catalog, (bits, entries) => {
        const edited = edits.find(({ view }) => view.bits === bits);
        const seen = new Set<string>();
        return entries.flatMap((key) => {
            const item = itemFault(key) !== undefined ? undefined : repairedItem(key, edited);
            const bytes = own(item?.values, "PackedCatalogItem")?.data ?? "";
            const copy = seen.has(bytes);
            seen.add(bytes);
            return item === undefined || copy ? [] : [item];
        });
    });
    const highest = highestId(catalog);
    const next = dword(catalog, nextIdValue);
    return next === undefined || next <= highest
        ? { ...repaired, values: { ...repaired.values, [nextIdValue]: dwordValue(highest + 1) } }
        : repaired;
}

/** One entry's key with its chain put right, or undefined where the entry is to go. */
function repairedItem(key: RegistryTree, edits: CatalogEdits | undefined): RegistryTree | undefined {
    const value = own(key.values, "PackedCatalogItem");
    const bytes = Buffer.from(value?.data ?? "", "base64");
    const { path, info } = decodeCatalogItem(bytes);
    if (value === undefined || edits?.gone.has(info.catalogEntryId) === true) {
        return undefined;
    }
    const chain = edits?.chains.get(info.catalogEntryId);
    if (chain === undefined) {
        return key;
    }
    const changed = encodeProtocolInfo({ chainLength: chain.length, chainEntries: chainPlaces(chain) }, info.bytes);
    const data = Buffer.from(encodeCatalogItem({ path, info: changed }, bytes)).toString("base64");
    return { ...key, values: { ...key.values, PackedCatalogItem: { ...value, data } } };
}

/** NameSpace_Catalog5 without what cannot be read and without these providers. */
export function namespacesRepaired(
    catalog: RegistryTree,
    dead: ReadonlyMap<CatalogName, ReadonlySet<string>>,
): RegistryTree {
    return withEntries(catalog, (bits, entries) =>
        entries.filter((key) => {
            const id = Buffer.from(own(key.values, "ProviderId")?.data ?? "", "base64");
            return namespaceFault(key) === undefined && dead.get(bits)?.has(formatGuid(id)) !== true;
        }),
    );
}

/** A catalog with these entries instead of its own, numbered and counted anew. */
function withEntries(
    catalog: RegistryTree,
    change: (bits: CatalogName, entries: RegistryTree[]) => RegistryTree[],
): RegistryTree {
    const values: Record<string, RegistryTreeValue> = { ...catalog.values };
    const keys: Record<string, RegistryTree> = { ...catalog.keys };
    for (const bits of catalogNames) {
        const entries = own(catalog.keys, entriesKey[bits]);
        if (entries === undefined) {
            continue;
        }
        const kept = change(
            bits,
            keysInOrder(entries).flatMap((name) => own(entries.keys, name) ?? []),
        );
        keys[entriesKey[bits]] = { ...entries, keys: numbered(kept) };
        values[countValue[bits]] = dwordValue(kept.length);
    }
    return { ...catalog, values, keys };
}

function numbered(entries: readonly RegistryTree[]): Record<string, RegistryTree> {
    return Object.fromEntries(entries.map((entry, index) => [entryKeyName(index), entry]));
}
