// Reads the live catalogs. Nothing here loads a provider, so it works on a machine whose Winsock cannot start.

import { refuseUnknownOptions, WinsockError } from "../errors.js";
import { type Bits, type MachineFacts, native } from "../native.js";
import { applicationsOfRegistry, readProviderCategories } from "./categories.js";
import {
    type Catalog,
    type CatalogEntry,
    type CatalogName,
    type NamespaceEntry,
    catalogNames,
    entryOfInfo,
} from "./model.js";
import { namespaceName } from "./names.js";
import { decodeProtocolInfo } from "./protocol-info.js";
import { type ProtocolItem, type RegistryTree, catalogOfRegistry, protocolItems, treeOfKey } from "./registry.js";

/** By which way a protocol catalog was read: Winsock's own functions or the registry behind them. */
export type CatalogSource = "winsock" | "registry";

/** What {@link readCatalog} may be told. */
export interface ReadCatalogOptions {
    /**
     * `auto` (default) asks Winsock and reads the registry where Winsock does not answer; `winsock` and `registry` take
     * that way or fail.
     */
    source?: "auto" | CatalogSource;
    /** Each protocol entry also with its bytes in the registry (`raw`). Default false. */
    raw?: boolean;
}

/** The live catalogs, and how they were read. */
export interface LiveCatalog extends Catalog {
    /** How each protocol catalog was read. */
    sources: { [bits in CatalogName]?: CatalogSource };
    /** How each namespace catalog was read. (Winsock does not tell where their DLLs are: the registry does.) */
    namespaceSources: { [bits in CatalogName]?: CatalogSource };
    /** A sentence for each thing that could not be read. */
    problems: string[];
}

/** Everything that one look at the live system gives; what plans and backups are made from. */
export interface Reading {
    machine: MachineFacts;
    registry: RegistryTree;
    catalog: LiveCatalog;
}

/**
 * Reads the protocol and namespace catalogs of this machine, 64- and 32-bit, in catalog order, hidden entries included.
 * No provider is loaded.
 *
 * Paths are as registered in `path`, and as a program of that bitness loads them in `resolvedPath`.
 * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscenumprotocols
 *
 * @throws WinsockError `ERR_UNSUPPORTED_PLATFORM` off Windows; with `source: "winsock"` what WSCEnumProtocols failed
 * with.
 * @throws TypeError if there is no such option.
 */
export async function readCatalog(options: ReadCatalogOptions = {}): Promise<LiveCatalog> {
    refuseUnknownOptions("readCatalog", options, ["source", "raw"]);
    return readSystem(options).catalog;
}

/** {@link readCatalog} with the registry's bytes and the machine's facts, for those who plan and back up. */
export function readSystem({ source = "auto", raw = false }: ReadCatalogOptions = {}): Reading {
    if (source !== "auto" && source !== "winsock" && source !== "registry") {
        throw new TypeError(`readCatalog: source must be "auto", "winsock" or "registry", not ${String(source)}`);
    }
    const binding = native();
    const machine = binding.machine();
    const registry = treeOfKey(binding.readRegistry());
    const problems: string[] = [];
    const fromRegistry = catalogOfRegistry(registry, problems);
    const categories: NonNullable<Catalog["categories"]> = {};
    const applications = applicationsOfRegistry(registry, problems);
    const catalog: LiveCatalog = {
        protocols: {},
        namespaces: {},
        categories,
        applications,
        sources: {},
        namespaceSources: {},
        problems,
    };
    for (const name of catalogNames) {
        const bits = Number(name) as Bits;
        if (machine.catalogs.includes(bits)) {
            const read = readProtocols(bits, source, fromRegistry.protocols[name], problems);
            catalog.protocols[name] = raw ? withBytes(read.entries, protocolItems(registry, name)) : read.entries;
            catalog.sources[name] = read.source;
            const known = readProviderCategories(bits, read.entries, problems);
            if (known !== undefined) {
                categories[name] = known;
            }
        }
        const namespaces = fromRegistry.namespaces[name];
        if (namespaces !== undefined) {
            const read = readNamespaces(bits, source, namespaces, problems);
            catalog.namespaces[name] = read.entries.map((entry) => withResolvedPath(entry, bits));
            catalog.namespaceSources[name] = read.source;
        }
    }
    return { machine, registry, catalog };
}

