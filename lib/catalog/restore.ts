// Restores a backup on this machine: reads it, looks at what is there, plans, backs up, executes.

import * as fs from "node:fs";
import * as path from "node:path";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { type Bits, packageRoot } from "../native.js";
import { pendingChange, withConfirmation } from "../plan/confirm.js";
import {
    type ChangeOptions,
    type ChangeResult,
    changeOptionNames,
    requireElevated,
    requireNothingPending,
    requireNothingUnconfirmed,
} from "../plan/execute.js";
import { packagedHelpers } from "../plan/helpers.js";
import type { Plan } from "../plan/plan.js";
import { type Backup, executeWithBackup, hashDlls, readBackup, readablePath } from "./backup.js";
import { type Catalog, type CatalogEntry, catalogNames } from "./model.js";
import { type BackupDll, type RestorePlanOptions, planRestore } from "./plan-restore.js";
import { type Reading, readSystem, resolvePath } from "./read.js";
import { catalogOfRegistry, own } from "./registry.js";

export { type RestorePlanOptions, type RestoreTarget, type RestoreWay, planRestore } from "./plan-restore.js";

/** What {@link restore} may be told. */
export interface RestoreOptions extends ChangeOptions, RestorePlanOptions {
    /** Restore also if that brings back entries whose DLLs are gone: programs that get to them have no network. */
    force?: boolean;
}

/**
 * Brings the live catalogs to what a backup file holds: exactly by the registry way, up to catalog ids by the Winsock
 * way. A backup of what is there now comes first. What the user should know, DLLs that are gone or not what they were
 * among it, is in the plan's `warnings`.
 *
 * @param file Path of a backup file.
 * @throws WinsockError `ERR_FILE_NOT_FOUND` (also: the backup has entries, not in the catalog now, whose DLLs are gone,
 * and `force` is not set), `ERR_BACKUP_CORRUPT`, `ERR_BACKUP_FOREIGN`, `ERR_BACKUP_NEWER`, `ERR_BACKUP_BITNESS`,
 * `ERR_RESTORE_WAY`, `ERR_UNFINISHED` (only by the Winsock way), `ERR_NOT_ELEVATED`, `ERR_UNSUPPORTED_PLATFORM`; what a
 * call of Windows failed with.
 * @throws TypeError if there is no such option.
 */
export async function restore(file: string, options: RestoreOptions = {}): Promise<ChangeResult> {
    if (typeof file !== "string") {
        throw new TypeError("restore: file must be the path of a backup");
    }
    refuseUnknownOptions("restore", options, ["way", "force", ...changeOptionNames]);
    requireNothingUnconfirmed();
    if (options.way === "winsock") {
        requireNothingPending();
    }
    // The way out of an operation that can be neither finished nor undone must not wait for it to be settled.
    const unsettled = pendingChange() !== undefined;
    const content = await readBackup(path.resolve(file));
    const reading = readSystem({ source: options.way === "winsock" ? "auto" : "registry" });
    const wanted = withResolvedPaths(catalogOfRegistry(content.registry));
    const dlls = await dllsOf(wanted, content, reading);
    const planned: Plan = {
        ...planRestore(content, { ...reading, unsettled, dlls }, options.way === undefined ? {} : { way: options.way }),
        helpers: packagedHelpers(packageRoot, reading.machine),
    };
    const plan = withConfirmation(planned, options, reading.machine);
    if (options.dryRun === true || plan.steps.length === 0) {
        return { plan };
    }
    requireElevated();
    if (options.force !== true) {
        requireDlls(wanted, reading);
    }
    return executeWithBackup(plan, reading, options);
}

function withResolvedPaths({ protocols, namespaces }: Catalog): Catalog {
    const result: Catalog = { protocols: {}, namespaces: {} };
    for (const name of catalogNames) {
        const resolved = <Entry extends { path: string }>(entry: Entry): Entry & { resolvedPath: string } => ({
            ...entry,
            resolvedPath: resolvePath(entry.path, Number(name) as Bits),
        });
        const [entries, providers] = [protocols[name], namespaces[name]];
        if (entries !== undefined) {
            result.protocols[name] = entries.map(resolved);
        }
        if (providers !== undefined) {
            result.namespaces[name] = providers.map(resolved);
        }
    }
    return result;
}

/** What has become of the DLLs that the backup's catalog names. */
async function dllsOf(wanted: Catalog, { dlls: before }: Backup, { machine }: Reading): Promise<BackupDll[]> {
    const now = await hashDlls({ catalog: wanted, machine });
    const result = new Map<string, BackupDll>();
    for (const bits of catalogNames) {
        for (const entry of [...(wanted.protocols[bits] ?? []), ...(wanted.namespaces[bits] ?? [])]) {
            const file = entry.resolvedPath ?? entry.path;
            const dll = result.get(file) ?? { file, entries: [] };
            dll.entries.push(`"${entry.name}" (${bits}-bit catalog)`);
            const [former, current] = [own(before, file), own(now, file)];
            if (typeof former?.sha256 === "string") {
                dll.before = former.sha256;
            }
            // A file that could not be read then either, as those of programs from the Store, is no news.
            if (current !== null && current !== undefined) {
                dll.now = current.sha256;
            }
            result.set(file, dll);
        }
    }
    return [...result.values()].filter(({ file, now: there }) => there !== undefined || !fs.existsSync(file));
}

/**
 * Refuses to bring back entries of a provider that has been taken off the disk since, as an upgrade or an uninstall do:
 * programs would try to load it and have no network.
 */
function requireDlls(wanted: Catalog, { registry, machine }: Reading): void {
    const live = catalogOfRegistry(registry);
    for (const name of catalogNames) {
        const present = new Set((live.protocols[name] ?? []).map((entry) => entry.path));
        const entries = (wanted.protocols[name] ?? []).filter((entry) => !present.has(entry.path));
        const isThere = ({ path: registered, resolvedPath = registered }: CatalogEntry): boolean =>
            fs.existsSync(readablePath(resolvedPath, name, machine));
        const missing = entries.find((entry) => !isThere(entry));
        if (missing !== undefined) {
            throw new WinsockError(
                `The backup has "${missing.name}" in the ${name}-bit catalog, but its provider is not on the disk ` +
                    `any more: ${missing.path}. Programs would have no network. Install that provider again instead, or ` +
                    "restore it all the same with `--force`.",
                { code: "ERR_FILE_NOT_FOUND" },
            );
        }
    }
}
