// Plans the installation over another version that is there already: a pure function from a catalog to steps. The new
// files go into a folder of their own beside the old ones; then each of our entries is given the path of the new DLL by
// one WSCUpdateProvider: ids, chains and order stay, and so do all running programs with the DLL that they have. The
// old files are deleted last, as far as no process has them loaded.

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { win32 as path } from "node:path";
import { categoriesOf } from "../catalog/categories.js";
import { type Catalog, type CatalogEntry, type CatalogName, catalogNames, infoOfEntry } from "../catalog/model.js";
import { WSAPROTOCOL_LEN } from "../catalog/names.js";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import type { Bits } from "../native.js";
import { type Plan, type Step, planFormat, planVersion } from "../plan/plan.js";
import { hiddenEntryGuid, layeredEntryGuid, ourEntries } from "./identity.js";
import type { InstalledFolder } from "./installed.js";
import { architecture, dataFolder, programsFolder, providerFile, rescueFile, versionFolder } from "./layout.js";
import { exclusionSteps } from "./plan-exclude.js";
import {
    type CatalogPart,
    type InstallPlanOptions,
    type Place,
    categoryStep,
    checkCategories,
    checkName,
    checkOver,
    checkPath,
    coverSteps,
    coverableEntries,
    dataSteps,
    fileSteps,
    installPlanOptions,
    probeStep,
    stepsForCatalog,
} from "./plan-install.js";
import { compareVersions, isBelow, samePath, versionOfDll } from "./versions.js";

/** What {@link planUpgrade} needs to know beside the catalog. */
export interface UpgradePlanOptions extends InstallPlanOptions {
    /** What earlier installations have left on the disk. */
    found: readonly InstalledFolder[];
}

/**
 * The plan that brings the installation in a catalog to this version, be it newer, older or another build of the same.
 * Pure. Entries stay under their ids, in their chains and order, under their names unless another is asked for. What an
 * installation would make now and is missing (a catalog without an entry of ours, a protocol that the machine did not
 * have before) is added; nothing is removed.
 *
 * @throws WinsockError `ERR_ALREADY_INSTALLED` (this version with these files is installed as asked for, or it covers
 * more than `over` names); `ERR_INCOMPLETE` (a catalog has entries of ours without the hidden one that their chains
 * name); what `planInstall` throws.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export function planUpgrade(catalog: Catalog, options: UpgradePlanOptions): Plan {
    refuseUnknownOptions("planUpgrade", options, [...installPlanOptions, "found"]);
    const names = catalogNames.filter((bits) => options.files[bits] && catalog.protocols[bits]);
    if (!names.some((bits) => ourEntries(catalog.protocols[bits] ?? []).length > 0)) {
        throw new TypeError("planUpgrade: there is nothing to upgrade in the catalogs that files names");
    }
    if (options.name !== undefined) {
        checkName(options.name);
    }
    checkOver(catalog, names, options.over);
    const version = folderName(names, options);
    const folder = versionFolder(options.programFiles, version);
    const place = placeIn(version, options);
    const dlls = new Map(names.map((bits) => [bits, dllFor(bits, options, place)]));
    const changes = names.map((bits) =>
        changeCatalog(bits, catalog.protocols[bits] ?? [], { ...options, dll: dlls.get(bits) ?? "" }),
    );
    const missingFiles = wantedFiles(names, options, place).some(
        ({ to, sha256 }) => presentHash(options.found, to) !== sha256,
    );
    const categories = options.categories === undefined ? [] : categorySteps(catalog, names, options.categories);
    const updated = changes.flatMap(({ from }) => from);
    if (!missingFiles && categories.length === 0 && changes.every(({ steps }) => steps.length === 0)) {
        throw new WinsockError(
            `winsock-spi ${options.version} is installed already, with just these files. \`winsock-spi uninstall\` ` +
                "takes it out.",
            { code: "ERR_ALREADY_INSTALLED" },
        );
    }
    const from = [...new Set(updated.map((dll) => versionOfDll(dll, options.programFiles) ?? dll))];
    const to = [...new Set([...dlls.values()].map((dll) => versionOfDll(dll, options.programFiles) ?? dll))];
    const notes = changes.flatMap(({ notes }) => notes);
    const helpers = Object.fromEntries(names.map((bits) => [bits, place(bits, rescueFile)]));
    const added = changes.some(({ steps, from }) => steps.length > from.length);
    const what = describe({ from, to, added });
    return {
        format: planFormat,
        version: planVersion,
        operation: "upgrade",
        text: [`${what} in the ${names.join("- and the ")}-bit catalog`, ...notes].join(". "),
        versions: { from, to },
        onFailure: "undo",
        helpers,
        steps: [
            ...fileSteps(names, folder, options, place),
            ...dataSteps(dataFolder(options.programData)),
            ...exclusionSteps(catalog, options.exclude ?? [], options.categories ?? oursIn(catalog, names)),
            ...categories,
            ...changes.flatMap(({ steps }) => steps),
            probeStep(names, helpers),
            ...cleaningSteps(folder, pathsAfter(catalog, dlls), options),
        ],
    };
}

/** The LSP categories that our provider has now, in all catalogs together. */
function oursIn(catalog: Catalog, names: readonly CatalogName[]): number {
    return names.reduce((bits, name) => (bits | (categoriesOf(catalog, name, hiddenEntryGuid) ?? 0)) >>> 0, 0);
}

