// Restoring a protocol catalog by Winsock's own functions: what the backup has and the catalog has not is installed,
// what is there too much is deinstalled, what differs is updated, and last comes the order. Entries that are installed
// get new ids, and every chain names those. Pure.
//
// At no moment does a chain name an entry that is not there, lead round in a circle, or end anywhere but with a base
// provider: what chains will name comes first, what they named goes last. Where Winsock can only replace a provider as
// a whole (it keeps all entries of a GUID together), those above it leave before it and come back after it.

import { Buffer } from "node:buffer";
import { WinsockError } from "../errors.js";
import type { Bits } from "../native.js";
import type { EntryReference, InstallEntries, Step } from "../plan/plan.js";
import type { CatalogEntry, CatalogName } from "./model.js";
import { MAX_PROTOCOL_CHAIN, PFL_HIDDEN } from "./names.js";
import { encodeProtocolInfo } from "./protocol-info.js";
import type { ProtocolItem } from "./registry.js";

/** An entry of the backup, and what becomes of it. */
interface Wanted {
    readonly item: ProtocolItem;
    /** Those that its chain names, itself among them where a base entry names itself. */
    readonly names: Map<number, Wanted>;
    /** The entry that is there and becomes this one. Absent: it is installed. */
    live?: ProtocolItem | undefined;
    /** Its provider is there, but must be taken away and installed again. */
    again: boolean;
    /** How plans name it. */
    reference: EntryReference;
    /** It exists, by its reference. */
    there: boolean;
    /** It is as it is to be; else it is as `live`, or a hidden entry that only keeps the place. */
    done: boolean;
}

type Groups = ReadonlyMap<string, readonly Wanted[]>;

/** What is planned so far, and how the catalog stands by then. */
interface Progress {
    readonly bits: CatalogName;
    readonly steps: Step[];
    /** What is there, in catalog order: a wanted entry, or one that is not. */
    places: (Wanted | ProtocolItem)[];
}

/**
 * The steps by which a protocol catalog becomes the wanted one but for its ids, and what the user should know of them.
 *
 * @throws WinsockError `ERR_RESTORE_WAY` if Winsock's functions cannot make the wanted catalog, as it is damaged.
 */
export function winsockSteps(
    bits: CatalogName,
    wanted: readonly ProtocolItem[],
    live: readonly ProtocolItem[],
): { steps: Step[]; warnings: string[] } {
    refuseDoubleIds(bits, live, "catalog");
    const all = linked(bits, wanted);
    const groups = groupBy(all, ({ item }) => item.entry.providerId);
    const leaving = decide(all, groups, live);
    const byLive = new Map(all.flatMap((one) => (one.live === undefined ? [] : [[one.live, one] as const])));
    const progress: Progress = { bits, steps: [], places: live.map((item) => byLive.get(item) ?? item) };
    setPaths(progress, groups);
    for (const one of all) {
        one.done = one.live !== undefined && isAsWanted(one, one.live);
    }
    const late = lateEntries(all, groups);
    bringAbout(
        progress,
        all.filter((one) => !late.has(one)),
        groups,
    );
    takeAway(progress, leaving);
    bringAbout(progress, all, groups);
    putInOrder(progress, all);
    return { steps: progress.steps, warnings: warningsOf(bits, leaving, groups) };
}

function groupBy<Key, Value>(values: readonly Value[], keyOf: (value: Value) => Key): Map<Key, Value[]> {
    const groups = new Map<Key, Value[]>();
    for (const value of values) {
        const group = groups.get(keyOf(value));
        if (group === undefined) {
            groups.set(keyOf(value), [value]);
        } else {
            group.push(value);
        }
    }
    return groups;
}

function refuse(bits: CatalogName, what: string): never {
    throw new WinsockError(
        `Winsock's functions cannot make the ${bits}-bit catalog that is wanted: ${what}. Nothing was changed. The ` +
            "registry way (`--way registry`) can.",
        { code: "ERR_RESTORE_WAY" },
    );
}

