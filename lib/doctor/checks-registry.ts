// The registry behind the catalogs: what must hold there before Winsock reads a catalog at all. Pure.

import { type CatalogName, catalogNames } from "../catalog/model.js";
import { catalogItemSize, decodeCatalogItem } from "../catalog/protocol-info.js";
import {
    type RegistryTree,
    dword,
    entriesKey,
    keyAt,
    namespaceCatalogKey,
    own,
    protocolCatalogKey,
} from "../catalog/registry.js";
import { MAX_PROTOCOL_CHAIN } from "../catalog/names.js";
import type { Facts } from "./facts.js";
import type { Findings } from "./findings.js";

export const countValue = { "64": "Num_Catalog_Entries64", "32": "Num_Catalog_Entries" } as const;
export const nextIdValue = "Next_Catalog_Entry_ID";

/** The subkeys of an entries key in catalog order. */
export function keysInOrder(key: RegistryTree): string[] {
    return Object.keys(key.keys).sort();
}

/** How the key of the entry at this place (from 0) is called. */
export function entryKeyName(index: number): string {
    return String(index + 1).padStart(12, "0");
}

/** What is wrong with a PackedCatalogItem, if anything. */
export function itemFault(key: RegistryTree | undefined): string | undefined {
    const value = own(key?.values, "PackedCatalogItem");
    if (value === undefined) {
        return "PackedCatalogItem is missing";
    }
    const bytes = Buffer.from(value.data, "base64");
    if (value.type !== 3 || bytes.byteLength !== catalogItemSize) {
        return `PackedCatalogItem is of type ${value.type} and has ${bytes.byteLength} bytes, not REG_BINARY of 888`;
    }
    return bytes.subarray(0, 260).includes(0) ? undefined : "the path in PackedCatalogItem does not end";
}

/** What is wrong with the key of a namespace provider, if anything. */
export function namespaceFault(key: RegistryTree | undefined): string | undefined {
    const id = own(key?.values, "ProviderId");
    if (id === undefined || id.type !== 3 || Buffer.from(id.data, "base64").byteLength !== 16) {
        return "ProviderId is missing or no GUID";
    }
    return own(key?.values, "LibraryPath") === undefined ? "LibraryPath is missing" : undefined;
}

export function checkRegistry(facts: Facts, findings: Findings): void {
    const catalog = keyAt(facts.registry, protocolCatalogKey);
    for (const bits of catalogsOf(facts)) {
        checkProtocols(bits, catalog, findings);
        checkNamespaces(bits, keyAt(facts.registry, namespaceCatalogKey), findings);
        checkReader(facts, bits, findings);
    }
    checkNextId(catalog, findings);
    if (facts.unconfirmed !== undefined) {
        findings.add("change-unconfirmed", {
            message: `A change of the catalog (${facts.unconfirmed.operation}) waits to be confirmed.`,
            consequence: `It is undone at ${facts.unconfirmed.until}, and nothing else can be changed before.`,
            advice: "to keep it: winsock-spi confirm; to undo it now: winsock-spi confirm --rollback",
        });
    }
    if (facts.pending !== undefined) {
        findings.add("operation-unfinished", {
            message: `An earlier operation (${facts.pending}) was interrupted.`,
            consequence: "The catalog may be half changed, and nothing else can be changed before it is settled.",
            advice: "winsock-spi recover (without Node: winsock-spi-rescue recover)",
        });
    }
}

function catalogsOf(facts: Facts): CatalogName[] {
    return catalogNames.filter((bits) => facts.machine.catalogs.includes(bits === "64" ? 64 : 32));
}

const unreadable = (bits: CatalogName): string =>
    `Winsock may refuse the whole ${bits}-bit catalog: then every ${bits}-bit program is without network.`;

function checkProtocols(bits: CatalogName, catalog: RegistryTree | undefined, findings: Findings): void {
    const entries = keyAt(catalog ?? { values: {}, keys: {} }, entriesKey[bits]);
    const names = entries === undefined ? [] : keysInOrder(entries);
    const faults = names.map((name) => itemFault(own(entries?.keys, name)));
    if (faults.every((fault) => fault !== undefined)) {
        findings.add("catalog-missing", {
            catalog: bits,
            message: `The ${bits}-bit catalog has no entry that can be read.`,
            consequence: `No ${bits}-bit program has a network.`,
            advice: "winsock-spi restore FILE with a backup, else netsh winsock reset and a restart",
        });
        return;
    }
    for (const [index, fault] of faults.entries()) {
        if (fault !== undefined) {
            findings.add("item-damaged", {
                catalog: bits,
                message: `${entriesKey[bits]}\\${names[index] ?? ""}: ${fault}.`,
                consequence: unreadable(bits),
                fix: "delete this entry, in which nothing is left to be saved, and number the others anew",
            });
        }
    }
    if (names.some((name, index) => name !== entryKeyName(index))) {
        findings.add("keys-not-contiguous", {
            catalog: bits,
            message: `The ${names.length} entries of ${entriesKey[bits]} are not numbered from 1 without a gap.`,
            consequence: unreadable(bits),
            fix: "number the entries anew, in the order that they have",
        });
    }
    const count = dword(catalog, countValue[bits]);
    if (count !== names.length) {
        findings.add("counter-entries", {
            catalog: bits,
            message: `${countValue[bits]} is ${count ?? "missing"}, and there are ${names.length} entries.`,
            consequence:
                (count ?? 0) > names.length ? unreadable(bits) : "The last entries are not seen by any program.",
            fix: `set ${countValue[bits]} to ${names.length}`,
        });
    }
}

