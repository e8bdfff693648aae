// Plans taking the place of base providers (method replace-base) and giving it back: pure functions from a catalog to
// steps. Taking it: our DLL and the paths that it will need first, then one step per provider that switches all its
// entries. Giving it back: the switch first, then what nobody needs any more.

import { Buffer } from "node:buffer";
import { win32 as path } from "node:path";
import { type Catalog, type CatalogEntry, type CatalogName, catalogNames } from "../catalog/model.js";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import type { Bits } from "../native.js";
import { type Plan, type Step, planFormat, planVersion } from "../plan/plan.js";
import { ourEntries } from "./identity.js";
import { architecture, dataFolder, providerFile, rescueFile, versionFolder } from "./layout.js";
import {
    type InstallPlanOptions,
    type Place,
    checkOver,
    checkPath,
    coverableEntries,
    dataSteps,
    fileSteps,
    probeStep,
} from "./plan-install.js";
import {
    type Originals,
    type ProviderPaths,
    isUsable,
    originalsFile,
    originalsKey,
    replacedEntries,
    replacedFile,
    replacedRootKey,
    requireNotReplaced,
} from "./replaced.js";

/** What {@link planReplace} needs to know beside the catalog: as for {@link planInstall}. */
export type ReplacePlanOptions = Pick<
    InstallPlanOptions,
    "files" | "arch" | "version" | "programFiles" | "programData" | "over"
>;

/** A base provider whose place is to be taken. */
interface BaseProvider {
    providerId: string;
    entries: CatalogEntry[];
    path: string;
}

/**
 * The plan that points base providers at our DLL, which loads their own and passes every call on. Pure. All entries of
 * a provider have one DLL, so those of `over` (default: TCP, UDP and RAW over IPv4 and IPv6) bring the others of their
 * providers with them.
 *
 * @throws WinsockError `ERR_ALREADY_INSTALLED` if a catalog has entries of ours, or base entries that lead to our DLL;
 * `ERR_UNKNOWN_CATALOG_ID`, `ERR_NOTHING_TO_COVER`, `ERR_PATH_TOO_LONG` as for {@link planInstall};
 * `ERR_UNSUPPORTED_PROVIDER` if the entries of a provider lead to several DLLs, or to one without a full path.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export function planReplace(catalog: Catalog, options: ReplacePlanOptions): Plan {
    refuseUnknownOptions("planReplace", options, ["files", "arch", "version", "programFiles", "programData", "over"]);
    const names = catalogNames.filter((bits) => options.files[bits] && catalog.protocols[bits]);
    if (names.length === 0) {
        throw new TypeError("planReplace: files must name the files for at least one of the catalogs");
    }
    for (const bits of names) {
        requireNotReplaced(bits, catalog.protocols[bits] ?? []);
        const entry = ourEntries(catalog.protocols[bits] ?? [])[0];
        if (entry !== undefined) {
            throw new WinsockError(
                `The provider is in the ${bits}-bit catalog already, as a layer ("${entry.name}", id ${entry.id}). ` +
                    "`winsock-spi uninstall` takes it out.",
                { code: "ERR_ALREADY_INSTALLED" },
            );
        }
    }
    checkOver(catalog, names, options.over);
    const folder = versionFolder(options.programFiles, options.version);
    const place: Place = (bits, file = "") => path.join(folder, architecture(bits, options.arch ?? "x64").folder, file);
    const providers = new Map(
        names.map((bits) => [bits, providersOf(bits, catalog.protocols[bits] ?? [], options.over)]),
    );
    const taken = names.filter((bits) => (providers.get(bits) ?? []).length > 0);
    const originals: Originals = Object.fromEntries(taken.map((bits) => [bits, pathsOf(providers.get(bits) ?? [])]));
    const helpers = Object.fromEntries(taken.map((bits) => [bits, place(bits, rescueFile)]));
    return {
        format: planFormat,
        version: planVersion,
        operation: "install",
        text:
            `Put the provider winsock-spi ${options.version} in the place of base providers of the ` +
            `${taken.join("- and the ")}-bit catalog`,
        onFailure: "undo",
        helpers,
        steps: [
            ...fileSteps(taken, folder, options, place),
            ...dataSteps(dataFolder(options.programData)),
            ...taken.map((bits) => fileStep(bits, place(bits, replacedFile), originals[bits] ?? {})),
            {
                do: "write-registry",
                key: replacedRootKey,
                tree: originalsKey(originals),
                text: `Write into the registry (WinSock2\\Parameters\\${replacedRootKey}) which DLLs they have now`,
            },
            ...taken.flatMap((bits) =>
                (providers.get(bits) ?? []).map((provider) => switchStep(bits, provider, place(bits, providerFile))),
            ),
            probeStep(taken, helpers),
        ],
    };
}

/** The base providers to replace: those of the entries that an installation would cover. */
function providersOf(
    bits: CatalogName,
    entries: readonly CatalogEntry[],
    over: readonly number[] | undefined,
): BaseProvider[] {
    const chosen = coverableEntries(entries).filter(({ id }) => over === undefined || over.includes(id));
    if (chosen.length === 0 && over === undefined) {
        throw new WinsockError(
            `The ${bits}-bit catalog has no IFS base entry of TCP, UDP or RAW over IPv4 or IPv6 to stand in for.`,
            { code: "ERR_NOTHING_TO_COVER" },
        );
    }
    return [...new Set(chosen.map(({ providerId }) => providerId))].map((providerId) =>
        baseProvider(
            bits,
            providerId,
            entries.filter((entry) => entry.providerId === providerId),
        ),
    );
}