const nameOf = ({ name, id }: CatalogEntry): string => `"${name}" (id ${id})`;

function refuseDoubleIds(bits: CatalogName, items: readonly ProtocolItem[], where: string): void {
    const ids = new Set<number>();
    for (const { entry } of items) {
        if (ids.has(entry.id)) {
            refuse(bits, `in the ${where}, several entries have the id ${entry.id}`);
        }
        ids.add(entry.id);
    }
}

/** The entries of the backup, each with those that it names. */
function linked(bits: CatalogName, wanted: readonly ProtocolItem[]): Wanted[] {
    refuseDoubleIds(bits, wanted, "backup");
    const all = wanted.map((item): Wanted => ({
        item,
        names: new Map(),
        again: false,
        reference: 0,
        there: false,
        done: false,
    }));
    const byId = new Map(all.map((one) => [one.item.entry.id, one]));
    for (const {
        item: { entry, info },
        names,
    } of all) {
        if (info.chainLength < 0 || info.chainLength > MAX_PROTOCOL_CHAIN) {
            refuse(bits, `in the backup, the chain of ${nameOf(entry)} has the length ${info.chainLength}`);
        }
        for (const id of entry.chain) {
            const named = byId.get(id);
            if (named !== undefined) {
                names.set(id, named);
            } else if (entry.kind === "layered") {
                refuse(bits, `in the backup, the chain of ${nameOf(entry)} names ${id}, which is not there`);
            }
        }
    }
    return all;
}

/**
 * Decides which providers stay and are updated (their entries become `live` of the wanted ones), and how the others
 * will be named. Returns what is deinstalled, be it to be installed again.
 */
function decide(all: readonly Wanted[], groups: Groups, live: readonly ProtocolItem[]): Map<string, ProtocolItem[]> {
    const former = groupBy(live, ({ entry }) => entry.providerId);
    const leaving = new Map<string, ProtocolItem[]>();
    const leave = (guid: string): void => {
        leaving.set(guid, former.get(guid) ?? []);
        for (const one of groups.get(guid) ?? []) {
            one.live = undefined;
            one.again = true;
        }
    };
    for (const [guid, items] of former) {
        if (!pair(groups.get(guid) ?? [], items)) {
            leave(guid);
        }
    }
    for (let settled = false; !settled;) {
        settled = true;
        const gone = new Set([...leaving.values()].flat().map(({ entry }) => entry.id));
        for (const one of lateEntries(all, groups)) {
            // It must turn away from what leaves, but to what is there only when that has left.
            if (one.live?.entry.chain.some((id) => gone.has(id)) === true) {
                leave(one.item.entry.providerId);
                settled = false;
            }
        }
    }
    for (const [guid, group] of groups) {
        for (const [index, one] of group.entries()) {
            one.there = one.live !== undefined;
            one.reference = one.live?.entry.id ?? (group.length === 1 ? guid : `${guid}#${index + 1}`);
        }
    }
    return leaving;
}

/** Gives each wanted entry of a provider one that is there; false if there are not as many of each kind. */
function pair(group: readonly Wanted[], items: readonly ProtocolItem[]): boolean {
    const triplet = ({ kind, family, socketType, protocol }: CatalogEntry): string =>
        [kind, family, socketType, protocol].join(" ");
    const levels: ((entry: CatalogEntry) => string)[] = [
        (entry) => `${triplet(entry)} ${entry.id} ${entry.name}`,
        (entry) => `${triplet(entry)} ${entry.name}`,
        triplet,
        ({ kind }) => kind,
    ];
    const free = new Set(items);
    const open = new Set(group);
    for (const level of levels) {
        for (const one of open) {
            for (const item of free) {
                if (level(item.entry) === level(one.item.entry)) {
                    one.live = item;
                    free.delete(item);
                    open.delete(one);
                    break;
                }
            }
        }
    }
    return free.size === 0 && open.size === 0;
}

