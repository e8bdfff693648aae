// Made-up catalogs for the tests of pure functions, and the random numbers they are made from.

import type { Catalog, CatalogEntry } from "#lib/catalog/model.js";
import { entryOfInfo } from "#lib/catalog/model.js";
import { decodeProtocolInfo, encodeProtocolInfo, formatGuid } from "#lib/catalog/protocol-info.js";
import { counts } from "../support/counts.js";

/** Random numbers that a seed repeats (mulberry32). */
export class Random {
    #state: number;

    constructor(readonly seed: number) {
        this.#state = seed >>> 0;
    }

    /** From 0 to below `limit`. */
    below(limit: number): number {
        this.#state = (this.#state + 0x6d2b79f5) >>> 0;
        let mixed = this.#state;
        mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * limit);
    }

    chance(percent: number): boolean {
        return this.below(100) < percent;
    }

    bytes(length: number): Uint8Array {
        return Uint8Array.from({ length }, () => this.below(256));
    }

    pick<T>(list: readonly T[]): T {
        const item = list[this.below(list.length)];
        if (item === undefined) {
            throw new RangeError("nothing to pick from");
        }
        return item;
    }

    guid(): string {
        return formatGuid(this.bytes(16));
    }
}

/** The seed of this run: WINSOCK_SPI_SEED repeats one that failed. */
export function newSeed(): number {
    const given = process.env["WINSOCK_SPI_SEED"];
    return given === undefined ? Math.floor(Math.random() * 0x1_0000_0000) : Number(given);
}

/** How many random cases a property is tried on. */
export function cases(usual: number): number {
    return usual * counts.cases;
}

export interface EntryShape {
    id: number;
    name?: string;
    providerId?: string;
    path?: string;
    chain?: readonly number[];
    family?: number;
    socketType?: number;
    protocol?: number;
    flags?: number;
    providerFlags?: number;
}

/** An entry with these members and ordinary values for the rest; `chain` absent makes a base entry. */
export function entry(shape: EntryShape): CatalogEntry {
    const chain = shape.chain ?? [0];
    const info = encodeProtocolInfo({
        serviceFlags1: shape.flags ?? 0x20066,
        providerFlags: shape.providerFlags ?? 8,
        providerId: shape.providerId ?? "{E70F1AA0-AB8B-11CF-8CA3-00805F48A192}",
        catalogEntryId: shape.id,
        chainLength: chain.length,
        chainEntries: Array.from({ length: 7 }, (_, index) => chain[index] ?? 0),
        version: 2,
        addressFamily: shape.family ?? 2,
        maxSockAddr: shape.family === 23 ? 28 : 16,
        minSockAddr: shape.family === 23 ? 28 : 16,
        socketType: shape.socketType ?? 1,
        protocol: shape.protocol ?? 6,
        protocolMaxOffset: shape.socketType === 3 ? 255 : 0,
        name: shape.name ?? `entry ${shape.id}`,
    });
    return entryOfInfo(shape.path ?? "%SystemRoot%\\system32\\mswsock.dll", decodeProtocolInfo(info));
}

const ipv6 = "{F9EAB0C0-26D4-11D0-BBBF-00AA006C34E4}";

/** The six base entries of a fresh Windows 10, ids from `first` on. */
export function baseEntries(first = 1001): CatalogEntry[] {
    return [
        entry({ id: first, name: "MSAFD Tcpip [TCP/IP]", protocol: 6 }),
        entry({ id: first + 1, name: "MSAFD Tcpip [UDP/IP]", socketType: 2, protocol: 17, flags: 0x20609 }),
        entry({
            id: first + 2,
            name: "MSAFD Tcpip [RAW/IP]",
            socketType: 3,
            protocol: 0,
            flags: 0x20609,
            providerFlags: 12,
        }),
        entry({ id: first + 3, name: "MSAFD Tcpip [TCP/IPv6]", family: 23, protocol: 6, providerId: ipv6 }),
        entry({
            id: first + 4,
            name: "MSAFD Tcpip [UDP/IPv6]",
            family: 23,
            socketType: 2,
            protocol: 17,
            flags: 0x20609,
            providerId: ipv6,
        }),
        entry({
            id: first + 5,
            name: "MSAFD Tcpip [RAW/IPv6]",
            family: 23,
            socketType: 3,
            protocol: 0,
            flags: 0x20609,
            providerFlags: 12,
            providerId: ipv6,
        }),
    ];
}

/** A Windows with both catalogs as they are after Windows' own installation. */
export function freshCatalog(): Catalog {
    return { protocols: { "64": baseEntries(), "32": baseEntries() }, namespaces: { "64": [], "32": [] } };
}

/** A hidden entry and layered entries of somebody else over the first `count` base entries, in front of everything. */
export function withStranger(
    entries: readonly CatalogEntry[],
    options: {
        firstId: number;
        guid: string;
        count?: number;
        flags?: number;
        name?: string;
        chain?: (base: number) => number[];
    },
): CatalogEntry[] {
    const { firstId, name = "Stranger", guid } = options;
    const hidden = entry({
        id: firstId,
        name,
        providerId: guid,
        chain: [],
        providerFlags: 4,
        path: "C:\\Stranger\\s.dll",
    });
    const layered = entries
        .filter((base) => base.kind === "base")
        .slice(0, options.count ?? 6)
        .map((base, index) =>
            entry({
                id: firstId + 1 + index,
                name: `${name} over [${base.name}]`,
                providerId: `${guid.slice(0, -5)}${(index + 1).toString(16).toUpperCase().padStart(4, "0")}}`,
                path: "C:\\Stranger\\s.dll",
                chain: options.chain?.(base.id) ?? [firstId, base.id],
                family: base.family,
                socketType: base.socketType,
                protocol: base.protocol,
                flags: options.flags ?? base.flags,
                providerFlags: base.providerFlags,
            }),
        );
    return [...layered, ...entries, hidden];
}
