// Plans the installation of the provider: a pure function from a catalog to steps. Per catalog: the hidden entry, one
// layered entry per covered base entry (appended, so nothing changes yet for any program), then the order in which ours
// come first: that one step switches.

import { Buffer } from "node:buffer";
import { win32 as path } from "node:path";
import {
    type Catalog, type CatalogEntry, type CatalogName, catalogNames, chainPlaces, infoOfEntry,
} from "../catalog/model.js";
import {
    AF_INET, AF_INET6, IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP, MAX_PATH, MAX_PROTOCOL_CHAIN, PFL_HIDDEN, SOCK_DGRAM,
    SOCK_RAW, SOCK_STREAM, WSAPROTOCOL_LEN, XP1_IFS_HANDLES,
} from "../catalog/names.js";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import type { Bits } from "../native.js";
import { type InstallProvider, type Plan, type Step, planFormat, planVersion } from "../plan/plan.js";
import { hiddenEntryGuid, isOurGuid, layeredEntryGuid, ourEntries } from "./identity.js";
import { type MachineArch, architecture, dataFolder, providerFile, rescueFile, versionFolder } from "./layout.js";

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
}

/** The triplets that are covered, in the order of the layered entries: TCP, UDP and RAW, over IPv4 and IPv6. */
const triplets = [AF_INET, AF_INET6].flatMap((family) => [
    { family, socketType: SOCK_STREAM, protocol: IPPROTO_TCP },
    { family, socketType: SOCK_DGRAM, protocol: IPPROTO_UDP },
    { family, socketType: SOCK_RAW, protocol: IPPROTO_IP },
]);

/** The first base entry of each covered triplet, in catalog order. */
export function coverableEntries(entries: readonly CatalogEntry[]): CatalogEntry[] {
    const bases = entries.filter((entry) => entry.kind === "base");
    return bases.filter(
        (entry) =>
            triplets.some((triplet) => sameTriplet(entry, triplet)) &&
            bases.find((other) => sameTriplet(other, entry)) === entry,
    );
}

type Triplet = Pick<CatalogEntry, "family" | "socketType" | "protocol">;

function sameTriplet(a: Triplet, b: Triplet): boolean {
    return a.family === b.family && a.socketType === b.socketType && a.protocol === b.protocol;
}

/**
 * The plan that installs the provider into a catalog. Pure: nothing of the machine is asked, so it can be made anywhere
 * for any catalog.
 *
 * @throws WinsockError `ERR_ALREADY_INSTALLED`; `ERR_NAME_TOO_LONG` (above 255 UTF-16 units); `ERR_PATH_TOO_LONG` (a
 * DLL's path above 259 characters); `ERR_UNKNOWN_CATALOG_ID` (`over` names an entry that is not
 * there or cannot be covered); `ERR_NOTHING_TO_COVER`; `ERR_CHAIN_FULL` (a chain has 7 entries already); `ERR_NOT_IFS`
 * (the topmost entry of a protocol belongs to a provider that is not IFS, which ours cannot stand above).
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export function planInstall(catalog: Catalog, options: InstallPlanOptions): Plan {
    refuseUnknownOptions("planInstall", options, [
        "files", "arch", "version", "programFiles", "programData", "name", "over",
    ]);
    const names = catalogNames.filter((bits) => options.files[bits] && catalog.protocols[bits]);
    if (names.length === 0) {
        throw new TypeError("planInstall: files must name the files for at least one of the catalogs");
    }
    const name = checkName(options.name ?? "winsock-spi");
    checkOver(catalog, names, options.over);
    const folder = versionFolder(options.programFiles, options.version);
    const place: Place = (bits, file = "") => path.join(folder, architecture(bits, options.arch ?? "x64").folder, file);
    const catalogSteps = names.flatMap((bits) => {
        const provider = options.files[bits]?.provider;
        const dll = checkPath(provider !== undefined && "path" in provider ? provider.path : place(bits, providerFile));
        return stepsForCatalog(bits, catalog.protocols[bits] ?? [], { name, dll, over: options.over });
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
            ...catalogSteps,
            {
                do: "probe",
                programs: helpers,
                text: `Try it: fresh ${names.join("- and ")}-bit processes make loopback connections`,
            },
        ],
    };
}

function checkName(name: string): string {
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

function checkOver(catalog: Catalog, names: readonly CatalogName[], over: readonly number[] | undefined): void {
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
                : `(${known.name}) is no base entry of TCP, UDP or RAW over IPv4 or IPv6`;
        const possible = [...new Set(coverable.map((entry) => entry.id))].join(", ");
        throw new WinsockError(`Catalog id ${id} ${why}. These can be covered: ${possible || "none"}.`, {
            code: "ERR_UNKNOWN_CATALOG_ID",
        });
    }
}

/** Where the file of that name for a catalog is installed; without a name, its folder. */
type Place = (bits: CatalogName, file?: string) => string;

