// Does a plan's catalog steps to a made-up catalog as Winsock would, refusing what Winsock refuses, and checks after
// every step that no chain names an entry that is not there.

import { applicationCatalogKey, applicationsOfRegistry } from "#lib/catalog/categories.js";
import type { Catalog, CatalogEntry, CatalogName, NamespaceEntry } from "#lib/catalog/model.js";
import { chainPlaces, entryOfInfo, infoOfEntry } from "#lib/catalog/model.js";
import { namespaceName } from "#lib/catalog/names.js";
import { decodeProtocolInfo, encodeProtocolInfo } from "#lib/catalog/protocol-info.js";
import { catalogOfRegistry, namespaceCatalogKey, protocolCatalogKey } from "#lib/catalog/registry.js";
import type {
    EnableNamespace,
    EntryReference,
    InstallNamespace,
    OrderNamespaces,
    Plan,
    RemoveNamespace,
    SetProviderCategory,
    Step,
    WriteRegistry,
} from "#lib/plan/plan.js";

/** A catalog with the counters that only ever go up. */
export interface SimulatedMachine {
    catalog: Catalog;
    nextId: { [bits in CatalogName]?: number };
}

export function machineOf(catalog: Catalog): SimulatedMachine {
    const nextId: SimulatedMachine["nextId"] = {};
    for (const bits of ["64", "32"] as const) {
        const entries = catalog.protocols[bits];
        if (entries !== undefined) {
            nextId[bits] = Math.max(1000, ...entries.map((entry) => entry.id)) + 1;
        }
    }
    return { catalog: structuredClone(catalog), nextId };
}

/** Chain places that name no entry; a base entry's single place means nothing. */
export function danglingChains(catalog: Catalog): string[] {
    return Object.values(catalog.protocols).flatMap((entries) =>
        entries
            .filter((entry) => entry.kind === "layered")
            .flatMap((entry) =>
                entry.chain
                    .filter((id) => !entries.some((other) => other.id === id))
                    .map((id) => `${entry.name} (${entry.id}) names ${id}`),
            ),
    );
}

/**
 * What keeps programs from getting through their chains: ids that name nothing, chains that lead round in a circle, and
 * chains that do not end with a base provider.
 */
export function unloadable(catalog: Catalog): string[] {
    return [...danglingChains(catalog), ...Object.values(catalog.protocols).flatMap(deadEnds)];
}

function deadEnds(entries: readonly CatalogEntry[]): string[] {
    const byId = new Map(entries.map((entry) => [entry.id, entry]));
    const under = new Map<CatalogEntry, boolean>(); // whether it leads to a base; absent while it is looked at
    const faults: string[] = [];
    const looked = new Set<CatalogEntry>();
    const leadsToBase = (entry: CatalogEntry): boolean => {
        if (entry.kind !== "layered") {
            return entry.kind === "base";
        }
        if (!looked.has(entry)) {
            looked.add(entry);
            const below = entry.chain.map((id) => byId.get(id)).filter((one) => one !== undefined);
            const reached = below.map(leadsToBase);
            under.set(entry, reached.at(-1) === true);
        } else if (!under.has(entry)) {
            faults.push(`${entry.name} (${entry.id}) leads to itself`);
            return true;
        }
        return under.get(entry) === true;
    };
    for (const entry of entries) {
        if (entry.kind === "layered" && !leadsToBase(entry)) {
            faults.push(`${entry.name} (${entry.id}) does not end with a base provider`);
        }
    }
    return faults;
}

