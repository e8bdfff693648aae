// Entries and chains: what the catalog says of itself. Pure.

import { type CatalogEntry, sameTriplet } from "../catalog/model.js";
import { AF_INET, MAX_PROTOCOL_CHAIN, SOCK_DGRAM, SOCK_STREAM } from "../catalog/names.js";
import { own } from "../catalog/registry.js";
import { isOurGuid } from "../provider/identity.js";
import { isReplaced, originalsInRegistry } from "../provider/replaced.js";
import { baseOf, endsInBase, mendedChain } from "./chains.js";
import type { Facts } from "./facts.js";
import type { Findings } from "./findings.js";
import {
    type CatalogView,
    type Provider,
    below,
    failedInit,
    fileKey,
    isEssential,
    nameOfTriplet,
    namesOfTriplets,
    topmost,
} from "./view.js";

/** The GUIDs of Windows' own TCP/IP providers (mswsock.dll). */
export const windowsBaseGuids: ReadonlySet<string> = new Set([
    "{E70F1AA0-AB8B-11CF-8CA3-00805F48A192}",
    "{F9EAB0C0-26D4-11D0-BBBF-00AA006C34E4}",
]);

export function checkChains(facts: Facts, view: CatalogView, findings: Findings): void {
    checkIds(view, findings);
    checkBases(facts, view, findings);
    for (const entry of view.entries) {
        if (entry.kind === "layered") {
            checkChain(view, entry, findings);
        }
    }
    for (const provider of view.providers.filter(({ base }) => !base)) {
        checkDummies(view, provider, findings);
        checkOrder(view, provider, findings);
    }
}

const quoted = ({ name, id }: CatalogEntry): string => `"${name}" (id ${id})`;

function checkIds(view: CatalogView, findings: Findings): void {
    const repeated = view.entries.filter((entry) => view.byId.get(entry.id) !== entry).map(({ id }) => id);
    for (const id of new Set(repeated)) {
        const entries = view.entries.filter((entry) => entry.id === id);
        if (entries.length > 1) {
            const copies = entries.every((entry) => JSON.stringify(entry) === JSON.stringify(entries[0]));
            findings.add("id-duplicate", {
                catalog: view.bits,
                entries: [id],
                message: `The id ${id} belongs to ${entries.length} entries: ${entries.map(({ name }) => `"${name}"`).join(", ")}.`,
                consequence:
                    "A chain that names it leads to either; installers and programs mistake one for the other.",
                ...(copies
                    ? { fix: "delete the copies: they are the same entry" }
                    : { advice: "remove one of the providers and install it again" }),
            });
        }
    }
}

function checkBases(facts: Facts, view: CatalogView, findings: Findings): void {
    for (const socketType of [SOCK_STREAM, SOCK_DGRAM]) {
        const found = view.entries.some(
            (entry) => entry.kind === "base" && entry.family === AF_INET && entry.socketType === socketType,
        );
        if (!found && view.entries.length > 0) {
            const kind = socketType === SOCK_STREAM ? "TCP" : "UDP";
            findings.add("base-missing", {
                catalog: view.bits,
                message: `The ${view.bits}-bit catalog has no base provider for ${kind} over IPv4.`,
                consequence: `No ${view.bits}-bit program can use ${kind}.`,
                advice: "winsock-spi restore FILE with a backup, else netsh winsock reset and a restart",
            });
        }
    }
    const system = `${facts.machine.systemRoot}\\sys`.toLowerCase();
    for (const provider of view.providers) {
        const entries = provider.entries.filter(
            ({ kind, providerId }) => kind === "base" && windowsBaseGuids.has(providerId),
        );
        const known = entries[0] !== undefined && fileKey(entries[0]).startsWith(system);
        if (entries.length === 0 || (known && /\\sys\w+\\[^\\]+$/i.test(provider.path))) {
            continue;
        }
        const ids = entries.map(({ id }) => id);
        const names = namesOfTriplets(entries);
        if (entries.every(isReplaced)) {
            checkOriginals(facts, view, provider, entries, findings);
            findings.add("base-replaced", {
                catalog: view.bits,
                provider: provider.who,
                entries: ids,
                message: `The base entries ${ids.join(", ")} (${names}) lead through ${provider.path}.`,
                consequence:
                    "Every program goes through winsock-spi, system processes too; uninstall brings the entries " +
                    "back.",
            });
        } else {
            findings.add("base-foreign", {
                catalog: view.bits,
                provider: provider.who,
                entries: ids,
                message: `The base entries ${ids.join(", ")} (${names}) of Windows lead to ${provider.path}.`,
                consequence: "Every program, system processes too, loads this DLL, which is not Windows' own.",
                advice: "the uninstaller of the product that did it; else winsock-spi restore FILE with an older backup",
            });
        }
    }
}