function fileSteps(
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

function dataSteps(data: string): Step[] {
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

interface CatalogPart {
    name: string;
    dll: string;
    over: readonly number[] | undefined;
}

function stepsForCatalog(bits: CatalogName, entries: readonly CatalogEntry[], part: CatalogPart): Step[] {
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
            `The ${bits}-bit catalog has no base entry of TCP, UDP or RAW over IPv4 or IPv6 to cover.`,
            { code: "ERR_NOTHING_TO_COVER" },
        );
    }
    const layered = covered.map((base) => layeredStep(bits, base, entries, part));
    const order = [...layered.map((step) => step.providerId), ...entries.map((entry) => entry.id), hiddenEntryGuid];
    return [
        hiddenStep(bits, first, part),
        ...layered,
        {
            do: "write-order",
            catalog: Number(bits) as Bits,
            order,
            text: `${bits}-bit catalog: put the layered entries first; new sockets go through the provider from now on`,
        },
    ];
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

function layeredStep(
    bits: CatalogName,
    base: CatalogEntry,
    entries: readonly CatalogEntry[],
    { name, dll }: CatalogPart,
): Step & InstallProvider {
    const providerId = layeredEntryGuid(base.family, base.socketType, base.protocol);
    const below = chainBelow(bits, base, entries);
    const info = infoOfEntry(base, {
        name: `${name} over [${base.name}]`.slice(0, WSAPROTOCOL_LEN),
        providerId,
        catalogEntryId: 0,
        serviceFlags1: (base.flags | XP1_IFS_HANDLES) >>> 0,
        chainLength: 0,
        chainEntries: chainPlaces([]),
    });
    return {
        do: "install-provider",
        catalog: Number(bits) as Bits,
        providerId,
        path: dll,
        info: Buffer.from(info).toString("base64"),
        chain: [hiddenEntryGuid, ...below],
        text: `${bits}-bit catalog: add a layered entry over ${below.join(" over ")} (${base.name})`,
    };
}

/** What follows our hidden entry in the chain: the topmost entry of the triplet and everything below it. */
function chainBelow(bits: CatalogName, base: CatalogEntry, entries: readonly CatalogEntry[]): number[] {
    const usable = (entry: CatalogEntry): boolean => entry.kind !== "hidden" && !isOurGuid(entry.providerId);
    const top = entries.find((entry) => usable(entry) && sameTriplet(entry, base)) ?? base;
    if (top.kind === "base") {
        return [top.id];
    }
    if (!top.ifs) {
        throw new WinsockError(
            `"${top.name}" (id ${top.id}, ${bits}-bit catalog) is the topmost entry of its protocol and not IFS: its ` +
                "sockets are no file handles, and a provider like this one cannot stand above it.",
            { code: "ERR_NOT_IFS" },
        );
    }
    // The first place of its chain is its own provider, for which its id now stands.
    const chain = [top.id, ...top.chain.slice(1)];
    if (chain.length + 1 > MAX_PROTOCOL_CHAIN) {
        throw new WinsockError(
            `The chain of "${top.name}" (id ${top.id}, ${bits}-bit catalog) has ${top.chain.length} entries; Winsock ` +
                `allows ${MAX_PROTOCOL_CHAIN}, so there is no room for one more. Remove one of its providers first.`,
            { code: "ERR_CHAIN_FULL" },
        );
    }
    return chain;
}