function categorySteps(catalog: Catalog, names: readonly CatalogName[], wanted: number): Step[] {
    const categories = checkCategories(wanted);
    return names
        .filter((bits) => ourEntries(catalog.protocols[bits] ?? []).length > 0)
        .filter((bits) => categoriesOf(catalog, bits, hiddenEntryGuid) !== categories)
        .map((bits) => categoryStep(bits, categories));
}

function placeIn(version: string, { programFiles, arch }: InstallPlanOptions): Place {
    const folder = versionFolder(programFiles, version);
    return (bits, file = "") => path.join(folder, architecture(bits, arch ?? "x64").folder, file);
}

function dllFor(bits: CatalogName, { files }: InstallPlanOptions, place: Place): string {
    const provider = files[bits]?.provider;
    return checkPath(provider !== undefined && "path" in provider ? provider.path : place(bits, providerFile));
}

const dllOf = (entry: CatalogEntry): string => entry.resolvedPath ?? entry.path;

interface WantedFile {
    to: string;
    sha256: string;
}

function wantedFiles(names: readonly CatalogName[], { files }: InstallPlanOptions, place: Place): WantedFile[] {
    return names.flatMap((bits): WantedFile[] => {
        const given = files[bits];
        if (given === undefined) {
            return [];
        }
        const { provider, rescue } = given;
        return [
            ...("from" in provider ? [{ to: place(bits, providerFile), sha256: provider.sha256 }] : []),
            { to: place(bits, rescueFile), sha256: rescue.sha256 },
        ];
    });
}

function presentHash(found: readonly InstalledFolder[], file: string): string | undefined {
    return found.flatMap(({ files }) => files).find((present) => samePath(present.path, file))?.sha256;
}

/**
 * The name of the folder for the new files. A file that programs may be using is never written over, not even for the
 * moment of a renaming in which a program that starts would find none: where the version's folder has other contents,
 * this build of the version gets a folder of its own.
 */
function folderName(names: readonly CatalogName[], options: UpgradePlanOptions): string {
    const { version, found } = options;
    const taken = wantedFiles(names, options, placeIn(version, options)).some(({ to, sha256 }) => {
        const present = presentHash(found, to);
        return present !== undefined && present !== sha256;
    });
    if (!taken) {
        return version;
    }
    const hashes = names.flatMap((bits) => {
        const files = options.files[bits];
        return files === undefined ? [] : ["from" in files.provider ? files.provider.sha256 : "", files.rescue.sha256];
    });
    return `${version}+${createHash("sha256").update(hashes.join(" ")).digest("hex").slice(0, 8)}`;
}

interface CatalogChange {
    steps: Step[];
    /** The DLLs of the entries that get another one, or another name. */
    from: string[];
    /** What could not be covered and why. */
    notes: string[];
}

function changeCatalog(
    bits: CatalogName,
    entries: readonly CatalogEntry[],
    options: InstallPlanOptions & { dll: string },
): CatalogChange {
    const ours = ourEntries(entries);
    const hidden = ours.find((entry) => entry.providerId === hiddenEntryGuid);
    const name = options.name ?? hidden?.name ?? "winsock-spi";
    const part: CatalogPart = { dll: options.dll, name, over: options.over, rewrite: options.rewrite ?? true };
    if (ours.length === 0) {
        return { steps: stepsForCatalog(bits, entries, part), from: [], notes: [] };
    }
    if (hidden === undefined) {
        throw new WinsockError(
            `The ${bits}-bit catalog has entries of the provider, but not the hidden one that their chains name. ` +
                "Take them out with `winsock-spi uninstall` and install it again.",
            { code: "ERR_INCOMPLETE" },
        );
    }
    const layered = ours.filter((entry) => entry !== hidden);
    const changed = [hidden, ...layered].flatMap((entry): { entry: CatalogEntry; step: Step }[] => {
        const called = options.name === undefined ? entry.name : nameOf(entry, entries, name);
        const same = samePath(dllOf(entry), part.dll) && called === entry.name;
        return same ? [] : [{ entry, step: updateStep(bits, entry, { name: called, dll: part.dll }) }];
    });
    const added = addMissing(bits, entries, layered, part);
    return {
        steps: [...changed.map(({ step }) => step), ...added.steps],
        from: changed.map(({ entry }) => dllOf(entry)),
        notes: added.notes,
    };
}

