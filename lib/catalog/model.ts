// What a Winsock catalog is to this library: plain data, the value that `catalog --json` prints. Pure.

import {
    MAX_PROTOCOL_CHAIN,
    XP1_IFS_HANDLES,
    familyName,
    protocolName,
    providerFlagNames,
    serviceFlagNames,
    socketTypeName,
} from "./names.js";
import { type ProtocolInfo, type ProtocolInfoFields, encodeProtocolInfo } from "./protocol-info.js";

/** A catalog by the bitness of the programs that see it, as a key of the plain data. */
export type CatalogName = "64" | "32";

/** The names of both catalogs, in the order in which they are shown and worked on. */
export const catalogNames = ["64", "32"] as const satisfies readonly CatalogName[];

/**
 * One entry of a protocol catalog: the members of WSAPROTOCOL_INFOW with Winsock's own numbers, names beside them.
 * https://learn.microsoft.com/windows/win32/api/winsock2/ns-winsock2-wsaprotocol_infow
 */
export interface CatalogEntry {
    /** dwCatalogEntryId: unique in its catalog, not across the two. */
    id: number;
    /** szProtocol, at most 255 UTF-16 units. */
    name: string;
    /** GUID of the provider, upper case in braces. */
    providerId: string;
    /** DLL as registered, e.g. `%SystemRoot%\system32\mswsock.dll`. */
    path: string;
    /** DLL as a program of this catalog's bitness loads it. Absent in data that was not read on this machine. */
    resolvedPath?: string;
    /** Catalog ids, topmost provider first, at most 7. Windows' base entries have one place, and 0 in it. */
    chain: number[];
    /**
     * By chain length: 1 is a base provider, above 1 a layered one, 0 stands for a layered provider in others' chains.
     */
    kind: "base" | "layered" | "hidden";
    family: number;
    familyName: string;
    socketType: number;
    socketTypeName: string;
    protocol: number;
    protocolName: string;
    /** The provider's sockets are file handles of the system (XP1_IFS_HANDLES). */
    ifs: boolean;
    /** dwServiceFlags1. */
    flags: number;
    flagNames: string[];
    /** dwProviderFlags. */
    providerFlags: number;
    providerFlagNames: string[];
    /** dwServiceFlags2 to 4: reserved by Winsock. */
    serviceFlags2: number;
    serviceFlags3: number;
    serviceFlags4: number;
    /** iVersion. */
    version: number;
    /** Bytes. */
    minAddressLength: number;
    /** Bytes. */
    maxAddressLength: number;
    /** The protocols from `protocol` to `protocol + protocolMaxOffset` are served. */
    protocolMaxOffset: number;
    /** 0 is big endian, 1 little endian. */
    networkByteOrder: number;
    securityScheme: number;
    /** Largest message in bytes; 0: a stream, 1: depends on the network, 0xFFFFFFFF: no limit. */
    messageSize: number;
    providerReserved: number;
    /** The registry's PackedCatalogItem, 888 bytes in base64; only if asked for. */
    raw?: string;
}

/**
 * One entry of a namespace catalog.
 * https://learn.microsoft.com/windows/win32/api/winsock2/ns-winsock2-wsanamespace_infow
 */
export interface NamespaceEntry {
    /** Display name; `@DLL,-N` is a reference to a resource string. */
    name: string;
    /** GUID of the provider, upper case in braces. */
    providerId: string;
    /** DLL as registered. */
    path: string;
    /** DLL as a program of this catalog's bitness loads it. Absent in data that was not read on this machine. */
    resolvedPath?: string;
    namespace: number;
    namespaceName: string;
    enabled: boolean;
    version: number;
    storesServiceClassInfo: boolean;
    /** The name as Winsock shows it, where that is another than the registered one: a resource's text. */
    displayName?: string;
}

/** The LSP categories that a program permits: an entry of AppId_Catalog. */
export interface ApplicationEntry {
    /** The entry's name in the registry, 8 hexadecimal digits: a hash whose algorithm is Windows' own. */
    key: string;
    /** Full path, as registered. */
    program: string;
    /** Only instances with this command line behind the program's name; empty: whatever it is. */
    args: string;
    /** LSP_ bits. */
    categories: number;
    categoryNames: string[];
    /** Made by an installation of ours, and taken away again when it is. */
    ours?: true;
}