/** A provider that stays and has another DLL: all its entries turn to it at once, as Winsock wants it. */
function setPaths({ bits, steps }: Progress, groups: Groups): void {
    for (const [providerId, group] of groups) {
        const [path = "", ...others] = new Set(group.map(({ item }) => item.path));
        const stays = group.every(({ live }) => live !== undefined);
        if (!stays || others.length > 0 || group.every(({ live }) => live?.path === path)) {
            continue;
        }
        steps.push({
            do: "set-provider-path",
            catalog: Number(bits) as Bits,
            providerId,
            path,
            text: `${bits}-bit catalog: give ${group.map(({ item }) => nameOf(item.entry)).join(", ")} the DLL ${path}`,
        });
        for (const one of group) {
            one.live = one.live === undefined ? undefined : { ...one.live, path };
        }
    }
}

function isAsWanted({ item, names }: Wanted, live: ProtocolItem): boolean {
    const ids = item.info.chainEntries.map((id, index) => {
        const named = index < item.info.chainLength ? names.get(id) : undefined;
        return named === undefined ? id : named.live?.entry.id;
    });
    if (item.path !== live.path || ids.some((id) => id === undefined)) {
        return false;
    }
    const chainEntries = ids.map((id) => id ?? 0);
    const same = encodeProtocolInfo({ chainEntries, catalogEntryId: live.entry.id }, item.info.bytes);
    return Buffer.compare(same, live.info.bytes) === 0;
}

/**
 * What can be brought about only when what is installed again has left: that itself, and whatever names it, directly or
 * through others. A new provider is installed as a whole.
 */
function lateEntries(all: readonly Wanted[], groups: Groups): Set<Wanted> {
    const late = new Set<Wanted>();
    for (let before = -1; late.size > before;) {
        before = late.size;
        for (const one of all) {
            if (one.again || [...one.names.values()].some((named) => late.has(named))) {
                const whole = one.live === undefined ? (groups.get(one.item.entry.providerId) ?? []) : [one];
                whole.forEach((other) => late.add(other));
            }
        }
    }
    return late;
}

/** Makes these entries what they are to be; whatever they name is among them or is so already. */
function bringAbout(progress: Progress, entries: readonly Wanted[], groups: Groups): void {
    const order = bottomUp(entries);
    const installed = new Set(order.filter((one) => !one.there).map(({ item }) => item.entry.providerId));
    for (const guid of installed) {
        installGroup(progress, groups.get(guid) ?? []);
    }
    // Each entry finds what it names as it is to be, so that no two ever name each other.
    for (const one of order) {
        if (!one.done) {
            progress.steps.push(updateStep(progress.bits, one));
            one.done = true;
        }
    }
}

