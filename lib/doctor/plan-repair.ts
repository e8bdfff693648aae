// Repairs as a plan: a pure function from facts and findings to steps. Only what is broken is touched: the entries that
// cannot work go, the chains of others are led past them, ids that name nothing fall out, counters are set to what is
// there.
//
// Where Winsock's own functions can do it, they do, one step for each entry. Where the registry is not what they accept,
// or they would take more than is meant (they know providers only by GUID), the catalog is written in the registry, ids
// kept, in one step.

import { lspCategories } from "../catalog/categories.js";
import type { Catalog, CatalogEntry, CatalogName } from "../catalog/model.js";
import { keyAt, namespaceCatalogKey, protocolCatalogKey } from "../catalog/registry.js";
import { refuseUnknownOptions } from "../errors.js";
import { type Plan, type Step, planFormat, planVersion } from "../plan/plan.js";
import { chainStep } from "../provider/chains.js";
import { removalSteps } from "../provider/plan-remove.js";
import { findProvider, providersOf, requireRemovable } from "../provider/providers.js";
import { mendedChain } from "./chains.js";
import type { Facts } from "./facts.js";
import type { Finding, FindingCode } from "./findings.js";
import { namespacesRepaired, protocolsRepaired } from "./repaired-registry.js";
import { type CatalogView, viewsOf } from "./view.js";

/** What {@link planRepair} may be told. */
export interface RepairOptions {
    /** Providers (names, GUIDs, or full paths of DLLs) that are to be removed though no repair of them is safe. */
    remove?: readonly string[];
}

/** What becomes of the entries of one catalog. */
export interface CatalogEdits {
    view: CatalogView;
    gone: Set<number>;
    chains: Map<number, number[]>;
}

/** Repairs that take a provider out of the catalog in which it is broken. */
const removing: ReadonlySet<FindingCode> = new Set([
    "dll-missing",
    "dll-damaged",
    "dll-wrong-bitness",
    "dll-no-startup",
    "dummy-orphan",
]);
/** Repairs of one entry's chain. */
const mending: ReadonlySet<FindingCode> = new Set(["chain-dangling", "chain-loop", "chain-no-base"]);
/** Repairs that only the registry way can do. */
const inRegistry: ReadonlySet<FindingCode> = new Set([
    "item-damaged",
    "keys-not-contiguous",
    "counter-entries",
    "counter-next-id",
    "id-duplicate",
]);
const inNamespaces: ReadonlySet<FindingCode> = new Set(["namespace-item-damaged", "namespace-counter"]);

/**
 * The plan that repairs what can be repaired safely, and removes the providers that are named. A plan without steps
 * means that there is nothing of the kind. Pure.
 *
 * @throws WinsockError `ERR_UNKNOWN_PROVIDER`, `ERR_AMBIGUOUS_PROVIDER` if no provider, or more than one, is called what
 * `remove` names; `ERR_BASE_PROVIDER` if that is one that others stand on.
 * @throws TypeError if there is no such option.
 */
export function planRepair(facts: Facts, findings: readonly Finding[], options: RepairOptions = {}): Plan {
    refuseUnknownOptions("planRepair", options, ["remove"]);
    const safe = findings.filter(({ repair }) => repair?.safe === true);
    const edits = viewsOf(facts).map((view): CatalogEdits => ({ view, gone: new Set(), chains: new Map() }));
    for (const name of options.remove ?? []) {
        removeNamed(facts, edits, name);
    }
    for (const one of edits) {
        edit(
            one,
            safe.filter(({ catalog }) => catalog === one.view.bits),
        );
    }
    const steps = [...protocolSteps(facts, edits, safe), ...namespaceSteps(facts, safe), ...programSteps(facts, safe)];
    return {
        format: planFormat,
        version: planVersion,
        operation: "repair",
        text: "Repair the Winsock catalog, and nothing that is not broken",
        onFailure: "undo",
        steps,
    };
}

/** Marks every entry of the provider of that name, in every catalog. */
function removeNamed(facts: Facts, edits: readonly CatalogEdits[], name: string): void {
    const provider = findProvider(providersOf(facts.catalog), name, undefined);
    requireRemovable(facts.catalog, provider, [provider], undefined);
    for (const { view, gone } of edits) {
        provider.entries[view.bits]?.forEach(({ id }) => gone.add(id));
    }
}

/** Decides what becomes of the entries of one catalog. */
function edit(edits: CatalogEdits, findings: readonly Finding[]): void {
    const { view, gone, chains } = edits;
    for (const finding of findings.filter(({ code }) => removing.has(code))) {
        const ids = finding.entries.filter((id) => view.byId.has(id));
        if (canGo(view, new Set([...gone, ...ids]))) {
            ids.forEach((id) => gone.add(id));
        }
    }
    const broken = new Set(findings.filter(({ code }) => mending.has(code)).flatMap(({ entries }) => entries));
    for (const entry of view.entries) {
        const affected = entry.kind === "layered" && !gone.has(entry.id) && entry.chain.some((id) => gone.has(id));
        if (affected || (broken.has(entry.id) && !gone.has(entry.id))) {
            const chain = mendedChain(entry, view.entries, gone);
            if (chain !== undefined && chain.join() !== entry.chain.join()) {
                chains.set(entry.id, chain);
            }
        }
    }
    // A hidden entry whose own have all gone goes with them.
    const left = view.entries.filter(({ id, kind }) => kind === "layered" && !gone.has(id));
    const named = new Set(left.flatMap(({ id, chain }) => chains.get(id) ?? chain));
    for (const { id, kind } of view.entries) {
        if (gone.size > 0 && kind === "hidden" && view.named.has(id) && !named.has(id)) {
            gone.add(id);
        }
    }
}

