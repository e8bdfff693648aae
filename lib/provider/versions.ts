// Versions of the package: how they compare, and which one an installed DLL is of. Pure.

import { win32 as path } from "node:path";
import { programsFolder } from "./layout.js";

/**
 * Below 0 if `a` is the earlier version, above 0 if it is the later one, 0 if neither. Precedence of
 * https://semver.org (what follows a `+` does not count); what is no version comes before every version.
 */
export function compareVersions(a: string, b: string): number {
    const [first, second] = [parse(a), parse(b)];
    if (first === undefined || second === undefined) {
        return Number(first !== undefined) - Number(second !== undefined);
    }
    const difference = compareParts(first.numbers, second.numbers);
    if (difference !== 0 || (first.stage.length === 0) === (second.stage.length === 0)) {
        return difference !== 0 ? difference : compareParts(first.stage, second.stage);
    }
    return first.stage.length === 0 ? 1 : -1; // 1.0.0 comes after 1.0.0-beta
}

type Part = number | string;

function parse(version: string): { numbers: Part[]; stage: Part[] } | undefined {
    const [, numbers, stage] = /^(\d+\.\d+\.\d+)(?:-([0-9A-Za-z.-]+))?(?:\+.*)?$/.exec(version) ?? [];
    const parts = (text: string | undefined): Part[] =>
        text === undefined ? [] : text.split(".").map((part) => (/^\d+$/.test(part) ? Number(part) : part));
    return numbers === undefined ? undefined : { numbers: parts(numbers), stage: parts(stage) };
}

/** Part by part: numbers by their value and before words, words as ASCII; the shorter list first. */
function compareParts(a: readonly Part[], b: readonly Part[]): number {
    for (const [index, part] of a.entries()) {
        const other = b[index];
        if (other === undefined) {
            return 1;
        }
        if (part !== other) {
            const alike = typeof part === typeof other;
            return (alike ? part < other : typeof part === "number") ? -1 : 1;
        }
    }
    return a.length - b.length;
}

/** Whether two Windows paths are the same name. */
export function samePath(a: string, b: string): boolean {
    return path.normalize(a).toLowerCase() === path.normalize(b).toLowerCase();
}

/** Whether a file lies in a folder, at any depth. */
export function isBelow(file: string, folder: string): boolean {
    return path
        .normalize(file)
        .toLowerCase()
        .startsWith(`${path.normalize(folder).toLowerCase()}\\`);
}

/**
 * The version of a DLL that an installation put at its place: the name of the folder that it lies in, without what
 * tells one build of a version from another. Undefined for a DLL at any other place.
 */
export function versionOfDll(dll: string, programFiles: string): string | undefined {
    const programs = programsFolder(programFiles);
    if (!isBelow(dll, programs)) {
        return undefined;
    }
    const [folder] = path.relative(programs, path.normalize(dll)).split("\\");
    return folder?.replace(/\+.*$/, "");
}
