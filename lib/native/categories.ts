// The addon's functions about LSP categories.

import type { Bits } from "../native.js";

export interface CategoriesBinding {
    /**
     * The LSP categories of a layered provider in one catalog, as bits; 0 where it has none. Loads no provider, and
     * does not need Winsock to start. Throws WSAEINVALIDPROVIDER for a base provider, ERR_OTHER_BITNESS for the 64-bit
     * catalog from a 32-bit process.
     * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscgetproviderinfo
     */
    providerCategories(bits: Bits, providerId: string): number;
    /**
     * The LSP categories that a program permits, as bits, or undefined where it has none and takes every provider.
     * `program` is a full path; `args` tells instances of it apart that are started with different command lines, and
     * is empty where they are not.
     * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscgetapplicationcategory
     */
    applicationCategories(program: string, args: string): number | undefined;
}

export const categoriesMethods = [
    "providerCategories",
    "applicationCategories",
] as const satisfies readonly (keyof CategoriesBinding)[];
