// Who is in the protocol catalogs: entries put together to the providers that they belong to, and found by what people
// call them. Pure.

import { win32 as path } from "node:path";
import { type Catalog, type CatalogEntry, type CatalogName, catalogNames, sameTriplet } from "../catalog/model.js";
import { WinsockError } from "../errors.js";

/** A provider with all its entries. */
export interface Provider {
    /** Of its hidden entry, else of its first. */
    name: string;
    /** GUIDs of its entries; that of the hidden entry first. */
    providerIds: string[];
    entries: { [bits in CatalogName]?: CatalogEntry[] };
}

/**
 * All providers. Entries belong together that have the same GUID, or the same first place in their chains (which stands
 * for the provider, be its hidden entry in the catalog or not), in one catalog or the other.
 */
export function providersOf(catalog: Catalog): Provider[] {
    const groups = catalogNames.flatMap((bits) => groupsIn(bits, catalog.protocols[bits] ?? []));
    const merged: Provider[] = [];
    for (const group of groups) {
        const twin = merged.find((one) => isTwin(one, group));
        if (twin === undefined) {
            merged.push(group);
        } else {
            twin.entries = { ...twin.entries, ...group.entries };
            twin.providerIds = [...new Set([...twin.providerIds, ...group.providerIds])];
        }
    }
    return merged;
}

function groupsIn(bits: CatalogName, entries: readonly CatalogEntry[]): Provider[] {
    const label = new Map<CatalogEntry, string>();
    const hidden = new Set(entries.filter(({ kind }) => kind === "hidden").map(({ id }) => id));
    const there = new Set(entries.map(({ id }) => id));
    // What two entries must have in common to be one provider's.
    const marks = (entry: CatalogEntry): string[] => {
        const first = entry.kind === "hidden" ? entry.id : entry.kind === "layered" ? entry.chain[0] : undefined;
        const standsForProvider = first !== undefined && (hidden.has(first) || !there.has(first));
        return [`guid ${entry.providerId.toUpperCase()}`, ...(standsForProvider ? [`first ${first}`] : [])];
    };
    const ofMark = new Map<string, string>();
    for (const entry of entries) {
        const own = marks(entry);
        const known = new Set(own.map((mark) => ofMark.get(mark)).filter((name) => name !== undefined));
        const [name = own[0] ?? ""] = known;
        for (const [mark, other] of ofMark) {
            if (known.has(other)) {
                ofMark.set(mark, name);
            }
        }
        for (const [former, other] of label) {
            if (known.has(other)) {
                label.set(former, name);
            }
        }
        for (const mark of own) {
            ofMark.set(mark, name);
        }
        label.set(entry, name);
    }
    const groups = new Map<string, CatalogEntry[]>();
    for (const entry of entries) {
        const name = label.get(entry) ?? "";
        groups.set(name, [...(groups.get(name) ?? []), entry]);
    }
    return [...groups.values()].map((members) => {
        const ordered = [...members].sort((a, b) => Number(b.kind === "hidden") - Number(a.kind === "hidden"));
        return {
            name: ordered[0]?.name ?? "",
            providerIds: [...new Set(ordered.map(({ providerId }) => providerId.toUpperCase()))],
            entries: { [bits]: members },
        };
    });
}

/** The same provider in two catalogs: by a GUID, or, where each is in one catalog only, by the name. */
function isTwin(a: Provider, b: Provider): boolean {
    const disjoint = catalogNames.every((bits) => a.entries[bits] === undefined || b.entries[bits] === undefined);
    const shared = a.providerIds.some((guid) => b.providerIds.includes(guid));
    return disjoint && (shared || (a.name !== "" && a.name === b.name && !hasBase(a) && !hasBase(b)));
}

function membersOf(provider: Provider, only?: CatalogName): CatalogEntry[] {
    return catalogNames.flatMap((bits) => (only === undefined || only === bits ? (provider.entries[bits] ?? []) : []));
}

function hasBase(provider: Provider): boolean {
    return membersOf(provider).some(({ kind }) => kind === "base");
}

/** e.g. `"Vendor" {GUID}, id 1623 (64-bit catalog), id 1630 (32-bit catalog)`. */
export function describeProvider(provider: Provider): string {
    const places = catalogNames.flatMap((bits) => {
        const [first] = provider.entries[bits] ?? [];
        const entry = (provider.entries[bits] ?? []).find(({ kind }) => kind === "hidden") ?? first;
        return entry === undefined ? [] : [`id ${entry.id} (${bits}-bit catalog)`];
    });
    return `"${provider.name}" ${provider.providerIds[0] ?? ""}, ${places.join(", ")}`;
}

const guidPattern = /^\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?$/i;

