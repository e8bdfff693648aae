// One run of mocha in a process, on the host's Node or in Windows Node, and what came out of it.
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { project } from "./paths.mjs";
import { attempt } from "./processes.mjs";

/**
 * command(args, variables): { file, args, env } that runs Node with these arguments. native(path): as that Node reads it.
 * timeout in milliseconds for the whole file. Returns { passed, failed, skipped, output }.
 */
export async function runMocha({ files, report, command, native, timeout }) {
    rmSync(report, { force: true });
    const node = command([
        native(path.join(project, "node_modules", "mocha", "bin", "mocha.js")),
        "--reporter", native(path.join(project, "scripts", "test-reporter.cjs")),
        "--timeout", "60000",
        "--no-color", "--no-config", "--no-package",
        ...files.map(native),
    ], { WINSOCK_SPI_REPORT: native(report) });
    const result = await attempt(node.file, node.args, { cwd: project, env: node.env, timeout });
    const output = result.output;
    let counted;
    try {
        counted = JSON.parse(readFileSync(report, "utf8"));
    } catch {
        const how = result.code === null ? `was ended after ${timeout / 1000} s` : `ended with exit code ${result.code}`;
        return { passed: 0, failed: 1, skipped: 0, output: `${output}\nThe test process ${how} before it had finished.` };
    }
    rmSync(report, { force: true });
    if (result.code === 0 || counted.failed > 0) {
        return { ...counted, output };
    }
    return { ...counted, failed: 1, output: `${output}\nThe test process ended with exit code ${result.code} after its tests.` };
}