function readProtocols(
    bits: Bits,
    source: "auto" | CatalogSource,
    registry: CatalogEntry[] | undefined,
    problems: string[],
): { entries: CatalogEntry[]; source: CatalogSource } {
    if (source !== "registry") {
        try {
            const entries = native()
                .enumProtocols(bits)
                .map(({ path, info }) => entryOfInfo(path, decodeProtocolInfo(info), resolvePath(path, bits)));
            return { entries, source: "winsock" };
        } catch (error) {
            if (source === "winsock" || !(error instanceof WinsockError)) {
                throw error;
            }
            const reason = `${error.code}: ${error.message}`;
            problems.push(`Winsock could not list the ${bits}-bit catalog (${reason}); read from the registry`);
        }
    }
    const entries = (registry ?? []).map((entry) => withResolvedPath(entry, bits));
    return { entries, source: "registry" };
}

/** Winsock lists the providers; the registry has their DLLs, and their names as they were registered. */
function readNamespaces(
    bits: Bits,
    source: "auto" | CatalogSource,
    registry: readonly NamespaceEntry[],
    problems: string[],
): { entries: readonly NamespaceEntry[]; source: CatalogSource } {
    if (source === "registry") {
        return { entries: registry, source };
    }
    try {
        const entries = native()
            .enumNamespaces(bits)
            .map((listed): NamespaceEntry => {
                const { name, providerId, namespace, version, enabled } = listed;
                const known = registry.find((entry) => entry.providerId === providerId);
                return {
                    name: known?.name ?? name,
                    providerId,
                    path: known?.path ?? "",
                    namespace,
                    namespaceName: namespaceName(namespace),
                    enabled,
                    version,
                    storesServiceClassInfo: known?.storesServiceClassInfo ?? false,
                    ...(known === undefined || known.name === name ? {} : { displayName: name }),
                };
            });
        return { entries, source: "winsock" };
    } catch (error) {
        if (!(error instanceof WinsockError) || (source === "winsock" && error.code !== "ERR_OTHER_BITNESS")) {
            throw error;
        }
        if (error.code !== "ERR_OTHER_BITNESS") {
            // which is no trouble, only this process's bitness
            problems.push(
                `Winsock could not list the ${bits}-bit namespace providers (${error.code}: ${error.message}); read ` +
                    "from the registry",
            );
        }
        return { entries: registry, source: "registry" };
    }
}

function withBytes(entries: readonly CatalogEntry[], items: readonly ProtocolItem[]): CatalogEntry[] {
    return entries.map((entry) => {
        const item = items.find((one) => one.entry.id === entry.id && one.entry.providerId === entry.providerId);
        return item === undefined ? entry : { ...entry, raw: Buffer.from(item.bytes).toString("base64") };
    });
}

function withResolvedPath<Entry extends { path: string }>(entry: Entry, bits: Bits): Entry & { resolvedPath: string } {
    return { ...entry, resolvedPath: resolvePath(entry.path, bits) };
}

/** A registered path as that bitness loads it; a path that cannot be expanded stays as it is. */
export function resolvePath(path: string, bits: Bits): string {
    try {
        // A 32-bit process is told of System32 by the name under which it can open files there itself.
        const system32 = /\bsystem32\b/i.exec(path)?.[0] ?? "System32";
        return native()
            .expandPath(path, bits)
            .replace(/\\Sysnative\\/i, `\\${system32}\\`);
    } catch (error) {
        if (error instanceof WinsockError) {
            return path;
        }
        throw error;
    }
}