function matches(provider: Provider, wanted: string | number, only: CatalogName | undefined): boolean {
    const members = membersOf(provider, only);
    const text = String(wanted);
    if (/^\d+$/.test(text) && members.some(({ id }) => id === Number(text))) {
        return true;
    }
    if (typeof wanted === "number" || members.length === 0) {
        return false;
    }
    if (guidPattern.test(wanted)) {
        const guid = `{${wanted.replace(/[{}]/g, "").toUpperCase()}}`;
        return members.some(({ providerId }) => providerId.toUpperCase() === guid);
    }
    const lower = wanted.toLowerCase();
    return (
        provider.name.toLowerCase() === lower ||
        members.some((entry) =>
            [entry.name, entry.path, entry.resolvedPath ?? "", path.basename(entry.path)].some(
                (name) => name.toLowerCase() === lower,
            ),
        )
    );
}

/**
 * The one provider that is meant.
 *
 * @throws WinsockError `ERR_UNKNOWN_PROVIDER`, `ERR_AMBIGUOUS_PROVIDER`.
 */
export function findProvider(
    all: readonly Provider[],
    wanted: string | number,
    only: CatalogName | undefined,
): Provider {
    const found = all.filter((provider) => matches(provider, wanted, only));
    const list = (providers: readonly Provider[]): string => providers.map(describeProvider).join("; ");
    const [first] = found;
    if (first === undefined) {
        const removable = all.filter((provider) => !hasBase(provider));
        const where = only === undefined ? "No catalog has" : `The ${only}-bit catalog does not have`;
        const there = removable.length === 0 ? "It has base providers only." : `There are: ${list(removable)}.`;
        throw new WinsockError(`${where} a provider ${JSON.stringify(wanted)}. ${there}`, {
            code: "ERR_UNKNOWN_PROVIDER",
        });
    }
    if (found.length > 1) {
        throw new WinsockError(
            `${JSON.stringify(wanted)} may mean any of ${found.length} providers: ${list(found)}. Name one by its ` +
                `GUID${only === undefined ? ", or say which catalog" : ""}.`,
            { code: "ERR_AMBIGUOUS_PROVIDER" },
        );
    }
    return first;
}

/** Windows' own base providers: TCP/IP, IPv6, QoS, Bluetooth, local sockets, Hyper-V, infrared, NetBIOS. */
const systemProviders = new Set([
    "{E70F1AA0-AB8B-11CF-8CA3-00805F48A192}",
    "{F9EAB0C0-26D4-11D0-BBBF-00AA006C34E4}",
    "{9D60A9E0-337A-11D0-BD88-0000C082E69A}",
    "{9FC48064-7298-43E4-B7BD-181F2089792A}",
    "{A00943D9-9C2E-4633-9B59-0057A3160994}",
    "{1234191B-4BF7-4CA7-86E0-DFD7C32B5445}",
    "{3972523D-2AF1-11D1-B655-00805F3642CC}",
    "{8D5F1830-C273-11CF-95C8-00805F48A192}",
]);

const systemFiles = new Set(["mswsock.dll", "msafd.dll", "rsvpsp.dll", "wshbth.dll"]);

const AF_INET = 2;
const AF_INET6 = 23;

/** Whether the entry is a base provider of Windows: by who it is, or because nobody else does what it does. */
export function isSystemBase(entry: CatalogEntry, entries: readonly CatalogEntry[]): boolean {
    if (entry.kind !== "base") {
        return false;
    }
    const alone =
        (entry.family === AF_INET || entry.family === AF_INET6) &&
        !entries.some(
            (other) => other.kind === "base" && other.providerId !== entry.providerId && sameTriplet(other, entry),
        );
    const file = path.basename(entry.path).toLowerCase();
    return alone || systemProviders.has(entry.providerId.toUpperCase()) || systemFiles.has(file);
}

/**
 * Refuses to take out what programs cannot do without.
 *
 * @throws WinsockError `ERR_BASE_PROVIDER`.
 */
export function requireRemovable(
    catalog: Catalog,
    provider: Provider,
    leaving: readonly Provider[],
    only: CatalogName | undefined,
): void {
    for (const bits of catalogNames.filter((name) => only === undefined || only === name)) {
        const entries = catalog.protocols[bits] ?? [];
        const going = new Set(leaving.flatMap((one) => one.entries[bits] ?? []));
        const bases = (provider.entries[bits] ?? []).filter(({ kind }) => kind === "base");
        const system = bases.find((entry) => isSystemBase(entry, entries));
        if (system !== undefined) {
            throw new WinsockError(
                `"${system.name}" (id ${system.id}, ${bits}-bit catalog) is a base provider of Windows: without it ` +
                    "programs have no network. It stays.",
                { code: "ERR_BASE_PROVIDER" },
            );
        }
        for (const base of bases) {
            const above = entries.find(
                (entry) => entry.kind === "layered" && !going.has(entry) && entry.chain.includes(base.id),
            );
            if (above !== undefined) {
                throw new WinsockError(
                    `"${base.name}" (id ${base.id}, ${bits}-bit catalog) is a base provider, and the chain of ` +
                        `"${above.name}" (id ${above.id}) ends with it. Remove that provider first.`,
                    { code: "ERR_BASE_PROVIDER" },
                );
            }
        }
    }
}
