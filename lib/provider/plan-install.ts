// Plans the installation of the provider: a pure function from a catalog to steps. Per catalog: the hidden entry, one
// layered entry per covered base entry (appended, so nothing changes yet for any program), then, where a layer of
// somebody else is not IFS, its chains, led through ours, and last the order in which ours come first elsewhere: those
// steps switch.

import { Buffer } from "node:buffer";
import { win32 as path } from "node:path";
import { categoryNames } from "../catalog/categories.js";
import {
    type Catalog,
    type CatalogEntry,
    type CatalogName,
    catalogNames,
    chainPlaces,
    infoOfEntry,
    sameTriplet,
} from "../catalog/model.js";
import {
    AF_INET,
    AF_INET6,
    IPPROTO_IP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    MAX_PATH,
    PFL_HIDDEN,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_STREAM,
    WSAPROTOCOL_LEN,
    XP1_IFS_HANDLES,
} from "../catalog/names.js";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import type { Bits } from "../native.js";
import { type EntryReference, type Plan, type Probe, type Step, planFormat, planVersion } from "../plan/plan.js";
import { type Rewrite, type Standing, chainStep, standingOver } from "./chains.js";
import { hiddenEntryGuid, layeredEntryGuid, ourEntries } from "./identity.js";
import { requireNotReplaced } from "./replaced.js";
import { type MachineArch, architecture, dataFolder, providerFile, rescueFile, versionFolder } from "./layout.js";
import { exclusionSteps } from "./plan-exclude.js";

/** A file that the installation copies. */
export interface ProviderFile {
    /** Full path of the file to copy. */
    from: string;
    /** SHA-256 in hex. */
    sha256: string;
}

/** The files for one catalog. */
export interface ProviderFiles {
    /** winsock_spi_lsp.dll of that bitness to copy; or `{ path }` to register a DLL where it is. */
    provider: ProviderFile | { path: string };
    /** winsock-spi-rescue.exe of that bitness to copy. */
    rescue: ProviderFile;
}

/** What {@link planInstall} needs to know beside the catalog. */
export interface InstallPlanOptions {
    /** The files for each catalog to install into. A catalog without files is left alone. */
    files: { [bits in CatalogName]?: ProviderFiles };
    /** Architecture of Windows. Default `x64`. */
    arch?: MachineArch;
    /** Version of the package; names the folder. */
    version: string;
    /** e.g. `C:\Program Files`. */
    programFiles: string;
    /** e.g. `C:\ProgramData`. */
    programData: string;
    /** How the entries are called: this name, and `<name> over [<name of the base entry>]`. Default `winsock-spi`. */
    name?: string;
    /** Catalog ids of the base entries to cover. Default: every one that can be covered. */
    over?: readonly number[];
    /**
     * Whether chains of other providers may be led through ours, which is needed where one of them is not IFS. Default
     * true.
     */
    rewrite?: boolean;
    /** LSP categories of the provider, as bits. Default 0, none: then only programs without any take it. */
    categories?: number;
    /** Full paths of programs that the provider is to keep out of. Default: none. */
    exclude?: readonly string[];
}

export const installPlanOptions = [
    "files",
    "arch",
    "version",
    "programFiles",
    "programData",
    "name",
    "over",
    "rewrite",
    "categories",
    "exclude",
] as const;

/** The triplets that are covered, in the order of the layered entries: TCP, UDP and RAW, over IPv4 and IPv6. */
const triplets = [AF_INET, AF_INET6].flatMap((family) => [
    { family, socketType: SOCK_STREAM, protocol: IPPROTO_TCP },
    { family, socketType: SOCK_DGRAM, protocol: IPPROTO_UDP },
    { family, socketType: SOCK_RAW, protocol: IPPROTO_IP },
]);

/** The first base entry of each covered triplet, in catalog order, if it is IFS as ours must be then. */
export function coverableEntries(entries: readonly CatalogEntry[]): CatalogEntry[] {
    const bases = entries.filter((entry) => entry.kind === "base");
    return bases.filter(
        (entry) =>
            entry.ifs &&
            triplets.some((triplet) => sameTriplet(entry, triplet)) &&
            bases.find((other) => sameTriplet(other, entry)) === entry,
    );
}