/** Whether those that stay can do without those that go: each chain that leads through one can be led past it. */
function canGo(view: CatalogView, gone: ReadonlySet<number>): boolean {
    return view.entries.every(
        (entry) =>
            entry.kind !== "layered" ||
            gone.has(entry.id) ||
            !entry.chain.some((id) => gone.has(id)) ||
            (!gone.has(entry.chain[0] ?? 0) && mendedChain(entry, view.entries, gone) !== undefined),
    );
}

function protocolSteps(facts: Facts, edits: readonly CatalogEdits[], safe: readonly Finding[]): Step[] {
    const registry = safe.filter(({ code }) => inRegistry.has(code));
    if (registry.length === 0 && edits.every(isWhole)) {
        return edits.flatMap((one) => winsockSteps(facts.catalog, one));
    }
    const catalog = keyAt(facts.registry, protocolCatalogKey);
    if (catalog === undefined) {
        return [];
    }
    const done = [...registry.map(({ repair }) => repair?.text ?? ""), ...edits.flatMap(describe)];
    return [
        {
            do: "write-registry",
            key: protocolCatalogKey,
            tree: protocolsRepaired(catalog, edits),
            text: `Write ${protocolCatalogKey} anew, ids kept: ${[...new Set(done)].join("; ")}`,
        },
    ];
}

/** Whether Winsock's functions can do it: a GUID goes with all its entries or with none, and each id is there once. */
function isWhole({ view, gone, chains }: CatalogEdits): boolean {
    const guids = new Set(view.entries.filter(({ id }) => gone.has(id)).map(({ providerId }) => providerId));
    return (
        view.entries.every(({ id, providerId }) => !guids.has(providerId) || gone.has(id)) &&
        (chains.size + gone.size === 0 || view.byId.size === view.entries.length)
    );
}

function winsockSteps(catalog: Catalog, { view, gone, chains }: CatalogEdits): Step[] {
    const { bits, entries } = view;
    const updates = entries.flatMap((entry) => {
        const chain = chains.get(entry.id);
        return chain === undefined ? [] : [chainStep(bits, entry, chain, `as it must be: ${chain.join(" over ")}`)];
    });
    // The removals are those of any provider, from a catalog in which these chains are led past it already.
    const led = entries.map((entry): CatalogEntry => ({ ...entry, chain: chains.get(entry.id) ?? entry.chain }));
    const leaving = led.filter(({ id }) => gone.has(id));
    const then: Catalog = { ...catalog, protocols: { ...catalog.protocols, [bits]: led } };
    return [...updates, ...(leaving.length === 0 ? [] : removalSteps(then, bits, leaving))];
}

const named = (entries: readonly CatalogEntry[]): string =>
    entries.map(({ name, id }) => `"${name}" (id ${id})`).join(", ");

function describe({ view, gone, chains }: CatalogEdits): string[] {
    const leaving = view.entries.filter(({ id }) => gone.has(id));
    return [
        ...(leaving.length === 0 ? [] : [`${view.bits}-bit: remove ${named(leaving)}`]),
        ...[...chains].map(([id, chain]) => `${view.bits}-bit: the chain of ${id} becomes ${chain.join(" over ")}`),
    ];
}

function namespaceSteps(facts: Facts, safe: readonly Finding[]): Step[] {
    const catalog = keyAt(facts.registry, namespaceCatalogKey);
    const dead = new Map<CatalogName, Set<string>>();
    const texts: string[] = [];
    for (const finding of safe) {
        const ofNamespace =
            finding.catalog !== undefined &&
            removing.has(finding.code) &&
            finding.entries.length === 0 &&
            finding.provider !== undefined;
        if (inNamespaces.has(finding.code)) {
            texts.push(finding.repair?.text ?? "");
        } else if (ofNamespace && finding.catalog !== undefined && finding.provider !== undefined) {
            dead.set(finding.catalog, (dead.get(finding.catalog) ?? new Set()).add(finding.provider.providerId));
            texts.push(`${finding.catalog}-bit: remove "${finding.provider.name}"`);
        }
    }
    if (catalog === undefined || texts.length === 0) {
        return [];
    }
    return [
        {
            do: "write-registry",
            key: namespaceCatalogKey,
            tree: namespacesRepaired(catalog, dead),
            text: `Write ${namespaceCatalogKey} anew: ${[...new Set(texts)].join("; ")}`,
        },
    ];
}

/** Exclusions of programs that fail below layered providers. */
function programSteps(facts: Facts, safe: readonly Finding[]): Step[] {
    if (safe.every(({ code }) => code !== "wsl-not-excluded")) {
        return [];
    }
    const known = new Set((facts.catalog.applications ?? []).map(({ program }) => program.toLowerCase()));
    return facts.sensitivePrograms
        .filter((program) => !known.has(program.toLowerCase()))
        .map((program): Step => ({
            do: "set-application-category",
            program,
            categories: lspCategories.LSP_SYSTEM,
            text: `Exclude ${program} from layered providers`,
        }));
}
