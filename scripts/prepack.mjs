// What npm pack and npm publish do first: dist is compiled, the binaries are what their hashes say, the bill of materials
// is written. It builds no binaries: `npm run binaries` does, or CI brings them.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { buildLibrary } from "./build.mjs";
import { hashProblems, prebuiltFolders } from "./hashes.mjs";
import { ensureDependencies } from "./npm.mjs";
import { project } from "./paths.mjs";
import { SetupError } from "./progress.mjs";
import { billOfMaterials } from "./sbom.mjs";

export async function main() {
    await ensureDependencies();
    const folders = prebuiltFolders();
    const problems =
        folders.length === 0 ? ["prebuilds/: no binaries; npm run binaries"] : folders.flatMap(hashProblems);
    if (problems.length > 0) {
        throw new SetupError(problems.join("\n"));
    }
    await buildLibrary();
    await writeBillOfMaterials();
    return 0;
}

export async function writeBillOfMaterials() {
    writeFileSync(path.join(project, "sbom.cdx.json"), `${JSON.stringify(await billOfMaterials(), null, 2)}\n`);
}