/** The catalogs of a machine. One that the machine does not have is absent. */
export interface Catalog {
    protocols: { [bits in CatalogName]?: CatalogEntry[] };
    namespaces: { [bits in CatalogName]?: NamespaceEntry[] };
    /**
     * LSP categories of the layered providers that have any, by provider GUID, as LSP_ bits. Absent for a catalog of
     * which Winsock did not tell, or that was not read on this machine.
     */
    categories?: { [bits in CatalogName]?: Record<string, number> };
    /** The programs that permit some LSP categories only. Absent in data that was read before there was this member. */
    applications?: ApplicationEntry[];
}

/** What a program asks for: address family, socket type, protocol. */
export type Triplet = Pick<CatalogEntry, "family" | "socketType" | "protocol">;

export function sameTriplet(a: Triplet, b: Triplet): boolean {
    return a.family === b.family && a.socketType === b.socketType && a.protocol === b.protocol;
}

/** The entry that a path and a decoded WSAPROTOCOL_INFOW make. A chain length outside 0 to 7 counts as the nearest. */
export function entryOfInfo(path: string, info: ProtocolInfo, resolvedPath?: string): CatalogEntry {
    const length = Math.min(Math.max(info.chainLength, 0), MAX_PROTOCOL_CHAIN);
    return {
        id: info.catalogEntryId,
        name: info.name,
        providerId: info.providerId,
        path,
        ...(resolvedPath === undefined ? {} : { resolvedPath }),
        chain: info.chainEntries.slice(0, length),
        kind: length === 0 ? "hidden" : length === 1 ? "base" : "layered",
        family: info.addressFamily,
        familyName: familyName(info.addressFamily),
        socketType: info.socketType,
        socketTypeName: socketTypeName(info.socketType),
        protocol: info.protocol,
        protocolName: protocolName(info.addressFamily, info.protocol),
        ifs: (info.serviceFlags1 & XP1_IFS_HANDLES) !== 0,
        flags: info.serviceFlags1,
        flagNames: serviceFlagNames(info.serviceFlags1),
        providerFlags: info.providerFlags,
        providerFlagNames: providerFlagNames(info.providerFlags),
        serviceFlags2: info.serviceFlags2,
        serviceFlags3: info.serviceFlags3,
        serviceFlags4: info.serviceFlags4,
        version: info.version,
        minAddressLength: info.minSockAddr,
        maxAddressLength: info.maxSockAddr,
        protocolMaxOffset: info.protocolMaxOffset,
        networkByteOrder: info.networkByteOrder,
        securityScheme: info.securityScheme,
        messageSize: info.messageSize,
        providerReserved: info.providerReserved,
    };
}

/** The WSAPROTOCOL_INFOW of an entry, some of its members changed. */
export function infoOfEntry(entry: CatalogEntry, changes: Partial<ProtocolInfoFields> = {}): Uint8Array {
    return encodeProtocolInfo({
        serviceFlags1: entry.flags,
        serviceFlags2: entry.serviceFlags2,
        serviceFlags3: entry.serviceFlags3,
        serviceFlags4: entry.serviceFlags4,
        providerFlags: entry.providerFlags,
        providerId: entry.providerId,
        catalogEntryId: entry.id,
        chainLength: entry.chain.length,
        chainEntries: chainPlaces(entry.chain),
        version: entry.version,
        addressFamily: entry.family,
        maxSockAddr: entry.maxAddressLength,
        minSockAddr: entry.minAddressLength,
        socketType: entry.socketType,
        protocol: entry.protocol,
        protocolMaxOffset: entry.protocolMaxOffset,
        networkByteOrder: entry.networkByteOrder,
        securityScheme: entry.securityScheme,
        messageSize: entry.messageSize,
        providerReserved: entry.providerReserved,
        name: entry.name,
        ...changes,
    });
}

/** A chain in the seven places of WSAPROTOCOLCHAIN, zeros behind it. */
export function chainPlaces(chain: readonly number[]): number[] {
    return Array.from({ length: MAX_PROTOCOL_CHAIN }, (_, index) => chain[index] ?? 0);
}
