// Restoring a backup by the registry way: the live registry below WinSock2\Parameters becomes exactly the backup's, so
// catalog ids and chains stay what they were. Only the counters go on counting, so that running processes notice.

import * as fs from "node:fs";
import * as path from "node:path";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { type Bits, native } from "../native.js";
import { type ChangeOptions, type ChangeResult, requireElevated } from "../plan/execute.js";
import { type Plan, type Step, planFormat, planVersion } from "../plan/plan.js";
import { type Backup, catalogsIn, executeWithBackup, readBackup } from "./backup.js";
import { catalogNames } from "./model.js";
import { readSystem, resolvePath } from "./read.js";
import {
    type RegistryTree, catalogOfRegistry, dword, dwordValue, isAccessKey, keyAt, namespaceCatalogKey, protocolCatalogKey,
} from "./registry.js";

/** What a restore is planned against: the live registry and the catalogs that the machine has. */
export interface RestoreTarget {
    registry: RegistryTree;
    machine: { catalogs: readonly (32 | 64)[] };
    /**
     * An interrupted operation is pending. The executor settles it before the first step, so the live registry may
     * still change: everything is written, whether it differs now or not.
     */
    unsettled?: boolean;
}

/** More than any recovery can count the serial number up. */
const recoveryMargin = 1000;

/**
 * The plan that brings a live registry to exactly the backup's. Pure. Steps are made only for what differs; a plan
 * without steps means that nothing does.
 *
 * @throws WinsockError `ERR_BACKUP_BITNESS` if the backup's catalogs are not those of the machine.
 */
export function planRestore(backup: Backup, target: RestoreTarget): Plan {
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
    const unsettled = target.unsettled === true;
    const wanted = withCounters(stripped(backup.registry), target.registry, unsettled ? recoveryMargin : 1);
    return {
        format: planFormat,
        version: planVersion,
        operation: "restore",
        text: `Restore the Winsock catalog of ${backup.created} (${backup.machine.computer})`,
        onFailure: "finish",
        steps: unsettled ? [wholeTree(wanted)] : stepsBetween(stripped(target.registry), wanted),
    };
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

/**
 * Brings the live catalogs to exactly what a backup file holds. A backup of what is there now comes first.
 *
 * @param file Path of a backup file.
 * @throws WinsockError `ERR_FILE_NOT_FOUND` (also: the backup has entries, not in the catalog now, whose DLLs are gone),
 * `ERR_BACKUP_CORRUPT`, `ERR_BACKUP_FOREIGN`, `ERR_BACKUP_NEWER`,
 * `ERR_BACKUP_BITNESS`, `ERR_NOT_ELEVATED`, `ERR_UNSUPPORTED_PLATFORM`; what writing the registry failed with.
 * @throws TypeError if there is no such option.
 */
export async function restore(file: string, options: ChangeOptions = {}): Promise<ChangeResult> {
    if (typeof file !== "string") {
        throw new TypeError("restore: file must be the path of a backup");
    }
    refuseUnknownOptions("restore", options, ["onStep", "dryRun"]);
    // The way out of an operation that can be neither finished nor undone must not wait for it to be settled.
    const unsettled = native().pendingOperation() !== undefined;
    const content = await readBackup(path.resolve(file));
    const reading = readSystem({ source: "registry" });
    const plan = planRestore(content, { ...reading, unsettled });
    if (options.dryRun === true || plan.steps.length === 0) {
        return { plan };
    }
    requireElevated();
    requireDlls(content.registry, reading.registry);
    return executeWithBackup(plan, reading, options);
}

/**
 * Refuses to bring back entries of a provider that has been taken off the disk since, as an upgrade or an uninstall do:
 * programs would try to load it and have no network.
 */
function requireDlls(wanted: RegistryTree, live: RegistryTree): void {
    for (const name of catalogNames) {
        const bits = Number(name) as Bits;
        const present = new Set((catalogOfRegistry(live).protocols[name] ?? []).map((entry) => entry.path));
        const entries = (catalogOfRegistry(wanted).protocols[name] ?? []).filter((entry) => !present.has(entry.path));
        const missing = entries.find((entry) => !fs.existsSync(resolvePath(entry.path, bits)));
        if (missing !== undefined) {
            throw new WinsockError(
                `The backup has "${missing.name}" in the ${name}-bit catalog, but its provider is not on the disk any ` +
                    `more: ${missing.path}. Programs would have no network. Install that provider again instead.`,
                { code: "ERR_FILE_NOT_FOUND" },
            );
        }
    }
}
