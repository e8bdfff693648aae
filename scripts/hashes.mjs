// node scripts/hashes.mjs: writes hashes.json into every folder of prebuilds/, for the binaries that are there now.
// node scripts/hashes.mjs --check: writes nothing; exit code 1 where one is missing or not true.
//
// The sidecar says what the package was made with, and the library compares a DLL with it before it installs a copy
// (lib/provider/packaged.ts reads it). Builds write it; whatever changes binaries afterwards, signing above all, runs
// this again. Either way the hashes are printed in the form that `sha256sum --check` reads, from the project's folder.
//
//   { "version": "0.1.0", "commit": "<git hash>", "files": { "winsock_spi.node": "<SHA-256, hex>", ... } }
//
// commit: what was checked out, with "-changed" behind it if files differed from it; null outside git.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { project } from "./paths.mjs";
import { attempt } from "./processes.mjs";

export const sidecar = "hashes.json";

/** Writes the sidecar of one folder, if it is not true already, and returns what it holds. */
export async function writeHashes(folder) {
    const files = hashesOf(folder);
    const before = readHashes(folder);
    const version = JSON.parse(readFileSync(path.join(project, "package.json"), "utf8")).version;
    if (before?.version === version && sameHashes(before.files, files)) {
        return before;
    }
    const hashes = { version, commit: await commit(), files };
    const file = path.join(folder, sidecar);
    writeFileSync(`${file}.${process.pid}`, `${JSON.stringify(hashes, null, 4)}\n`);
    renameSync(`${file}.${process.pid}`, file);
    return hashes;
}

/** What is wrong with the sidecar of a folder: one sentence each. */
export function hashProblems(folder) {
    const name = path.relative(project, folder).replaceAll("\\", "/");
    const told = readHashes(folder);
    if (told === undefined) {
        return [`${name}/${sidecar}: missing or damaged; run node scripts/hashes.mjs`];
    }
    const real = hashesOf(folder);
    return [...new Set([...Object.keys(told.files), ...Object.keys(real)])]
        .filter((file) => told.files[file] !== real[file])
        .map((file) => `${name}/${file}: is not what ${sidecar} says; build it, or run node scripts/hashes.mjs`);
}

/** What a sidecar says, or undefined where there is none that can be read. */
export function readHashes(folder) {
    try {
        const told = JSON.parse(readFileSync(path.join(folder, sidecar), "utf8"));
        return typeof told.version === "string" && typeof told.files === "object" && told.files !== null
            ? told
            : undefined;
    } catch {
        return undefined;
    }
}

function hashesOf(folder) {
    const names = readdirSync(folder).filter((name) => /\.(node|dll|exe)$/.test(name));
    return Object.fromEntries(names.sort().map((name) => [name, sha256(path.join(folder, name))]));
}

function sameHashes(one, other) {
    return JSON.stringify(one) === JSON.stringify(other);
}

function sha256(file) {
    return createHash("sha256").update(readFileSync(file)).digest("hex");
}

async function commit() {
    const head = await attempt("git", ["rev-parse", "HEAD"], { cwd: project });
    if (head.code !== 0) {
        return process.env.GITHUB_SHA ?? null;
    }
    const changed = await attempt("git", ["status", "--porcelain"], { cwd: project });
    return head.output.trim() + (changed.output.trim() === "" ? "" : "-changed");
}

/** The folders of prebuilds/, one for each platform and architecture. */
export function prebuiltFolders() {
    const all = path.join(project, "prebuilds");
    return existsSync(all)
        ? readdirSync(all, { withFileTypes: true })
              .filter((entry) => entry.isDirectory())
              .map((entry) => path.join(all, entry.name))
              .sort()
        : [];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const folders = prebuiltFolders();
    const problems = folders.length === 0 ? ["prebuilds/: nothing there; build first"] : [];
    for (const folder of folders) {
        if (process.argv.includes("--check")) {
            problems.push(...hashProblems(folder));
        } else {
            await writeHashes(folder);
        }
        for (const [name, hash] of Object.entries(readHashes(folder)?.files ?? {})) {
            console.log(`${hash}  prebuilds/${path.basename(folder)}/${name}`);
        }
    }
    problems.forEach((problem) => console.error(problem));
    process.exitCode = problems.length === 0 ? 0 : 1;
}
