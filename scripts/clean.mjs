// npm run clean [-- --all]: removes what the set-up made. --all: also node_modules, and from the user's cache what this
// version of the set-up put there.
import { existsSync, lstatSync, readdirSync, rmdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { nodePath, nodes } from "./nodes.mjs";
import { local, onWindows, project, shared } from "./paths.mjs";
import { basePrefix, cliPrefix, endPrefix, prefixes } from "./prefix.mjs";
import { say } from "./progress.mjs";
import { environment, removeRoot } from "./root.mjs";

export async function main(args) {
    const all = args.includes("--all");
    if (args.some((argument) => argument !== "--all")) {
        say("usage: npm run clean [-- --all]");
        return 64;
    }
    const where = onWindows ? undefined : await environment({ build: false }).catch(() => undefined);
    if (where !== undefined && existsSync(cliPrefix)) {
        await endPrefix(where, cliPrefix);
    }
    const folders = [local, path.join(project, "dist"), path.join(project, "build"), path.join(project, "prebuilds")];
    if (all) {
        folders.push(path.join(project, "node_modules"));
        folders.push(...Object.keys(nodes).map((name) => path.dirname(path.dirname(nodePath(name)))));
        if (where !== undefined) {
            folders.push(basePrefix(where), path.join(shared, "run", where.key));
        }
    }
    const seen = new Set();
    let freed = 0;
    for (const folder of folders.filter((candidate) => existsSync(candidate))) {
        freed += sizeOf(folder, seen);
        await rm(folder, { recursive: true, force: true });
    }
    if (all && where?.root !== undefined) {
        freed += sizeOf(where.root, seen);
        await removeRoot(where.root);
    }
    removeIfEmpty([prefixes, path.join(shared, "node"), path.join(shared, "roots"), path.join(shared, "run"), shared]);
    say(`winsock-spi: ${(freed / 1e6).toFixed(0)} MB freed`);
    return 0;
}

/** Bytes on disk; a file with several names counts once. */
function sizeOf(file, seen) {
    const status = lstatSync(file, { throwIfNoEntry: false });
    if (status === undefined) {
        return 0;
    }
    const identity = `${status.dev}:${status.ino}`;
    if (seen.has(identity)) {
        return 0;
    }
    seen.add(identity);
    let size = status.blocks === undefined ? status.size : status.blocks * 512;
    if (status.isDirectory()) {
        for (const name of list(file)) {
            size += sizeOf(path.join(file, name), seen);
        }
    }
    return size;
}

/** Some folders of a root built with sudo can be read by root only. */
function list(folder) {
    try {
        return readdirSync(folder);
    } catch (error) {
        if (error.code === "EACCES") {
            return [];
        }
        throw error;
    }
}

function removeIfEmpty(folders) {
    for (const folder of folders) {
        try {
            rmdirSync(folder);
        } catch (error) {
            if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(error.code)) {
                throw error;
            }
        }
    }
}
