// Plans taking the provider out again: a pure function from a catalog to steps. First the chains of other providers
// that lead through ours are shortened, then our entries go, layered ones before the hidden one, so that at no moment a
// chain names an entry that is not there; the files go last.

import { type Catalog, type CatalogEntry, type CatalogName, catalogNames } from "../catalog/model.js";
import { MAX_PROTOCOL_CHAIN } from "../catalog/names.js";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import type { Bits } from "../native.js";
import { type Plan, type Step, planFormat, planVersion } from "../plan/plan.js";
import { chainStep } from "./chains.js";
import { isOurGuid, ourEntries } from "./identity.js";

/** What {@link planUninstall} needs to know beside the catalog. */
export interface UninstallPlanOptions {
    /** Full paths of the files of ours that are to be deleted. */
    files?: readonly string[];
    /** Full paths of the folders of ours, innermost first; one that is not empty stays. */
    folders?: readonly string[];
    /** Full paths of folders of ours that are deleted with everything in them. */
    trees?: readonly string[];
    /** Plan also if no catalog has an entry of ours and only files are left. */
    leftovers?: boolean;
}

/**
 * The plan that takes the provider out of every catalog in which it has an entry. Pure. Our entries are known by their
 * GUIDs, wherever their DLLs are and however they are called.
 *
 * @throws WinsockError `ERR_NOT_INSTALLED` if there is no entry of ours, and with `leftovers` no file either.
 * @throws TypeError if there is no such option.
 */
export function planUninstall(catalog: Catalog, options: UninstallPlanOptions = {}): Plan {
    refuseUnknownOptions("planUninstall", options, ["files", "folders", "trees", "leftovers"]);
    const { files = [], folders = [], trees = [], leftovers = false } = options;
    const names = catalogNames.filter((bits) => ourEntries(catalog.protocols[bits] ?? []).length > 0);
    const nothingLeft = files.length === 0 && folders.length === 0 && trees.length === 0;
    if (names.length === 0 && (!leftovers || nothingLeft)) {
        const rest =
            nothingLeft
                ? ""
                : " Files of an earlier installation are left; `winsock-spi uninstall --leftovers` deletes them.";
        throw new WinsockError(`The provider is not installed: no catalog has an entry of it.${rest}`, {
            code: "ERR_NOT_INSTALLED",
        });
    }
    const where =
        names.length === 0
            ? "away, of which only files are left"
            : `out of the ${names.join("- and the ")}-bit catalog`;
    return {
        format: planFormat,
        version: planVersion,
        operation: "uninstall",
        text: `Take the provider winsock-spi ${where}`,
        onFailure: "finish",
        steps: [
            ...names.flatMap((bits) => stepsForCatalog(bits, catalog.protocols[bits] ?? [])),
            ...files.map((path): Step => ({ do: "delete-file", path, text: `Delete ${path}` })),
            ...folders.map((path): Step => ({ do: "delete-folder", path, text: `Delete the folder ${path}` })),
            ...trees.map((path): Step => ({
                do: "delete-folder",
                path,
                contents: true,
                text: `Delete the folder ${path} and everything in it`,
            })),
        ],
    };
}

function stepsForCatalog(bits: CatalogName, entries: readonly CatalogEntry[]): Step[] {
    const ours = new Map(ourEntries(entries).map((entry) => [entry.id, entry]));
    const others = entries.filter((entry) => !isOurGuid(entry.providerId) && entry.chain.some((id) => ours.has(id)));
    // One call removes every entry of a GUID; each GUID once, those that only chains name last.
    const layered = [...ours.values()].filter((entry) => entry.kind !== "hidden");
    const hidden = [...ours.values()].filter((entry) => entry.kind === "hidden");
    const guids = new Map([...layered, ...hidden].map((entry) => [entry.providerId, entry]));
    return [
        ...others.map((entry) => updateStep(bits, entry, { ours, gone: goneBelow(ours, entries) })),
        ...[...guids.values()].map(
            (entry): Step => ({
                do: "deinstall-provider",
                catalog: Number(bits) as Bits,
                providerId: entry.providerId,
                text: `${bits}-bit catalog: remove "${entry.name}" (id ${entry.id})`,
            }),
        ),
    ];
}

/**
 * What stood below ours when it was installed and has gone since, without a word to those who named it. Ours got over
 * that; who stands above ours and names the same is to be able to without ours, too.
 */
function goneBelow(ours: ReadonlyMap<number, CatalogEntry>, entries: readonly CatalogEntry[]): ReadonlySet<number> {
    const there = new Set(entries.map(({ id }) => id));
    return new Set([...ours.values()].flatMap(({ chain }) => chain).filter((id) => !there.has(id)));
}

interface Leaving {
    ours: ReadonlyMap<number, CatalogEntry>;
    gone: ReadonlySet<number>;
}

function updateStep(bits: CatalogName, entry: CatalogEntry, { ours, gone }: Leaving): Step {
    const whole = chainWithout(entry.chain, ours);
    // The first place is the provider itself; and a chain of one would be a base entry's.
    const known = whole.filter((id, index) => index === 0 || !gone.has(id));
    const chain = known.length > 1 ? known : whole;
    return chainStep(bits, entry, chain, `past the provider: ${chain.join(" over ")}`);
}

/**
 * A chain of somebody else without our entries. Usually what is below us is in the chain itself and ours merely fall
 * out; a chain that ends with an entry of ours goes on with what that entry stands over.
 */
export function chainWithout(chain: readonly number[], ours: ReadonlyMap<number, CatalogEntry>): number[] {
    const last = ours.get(chain.at(-1) ?? -1);
    const whole = (last === undefined ? chain : [...chain, ...last.chain]).filter((id) => !ours.has(id));
    // Together they may be longer than a chain can be; the base is what nobody can do without.
    return whole.length <= MAX_PROTOCOL_CHAIN ? whole : [...whole.slice(0, MAX_PROTOCOL_CHAIN - 1), ...whole.slice(-1)];
}
