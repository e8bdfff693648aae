// The files of the project: what git has, and what is new and not ignored. In a copy without git: every file outside
// the folders that programs write.
import { readdirSync } from "node:fs";
import path from "node:path";
import { project } from "./paths.mjs";
import { attempt } from "./processes.mjs";

const written = new Set([".git", ".cache", "node_modules", "dist", "prebuilds", "build"]);

/** Paths from the project's folder, with slashes. patterns: `*.ext`; all of them if there is none. */
export async function sourceFiles(...patterns) {
    const endings = patterns.map((pattern) => pattern.replace(/^\*/, ""));
    const wanted = (file) => endings.length === 0 || endings.some((ending) => file.endsWith(ending));
    return (await allFiles()).filter(wanted).sort();
}

async function allFiles() {
    const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
    const { code, output } = await attempt("git", args, { cwd: project });
    if (code !== 0) {
        return walk("");
    }
    const deleted = await attempt("git", ["ls-files", "-z", "--deleted"], { cwd: project });
    const gone = new Set(deleted.output.split("\0"));
    return output.split("\0").filter((file) => file !== "" && !gone.has(file));
}

function walk(folder) {
    return readdirSync(path.join(project, folder), { withFileTypes: true })
        .filter((entry) => !(folder === "" && written.has(entry.name)))
        .flatMap((entry) => {
            const name = path.posix.join(folder, entry.name);
            return entry.isDirectory() ? walk(name) : [name];
        });
}
