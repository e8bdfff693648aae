// The replace-base method: which base entries lead to our DLL, and where it is written down which DLL they had before.
// Pure. The names are those of native/core/replaced_base.hpp (a unit test compares the two files).

import { win32 as path } from "node:path";
import { type CatalogEntry, type CatalogName, catalogNames } from "../catalog/model.js";
import { type RegistryTree, keyAt } from "../catalog/registry.js";
import { WinsockError } from "../errors.js";
import { isOurGuid } from "./identity.js";
import { providerFile } from "./layout.js";

/** The key below WinSock2\Parameters that is ours, and the keys in it: in each a value per provider, by its GUID. */
export const replacedRootKey = "winsock-spi";
export const replacedKeys = { "64": "replaced64", "32": "replaced32" } as const;

/** The file beside our DLL that says the same. */
export const replacedFile = "replaced-base.txt";

const REG_EXPAND_SZ = 2;

/** DLLs as registered, by the GUIDs of their providers. */
export type ProviderPaths = Readonly<Record<string, string>>;

/** Which DLL each replaced base provider had before, by catalog. */
export type Originals = { readonly [bits in CatalogName]?: ProviderPaths };

/** Whether a path is that of a provider DLL of ours, of whatever version, wherever it is. */
export function isOurDll(file: string): boolean {
    return path.basename(file).toLowerCase() === providerFile.toLowerCase();
}

/** Whether this is a base entry in whose place our DLL stands. */
export function isReplaced(entry: CatalogEntry): boolean {
    return entry.kind === "base" && !isOurGuid(entry.providerId) && isOurDll(entry.path);
}

/** The base entries in whose place our DLL stands, in catalog order. */
export function replacedEntries(entries: readonly CatalogEntry[]): CatalogEntry[] {
    return entries.filter(isReplaced);
}

/**
 * Refuses a catalog whose base entries lead to our DLL.
 *
 * @throws WinsockError `ERR_ALREADY_INSTALLED`.
 */
export function requireNotReplaced(bits: CatalogName, entries: readonly CatalogEntry[]): void {
    const replaced = replacedEntries(entries)[0];
    if (replaced !== undefined) {
        throw new WinsockError(
            `The provider stands in the place of base providers of the ${bits}-bit catalog already ` +
                `("${replaced.name}", id ${replaced.id}): it was installed with --method replace-base. That method ` +
                "has no upgrade; `winsock-spi uninstall` gives the place back, then install again.",
            { code: "ERR_ALREADY_INSTALLED" },
        );
    }
}

/** What a registry below WinSock2\Parameters says of the DLLs that replaced base providers had. */
export function originalsInRegistry(registry: RegistryTree): Originals {
    const originals: { [bits in CatalogName]?: ProviderPaths } = {};
    for (const bits of catalogNames) {
        const values = keyAt(registry, replacedRootKey, replacedKeys[bits])?.values ?? {};
        const found = Object.entries(values)
            .filter(([, { type }]) => type === REG_EXPAND_SZ)
            .map(([name, { data }]): [string, string] => [name.toUpperCase(), textOf(Buffer.from(data, "base64"))])
            .filter(([, dll]) => isUsable(dll));
        if (found.length > 0) {
            originals[bits] = Object.fromEntries(found);
        }
    }
    return originals;
}

/** The registry key that says it. */
export function originalsKey(originals: Originals): RegistryTree {
    const keys = catalogNames.flatMap((bits): [string, RegistryTree][] => {
        const paths = originals[bits];
        return paths === undefined ? [] : [[replacedKeys[bits], { keys: {}, values: valuesOf(paths) }]];
    });
    return { values: {}, keys: Object.fromEntries(keys) };
}

function valuesOf(paths: ProviderPaths): RegistryTree["values"] {
    return Object.fromEntries(
        Object.entries(paths).map(([guid, dll]) => [
            guid,
            { type: REG_EXPAND_SZ, data: Buffer.from(`${dll}\0`, "utf16le").toString("base64") },
        ]),
    );
}

/** The file that says it for one catalog: UTF-16 with a byte order mark. */
export function originalsFile(paths: ProviderPaths): Uint8Array {
    const lines = Object.entries(paths).map(([guid, dll]) => `${guid} ${dll}`);
    const about = "Which DLL each base provider had before winsock-spi took its place. Programs need this file.";
    return Buffer.from(`\uFEFF${[about, ...lines].join("\r\n")}\r\n`, "utf16le");
}

/** What such a file says; lines that say nothing of the kind are passed over. */
export function parseOriginals(file: Uint8Array): ProviderPaths {
    const lines = Buffer.from(file)
        .toString("utf16le")
        .replace(/^\uFEFF/, "")
        .split(/[\r\n]+/);
    const found = lines.flatMap((line): [string, string][] => {
        const [, guid, dll] = /^(\{[0-9A-F-]{36}\}) (.+)$/i.exec(line) ?? [];
        return guid !== undefined && dll !== undefined && isUsable(dll) ? [[guid.toUpperCase(), dll]] : [];
    });
    return Object.fromEntries(found);
}

function textOf(bytes: Buffer): string {
    return bytes.toString("utf16le").replace(/\0[^]*$/, "");
}

/**
 * Whether a path can be that of an original: in full, or from a variable of Windows itself, and not ours. Our DLL
 * refuses any other, so that a damaged value does not make programs load something from anywhere.
 */
export function isUsable(dll: string): boolean {
    return /^(?:[a-z]:\\|%(?:SystemRoot|windir|SystemDrive|ProgramFiles)%\\)/i.test(dll) && !isOurDll(dll);
}
