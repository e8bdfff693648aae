// The automatic backups: one is taken before every change, the newest are kept.

import * as fs from "node:fs/promises";
import * as path from "node:path";
import { native } from "../native.js";
import { WinsockError } from "../errors.js";
import { type Backup, backupsFolder, newestFirst, readBackup } from "./backup.js";
import { catalogNames } from "./model.js";
import { protocolItems } from "./registry.js";

/** One of the automatic backups. */
export interface BackupListing {
    /** Full path. */
    file: string;
    /** Bytes. */
    size: number;
    /** When it was taken, ISO 8601, UTC; the file's own time where it is damaged. */
    created: string;
    /** How many entries the protocol catalogs have in it; absent where it is damaged. */
    entries?: { [bits in "64" | "32"]?: number };
    /** Why it cannot be restored, if so. */
    problem?: string;
}

/**
 * The automatic backups of this machine, newest first. Damaged ones are listed too, with what is wrong.
 *
 * @throws WinsockError `ERR_UNSUPPORTED_PLATFORM`; `ERR_NOT_READABLE` if this user may not look into their folder.
 */
export async function listBackups(): Promise<BackupListing[]> {
    const folder = backupsFolder(native().machine());
    let names: string[];
    try {
        names = await fs.readdir(folder);
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") {
            return [];
        }
        throw new WinsockError(`Cannot look into ${folder}; as an administrator you can.`, {
            code: "ERR_NOT_READABLE",
            cause: error,
        });
    }
    return Promise.all(newestFirst(names).map((name) => describe(path.join(folder, name))));
}

async function describe(file: string): Promise<BackupListing> {
    const { size, mtime } = await fs.stat(file);
    try {
        const { created, machine, registry } = await readBackup(file);
        return { file, size, created, entries: countEntries(machine, registry) };
    } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        return { file, size, created: mtime.toISOString(), problem };
    }
}

function countEntries(machine: Backup["machine"], registry: Backup["registry"]): NonNullable<BackupListing["entries"]> {
    const names = catalogNames.filter((bits) => machine.catalogs.some((number) => `${number}` === bits));
    return Object.fromEntries(names.map((bits) => [bits, protocolItems(registry, bits).length]));
}
