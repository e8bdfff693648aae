// The tarball as npm would publish it, made once per process and unpacked, for the checks and tests of the package.
import { readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { withLock } from "./lock.mjs";
import { npm } from "./npm.mjs";
import { local, onWindows, project, systemProgram } from "./paths.mjs";
import { run } from "./processes.mjs";
import { main as prepack } from "./prepack.mjs";

const place = path.join(local, "package");

let packing;

/**
 * { tarball, folder, size, unpackedSize, files }: the tarball, the folder where it is unpacked, bytes packed and
 * unpacked, and its files as { path, size }.
 */
export function packed() {
    packing ??= withLock(place, pack);
    return packing;
}

async function pack() {
    await prepack();
    await rm(place, { recursive: true, force: true });
    await mkdir(place, { recursive: true });
    const output = await run(
        ...npm(["pack", "--json", "--ignore-scripts", "--loglevel", "error", "--pack-destination", place]),
        { cwd: project, what: "npm pack" },
    );
    const [{ filename, size, unpackedSize, files }] = JSON.parse(output.slice(output.indexOf("[")));
    const tar = onWindows ? systemProgram("tar.exe") : "tar";
    await run(tar, ["-xzf", filename], { cwd: place });
    return { tarball: path.join(place, filename), folder: path.join(place, "package"), size, unpackedSize, files };
}

/** The manifest in the tarball. */
export async function packedManifest() {
    const { folder } = await packed();
    return JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
}
