// A backup of the catalogs: one JSON file with every registry value below WinSock2\Parameters verbatim, and beside it,
// for people and for later questions, the decoded entries, the hashes of the DLLs and the machine's facts. lib writes
// it; winsock-spi-rescue.exe reads it too, with a reader of its own.

import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { type MachineFacts, native } from "../native.js";
import { withConfirmation } from "../plan/confirm.js";
import { type ChangeOptions, type ChangeResult, executePlan } from "../plan/execute.js";
import type { Plan } from "../plan/plan.js";
import { writeWholeFile } from "../whole-file.js";
import { type Catalog, type CatalogName, catalogNames } from "./model.js";
import { type Reading, readSystem } from "./read.js";
import { type RegistryTree, entriesKey, keyAt, protocolCatalogKey } from "./registry.js";

export const backupFormat = "winsock-spi-backup";
export const backupVersion = 1;

/** How many automatic backups are kept; the oldest go first. */
export const backupsKept = 20;

/** The content of a backup file. */
export interface Backup {
    format: typeof backupFormat;
    version: number;
    /** When it was taken, ISO 8601, UTC. */
    created: string;
    machine: { computer: string; windows: string; arch: string; catalogs: (32 | 64)[] };
    /** Everything below HKLM\SYSTEM\CurrentControlSet\Services\WinSock2\Parameters, bytes in base64. */
    registry: RegistryTree;
    /** The value of `catalog --json` at that time: for reading, not for restoring. */
    decoded: Catalog;
    /** SHA-256 in hex and size in bytes of each provider DLL, by full path; `null` for one that could not be read. */
    dlls: Record<string, { sha256: string; size: number } | null>;
    /** `sha256:` and the hex digest of the `registry` member as JSON without spaces, members in the file's order. */
    checksum: string;
    /** The same of `[created, machine, decoded, dlls]`. Absent in files of rescue and of the first versions. */
    detailsChecksum?: string;
}

/** The checksum of a registry tree. */
export function registryChecksum(registry: RegistryTree): string {
    return `sha256:${createHash("sha256").update(JSON.stringify(registry), "utf8").digest("hex")}`;
}

/** The checksum of what a backup holds beside the registry tree. */
export function detailsChecksum({ created, machine, decoded, dlls }: Omit<Backup, "checksum">): string {
    const details = JSON.stringify([created, machine, decoded, dlls]);
    return `sha256:${createHash("sha256").update(details, "utf8").digest("hex")}`;
}

function corrupt(name: string, what: string, cause?: unknown): WinsockError {
    return new WinsockError(`${name} is damaged: ${what}. Nothing was changed; use another backup.`, {
        code: "ERR_BACKUP_CORRUPT",
        cause,
    });
}