/** Programs find the DLL that was replaced by what is written down in the registry, or else beside ours. */
function checkOriginals(
    facts: Facts,
    view: CatalogView,
    provider: Provider,
    entries: readonly CatalogEntry[],
    findings: Findings,
): void {
    const originals = originalsInRegistry(facts.registry)[view.bits];
    const lost = entries.filter(({ providerId }) => own(originals, providerId.toUpperCase()) === undefined);
    if (lost.length > 0) {
        findings.add("base-replaced-lost", {
            catalog: view.bits,
            provider: provider.who,
            entries: lost.map(({ id }) => id),
            message:
                `The registry does not say which DLL the base entries ${lost.map(({ id }) => id).join(", ")} had ` +
                "before winsock-spi.",
            consequence:
                "Programs find it by a file beside winsock-spi's DLL, or take Windows' own; uninstall cannot give " +
                "it back.",
            advice: "winsock-spi restore FILE with the backup that was taken before the installation",
        });
    }
}

function checkChain(view: CatalogView, entry: CatalogEntry, findings: Findings): void {
    const report = {
        catalog: view.bits,
        provider: view.providerOf.get(entry)?.who ?? undefinedProvider,
        entries: [entry.id],
    };
    const [first, ...rest] = entry.chain;
    const repair = (text: string): { fix: string } | { advice: string } => {
        const mended = mendedChain(entry, view.entries);
        return mended === undefined
            ? {
                  advice: "remove the provider and install it again: there is no base provider that its chain could end in",
              }
            : { fix: `${text}: the chain becomes ${mended.join(" over ")}` };
    };
    const top = topmost(view, entry) === entry;
    const lost = top
        ? `Programs that open a socket (${nameOfTriplet(entry)}) get ${failedInit}, or lose part of their chain.`
        : `Whoever comes through ${quoted(entry)} gets ${failedInit}, or loses part of the chain.`;
    const dangling = rest.filter((id) => !view.byId.has(id));
    if (dangling.length > 0) {
        findings.add("chain-dangling", {
            ...report,
            message:
                `The chain of ${quoted(entry)} names ${dangling.join(", ")}, which is not in the ${view.bits}-bit ` +
                "catalog.",
            consequence: lost,
            ...repair("take that out of the chain"),
        });
    }
    if (rest.includes(entry.id) || new Set(entry.chain).size !== entry.chain.length) {
        findings.add("chain-loop", {
            ...report,
            message: `The chain of ${quoted(entry)} names the same entry twice: ${entry.chain.join(" over ")}.`,
            consequence: "The provider may find itself below itself: calls go round until the stack is used up.",
            ...repair("name each once"),
        });
    }
    if (!endsInBase(entry.chain, view.byId, entry)) {
        findings.add("chain-no-base", {
            ...report,
            message: `The chain of ${quoted(entry)} does not lead to a base provider: ${entry.chain.join(" over ")}.`,
            consequence: lost,
            ...repair("lead it to the base provider of its kind"),
        });
    }
    if (entry.chain.length === MAX_PROTOCOL_CHAIN) {
        findings.add("chain-full", {
            ...report,
            message: `The chain of ${quoted(entry)} has ${MAX_PROTOCOL_CHAIN} places, and Winsock allows no more.`,
            consequence: "No other provider can be installed above it.",
            advice: `remove a provider that is not needed: winsock-spi uninstall ${first ?? entry.id}`,
        });
    }
    const base = baseOf(entry, view.byId);
    if (base !== undefined && (base.family !== entry.family || base.socketType !== entry.socketType)) {
        findings.add("chain-wrong-base", {
            ...report,
            message:
                `${quoted(entry)} is for ${nameOfTriplet(entry)} and its chain ends in ${quoted(base)}, which is ` +
                `for ${nameOfTriplet(base)}.`,
            consequence: `Programs that ask for ${nameOfTriplet(entry)} get an error, or sockets of another kind.`,
            advice: "remove the provider and install it again",
        });
    }
    const other = entry.ifs ? below(view, entry).find((one) => !one.ifs && !ownLayer(view, entry, one)) : undefined;
    if (other !== undefined) {
        findings.add("ifs-above-other", {
            ...report,
            message:
                `${quoted(entry)} says that its sockets are file handles, and stands above ${quoted(other)}, whose ` +
                "are not.",
            consequence:
                "It passes on handles that the provider below does not know: select, completion ports and inherited " +
                "sockets fail.",
            advice: `put it below: remove "${other.name}" and install it again, or remove "${entry.name}"`,
        });
    }
}

