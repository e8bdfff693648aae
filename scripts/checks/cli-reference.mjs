// docs/cli.md says what the commands are.
import { readFileSync } from "node:fs";
import path from "node:path";
import { cliFile, cliReference } from "../docs/cli-reference.mjs";
import { project } from "../paths.mjs";
import { firstDifference } from "../docs/compare.mjs";

export async function check() {
    const line = firstDifference(readFileSync(path.join(project, cliFile), "utf8"), await cliReference());
    return line === undefined ? [] : [`${cliFile}:${line}: not what the commands say; run npm run docs`];
}