/**
 * The plan that installs the provider into a catalog. Pure: nothing of the machine is asked, so it can be made anywhere
 * for any catalog.
 *
 * @throws WinsockError `ERR_ALREADY_INSTALLED`; `ERR_NAME_TOO_LONG` (above 255 UTF-16 units); `ERR_PATH_TOO_LONG` (a
 * DLL's path above 259 characters); `ERR_UNKNOWN_CATALOG_ID` (`over` names an entry that is not
 * there or cannot be covered); `ERR_NOTHING_TO_COVER`; `ERR_CHAIN_FULL` (a chain has 7 entries already); `ERR_NOT_IFS`
 * (a protocol has a layer that is not IFS, which ours cannot stand above, and ours may not or cannot be put below it).
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export function planInstall(catalog: Catalog, options: InstallPlanOptions): Plan {
    refuseUnknownOptions("planInstall", options, installPlanOptions);
    const names = catalogNames.filter((bits) => options.files[bits] && catalog.protocols[bits]);
    if (names.length === 0) {
        throw new TypeError("planInstall: files must name the files for at least one of the catalogs");
    }
    const name = checkName(options.name ?? "winsock-spi");
    checkOver(catalog, names, options.over);
    const rewrite = options.rewrite ?? true;
    if (typeof rewrite !== "boolean") {
        throw new TypeError("planInstall: rewrite must be true or false");
    }
    const categories = checkCategories(options.categories ?? 0);
    const folder = versionFolder(options.programFiles, options.version);
    const place: Place = (bits, file = "") => path.join(folder, architecture(bits, options.arch ?? "x64").folder, file);
    const catalogSteps = names.flatMap((bits) => {
        const provider = options.files[bits]?.provider;
        const dll = checkPath(provider !== undefined && "path" in provider ? provider.path : place(bits, providerFile));
        const { over } = options;
        return stepsForCatalog(bits, catalog.protocols[bits] ?? [], { name, dll, over, rewrite, categories });
    });
    const helpers = Object.fromEntries(names.map((bits) => [bits, place(bits, rescueFile)]));
    return {
        format: planFormat,
        version: planVersion,
        operation: "install",
        text: `Install the provider ${name} ${options.version} into the ${names.join("- and the ")}-bit catalog`,
        onFailure: "undo",
        helpers,
        steps: [
            ...fileSteps(names, folder, options, place),
            ...dataSteps(dataFolder(options.programData)),
            ...exclusionSteps(catalog, options.exclude ?? [], categories),
            ...catalogSteps,
            probeStep(names, helpers),
        ],
    };
}

export function probeStep(names: readonly CatalogName[], programs: Probe["programs"]): Step {
    const text = `Try it: fresh ${names.join("- and ")}-bit processes make loopback connections`;
    return { do: "probe", programs, text };
}

export function checkName(name: string): string {
    if (typeof name !== "string" || name === "" || name.includes("\0")) {
        throw new TypeError("planInstall: name must be a text that is not empty");
    }
    if (name.length > WSAPROTOCOL_LEN) {
        throw new WinsockError(
            `The name has ${name.length} characters; a catalog entry's name can have ${WSAPROTOCOL_LEN}. ` +
                "Choose a shorter one.",
            { code: "ERR_NAME_TOO_LONG" },
        );
    }
    return name;
}

/** LSP categories as bits. */
export function checkCategories(categories: number): number {
    if (!Number.isInteger(categories) || categories < 0 || categories > 0xffff_ffff) {
        throw new TypeError("planInstall: categories must be LSP_ bits, from 0 to 0xFFFFFFFF");
    }
    return categories;
}

/** Refuses a path for which a catalog entry has no room. */
export function checkPath(dll: string): string {
    if (dll.length >= MAX_PATH) {
        throw new WinsockError(
            `The provider's path would have ${dll.length} characters; the catalog holds ${MAX_PATH - 1}: ${dll}`,
            { code: "ERR_PATH_TOO_LONG" },
        );
    }
    return dll;
}