function baseProvider(bits: CatalogName, providerId: string, entries: CatalogEntry[]): BaseProvider {
    const refuse = (entry: CatalogEntry, what: string): never => {
        throw new WinsockError(
            `"${entry.name}" (id ${entry.id}, ${bits}-bit catalog, ${providerId}) ${what}: this provider cannot ` +
                "stand in its place. Use the layered method.",
            { code: "ERR_UNSUPPORTED_PROVIDER" },
        );
    };
    const [first] = entries;
    if (first === undefined) {
        throw new TypeError("a provider has at least one entry");
    }
    for (const entry of entries) {
        if (entry.kind !== "base") {
            refuse(entry, "is of a provider that has entries that are no base entries");
        }
        if (entry.path !== first.path) {
            refuse(entry, `has another DLL than the other entries of its provider (${entry.path}; ${first.path})`);
        }
    }
    if (!isUsable(first.path)) {
        refuse(first, `has a DLL without a full path (${first.path})`);
    }
    return { providerId, entries, path: checkPath(first.path) };
}

function pathsOf(providers: readonly BaseProvider[]): ProviderPaths {
    return Object.fromEntries(providers.map(({ providerId, path: dll }) => [providerId, dll]));
}

function fileStep(bits: CatalogName, file: string, paths: ProviderPaths): Step {
    return {
        do: "write-file",
        path: file,
        data: Buffer.from(originalsFile(paths)).toString("base64"),
        text: `Write ${file}: which DLLs base providers of the ${bits}-bit catalog have now`,
    };
}

function namesOf(entries: readonly CatalogEntry[]): string {
    return entries.map(({ name, id }) => `"${name}" (id ${id})`).join(", ");
}

function switchStep(bits: CatalogName, { providerId, entries, path: former }: BaseProvider, dll: string): Step {
    return {
        do: "set-provider-path",
        catalog: Number(bits) as Bits,
        providerId,
        path: checkPath(dll),
        text: `${bits}-bit catalog: point ${namesOf(entries)} at ${dll}, which loads ${former}`,
    };
}

/**
 * The steps that give base providers their own DLLs back; none where none is replaced. `saved`: what was written down
 * for that is in the registry, and goes too.
 *
 * @throws WinsockError `ERR_ORIGINAL_UNKNOWN` if it is not known which DLL one of them had.
 */
export function giveBackSteps(catalog: Catalog, originals: Originals, saved = true): Step[] {
    const steps = catalogNames.flatMap((bits) => {
        const replaced = replacedEntries(catalog.protocols[bits] ?? []);
        return [...new Set(replaced.map(({ providerId }) => providerId))].map((providerId): Step => {
            const entries = replaced.filter((entry) => entry.providerId === providerId);
            const dll = originals[bits]?.[providerId];
            if (dll === undefined) {
                throw new WinsockError(
                    `Nothing says any more which DLL ${namesOf(entries)} of the ${bits}-bit catalog had before. ` +
                        "`winsock-spi restore` with a backup from before brings it back (`winsock-spi backup --list`).",
                    { code: "ERR_ORIGINAL_UNKNOWN" },
                );
            }
            return {
                do: "set-provider-path",
                catalog: Number(bits) as Bits,
                providerId,
                path: dll,
                text: `${bits}-bit catalog: give ${namesOf(entries)} the own DLL back: ${dll}`,
            };
        });
    });
    return saved ? [...steps, forgetStep] : steps;
}

const forgetStep: Step = {
    do: "delete-registry",
    key: replacedRootKey,
    text: `Delete WinSock2\\Parameters\\${replacedRootKey} from the registry`,
};
