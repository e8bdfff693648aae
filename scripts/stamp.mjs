// "Only when its inputs changed": a step's inputs are named by path, size and time, and remembered when it is done.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { local } from "./paths.mjs";

const folder = path.join(local, "stamps");

/** One line of text that differs when any of the files (folders are walked) or other values differ. */
export function fingerprint(files, ...values) {
    const hash = createHash("sha256");
    for (const file of files) {
        add(hash, file);
    }
    for (const value of values) {
        hash.update(`\0${value}`);
    }
    return hash.digest("hex");
}

function add(hash, file) {
    const status = statSync(file, { throwIfNoEntry: false, bigint: true });
    if (status?.isDirectory()) {
        for (const name of readdirSync(file).sort()) {
            add(hash, path.join(file, name));
        }
    } else {
        hash.update(`${file}\0${status?.size}\0${status?.mtimeNs}\n`);
    }
}

/** The same by content, for what is to be equal in another clone. */
export function contentKey(files, ...values) {
    const hash = createHash("sha256");
    for (const file of files) {
        hash.update(`${path.basename(file)}\0`).update(readFileSync(file));
    }
    values.forEach((value) => hash.update(`\0${value}`));
    return hash.digest("hex").slice(0, 16);
}

export function isDone(name, print) {
    try {
        return readFileSync(path.join(folder, name), "utf8") === print;
    } catch {
        return false;
    }
}

export function setDone(name, print) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, name), print);
}

export function setUndone(name) {
    rmSync(path.join(folder, name), { force: true });
}
