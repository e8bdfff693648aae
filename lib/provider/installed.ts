// What installations of any version have left on this machine's disk. Files that are not ours are not named.

import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { programsFolder, providerFile, rescueFile } from "./layout.js";
import { replacedFile } from "./replaced.js";

/** The folder of one version. */
export interface InstalledFolder {
    /** e.g. `C:\Program Files\winsock-spi\0.1.0`. */
    path: string;
    /** Folders of architectures in it. */
    folders: string[];
    /** Our files in those, with their SHA-256 in hex; empty for a file that could not be read. */
    files: { path: string; sha256: string }[];
}

/** What is in a folder; nothing where there is no folder or it may not be listed. */
export async function listFolder(folder: string): Promise<{ files: string[]; folders: string[] }> {
    try {
        const entries = await fs.readdir(folder, { withFileTypes: true });
        return {
            files: entries.filter((entry) => entry.isFile()).map((entry) => entry.name),
            folders: entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name),
        };
    } catch {
        return { files: [], folders: [] };
    }
}

const isOurs = (name: string): boolean => [providerFile, rescueFile, replacedFile].includes(name);

export async function installedFolders(programFiles: string): Promise<InstalledFolder[]> {
    const programs = programsFolder(programFiles);
    const found: InstalledFolder[] = [];
    for (const version of (await listFolder(programs)).folders) {
        const folder: InstalledFolder = { path: path.join(programs, version), folders: [], files: [] };
        const inside = (await listFolder(folder.path)).folders;
        for (const name of inside.filter((name) => /^(x64|x86|arm64)$/.test(name))) {
            const architecture = path.join(folder.path, name);
            folder.folders.push(architecture);
            const ours = (await listFolder(architecture)).files.filter(isOurs);
            for (const file of ours.map((file) => path.join(architecture, file))) {
                folder.files.push({ path: file, sha256: await sha256Of(file).catch(() => "") });
            }
        }
        found.push(folder);
    }
    return found;
}

/** SHA-256 of a file in hex. */
export async function sha256Of(file: string): Promise<string> {
    return createHash("sha256")
        .update(await fs.readFile(file))
        .digest("hex");
}