/** Executes every step that changes a catalog; `check` is called after each. */
export function simulate(
    machine: SimulatedMachine,
    plan: Plan,
    check: (machine: SimulatedMachine, step: Step) => void,
): void {
    for (const step of plan.steps) {
        if (step.do === "write-registry") {
            writeRegistry(machine, step);
            check(machine, step);
        } else if (step.do === "set-application-category") {
            const others = (machine.catalog.applications ?? []).filter((one) => one.program !== step.program);
            const { program, args = "", categories } = step;
            const entry = { key: "", program, args, categories: categories ?? 0, categoryNames: [] };
            machine.catalog.applications = categories === null ? others : [...others, entry];
            check(machine, step);
        } else if (step.do === "set-provider-category") {
            setProviderCategory(machine, step);
            check(machine, step);
        } else if (isNamespaceStep(step)) {
            const bits = step.catalog === 64 ? "64" : "32";
            machine.catalog.namespaces[bits] = applyNamespace(machine.catalog.namespaces[bits] ?? [], step);
            check(machine, step);
        } else if ("catalog" in step) {
            const bits = step.catalog === 64 ? "64" : "32";
            const entries = machine.catalog.protocols[bits];
            if (entries === undefined) {
                throw new Error(`there is no ${bits}-bit catalog`);
            }
            machine.catalog.protocols[bits] = apply(machine, bits, entries, step);
            if (step.do === "deinstall-provider") {
                delete machine.catalog.categories?.[bits]?.[step.providerId];
            }
            check(machine, step);
        }
    }
}

function setProviderCategory({ catalog }: SimulatedMachine, step: SetProviderCategory): void {
    const bits = step.catalog === 64 ? "64" : "32";
    if (
        !(catalog.protocols[bits] ?? []).some(
            ({ providerId, kind }) => providerId === step.providerId && kind !== "base",
        )
    ) {
        throw new Error(`WSAEINVALIDPROVIDER: ${step.providerId}`);
    }
    const { [step.providerId]: _, ...others } = catalog.categories?.[bits] ?? {};
    const own = step.categories === 0 ? others : { ...others, [step.providerId]: step.categories };
    catalog.categories = { ...catalog.categories, [bits]: own };
}

type NamespaceStep = InstallNamespace | RemoveNamespace | EnableNamespace | OrderNamespaces;

const namespaceSteps: ReadonlySet<string> = new Set<NamespaceStep["do"]>([
    "install-namespace",
    "remove-namespace",
    "enable-namespace",
    "order-namespaces",
]);

function isNamespaceStep(step: Step): step is NamespaceStep & { text: string } {
    return namespaceSteps.has(step.do);
}

function applyNamespace(entries: readonly NamespaceEntry[], step: NamespaceStep): NamespaceEntry[] {
    const guids = step.do === "order-namespaces" ? step.order : [step.providerId];
    const found = guids.map((guid) => entries.find(({ providerId }) => providerId === guid));
    const there = found.filter((one) => one !== undefined);
    if (step.do === "install-namespace" ? there.length > 0 : there.length < guids.length) {
        throw new Error(`WSAEINVAL: ${step.do} ${guids.join(" ")}`);
    }
    switch (step.do) {
        case "install-namespace": {
            const { name, providerId, path, namespace, version } = step;
            const added: NamespaceEntry = {
                name,
                providerId,
                path,
                namespace,
                namespaceName: namespaceName(namespace),
                enabled: true,
                version,
                storesServiceClassInfo: false,
            };
            return [...entries, added];
        }
        case "remove-namespace":
            return entries.filter((one) => one !== there[0]);
        case "enable-namespace":
            return entries.map((one) => (one === there[0] ? { ...one, enabled: step.enabled } : one));
        case "order-namespaces":
            if (new Set(guids).size !== entries.length) {
                throw new Error("WSAEINVAL: the order must name every namespace provider once");
            }
            return there;
    }
}

function writeRegistry({ catalog }: SimulatedMachine, { key, tree }: WriteRegistry): void {
    const now = catalogOfRegistry(key === "" ? tree : { values: {}, keys: { [key]: tree } });
    if (key === "" || key === protocolCatalogKey) {
        catalog.protocols = now.protocols;
    }
    if (key === "" || key === namespaceCatalogKey) {
        catalog.namespaces = now.namespaces;
    }
    if (key === "" || key === applicationCatalogKey) {
        catalog.applications = applicationsOfRegistry({ values: {}, keys: key === "" ? tree.keys : { [key]: tree } });
    }
}

