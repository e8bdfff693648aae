// Prettier: TypeScript, JavaScript, JSON and YAML look as .prettierrc.json says. `npm run format` makes it so.
import path from "node:path";
import { project } from "../paths.mjs";
import { attempt } from "../processes.mjs";

export const prettier = path.join(project, "node_modules", "prettier", "bin", "prettier.cjs");

export async function check() {
    const { code, output } = await attempt(process.execPath, [prettier, "--list-different", "."], { cwd: project });
    if (code === 0) {
        return [];
    }
    const problems = output.trim().split("\n");
    return problems.map((line) => (/^\S+$/.test(line) ? `${line}: not formatted; run npm run format` : line));
}
