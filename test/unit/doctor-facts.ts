// Made-up facts for the tests of the doctor: a machine on which everything is well.

import type { Catalog, CatalogEntry, CatalogName, NamespaceEntry } from "#lib/catalog/model.js";
import { type RegistryTree, catalogOfRegistry, dwordValue } from "#lib/catalog/registry.js";
import type { Facts, FileFacts, Trial } from "#lib/doctor/facts.js";
import { registryOf } from "./backups.js";

const both = ["64", "32"] as const;

export const fileFor = (bits: CatalogName): FileFacts => ({
    sha256: "00".repeat(32),
    size: 100_000,
    executable: {
        machine: bits === "64" ? 0x8664 : 0x14c,
        dll: true,
        whole: true,
        exports: ["WSPStartup", "NSPStartup"],
    },
    signature: { by: "embedded", trusted: true, altered: false, error: 0, signer: "Somebody" },
});

/** Paths as programs of each bitness load them; the 32-bit ones are other files. */
export function resolved(catalog: Catalog): Catalog {
    const resolve = <Entry extends CatalogEntry | NamespaceEntry>(entry: Entry, bits: CatalogName): Entry => ({
        ...entry,
        resolvedPath: entry.path
            .replace(/%SystemRoot%\\system32/i, bits === "64" ? "C:\\Windows\\System32" : "C:\\Windows\\SysWOW64")
            .replace(/^C:\\(?!Windows)/i, bits === "64" ? "C:\\" : "C:\\x86\\"),
    });
    const { protocols, namespaces } = catalog;
    return {
        ...catalog,
        protocols: Object.fromEntries(
            both.flatMap((bits) =>
                protocols[bits] === undefined ? [] : [[bits, protocols[bits].map((entry) => resolve(entry, bits))]],
            ),
        ),
        namespaces: Object.fromEntries(
            both.flatMap((bits) =>
                namespaces[bits] === undefined ? [] : [[bits, namespaces[bits].map((entry) => resolve(entry, bits))]],
            ),
        ),
    };
}

/** The facts about a machine with this catalog, all of whose DLLs are there and work. */
export function factsOf(catalog: Catalog): Facts {
    const highest = Math.max(0, ...both.flatMap((bits) => (catalog.protocols[bits] ?? []).map(({ id }) => id)));
    const registry = registryOf(catalog, 5, highest + 1);
    for (const bits of both) {
        const name = bits === "64" ? "Num_Catalog_Entries64" : "Num_Catalog_Entries";
        const entries = catalog.namespaces[bits];
        if (entries !== undefined) {
            registry.keys["NameSpace_Catalog5"]!.values[name] = dwordValue(entries.length);
        }
    }
    return factsOfRegistry(registry, catalog);
}

/** The same of a registry; what is in no registry comes from `more`. */
export function factsOfRegistry(
    registry: RegistryTree,
    more: Pick<Catalog, "categories" | "applications"> = {},
): Facts {
    const { categories, applications } = more;
    const catalog = resolved({
        ...catalogOfRegistry(registry),
        ...(categories === undefined ? {} : { categories }),
        ...(applications === undefined ? {} : { applications }),
    });
    const bitnesses = both.filter((bits) => catalog.protocols[bits] !== undefined);
    const files: Record<string, FileFacts> = {};
    for (const bits of both) {
        for (const { resolvedPath = "" } of [...(catalog.protocols[bits] ?? []), ...(catalog.namespaces[bits] ?? [])]) {
            files[resolvedPath] = fileFor(bits);
        }
    }
    return {
        machine: {
            arch: "x64",
            catalogs: bitnesses.map((bits) => (bits === "64" ? 64 : 32)),
            systemRoot: "C:\\Windows",
        },
        registry,
        catalog,
        winsock: Object.fromEntries(
            bitnesses.map((bits) => [bits, { ids: (catalog.protocols[bits] ?? []).map(({ id }) => id) }]),
        ),
        files,
        trials: Object.fromEntries(bitnesses.map((bits) => [bits, wellTried(catalog, bits)])),
        sensitivePrograms: [],
        programs: {},
    };
}

function wellTried({ protocols, namespaces }: Catalog, bits: CatalogName): Trial {
    const trial: Trial = { winsock: { error: 0 }, libraries: {}, sockets: {} };
    for (const { resolvedPath = "", kind, id } of protocols[bits] ?? []) {
        trial.libraries[resolvedPath] = { error: 0, function: "WSPStartup", exported: true };
        if (kind !== "hidden") {
            trial.sockets[id] = { error: 0, bind: 0, base: 0, same: true, select: 0, poll: 0 };
        }
    }
    for (const { resolvedPath = "" } of namespaces[bits] ?? []) {
        trial.libraries[resolvedPath] = { error: 0, function: "NSPStartup", exported: true };
    }
    return trial;
}