export function checkOver(catalog: Catalog, names: readonly CatalogName[], over: readonly number[] | undefined): void {
    const isList = Array.isArray(over) && over.length > 0 && over.every((id) => Number.isInteger(id) && id >= 0);
    if (over !== undefined && !isList) {
        throw new TypeError("planInstall: over must be a list of catalog ids that is not empty");
    }
    for (const id of over ?? []) {
        const entries = names.flatMap((bits) => catalog.protocols[bits] ?? []);
        const coverable = names.flatMap((bits) => coverableEntries(catalog.protocols[bits] ?? []));
        if (coverable.some((entry) => entry.id === id)) {
            continue;
        }
        const known = entries.find((entry) => entry.id === id);
        const why =
            known === undefined
                ? "is in no catalog"
                : `(${known.name}) is not the first base entry of TCP, UDP or RAW over IPv4 or IPv6, or is not IFS`;
        const possible = [...new Set(coverable.map((entry) => entry.id))].join(", ");
        throw new WinsockError(`Catalog id ${id} ${why}. These can be covered: ${possible || "none"}.`, {
            code: "ERR_UNKNOWN_CATALOG_ID",
        });
    }
}

/** Where the file of that name for a catalog is installed; without a name, its folder. */
export type Place = (bits: CatalogName, file?: string) => string;

export function fileSteps(
    names: readonly CatalogName[],
    folder: string,
    options: InstallPlanOptions,
    place: Place,
): Step[] {
    const programs = (target: string): Step => ({
        do: "make-folder",
        path: target,
        access: "program",
        text: `Make the folder ${target} (every program may read it, administrators may write)`,
    });
    const copy = (file: ProviderFile, to: string): Step => ({
        do: "copy-file",
        from: file.from,
        to,
        sha256: file.sha256,
        text: `Copy ${path.basename(to)} to ${to}`,
    });
    return [
        programs(folder),
        ...names.flatMap((bits): Step[] => {
            const files = options.files[bits];
            if (files === undefined) {
                return [];
            }
            return [
                programs(place(bits)),
                ...("from" in files.provider ? [copy(files.provider, place(bits, providerFile))] : []),
                copy(files.rescue, place(bits, rescueFile)),
            ];
        }),
    ];
}

export function dataSteps(data: string): Step[] {
    return [
        {
            do: "make-folder",
            path: data,
            access: "data",
            text: `Make the folder ${data} (administrators write, everybody reads)`,
        },
        {
            do: "make-folder",
            path: path.join(data, "rings"),
            access: "rings",
            text: `Make the folder ${path.join(data, "rings")} (each process leaves the records of its calls here)`,
        },
        { do: "make-control", text: "Make the control files control.bin and watch.bin" },
    ];
}

export interface CatalogPart {
    name: string;
    dll: string;
    over: readonly number[] | undefined;
    rewrite: boolean;
    categories?: number;
}

export function stepsForCatalog(bits: CatalogName, entries: readonly CatalogEntry[], part: CatalogPart): Step[] {
    requireNotReplaced(bits, entries);
    if (ourEntries(entries).length > 0) {
        throw new WinsockError(
            `The provider is in the ${bits}-bit catalog already. \`winsock-spi uninstall\` takes it out.`,
            { code: "ERR_ALREADY_INSTALLED" },
        );
    }
    const covered = coverableEntries(entries).filter(({ id }) => part.over === undefined || part.over.includes(id));
    const first = covered[0];
    if (first === undefined) {
        if (part.over !== undefined) {
            return []; // ids differ between the catalogs: those asked for are in the other one
        }
        throw new WinsockError(
            `The ${bits}-bit catalog has no IFS base entry of TCP, UDP or RAW over IPv4 or IPv6 to cover.`,
            { code: "ERR_NOTHING_TO_COVER" },
        );
    }
    const { categories = 0 } = part;
    return [
        hiddenStep(bits, first, part),
        ...(categories === 0 ? [] : [categoryStep(bits, categories)]),
        ...coverSteps(bits, covered, entries, part),
    ];
}

/** Categories are the hidden entry's: it stands for the provider in every chain. */
export function categoryStep(bits: CatalogName, categories: number): Step {
    const what = categories === 0 ? "without LSP categories" : categoryNames(categories).join(", ");
    return {
        do: "set-provider-category",
        catalog: Number(bits) as Bits,
        providerId: hiddenEntryGuid,
        categories,
        text: `${bits}-bit catalog: make the provider ${what}`,
    };
}

