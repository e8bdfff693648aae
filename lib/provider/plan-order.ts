// Plans another order of a protocol catalog: which provider Winsock gives to a program that asks for a protocol, and
// which it asks first whose a handle is. Pure.

import { type Catalog, type CatalogEntry, type CatalogName, catalogNames, sameTriplet } from "../catalog/model.js";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import type { Bits } from "../native.js";
import { type Plan, type Step, planFormat, planVersion } from "../plan/plan.js";
import { findProvider, providersOf } from "./providers.js";

/** What {@link planOrder} is to do: exactly one of `order` and `first`. */
export interface OrderPlanOptions {
    /** The catalog to bring into another order. Default: each one in which everything that is named is found. */
    catalog?: CatalogName | undefined;
    /** The catalog ids of all entries in their new order, each once. */
    order?: readonly number[] | undefined;
    /**
     * What comes first, in this order: catalog ids, GUIDs, or names of entries, providers or DLLs. What does not name
     * one entry that programs can get stands for all such of its provider. Everything else keeps its order behind them.
     */
    first?: readonly (number | string)[] | undefined;
    /** Allow that a layered entry comes behind one that it covers, so that programs go past it. Default false. */
    bypass?: boolean | undefined;
}

/**
 * The plan that brings a protocol catalog into another order. A plan without steps means that it is in that order.
 *
 * @throws WinsockError `ERR_UNKNOWN_PROVIDER` (nothing has that id, GUID or name), `ERR_AMBIGUOUS_PROVIDER` (a name, or
 * an id in both catalogs, stands for several providers), `ERR_UNKNOWN_CATALOG_ID` (`order` leaves an entry out or names
 * one that is not there), `ERR_BYPASSED` (a layered entry would come behind one that it covers).
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export function planOrder(catalog: Catalog, options: OrderPlanOptions): Plan {
    refuseUnknownOptions("planOrder", options, ["catalog", "order", "first", "bypass"]);
    checkOptions(options);
    const names = catalogNames.filter((bits) => catalog.protocols[bits] !== undefined);
    const chosen = options.catalog === undefined ? names : names.filter((bits) => bits === options.catalog);
    if (chosen.length === 0) {
        throw new WinsockError(`This machine has no ${options.catalog ?? ""}-bit catalog.`, {
            code: "ERR_UNKNOWN_CATALOG_ID",
        });
    }
    refuseTwoMeanings(catalog, chosen, options);
    const failures: WinsockError[] = [];
    const steps: Step[] = [];
    for (const bits of chosen) {
        try {
            steps.push(...stepsFor(bits, catalog.protocols[bits] ?? [], options));
        } catch (error) {
            if (!(error instanceof WinsockError) || !notHere.has(error.code)) {
                throw error;
            }
            failures.push(error);
        }
    }
    const where = chosen.filter((bits) => steps.some((step) => "catalog" in step && `${step.catalog}` === bits));
    const [failure] = failures;
    if (failure !== undefined && failures.length === chosen.length) {
        throw failure; // in no catalog is everything that was named
    }
    return {
        format: planFormat,
        version: planVersion,
        operation: "order",
        text: `Bring the ${(where.length === 0 ? chosen : where).join("- and the ")}-bit catalog into another order`,
        onFailure: "undo",
        steps,
    };
}

/** Codes that say that something is not in this catalog; it may be in the other one. */
const notHere: ReadonlySet<string> = new Set(["ERR_UNKNOWN_CATALOG_ID", "ERR_UNKNOWN_PROVIDER"]);

function checkOptions({ catalog, order, first, bypass }: OrderPlanOptions): void {
    if (catalog !== undefined && !catalogNames.includes(catalog)) {
        throw new TypeError(`planOrder: catalog must be "64" or "32", not ${String(catalog)}`);
    }
    if ((order === undefined) === (first === undefined)) {
        throw new TypeError("planOrder: give either order or first");
    }
    if (order !== undefined && !(Array.isArray(order) && order.every((id) => Number.isInteger(id)))) {
        throw new TypeError("planOrder: order must be a list of catalog ids");
    }
    const isName = (one: unknown): boolean => (typeof one === "string" && one !== "") || Number.isInteger(one);
    if (first !== undefined && !(Array.isArray(first) && first.length > 0 && first.every(isName))) {
        throw new TypeError("planOrder: first must be a list of catalog ids, GUIDs and names that is not empty");
    }
    if (bypass !== undefined && typeof bypass !== "boolean") {
        throw new TypeError("planOrder: bypass must be true or false");
    }
}

