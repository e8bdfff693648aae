// What bundlers, Node and TypeScript make of the package's exports: publint on the unpacked tarball, and "are the types
// wrong" on the tarball.
//
// The profile of the latter is esm-only: the package is ES modules alone. CommonJS programs reach it by require() all the
// same, as every Node that it supports can require() ES modules; TypeScript allows that from `module: node20` on, so what
// the other profile would find ("CJS resolves to ESM", for TypeScript's node16) is true and wanted.
import path from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { packed, packedManifest } from "../pack.mjs";
import { project } from "../paths.mjs";
import { attempt } from "../processes.mjs";

export async function check() {
    const { folder, tarball } = await packed();
    const manifest = await packedManifest();
    const { messages } = await publint({ pkgDir: folder, level: "suggestion", strict: true, pack: false });
    const found = messages.map((message) => `package.json: ${formatMessage(message, manifest, { color: false })}`);
    const attw = path.join(project, "node_modules", "@arethetypeswrong", "cli", "dist", "index.js");
    const args = [attw, tarball, "--profile", "esm-only", "--no-color", "--no-emoji", "--format", "ascii"];
    const { code, output } = await attempt(process.execPath, args, { cwd: project });
    return code === 0 ? found : [...found, `the package's types: ${output.trim()}`];
}
