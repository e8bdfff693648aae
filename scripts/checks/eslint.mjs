// ESLint with eslint.config.js.
import path from "node:path";
import { project } from "../paths.mjs";
import { attempt } from "../processes.mjs";

const eslint = path.join(project, "node_modules", "eslint", "bin", "eslint.js");

export async function check() {
    const { code, output } = await attempt(process.execPath, [eslint, "--max-warnings", "0", "."], { cwd: project });
    return code === 0 ? [] : [output.trim()];
}
