// Copies of a Wine prefix that cost next to nothing: the big files that nobody writes (Windows' DLLs and programs) are
// hard links, all others real copies.
import {
    constants,
    copyFileSync,
    linkSync,
    lstatSync,
    mkdirSync,
    readdirSync,
    readlinkSync,
    symlinkSync,
    utimesSync,
} from "node:fs";
import path from "node:path";

const neverWritten = new Set([
    ".acm",
    ".ax",
    ".cpl",
    ".dll",
    ".dll16",
    ".drv",
    ".drv16",
    ".exe",
    ".exe16",
    ".fon",
    ".mod16",
    ".nls",
    ".ocx",
    ".sys",
    ".tlb",
    ".ttf",
    ".vxd",
]);

export function copyPrefix(from, to) {
    mkdirSync(to);
    for (const name of readdirSync(from)) {
        const source = path.join(from, name);
        const target = path.join(to, name);
        const status = lstatSync(source);
        if (status.isDirectory()) {
            copyPrefix(source, target);
        } else if (status.isSymbolicLink()) {
            symlinkSync(readlinkSync(source), target);
        } else if (!neverWritten.has(path.extname(name).toLowerCase()) || !link(source, target)) {
            copyFileSync(source, target, constants.COPYFILE_FICLONE);
            utimesSync(target, status.atime, status.mtime);
        }
    }
}

/** False where a link is not possible: another file system, or another owner. */
function link(source, target) {
    try {
        linkSync(source, target);
        return true;
    } catch (error) {
        if (["EXDEV", "EPERM", "EMLINK"].includes(error.code)) {
            return false;
        }
        throw error;
    }
}
