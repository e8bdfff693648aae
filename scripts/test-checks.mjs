// The checks of the source: scripts/checks, one file each, one suite each. Each exports `check({ environment, full })`,
// which resolves to the problems that it found, one string each (`file:line: what, and what to do`), or to
// { skipped: why } where it cannot be made.
import { readdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { project } from "./paths.mjs";

const folder = path.join(project, "scripts", "checks");

/** Names of all checks. */
export function checkNames() {
    return readdirSync(folder)
        .filter((name) => name.endsWith(".mjs"))
        .map((name) => name.slice(0, -".mjs".length))
        .sort();
}

export async function runCheck(name, given) {
    const { check } = await import(pathToFileURL(path.join(folder, `${name}.mjs`)).href);
    return check(given);
}

export function checkSuites(given) {
    return checkNames().map((name) => ({ name: `check ${name}`, run: () => runSuite(name, given) }));
}

async function runSuite(name, given) {
    let found;
    try {
        found = await runCheck(name, given);
    } catch (error) {
        found = [error.forPeople ? error.message : error.stack];
    }
    if (!Array.isArray(found)) {
        return { passed: 0, failed: 0, skipped: 1, output: `skipped: ${found.skipped}` };
    }
    return {
        passed: found.length === 0 ? 1 : 0,
        failed: found.length === 0 ? 0 : 1,
        skipped: 0,
        failures: found.slice(0, 1).map((message) => ({ title: name, message, timedOut: false })),
        output: found.length === 0 ? "nothing found" : found.join("\n"),
    };
}
