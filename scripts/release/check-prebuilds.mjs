// node scripts/release/check-prebuilds.mjs [--tarball FILE]: whether prebuilds/, or that of a tarball, is complete; exit
// code 1 where it is not. In a run for a tag, also whether the tag is the version, and whether package.json names the
// repository of the run: npm takes no provenance otherwise.
import { mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { project } from "../paths.mjs";
import { run } from "../processes.mjs";
import { binaries, machines, prebuildProblems } from "./prebuilds.mjs";

const { version, repository } = JSON.parse(readFileSync(path.join(project, "package.json"), "utf8"));
const at = process.argv.indexOf("--tarball");
const problems =
    at < 0 ? prebuildProblems(path.join(project, "prebuilds"), version) : await inTarball(process.argv[at + 1]);
const { GITHUB_REF_TYPE: type, GITHUB_REF_NAME: tag, GITHUB_REPOSITORY: here } = process.env;
if (type === "tag" && tag !== `v${version}`) {
    problems.push(`the tag is ${tag}, but package.json says version ${version}`);
}
if (type === "tag" && !new RegExp(`github\\.com/${here}(\\.git)?$`).test(repository?.url ?? "")) {
    problems.push(`"repository" in package.json is ${repository?.url}, not git+https://github.com/${here}.git`);
}
problems.forEach((problem) => console.error(problem));
console.log(`${Object.keys(machines).length} architectures, ${binaries.length} binaries each, version ${version}`);
process.exitCode = problems.length === 0 ? 0 : 1;

async function inTarball(file) {
    const temporary = mkdtempSync(path.join(os.tmpdir(), "winsock-spi-"));
    try {
        await run("tar", ["-xzf", path.resolve(file)], { cwd: temporary });
        return prebuildProblems(path.join(temporary, "package", "prebuilds"), version);
    } finally {
        await rm(temporary, { recursive: true, force: true });
    }
}
