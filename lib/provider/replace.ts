// The replace-base method on this machine: what must hold before it is used, and which DLLs replaced base providers
// had.

import * as fs from "node:fs/promises";
import * as path from "node:path";
import { readBackup } from "../catalog/backup.js";
import { type CatalogName, catalogNames } from "../catalog/model.js";
import { type Reading, resolvePath } from "../catalog/read.js";
import { catalogOfRegistry } from "../catalog/registry.js";
import { WinsockError } from "../errors.js";
import { type Bits, type MachineFacts, native } from "../native.js";
import { listFolder } from "./installed.js";
import { dataFolder } from "./layout.js";
import type { InstallPlanOptions } from "./plan-install.js";
import {
    type Originals,
    type ProviderPaths,
    isUsable,
    originalsInRegistry,
    parseOriginals,
    replacedEntries,
    replacedFile,
} from "./replaced.js";

/**
 * Refuses to take the place of base providers where that was not asked for in so many words, or where Windows might
 * refuse the DLL to a program: that program would have no network.
 *
 * @throws WinsockError `ERR_RISK_NOT_ACCEPTED`; `ERR_NOT_SIGNED` on Windows, for a DLL without a signature that this
 * machine trusts.
 */
export async function requireReplaceable(
    files: InstallPlanOptions["files"],
    machine: MachineFacts,
    acceptRisk: boolean,
): Promise<void> {
    if (!acceptRisk) {
        throw new WinsockError(
            "The method replace-base puts this provider into every process that uses Winsock, system processes " +
                "included: if it fails there, the machine has no network, or does not start. If a restart and a " +
                "backup are within your reach, repeat the command with --accept-risk (acceptRisk: true); the layered " +
                "method has no such risk.",
            { code: "ERR_RISK_NOT_ACCEPTED" },
        );
    }
    if (machine.wine) {
        return; // nothing is signed there, and nothing asks for it
    }
    for (const bits of catalogNames) {
        const provider = files[bits]?.provider;
        const file = provider === undefined ? undefined : "from" in provider ? provider.from : provider.path;
        if (file === undefined) {
            continue;
        }
        const signature = await native().readSignature(file);
        if (!signature.trusted || signature.altered) {
            throw new WinsockError(
                `${file} has no signature that this machine trusts. Processes that demand one (Smart App Control, ` +
                    "WDAC, protected services) could not load it in the place of their base provider and would have " +
                    "no network. Sign the DLL, or use the layered method.",
                { code: "ERR_NOT_SIGNED" },
            );
        }
    }
}

/**
 * Which DLLs the replaced base providers of this machine had before: by the registry, by the files beside our DLLs, by
 * the newest backup that knows. What none of them says is not in the result.
 */
export async function findOriginals({ machine, registry, catalog }: Reading): Promise<Originals> {
    const saved = originalsInRegistry(registry);
    const originals: { [bits in CatalogName]?: ProviderPaths } = {};
    let backups: Originals[] | undefined;
    for (const bits of catalogNames) {
        const replaced = replacedEntries(catalog.protocols[bits] ?? []);
        const files = new Set(replaced.map((entry) => path.dirname(resolvePath(entry.path, Number(bits) as Bits))));
        const beside = await Promise.all([...files].map((folder) => originalsBeside(folder)));
        const found: Record<string, string> = {};
        for (const guid of new Set(replaced.map(({ providerId }) => providerId))) {
            const near = [saved[bits], ...beside].map((paths) => paths?.[guid]).find((dll) => dll !== undefined);
            backups ??= near === undefined ? await originalsInBackups(machine) : undefined;
            const dll = near ?? backups?.map((paths) => paths[bits]?.[guid]).find((one) => one !== undefined);
            if (dll !== undefined) {
                found[guid] = dll;
            }
        }
        originals[bits] = found;
    }
    return originals;
}

async function originalsBeside(folder: string): Promise<ProviderPaths> {
    const most = 65_536;
    try {
        const file = await fs.open(path.join(folder, replacedFile), "r");
        try {
            const { buffer, bytesRead } = await file.read(Buffer.alloc(most), 0, most, 0);
            return parseOriginals(buffer.subarray(0, bytesRead));
        } finally {
            await file.close();
        }
    } catch {
        return {};
    }
}

/** What the automatic backups say, the newest first; one that cannot be read says nothing. */
async function originalsInBackups({ programData }: MachineFacts): Promise<Originals[]> {
    const folder = path.join(dataFolder(programData), "backups");
    const { files } = await listFolder(folder);
    const found: Originals[] = [];
    for (const name of files
        .filter((file) => file.endsWith(".json"))
        .sort()
        .reverse()) {
        try {
            const { registry } = await readBackup(path.join(folder, name));
            const { protocols } = catalogOfRegistry(registry);
            found.push(
                Object.fromEntries(
                    catalogNames.map((bits) => [
                        bits,
                        Object.fromEntries(
                            (protocols[bits] ?? [])
                                .filter((entry) => entry.kind === "base" && isUsable(entry.path))
                                .map((entry) => [entry.providerId, entry.path]),
                        ),
                    ]),
                ),
            );
        } catch {
            continue;
        }
    }
    return found;
}