function isRecord(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The registry nests 512 levels at most; a file that claims more is not one of ours. */
const deepestKey = 512;

function findTreeFault(value: unknown, where: string, depth: number): string | undefined {
    if (!isRecord(value) || !isRecord(value["values"]) || !isRecord(value["keys"])) {
        return `the key ${where} is not { values, keys }`;
    }
    if (depth > deepestKey) {
        return `keys are nested deeper than ${deepestKey} levels`;
    }
    for (const [name, entry] of Object.entries(value["values"])) {
        const sound =
            isRecord(entry) &&
            Number.isInteger(entry["type"]) &&
            typeof entry["data"] === "string" &&
            base64.test(entry["data"]);
        if (!sound) {
            return `the value ${where}\\${name} is not { type, data }`;
        }
    }
    for (const [name, child] of Object.entries(value["keys"])) {
        const fault = findTreeFault(child, `${where}\\${name}`, depth + 1);
        if (fault !== undefined) {
            return fault;
        }
    }
    return undefined;
}

/**
 * Parses and checks the text of a backup file. Pure; whatever the text is, it ends and changes nothing.
 *
 * @param name How the text is called in messages, e.g. the file's path.
 * @throws WinsockError `ERR_BACKUP_CORRUPT` (truncated, not JSON, members missing or wrong, checksum wrong),
 * `ERR_BACKUP_FOREIGN` (JSON, but of another format), `ERR_BACKUP_NEWER` (made by a newer version of this package),
 * `ERR_BACKUP_BITNESS` (it holds other catalogs than it says).
 */
export function parseBackup(text: string, name = "the backup"): Backup {
    let value: unknown;
    try {
        value = JSON.parse(text.replace(/^\uFEFF/, ""));
    } catch (error) {
        throw corrupt(name, error instanceof Error ? error.message : "not JSON", error);
    }
    if (!isRecord(value) || value["format"] !== backupFormat) {
        throw new WinsockError(
            `${name} is not a backup of winsock-spi (no "format": "${backupFormat}"). Nothing was changed.`,
            { code: "ERR_BACKUP_FOREIGN" },
        );
    }
    const version = value["version"];
    if (typeof version !== "number" || !Number.isInteger(version) || version < 1) {
        throw corrupt(name, "its version is not a number");
    }
    if (version > backupVersion) {
        throw new WinsockError(
            `${name} is of version ${version}; this winsock-spi reads up to version ${backupVersion}. ` +
                "Install a newer one.",
            { code: "ERR_BACKUP_NEWER" },
        );
    }
    const fault = findTreeFault(value["registry"], "Parameters", 0) ?? findEnvelopeFault(value);
    if (fault !== undefined) {
        throw corrupt(name, fault);
    }
    const backup = value as unknown as Backup;
    if (backup.checksum !== registryChecksum(backup.registry)) {
        throw corrupt(name, "its registry content does not fit its checksum");
    }
    const catalogs = catalogsIn(backup.registry).map(Number);
    if (
        catalogs.length !== backup.machine.catalogs.length ||
        !backup.machine.catalogs.every((one) => catalogs.includes(one))
    ) {
        throw new WinsockError(
            `${name} says that its machine had the ${backup.machine.catalogs.join("- and ")}-bit catalog, and holds the ` +
                `${catalogs.join("- and ")}-bit catalog: it fits no machine. Nothing was changed; use another backup.`,
            { code: "ERR_BACKUP_BITNESS" },
        );
    }
    if (backup.detailsChecksum !== undefined && backup.detailsChecksum !== detailsChecksum(backup)) {
        throw corrupt(name, "what it tells beside the registry does not fit its checksum");
    }
    return backup;
}

function findEnvelopeFault(value: Record<string, unknown>): string | undefined {
    const machine = value["machine"];
    const isBits = (one: unknown): boolean => one === 32 || one === 64;
    if (!isRecord(machine) || !Array.isArray(machine["catalogs"]) || !machine["catalogs"].every(isBits)) {
        return "it does not tell of its machine";
    }
    if (!["computer", "windows", "arch"].every((name) => isShortText(machine[name]))) {
        return "it does not tell of its machine";
    }
    const { created, checksum } = value;
    if (!isShortText(created) || Number.isNaN(Date.parse(created)) || !isShortText(checksum)) {
        return "its date or checksum is missing";
    }
    const registry = value["registry"] as RegistryTree;
    if (catalogNames.every((bits) => keyAt(registry, protocolCatalogKey, entriesKey[bits]) === undefined)) {
        return "there is no protocol catalog in it";
    }
    if (!isRecord(value["decoded"]) || !isRecord(value["dlls"])) {
        return "its decoded part is missing";
    }
    return findDecodedFault(value["decoded"], value["dlls"]);
}

/** Text that may be shown to people. */
function isShortText(value: unknown): value is string {
    return typeof value === "string" && /^[^\p{Cc}]{0,500}$/u.test(value);
}

/** What restoring looks at beside the registry. Rescue leaves it empty. */
function findDecodedFault(decoded: Record<string, unknown>, dlls: Record<string, unknown>): string | undefined {
    const isMap = (value: unknown, isMember: (member: unknown) => boolean): boolean =>
        value === undefined || (isRecord(value) && Object.values(value).every(isMember));
    const isList = (value: unknown): boolean => Array.isArray(value) && value.every(isRecord);
    const isNumbers = (value: unknown): boolean => isMap(value, (one) => Number.isInteger(one));
    const isDll = (value: unknown): boolean =>
        value === null || (isRecord(value) && typeof value["sha256"] === "string" && typeof value["size"] === "number");
    const sound =
        isMap(decoded["protocols"], isList) &&
        isMap(decoded["namespaces"], isList) &&
        isMap(decoded["categories"], isNumbers) &&
        isMap(dlls, isDll);
    return sound ? undefined : "its decoded part is not what it should be";
}

/** The protocol catalogs that a registry tree has. */
export function catalogsIn(registry: RegistryTree): CatalogName[] {
    return catalogNames.filter((bits) => keyAt(registry, protocolCatalogKey, entriesKey[bits]) !== undefined);
}

/**
 * Reads and checks a backup file.
 *
 * @throws WinsockError `ERR_FILE_NOT_FOUND`, or what {@link parseBackup} throws.
 */
export async function readBackup(file: string): Promise<Backup> {
    let text: string;
    try {
        text = await fs.readFile(file, "utf8");
    } catch (error) {
        throw new WinsockError(`Cannot read the backup ${file}: ${reason(error)}`, {
            code: "ERR_FILE_NOT_FOUND",
            cause: error,
        });
    }
    return parseBackup(text, file);
}

function reason(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}

/** Where a DLL's file is for this process: a 32-bit one is shown SysWOW64 under the name of System32. */
export function readablePath(file: string, bits: CatalogName, machine: MachineFacts): string {
    const system = path.win32.join(machine.systemRoot, "System32").toLowerCase();
    const redirected = process.arch === "ia32" && machine.arch !== "ia32" && bits === "64";
    return redirected && file.toLowerCase().startsWith(`${system}\\`)
        ? path.win32.join(machine.systemRoot, "Sysnative", file.slice(system.length + 1))
        : file;
}

/** What there is now of the DLLs that a catalog names. */
export async function hashDlls({
    catalog,
    machine,
}: Pick<Reading, "machine"> & { catalog: Catalog }): Promise<Backup["dlls"]> {
    const dlls = new Map<string, { sha256: string; size: number } | null>();
    for (const bits of catalogNames) {
        for (const entry of [...(catalog.protocols[bits] ?? []), ...(catalog.namespaces[bits] ?? [])]) {
            const file = entry.resolvedPath ?? entry.path;
            if (dlls.has(file)) {
                continue;
            }
            try {
                const bytes = await fs.readFile(readablePath(file, bits, machine));
                dlls.set(file, { sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.byteLength });
            } catch {
                dlls.set(file, null);
            }
        }
    }
    return Object.fromEntries(dlls);
}

/** A catalog without how it was read. */
function plainCatalog({ protocols, namespaces, categories, applications }: Catalog): Catalog {
    return {
        protocols,
        namespaces,
        ...(categories === undefined ? {} : { categories }),
        ...(applications === undefined ? {} : { applications }),
    };
}

/** The catalogs as they are now, in the form of a backup file. */
export async function takeBackup(reading: Reading = readSystem()): Promise<Backup> {
    const { machine, registry, catalog } = reading;
    const content: Backup = {
        format: backupFormat,
        version: backupVersion,
        created: new Date().toISOString(),
        machine: {
            computer: machine.computer,
            windows: machine.windows,
            arch: machine.arch,
            catalogs: machine.catalogs,
        },
        registry,
        decoded: plainCatalog(catalog),
        dlls: await hashDlls(reading),
        checksum: registryChecksum(registry),
    };
    return { ...content, detailsChecksum: detailsChecksum(content) };
}

/**
 * Writes a backup so that the file is there whole or not at all.
 *
 * @throws WinsockError `ERR_NOT_WRITABLE`.
 */
export async function writeBackup(backup: Backup, file: string): Promise<void> {
    await writeWholeFile(file, `${JSON.stringify(backup)}\n`, "the backup");
}

/** What {@link backup} may be told. */
export interface BackupOptions {
    /**
     * Full or relative path of the file to write. Default: a new file in %ProgramData%\winsock-spi\backups (needs an
     * administrator).
     */
    file?: string;
}

/**
 * Writes a backup of the live catalogs. Any user may (the registry is readable to all); the default folder is for
 * administrators.
 *
 * @returns The full path of the file, and its content.
 * @throws WinsockError `ERR_NOT_WRITABLE`, `ERR_UNSUPPORTED_PLATFORM`.
 * @throws TypeError if there is no such option.
 */
export async function backup(options: BackupOptions = {}): Promise<{ file: string; backup: Backup }> {
    refuseUnknownOptions("backup", options, ["file"]);
    const content = await takeBackup();
    if (options.file === undefined) {
        return { file: await writeAutomaticBackup(content), backup: content };
    }
    const file = path.resolve(options.file);
    await writeBackup(content, file);
    return { file, backup: content };
}

const automaticName = /^\d{8}T\d{9}Z(?:-(\d+))?\.json$/;

/** Of names of automatic backups, the newest first; others are left out. */
export function newestFirst(names: readonly string[]): string[] {
    const repetition = (name: string): number => Number(automaticName.exec(name)?.[1] ?? 0);
    const time = (name: string): string => name.slice(0, "YYYYMMDDTHHMMSSmmmZ".length);
    return names
        .filter((name) => automaticName.test(name))
        .sort((a, b) => (time(a) === time(b) ? repetition(b) - repetition(a) : time(a) < time(b) ? 1 : -1));
}

/** The folder of automatic backups, whether it is there or not. */
export function backupsFolder({ programData }: MachineFacts): string {
    return path.win32.join(programData, "winsock-spi", "backups");
}

/** The name of an automatic backup taken at this time. */
export function automaticBackupName(created: string, repetition = 0): string {
    return `${created.replace(/[-:.]/g, "")}${repetition === 0 ? "" : `-${repetition}`}.json`;
}

/**
 * Writes a backup into the folder of automatic backups, deletes all but the newest {@link backupsKept}, returns its
 * path.
 */
export async function writeAutomaticBackup(content: Backup): Promise<string> {
    const folder = native().prepareFolders().backups;
    const present = new Set(await fs.readdir(folder));
    let repetition = 0;
    while (present.has(automaticBackupName(content.created, repetition))) {
        ++repetition;
    }
    const file = path.join(folder, automaticBackupName(content.created, repetition));
    await writeBackup(content, file);
    for (const name of newestFirst([...present, path.basename(file)]).slice(backupsKept)) {
        // One that cannot be deleted is merely one too many.
        await fs.rm(path.join(folder, name), { force: true }).catch(() => undefined);
    }
    return file;
}

/** Takes an automatic backup of what was read, then executes the plan that was made from the same reading. */
export async function executeWithBackup(plan: Plan, reading: Reading, options: ChangeOptions): Promise<ChangeResult> {
    const final = withConfirmation(plan, options, reading.machine);
    const backup = await writeAutomaticBackup(await takeBackup(reading));
    const { until, notes } = await executePlan({ ...final, backup }, options);
    return {
        plan: { ...final, backup },
        backup,
        ...(until === undefined ? {} : { unconfirmedUntil: new Date(until).toISOString() }),
        ...(notes.length === 0 ? {} : { notes }),
    };
}