const undefinedProvider = { name: "", providerId: "", path: "" };

/** A hidden entry says little of its provider's handles: what counts is the layered one for the same triplet. */
function ownLayer(view: CatalogView, entry: CatalogEntry, one: CatalogEntry): boolean {
    if (one.kind !== "hidden") {
        return false;
    }
    const key = view.providerOf.get(one)?.key;
    const layers = view.entries.filter(
        (layer) => layer.kind === "layered" && sameTriplet(layer, entry) && view.providerOf.get(layer)?.key === key,
    );
    return layers.length === 0 || layers.every(({ ifs }) => ifs);
}

function checkDummies(view: CatalogView, provider: Provider, findings: Findings): void {
    const layered = provider.entries.filter(({ kind }) => kind === "layered");
    const without = layered.filter((entry) => view.byId.get(entry.chain[0] ?? 0)?.kind !== "hidden");
    if (without.length > 0) {
        const ids = without.map(({ id }) => id);
        findings.add("dummy-missing", {
            catalog: view.bits,
            provider: provider.who,
            entries: ids,
            message: `The hidden entry of "${provider.who.name}" is gone, to which its entries ${ids.join(", ")} belong.`,
            consequence: `Most providers do not find themselves then: programs get ${failedInit}. Its uninstaller may fail.`,
            advice: "install the product again, or remove what is left of it",
        });
    }
    for (const entry of provider.entries) {
        if (entry.kind === "hidden" && !view.named.has(entry.id)) {
            findings.add("dummy-orphan", {
                catalog: view.bits,
                provider: provider.who,
                entries: [entry.id],
                message: `No chain names the hidden entry ${quoted(entry)}: its layered entries are gone.`,
                consequence:
                    "It does nothing, but its product takes itself for installed, and a new installation of it may " +
                    "fail.",
                fix: "remove this entry",
            });
        }
    }
}

function checkOrder(view: CatalogView, provider: Provider, findings: Findings): void {
    const bypassed = provider.entries.filter(
        (entry) => entry.kind === "layered" && topmost(view, entry)?.kind === "base",
    );
    if (bypassed.length > 0) {
        findings.add("bypassed", {
            catalog: view.bits,
            provider: provider.who,
            entries: bypassed.map(({ id }) => id),
            message:
                `"${provider.who.name}" stands behind the base entries that it covers ` +
                `(${namesOfTriplets(bypassed)}).`,
            consequence: "Programs get the base provider: the product is installed and sees nothing.",
            advice: `if it is to work: winsock-spi order --first ${bypassed.map(({ id }) => id).join(" ")}`,
        });
    }
}

