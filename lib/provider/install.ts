// Installs the provider on this machine, or brings another version that is there to this one: finds the files, plans,
// backs up, executes.

import * as fs from "node:fs/promises";
import * as path from "node:path";
import { executeWithBackup } from "../catalog/backup.js";
import { type CatalogName, catalogNames } from "../catalog/model.js";
import { type Reading, readSystem } from "../catalog/read.js";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { packageRoot, packageVersion } from "../native.js";
import { type ChangeOptions, type ChangeResult, requireElevated, requireNothingPending } from "../plan/execute.js";
import type { Plan } from "../plan/plan.js";
import { ourEntries } from "./identity.js";
import { installedFolders, sha256Of } from "./installed.js";
import { architecture, providerFile, rescueFile } from "./layout.js";
import {
    type InstallPlanOptions, type ProviderFile, type ProviderFiles, checkPath, planInstall,
} from "./plan-install.js";
import { planUpgrade } from "./plan-upgrade.js";

/** What {@link install} may be told. */
export interface InstallOptions extends ChangeOptions {
    /** How the catalog entries are called. At most 255 UTF-16 units. Default `winsock-spi`. */
    name?: string;
    /** Catalog ids of the base entries to cover. Default: TCP, UDP and RAW over IPv4 and IPv6. */
    over?: readonly number[];
    /**
     * Whether chains of other providers may be led through ours. Needed where one of them is not IFS: ours cannot stand
     * above it and goes below it instead. `false` refuses such a machine with `ERR_NOT_IFS`. Default true.
     */
    rewrite?: boolean;
    /**
     * Provider DLLs to register where they are, at most one per bitness, instead of copying those of the package. Their
     * processor says for which catalog each is; a catalog without one is left alone.
     */
    dlls?: readonly string[];
}

/**
 * Installs the layered provider into the Winsock catalogs of this machine. Takes a backup first; if afterwards fresh
 * processes cannot make loopback connections, everything is undone before this rejects.
 *
 * Where another version is installed, this one takes its place (upgrade or downgrade), beside it: programs that run
 * keep the DLL that they have. Entries then keep their names unless `name` is given.
 *
 * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscinstallprovider
 *
 * @throws WinsockError `ERR_UNSUPPORTED_PLATFORM`, `ERR_UNFINISHED`, `ERR_NOT_ELEVATED`, `ERR_FILE_NOT_FOUND`,
 * `ERR_WRONG_DLL`, `ERR_NOT_WRITABLE`, `ERR_PROBE_FAILED`; what {@link planInstall} and {@link planUpgrade} throw; what
 * a call of Windows failed with.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export async function install(options: InstallOptions = {}): Promise<ChangeResult> {
    refuseUnknownOptions("install", options, ["name", "over", "rewrite", "dlls", "onStep", "dryRun"]);
    requireNothingPending();
    const reading = readSystem();
    const plan = await planFor(reading, options);
    if (options.dryRun === true) {
        return { plan };
    }
    requireElevated();
    return executeWithBackup(plan, reading, options);
}

async function planFor({ machine, catalog }: Reading, options: InstallOptions): Promise<Plan> {
    const chosen = await chosenDlls(options.dlls);
    const files: { [bits in CatalogName]?: ProviderFiles } = {};
    for (const number of machine.catalogs) {
        const bits = number === 64 ? "64" : "32";
        const folder = path.join(packageRoot, "prebuilds", architecture(bits, machine.arch).prebuilds);
        const dll = chosen?.get(bits);
        if (chosen !== undefined && dll === undefined) {
            continue;
        }
        files[bits] = {
            provider: dll === undefined ? await packageFile(folder, providerFile) : { path: dll },
            rescue: await packageFile(folder, rescueFile),
        };
    }
    if (Object.keys(files).length === 0) {
        const wanted = [...(chosen?.keys() ?? [])].join("- and no ");
        throw new WinsockError(`This Windows has no ${wanted}-bit catalog for that DLL.`, { code: "ERR_WRONG_DLL" });
    }
    const { protocols, namespaces } = catalog;
    const planOptions: InstallPlanOptions = {
        files,
        arch: machine.arch,
        version: packageVersion(),
        programFiles: machine.programFiles,
        programData: machine.programData,
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(options.over === undefined ? {} : { over: options.over }),
        ...(options.rewrite === undefined ? {} : { rewrite: options.rewrite }),
    };
    const upgrades = catalogNames.some((bits) => files[bits] && ourEntries(protocols[bits] ?? []).length > 0);
    if (!upgrades) {
        return planInstall({ protocols, namespaces }, planOptions);
    }
    const found = await installedFolders(machine.programFiles);
    return planUpgrade({ protocols, namespaces }, { ...planOptions, found });
}

async function packageFile(folder: string, name: string): Promise<ProviderFile> {
    const from = path.join(folder, name);
    try {
        return { from, sha256: await sha256Of(from) };
    } catch (error) {
        throw new WinsockError(`The package lacks ${from}: install it again, or build it.`, {
            code: "ERR_FILE_NOT_FOUND",
            cause: error,
        });
    }
}

async function chosenDlls(dlls: readonly string[] | undefined): Promise<Map<CatalogName, string> | undefined> {
    if (dlls === undefined) {
        return undefined;
    }
    if (!Array.isArray(dlls) || dlls.length === 0 || !dlls.every((dll) => typeof dll === "string")) {
        throw new TypeError("install: dlls must be a list of paths");
    }
    const chosen = new Map<CatalogName, string>();
    for (const dll of dlls) {
        const file = checkPath(path.resolve(dll));
        const bits = await bitnessOf(file);
        if (chosen.has(bits)) {
            throw new TypeError(`install: two DLLs for the ${bits}-bit catalog: ${chosen.get(bits) ?? ""} and ${file}`);
        }
        chosen.set(bits, file);
    }
    return chosen;
}

/**
 * The catalog whose programs can load a DLL, from the processor in its PE header.
 * https://learn.microsoft.com/windows/win32/debug/pe-format
 */
async function bitnessOf(file: string): Promise<CatalogName> {
    const header = Buffer.alloc(4096);
    let length: number;
    try {
        const handle = await fs.open(file, "r");
        try {
            length = (await handle.read(header, 0, header.byteLength, 0)).bytesRead;
        } finally {
            await handle.close();
        }
    } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new WinsockError(`Cannot read the provider DLL ${file}: ${reason}`, {
            code: "ERR_FILE_NOT_FOUND",
            cause: error,
        });
    }
    const start = length >= 64 && header.toString("latin1", 0, 2) === "MZ" ? header.readUInt32LE(60) : length;
    const processor =
        start + 6 <= length && header.readUInt32LE(start) === 0x0000_4550 ? header.readUInt16LE(start + 4) : undefined;
    switch (processor) {
        case 0x8664:
        case 0xaa64:
            return "64";
        case 0x014c:
            return "32";
        default:
            throw new WinsockError(`${file} is not a Windows DLL for x64, ARM64 or x86.`, { code: "ERR_WRONG_DLL" });
    }
}