function checkNextId(catalog: RegistryTree | undefined, findings: Findings): void {
    const next = dword(catalog, nextIdValue);
    const highest = highestId(catalog);
    if (catalog !== undefined && highest > 0 && (next === undefined || next <= highest)) {
        findings.add("counter-next-id", {
            message: `${nextIdValue} is ${next ?? "missing"}, and the id ${highest} is in use.`,
            consequence:
                "The next provider to be installed gets the id of another one, and chains lead to the wrong one.",
            fix: `set ${nextIdValue} to ${highest + 1}`,
        });
    }
}

/** The highest id of all entries that can be read. */
export function highestId(catalog: RegistryTree | undefined): number {
    let highest = 0;
    for (const bits of catalogNames) {
        for (const key of Object.values(own(catalog?.keys, entriesKey[bits])?.keys ?? {})) {
            if (itemFault(key) === undefined) {
                const item = decodeCatalogItem(Buffer.from(own(key.values, "PackedCatalogItem")?.data ?? "", "base64"));
                highest = Math.max(highest, item.info.catalogEntryId);
            }
        }
    }
    return highest;
}

function checkNamespaces(bits: CatalogName, catalog: RegistryTree | undefined, findings: Findings): void {
    const entries = own(catalog?.keys, entriesKey[bits]);
    if (catalog === undefined || entries === undefined) {
        return; // a Windows without namespace providers works; it resolves names through its own service
    }
    const names = keysInOrder(entries);
    for (const name of names) {
        const fault = namespaceFault(own(entries.keys, name));
        if (fault !== undefined) {
            findings.add("namespace-item-damaged", {
                catalog: bits,
                message: `${namespaceCatalogKey}\\${entriesKey[bits]}\\${name}: ${fault}.`,
                consequence: `${bits}-bit programs may be unable to resolve names: getaddrinfo fails.`,
                fix: "delete this entry, in which nothing is left to be saved, and number the others anew",
            });
        }
    }
    const count = dword(catalog, countValue[bits]);
    if (count !== names.length || names.some((name, index) => name !== entryKeyName(index))) {
        findings.add("namespace-counter", {
            catalog: bits,
            message:
                `${namespaceCatalogKey}: ${countValue[bits]} is ${count ?? "missing"}, and there are ` +
                `${names.length} entries, numbered from ${names[0] ?? "nothing"} to ${names.at(-1) ?? "nothing"}.`,
            consequence: `${bits}-bit programs may be unable to resolve names: getaddrinfo fails.`,
            fix: "number the entries anew, in the order that they have, and count them",
        });
    }
}

function checkReader(facts: Facts, bits: CatalogName, findings: Findings): void {
    const read = facts.winsock[bits];
    const entries = facts.catalog.protocols[bits];
    if (read === undefined || entries === undefined) {
        return;
    }
    if ("code" in read) {
        findings.add("winsock-unreadable", {
            catalog: bits,
            message: `Winsock's own functions cannot read the ${bits}-bit catalog: ${read.message.replace(/\.?$/, ".")}`,
            consequence: `No ${bits}-bit program can open a socket, and netsh and installers cannot mend it.`,
            advice: "repair what else is found in this catalog; if nothing is, winsock-spi restore FILE with a backup",
        });
        return;
    }
    const registered = entries.map(({ id }) => id);
    if (read.ids.join() !== registered.join()) {
        const only = (a: number[], b: number[]): string => a.filter((id) => !b.includes(id)).join(", ") || "none";
        findings.add("winsock-differs", {
            catalog: bits,
            entries: [...new Set([...read.ids, ...registered])].filter(
                (id) => !read.ids.includes(id) || !registered.includes(id),
            ),
            message:
                `Winsock lists ${read.ids.length} entries in the ${bits}-bit catalog and the registry has ` +
                `${registered.length} (ids only in Winsock: ${only(read.ids, registered)}; only in the registry: ` +
                `${only(registered, read.ids)}).`,
            consequence: "What is seen here and what programs get are not the same.",
            advice: "run it again; if it stays, restart Windows",
        });
    }
}

/** Entries whose chain length is none that Winsock knows: the decoded entries do not show it. */
export function checkChainLengths(facts: Facts, findings: Findings): void {
    for (const bits of catalogsOf(facts)) {
        const entries = keyAt(facts.registry, protocolCatalogKey, entriesKey[bits]);
        for (const name of entries === undefined ? [] : keysInOrder(entries)) {
            const key = own(entries?.keys, name);
            if (itemFault(key) !== undefined) {
                continue;
            }
            const { info } = decodeCatalogItem(
                Buffer.from(own(key?.values, "PackedCatalogItem")?.data ?? "", "base64"),
            );
            if (info.chainLength < 0 || info.chainLength > MAX_PROTOCOL_CHAIN) {
                findings.add("chain-length", {
                    catalog: bits,
                    entries: [info.catalogEntryId],
                    message: `The chain of "${info.name}" (id ${info.catalogEntryId}) has the length ${info.chainLength}.`,
                    consequence: unreadable(bits),
                    advice: "remove the provider and install it again",
                });
            }
        }
    }
}