/** The id that a reference stands for: an id, the GUID of a provider with one entry, or of another with `#n`. */
function resolve(entries: readonly CatalogEntry[], reference: EntryReference): number {
    const [guid, ordinal] = String(reference).split("#");
    const found = entries
        .filter((entry) => (typeof reference === "number" ? entry.id === reference : entry.providerId === guid))
        .map(({ id }) => id)
        .sort((a, b) => a - b);
    const [id, ...others] = ordinal === undefined ? found : found.slice(Number(ordinal) - 1, Number(ordinal));
    if (id === undefined || others.length > 0) {
        throw new Error(`${reference} names ${found.length} entries`);
    }
    return id;
}

function apply(machine: SimulatedMachine, bits: CatalogName, entries: CatalogEntry[], step: Step): CatalogEntry[] {
    switch (step.do) {
        case "install-provider":
        case "install-entries": {
            if (entries.some((entry) => entry.providerId === step.providerId)) {
                throw new Error(`WSAEINVAL: ${step.providerId} is there already`);
            }
            const added = step.do === "install-entries" ? step.entries : [{ info: step.info, chain: step.chain }];
            // They cannot name each other: their ids come with this call.
            return [
                ...entries,
                ...added.map((one) => {
                    const id = machine.nextId[bits] ?? 1001;
                    machine.nextId[bits] = id + 1;
                    const { providerId } = step;
                    const info = encodeProtocolInfo(
                        { providerId, catalogEntryId: id, ...chainMembers(entries, one.chain, []) },
                        Buffer.from(one.info, "base64"),
                    );
                    return entryOfInfo(step.path, decodeProtocolInfo(info));
                }),
            ];
        }
        case "update-provider": {
            const given = step.info === undefined ? undefined : decodeProtocolInfo(Buffer.from(step.info, "base64"));
            const own = entries.filter((entry) => entry.providerId === step.providerId);
            const named = step.id ?? given?.catalogEntryId ?? 0;
            const id = own.length === 1 ? own[0]?.id : resolve(own, named);
            if (typeof named === "number" && named !== 0 && named !== id) {
                throw new Error(`${step.providerId} has no entry ${named}`);
            }
            const place = entries.findIndex((entry) => entry.id === id);
            const former = entries[place];
            if (former === undefined) {
                throw new Error(`WSAEINVAL: no entry of ${step.providerId}`);
            }
            const changed = encodeProtocolInfo(
                { catalogEntryId: former.id, ...chainMembers(entries, step.chain, former.chain) },
                given?.bytes ?? infoOfEntry(former),
            );
            return entries.with(place, entryOfInfo(step.path, decodeProtocolInfo(changed)));
        }
        case "set-provider-path": {
            if (!entries.some((entry) => entry.providerId === step.providerId)) {
                throw new Error(`ERR_UNKNOWN_CATALOG_ID: ${step.providerId}`);
            }
            const { providerId, path } = step;
            return entries.map((entry) => (entry.providerId === providerId ? { ...entry, path } : entry));
        }
        case "deinstall-provider": {
            const rest = entries.filter((entry) => entry.providerId !== step.providerId);
            if (rest.length === entries.length) {
                throw new Error(`WSAEINVAL: ${step.providerId} is not there`);
            }
            return rest;
        }
        case "write-order": {
            const order = step.order.map((reference) => resolve(entries, reference));
            if (new Set(order).size !== entries.length || order.length !== entries.length) {
                throw new Error("WSAEINVAL: the order must name every entry once");
            }
            return order.map((id) => {
                const found = entries.find((entry) => entry.id === id);
                if (found === undefined) {
                    throw new Error(`no entry ${id}`);
                }
                return found;
            });
        }
        default:
            return entries;
    }
}

/** The chain's members of WSAPROTOCOL_INFOW; as the executor does, what was named already may be gone. */
function chainMembers(
    entries: readonly CatalogEntry[],
    chain: readonly EntryReference[] | undefined,
    former: readonly number[],
): { chainLength?: number; chainEntries?: number[] } {
    if (chain === undefined) {
        return {};
    }
    if (chain.length > 7) {
        throw new Error(`ERR_CHAIN_FULL: chain of ${chain.length}`);
    }
    const ids = chain.map((reference) =>
        former.some((kept) => kept === reference) ? Number(reference) : resolve(entries, reference),
    );
    return { chainLength: ids.length, chainEntries: chainPlaces(ids) };
}
