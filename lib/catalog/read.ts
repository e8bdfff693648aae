// Reads the live catalogs. Nothing here loads a provider, so it works on a machine whose Winsock cannot start.

import { refuseUnknownOptions, WinsockError } from "../errors.js";
import { type Bits, type MachineFacts, native } from "../native.js";
import { applicationsOfRegistry, readProviderCategories } from "./categories.js";
import { type Catalog, type CatalogEntry, type CatalogName, catalogNames, entryOfInfo } from "./model.js";
import { decodeProtocolInfo } from "./protocol-info.js";
import { type RegistryTree, catalogOfRegistry, treeOfKey } from "./registry.js";

/** By which way a protocol catalog was read: Winsock's own functions or the registry behind them. */
export type CatalogSource = "winsock" | "registry";

/** What {@link readCatalog} may be told. */
export interface ReadCatalogOptions {
    /**
     * `auto` (default) asks Winsock and reads the registry where Winsock does not answer; `winsock` and `registry` take
     * that way or fail.
     */
    source?: "auto" | CatalogSource;
}

/** The live catalogs, and how they were read. */
export interface LiveCatalog extends Catalog {
    /** How each protocol catalog was read. (Namespace catalogs are always read from the registry.) */
    sources: { [bits in CatalogName]?: CatalogSource };
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
    refuseUnknownOptions("readCatalog", options, ["source"]);
    return readSystem(options).catalog;
}

/** {@link readCatalog} with the registry's bytes and the machine's facts, for those who plan and back up. */
export function readSystem({ source = "auto" }: ReadCatalogOptions = {}): Reading {
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
    const catalog: LiveCatalog = { protocols: {}, namespaces: {}, categories, applications, sources: {}, problems };
    for (const name of catalogNames) {
        const bits = Number(name) as Bits;
        if (machine.catalogs.includes(bits)) {
            const read = readProtocols(bits, source, fromRegistry.protocols[name], problems);
            catalog.protocols[name] = read.entries;
            catalog.sources[name] = read.source;
            const known = readProviderCategories(bits, read.entries, problems);
            if (known !== undefined) {
                categories[name] = known;
            }
        }
        const namespaces = fromRegistry.namespaces[name];
        if (namespaces !== undefined) {
            catalog.namespaces[name] = namespaces.map((entry) => withResolvedPath(entry, bits));
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

function withResolvedPath<Entry extends { path: string }>(entry: Entry, bits: Bits): Entry & { resolvedPath: string } {
    return { ...entry, resolvedPath: resolvePath(entry.path, bits) };
}

/** A registered path as that bitness loads it; a path that cannot be expanded stays as it is. */
export function resolvePath(path: string, bits: Bits): string {
    try {
        // A 32-bit process is told of System32 by the name under which it can open files there itself.
        const system32 = /\bsystem32\b/i.exec(path)?.[0] ?? "System32";
        return native().expandPath(path, bits).replace(/\\Sysnative\\/i, `\\${system32}\\`);
    } catch (error) {
        if (error instanceof WinsockError) {
            return path;
        }
        throw error;
    }
}
