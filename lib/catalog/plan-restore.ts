// Plans a restore. Pure. Two ways lead back to a backup:
//
// registry: the live registry below WinSock2\Parameters becomes exactly the backup's, so catalog ids and chains stay
// what they were. Only the counters go on counting, so that running processes notice.
//
// winsock: Winsock's own functions do it (restore-winsock.ts). Entries that are gone come back with new ids, and chains
// name those; registry values that Winsock has no function for stay as they are.

import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { type Plan, type Step, planFormat, planVersion } from "../plan/plan.js";
import { type Backup, catalogsIn } from "./backup.js";
import { applicationCatalogKey } from "./categories.js";
import { diff } from "./diff.js";
import { type Catalog, type CatalogEntry, type CatalogName, catalogNames } from "./model.js";
import {
    type ProtocolItem,
    type RegistryTree,
    catalogOfRegistry,
    dword,
    dwordValue,
    isAccessKey,
    keyAt,
    namespaceCatalogKey,
    protocolCatalogKey,
    protocolItems,
} from "./registry.js";
import { applicationCategorySteps, namespaceSteps, providerCategorySteps } from "./restore-others.js";
import { winsockSteps } from "./restore-winsock.js";

/** How a restore is done. */
export type RestoreWay = "registry" | "winsock";

/** What {@link planRestore} may be told. */
export interface RestorePlanOptions {
    /**
     * `registry` (default) writes the registry, which brings back everything as it was, catalog ids included; `winsock`
     * takes Winsock's own functions, by which entries that have gone come back with other ids.
     */
    way?: RestoreWay;
}

/** A DLL that the backup's catalog names. */
export interface BackupDll {
    /** Full path. */
    file: string;
    /** SHA-256 in hex when the backup was taken; absent if it is not known. */
    before?: string;
    /** The same now; absent if the file cannot be read. */
    now?: string;
    /** Names of the entries that need it, e.g. `"MSAFD Tcpip [TCP/IP]" (64-bit catalog)`. */
    entries: string[];
}

/** What a restore is planned against: the live registry and the catalogs that the machine has. */
export interface RestoreTarget {
    registry: RegistryTree;
    machine: { catalogs: readonly (32 | 64)[] };
    /** The live catalogs as Winsock lists them; knows paths that are not ASCII better than the registry's bytes do. */
    catalog?: Catalog;
    /** The DLLs that the backup names, to be warned of. */
    dlls?: readonly BackupDll[];
    /**
     * An interrupted operation is pending. The executor settles it before the first step, so the live registry may
     * still change: everything is written, whether it differs now or not.
     */
    unsettled?: boolean;
}

/** More than any recovery can count the serial number up. */
const recoveryMargin = 1000;

/**
 * The plan that brings the live catalogs to what the backup holds. Pure. Steps are made only for what differs; a plan
 * without steps means that nothing does.
 *
 * @throws WinsockError `ERR_BACKUP_BITNESS` if the backup's catalogs are not those of the machine; `ERR_RESTORE_WAY` if
 * Winsock's functions cannot do it (a damaged catalog).
 * @throws TypeError if there is no such option or way.
 */
export function planRestore(backup: Backup, target: RestoreTarget, options: RestorePlanOptions = {}): Plan {
    refuseUnknownOptions("planRestore", options, ["way"]);
    const { way = "registry" } = options;
    if (way !== "registry" && way !== "winsock") {
        throw new TypeError(`planRestore: way must be "registry" or "winsock", not ${String(way)}`);
    }
    const ours = [...target.machine.catalogs];
    const claims = [catalogsIn(backup.registry).map(Number), backup.machine.catalogs];
    const theirs = claims.find((list) => !sameCatalogs(list, ours));
    if (theirs !== undefined) {
        throw new WinsockError(
            `The backup is of a machine with the ${theirs.join("- and ")}-bit catalog, this one has the ` +
                `${ours.join("- and ")}-bit catalog: it would not fit. Nothing was changed.`,
            { code: "ERR_BACKUP_BITNESS" },
        );
    }
    const planned = way === "registry" ? registryWay(backup, target) : winsockWay(backup, target);
    const warnings = [...(target.dlls ?? []).flatMap(dllWarning), ...planned.warnings];
    return {
        format: planFormat,
        version: planVersion,
        operation: "restore",
        text: `Restore the Winsock catalog of ${backup.created} (${backup.machine.computer})`,
        onFailure: way === "registry" ? "finish" : "undo",
        ...(warnings.length === 0 ? {} : { warnings }),
        steps: planned.steps,
    };
}