/** What somebody else's provider covers, and what it leaves out. */
export function checkCoverage(view: CatalogView, findings: Findings): void {
    for (const provider of view.providers.filter(({ base }) => !base)) {
        const layered = provider.entries.filter((entry) => entry.kind === "layered" && isEssential(entry));
        const covered = new Set(layered.map(nameOfTriplet));
        const there = new Set(
            view.entries.filter((entry) => entry.kind === "base" && isEssential(entry)).map(nameOfTriplet),
        );
        const lacks = (has: string, lacking: string): boolean =>
            covered.has(has) && !covered.has(lacking) && there.has(lacking);
        const report = { catalog: view.bits, provider: provider.who, entries: layered.map(({ id }) => id) };
        const ifs = layered.every((entry) => entry.ifs);
        const severity = ifs ? ("info" as const) : ("warning" as const);
        const mixed = ifs
            ? "What goes the other way passes it by: filters and proxies leak."
            : "What goes the other way passes it by, and select over sockets of both kinds fails, for its handles are its own.";
        const protocols = ["IPv4", "IPv6"].flatMap((family) =>
            [
                ["TCP", "UDP"],
                ["UDP", "TCP"],
            ]
                .filter(([has, lacking]) => lacks(`${has}/${family}`, `${lacking}/${family}`))
                .map(([has, lacking]) => `${has} and not ${lacking} over ${family}`),
        );
        if (protocols.length > 0) {
            findings.add("coverage-protocol", {
                ...report,
                severity,
                message: `"${provider.who.name}" covers ${protocols.join(", and ")}.`,
                consequence: mixed,
                advice: "ask its vendor; nothing is broken",
            });
        }
        const families = ["TCP", "UDP"].flatMap((type) =>
            [
                ["IPv4", "IPv6"],
                ["IPv6", "IPv4"],
            ]
                .filter(([has, lacking]) => lacks(`${type}/${has}`, `${type}/${lacking}`))
                .map(([has, lacking]) => `${type} over ${has} and not over ${lacking}`),
        );
        if (families.length > 0) {
            findings.add("coverage-family", {
                ...report,
                severity,
                message: `"${provider.who.name}" covers ${families.join(", and ")}.`,
                consequence: mixed,
                advice: "ask its vendor; nothing is broken",
            });
        }
        if (layered.some((entry) => !entry.ifs)) {
            findings.add("not-ifs", {
                ...report,
                message: `The sockets of "${provider.who.name}" are no file handles (it is not IFS).`,
                consequence: "Node, Go, .NET and Rust programs fall back to slower ways, and some do not work at all.",
            });
        }
    }
}

/** Providers of one bitness and their twins in the other. */
export function checkTwins(views: readonly CatalogView[], findings: Findings): void {
    for (const view of views) {
        const other = views.find(({ bits }) => bits !== view.bits);
        for (const provider of other === undefined ? [] : view.providers.filter(({ base }) => !base)) {
            const layered = provider.entries.filter(({ kind }) => kind === "layered");
            if (layered.length === 0 || other === undefined) {
                continue; // an orphan: found as such
            }
            const twins = other.providers.filter((candidate) => !candidate.base && areTwins(provider, candidate));
            const theirs = twins.flatMap(({ entries }) => entries.filter(({ kind }) => kind === "layered"));
            const report = { catalog: view.bits, provider: provider.who, entries: layered.map(({ id }) => id) };
            if (theirs.length === 0) {
                findings.add("twin-missing", {
                    ...report,
                    message:
                        `"${provider.who.name}" is in the ${view.bits}-bit catalog and not in the ${other.bits}-bit ` +
                        "one.",
                    consequence: `${other.bits}-bit programs pass it by.`,
                    advice: "install the product again; nothing here can make the DLL that is lacking",
                });
            } else if (view.bits === "64" && namesOf(layered) !== namesOf(theirs)) {
                findings.add("twin-differs", {
                    ...report,
                    message:
                        `"${provider.who.name}" covers ${namesOf(layered)} in 64-bit programs and ${namesOf(theirs)} ` +
                        "in 32-bit ones.",
                    consequence: "Programs of one bitness pass it by where those of the other do not.",
                    advice: "install the product again",
                });
            }
        }
    }
}

const namesOf = (entries: readonly CatalogEntry[]): string => namesOfTriplets(entries).split(", ").sort().join(", ");

/** The same product: a GUID in common (ours all count as one), the same name, or DLLs that are called alike. */
function areTwins(a: Provider, b: Provider): boolean {
    const ids = (provider: Provider): string[] =>
        provider.entries.map(({ providerId }) => (isOurGuid(providerId) ? "ours" : providerId));
    const theirs = new Set(ids(b));
    const file = ({ path }: Provider): string =>
        (path.split("\\").at(-1) ?? "")
            .toLowerCase()
            .replace(/\.dll$/, "")
            .replace(/[-_.]?(x?64|x?86|32|i386|amd64)$/, "");
    return ids(a).some((id) => theirs.has(id)) || a.who.name === b.who.name || file(a) === file(b);
}
