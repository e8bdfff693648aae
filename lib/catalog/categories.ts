// LSP categories: what kind of thing a layered provider does, and which kinds a program lets in. Pure, but for the two
// readers at the end.
//
// A program without categories takes every provider. One with categories takes a layered provider only if that has
// some, and none that the program does not permit; if the program has LSP_SYSTEM, only one that has it too. So one
// that permits LSP_SYSTEM and nothing else is left alone by every provider that is not made for system processes: that
// is what `exclude` does.
// https://learn.microsoft.com/windows/win32/winsock/categorizing-layered-service-providers-and-applications

import { win32 as path } from "node:path";
import { WinsockError } from "../errors.js";
import { type Bits, native } from "../native.js";
import type { ApplicationEntry, Catalog, CatalogEntry, CatalogName } from "./model.js";
import { flagNames } from "./names.js";
import { type RegistryTree, dword, own, textValue } from "./registry.js";

/** ws2spi.h */
export const lspCategories = {
    LSP_INSPECTOR: 0x1,
    LSP_REDIRECTOR: 0x2,
    LSP_PROXY: 0x4,
    LSP_FIREWALL: 0x8,
    LSP_INBOUND_MODIFY: 0x10,
    LSP_OUTBOUND_MODIFY: 0x20,
    LSP_CRYPTO_COMPRESS: 0x40,
    LSP_LOCAL_CACHE: 0x80,
    LSP_SYSTEM: 0x8000_0000,
} as const;

/** The name of one LSP category, e.g. `LSP_SYSTEM`. */
export type LspCategoryName = keyof typeof lspCategories;

const table = Object.entries(lspCategories).map(([name, bit]) => [bit, name] as const);

/** Names of the bits, in the order of their values; bits without a name come last, together, in hex. */
export function categoryNames(categories: number): string[] {
    return flagNames(categories, table);
}

/**
 * The bits that a list of names (`LSP_PROXY`, `proxy`, any case) and numbers (`4`, `0x80000000`) means.
 *
 * @throws TypeError for a word that is neither.
 */
export function parseCategories(words: readonly (string | number)[]): number {
    return words.reduce<number>((bits, word) => (bits | parseCategory(word)) >>> 0, 0);
}

function parseCategory(word: string | number): number {
    const number = typeof word === "number" ? word : /^(0x[0-9a-f]+|\d+)$/i.test(word) ? Number(word) : undefined;
    if (number !== undefined && Number.isInteger(number) && number >= 0 && number <= 0xffff_ffff) {
        return number;
    }
    const upper = String(word).toUpperCase().replaceAll("-", "_");
    const found = Object.entries(lspCategories).find(([name]) => name === upper || name === `LSP_${upper}`);
    if (found === undefined) {
        const names = Object.keys(lspCategories).join(", ");
        throw new TypeError(`"${word}" is no LSP category: those are ${names}, and numbers`);
    }
    return found[1];
}

/**
 * Whether a layered provider is loaded into a program: Windows' rule.
 *
 * @param provider Its categories; 0: none.
 * @param program What the program permits; undefined: it has no categories.
 */
export function isPermitted(provider: number, program: number | undefined): boolean {
    if (program === undefined) {
        return true;
    }
    const { LSP_SYSTEM } = lspCategories;
    const subset = (provider & ~program) === 0;
    return subset && provider !== 0 && ((program & LSP_SYSTEM) === 0 || (provider & LSP_SYSTEM) !== 0);
}

/** Where the programs' categories are, below WinSock2\Parameters. */
export const applicationCatalogKey = "AppId_Catalog";

/** The programs' categories in the registry's bytes; `problems` gets a sentence for each that cannot be read. */
export function applicationsOfRegistry(parameters: RegistryTree, problems: string[] = []): ApplicationEntry[] {
    const entries: ApplicationEntry[] = [];
    for (const [key, tree] of Object.entries(own(parameters.keys, applicationCatalogKey)?.keys ?? {}).sort(byKey)) {
        const program = textValue(tree, "AppFullPath");
        const categories = dword(tree, "PermittedLspCategories");
        if (program === undefined || categories === undefined) {
            const missing = program === undefined ? "AppFullPath" : "PermittedLspCategories";
            problems.push(`${applicationCatalogKey}\\${key}: ${missing} is missing`);
            continue;
        }
        const args = (textValue(tree, "AppArgs") ?? "").trim();
        const ours = own(tree.values, "winsock-spi") !== undefined;
        const names = categoryNames(categories);
        entries.push({ key, program, args, categories, categoryNames: names, ...(ours ? { ours } : {}) });
    }
    return entries;
}

/** The entry of a program with just these arguments, if it has one. */
export function applicationOf(catalog: Catalog, program: string, args: string): ApplicationEntry | undefined {
    const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
    return catalog.applications?.find(
        (entry) => same(path.normalize(entry.program), path.normalize(program)) && same(entry.args, args.trim()),
    );
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
    return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The categories of the layered providers in one live catalog: only those that have some. Undefined where Winsock does
 * not tell: `problems` then gets a sentence, unless it is only that this process has the wrong bitness.
 */
export function readProviderCategories(
    bits: Bits,
    entries: readonly CatalogEntry[],
    problems: string[],
): Record<string, number> | undefined {
    const found: Record<string, number> = {};
    for (const providerId of new Set(entries.filter(({ kind }) => kind !== "base").map((entry) => entry.providerId))) {
        try {
            const categories = native().providerCategories(bits, providerId);
            if (categories !== 0) {
                found[providerId] = categories;
            }
        } catch (error) {
            if (!(error instanceof WinsockError)) {
                throw error;
            }
            if (error.code === "WSAEINVALIDPROVIDER" || error.code === "WSAEINVAL") {
                continue; // gone meanwhile, or one that Winsock does not take for a layered provider
            }
            if (error.code !== "ERR_OTHER_BITNESS") {
                problems.push(`The LSP categories in the ${bits}-bit catalog could not be read: ${error.message}`);
            }
            return undefined;
        }
    }
    return found;
}

/** The categories that a provider has in one catalog; undefined where that is not known. */
export function categoriesOf(catalog: Catalog, bits: CatalogName, providerId: string): number | undefined {
    const known = catalog.categories?.[bits];
    return known === undefined ? undefined : (own(known, providerId) ?? 0);
}