/** What to say of a DLL that is no longer what it was. */
function dllWarning({ file, before, now, entries }: BackupDll): string[] {
    const users = entries.length > 3 ? `${entries.slice(0, 3).join(", ")} and others` : entries.join(", ");
    if (now === undefined) {
        return [`${file} is not there any more: programs cannot use ${users}.`];
    }
    return before === undefined || before === now ? [] : [`${file} is another file than at the backup: ${users}.`];
}

interface Planned {
    steps: Step[];
    warnings: string[];
}

function registryWay(backup: Backup, target: RestoreTarget): Planned {
    const unsettled = target.unsettled === true;
    const wanted = withCounters(stripped(backup.registry), target.registry, unsettled ? recoveryMargin : 1);
    return { steps: unsettled ? [wholeTree(wanted)] : stepsBetween(stripped(target.registry), wanted), warnings: [] };
}

function winsockWay(backup: Backup, target: RestoreTarget): Planned {
    const steps: Step[] = [];
    const warnings: string[] = [];
    const live = target.catalog ?? catalogOfRegistry(target.registry);
    const wanted = { ...catalogOfRegistry(backup.registry), categories: backup.decoded.categories ?? {} };
    for (const bits of catalogNames.filter((name) => has(target, name))) {
        const items = itemsOf(bits, backup.registry, backup.decoded);
        const protocols = winsockSteps(bits, items, itemsOf(bits, target.registry, target.catalog));
        const deinstalled = new Set(
            protocols.steps.flatMap((step) => (step.do === "deinstall-provider" ? [step.providerId] : [])),
        );
        steps.push(
            ...protocols.steps,
            ...providerCategorySteps(bits, { wanted, live, deinstalled }),
            ...namespaceSteps(bits, backup.registry, target.registry),
        );
        warnings.push(...protocols.warnings);
    }
    steps.push(...applicationCategorySteps(backup.registry, target.registry));
    return { steps, warnings: [...warnings, ...leftAlone(backup, target)] };
}

/** What no step is about. */
function leftAlone(backup: Backup, { registry }: RestoreTarget): string[] {
    const paths = diff({ ...backup, registry }, backup)
        .registry.map(({ path }) => path)
        .filter((path) => !path.startsWith(`${applicationCatalogKey}\\`));
    if (paths.length === 0) {
        return [];
    }
    const list = `${paths.slice(0, 3).join(", ")}${paths.length > 3 ? ` and ${paths.length - 3} others` : ""}`;
    return [
        `These registry values differ, and Winsock's functions may leave them as they are: ${list}. The registry way ` +
            "brings back every value.",
    ];
}

const has = ({ machine }: RestoreTarget, bits: CatalogName): boolean =>
    machine.catalogs.some((one) => `${one}` === bits);

/**
 * The entries of a catalog, none left out.
 *
 * @throws WinsockError `ERR_RESTORE_WAY` if one cannot be read.
 */
function itemsOf(bits: CatalogName, registry: RegistryTree, decoded: Catalog | undefined): ProtocolItem[] {
    const problems: string[] = [];
    const items = protocolItems(registry, bits, problems);
    if (problems.length > 0) {
        throw new WinsockError(
            `Winsock's functions cannot work on a damaged catalog: ${problems.join("; ")}. Nothing was changed. The ` +
                "registry way (`--way registry`) can.",
            { code: "ERR_RESTORE_WAY" },
        );
    }
    const listed = decoded?.protocols?.[bits];
    return items.map((item) => ({ ...item, path: unicodePath(item.entry, Array.isArray(listed) ? listed : []) }));
}

/** The registry's bytes do not say of which code page they are. */
function unicodePath(entry: CatalogEntry, listed: readonly CatalogEntry[]): string {
    if (/^[\x20-\x7e]*$/.test(entry.path)) {
        return entry.path;
    }
    const same = listed.find(({ id, providerId }) => id === entry.id && providerId === entry.providerId);
    return typeof same?.path === "string" && same.path !== "" ? same.path : entry.path;
}

