// The registry below WinSock2\Parameters as plain data, the form in which backups and plans carry it (bytes as base64),
// and the catalogs that are in it. Pure: reading the live registry is lib/catalog/read.ts.

import type { RegistryKey } from "../native.js";
import { type Catalog, type CatalogEntry, type CatalogName, type NamespaceEntry, entryOfInfo } from "./model.js";
import { namespaceName } from "./names.js";
import { type ProtocolInfo, catalogItemSize, decodeCatalogItem, formatGuid } from "./protocol-info.js";

/** One registry value: its REG_ type and its bytes in base64. */
export interface RegistryTreeValue {
    type: number;
    data: string;
}

/** A registry key with everything below it. */
export interface RegistryTree {
    values: Record<string, RegistryTreeValue>;
    keys: Record<string, RegistryTree>;
    /** Security descriptor of the key as SDDL text, for information: restoring leaves descriptors alone. */
    security?: string;
}

/** Where the protocol catalog and the namespace catalog are, below WinSock2\Parameters. */
export const protocolCatalogKey = "Protocol_Catalog9";
export const namespaceCatalogKey = "NameSpace_Catalog5";

/** The subkey that holds a catalog's entries. */
export const entriesKey = { "64": "Catalog_Entries64", "32": "Catalog_Entries" } as const;

const REG_SZ = 1;
const REG_EXPAND_SZ = 2;
const REG_DWORD = 4;

/** What the addon read, with bytes as base64. Members are made as own properties, whatever their name (`__proto__`). */
export function treeOfKey(key: RegistryKey): RegistryTree {
    return {
        values: Object.fromEntries(
            Object.entries(key.values).map(([name, value]) => [
                name,
                { type: value.type, data: Buffer.from(value.data).toString("base64") },
            ]),
        ),
        keys: Object.fromEntries(Object.entries(key.keys).map(([name, child]) => [name, treeOfKey(child)])),
        ...(key.security === undefined ? {} : { security: key.security }),
    };
}

/** An own member of a record, or undefined. */
export function own<T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
    return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

/** The key at these names below `tree`, or undefined. */
export function keyAt(tree: RegistryTree, ...names: readonly string[]): RegistryTree | undefined {
    return names.reduce<RegistryTree | undefined>((key, name) => own(key?.keys, name), tree);
}

/** The number in a REG_DWORD value, or undefined where there is none. */
export function dword(key: RegistryTree | undefined, name: string): number | undefined {
    const value = own(key?.values, name);
    const bytes = value?.type === REG_DWORD ? Buffer.from(value.data, "base64") : undefined;
    return bytes?.byteLength === 4 ? bytes.readUInt32LE(0) : undefined;
}

/** The REG_DWORD value of a number. */
export function dwordValue(number: number): RegistryTreeValue {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(number);
    return { type: REG_DWORD, data: bytes.toString("base64") };
}

/** The text of a REG_SZ or REG_EXPAND_SZ value, up to its NUL; undefined where there is none. */
export function textValue(key: RegistryTree, name: string): string | undefined {
    const value = own(key.values, name);
    if (value === undefined || (value.type !== REG_SZ && value.type !== REG_EXPAND_SZ)) {
        return undefined;
    }
    return Buffer.from(value.data, "base64")
        .toString("utf16le")
        .replace(/\0[^]*$/, "");
}

/**
 * Windows' access keys: volatile, named by a serial number in 8 hex digits; they say who is waiting, not what is there.
 */
export function isAccessKey(name: string): boolean {
    return /^[0-9A-F]{8}$/i.test(name);
}

