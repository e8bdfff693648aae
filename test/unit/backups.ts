// Made-up backups for the tests of pure functions.

import { type Backup, backupFormat, backupVersion, registryChecksum } from "#lib/catalog/backup.js";
import type { ApplicationEntry, Catalog, CatalogEntry, NamespaceEntry } from "#lib/catalog/model.js";
import { infoOfEntry } from "#lib/catalog/model.js";
import { encodeCatalogItem, parseGuid } from "#lib/catalog/protocol-info.js";
import { type RegistryTree, type RegistryTreeValue, dwordValue } from "#lib/catalog/registry.js";
import type { Random } from "./catalogs.js";

export function binary(bytes: Uint8Array): RegistryTreeValue {
    return { type: 3, data: Buffer.from(bytes).toString("base64") };
}

export function text(value: string): RegistryTreeValue {
    return { type: 1, data: Buffer.from(`${value}\0`, "utf16le").toString("base64") };
}

const place = (index: number): string => String(index + 1).padStart(12, "0");

function protocolsKey(entries: readonly CatalogEntry[]): RegistryTree {
    const keys = entries.map((entry, index): [string, RegistryTree] => [
        place(index),
        {
            values: { PackedCatalogItem: binary(encodeCatalogItem({ path: entry.path, info: infoOfEntry(entry) })) },
            keys: {},
        },
    ]);
    return { values: {}, keys: Object.fromEntries(keys) };
}

function namespacesKey(entries: readonly NamespaceEntry[]): RegistryTree {
    const keys = entries.map((entry, index): [string, RegistryTree] => [
        place(index),
        {
            values: {
                DisplayString: text(entry.name),
                Enabled: dwordValue(entry.enabled ? 1 : 0),
                LibraryPath: text(entry.path),
                ProviderId: binary(parseGuid(entry.providerId)),
                StoresServiceClassInfo: dwordValue(entry.storesServiceClassInfo ? 1 : 0),
                SupportedNameSpace: dwordValue(entry.namespace),
                Version: dwordValue(entry.version),
            },
            keys: {},
        },
    ]);
    return { values: {}, keys: Object.fromEntries(keys) };
}

function applicationsKey(applications: readonly ApplicationEntry[]): RegistryTree {
    const keys = applications.map(({ key, program, args, categories }): [string, RegistryTree] => [
        key,
        {
            values: {
                AppFullPath: text(program),
                ...(args === "" ? {} : { AppArgs: text(args) }),
                PermittedLspCategories: dwordValue(categories),
            },
            keys: {},
        },
    ]);
    return { values: {}, keys: Object.fromEntries(keys) };
}

/** The registry below WinSock2\Parameters as Windows lays these catalogs out. */
export function registryOf(catalog: Catalog, serial = 5, nextId = 1100): RegistryTree {
    const { "64": wide, "32": narrow } = catalog.protocols;
    const { "64": wideNames, "32": narrowNames } = catalog.namespaces;
    return {
        values: { WinSock_Registry_Version: text("2.0"), Current_Protocol_Catalog: text("Protocol_Catalog9") },
        keys: {
            ...(catalog.applications && { AppId_Catalog: applicationsKey(catalog.applications) }),
            Protocol_Catalog9: {
                values: {
                    ...(narrow && { Num_Catalog_Entries: dwordValue(narrow.length) }),
                    ...(wide && { Num_Catalog_Entries64: dwordValue(wide.length) }),
                    Next_Catalog_Entry_ID: dwordValue(nextId),
                    Serial_Access_Num: dwordValue(serial),
                },
                keys: {
                    ...(narrow && { Catalog_Entries: protocolsKey(narrow) }),
                    ...(wide && { Catalog_Entries64: protocolsKey(wide) }),
                },
            },
            NameSpace_Catalog5: {
                values: {
                    ...(narrowNames && { Num_Catalog_Entries: dwordValue(narrowNames.length) }),
                    ...(wideNames && { Num_Catalog_Entries64: dwordValue(wideNames.length) }),
                    Serial_Access_Num: dwordValue(serial),
                },
                keys: {
                    ...(narrowNames && { Catalog_Entries: namespacesKey(narrowNames) }),
                    ...(wideNames && { Catalog_Entries64: namespacesKey(wideNames) }),
                },
            },
        },
    };
}

/** A sound backup of these catalogs, or of this registry. */
export function backupOf(catalog: Catalog, registry = registryOf(catalog)): Backup {
    return {
        format: backupFormat,
        version: backupVersion,
        created: "2026-11-21T01:02:03.456Z",
        machine: {
            computer: "TEST",
            windows: "10.0.19045",
            arch: "x64",
            catalogs: catalog.protocols["64"] === undefined ? [32] : [64, 32],
        },
        registry,
        decoded: catalog,
        dlls: {},
        checksum: registryChecksum(registry),
    };
}

/** The text with one fault: cut off, a character replaced, a piece gone, a piece of itself or something of these put in. */
export function mutateText(random: Random, text: string, insertions: readonly string[]): string {
    const at = random.below(text.length);
    switch (random.below(5)) {
        case 0:
            return text.slice(0, at);
        case 1:
            return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
        case 2:
            return text.slice(0, at) + text.slice(at + 1 + random.below(50));
        case 3:
            return (
                text.slice(0, at) + text.slice(random.below(text.length), random.below(text.length)) + text.slice(at)
            );
        default:
            return text.slice(0, at) + random.pick(insertions) + text.slice(at);
    }
}
