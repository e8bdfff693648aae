// One run of mocha in a process, on the host's Node or in Windows Node, and what came out of it.
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { project } from "./paths.mjs";
import { attempt } from "./processes.mjs";

/**
 * command(args, variables): { file, args, env } that runs Node with these arguments. native(path): as that Node reads it.
 * timeout in milliseconds for the whole file. Returns { passed, failed, skipped, output, failures }; a failure is
 * { title, message, timedOut }.
 */
export async function runMocha({ files, report, command, native, timeout }) {
    rmSync(report, { force: true });
    const node = command(
        [
            native(path.join(project, "node_modules", "mocha", "bin", "mocha.js")),
            "--reporter",
            native(path.join(project, "scripts", "test-reporter.cjs")),
            "--timeout",
            "60000",
            "--no-color",
            "--no-config",
            "--no-package",
            ...files.map(native),
        ],
        { WINSOCK_SPI_REPORT: native(report) },
    );
    const { code, output } = await attempt(node.file, node.args, { cwd: project, env: node.env, timeout });
    let counted;
    try {
        counted = JSON.parse(readFileSync(report, "utf8"));
    } catch {
        counted = { passed: 0, failed: 0, skipped: 0, failures: [] };
        return withFailure(counted, output, {
            message:
                `the test process ${code === null ? `was ended after ${timeout / 1000} s` : `ended with exit code ${code}`} ` +
                "before it had finished",
            timedOut: code === null,
        });
    }
    rmSync(report, { force: true });
    if (code === 0 || counted.failed > 0) {
        return { ...counted, output };
    }
    return withFailure(counted, output, {
        message: `the test process ended with exit code ${code} after its tests`,
        timedOut: false,
    });
}

function withFailure(counted, output, { message, timedOut }) {
    return {
        ...counted,
        failed: counted.failed + 1,
        failures: [...counted.failures, { title: "the whole file", message, timedOut }],
        output: `${output}\n${message}`,
    };
}