/** What an entry of ours is called under another name of the provider. */
function nameOf(entry: CatalogEntry, entries: readonly CatalogEntry[], name: string): string {
    const base = entries.find(({ id }) => id === entry.chain.at(-1));
    return base === undefined ? name : `${name} over [${base.name}]`.slice(0, WSAPROTOCOL_LEN);
}

function updateStep(bits: CatalogName, entry: CatalogEntry, { name, dll }: { name: string; dll: string }): Step {
    const info = name === entry.name ? infoOfEntry(entry) : infoOfEntry(entry, { name });
    return {
        do: "update-provider",
        catalog: Number(bits) as Bits,
        providerId: entry.providerId,
        path: dll,
        info: Buffer.from(info).toString("base64"),
        chain: [...entry.chain],
        text:
            `${bits}-bit catalog: lead "${entry.name}" (id ${entry.id}) to ${dll}` +
            (name === entry.name ? "" : ` and call it "${name}"`),
    };
}

/** The steps that cover what an installation would cover now and this one does not. */
function addMissing(
    bits: CatalogName,
    entries: readonly CatalogEntry[],
    layered: readonly CatalogEntry[],
    part: CatalogPart,
): { steps: Step[]; notes: string[] } {
    const guids = new Set(layered.map(({ providerId }) => providerId));
    const isCovered = (base: CatalogEntry): boolean =>
        guids.has(layeredEntryGuid(base.family, base.socketType, base.protocol));
    const coverable = coverableEntries(entries);
    const wanted = coverable.filter(({ id }) => part.over === undefined || part.over.includes(id));
    const tooMany = wanted.length === 0 ? [] : coverable.filter((base) => isCovered(base) && !wanted.includes(base));
    if (tooMany.length > 0) {
        throw new WinsockError(
            `The provider in the ${bits}-bit catalog also covers ${tooMany.map(({ id }) => id).join(", ")}. To cover ` +
                "less, take it out with `winsock-spi uninstall` and install it again.",
            { code: "ERR_ALREADY_INSTALLED" },
        );
    }
    const missing = wanted.filter((base) => !isCovered(base));
    try {
        return { steps: missing.length === 0 ? [] : coverSteps(bits, missing, entries, part), notes: [] };
    } catch (error) {
        // No reason to stay with the old version: what was covered stays so.
        if (!(error instanceof WinsockError) || part.over !== undefined) {
            throw error;
        }
        const ids = missing.map(({ id }) => id).join(", ");
        return { steps: [], notes: [`Not covered in the ${bits}-bit catalog: ${ids}, because: ${error.message}`] };
    }
}

/** What the change is, in a few words. */
function describe({ from, to, added }: { from: readonly string[]; to: readonly string[]; added: boolean }): string {
    const [first, ...others] = from;
    const target = to.join(" and ");
    if (first === undefined) {
        return added ? `Complete winsock-spi ${target}` : `Put the files of winsock-spi ${target} back`;
    }
    const isVersion = /^\d/;
    if (others.length > 0 || to.length > 1 || !isVersion.test(first) || !isVersion.test(target)) {
        return `Lead winsock-spi from ${from.join(" and ")} to ${target}`;
    }
    const order = compareVersions(first, target);
    if (order === 0) {
        return `Replace winsock-spi ${target} by another build of it`;
    }
    return `${order < 0 ? "Upgrade" : "Downgrade"} winsock-spi ${first} to ${target}`;
}

/** The DLLs of all our entries once the plan is done. */
function pathsAfter(catalog: Catalog, dlls: ReadonlyMap<CatalogName, string>): string[] {
    return catalogNames.flatMap((bits) => {
        const dll = dlls.get(bits);
        return dll !== undefined ? [dll] : ourEntries(catalog.protocols[bits] ?? []).map(dllOf);
    });
}

/** Deletes what other versions have left, unless an entry of ours still leads there. */
function cleaningSteps(folder: string, paths: readonly string[], { found, programFiles }: UpgradePlanOptions): Step[] {
    const old = found.filter(
        (other) =>
            isBelow(other.path, programsFolder(programFiles)) &&
            !samePath(other.path, folder) &&
            !paths.some((dll) => isBelow(dll, other.path)),
    );
    return old.flatMap((version): Step[] => [
        ...version.files.map(({ path: file }): Step => ({
            do: "delete-file",
            path: file,
            unused: true,
            text: `Delete ${file}, at once or when no program has it loaded any more`,
        })),
        ...[...version.folders, version.path].map((target): Step => ({
            do: "delete-folder",
            path: target,
            text: `Delete the folder ${target} when it is empty`,
        })),
    ]);
}
