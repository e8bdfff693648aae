// Takes the provider out of this machine: every catalog entry with a GUID of ours, then the files that are ours.

import * as path from "node:path";
import { executeWithBackup } from "../catalog/backup.js";
import { readSystem } from "../catalog/read.js";
import { keyAt } from "../catalog/registry.js";
import { refuseUnknownOptions } from "../errors.js";
import { type MachineFacts, native, packageRoot } from "../native.js";
import { withConfirmation } from "../plan/confirm.js";
import {
    type ChangeOptions,
    type ChangeResult,
    changeOptionNames,
    requireElevated,
    requireNothingPending,
} from "../plan/execute.js";
import { packagedHelpers } from "../plan/helpers.js";
import type { Plan } from "../plan/plan.js";
import { installedFolders, listFolder } from "./installed.js";
import { dataFolder, programsFolder } from "./layout.js";
import { planUninstall } from "./plan-uninstall.js";
import { findOriginals } from "./replace.js";
import { replacedRootKey } from "./replaced.js";

/** What {@link uninstall} may be told. */
export interface UninstallOptions extends ChangeOptions {
    /**
     * Delete the files of an installation also if its catalog entries are gone already (after a restore, or by rescue).
     */
    leftovers?: boolean;
}

/**
 * Takes the provider out of every catalog in which it has an entry, leads chains of other providers past it, gives base
 * providers whose place it has taken their own DLLs back, and
 * deletes its files, whatever version they are of. A DLL that programs still have loaded goes at the next restart of
 * Windows. Backups stay.
 *
 * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscdeinstallprovider
 *
 * @throws WinsockError `ERR_NOT_INSTALLED`, `ERR_UNSUPPORTED_PLATFORM`, `ERR_UNFINISHED`, `ERR_NOT_ELEVATED`,
 * `ERR_ORIGINAL_UNKNOWN`; what a
 * call of Windows failed with.
 * @throws TypeError if there is no such option.
 */
export async function uninstall(options: UninstallOptions = {}): Promise<ChangeResult> {
    refuseUnknownOptions("uninstall", options, ["leftovers", ...changeOptionNames]);
    requireNothingPending();
    const reading = readSystem();
    const planned: Plan = {
        ...planUninstall(reading.catalog, {
            ...(await ourFiles(reading.machine)),
            leftovers: options.leftovers === true,
            originals: await findOriginals(reading),
            policy: native().hasPolicyTraces(),
            saved: keyAt(reading.registry, replacedRootKey) !== undefined,
        }),
        // The installed rescue is itself about to be deleted.
        helpers: packagedHelpers(packageRoot, reading.machine),
    };
    const plan = withConfirmation(planned, options, reading.machine);
    if (options.dryRun === true) {
        return { plan };
    }
    requireElevated();
    return executeWithBackup(plan, reading, options);
}

/** Full paths of what is to be deleted, as {@link planUninstall} wants them. */
interface Leftovers {
    files: string[];
    folders: string[];
    trees: string[];
}

/** What an installation of any version has left on the disk. Files that are not ours are not touched. */
async function ourFiles({ programFiles, programData }: MachineFacts): Promise<Leftovers> {
    const left: Leftovers = { files: [], folders: [], trees: [] };
    for (const { path: folder, folders, files } of await installedFolders(programFiles)) {
        left.files.push(...files.map((file) => file.path));
        left.folders.push(...folders, folder);
    }
    if (left.folders.length > 0) {
        left.folders.push(programsFolder(programFiles));
    }
    const data = dataFolder(programData);
    const { files, folders } = await listFolder(data);
    const control = files.filter((name) => name === "control.bin" || name === "watch.bin");
    left.files.push(...control.map((name) => path.join(data, name)));
    left.trees.push(...folders.filter((name) => name === "rings").map((name) => path.join(data, name)));
    return left;
}