function sameCatalogs(a: readonly number[], b: readonly number[]): boolean {
    return a.length === b.length && a.every((bits) => b.includes(bits));
}

/** Without what is not restored: access keys, which are volatile, and security descriptors. */
function stripped(tree: RegistryTree, depth = 0, inCatalog = false): RegistryTree {
    const keys = Object.entries(tree.keys)
        .filter(([name]) => !(inCatalog && depth === 1 && isAccessKey(name)))
        .map(([name, child]): [string, RegistryTree] => {
            const catalog = depth === 0 ? name === protocolCatalogKey || name === namespaceCatalogKey : inCatalog;
            return [name, stripped(child, depth + 1, catalog)];
        });
    return { values: tree.values, keys: Object.fromEntries(keys) };
}

/** The serial number above both sides', so that every process reads again; the next id above every id ever given. */
function withCounters(wanted: RegistryTree, live: RegistryTree, step: number): RegistryTree {
    type Counters = (before: RegistryTree, now: RegistryTree | undefined) => RegistryTree["values"];
    const counted = (name: string, counters: Counters): RegistryTree["keys"] => {
        const before = keyAt(wanted, name);
        return before === undefined
            ? {}
            : { [name]: { keys: before.keys, values: { ...before.values, ...counters(before, keyAt(live, name)) } } };
    };
    const largest = (value: string, ...keys: readonly (RegistryTree | undefined)[]): number =>
        Math.max(0, ...keys.map((key) => dword(key, value) ?? 0));
    const serial = (before: RegistryTree, now: RegistryTree | undefined): RegistryTree["values"] => ({
        Serial_Access_Num: dwordValue((largest("Serial_Access_Num", before, now) + step) >>> 0),
    });
    return {
        values: wanted.values,
        keys: {
            ...wanted.keys,
            ...counted(protocolCatalogKey, (before, now) => ({
                ...serial(before, now),
                Next_Catalog_Entry_ID: dwordValue(largest("Next_Catalog_Entry_ID", before, now)),
            })),
            ...counted(namespaceCatalogKey, serial),
        },
    };
}

/** Text that is the same for the same content, whatever order names came in; counters left out. */
function fingerprint(tree: RegistryTree, catalog: boolean): string {
    const values = Object.entries(tree.values)
        .filter(([name]) => !(catalog && (name === "Serial_Access_Num" || name === "Next_Catalog_Entry_ID")))
        .map(([name, { type, data }]) => [name, type, data]);
    const keys = Object.entries(tree.keys).map(([name, child]) => [name, fingerprint(child, false)]);
    return JSON.stringify([values.sort(byName), keys.sort(byName)]);
}

function byName(a: readonly unknown[], b: readonly unknown[]): number {
    return String(a[0]) < String(b[0]) ? -1 : 1;
}

function wholeTree(wanted: RegistryTree): Step {
    const text = "Write everything below WinSock2\\Parameters as in the backup";
    return { do: "write-registry", key: "", tree: wanted, text };
}

function stepsBetween(live: RegistryTree, wanted: RegistryTree): Step[] {
    const names = Object.keys(wanted.keys);
    const rootValues = (tree: RegistryTree): string => fingerprint({ values: tree.values, keys: {} }, false);
    const sameShape =
        rootValues(live) === rootValues(wanted) &&
        names.length === Object.keys(live.keys).length &&
        names.every((name) => Object.hasOwn(live.keys, name));
    if (!sameShape) {
        return [wholeTree(wanted)];
    }
    return names.flatMap((name): Step[] => {
        const before = keyAt(live, name);
        const after = keyAt(wanted, name);
        const catalog = name === protocolCatalogKey || name === namespaceCatalogKey;
        if (before === undefined || after === undefined) {
            return []; // the same names are on both sides: sameShape
        }
        if (fingerprint(before, catalog) === fingerprint(after, catalog)) {
            return [];
        }
        const text = `Write WinSock2\\Parameters\\${name} as in the backup`;
        return [{ do: "write-registry", key: name, tree: after, text }];
    });
}
