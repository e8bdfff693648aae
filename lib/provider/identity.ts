// Who we are in the Winsock catalog. The same values as native/core/identity.hpp (a unit test compares the two files):
// every entry of ours is recognised by its GUID, without any state.

import type { CatalogEntry } from "../catalog/model.js";

/** The hidden entry that stands for the provider in protocol chains. */
export const hiddenEntryGuid = "{7C1E5A3D-0000-0000-9B42-D6F03E8A51C7}";

const head = hiddenEntryGuid.slice(1, 9);
const tail = hiddenEntryGuid.slice(20, -1);

const hex4 = (value: number): string => value.toString(16).toUpperCase().padStart(4, "0");

/**
 * The GUID of the layered entry over one triplet.
 *
 * @throws TypeError if the triplet does not fit: the family has 16 bits, socket type and protocol have 8 each.
 */
export function layeredEntryGuid(family: number, socketType: number, protocol: number): string {
    const fits = (value: number, limit: number): boolean => Number.isInteger(value) && value >= 0 && value <= limit;
    if (!fits(family, 0xffff) || !fits(socketType, 0xff) || !fits(protocol, 0xff)) {
        throw new TypeError(`the triplet ${family}, ${socketType}, ${protocol} does not fit into a GUID`);
    }
    return `{${head}-${hex4(family)}-${hex4((socketType << 8) | protocol)}-${tail}}`;
}

/** Whether a provider GUID (in braces) is that of an entry of ours. */
export function isOurGuid(guid: string): boolean {
    const upper = guid.toUpperCase();
    return upper.length === hiddenEntryGuid.length && upper.slice(1, 9) === head && upper.slice(20, -1) === tail;
}

/** The entries of ours in a protocol catalog, in catalog order. */
export function ourEntries(entries: readonly CatalogEntry[]): CatalogEntry[] {
    return entries.filter((entry) => isOurGuid(entry.providerId));
}
