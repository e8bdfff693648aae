// docs/api says what the types and comments of lib say, and every public export has a comment.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { apiFolder, apiReference } from "../docs/api-reference.mjs";
import { firstDifference } from "../docs/compare.mjs";
import { project } from "../paths.mjs";

export async function check() {
    const { files, problems } = await apiReference();
    const folder = path.join(project, apiFolder);
    const there = existsSync(folder) ? readdirSync(folder) : [];
    const stale = [...new Set([...files.keys(), ...there])].sort().flatMap((name) => {
        const committed = there.includes(name) ? readFileSync(path.join(folder, name), "utf8") : "";
        const line = firstDifference(committed, files.get(name) ?? "");
        return line === undefined ? [] : [`${apiFolder}/${name}:${line}: not what lib says; run npm run docs`];
    });
    return [...problems.map((problem) => `lib: ${problem}`), ...stale];
}
