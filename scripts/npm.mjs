// npm, and the dependencies as the lockfile names them.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { onWindows, project } from "./paths.mjs";
import { run } from "./processes.mjs";
import { step } from "./progress.mjs";

/** File and arguments that run npm: the one that runs us, else the one in the PATH. */
export function npm(args) {
    const cli = process.env.npm_execpath;
    if (cli?.endsWith("npm-cli.js") && existsSync(cli)) {
        return [process.execPath, [cli, ...args]];
    }
    return onWindows ? ["cmd.exe", ["/d", "/s", "/c", "npm", ...args]] : ["npm", args];
}

/** Runs `npm ci` when node_modules is not what package-lock.json says. */
export async function ensureDependencies() {
    if (!matchesLockfile()) {
        await step("npm ci", () =>
            run(...npm(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]), { cwd: project, what: "npm ci" }),
        );
    }
}

function matchesLockfile() {
    const wanted = packagesOf(path.join(project, "package-lock.json"));
    const installed = packagesOf(path.join(project, "node_modules", ".package-lock.json"));
    return (
        installed !== undefined &&
        Object.entries(wanted).every(
            ([name, entry]) =>
                name === "" ||
                (installed[name] === undefined
                    ? entry.optional === true
                    : installed[name].integrity === entry.integrity),
        )
    );
}

function packagesOf(file) {
    return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : undefined;
}