/** Layered entries over these base entries, which have none, and what puts them to work. */
export function coverSteps(
    bits: CatalogName,
    covered: readonly CatalogEntry[],
    entries: readonly CatalogEntry[],
    part: CatalogPart,
): Step[] {
    const standings = covered.map((base) => ({ base, standing: standingOver(bits, base, entries, part) }));
    return [
        ...standings.map(({ base, standing }) => layeredStep(bits, base, standing, part)),
        ...standings.flatMap(({ standing }) => standing.rewrites.map((rewrite) => rewriteStep(bits, rewrite, part))),
        orderStep(bits, standings, entries),
    ];
}

/** The order of the catalog: ours first, or directly before what they cover where they are below others. */
function orderStep(
    bits: CatalogName,
    standings: readonly { base: CatalogEntry; standing: Standing }[],
    entries: readonly CatalogEntry[],
): Step {
    const oursBefore = (id: number | undefined): EntryReference[] =>
        standings.filter(({ standing }) => standing.before === id).map(({ base }) => layeredGuid(base));
    const onTop = oursBefore(undefined);
    const others = entries.flatMap(({ id }): EntryReference[] => [...oursBefore(id), id]);
    const hasHidden = entries.some(({ providerId }) => providerId === hiddenEntryGuid);
    const what =
        onTop.length === standings.length
            ? "put the layered entries first; new sockets go through the provider from now on"
            : onTop.length === 0
              ? "put each layered entry before what it covers"
              : "put each layered entry first, or before what it covers; new sockets go through the provider now";
    return {
        do: "write-order",
        catalog: Number(bits) as Bits,
        order: [...onTop, ...others, ...(hasHidden ? [] : [hiddenEntryGuid])],
        text: `${bits}-bit catalog: ${what}`,
    };
}

const layeredGuid = ({ family, socketType, protocol }: CatalogEntry): string =>
    layeredEntryGuid(family, socketType, protocol);

function rewriteStep(bits: CatalogName, { entry, above, chain }: Rewrite, { name }: CatalogPart): Step {
    const places = chain.map((place) => (typeof place === "string" ? name : place)).join(" over ");
    const layer = above === entry ? "that provider" : `"${above.name}"`;
    return chainStep(
        bits,
        entry,
        chain,
        `through ${name}, below ${layer}, which is not IFS: ${places}; new sockets of it go through the provider ` +
            "from now on",
    );
}

function hiddenStep(bits: CatalogName, base: CatalogEntry, { name, dll }: CatalogPart): Step {
    const info = infoOfEntry(base, {
        name,
        providerId: hiddenEntryGuid,
        catalogEntryId: 0,
        providerFlags: PFL_HIDDEN, // no program can ask for it, so none of the base's ways to be matched stays
        serviceFlags1: (base.flags | XP1_IFS_HANDLES) >>> 0,
        chainLength: 0,
        chainEntries: chainPlaces([]),
    });
    return {
        do: "install-provider",
        catalog: Number(bits) as Bits,
        providerId: hiddenEntryGuid,
        path: dll,
        info: Buffer.from(info).toString("base64"),
        chain: [],
        text: `${bits}-bit catalog: add the hidden entry "${name}", which stands for the provider in chains`,
    };
}

function layeredStep(bits: CatalogName, base: CatalogEntry, { below }: Standing, { name, dll }: CatalogPart): Step {
    const info = infoOfEntry(base, {
        name: `${name} over [${base.name}]`.slice(0, WSAPROTOCOL_LEN),
        providerId: layeredGuid(base),
        catalogEntryId: 0,
        serviceFlags1: (base.flags | XP1_IFS_HANDLES) >>> 0,
        chainLength: 0,
        chainEntries: chainPlaces([]),
    });
    return {
        do: "install-provider",
        catalog: Number(bits) as Bits,
        providerId: layeredGuid(base),
        path: dll,
        info: Buffer.from(info).toString("base64"),
        chain: [hiddenEntryGuid, ...below],
        text: `${bits}-bit catalog: add a layered entry over ${below.join(" over ")} (${base.name})`,
    };
}