/** Ids are those of one catalog; the same number in the other may be of another provider. */
function refuseTwoMeanings(catalog: Catalog, chosen: readonly CatalogName[], { first, order }: OrderPlanOptions): void {
    for (const id of [...(first ?? []), ...(order ?? [])]) {
        const found = chosen.flatMap((bits) => (catalog.protocols[bits] ?? []).filter((entry) => entry.id === id));
        const [one, other] = found;
        if (one !== undefined && other !== undefined && one.providerId !== other.providerId) {
            throw new WinsockError(
                `Catalog id ${id} is "${one.name}" in the ${chosen[0]}-bit catalog and "${other.name}" in the ` +
                    `${chosen[1]}-bit catalog. Say which catalog.`,
                { code: "ERR_AMBIGUOUS_PROVIDER" },
            );
        }
    }
}

function stepsFor(bits: CatalogName, entries: readonly CatalogEntry[], options: OrderPlanOptions): Step[] {
    const order =
        options.order === undefined
            ? firstOrder(bits, entries, options.first ?? [])
            : wholeOrder(bits, entries, options.order);
    if (options.bypass !== true) {
        refuseBypass(bits, entries, order);
    }
    if (order.every((entry, index) => entry === entries[index])) {
        return [];
    }
    const places = order
        .map((entry) => `"${entry.name}"`)
        .filter((name, index) => index < 3 && name !== "")
        .join(", ");
    return [
        {
            do: "write-order",
            catalog: Number(bits) as Bits,
            order: order.map(({ id }) => id),
            text: `${bits}-bit catalog: put the entries into the order ${places}${order.length > 3 ? ", ..." : ""}`,
        },
    ];
}

function unknown(bits: CatalogName, what: string): WinsockError {
    return new WinsockError(`The ${bits}-bit catalog ${what}. \`winsock-spi catalog\` lists what is there.`, {
        code: "ERR_UNKNOWN_CATALOG_ID",
    });
}

function wholeOrder(bits: CatalogName, entries: readonly CatalogEntry[], ids: readonly number[]): CatalogEntry[] {
    const twice = ids.find((id, index) => ids.indexOf(id) !== index);
    if (twice !== undefined) {
        throw unknown(bits, `has entry ${twice} once; the order names it twice`);
    }
    const order = ids.map((id) => {
        const found = entries.find((entry) => entry.id === id);
        if (found === undefined) {
            throw unknown(bits, `has no entry ${id}`);
        }
        return found;
    });
    const missing = entries.find((entry) => !order.includes(entry));
    if (missing !== undefined) {
        throw unknown(bits, `has an entry that the order leaves out: ${missing.id}, "${missing.name}"`);
    }
    return order;
}

function firstOrder(
    bits: CatalogName,
    entries: readonly CatalogEntry[],
    first: readonly (number | string)[],
): CatalogEntry[] {
    const chosen = new Set(first.flatMap((name) => entriesOf(bits, entries, name)));
    return [...chosen, ...entries.filter((entry) => !chosen.has(entry))];
}

/**
 * The entries that an id, a GUID or a name stands for: one entry where it is an entry's own, else those of the provider
 * that is called so.
 */
function entriesOf(bits: CatalogName, entries: readonly CatalogEntry[], name: number | string): CatalogEntry[] {
    const text = String(name).toLowerCase();
    const own = entries.filter((entry) => String(entry.id) === text || entry.name.toLowerCase() === text);
    const [only] = own;
    if (only !== undefined && own.length === 1 && only.kind !== "hidden") {
        return [only];
    }
    const there: Catalog = { protocols: { [bits]: entries }, namespaces: {} };
    const provider = findProvider(providersOf(there), own.length === 1 && only !== undefined ? only.id : name, bits);
    const shown = (provider.entries[bits] ?? []).filter(({ kind }) => kind !== "hidden");
    if (shown.length === 0) {
        throw unknown(bits, `has only a hidden entry of ${name}, whose place means nothing`);
    }
    return entries.filter((entry) => shown.includes(entry));
}

/**
 * Refuses an order in which a layered entry comes behind what it covers and did not before: a program that asks for
 * that protocol would no longer get to it, and Winsock would take its handles for those of what it covers.
 */
function refuseBypass(bits: CatalogName, before: readonly CatalogEntry[], after: readonly CatalogEntry[]): void {
    const former = new Map(before.map((entry, index) => [entry, index]));
    const place = new Map(after.map((entry, index) => [entry, index]));
    const at = (places: ReadonlyMap<CatalogEntry, number>, entry: CatalogEntry): number => places.get(entry) ?? -1;
    for (const entry of after.filter(({ kind }) => kind === "layered")) {
        const covered = after.find(
            (other) =>
                other !== entry &&
                other.kind !== "hidden" &&
                sameTriplet(entry, other) &&
                entry.chain.includes(other.id) &&
                at(place, other) < at(place, entry) &&
                at(former, entry) < at(former, other),
        );
        if (covered !== undefined) {
            throw new WinsockError(
                `In the ${bits}-bit catalog, "${entry.name}" (id ${entry.id}) would come behind "${covered.name}" ` +
                    `(id ${covered.id}), over which it is: programs would go past it. Leave it before, or allow that ` +
                    "(`--bypass`).",
                { code: "ERR_BYPASSED" },
            );
        }
    }
}
