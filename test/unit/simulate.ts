// Does a plan's catalog steps to a made-up catalog as Winsock would, refusing what Winsock refuses, and checks after
// every step that no chain names an entry that is not there.

import type { Catalog, CatalogEntry, CatalogName } from "#lib/catalog/model.js";
import { chainPlaces, entryOfInfo, infoOfEntry } from "#lib/catalog/model.js";
import { decodeProtocolInfo, encodeProtocolInfo } from "#lib/catalog/protocol-info.js";
import type { EntryReference, Plan, Step } from "#lib/plan/plan.js";

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

/** Executes every step that changes a catalog; `check` is called after each. */
export function simulate(
    machine: SimulatedMachine,
    plan: Plan,
    check: (machine: SimulatedMachine, step: Step) => void,
): void {
    for (const step of plan.steps) {
        if ("catalog" in step) {
            const bits = step.catalog === 64 ? "64" : "32";
            const entries = machine.catalog.protocols[bits];
            if (entries === undefined) {
                throw new Error(`there is no ${bits}-bit catalog`);
            }
            machine.catalog.protocols[bits] = apply(machine, bits, entries, step);
            check(machine, step);
        }
    }
}

function resolve(entries: readonly CatalogEntry[], reference: EntryReference): number {
    const found = entries.filter(
        (entry) => (typeof reference === "number" ? entry.id === reference : entry.providerId === reference),
    );
    if (found.length !== 1 || found[0] === undefined) {
        throw new Error(`${reference} names ${found.length} entries`);
    }
    return found[0].id;
}

function apply(machine: SimulatedMachine, bits: CatalogName, entries: CatalogEntry[], step: Step): CatalogEntry[] {
    switch (step.do) {
        case "install-provider": {
            if (entries.some((entry) => entry.providerId === step.providerId)) {
                throw new Error(`WSAEINVAL: ${step.providerId} is there already`);
            }
            const chain = step.chain.map((reference) => resolve(entries, reference));
            if (chain.length > 7 || chain.length === 1) {
                throw new Error(`WSAEINVAL: chain of ${chain.length}`);
            }
            const id = machine.nextId[bits] ?? 1001;
            machine.nextId[bits] = id + 1;
            const info = encodeProtocolInfo(
                {
                    providerId: step.providerId,
                    catalogEntryId: id,
                    chainLength: chain.length,
                    chainEntries: chainPlaces(chain),
                },
                Buffer.from(step.info, "base64"),
            );
            return [...entries, entryOfInfo(step.path, decodeProtocolInfo(info))];
        }
        case "update-provider": {
            const given = step.info === undefined ? undefined : decodeProtocolInfo(Buffer.from(step.info, "base64"));
            const id = given?.catalogEntryId ?? step.id;
            const place = entries.findIndex((entry) => entry.id === id && entry.providerId === step.providerId);
            const former = entries[place];
            if (former === undefined) {
                throw new Error(`WSAEINVAL: no entry ${id} of ${step.providerId}`);
            }
            // As the executor does: what the chain has named already may be gone.
            const chain = step.chain.map((reference) =>
                former.chain.some((kept) => kept === reference) ? Number(reference) : resolve(entries, reference),
            );
            if (chain.length > 7) {
                throw new Error(`ERR_CHAIN_FULL: chain of ${chain.length}`);
            }
            const changed = encodeProtocolInfo(
                { chainLength: chain.length, chainEntries: chainPlaces(chain) },
                given?.bytes ?? infoOfEntry(former),
            );
            return entries.with(place, entryOfInfo(step.path, decodeProtocolInfo(changed)));
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