/** Named before naming. What names itself through others, which is damage, comes in some order. */
function bottomUp(entries: readonly Wanted[]): Wanted[] {
    const order: Wanted[] = [];
    const seen = new Set<Wanted>();
    const among = new Set(entries);
    const visit = (one: Wanted): void => {
        if (!seen.has(one) && among.has(one)) {
            seen.add(one);
            [...one.names.values()].forEach(visit);
            order.push(one);
        }
    };
    entries.forEach(visit);
    return order;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** The chain by references, or undefined where the info has it as it stays: that of a base entry names nothing. */
function chainOf({ item, names }: Wanted): EntryReference[] | undefined {
    return item.entry.kind !== "layered" && names.size === 0
        ? undefined
        : item.entry.chain.map((id) => names.get(id)?.reference ?? id);
}

function installGroup({ bits, steps, places }: Progress, group: readonly Wanted[]): void {
    const first = group[0];
    if (first === undefined) {
        return;
    }
    const { providerId, name } = first.item.entry;
    const entries = group.map((one): InstallEntries["entries"][number] => {
        const chain = chainOf(one);
        const known = [...one.names.values()].every((named) => named.there && (named.done || named.live !== undefined));
        if (chain === undefined || known) {
            one.done = one.item.path === first.item.path; // for Winsock, all entries of a GUID have one path
            return { info: infoOf(one), ...(chain === undefined ? {} : { chain }) };
        }
        if (one.item.entry.kind === "base") {
            return { info: infoOf(one) };
        }
        // What it names comes with it or after it. As a hidden entry it only keeps the place until then.
        return { info: infoOf(one, PFL_HIDDEN), chain: [] };
    });
    const [only] = entries.length === 1 ? entries : [];
    const what = group.length === 1 ? `"${name}"` : `the ${group.length} entries of "${name}"`;
    const common = { catalog: Number(bits) as Bits, providerId, path: first.item.path };
    const text = `${bits}-bit catalog: install ${what}`;
    steps.push(
        only?.chain === undefined
            ? { do: "install-entries", ...common, entries, text }
            : { do: "install-provider", ...common, info: only.info, chain: only.chain, text },
    );
    for (const one of group) {
        one.there = true;
        places.push(one);
    }
}

/** The info as the backup has it; ids are for Winsock and the executor to fill in. */
function infoOf({ item: { info } }: Wanted, moreFlags = 0): string {
    const providerFlags = (info.providerFlags | moreFlags) >>> 0;
    return base64(encodeProtocolInfo({ providerFlags, catalogEntryId: 0 }, info.bytes));
}

function updateStep(bits: CatalogName, one: Wanted): Step {
    const { entry, path } = one.item;
    const chain = chainOf(one);
    const id = one.live === undefined ? "" : ` (id ${one.live.entry.id})`;
    const over = entry.kind === "layered" ? `, chain ${(chain ?? []).join(" over ")}` : "";
    return {
        do: "update-provider",
        catalog: Number(bits) as Bits,
        providerId: entry.providerId,
        path,
        info: infoOf(one),
        id: one.reference,
        ...(chain === undefined ? {} : { chain }),
        text: `${bits}-bit catalog: make "${entry.name}"${id} what it was${over}`,
    };
}

/** Deinstalls providers, each after all that name it. */
function takeAway(progress: Progress, leaving: ReadonlyMap<string, readonly ProtocolItem[]>): void {
    const rest = new Map(leaving);
    while (rest.size > 0) {
        const named = (guid: string): boolean => {
            const ids = new Set(rest.get(guid)?.map(({ entry }) => entry.id));
            return [...rest].some(
                ([other, items]) => other !== guid && items.some(({ entry }) => entry.chain.some((id) => ids.has(id))),
            );
        };
        // Where all name each other, which is damage, one of them has to be the first.
        const guid = [...rest.keys()].find((one) => !named(one)) ?? [...rest.keys()][0] ?? "";
        const items = rest.get(guid) ?? [];
        const { bits, steps } = progress;
        steps.push({
            do: "deinstall-provider",
            catalog: Number(bits) as Bits,
            providerId: guid,
            text: `${bits}-bit catalog: remove ${items.map(({ entry }) => nameOf(entry)).join(", ")}`,
        });
        rest.delete(guid);
        progress.places = progress.places.filter((place) => "done" in place || !items.includes(place));
    }
}

function putInOrder({ bits, steps, places }: Progress, all: readonly Wanted[]): void {
    if (places.every((place, index) => place === all[index])) {
        return;
    }
    steps.push({
        do: "write-order",
        catalog: Number(bits) as Bits,
        order: all.map(({ reference }) => reference),
        text: `${bits}-bit catalog: put the entries in their order`,
    });
}

/** Base providers are the machine's own; that one goes for a moment is worth a word. */
function warningsOf(
    bits: CatalogName,
    leaving: ReadonlyMap<string, readonly ProtocolItem[]>,
    groups: Groups,
): string[] {
    return [...leaving].flatMap(([guid, items]) => {
        const base = items.find(({ entry }) => entry.kind === "base");
        if (base === undefined) {
            return [];
        }
        const back = groups.has(guid) ? "is taken out for a moment and installed again" : "is taken out";
        return [`${bits}-bit catalog: the base provider ${nameOf(base.entry)} ${back}.`];
    });
}
