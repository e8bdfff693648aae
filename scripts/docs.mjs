// npm run docs: writes what is generated in docs/: cli.md from the commands, api/ from the types and comments of lib.
// The checks `cli-reference` and `api-reference` say when that is due.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { buildLibrary } from "./build.mjs";
import { apiFolder, apiReference } from "./docs/api-reference.mjs";
import { cliFile, cliReference } from "./docs/cli-reference.mjs";
import { ensureDependencies } from "./npm.mjs";
import { project } from "./paths.mjs";

export async function main() {
    await ensureDependencies();
    await buildLibrary();
    writeFileSync(path.join(project, cliFile), await cliReference());
    const { files, problems } = await apiReference();
    rmSync(path.join(project, apiFolder), { recursive: true, force: true });
    mkdirSync(path.join(project, apiFolder), { recursive: true });
    for (const [file, text] of files) {
        writeFileSync(path.join(project, apiFolder, file), text);
    }
    process.stdout.write(problems.map((problem) => `${problem}\n`).join(""));
    return problems.length === 0 ? 0 : 1;
}