/** Reads the catalogs out of the registry's bytes; `problems` gets a sentence for each entry that cannot be read. */
export function catalogOfRegistry(parameters: RegistryTree, problems: string[] = []): Catalog {
    const catalog: Catalog = { protocols: {}, namespaces: {} };
    for (const bits of ["64", "32"] as const) {
        const protocols = keyAt(parameters, protocolCatalogKey, entriesKey[bits]);
        if (protocols !== undefined) {
            catalog.protocols[bits] = protocolItems(parameters, bits, problems).map(({ entry }) => entry);
        }
        const namespaces = keyAt(parameters, namespaceCatalogKey, entriesKey[bits]);
        if (namespaces !== undefined) {
            catalog.namespaces[bits] = namespaceItems(parameters, bits, problems).map(({ entry }) => entry);
        }
    }
    return catalog;
}

/** Subkeys in catalog order: by number, since that is what 000000000001 is. */
function inOrder(keys: Readonly<Record<string, RegistryTree>>): [string, RegistryTree][] {
    return Object.entries(keys).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function wrongSize(bytes: Uint8Array | undefined): string {
    return bytes === undefined ? "is missing" : `has ${bytes.byteLength} bytes`;
}

/** A catalog entry as the registry has it: decoded, and to the last byte. */
export interface ProtocolItem {
    entry: CatalogEntry;
    path: string;
    info: ProtocolInfo;
    /** All 888 bytes. */
    bytes: Uint8Array;
}

/** The entries of a protocol catalog, in catalog order; `problems` gets a sentence for each that cannot be read. */
export function protocolItems(parameters: RegistryTree, bits: CatalogName, problems: string[] = []): ProtocolItem[] {
    const key = keyAt(parameters, protocolCatalogKey, entriesKey[bits]);
    return key === undefined ? [] : itemsOfKey(key, `${protocolCatalogKey}\\${entriesKey[bits]}`, problems);
}

function itemsOfKey(key: RegistryTree, where: string, problems: string[]): ProtocolItem[] {
    const items: ProtocolItem[] = [];
    for (const [name, child] of inOrder(key.keys)) {
        const value = own(child.values, "PackedCatalogItem");
        const bytes = value === undefined ? undefined : Buffer.from(value.data, "base64");
        if (bytes?.byteLength !== catalogItemSize) {
            problems.push(`${where}\\${name}: PackedCatalogItem ${wrongSize(bytes)}`);
            continue;
        }
        const item = decodeCatalogItem(bytes);
        items.push({ entry: entryOfInfo(item.path, item.info), ...item });
    }
    return items;
}

/** A namespace provider as the registry has it, with what it left there for itself (base64). */
export interface NamespaceItem {
    entry: NamespaceEntry;
    info?: string;
}

/** The entries of a namespace catalog, in catalog order; `problems` gets a sentence for each that cannot be read. */
export function namespaceItems(parameters: RegistryTree, bits: CatalogName, problems: string[] = []): NamespaceItem[] {
    const where = `${namespaceCatalogKey}\\${entriesKey[bits]}`;
    const items: NamespaceItem[] = [];
    for (const [name, child] of inOrder(keyAt(parameters, namespaceCatalogKey, entriesKey[bits])?.keys ?? {})) {
        const id = own(child.values, "ProviderId");
        const guid = id === undefined ? undefined : Buffer.from(id.data, "base64");
        if (guid?.byteLength !== 16) {
            problems.push(`${where}\\${name}: ProviderId ${wrongSize(guid)}`);
            continue;
        }
        const namespace = dword(child, "SupportedNameSpace") ?? 0;
        const info = own(child.values, "ProviderInfo")?.data ?? "";
        const entry: NamespaceEntry = {
            name: textValue(child, "DisplayString") ?? "",
            providerId: formatGuid(guid),
            path: textValue(child, "LibraryPath") ?? "",
            namespace,
            namespaceName: namespaceName(namespace),
            enabled: dword(child, "Enabled") !== 0,
            version: dword(child, "Version") ?? 0,
            storesServiceClassInfo: (dword(child, "StoresServiceClassInfo") ?? 0) !== 0,
        };
        items.push({ entry, ...(info === "" ? {} : { info }) });
    }
    return items;
}
