// The benchmarks of programs with tiny counts, so that they cannot rot: whether they still measure, not how fast it is.
import path from "node:path";
import { reasonNotToChange } from "./live.mjs";
import { onWindows, project } from "./paths.mjs";
import { attempt } from "./processes.mjs";

const names = ["connect", "http", "udp", "dns", "echo", "bulk", "records"];
const timeout = 600_000;

export function benchSuites() {
    return [{ name: "bench", alone: onWindows, run }];
}

async function run() {
    const unchangeable = await reasonNotToChange();
    if (unchangeable !== undefined) {
        return { passed: 0, failed: 0, skipped: 1, output: `skipped: ${unchangeable}` };
    }
    const start = path.join(project, "scripts", "start.cjs");
    const { code, output } = await attempt(process.execPath, [start, "bench", ...names, "--quick"], {
        cwd: project,
        timeout,
    });
    const unmeasured = output.split("\n").filter((line) => line.includes("not measured"));
    const message =
        code !== 0 ? `npm run bench: exit code ${code}` : unmeasured.length > 0 ? unmeasured.join("; ") : undefined;
    return {
        passed: message === undefined ? 1 : 0,
        failed: message === undefined ? 0 : 1,
        skipped: 0,
        failures: message === undefined ? [] : [{ title: "tiny counts", message, timedOut: code === null }],
        output,
    };
}
